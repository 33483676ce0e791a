//! What estimators conclude, as draws by name.

use super::{JointPosterior, Posterior, RatioPosterior};
use crate::model::Model;
use crate::sampling::{Inferred, Summary};

impl<M: Model> Inferred for Posterior<M> {
    fn names(&self) -> Vec<String> {
        self.names().into_iter().map(str::to_owned).collect()
    }

    fn draws(&self, count: usize) -> Vec<Vec<f64>> {
        self.sample(count, 0)
    }

    fn summary(&self) -> Summary {
        self.summary()
    }
}

impl<M: Model> Inferred for JointPosterior<M> {
    fn names(&self) -> Vec<String> {
        self.names()
    }

    fn draws(&self, count: usize) -> Vec<Vec<f64>> {
        self.sample(count, 0)
    }

    fn summary(&self) -> Summary {
        self.summary()
    }
}

impl<M: Model> Inferred for RatioPosterior<M> {
    fn names(&self) -> Vec<String> {
        self.names().to_vec()
    }

    fn draws(&self, count: usize) -> Vec<Vec<f64>> {
        self.sample(count, 0)
    }

    fn summary(&self) -> Summary {
        self.summary()
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings()
    }
}
