//! How well a network predicts the targets of data sets.

use dfdx::prelude::NoneTape;

use super::Network;
use super::slices::in_slices;
use crate::batch::Batch;
use crate::error::Error;
use crate::features::EncodedPlate;
use crate::graph::Graph;

impl Network {
    /// Computes -ln q(target | data) of each data set, in nats of the targets as they were given; `targets` is sets x D.
    ///
    /// # Errors
    /// Those of [`predict`](Network::predict), and if `targets` has the wrong length.
    pub fn losses(&self, batch: &Batch, targets: &[f32]) -> Result<Vec<f64>, Error> {
        self.losses_of(batch, targets, <[f32]>::to_vec, |batch, _| self.reader.encode(batch))
    }

    /// Computes for each data set the loss that training minimises. If the network reads rows in their order, this is a
    /// mean over beginnings; otherwise it is [`losses`](Network::losses).
    pub(crate) fn training_losses(&self, batch: &Batch, targets: &[f32]) -> Result<Vec<f64>, Error> {
        let targets_to_learn = |targets: &[f32]| self.reader.targets_to_learn(targets);
        let each = self.losses_of(batch, targets, targets_to_learn, |batch, place| {
            self.reader.encode_to_learn(batch, place as u64)
        })?;
        let readings = self.reader.readings();
        Ok(each.chunks_exact(readings).map(|losses| losses.iter().sum::<f64>() / readings as f64).collect())
    }

    /// Computes losses, slice by slice: `encode` returns what is read of some data sets, given the place of the first of
    /// them, and `of_targets` the targets that belong to it.
    fn losses_of(
        &self,
        batch: &Batch,
        targets: &[f32],
        of_targets: impl Fn(&[f32]) -> Vec<f32> + Sync,
        encode: impl Fn(&Batch, usize) -> Vec<EncodedPlate> + Sync,
    ) -> Result<Vec<f64>, Error> {
        batch.check(&self.shape)?;
        let dims = self.shape.targets;
        if targets.len() != batch.sets * dims {
            return Err(Error::Shape(format!(
                "{} targets where {} data sets have {dims} each",
                targets.len(),
                batch.sets
            )));
        }
        let slices = in_slices(batch, self.architecture.output.least_sets(), |sets| {
            let targets = of_targets(&targets[sets.start * dims..sets.end * dims]);
            let place = sets.start;
            let mut graph = Graph::<f32, NoneTape>::new(self.weights.clone(), self.plan.shared)?;
            let plates = encode(&batch.slice(sets), place);
            let scales = self.reader.scales(targets.len() / dims, &plates);
            let judged = self.plan.forward(&mut graph, targets.len() / dims, plates)?;
            let loss = self.plan.head.loss(graph, &judged, &self.reader.standardise(&targets, &scales))?;
            Ok(self.plan.head.in_nats(&loss.each, &scales))
        })?;
        Ok(slices.into_iter().flatten().collect())
    }
}
