//! A checked model, lowered to what the emitters need: each variable with its kind, each plate with the variables whose
//! derivatives its elements carry.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Arm, Attribute, Expr, ExprCall, ExprIf, ExprMatch, Pat, Stmt, Type, Visibility, parse_quote};

use crate::ast::{self, Param, Role, Shape, Size, Statement};
use crate::builtin::{self, Draws};
use crate::rewrite::{bound, identifiers, plain_indices};

#[derive(Clone)]
pub struct Tree {
    pub attributes: Vec<Attribute>,
    pub visibility: Visibility,
    pub name: Ident,
    pub params: Vec<Param>,
    /// The statements outside plates, and the plates.
    pub root: Vec<Step>,
    /// Whether an observation is drawn by a function, so that there is no likelihood.
    pub implicit: bool,
    /// By name, everything that expressions may mention.
    pub symbols: BTreeMap<String, Symbol>,
}

#[derive(Clone)]
// A model has a few dozen steps, so the difference in size costs nothing.
#[allow(clippy::large_enum_variant)]
pub enum Step {
    Variable(Variable),
    Let { pat: Pat, expr: Expr },
    Plate(Plate),
}

/// What a name stands for, as far as derivatives and scopes go.
#[derive(Clone, Default)]
pub struct Symbol {
    /// The plate it is declared in.
    pub plate: Option<String>,
    /// The continuous latent variables that its value depends on.
    pub latents: BTreeSet<String>,
    /// Whether it is summed out in the density, or depends on one that is.
    pub summed: bool,
    /// Whether it is a number or an array of numbers with derivatives, rather than something to branch on or index with.
    pub shape: Option<TokenStream>,
    pub role: Option<Role>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Real,
    Count,
    Bool,
    Category,
    Pixels,
}

impl Kind {
    /// Whether code branches on it or indexes with it.
    pub fn structural(self) -> bool {
        matches!(self, Self::Bool | Self::Category)
    }

    /// The type of one number in a column.
    pub fn rust(self) -> TokenStream {
        match self {
            Self::Real => quote!(f64),
            Self::Count => quote!(u64),
            Self::Bool => quote!(bool),
            Self::Category => quote!(usize),
            Self::Pixels => quote!(f32),
        }
    }
}

#[derive(Clone)]
pub struct Variable {
    pub docs: Vec<Attribute>,
    pub role: Role,
    pub name: Ident,
    pub kind: Kind,
    /// The length of a vector, with the name of the position if the distribution mentions it.
    pub shape: Option<Shape>,
    /// Rows and columns of a image, whose pixels are the vector.
    pub image: Option<(Expr, Expr)>,
    /// Whether the whole vector is one draw.
    pub vector: bool,
    /// Whether it is a point of a simplex.
    pub simplex: bool,
    pub index_of: Option<Ident>,
    pub definition: Option<Definition>,
    /// The definition as it was written.
    pub source: String,
}

impl Variable {
    /// Whether it is a latent variable with derivatives.
    pub fn continuous_latent(&self) -> bool {
        self.latent() && self.kind == Kind::Real
    }

    pub fn latent(&self) -> bool {
        matches!(self.role, Role::Global | Role::Nuisance | Role::Local)
    }

    /// Whether it is part of the data.
    pub fn in_data(&self) -> bool {
        matches!(self.role, Role::Observe | Role::Given)
    }

