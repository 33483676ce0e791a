//! What is wrong with a model that can be parsed, each at the token where it is.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Span;
use quote::ToTokens;
use syn::{Error, Expr, Ident, Result, Type};

use crate::ast::{Let, Model, Plate, Role, Size, Statement, Variable};
use crate::builtin::{self, Draws};
use crate::rewrite::{bound, identifiers, plain_indices, variables};
use crate::tree::{self, Definition, Kind};

/// All the mistakes at once, or nothing.
pub fn check(model: &Model) -> Result<()> {
    let mut later = BTreeMap::new();
    collect_names(&model.body, &mut later);
    let mut checker = Checker {
        implicit: tree::has_implicit(&model.body),
        known: BTreeMap::new(),
        later,
        path: Vec::new(),
        error: None,
    };
    if !has_observation(&model.body) {
        checker.report(
            &model.name,
            "this model observes nothing: say what is seen, as in `observe x ~ Normal(mean, 1.0);`",
        );
    }
    checker.needed_plates(&model.body);
    checker.body(&model.body);
    checker.error.map_or(Ok(()), Err)
}

/// What is known of a name that has been declared.
struct Name {
    what: What,
    path: Vec<String>,
    /// Whether it depends on a variable that is summed out.
    summed: bool,
    span: Span,
}

#[derive(Clone, PartialEq)]
enum What {
    Param,
    Variable(Role, Kind),
    Let,
    Size,
    Plate,
    /// A covariate that is the index of the named plate.
    Index(String),
}

impl What {
    fn describe(&self) -> &'static str {
        match self {
            Self::Param => "a param",
            Self::Variable(role, _) => match role {
                Role::Global => "a global",
                Role::Nuisance => "a nuisance",
                Role::Local => "a local",
                Role::Observe => "an observation",
                Role::Given => "a covariate",
            },
            Self::Let => "a `let`",
            Self::Size => "the size of a plate",
            Self::Plate => "a plate",
            Self::Index(_) => "an index",
        }
    }
}

struct Checker {
    implicit: bool,
    known: BTreeMap<String, Name>,
    /// Every name that is declared anywhere, with where.
    later: BTreeMap<String, Span>,
    /// The plates around the statement at hand.
    path: Vec<String>,
    error: Option<Error>,
}

fn has_observation(body: &[Statement]) -> bool {
    body.iter().any(|s| match s {
        Statement::Variable(v) => v.role == Role::Observe,
        Statement::Plate(p) => has_observation(&p.body),
        _ => false,
    })
}

fn collect_names(body: &[Statement], names: &mut BTreeMap<String, Span>) {
    for statement in body {
        let found = match statement {
            Statement::Param(p) => vec![p.name.clone()],
            Statement::Variable(v) => vec![v.name.clone()],
            Statement::Let(l) => bound(&l.pat),
            Statement::Plate(p) => {
                collect_names(&p.body, names);
                match &p.size {
                    Size::Random(n, _) => vec![n.clone()],
                    _ => Vec::new(),
                }
            }
        };
        names.extend(found.iter().map(|n| (n.to_string(), n.span())));
    }
}

impl Checker {
    fn report(&mut self, at: impl ToTokens, message: impl std::fmt::Display) {
        let error = Error::new_spanned(at, message);
        match &mut self.error {
            Some(all) => all.combine(error),
            None => self.error = Some(error),
        }
    }

