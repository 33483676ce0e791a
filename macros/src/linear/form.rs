//! Sums of data times unknowns, found in the expressions of an element.

use std::collections::BTreeMap;

use proc_macro2::Ident;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{BinOp, Block, Expr, ExprCall, ExprIndex, ExprPath, Lit, LitInt, Stmt, UnOp, parse_quote};

use super::around::mentions;
use crate::emit::index::picked;
use crate::emit::reads::is_checked;
use crate::names::{bound, identifiers, is_dot, plain_index};
use crate::numbers::Numbers;
use crate::predictor::{Sum, Term, Unknown};
use crate::tree::{Plate, Symbol, Tree};
use crate::value::Value;

/// What an expression of an element is, as far as sums and products tell.
#[derive(Clone)]
pub enum Form {
    /// Of params and constants alone.
    Constant(Expr),
    /// Of the element's data.
    Data(Expr),
    /// Of what is declared outside plates: the same for every element.
    Shared(Expr),
    Sum(Sum),
    Other,
}

impl Sum {
    fn of(form: Form) -> Option<Self> {
        let one = || parse_quote!(1.0);
        Some(match form {
            Form::Constant(expr) | Form::Data(expr) => Self { offset: vec![expr], ..Self::default() },
            Form::Shared(expr) => {
                Self { terms: vec![Term { scale: one(), unknown: Unknown::Number(expr) }], ..Self::default() }
            }
            Form::Sum(sum) => sum,
            Form::Other => return None,
        })
    }

    fn of_term(unknown: Unknown) -> Form {
        Form::Sum(Self { terms: vec![Term { scale: parse_quote!(1.0), unknown }], ..Self::default() })
    }

    fn add(mut self, other: Self) -> Self {
        self.offset.extend(other.offset);
        self.terms.extend(other.terms);
        self.rest.extend(other.rest);
        self.branches |= other.branches;
        self
    }

    /// Changes every factor of data by `f`.
    fn scaled(mut self, f: &dyn Fn(&Expr) -> Expr) -> Self {
        self.offset.iter_mut().chain(&mut self.rest).for_each(|e| *e = f(e));
        self.terms.iter_mut().for_each(|t| t.scale = f(&t.scale));
        self
    }

    /// Changes every unknown by `f`; `None` if one is no number.
    fn times(mut self, f: &dyn Fn(&Expr) -> Expr) -> Option<Self> {
        for term in &mut self.terms {
            let Unknown::Number(expr) = &mut term.unknown else { return None };
            *expr = f(expr);
        }
        let one: Expr = parse_quote!(1.0);
        for scale in std::mem::take(&mut self.offset) {
            self.terms.push(Term { scale, unknown: Unknown::Number(f(&one)) });
        }
        self.rest.is_empty().then_some(self)
    }
}

/// Vectors of a plate around up to this length are taken apart.
const FEW: usize = 8;

/// What is known of the names in an element of `plate`.
pub struct Forms<'a> {
    pub tree: &'a Tree,
    pub plate: &'a Plate,
    /// The plate around, whose names count as shared; `None` if they do not.
    pub around: Option<&'a Plate>,
    /// What its `let`s are.
    pub lets: BTreeMap<String, Form>,
}

/// How far a name changes: not at all, with the element, or with the unknowns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Constant,
    Data,
    Shared,
    Other,
}

impl Class {
    fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::Constant, x) | (x, Self::Constant) => x,
            (a, b) if a == b => a,
            _ => Self::Other,
        }
    }
}

impl<'a> Forms<'a> {
    pub fn new(tree: &'a Tree, plate: &'a Plate) -> Self {
        Self { tree, plate, around: None, lets: BTreeMap::new() }
    }

    /// Finds what `expr`, a number, is.
    pub fn of(&self, expr: &Expr) -> Form {
        self.structure(expr).unwrap_or_else(|| self.whole(expr))
    }

