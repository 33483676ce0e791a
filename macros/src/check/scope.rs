//! The names that are declared so far, and the mistakes that are found so far.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use proc_macro2::{Ident, Span};
use quote::ToTokens;
use syn::{Error, Expr, Result};

use crate::ast::{Role, Size, Statement};
use crate::definition::has_implicit;
use crate::kind::Kind;
use crate::names::{bound, identifiers, is_capital, variables};
use crate::nearest::nearest;

pub struct Checker {
    pub implicit: bool,
    pub known: BTreeMap<String, Name>,
    /// Every name that is declared anywhere, with where.
    later: BTreeMap<String, Span>,
    /// The plates around the statement at hand.
    pub path: Vec<String>,
    /// The plates whose elements read `let`s of those before them.
    pub in_order: BTreeSet<String>,
    /// Whether a quantity is at hand, which has no part in the density.
    pub in_quantity: bool,
    /// The positions of the sums over plates in the expression at hand, with the plates.
    pub over: Vec<(Ident, Ident)>,
    /// The variable whose definition is at hand.
    pub defined: Option<Ident>,
    /// The variables of the plate at hand that are drawn for all its elements at once.
    pub fields: Vec<Ident>,
    /// The covariates of the plate at hand that depend on other variables of their element.
    pub drawn_in_turn: Vec<Ident>,
    /// What `data let`s read that is not declared so far.
    pub columns: Vec<Ident>,
    error: Option<Error>,
}

/// What is known of a name that has been declared.
pub struct Name {
    pub what: What,
    pub path: Vec<String>,
    /// Whether it depends on a variable that is summed out.
    pub summed: bool,
    /// Whether it has no value in a draw of a posterior: it is summed out, or worked out of what is.
    pub unknown: bool,
    span: Span,
}

#[derive(Clone, PartialEq)]
pub enum What {
    Param,
    /// A length that is a field of the model.
    Length,
    Variable(Role, Kind),
    Let,
    Quantity,
    Size,
    Plate,
    /// A covariate that is the index of the named plate.
    Index(String),
}

impl What {
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Param => "a param",
            Self::Length => "a size",
            Self::Variable(role, _) => match role {
                Role::Global => "a global",
                Role::Nuisance => "a nuisance",
                Role::Local => "a local",
                Role::Observe => "an observation",
                Role::Given => "a covariate",
            },
            Self::Let => "a `let`",
            Self::Quantity => "a quantity",
            Self::Size => "the size of a plate",
            Self::Plate => "a plate",
            Self::Index(_) => "an index",
        }
    }
}

fn collect_names(body: &[Statement], names: &mut BTreeMap<String, Span>) {
    for statement in body {
        let found = match statement {
            Statement::Param(p) => vec![p.name.clone()],
            Statement::Variable(v) => vec![v.name.clone()],
            Statement::Let(l) => bound(&l.pat),
            Statement::Factor(_) | Statement::Lag(_) => Vec::new(),
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
    pub fn new(body: &[Statement]) -> Self {
        let mut later = BTreeMap::new();
        collect_names(body, &mut later);
        Self {
            implicit: has_implicit(body),
            known: BTreeMap::new(),
            later,
            path: Vec::new(),
            in_order: BTreeSet::new(),
            in_quantity: false,
            over: Vec::new(),
            defined: None,
            fields: Vec::new(),
            drawn_in_turn: Vec::new(),
            columns: Vec::new(),
            error: None,
        }
    }

    /// Lists the names of the model in `expr`, those that are declared later, and those in small letters that nothing is called:
    /// one in capitals that is not declared is a constant.
    pub fn names(&self, expr: &Expr) -> Vec<Ident> {
        let of_model = |name: &Ident| {
            let text = name.to_string();
            !is_capital(name) || self.known.contains_key(&text) || self.later.contains_key(&text)
        };
        variables(expr).into_iter().filter(of_model).collect()
    }

    /// Ends the check.
    ///
    /// # Errors
    /// All mistakes that were reported.
    pub fn finish(self) -> Result<()> {
        self.error.map_or(Ok(()), Err)
    }

    pub fn report(&mut self, at: impl ToTokens, message: impl Display) {
        self.add(Error::new_spanned(at, message));
    }

    pub fn report_error(&mut self, error: Error) {
        self.add(error);
    }

    fn add(&mut self, error: Error) {
        match &mut self.error {
            Some(all) => all.combine(error),
            None => self.error = Some(error),
        }
    }

    pub fn declare(&mut self, name: &Ident, what: What, summed: bool) {
        let text = name.to_string();
        if let Some(before) = self.known.get(&text) {
            let message = format!(
                "`{text}` is already {} of this model: every name is declared once, so give this one a name of its own",
                before.what.describe()
            );
            let first = Error::new(before.span, format!("`{text}` is first declared here"));
            self.report(name, message);
            self.add(first);
            return;
        }
        if text.starts_with("__") || ["offsets", "self"].contains(&text.as_str()) {
            self.report(name, format!("`{text}` is a name that the generated code uses: choose another"));
        }
        self.known.insert(text, Name { what, path: self.path.clone(), summed, unknown: summed, span: name.span() });
    }

    /// Says that `name` has a value in each draw, whatever what it depends on has.
    pub fn has_value(&mut self, name: &Ident) {
        if let Some(known) = self.known.get_mut(&name.to_string()) {
            known.unknown = false;
        }
    }

    /// Tells whether everything that `expr` mentions has a value in a draw.
    pub fn all_have_values(&self, expr: &Expr) -> bool {
        !identifiers(expr).iter().filter_map(|name| self.known.get(&name.to_string())).any(|known| known.unknown)
    }

    /// Declares a name that stands for what elements read of those before them; tells whether that is `summed` out.
    pub fn stand_in(&mut self, name: &Ident, summed: bool) {
        let known = Name { what: What::Let, path: self.path.clone(), summed, unknown: summed, span: name.span() };
        self.known.insert(name.to_string(), known);
    }

    /// Says what is wrong with `name`, which is not declared so far.
    pub fn unknown(&self, name: &Ident) -> String {
        let text = name.to_string();
        if self.later.contains_key(&text) {
            return format!("`{text}` is used before it is drawn: move its declaration above this line");
        }
        let names = self.known.keys().chain(self.later.keys()).map(String::as_str);
        match nearest(&text, names) {
            Some(near) => format!("nothing is called `{text}` here: is `{near}` meant?"),
            None => format!(
                "nothing is called `{text}` here: declare it above, as a `param`, `given`, `global`, `local` or `let`"
            ),
        }
    }
}