    /// A plate must be seen: by an observation in it, by an index to it, or by the function of an implicit observation.
    fn needed_plates(&mut self, body: &[Statement]) {
        fn indexed(body: &[Statement], found: &mut BTreeSet<String>) {
            for statement in body {
                match statement {
                    Statement::Variable(v) => found.extend(v.index_of.iter().map(Ident::to_string)),
                    Statement::Plate(p) => indexed(&p.body, found),
                    _ => {}
                }
            }
        }
        fn visit(checker: &mut Checker, body: &[Statement], indexed: &BTreeSet<String>) {
            for statement in body {
                let Statement::Plate(p) = statement else { continue };
                if !has_observation(&p.body) && !indexed.contains(&p.name.to_string()) && !checker.implicit {
                    let message = format!(
                        "nothing of the plate `{}` is seen: observe something in it, or index it from a plate that does",
                        p.name
                    );
                    checker.report(&p.name, message);
                }
                visit(checker, &p.body, indexed);
            }
        }
        let mut found = BTreeSet::new();
        indexed(body, &mut found);
        visit(self, body, &found);
    }

    fn body(&mut self, body: &[Statement]) {
        for statement in body {
            match statement {
                Statement::Param(p) => {
                    if !self.path.is_empty() {
                        self.report(&p.name, "a `param` is a field of the model: declare it outside the plates");
                    }
                    self.declare(&p.name, What::Param, false);
                }
                Statement::Variable(v) => self.variable(v),
                Statement::Let(Let { pat, expr }) => {
                    let summed = self.expression(expr);
                    for name in bound(pat) {
                        self.declare(&name, What::Let, summed);
                    }
                }
                Statement::Plate(p) => self.plate(p),
            }
        }
    }

    fn declare(&mut self, name: &Ident, what: What, summed: bool) {
        let text = name.to_string();
        if let Some(before) = self.known.get(&text) {
            let message = format!(
                "`{text}` is already {} of this model: every name is declared once, so give this one a name of its own",
                before.what.describe()
            );
            let first = Error::new(before.span, format!("`{text}` is first declared here"));
            self.report(name, message);
            if let Some(all) = &mut self.error {
                all.combine(first);
            }
            return;
        }
        if text.starts_with("__") || ["offsets", "self"].contains(&text.as_str()) {
            self.report(name, format!("`{text}` is a name that the generated code uses: choose another"));
        }
        self.known.insert(text, Name { what, path: self.path.clone(), summed, span: name.span() });
    }

    fn variable(&mut self, v: &Variable) {
        match (v.role, self.path.is_empty()) {
            (Role::Local, true) => {
                let message = format!(
                    "a `local` belongs to an element of a plate: put `{0}` into one, or write `global {0}`",
                    v.name
                );
                self.report(&v.name, message);
            }
            (Role::Global | Role::Nuisance, false) => {
                let word = v.role.keyword();
                let message = format!(
                    "a `{word}` is shared by the whole data set: declare `{0}` outside the plates, or write `local {0}`",
                    v.name
                );
                self.report(&v.name, message);
            }
            _ => {}
        }
        if let Some(shape) = &v.shape {
            self.constant(&shape.len);
            if let Some(position) = &shape.position
                && self.known.contains_key(&position.to_string())
            {
                self.report(position, format!("`{position}` is declared already: give the position a name of its own"));
            }
        }
        let what = match &v.index_of {
            Some(plate) => {
                self.index_of(plate);
                if v.role != Role::Given {
                    self.report(&v.name, "only a covariate can be an index: `given subject: index(subjects);`");
                }
                What::Index(plate.to_string())
            }
            None => {
                let definition = v.definition.as_ref().and_then(|d| Definition::read(d).ok());
                What::Variable(v.role, tree::kind(v.ty.as_ref(), definition.as_ref()))
            }
        };
        self.ty(v);
        let summed = v.definition.as_ref().is_some_and(|expr| self.definition(v, expr));
        let summed = match &what {
            What::Variable(Role::Local, kind) => summed || *kind != Kind::Real,
            _ => false,
        };
        self.declare(&v.name, what, summed);
    }

