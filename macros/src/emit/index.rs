//! What `values[index]` reads where it is no indexing as in any Rust.

use proc_macro2::{Ident, TokenStream};

use crate::kind::Kind;
use crate::tree::{Gather, Plate, Tree};

/// Finds what `plate` reads of another plate as `values[at]`; `None` if `values` is of no other plate.
pub fn gathered<'a>(plate: &'a Plate, values: &Ident, at: &Ident) -> Option<&'a Gather> {
    plate.gathers.iter().find(|g| g.values == *values && g.index == *at)
}

/// Finds the length of the vector `values` from outside `plate`; `None` if it is no such vector or `at` is no covariate of the
/// plate that picks one of its numbers.
pub fn picked(tree: &Tree, plate: &Plate, values: &Ident, at: &Ident) -> Option<TokenStream> {
    let vector = tree.symbols.get(&values.to_string())?;
    let covariate = plate.variables().find(|v| v.name == *at)?;
    let outside = vector.plate.as_deref() != Some(&plate.name.to_string());
    let structural = covariate.in_data() && covariate.kind == Kind::Category && covariate.shape.is_none();
    (outside && structural).then(|| vector.shape.clone()).flatten()
}
