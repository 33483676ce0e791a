//! The networks of a joint estimator, and their predictions for an element.

use std::sync::Arc;

use super::hierarchy::{EncodedData, Hierarchy, Latents, PlateLatents};
use super::local_task::LocalNetwork;
use super::posterior_estimator::AnyPosteriorEstimator;
use crate::model::AnyModel;
use crate::nn::{self, Prediction};

/// An amortized posterior over the globals and locals of some model.
#[derive(Debug)]
pub(crate) struct AnyJointEstimator {
    pub(super) model: Arc<dyn AnyModel>,
    pub(super) hierarchy: Hierarchy,
    /// `None` where each element is inferred alone.
    pub(super) globals: Option<Arc<AnyPosteriorEstimator>>,
    pub(super) networks: Vec<LocalNetwork>,
    /// The plates whose size was fixed in training, with that size.
    pub(super) sizes: Vec<(String, usize)>,
}

/// Returns the predictions of a network for an element, one for each draw; only one if it reads nothing that differs
/// between draws.
///
/// # Errors
/// Data or draws that are not finite, and data of another shape.
pub(super) fn judge(
    of: &AnyJointEstimator,
    local: &LocalNetwork,
    parts: &EncodedData,
    latents: &Latents,
    own: &PlateLatents,
    element: usize,
) -> Result<Vec<Prediction>, nn::Error> {
    let (hierarchy, task) = (&of.hierarchy, local.task);
    let place = hierarchy.place(parts, task.plate, element);
    let mut outside = Vec::new();
    for draw in 0..latents.draws {
        hierarchy.push_outside(parts, latents, &place, draw, &mut outside);
        task.push_known(hierarchy, own, draw, &mut outside);
    }
    let mut inside = task.batch(hierarchy, 0).0.plates;
    hierarchy.push_inside(parts, &place, &mut inside);
    local.network.predict_outside(&inside, &outside)
}