    fn ty(&mut self, v: &Variable) {
        let Some(ty) = &v.ty else { return };
        let number = tree::number(ty);
        let text = number.to_token_stream().to_string();
        let allowed: &[&str] = if v.role == Role::Observe {
            &["f64", "u64", "bool", "usize", "f32"]
        } else {
            &["f64", "u64", "bool", "usize"]
        };
        if !allowed.contains(&text.as_str()) {
            self.report(ty, format!("a variable is one of `{}`, or an array of it", allowed.join("`, `")));
        }
        if let Type::Array(array) = ty
            && let Type::Array(inner) = &*array.elem
        {
            let drawn = v.definition.as_ref().and_then(|d| Definition::read(d).ok()).is_some_and(|d| d.is_implicit());
            if !drawn || text != "f32" || matches!(&*inner.elem, Type::Array(_)) {
                self.report(
                    ty,
                    format!(
                        "two dimensions make a image, which a function draws: `observe {}: [[f32; 64]; 64] ~ render(...)`; \
                         for other tables put the variable into a plate of fixed size",
                        v.name
                    ),
                );
            }
        }
        if v.shape.is_some() && matches!(ty, Type::Array(_)) {
            self.report(
                ty,
                format!(
                    "the length stands twice: write `{}: {}` or leave the brackets behind the name out",
                    v.name, text
                ),
            );
        }
    }

    /// Checks what stands after `~`; gives back whether it depends on a variable that is summed out.
    fn definition(&mut self, v: &Variable, expr: &Expr) -> bool {
        let definition = match Definition::read(expr) {
            Ok(definition) => definition,
            Err(part) => {
                self.report(part, "a distribution stands here, such as `Normal(0.0, 1.0)`, or an `if` or `match` between distributions with no other statements");
                return false;
            }
        };
        let position = v.shape.as_ref().and_then(|s| s.position.clone());
        let mut summed = false;
        for part in tree::expressions(&definition) {
            summed |= self.expression_with(part, position.as_ref());
        }
        for call in definition.calls() {
            self.call(call);
        }
        let draws = definition.draws();
        let discrete = tree::kind(v.ty.as_ref(), Some(&definition)) != Kind::Real;
        let latent = matches!(v.role, Role::Global | Role::Nuisance | Role::Local);
        let vector = matches!(draws, Some(Draws::RealVector | Draws::Simplex | Draws::CountVector));
        if definition.is_implicit() {
            if v.role != Role::Observe {
                let message =
                    format!("`{}` is drawn by a function, so it has no density: only an observation can be", v.name);
                self.report(&v.name, message);
            } else if v.ty.is_none() {
                let message = format!("what a function draws needs a type: `observe {}: [f32; 64] ~ ...`", v.name);
                self.report(&v.name, message);
            }
        }
        if vector && v.shape.is_none() && !matches!(v.ty, Some(Type::Array(_))) {
            let message = format!("this distribution draws a vector: say its length, `{}[3]`", v.name);
            self.report(&v.name, message);
        }
        if vector && position.is_some() {
            self.report(&position, "the whole vector is one draw here: write `[3]`");
        }
        if latent && !discrete && summed && !tree::has_fixed_support(&definition) {
            let message = format!(
                "the values that `{}` can take must not depend on a discrete local, which is summed out: use distributions with one and the same support",
                v.name
            );
            self.report(&v.name, message);
        }
        if latent && discrete {
            if v.role != Role::Local {
                let message = format!(
                    "`{}` is discrete: a {} has a continuous distribution, since it is inferred with gradients",
                    v.name,
                    v.role.keyword()
                );
                self.report(&v.name, message);
            } else if v.shape.is_some() {
                let message =
                    format!("a discrete local is one value: put `{}` into a plate of fixed size instead", v.name);
                self.report(&v.name, message);
            } else if matches!(draws, Some(Draws::Count)) && !self.implicit {
                let message = format!(
                    "`{}` has infinitely many values, so it cannot be summed out of the density: use a distribution with finitely many (Bernoulli, Categorical, Binomial), or a continuous one",
                    v.name
                );
                self.report(&v.name, message);
            }
        }
        summed
    }