    /// Finds what `expr` is from its parts; `None` if it is no sum, product or choice of these.
    fn structure(&self, expr: &Expr) -> Option<Form> {
        match expr {
            Expr::Paren(paren) => Some(self.of(&paren.expr)),
            Expr::Group(group) => Some(self.of(&group.expr)),
            Expr::Lit(lit) => matches!(lit.lit, Lit::Float(_)).then(|| Form::Constant(expr.clone())),
            Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => {
                Some(each(self.of(&unary.expr), &|e| parse_quote!((-(#e)))))
            }
            Expr::Binary(binary) => {
                let (a, b) = (self.of(&binary.left), self.of(&binary.right));
                match binary.op {
                    BinOp::Add(_) => Some(self.sum(expr, a, b)),
                    BinOp::Sub(_) => Some(self.sum(expr, a, each(b, &|e| parse_quote!((-(#e)))))),
                    BinOp::Mul(_) => Some(product(a, b)),
                    BinOp::Div(_) => Some(quotient(a, b)),
                    _ => None,
                }
            }
            Expr::Path(path) => {
                let form = self.lets.get(&path.path.get_ident()?.to_string())?;
                Some(form.clone())
            }
            Expr::Index(index) => self.index(index),
            Expr::Call(call) if is_dot(call) => Some(self.dot(call)),
            Expr::If(choice) if !matches!(&*choice.cond, Expr::Let(_)) => {
                let (_, no) = choice.else_branch.as_ref()?;
                let yes = only(&choice.then_branch)?;
                let cond = self.data(&choice.cond)?;
                let (yes, no) = (self.branch(yes)?, self.branch(no)?);
                // Of data alone it is what it is.
                if yes.terms.is_empty() && no.terms.is_empty() {
                    return None;
                }
                if !yes.rest.is_empty() || !no.rest.is_empty() {
                    return Some(Form::Other);
                }
                let yes = yes.scaled(&|e| parse_quote!((if #cond { #e } else { 0.0 })));
                let no = no.scaled(&|e| parse_quote!((if #cond { 0.0 } else { #e })));
                Some(Form::Sum(Sum { branches: true, ..yes.add(no) }))
            }
            Expr::Match(choice) => {
                let value = self.data(&choice.expr)?;
                let plain = |pat| bound(pat).is_empty();
                if choice.arms.iter().any(|arm| crate::definition::pattern(arm).1.is_some() || !plain(&arm.pat)) {
                    return None;
                }
                let mut all = Sum { branches: true, ..Sum::default() };
                for (at, arm) in choice.arms.iter().enumerate() {
                    let sum = self.branch(&arm.body)?;
                    if !sum.rest.is_empty() {
                        return Some(Form::Other);
                    }
                    let pats = || choice.arms.iter().map(|arm| &arm.pat);
                    all = all.add(sum.scaled(&|e| {
                        let bodies =
                            (0..choice.arms.len()).map(|i| if i == at { e.clone() } else { parse_quote!(0.0) });
                        let pats = pats();
                        parse_quote!((match #value { #(#pats => #bodies,)* }))
                    }));
                }
                (!all.terms.is_empty()).then_some(Form::Sum(all))
            }
            Expr::Block(block) => Some(self.of(only(&block.block)?)),
            _ => None,
        }
    }

    /// Finds the sum that a branch is; `None` if it is no number.
    fn branch(&self, expr: &Expr) -> Option<Sum> {
        let expr = match expr {
            Expr::Block(block) => only(&block.block)?,
            expr => expr,
        };
        if !self.is_number(expr) {
            return None;
        }
        Sum::of(self.of(expr))
    }

    /// Tells whether `expr` is a number, as far as names tell.
    pub fn is_number(&self, expr: &Expr) -> bool {
        Numbers::new(&self.tree.symbols, true).value(expr) == Value::Real
    }

    fn sum(&self, expr: &Expr, a: Form, b: Form) -> Form {
        let whole = self.whole(expr);
        if !matches!(whole, Form::Other) {
            return whole;
        }
        // What is no sum is a term as it stands.
        let part = |form: Form, side: &dyn Fn() -> Expr| {
            Sum::of(form).unwrap_or_else(|| Sum { rest: vec![side()], ..Sum::default() })
        };
        let Expr::Binary(binary) = expr else { return Form::Other };
        let (left, right) = (&binary.left, &binary.right);
        let subtracted = matches!(binary.op, BinOp::Sub(_));
        let right = || if subtracted { parse_quote!((-(#right))) } else { parse_quote!((#right)) };
        Form::Sum(part(a, &|| parse_quote!((#left))).add(part(b, &right)))
    }

    /// Finds what is read by an index.
    fn index(&self, index: &ExprIndex) -> Option<Form> {
        let (values, at) = plain_index(index)?;
        if let Some(gather) = self.plate.gathers.iter().find(|g| g.values == *values && g.index == *at) {
            let (values, index, plate) = (values.clone(), at.clone(), gather.plate.clone());
            return Some(match (gather.data, &gather.len) {
                (true, None) => Form::Data(Expr::Index(parse_quote!(#values[#index]))),
                (false, None) => Sum::of_term(Unknown::Gathered { values, index, plate }),
                _ => Form::Other,
            });
        }
        picked(self.tree, self.plate, values, at)?;
        let shared = self.symbol(values).is_some_and(|s| s.plate.is_none() && !s.latents.is_empty());
        let (values, index) = (values.clone(), at.clone());
        Some(if shared { Sum::of_term(Unknown::Picked { values, index }) } else { Form::Other })
    }

    fn symbol(&self, name: &Ident) -> Option<&Symbol> {
        self.tree.symbols.get(&name.to_string())
    }

    /// Finds what `dot(a, b)` is.
    fn dot(&self, call: &ExprCall) -> Form {
        let (a, b) = (&call.args[0], &call.args[1]);
        let whole = self.whole(&Expr::Call(call.clone()));
        if !matches!(whole, Form::Other) {
            return whole;
        }
        let vector = |data: &Expr, values: &Expr| -> Option<Form> {
            let name = |expr: &Expr| match expr {
                Expr::Path(path) => path.path.get_ident().cloned(),
                _ => None,
            };
            // Of numbers that are written one by one, there or in a `let`.
            let written = match (self.whole(data), name(data).and_then(|name| self.lets.get(&name.to_string()))) {
                (Form::Constant(written) | Form::Data(written), Some(_)) => written,
                _ => data.clone(),
            };
            let one_by_one = |numbers: Vec<Expr>| -> Option<Form> {
                let terms = numbers.iter().enumerate().map(|(c, x)| {
                    let c = syn::Index::from(c);
                    parse_quote!((#x) * #values[#c])
                });
                let sum = terms.reduce(|a: Expr, b: Expr| parse_quote!(#a + #b))?;
                Some(self.of(&sum))
            };
            if let (Expr::Array(data), Some(_)) = (&written, name(values)) {
                return one_by_one(data.elems.iter().cloned().collect());
            }
            let (Form::Data(_), Form::Shared(shared)) = (self.whole(data), self.whole(values)) else { return None };
            let len = self.symbol(&name(data)?)?.shape.clone()?;
            // Each number of a vector of the plate around is a column.
            if self.around.is_some_and(|around| mentions(&self.tree.symbols, around, values)) {
                let len = syn::parse2::<LitInt>(len).ok()?.base10_parse::<usize>().ok().filter(|len| *len <= FEW)?;
                let numbers = (0..len).map(syn::Index::from).map(|c| parse_quote!(#data[#c]));
                return one_by_one(numbers.collect());
            }
            let unknown = Unknown::Vector { data: data.clone(), values: shared, len };
            Some(Sum::of_term(unknown))
        };
        vector(a, b).or_else(|| vector(b, a)).unwrap_or(Form::Other)
    }

    /// Finds what `expr` is from the names in it alone.
    fn whole(&self, expr: &Expr) -> Form {
        let class = identifiers(expr).iter().fold(Class::Constant, |class, name| class.join(self.class(name)));
        if class == Class::Other || self.reads_checked(expr) {
            return Form::Other;
        }
        let mut expr = expr.clone();
        Substitute(&self.lets).visit_expr_mut(&mut expr);
        match class {
            Class::Constant => Form::Constant(expr),
            Class::Data => Form::Data(expr),
            _ => Form::Shared(expr),
        }
    }

    /// Finds `expr`, of any type, with the `let`s in it written out; `None` if it is not of data alone.
    fn data(&self, expr: &Expr) -> Option<Expr> {
        match self.whole(expr) {
            Form::Constant(expr) | Form::Data(expr) => Some(expr),
            _ => None,
        }
    }

    fn class(&self, name: &Ident) -> Class {
        if self.tree.positions.contains(&name.to_string()) {
            return Class::Other;
        }
        match self.lets.get(&name.to_string()) {
            Some(Form::Constant(_)) => return Class::Constant,
            Some(Form::Data(_)) => return Class::Data,
            Some(Form::Shared(_)) => return Class::Shared,
            Some(_) => return Class::Other,
            None => {}
        }
        let Some(symbol) = self.symbol(name) else { return Class::Constant };
        let is_param = self.tree.params.iter().any(|p| p.name == *name);
        let here = symbol.plate.as_deref() == Some(&self.plate.name.to_string());
        let in_data = symbol.role.is_some_and(|role| !role.latent());
        match &symbol.plate {
            None if is_param => Class::Constant,
            None if !in_data && !symbol.summed => Class::Shared,
            Some(plate) if !symbol.summed && self.around.is_some_and(|around| around.name == plate) => Class::Shared,
            Some(_) if in_data && (here || self.gathers_data(name)) => Class::Data,
            _ => Class::Other,
        }
    }

    /// Tells whether `name` is data of another plate, read by index.
    fn gathers_data(&self, name: &Ident) -> bool {
        self.plate.gathers.iter().any(|g| g.values == *name && g.data)
    }

    /// Tells whether an array is read in `expr` at a position that may be outside of it.
    fn reads_checked(&self, expr: &Expr) -> bool {
        struct Reads<'a>(&'a Forms<'a>, bool);
        impl<'ast> Visit<'ast> for Reads<'_> {
            fn visit_expr_index(&mut self, index: &'ast ExprIndex) {
                let is_gather = plain_index(index).is_some_and(|(values, at)| {
                    self.0.plate.gathers.iter().any(|g| g.values == *values && g.index == *at)
                });
                self.1 |= !is_gather && is_checked(self.0.tree, &index.index).is_some();
                visit::visit_expr_index(self, index);
            }
        }
        let mut reads = Reads(self, false);
        reads.visit_expr(expr);
        reads.1
    }
}

/// Changes every summand by `f`.
fn each(form: Form, f: &dyn Fn(&Expr) -> Expr) -> Form {
    match form {
        Form::Constant(e) => Form::Constant(f(&e)),
        Form::Data(e) => Form::Data(f(&e)),
        Form::Shared(e) => Form::Shared(f(&e)),
        Form::Sum(sum) => Form::Sum(sum.scaled(f)),
        Form::Other => Form::Other,
    }
}

fn product(a: Form, b: Form) -> Form {
    use Form::{Constant, Data, Other, Shared, Sum as Terms};
    match (a, b) {
        (Constant(a), Constant(b)) => Constant(parse_quote!(((#a) * (#b)))),
        (Constant(a) | Data(a), Constant(b) | Data(b)) => Data(parse_quote!(((#a) * (#b)))),
        (Constant(a) | Shared(a), Constant(b) | Shared(b)) => Shared(parse_quote!(((#a) * (#b)))),
        (Data(scale), Shared(unknown)) | (Shared(unknown), Data(scale)) => {
            Terms(Sum { terms: vec![Term { scale, unknown: Unknown::Number(unknown) }], ..Sum::default() })
        }
        (Terms(sum), Constant(x) | Data(x)) | (Constant(x) | Data(x), Terms(sum)) if sum.rest.is_empty() => {
            Terms(sum.scaled(&|e| parse_quote!(((#e) * (#x)))))
        }
        (Terms(sum), Shared(x)) | (Shared(x), Terms(sum)) => {
            sum.times(&|e| parse_quote!(((#e) * (#x)))).map_or(Other, Terms)
        }
        _ => Other,
    }
}

fn quotient(a: Form, b: Form) -> Form {
    use Form::{Constant, Data, Other, Shared, Sum as Terms};
    match (a, b) {
        (Constant(a), Constant(b)) => Constant(parse_quote!(((#a) / (#b)))),
        (Constant(a) | Data(a), Constant(b) | Data(b)) => Data(parse_quote!(((#a) / (#b)))),
        (Constant(a) | Shared(a), Constant(b) | Shared(b)) => Shared(parse_quote!(((#a) / (#b)))),
        (Data(scale), Shared(x)) => {
            let unknown = Unknown::Number(parse_quote!((1.0 / (#x))));
            Terms(Sum { terms: vec![Term { scale, unknown }], ..Sum::default() })
        }
        (Shared(unknown), Data(x)) => {
            let term = Term { scale: parse_quote!((1.0 / (#x))), unknown: Unknown::Number(unknown) };
            Terms(Sum { terms: vec![term], ..Sum::default() })
        }
        (Terms(sum), Constant(x) | Data(x)) if sum.rest.is_empty() => {
            Terms(sum.scaled(&|e| parse_quote!(((#e) / (#x)))))
        }
        (Terms(sum), Shared(x)) => sum.times(&|e| parse_quote!(((#e) / (#x)))).map_or(Other, Terms),
        _ => Other,
    }
}

/// The expression that a block is.
fn only(block: &Block) -> Option<&Expr> {
    match block.stmts.as_slice() {
        [Stmt::Expr(expr, None)] => Some(expr),
        _ => None,
    }
}

/// Writes `let`s out.
struct Substitute<'a>(&'a BTreeMap<String, Form>);

impl VisitMut for Substitute<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if let Expr::Path(ExprPath { path, .. }) = &*expr
            && let Some(name) = path.get_ident()
            && let Some(Form::Constant(e) | Form::Data(e) | Form::Shared(e)) = self.0.get(&name.to_string())
        {
            *expr = e.clone();
            return;
        }
        visit_mut::visit_expr_mut(self, expr);
    }
}
