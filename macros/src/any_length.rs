//! Distributions over vectors whose length is a size of the model, and so known only when the program runs.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Ident;
use syn::visit_mut::{self, VisitMut};
use syn::{Error, Expr, ExprCall, parse_quote};

use crate::builtin::{self, Draws};
use crate::names::borrowed;
use crate::numbers::Numbers;
use crate::tree::Symbol;
use crate::value::Value;

/// The distributions over vectors of any length, with the positions of the arguments that are vectors or matrices, and whether the
/// length is an argument of its own.
const DISTRIBUTIONS: [(&str, &[usize], bool); 21] = [
    ("Categorical", &[0], false),
    ("CategoricalLogit", &[0], false),
    ("OrderedLogistic", &[1], false),
    ("OrderedProbit", &[1], false),
    ("Grouped", &[1], false),
    ("Multinomial", &[1], false),
    ("DirichletMultinomial", &[1], false),
    ("Dirichlet", &[0], false),
    ("MvNormal", &[0, 1], false),
    ("MvNormalCholesky", &[0, 1], false),
    ("MvStudentT", &[1, 2], false),
    ("VonMisesFisher", &[0], false),
    ("Wishart", &[1], false),
    ("InverseWishart", &[1], false),
    ("WishartCholesky", &[1], false),
    ("InverseWishartCholesky", &[1], false),
    ("MatrixNormal", &[0, 1, 2], true),
    ("UnitVector", &[], true),
    ("Ordered", &[], true),
    ("ZeroSumNormal", &[], true),
    ("LkjCholesky", &[], true),
];

/// Writes the distributions in `definition` that are over vectors of any length, or take such, as those. `own` are the lengths of the
/// variable if it is such a vector. Lists what there is not for such vectors.
pub fn distributions(
    symbols: &BTreeMap<String, Symbol>,
    sizes: &BTreeSet<String>,
    own: Option<&Vec<&Expr>>,
    definition: &mut Expr,
) -> Vec<Error> {
    if sizes.is_empty() {
        return Vec::new();
    }
    let mut calls = Calls { symbols, own, mistakes: Vec::new() };
    calls.visit_expr_mut(definition);
    calls.mistakes
}

struct Calls<'a> {
    symbols: &'a BTreeMap<String, Symbol>,
    own: Option<&'a Vec<&'a Expr>>,
    mistakes: Vec<Error>,
}

impl Calls<'_> {
    /// Tells whether `expr` is a vector whose length is known only when the program runs.
    fn is_open(&self, expr: &Expr) -> bool {
        matches!(Numbers::new(self.symbols, true).value(expr), Value::Array { fixed: false, .. })
    }

    fn call(&mut self, call: &mut ExprCall) {
        let Some(known) = builtin::of(call) else { return };
        let drawn = self.own.filter(|_| known.draws.is_vector());
        let unknown = |expr: &Expr| Numbers::new(self.symbols, true).value(expr) == Value::Other;
        let row = DISTRIBUTIONS.iter().find(|(name, ..)| *name == known.name);
        // What a function returns may be a vector of any length.
        let may_be =
            row.is_some_and(|(_, vectors, _)| matches!(vectors, [at] if call.args.get(*at).is_some_and(unknown)));
        if drawn.is_none() && !may_be && !call.args.iter().any(|argument| self.is_open(argument)) {
            return;
        }
        let Some((name, vectors, takes_length)) = row else {
            let message =
                format!("`{}` needs vectors whose lengths the compiler knows: constants, and no `size`", known.name);
            self.mistakes.push(Error::new_spanned(&call.func, message));
            return;
        };
        let name = Ident::new(name, proc_macro2::Span::call_site());
        *call.func = parse_quote!(::hierarch::distributions::open::#name);
        for at in *vectors {
            if let Some(argument) = call.args.get_mut(*at) {
                *argument = borrowed(argument);
            }
        }
        if let (true, Some(lens)) = (takes_length, drawn) {
            let len = match &lens[..] {
                // Factors of the same sizes the other way round have as many numbers.
                [rows, columns] if known.draws == Draws::Matrix => Some(parse_quote!((#rows, #columns))),
                lens => lens.iter().copied().cloned().reduce(|a, b| parse_quote!((#a) * (#b))),
            };
            call.args.extend(len);
        }
    }
}

impl VisitMut for Calls<'_> {
    fn visit_expr_call_mut(&mut self, call: &mut ExprCall) {
        visit_mut::visit_expr_call_mut(self, call);
        self.call(call);
    }
}
