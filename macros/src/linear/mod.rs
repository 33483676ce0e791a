//! Linear predictors: in the density, what is a sum of data times unknowns is taken out of the elements of a plate and worked
//! out for all of them at once, as a matrix of the data times a vector of the unknowns; its derivatives come back by the
//! transpose. An element then carries one derivative for the whole sum, however many unknowns are in it.
//!
//! A normal observation whose mean is such a sum, and whose sd is the same for all elements up to data, is taken out altogether:
//! it is a sum of squares, of which a few rows are kept (see `LeastSquares` of the library).

mod around;
mod form;
mod vectors;

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Ident;
use syn::{Expr, Pat, parse_quote};

use crate::ast::Role;
use crate::builtin;
use crate::definition::Definition;
use crate::emit::names::hidden;
use crate::kind::Kind;
use crate::names::{bound, identifiers};
use crate::predictor::{Fit, Predictor, Sum, Term, Unknown};
use crate::reads::mark_reads;
use crate::tree::{Export, Plate, Step, Symbol, Tree, Variable, plates, plates_mut};
use form::{Form, Forms};
pub use vectors::vector_plate;

/// Takes the linear predictors out of the elements of all plates.
pub fn extract(tree: &Tree) -> Tree {
    let mut symbols = tree.symbols.clone();
    let mut extraction = Extraction { tree, count: 0, symbols: &mut symbols };
    let mut root = extraction.steps(&tree.root, &Place::Root);
    vectors::unfold(tree, &mut root, &mut symbols);
    relate(&mut root, &mut symbols);
    mark_reads(&mut root, &symbols);
    export_for_fits(&mut root);
    Tree { root, symbols, ..tree.clone() }
}

/// Takes the linear predictors out of the elements of those plates for which a tape works their derivatives out at once: plates that
/// are in no other, and of whose elements nothing is read.
pub fn extract_for_tape(tree: &Tree) -> Tree {
    let mut symbols = tree.symbols.clone();
    let mut extraction = Extraction { tree, count: 0, symbols: &mut symbols };
    let mut of_step = |step: &Step| match step {
        Step::Plate(plate) if plate.in_data && plate.exports.iter().all(|export| export.data) => {
            let inner = plate.steps.clone();
            let taken = extraction.plate(plate, &Place::Root);
            let gathered =
                |fit: &Fit| fit.mean.terms.iter().any(|term| matches!(term.unknown, Unknown::Gathered { .. }));
            // What a fit reads of another plate is on the tape, and no column.
            let kept = taken.fits.iter().any(gathered) || plate.plates().next().is_some();
            Step::Plate(if kept { Plate { steps: inner, ..plate.clone() } } else { taken })
        }
        other => other.clone(),
    };
    let mut root: Vec<Step> = tree.root.iter().map(&mut of_step).collect();
    mark_reads(&mut root, &tree.symbols);
    Tree { root, ..tree.clone() }
}

/// Where a plate stands.
enum Place<'a> {
    Root,
    /// In a plate that stands at the root, of whose elements a column can be made of all that those of the inner plate read.
    In(&'a Plate),
    Deep,
}

impl<'a> Place<'a> {
    /// Finds the place of the plates in `plate`, which stands here.
    fn inside(&self, plate: &'a Plate, symbols: &BTreeMap<String, Symbol>) -> Self {
        match self {
            Self::Root if around::has_columns(symbols, plate) => Self::In(plate),
            _ => Self::Deep,
        }
    }
}

struct Extraction<'a> {
    tree: &'a Tree,
    /// The number of predictors so far.
    count: usize,
    /// What is known of the names, those that it makes among them.
    symbols: &'a mut BTreeMap<String, Symbol>,
}

