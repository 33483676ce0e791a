//! What may not depend on a discrete global, which is known once everything is.

use syn::Error;

use crate::split::split;
use crate::names::text;
use crate::tree::{Plate, Step, Tree, all_plates};

/// Lists the plates whose elements depend on a discrete global and are read by an index: what the readers find out about them would
/// have to be carried back for each value of it.
pub fn mistakes(tree: &Tree) -> Vec<Error> {
    let all: Vec<&Step> = tree.root.iter().collect();
    let read = split(&all).1.into_iter().filter_map(|step| match step {
        Step::Plate(plate) => plate.exports.iter().find(|export| !export.data).map(|export| (plate, &export.name)),
        _ => None,
    });
    let mut mistakes: Vec<Error> = read.map(|(plate, export)| {
        let message = format!(
            "`{0}` of the plate `{1}` is read by an index, and `{1}` depends on a discrete global, which is summed out: put what depends on \
             the discrete global into a plate of its own, which nothing reads",
            text(export),
            text(&plate.name)
        );
        Error::new(plate.name.span(), message)
    })
    .collect();
    for step in split(&all).1 {
        let Step::Plate(plate) = step else { continue };
        let within = std::iter::once(plate).chain(all_plates(&plate.steps));
        mistakes.extend(within.filter_map(Plate::chain).map(|state| {
            let message = format!(
                "the states `{}` stand in a plate that depends on a discrete global: both are summed out, and not together. Give the \
                 discrete global up, for one model for each of its values",
                text(&state.name)
            );
            Error::new(state.name.span(), message)
        }));
    }
    mistakes
}