    /// The number of arguments of the library's distributions, also of one inside another.
    fn call(&mut self, call: &syn::ExprCall) {
        if let Expr::Path(path) = &*call.func
            && let Some(name) = path.path.get_ident()
            && let Some(known) = builtin::find(&name.to_string())
            && known.arguments.len() != call.args.len()
        {
            let message = format!(
                "{name} takes {} argument{}, ({}), not {}",
                known.arguments.len(),
                if known.arguments.len() == 1 { "" } else { "s" },
                known.arguments.join(", "),
                call.args.len()
            );
            self.report(call, message);
        }
        for argument in &call.args {
            match argument {
                Expr::Call(inner) => self.call(inner),
                Expr::Array(array) => array.elems.iter().for_each(|e| {
                    if let Expr::Call(inner) = e {
                        self.call(inner);
                    }
                }),
                _ => {}
            }
        }
    }

    fn expression(&mut self, expr: &Expr) -> bool {
        self.expression_with(expr, None)
    }

    /// Checks the names in an expression; gives back whether it depends on a variable that is summed out.
    fn expression_with(&mut self, expr: &Expr, position: Option<&Ident>) -> bool {
        let indices = plain_indices(expr);
        for name in variables(expr) {
            let text = name.to_string();
            if position.is_some_and(|p| *p == name) {
                continue;
            }
            let Some(known) = self.known.get(&text) else {
                self.unknown(&name);
                continue;
            };
            // A variable of a plate around, read for another of its elements.
            let read_from = indices.iter().filter(|(values, _)| *values == name).find_map(|(_, index)| {
                match self.known.get(&index.to_string()).map(|n| &n.what) {
                    Some(What::Index(of)) if known.path.last() == Some(of) && self.path.contains(of) => {
                        Some(of.clone())
                    }
                    _ => None,
                }
            });
            if let Some(of) = read_from {
                let message = format!(
                    "another element of `{of}` cannot be read from inside `{of}` itself: put what reads it into a plate after it"
                );
                self.report(&name, message);
                continue;
            }
            if self.path.starts_with(&known.path) {
                if known.what == What::Plate && !self.implicit {
                    self.report(
                        &name,
                        format!("`{text}` is a plate: only the function of an implicit observation takes one whole"),
                    );
                }
                continue;
            }
            // It belongs to an element of a plate that this statement is not in.
            let plate = known.path.last().cloned().unwrap_or_default();
            let (depth, summed) = (known.path.len(), known.summed);
            let index = indices.iter().find(|(values, _)| *values == name).map(|(_, index)| index);
            match index.and_then(|i| self.known.get(&i.to_string()).map(|known| (i, known))) {
                Some((index, Name { what: What::Index(of), path, .. })) if *of == plate => {
                    if *path != self.path {
                        let message = format!(
                            "`{text}[{index}]` is read in the plate that `{index}` belongs to: write `let own = {text}[{index}];` there"
                        );
                        self.report(&name, message);
                    } else if depth != 1 {
                        self.report(
                            &name,
                            format!("only a plate that is in no other can be read by index: `{plate}` is nested"),
                        );
                    } else if summed {
                        self.report(&name, format!("`{text}` is summed out, or depends on a variable that is, within its own element: another plate cannot read it"));
                    }
                }
                _ => {
                    let message = format!(
                        "`{text}` belongs to an element of the plate `{plate}`: read it by an index, `given i: index({plate});` and `{text}[i]`"
                    );
                    self.report(&name, message);
                }
            }
        }
        identifiers(expr).iter().filter_map(|i| self.known.get(&i.to_string())).any(|n| n.summed)
    }

    fn unknown(&mut self, name: &Ident) {
        let text = name.to_string();
        if self.later.contains_key(&text) {
            self.report(name, format!("`{text}` is used before it is drawn: move its declaration above this line"));
            return;
        }
        let names: Vec<String> = self.known.keys().chain(self.later.keys()).cloned().collect();
        let message = match builtin::nearest(&text, names.iter().map(String::as_str)) {
            Some(near) => format!("nothing is called `{text}` here: is `{near}` meant?"),
            None => format!(
                "nothing is called `{text}` here: declare it above, as a `param`, `given`, `global`, `local` or `let`"
            ),
        };
        self.report(name, message);
    }

