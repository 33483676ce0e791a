//! A sum: what it runs over, and the name of its position.

use syn::{Expr, ExprRange};

use super::scope::{Checker, Name, What};
use crate::names::text;
use crate::sums::{self, Sum};

impl Checker {
    /// Checks the sums in `expr`.
    pub fn sums(&mut self, expr: &Expr) {
        let mut mistakes = Vec::new();
        sums::each(expr, &mut |sum| {
            if self.known.contains_key(&sum.position.to_string()) {
                let message = format!("`{}` is declared already: give the position a name of its own", sum.position);
                mistakes.push((sum.position.clone(), message));
            }
            mistakes.extend(self.range(&sum).map(|message| (sum.word.clone(), message)));
        });
        mistakes.into_iter().for_each(|(at, message)| self.report(at, message));
    }

    /// Says what is wrong with what `sum` runs over; `None` if nothing is.
    fn range(&self, sum: &Sum) -> Option<String> {
        let (word, i) = (sum.word, sum.position);
        let Some(plate) = sum.plate() else {
            return match sum.over {
                Expr::Range(ExprRange { start: Some(_), end: Some(_), .. }) => None,
                _ => Some(format!("`{word}` runs over a range with both its ends, `{word}({i} in 0..3, x[{i}])`")),
            };
        };
        let name = text(plate);
        match self.known.get(&plate.to_string()) {
            Some(Name { what: What::Plate, path, .. }) if !path.is_empty() => {
                Some(format!("only a plate that is in no other can be gone through: `{name}` is nested"))
            }
            Some(Name { what: What::Plate, .. }) if self.path.contains(&plate.to_string()) => {
                Some(format!("what goes through all of `{name}` stands after it, outside of its braces"))
            }
            Some(Name { what: What::Plate, .. }) if !self.in_quantity => Some(format!(
                "elements of `{name}` are independent given what is outside, so that nothing in the density goes through them all: what is \
                 worked out of draws can, `quantity total = {word}({i} in {name}, ..);`"
            )),
            Some(Name { what: What::Plate, .. }) => None,
            Some(other) => Some(format!(
                "`{word}` runs over a range, `{word}({i} in 0..3, x[{i}])`, or in a quantity over the elements of a plate, and `{name}` is {}",
                other.what.describe()
            )),
            // An unknown name is reported as any.
            None => None,
        }
    }

    /// Tells whether a sum of the expression at hand runs over the plate `name`.
    pub fn goes_through(&self, name: &proc_macro2::Ident) -> bool {
        self.over.iter().any(|(_, plate)| plate == name)
    }

    /// Tells whether `index` is the position of a sum over the plate that `known` belongs to.
    pub fn is_element(&self, index: &proc_macro2::Ident, known: &Name) -> bool {
        let of = self.over.iter().find(|(position, _)| position == index);
        // Of a plate that is nested it is reported that no sum goes through it.
        of.is_some_and(|(_, plate)| known.path.last() == Some(&plate.to_string()))
    }
}