    /// How many numbers there are in one value.
    pub fn len(&self) -> TokenStream {
        self.shape.as_ref().map_or(quote!(1usize), |s| {
            let len = &s.len;
            quote!((#len))
        })
    }

    /// The type of one value in a column.
    pub fn rust(&self) -> TokenStream {
        let number = self.kind.rust();
        match (&self.image, &self.shape) {
            (Some((rows, columns)), _) => quote!([[#number; #columns]; #rows]),
            (None, Some(Shape { len, .. })) => quote!([#number; #len]),
            (None, None) => number,
        }
    }
}

/// A distribution, a choice of distributions, or a function that draws.
#[derive(Clone)]
pub enum Definition {
    Distribution(ExprCall),
    If { condition: Expr, yes: Box<Definition>, no: Box<Definition> },
    Match { value: Expr, arms: Vec<(Arm, Definition)> },
    Implicit(ExprCall),
}

impl Definition {
    /// Reads what stands after `~`; the expression itself comes back if it is nothing of the kind.
    pub fn read(expr: &Expr) -> Result<Self, &Expr> {
        match expr {
            Expr::Paren(paren) => Self::read(&paren.expr),
            Expr::Group(group) => Self::read(&group.expr),
            Expr::Block(block) => Self::read_block(&block.block, expr),
            Expr::If(ExprIf { cond, then_branch, else_branch: Some((_, no)), .. }) => Ok(Self::If {
                condition: (**cond).clone(),
                yes: Box::new(Self::read_block(then_branch, expr)?),
                no: Box::new(Self::read(no)?),
            }),
            Expr::Match(ExprMatch { expr: value, arms, .. }) => {
                let arms = arms.iter().map(|arm| Ok((arm.clone(), Self::read(&arm.body)?)));
                Ok(Self::Match { value: (**value).clone(), arms: arms.collect::<Result<_, &Expr>>()? })
            }
            Expr::Call(call) => {
                let Expr::Path(path) = &*call.func else { return Err(expr) };
                let capital = |name: &Ident| name.to_string().starts_with(char::is_uppercase);
                let segments: Vec<&Ident> = path.path.segments.iter().map(|s| &s.ident).collect();
                // `Name(..)` or `Name::constructor(..)`; anything else is a function.
                let named = segments.iter().rev().take(2).any(|s| capital(s));
                Ok(if named { Self::Distribution(call.clone()) } else { Self::Implicit(call.clone()) })
            }
            _ => Err(expr),
        }
    }

    fn read_block<'a>(block: &'a syn::Block, whole: &'a Expr) -> Result<Self, &'a Expr> {
        match block.stmts.as_slice() {
            [Stmt::Expr(expr, None)] => Self::read(expr),
            _ => Err(whole),
        }
    }

    /// Every call in it.
    pub fn calls(&self) -> Vec<&ExprCall> {
        match self {
            Self::Distribution(call) | Self::Implicit(call) => vec![call],
            Self::If { yes, no, .. } => [yes.calls(), no.calls()].concat(),
            Self::Match { arms, .. } => arms.iter().flat_map(|(_, d)| d.calls()).collect(),
        }
    }

    pub fn is_implicit(&self) -> bool {
        matches!(self, Self::Implicit(_))
    }

    /// What the first distribution of it draws, if it is one of the library's. A mixture draws what its components draw.
    pub fn draws(&self) -> Option<Draws> {
        self.calls().first().and_then(|call| draws(call))
    }
}

fn draws(call: &ExprCall) -> Option<Draws> {
    let Expr::Path(path) = &*call.func else { return None };
    let name = path.path.segments.last()?.ident.to_string();
    if name == "Mixture"
        && let Some(Expr::Array(components)) = call.args.iter().nth(1)
        && let Some(Expr::Call(first)) = components.elems.first()
    {
        return draws(first);
    }
    builtin::find(&name).map(|b| b.draws)
}

#[derive(Clone)]
pub struct Plate {
    pub docs: Vec<Attribute>,
    pub name: Ident,
    pub size: Size,
    pub steps: Vec<Step>,
    /// Whether its elements are in the data; if not, they are latent through and through and only simulated.
    pub in_data: bool,
    /// Whether it has a column in the data of its own.
    pub has_columns: bool,
    /// The variables of the code around it whose derivatives its elements carry.
    pub outer: Vec<String>,
    /// Its variables that other plates read by index.
    pub exports: Vec<Export>,
    /// Variables of other plates that its elements read by index.
    pub gathers: Vec<Gather>,
    /// Whether a position of the unconstrained space belongs to one of its elements, or an element reads by index.
    pub scatters: bool,
}

#[derive(Clone)]
pub struct Export {
    pub name: Ident,
    pub len: Option<Expr>,
    /// Whether it is data rather than latent.
    pub data: bool,
}

#[derive(Clone)]
pub struct Gather {
    pub values: Ident,
    pub index: Ident,
    pub plate: String,
    pub len: Option<Expr>,
    pub data: bool,
}

impl Gather {
    /// What the value is called in an element.
    pub fn local(&self) -> Ident {
        format_ident!("__{}_of_{}", self.values, self.index)
    }
}

impl Plate {
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        variables(&self.steps)
    }

    pub fn plates(&self) -> impl Iterator<Item = &Plate> {
        plates(&self.steps)
    }
}

pub fn variables(steps: &[Step]) -> impl Iterator<Item = &Variable> {
    steps.iter().filter_map(|s| if let Step::Variable(v) = s { Some(v) } else { None })
}

pub fn plates(steps: &[Step]) -> impl Iterator<Item = &Plate> {
    steps.iter().filter_map(|s| if let Step::Plate(p) = s { Some(p) } else { None })
}

impl Tree {
    pub fn new(model: ast::Model) -> Self {
        let implicit = has_implicit(&model.body);
        let mut tree = Tree {
            attributes: model.attributes,
            visibility: model.visibility,
            name: model.name,
            params: Vec::new(),
            root: Vec::new(),
            implicit,
            symbols: BTreeMap::new(),
        };
        tree.root = tree.lower(model.body, None);
        let mut indexed = BTreeSet::new();
        collect_indexed(&tree.root, &mut indexed);
        mark_data(&mut tree.root, &indexed);
        annotate_all(&mut tree.root, &tree.symbols);
        tree
    }

    /// The same model with some of its steps alone.
    pub fn with_steps(&self, mut steps: Vec<Step>) -> Self {
        annotate_all(&mut steps, &self.symbols);
        Tree { root: steps, ..self.clone() }
    }

    /// Lowers the statements of the model or of a plate, in order, learning its names.
    fn lower(&mut self, body: Vec<Statement>, plate: Option<&str>) -> Vec<Step> {
        let mut steps = Vec::new();
        for statement in body {
            match statement {
                Statement::Param(param) => {
                    self.declare(&param.name, Symbol { plate: None, ..Symbol::default() });
                    self.params.push(param);
                }
                Statement::Variable(variable) => {
                    let variable = lower_variable(variable);
                    let mentions = variable.definition.as_ref().map_or(Vec::new(), mentions);
                    let (mut latents, mut summed) = self.dependence(&mentions);
                    if !variable.latent() {
                        latents.clear();
                        summed = false;
                    } else if variable.continuous_latent() {
                        if variable.definition.as_ref().is_some_and(has_fixed_support) {
                            latents.clear();
                        }
                        latents.insert(variable.name.to_string());
                    } else {
                        summed = true;
                    }
                    let shape = variable.shape.as_ref().map(|s| s.len.to_token_stream());
                    self.declare(
                        &variable.name,
                        Symbol { plate: plate.map(str::to_owned), latents, summed, shape, role: Some(variable.role) },
                    );
                    steps.push(Step::Variable(variable));
                }
                Statement::Let(ast::Let { pat, expr }) => {
                    let mentions = identifiers(&expr);
                    let (latents, summed) = self.dependence(&mentions);
                    for name in bound(&pat) {
                        let symbol = Symbol {
                            plate: plate.map(str::to_owned),
                            latents: latents.clone(),
                            summed,
                            ..Symbol::default()
                        };
                        self.declare(&name, symbol);
                    }
                    steps.push(Step::Let { pat, expr });
                }
                Statement::Plate(p) => {
                    if let Size::Random(name, _) = &p.size {
                        self.declare(name, Symbol { plate: Some(p.name.to_string()), ..Symbol::default() });
                    }
                    let name = p.name.to_string();
                    steps.push(Step::Plate(Plate {
                        docs: p.attributes,
                        name: p.name,
                        size: p.size,
                        steps: self.lower(p.body, Some(&name)),
                        in_data: false,
                        has_columns: false,
                        outer: Vec::new(),
                        exports: Vec::new(),
                        gathers: Vec::new(),
                        scatters: false,
                    }));
                }
            }
        }
        steps
    }

    fn declare(&mut self, name: &Ident, symbol: Symbol) {
        self.symbols.insert(name.to_string(), symbol);
    }

    fn dependence(&self, mentions: &[Ident]) -> (BTreeSet<String>, bool) {
        let known: Vec<&Symbol> = mentions.iter().filter_map(|m| self.symbols.get(&m.to_string())).collect();
        (known.iter().flat_map(|s| s.latents.clone()).collect(), known.iter().any(|s| s.summed))
    }
}

pub fn mentions(definition: &Definition) -> Vec<Ident> {
    match definition {
        Definition::Distribution(call) | Definition::Implicit(call) => call.args.iter().flat_map(identifiers).collect(),
        Definition::If { condition, yes, no } => [identifiers(condition), mentions(yes), mentions(no)].concat(),
        Definition::Match { value, arms } => {
            let inner = arms.iter().flat_map(|(arm, d)| {
                let guard = pattern(arm).1.map_or(Vec::new(), identifiers);
                [guard, mentions(d)].concat()
            });
            identifiers(value).into_iter().chain(inner).collect()
        }
    }
}

/// Whether the support is the same whatever the arguments, so that the value at a point of the unconstrained space depends
/// on no other variable.
pub fn has_fixed_support(definition: &Definition) -> bool {
    const REAL: &[&str] = &["Normal", "Cauchy", "StudentT", "Laplace", "Logistic", "MvNormal", "MvNormalCholesky"];
    const POSITIVE: &[&str] =
        &["LogNormal", "HalfNormal", "HalfCauchy", "Gamma", "InverseGamma", "Exponential", "Weibull"];
    let names: Vec<String> = definition
        .calls()
        .iter()
        .filter_map(|call| match &*call.func {
            Expr::Path(path) => path.path.get_ident().map(Ident::to_string),
            _ => None,
        })
        .collect();
    let all = |kind: &[&str]| names.iter().all(|name| kind.contains(&name.as_str()));
    names.len() == definition.calls().len() && (all(REAL) || all(POSITIVE) || all(&["Beta"]) || all(&["Dirichlet"]))
}

/// The pattern of an arm, and its guard if it has one.
pub fn pattern(arm: &Arm) -> (&Pat, Option<&Expr>) {
    match &arm.pat {
        Pat::Guard(guarded) => (&guarded.pat, Some(&guarded.guard)),
        pat => (pat, None),
    }
}

/// Every expression of a definition.
pub fn expressions(definition: &Definition) -> Vec<&Expr> {
    match definition {
        Definition::Distribution(call) | Definition::Implicit(call) => call.args.iter().collect(),
        Definition::If { condition, yes, no } => {
            std::iter::once(condition).chain(expressions(yes)).chain(expressions(no)).collect()
        }
        Definition::Match { value, arms } => std::iter::once(value)
            .chain(arms.iter().flat_map(|(arm, d)| pattern(arm).1.into_iter().chain(expressions(d))))
            .collect(),
    }
}

pub fn has_implicit(body: &[Statement]) -> bool {
    body.iter().any(|s| match s {
        Statement::Variable(v) => {
            v.definition.as_ref().and_then(|d| Definition::read(d).ok()).is_some_and(|d| d.is_implicit())
        }
        Statement::Plate(p) => has_implicit(&p.body),
        _ => false,
    })
}

/// The type of the numbers in an array, or in an array of arrays.
pub fn number(ty: &Type) -> &Type {
    match ty {
        Type::Array(array) => number(&array.elem),
        ty => ty,
    }
}

/// Rows and columns of an array of arrays.
pub fn image(ty: &Type) -> Option<(&Expr, &Expr)> {
    match ty {
        Type::Array(rows) => match &*rows.elem {
            Type::Array(columns) => Some((&rows.len, &columns.len)),
            _ => None,
        },
        _ => None,
    }
}

/// The kind of a variable: from its type if it has one, else from its distribution.
pub fn kind(ty: Option<&Type>, definition: Option<&Definition>) -> Kind {
    let of_type = |ty: &Type| match ty.to_token_stream().to_string().as_str() {
        "bool" => Kind::Bool,
        "usize" => Kind::Category,
        "u64" | "u32" => Kind::Count,
        "f32" => Kind::Pixels,
        _ => Kind::Real,
    };
    if let Some(ty) = ty {
        return of_type(number(ty));
    }
    match definition.and_then(Definition::draws) {
        Some(Draws::Bool) => Kind::Bool,
        Some(Draws::Category) => Kind::Category,
        Some(Draws::FiniteCount | Draws::Count | Draws::CountVector) => Kind::Count,
        Some(Draws::Real | Draws::RealVector | Draws::Simplex) | None => Kind::Real,
    }
}

fn lower_variable(variable: ast::Variable) -> Variable {
    let ast::Variable { attributes, role, name, shape, ty, index_of, definition } = variable;
    let source = definition.as_ref().map_or(String::new(), source);
    let definition = definition.as_ref().and_then(|d| Definition::read(d).ok());
    let draws = definition.as_ref().and_then(Definition::draws);
    let kind = if index_of.is_some() { Kind::Category } else { kind(ty.as_ref(), definition.as_ref()) };
    let image = ty.as_ref().and_then(image).map(|(rows, columns)| (rows.clone(), columns.clone()));
    let array = match (&image, &ty) {
        (Some((rows, columns)), _) => Some(Shape { position: None, len: parse_quote!(((#rows) * (#columns))) }),
        (None, Some(Type::Array(array))) => Some(Shape { position: None, len: array.len.clone() }),
        _ => None,
    };
    // `x: [f64; 3] ~ Own(..)` is one draw of a vector; `x[3] ~ Own(..)` is three draws of a number.
    let vector = array.is_some() || matches!(draws, Some(Draws::RealVector | Draws::Simplex | Draws::CountVector));
    Variable {
        docs: attributes,
        role,
        name,
        kind,
        shape: shape.or(array),
        image,
        vector,
        simplex: draws == Some(Draws::Simplex),
        index_of,
        definition,
        source,
    }
}

/// An expression as text, on one line and spaced as rustfmt would: the same however it was written. (The text of the source is
/// not to be had: on stable Rust, the span of several tokens is that of the first.)
pub fn source(expr: &Expr) -> String {
    use proc_macro2::{Delimiter, Spacing, TokenTree};
    fn write(tokens: TokenStream, text: &mut String) {
        let mut joint = true;
        for token in tokens {
            let mut after = false;
            match &token {
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Parenthesis => ("(", ")"),
                        Delimiter::Bracket => ("[", "]"),
                        Delimiter::Brace => (" { ", " }"),
                        Delimiter::None => ("", ""),
                    };
                    if !joint && text.ends_with([',', '=', '+', '-', '*', '/', '<', '>', '|', '&', '%']) {
                        text.push(' ');
                    }
                    text.push_str(open);
                    write(group.stream(), text);
                    text.push_str(close);
                }
                TokenTree::Punct(punct) => {
                    let tight = matches!(punct.as_char(), ',' | '.' | ';' | ':' | '?' | '!');
                    let unary = text.is_empty() || text.ends_with(['(', '[', ',', '=', '+', '-', '*', '/', '<', '>']);
                    if !joint && !tight {
                        text.push(' ');
                    }
                    text.push(punct.as_char());
                    after = unary && !tight
                        || punct.spacing() == Spacing::Joint
                        || matches!(punct.as_char(), '.' | ':' | '!');
                }
                TokenTree::Ident(_) | TokenTree::Literal(_) => {
                    if !joint {
                        text.push(' ');
                    }
                    text.push_str(&token.to_string());
                }
            }
            joint = after;
        }
    }
    let mut text = String::new();
    write(expr.to_token_stream(), &mut text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn collect_indexed(steps: &[Step], indexed: &mut BTreeSet<String>) {
    indexed.extend(variables(steps).filter_map(|v| v.index_of.as_ref().map(Ident::to_string)));
    plates(steps).for_each(|p| collect_indexed(&p.steps, indexed));
}

fn mark_data(steps: &mut [Step], indexed: &BTreeSet<String>) {
    for plate in plates_mut(steps) {
        mark_data(&mut plate.steps, indexed);
        let has_columns = plate.variables().any(Variable::in_data);
        plate.has_columns = has_columns;
        let in_data = has_columns || plate.plates().any(|p| p.in_data);
        plate.in_data = in_data || indexed.contains(&plate.name.to_string());
    }
}

fn plates_mut(steps: &mut [Step]) -> impl Iterator<Item = &mut Plate> {
    steps.iter_mut().filter_map(|s| if let Step::Plate(p) = s { Some(p) } else { None })
}

/// Finds for each plate what its elements take from outside, and what others read of them.
fn annotate_all(root: &mut [Step], symbols: &BTreeMap<String, Symbol>) {
    let gathers = annotate(root, symbols);
    for plate in plates_mut(root) {
        plate.exports.clear();
        for gather in gathers.iter().filter(|g| plate.name == g.plate) {
            if !plate.exports.iter().any(|e| e.name == gather.values) {
                let Gather { values, len, data, .. } = gather.clone();
                plate.exports.push(Export { name: values, len, data });
            }
        }
    }
}

/// Finds for each plate what its elements take from outside; gives back all that is read by index.
fn annotate(steps: &mut [Step], symbols: &BTreeMap<String, Symbol>) -> Vec<Gather> {
    let mut all = Vec::new();
    for plate in plates_mut(steps) {
        all.extend(annotate(&mut plate.steps, symbols));
        let mut gathers: Vec<Gather> = Vec::new();
        let mut mentioned = BTreeSet::new();
        if let Size::Random(_, size) = &plate.size {
            mentioned.extend(identifiers(size));
        }
        for step in &plate.steps {
            let exprs: Vec<&Expr> = match step {
                Step::Variable(v) => v.definition.as_ref().map_or(Vec::new(), expressions),
                Step::Let { expr, .. } => vec![expr],
                Step::Plate(_) => Vec::new(),
            };
            for expr in exprs {
                mentioned.extend(identifiers(expr));
                for (values, index) in plain_indices(expr) {
                    let (Some(of), Some(at)) = (symbols.get(&values.to_string()), symbols.get(&index.to_string()))
                    else {
                        continue;
                    };
                    let Some(from) = &of.plate else { continue };
                    let here = at.plate.as_deref() == Some(&plate.name.to_string());
                    let known = gathers.iter().any(|g| g.values == values && g.index == index);
                    if here && plate.name != from && !known {
                        let data = matches!(of.role, Some(Role::Observe | Role::Given));
                        let len = of.shape.as_ref().and_then(|s| syn::parse2(s.clone()).ok());
                        gathers.push(Gather { values, index, plate: from.clone(), len, data });
                    }
                }
            }
        }
        let read: BTreeSet<String> = gathers.iter().map(|g| g.values.to_string()).collect();
        let own: BTreeSet<String> = plate.variables().map(|v| v.name.to_string()).collect();
        let mut outer: BTreeSet<String> = mentioned
            .iter()
            .map(Ident::to_string)
            .filter(|m| !read.contains(m))
            .filter_map(|m| symbols.get(&m))
            .flat_map(|s| s.latents.clone())
            .collect();
        outer.extend(plate.plates().flat_map(|p| p.outer.clone()));
        // What an own variable read by index depends on belongs to the plate it was read from.
        let gathered: BTreeSet<String> = gathers
            .iter()
            .flat_map(|g| symbols[&g.values.to_string()].latents.clone())
            .filter(|name| symbols[name].plate.is_some())
            .collect();
        outer.retain(|name| !own.contains(name) && !gathered.contains(name));
        plate.outer = outer.into_iter().collect();
        plate.scatters = plate.variables().any(Variable::continuous_latent)
            || gathers.iter().any(|g| !g.data)
            || plate.plates().any(|p| p.scatters);
        all.extend(gathers.clone());
        plate.gathers = gathers;
    }
    all
}

/// The steps of an element in two parts: those that no discrete local of the element touches, and those to be summed over.
/// The first come first, so that they are worked out once.
pub fn split<'a>(steps: &[&'a Step]) -> (Vec<&'a Step>, Vec<&'a Step>) {
    // What a step that is summed over binds is bound anew for each value, so whatever mentions it is summed over too.
    let mut inside: BTreeSet<String> = BTreeSet::new();
    let (mut own, mut over) = (Vec::new(), Vec::new());
    for step in steps {
        if touches(step, &|name| inside.contains(&name.to_string())) {
            match step {
                Step::Variable(v) => {
                    inside.insert(v.name.to_string());
                }
                Step::Let { pat, .. } => inside.extend(bound(pat).iter().map(Ident::to_string)),
                Step::Plate(_) => {}
            }
            over.push(*step);
        } else {
            own.push(*step);
        }
    }
    (own, over)
}

fn touches(step: &Step, summed: &dyn Fn(&Ident) -> bool) -> bool {
    match step {
        Step::Variable(v) => {
            (v.latent() && !v.continuous_latent())
                || v.definition.as_ref().is_some_and(|d| mentions(d).iter().any(summed))
        }
        Step::Let { expr, .. } => identifiers(expr).iter().any(summed),
        Step::Plate(p) => {
            let size = match &p.size {
                Size::Random(_, size) => identifiers(size).iter().any(summed),
                _ => false,
            };
            size || p.steps.iter().any(|s| match s {
                // A discrete local of the inner plate itself is summed out there.
                Step::Variable(v) => v.definition.as_ref().is_some_and(|d| mentions(d).iter().any(summed)),
                other => touches(other, summed),
            })
        }
    }
}