    fn index_of(&mut self, plate: &Ident) {
        let text = plate.to_string();
        match self.known.get(&text) {
            Some(Name { what: What::Plate, path, .. }) if path.is_empty() => {}
            Some(Name { what: What::Plate, .. }) => {
                self.report(
                    plate,
                    format!("only a plate that is in no other can be read by index: `{text}` is nested"),
                );
            }
            Some(other) => {
                let message = format!("`{text}` is {}, and an index names a plate", other.what.describe());
                self.report(plate, message);
            }
            None => self
                .report(plate, format!("no plate is called `{text}` above: declare it before the plate that reads it")),
        }
    }

    /// A length or a fixed size: no random variable may be in it.
    fn constant(&mut self, expr: &Expr) {
        for name in variables(expr) {
            match self.known.get(&name.to_string()).map(|n| n.what.clone()) {
                Some(What::Param) => {
                    self.report(
                        &name,
                        format!(
                            "a length is known when the program is compiled: `{name}` is a param, so use a `const`"
                        ),
                    );
                }
                Some(what) => self.report(
                    &name,
                    format!("a length is known when the program is compiled, but `{name}` is {}", what.describe()),
                ),
                None => self.unknown(&name),
            }
        }
    }

    fn plate(&mut self, p: &Plate) {
        if ["globals", "locals", "data"].contains(&p.name.to_string().as_str()) {
            self.report(&p.name, format!("`{}` would name a type of the generated code: choose another name", p.name));
        }
        self.declare(&p.name, What::Plate, false);
        match &p.size {
            Size::Fixed(size) => self.size(p, &[size]),
            Size::Range(low, high) => self.size(p, &[low, high]),
            Size::Random(_, distribution) => {
                self.random_size(p, distribution);
            }
        }
        self.path.push(p.name.to_string());
        if let Size::Random(name, _) = &p.size {
            self.declare(name, What::Size, false);
        }
        self.body(&p.body);
        self.path.pop();
    }

    fn size(&mut self, plate: &Plate, ends: &[&Expr]) {
        for end in ends {
            for name in variables(end) {
                match self.known.get(&name.to_string()).map(|n| n.what.clone()) {
                    Some(What::Param) => {}
                    Some(what) => {
                        let message = format!(
                            "the size of a plate is known before anything is drawn, but `{name}` is {}: make it a `param`, or draw the size, `plate {}(n ~ Poisson(rate))`",
                            what.describe(),
                            plate.name
                        );
                        self.report(&name, message);
                    }
                    None => self.unknown(&name),
                }
            }
        }
    }

    fn random_size(&mut self, plate: &Plate, expr: &Expr) {
        let definition = match Definition::read(expr) {
            Ok(definition) if !definition.is_implicit() => definition,
            _ => {
                self.report(expr, "a random size has a distribution over counts, such as `n ~ Poisson(rate)`");
                return;
            }
        };
        for part in tree::expressions(&definition) {
            self.expression(part);
        }
        definition.calls().into_iter().for_each(|call| self.call(call));
        if matches!(definition.draws(), Some(d) if !matches!(d, Draws::Count | Draws::FiniteCount)) {
            self.report(expr, "a random size has a distribution over counts, such as `n ~ Poisson(rate)`");
        }
        let data = |body: &[Statement]| {
            body.iter().any(|s| matches!(s, Statement::Variable(v) if matches!(v.role, Role::Observe | Role::Given)))
        };
        if !self.implicit && !data(&plate.body) && !has_observation(&plate.body) {
            self.report(
                &plate.name,
                "the size of a plate in which nothing is seen cannot be random: it would have to be inferred",
            );
        }
    }
}
