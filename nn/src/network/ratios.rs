//! The ratios of data sets, for networks that have learned ratios.

use super::{Network, Sums};
use crate::batch::Batch;
use crate::error::Error;
use crate::head::Head;
use crate::ratio::Ratio;

impl Network {
    /// Returns the ratio of one data set, from what the network keeps of it.
    ///
    /// # Errors
    /// If the network says something other than ratios, or the sums are those of a network of another shape.
    pub fn ratio(&self, sums: &Sums) -> Result<Ratio, Error> {
        let (judged, _) = self.judge_sums(sums)?;
        self.ratio_of(&judged.output.values, &judged.context.values)
    }

    /// Returns the ratio of each data set of a batch.
    ///
    /// # Errors
    /// If the network says something other than ratios; if the batch does not have the network's
    /// [`shape`](Network::shape), or holds a number that is not finite.
    pub fn ratios(&self, batch: &Batch) -> Result<Ratio, Error> {
        batch.check(&self.shape)?;
        let (mut output, mut context) = (Vec::new(), Vec::new());
        for (judged, _) in self.judge_batch(batch)? {
            output.extend_from_slice(&judged.output.values);
            context.extend_from_slice(&judged.context.values);
        }
        self.ratio_of(&output, &context)
    }

    /// Returns the ratio of each of some data sets, from their outputs and contexts.
    fn ratio_of(&self, output: &[f32], context: &[f32]) -> Result<Ratio, Error> {
        match &self.plan.head {
            Head::Ratio(head) => Ok(Ratio::new(head, &self.weights, output, context, &self.reader.targets)),
            _ => Err(Error::Says { says: "a distribution of its targets", asked: "a ratio" }),
        }
    }
}