impl Extraction<'_> {
    fn steps(&mut self, steps: &[Step], place: &Place) -> Vec<Step> {
        let of_step = |step: &Step| match step {
            Step::Plate(plate) if plate.in_data => Step::Plate(self.plate(plate, place)),
            other => other.clone(),
        };
        steps.iter().map(of_step).collect()
    }

    fn plate(&mut self, plate: &Plate, place: &Place) -> Plate {
        let steps = self.steps(&plate.steps, &place.inside(plate, &self.tree.symbols));
        let mut plate = Plate { steps, ..plate.clone() };
        around::bind(&mut plate, self.symbols);
        if plate.lags().next().is_some() {
            return plate;
        }
        let is_fit = plate.plates().next().is_none() && !plate.variables().any(Variable::latent);
        match place {
            Place::Root if is_fit => self.take_fits(&mut plate, None),
            Place::In(around) if is_fit => self.take_fits(&mut plate, Some(around)),
            _ => {}
        }
        drop_unused(&mut plate);
        self.take_predictors(&mut plate);
        drop_unused(&mut plate);
        plate
    }

    fn take_fits(&self, plate: &mut Plate, around: Option<&Plate>) {
        let original = plate.clone();
        let mut forms = Forms { around, ..Forms::new(self.tree, &original) };
        for step in &mut plate.steps {
            match step {
                Step::Let { pat: Pat::Ident(name), expr } => {
                    let form = forms.of(expr);
                    forms.lets.insert(name.ident.to_string(), form);
                }
                Step::Variable(v) => {
                    if let Some(fit) = fit(v, &forms) {
                        plate.fits.push(fit);
                        *v = Variable { role: Role::Given, definition: None, ..v.clone() };
                    }
                }
                _ => {}
            }
        }
    }

    fn take_predictors(&mut self, plate: &mut Plate) {
        let original = plate.clone();
        let mut forms = Forms::new(self.tree, &original);
        // A sum that is read once becomes part of what reads it, if that is a sum too; the others are sums of their own.
        let mentioned: Vec<Ident> = original.steps.iter().flat_map(Step::mentions).collect();
        let uses = |name: &Ident| mentioned.iter().filter(|other| *other == name).count();
        for step in &mut plate.steps {
            let before = plate.predictors.len();
            let mut rewrite = Rewrite { forms: &forms, predictors: &mut plate.predictors, count: &mut self.count };
            match step {
                Step::Let { pat: Pat::Ident(name), expr } if uses(&name.ident) == 1 => {
                    let form = forms.of(expr);
                    forms.lets.insert(name.ident.to_string(), form);
                }
                Step::Let { pat, expr } => {
                    rewrite.expr(expr);
                    if let Pat::Ident(name) = pat {
                        let form = if plate.predictors.len() == before { forms.of(expr) } else { Form::Other };
                        forms.lets.insert(name.ident.to_string(), form);
                    }
                }
                Step::Variable(Variable { role, definition: Some(Definition::Distribution(call)), .. })
                    if *role != Role::Given =>
                {
                    call.args.iter_mut().for_each(|argument| rewrite.expr(argument));
                }
                Step::Factor(expr) => rewrite.expr(expr),
                _ => {}
            }
        }
        drop_unused(plate);
        for step in &mut plate.steps {
            if let Step::Let { pat: Pat::Ident(name), expr } = step
                && uses(&name.ident) == 1
            {
                Rewrite { forms: &forms, predictors: &mut plate.predictors, count: &mut self.count }.expr(expr);
            }
        }
    }
}

/// Finds the normal observation that `v` is.
fn fit(v: &Variable, forms: &Forms) -> Option<Fit> {
    let Some(Definition::Distribution(call)) = &v.definition else { return None };
    let name = builtin::of(call)?.name;
    if v.role != Role::Observe || v.kind != Kind::Real || v.shape.is_some() || !["Normal", "LogNormal"].contains(&name)
    {
        return None;
    }
    let mean = match forms.of(&call.args[0]) {
        Form::Shared(expr) => {
            Sum { terms: vec![Term { scale: parse_quote!(1.0), unknown: Unknown::Number(expr) }], ..Sum::default() }
        }
        Form::Sum(sum) if sum.rest.is_empty() => sum,
        _ => return None,
    };
    let (shared_sd, data_sd) = match forms.of(&call.args[1]) {
        Form::Shared(expr) => (Some(expr), None),
        Form::Constant(expr) | Form::Data(expr) => (None, Some(expr)),
        Form::Sum(Sum { offset, mut terms, rest, branches: false })
            if offset.is_empty() && rest.is_empty() && terms.len() == 1 =>
        {
            let Term { scale, unknown: Unknown::Number(expr) } = terms.remove(0) else { return None };
            (Some(expr), Some(scale))
        }
        _ => return None,
    };
    // One sd for all elements of all plates around, or none.
    if let Some(around) = forms.around
        && shared_sd.iter().any(|sd| around::mentions(&forms.tree.symbols, around, sd))
    {
        return None;
    }
    Some(Fit { y: v.name.clone(), mean, shared_sd, data_sd, log: name == "LogNormal" })
}

/// Writes expressions with predictors in the place of sums.
struct Rewrite<'a, 'b> {
    forms: &'a Forms<'b>,
    predictors: &'a mut Vec<Predictor>,
    count: &'a mut usize,
}

