//! The names in an expression: each is declared, and can be read where it stands.

use proc_macro2::Ident;
use syn::visit::Visit;
use syn::{Expr, ExprIndex};

use super::scope::{Checker, Name, What};
use crate::names::{identifiers, plain_indices};
use crate::sums;

/// Says how to read `name` of the element before.
fn before(name: &Ident) -> String {
    format!(
        "`{name}` of the element before is `prev({name})`, and of two before `prev({name}, 2)`; a third argument is what the sequence \
         begins with: `{name} ~ Normal(phi * prev({name}, 1, 0.0), sd)`"
    )
}

impl Checker {
    /// Checks the names in `expr`, where `positions` are names too; tells whether it depends on a variable that is summed out.
    pub fn expression(&mut self, expr: &Expr, positions: &[&Ident]) -> bool {
        self.sums(expr);
        self.over = sums::plates(expr);
        let indices = plain_indices(expr);
        let earlier = self.sequence(expr, positions);
        for name in self.names(expr) {
            if positions.iter().any(|p| **p == name) || earlier.contains(&name) {
                continue;
            }
            if let Some(message) = self.misread(&name, &indices) {
                self.report(&name, message);
            }
        }
        identifiers(expr).iter().filter_map(|i| self.known.get(&i.to_string())).any(|n| n.summed)
    }

    /// Reports where `expr` reads the value before of a sequence, `x[t - 1]`; lists the names in such positions that are not
    /// those of variables.
    fn sequence(&mut self, expr: &Expr, known: &[&Ident]) -> Vec<Ident> {
        struct Positions<'a>(Vec<(&'a Ident, &'a Expr)>);
        impl<'a> Visit<'a> for Positions<'a> {
            fn visit_expr_index(&mut self, index: &'a ExprIndex) {
                if let Expr::Path(values) = &*index.expr
                    && let Some(values) = values.path.get_ident()
                {
                    self.0.push((values, &index.index));
                }
                syn::visit::visit_expr_index(self, index);
            }
        }
        let mut positions = Positions(Vec::new());
        positions.visit_expr(expr);
        // Those that a closure or a loop binds are names of Rust.
        let free = self.names(expr);
        let mut unknown = Vec::new();
        for (values, position) in positions.0 {
            let own = self.defined.as_ref() == Some(values);
            let element = self.known.get(&values.to_string()).is_some_and(|known| {
                !known.path.is_empty() && self.path.starts_with(&known.path) && matches!(known.what, What::Variable(..))
            });
            let is_other = |name: &Ident| {
                self.known.get(&name.to_string()).is_none_or(|n| n.what == What::Plate) && !known.contains(&name)
            };
            let others: Vec<Ident> =
                self.names(position).into_iter().filter(|name| free.contains(name) && is_other(name)).collect();
            if own {
                unknown.extend(others);
            } else if element && !others.is_empty() {
                self.report(values, before(values));
                unknown.extend(others);
            }
        }
        unknown
    }

    /// Says what is wrong with reading `name` in an expression with `indices`; `None` if nothing is.
    fn misread(&self, name: &Ident, indices: &[(Ident, Ident)]) -> Option<String> {
        let Some(known) = self.known.get(&name.to_string()) else {
            if self.defined.as_ref() == Some(name) {
                return Some(before(name));
            }
            return Some(self.unknown(name));
        };
        if known.what == What::Quantity && !self.in_quantity {
            return Some(format!(
                "`{name}` is a quantity, which is worked out once there are draws: write `let {name} = ..` where the model depends on it"
            ));
        }
        if known.what == What::Plate && self.goes_through(name) {
            return None;
        }
        let mut by = indices.iter().filter(|(values, _)| values == name).map(|(_, index)| index);
        let first = by.clone().next();
        if first.is_some_and(|index| self.is_element(index, known)) {
            return None;
        }
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
        self.misread_element(name, known, first, indices)
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
    fn misread_element(
        &self,
        name: &Ident,
        known: &Name,
        index: Option<&Ident>,
        indices: &[(Ident, Ident)],
    ) -> Option<String> {
        let plate = known.path.last().cloned().unwrap_or_default();
        let declared = index.and_then(|i| self.known.get(&i.to_string()).map(|known| (i, known)));
        let Some((index, Name { path, .. })) = declared.filter(|(_, i)| i.what == What::Index(plate.clone())) else {
            // By an index that is itself read of another plate, as `values[index[by]]`.
            if let Some((index, by)) = indices.iter().find(|(index, _)| self.plate_of(index) == Some(&plate)) {
                return Some(format!(
                    "`{name}` is read by `{index}` of another plate: write `let own = {name}[{index}];` in the plate of `{index}`, and \
                     `own[{by}]` here"
                ));
            }
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
        } else if self.in_order.contains(&plate) {
            Some(format!(
                "the elements of `{plate}` read a `let` of those before them, so that they run in order, each once: another plate cannot \
                 read `{name}` of them"
            ))
        } else if known.summed {
            Some(format!(
                "`{name}` is summed out, or depends on a variable that is, within its own element: another plate cannot read it"
            ))
        } else {
            None
        }
    }

    /// Checks a length: constants and sizes may be in it, and no other name of the model.
    pub fn constant(&mut self, expr: &Expr) {
        for name in self.names(expr) {
            let message = match self.known.get(&name.to_string()).map(|n| &n.what) {
                Some(What::Length) => continue,
                Some(What::Param) => {
                    format!(
                        "`{name}` is a param: write `size {name};` for a length that is a field of the model, or use a `const`"
                    )
                }
                Some(what) => {
                    format!("a length is a constant or a size, `size {name};`, but `{name}` is {}", what.describe())
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
