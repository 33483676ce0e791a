//! The names in an expression: each is declared, and can be read where it stands.

use proc_macro2::Ident;
use syn::Expr;

use super::scope::{Checker, Name, What};
use crate::names::{identifiers, plain_indices, variables};

impl Checker {
    /// Checks the names in `expr`, where `position` is one too; tells whether it depends on a variable that is summed out.
    pub fn expression(&mut self, expr: &Expr, position: Option<&Ident>) -> bool {
        let indices = plain_indices(expr);
        for name in variables(expr) {
            if position.is_some_and(|p| *p == name) {
                continue;
            }
            if let Some(message) = self.misread(&name, &indices) {
                self.report(&name, message);
            }
        }
        identifiers(expr).iter().filter_map(|i| self.known.get(&i.to_string())).any(|n| n.summed)
    }

    /// Says what is wrong with reading `name` in an expression with `indices`; `None` if nothing is.
    fn misread(&self, name: &Ident, indices: &[(Ident, Ident)]) -> Option<String> {
        let Some(known) = self.known.get(&name.to_string()) else {
            return Some(self.unknown(name));
        };
        let mut by = indices.iter().filter(|(values, _)| values == name).map(|(_, index)| index);
        let first = by.clone().next();
        // A variable of a plate around, read for another of its elements.
        if let Some(of) = by.find_map(|index| self.plate_of(index).filter(|of| self.is_around(of, known))) {
            return Some(format!(
                "another element of `{of}` cannot be read from inside `{of}` itself: put what reads it into a plate after it"
            ));
        }
        if self.path.starts_with(&known.path) {
            let whole = known.what == What::Plate && !self.implicit;
            return whole
                .then(|| format!("`{name}` is a plate: only the function of an implicit observation takes one whole"));
        }
        self.misread_element(name, known, first)
    }

    /// Names the plate that `index` is an index of; `None` if it is no index.
    fn plate_of(&self, index: &Ident) -> Option<&String> {
        match &self.known.get(&index.to_string())?.what {
            What::Index(of) => Some(of),
            _ => None,
        }
    }

    /// Tells whether a name belongs to the plate `of`, and the statement at hand too.
    fn is_around(&self, of: &String, known: &Name) -> bool {
        known.path.last() == Some(of) && self.path.contains(of)
    }

    /// Says what is wrong with reading `name` of an element of a plate that the statement at hand is not in, by `index`; `None`
    /// if nothing is.
    fn misread_element(&self, name: &Ident, known: &Name, index: Option<&Ident>) -> Option<String> {
        let plate = known.path.last().cloned().unwrap_or_default();
        let declared = index.and_then(|i| self.known.get(&i.to_string()).map(|known| (i, known)));
        let Some((index, Name { path, .. })) = declared.filter(|(_, i)| i.what == What::Index(plate.clone())) else {
            return Some(format!(
                "`{name}` belongs to an element of the plate `{plate}`: read it by an index, `given i: index({plate});` and `{name}[i]`"
            ));
        };
        if *path != self.path {
            Some(format!(
                "`{name}[{index}]` is read in the plate that `{index}` belongs to: write `let own = {name}[{index}];` there"
            ))
        } else if known.path.len() != 1 {
            Some(format!("only a plate that is in no other can be read by index: `{plate}` is nested"))
        } else if known.summed {
            Some(format!(
                "`{name}` is summed out, or depends on a variable that is, within its own element: another plate cannot read it"
            ))
        } else {
            None
        }
    }

    /// Checks a length, which the compiler must know: no variable of the model may be in it.
    pub fn constant(&mut self, expr: &Expr) {
        for name in variables(expr) {
            let message = match self.known.get(&name.to_string()).map(|n| &n.what) {
                Some(What::Param) => {
                    format!("a length is known when the program is compiled: `{name}` is a param, so use a `const`")
                }
                Some(what) => {
                    format!("a length is known when the program is compiled, but `{name}` is {}", what.describe())
                }
                None => self.unknown(&name),
            };
            self.report(&name, message);
        }
    }

    /// Checks the plate in `index(plate)`.
    pub fn index_of(&mut self, plate: &Ident) {
        let message = match self.known.get(&plate.to_string()) {
            Some(Name { what: What::Plate, path, .. }) if path.is_empty() => return,
            Some(Name { what: What::Plate, .. }) => {
                format!("only a plate that is in no other can be read by index: `{plate}` is nested")
            }
            Some(other) => format!("`{plate}` is {}, and an index names a plate", other.what.describe()),
            None => format!("no plate is called `{plate}` above: declare it before the plate that reads it"),
        };
        self.report(plate, message);
    }
}