impl Rewrite<'_, '_> {
    fn expr(&mut self, expr: &mut Expr) {
        match self.forms.of(expr) {
            Form::Sum(sum) if is_worth_it(&sum) && self.forms.is_number(expr) => {
                let Sum { offset, terms, rest, branches } = sum;
                let name = hidden(&format!("linear_{}", self.count));
                *self.count += 1;
                let mut all: Expr = parse_quote!(#name);
                let mut own = Vec::new();
                for term in terms {
                    let scale = &term.scale;
                    match &term.unknown {
                        Unknown::Gathered { values, index, .. } | Unknown::Picked { values, index, .. } => {
                            all = parse_quote!(#all + (#scale) * #values[#index]);
                        }
                        _ => own.push(term),
                    }
                }
                for mut other in rest {
                    self.expr(&mut other);
                    all = parse_quote!(#all + #other);
                }
                *expr = parse_quote!((#all));
                let sum = Sum { offset, terms: own, rest: Vec::new(), branches };
                self.predictors.push(Predictor { name, sum });
            }
            Form::Constant(_) | Form::Data(_) | Form::Shared(_) => {}
            _ => self.parts(expr),
        }
    }

    /// Goes on into what is worked out whatever the data are.
    fn parts(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Paren(paren) => self.expr(&mut paren.expr),
            Expr::Group(group) => self.expr(&mut group.expr),
            Expr::Unary(unary) => self.expr(&mut unary.expr),
            Expr::Binary(binary) => {
                self.expr(&mut binary.left);
                self.expr(&mut binary.right);
            }
            Expr::MethodCall(call) => {
                self.expr(&mut call.receiver);
                call.args.iter_mut().for_each(|a| self.expr(a));
            }
            Expr::Call(call) => call.args.iter_mut().for_each(|a| self.expr(a)),
            Expr::Tuple(tuple) => tuple.elems.iter_mut().for_each(|e| self.expr(e)),
            Expr::Array(array) => array.elems.iter_mut().for_each(|e| self.expr(e)),
            _ => {}
        }
    }
}

/// Tells whether an element is cheaper with one derivative for the sum: where that saves two, or a branch.
fn is_worth_it(sum: &Sum) -> bool {
    let numbers = sum.terms.iter().filter(|t| matches!(t.unknown, Unknown::Number(_))).count();
    let vectors = sum.terms.iter().any(|t| matches!(t.unknown, Unknown::Vector { .. }));
    vectors || numbers > 2 || (sum.branches && numbers > 0)
}

/// Leaves out `let`s and predictors that nothing in `plate` mentions any more.
fn drop_unused(plate: &mut Plate) {
    let mut mentioned: BTreeSet<String> = plate.exports.iter().map(|e| e.name.to_string()).collect();
    let mut kept: Vec<Step> = Vec::new();
    for step in std::mem::take(&mut plate.steps).into_iter().rev() {
        if let Step::Let { pat, .. } = &step
            && !bound(pat).iter().any(|name| mentioned.contains(&name.to_string()))
        {
            continue;
        }
        mentioned.extend(step.mentions().iter().map(Ident::to_string));
        kept.push(step);
    }
    kept.reverse();
    plate.steps = kept;
    plate.predictors.retain(|p| mentioned.contains(&p.name.to_string()));
}

/// Finds anew what latent variables the names in plates depend on.
fn relate(steps: &mut [Step], symbols: &mut BTreeMap<String, Symbol>) {
    for step in steps {
        let latents = |names: Vec<Ident>, symbols: &BTreeMap<String, Symbol>| {
            let known = names.iter().filter_map(|name| symbols.get(&name.to_string()));
            known.flat_map(|s| s.latents.clone()).collect::<BTreeSet<String>>()
        };
        match step {
            Step::Let { pat, expr } => {
                let found = latents(identifiers(expr), symbols);
                for name in bound(pat) {
                    if let Some(symbol) = symbols.get_mut(&name.to_string()) {
                        symbol.latents.clone_from(&found);
                    }
                }
            }
            Step::Variable(v) if v.continuous_latent() => {
                let Some(definition) = v.definition.as_ref().filter(|d| !d.has_fixed_support()) else { continue };
                let mut found = latents(definition.mentions(), symbols);
                found.insert(v.name.to_string());
                if let Some(symbol) = symbols.get_mut(&v.name.to_string()) {
                    symbol.latents = found;
                }
            }
            Step::Variable(_) | Step::Factor(_) | Step::Lag(_) => {}
            Step::Plate(p) => relate(&mut p.steps, symbols),
        }
    }
}

/// Marks what the fits read of other plates as read by them.
fn export_for_fits(root: &mut [Step]) {
    let read: Vec<(Ident, String)> = plates(root)
        .flat_map(|p| &p.fits)
        .flat_map(|fit| &fit.mean.terms)
        .filter_map(|term| match &term.unknown {
            Unknown::Gathered { values, plate, .. } => Some((values.clone(), plate.clone())),
            _ => None,
        })
        .chain(plates(root).flat_map(around::reads))
        .collect();
    for plate in plates_mut(root) {
        for (name, _) in read.iter().filter(|(_, of)| plate.name == of) {
            if !plate.exports.iter().any(|e| e.name == *name) {
                plate.exports.push(Export { name: name.clone(), len: None, data: false });
            }
        }
    }
}
