//! What may not depend on a discrete global, which is known once everything is.

use syn::Error;

use crate::names::text;
use crate::split::split;
use crate::tree::{Step, Tree};

/// Lists the plates whose elements depend on a discrete global and are read by an index: what the readers find out about them would
/// have to be carried back for each value of it.
pub fn mistakes(tree: &Tree) -> Vec<Error> {
    let all: Vec<&Step> = tree.root.iter().collect();
    let read = split(&all).1.into_iter().filter_map(|step| match step {
        Step::Plate(plate) => plate.exports.iter().find(|export| !export.data).map(|export| (plate, &export.name)),
        _ => None,
    });
    read.map(|(plate, export)| {
        let message = format!(
            "`{0}` of the plate `{1}` is read by an index, and `{1}` depends on a discrete global, which is summed out: put what depends on \
             the discrete global into a plate of its own, which nothing reads",
            text(export),
            text(&plate.name)
        );
        Error::new(plate.name.span(), message)
    })
    .collect()
}
