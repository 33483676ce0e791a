//! How long to train on a bank, with which layers, and how many networks: what its held-out simulations tell.
//!
//! Simulations that are seen again and again are learned by heart after a while, and after how long depends on the model and on
//! how many there are. So networks are trained one after the other, each anew: the first ones differ in how they read plates;
//! the next has the better layers and sees three times as many data sets, and so on, until the loss on held-out simulations
//! no longer falls. Other networks of the best length follow until the budget is spent. The posterior is the average of the
//! best of all of them, as many as make the average best.

use std::time::Duration;

use super::InferenceError;
use super::training::remarks_on;
use crate::nn::{Batch, Budget, HeldOut, Network, Prediction, Settings};

/// The data sets that the first networks see, if there is time for as many.
const FIRST: u64 = 200_000;
/// How many times more the next one sees.
const LONGER: u64 = 3;
/// The fall of the loss below which a longer training does not pay, in nats.
const WORTH: f64 = 0.01;
/// A network that is at its best before this share of its training has learned its simulations by heart.
const LATE: f64 = 0.85;
/// The most networks of the best length, and the most in an average.
const MEMBERS: usize = 6;

/// A network that was trained, and its loss on each of the data sets that were held out.
pub(super) struct Trial {
    pub(super) network: Network,
    pub(super) losses: Vec<f64>,
}

/// What has been trained.
struct Search {
    trials: Vec<Trial>,
    /// Data sets seen, and seconds.
    sets: u64,
    seconds: f64,
}

impl Search {
    /// Tells whether another network that sees `sets` data sets is within the budget.
    fn affords(&self, sets: u64, budget: Budget) -> bool {
        match budget {
            Budget::Time(time) => {
                let speed = self.sets as f64 / self.seconds.max(1e-9);
                self.seconds + sets as f64 / speed <= time.as_secs_f64()
            }
            Budget::Simulations(most) | Budget::UntilConverged(most) => self.sets + sets <= most,
            _ => false,
        }
    }

    /// Trains a network as `settings` say on `sets` data sets, with a seed of its own; returns its loss.
    fn run(
        &mut self,
        settings: &Settings,
        sets: u64,
        train: &dyn Fn(usize, &Settings) -> Result<Trial, InferenceError>,
    ) -> Result<f64, InferenceError> {
        let settings = Settings { budget: Budget::simulations(sets), ..settings.clone() };
        let trial = train(self.trials.len(), &settings)?;
        self.add(&trial.network);
        let loss = mean(&trial.losses);
        self.trials.push(trial);
        Ok(loss)
    }

    /// Returns whether the best network was at its best near its end: else it has begun to learn simulations by heart.
    fn still_falls(&self) -> bool {
        let best = self.trials.iter().min_by(|a, b| mean(&a.losses).total_cmp(&mean(&b.losses)));
        let history = best.map_or(&[][..], |trial| trial.network.history());
        let best = history.iter().min_by(|a, b| a.validation.total_cmp(&b.validation));
        best.zip(history.last()).is_some_and(|(best, last)| best.sets as f64 > LATE * last.sets as f64)
    }

    /// Adds what the training of a network has taken.
    fn add(&mut self, network: &Network) {
        if let Some(last) = network.history().last() {
            (self.sets, self.seconds) = (self.sets + last.sets, self.seconds + last.seconds);
        }
    }
}

/// Trains networks within a budget, and returns the best of them, the very best first. `candidates` are ways to train, and
/// `train` trains the i-th network.
///
/// # Errors
/// A training fails.
pub(super) fn search(
    candidates: &[Settings],
    budget: Budget,
    train: &dyn Fn(usize, &Settings) -> Result<Trial, InferenceError>,
) -> Result<Vec<Network>, InferenceError> {
    let mut search = Search { trials: Vec::new(), sets: 0, seconds: 0.0 };
    let all = match budget {
        Budget::Time(time) => {
            let moment = Budget::Time((time / 20).min(Duration::from_secs(2)));
            let network = train(0, &Settings { budget: moment, ..candidates[0].clone() })?.network;
            search.add(&network);
            (time.as_secs_f64() * search.sets as f64 / search.seconds.max(1e-9)) as u64
        }
        Budget::Simulations(most) | Budget::UntilConverged(most) => most,
        _ => 0,
    };
    // A quarter of the budget is for the first networks, at most.
    let mut sets = FIRST.min(all / (4 * candidates.len() as u64)).max(1);
    let mut best: Option<(f64, &Settings)> = None;
    for settings in candidates {
        if best.is_some() && !search.affords(sets, budget) {
            break;
        }
        let loss = search.run(settings, sets, train)?;
        if best.is_none_or(|best| loss < best.0) {
            best = Some((loss, settings));
        }
    }
    let Some((mut loss, settings)) = best else { return Ok(Vec::new()) };
    let mut gain = f64::INFINITY;
    while search.affords(LONGER * sets, budget) && search.still_falls() {
        let longer = search.run(settings, LONGER * sets, train)?;
        gain = loss - longer;
        if gain > 0.0 {
            (loss, sets) = (longer, LONGER * sets);
        }
        if gain < WORTH {
            break;
        }
    }
    let cut_short = gain >= WORTH && search.still_falls();
    for _ in 1..MEMBERS {
        if !search.affords(sets, budget) {
            break;
        }
        search.run(settings, sets, train)?;
    }
    let mut networks = best_average(search.trials);
    if let Some(first) = networks.first_mut().filter(|_| cut_short) {
        first.remark(format!(
            "there was no time for a training on more than {sets} data sets, to see whether posteriors become narrower: train \
             longer"
        ));
    }
    Ok(networks)
}

/// Remarks on the first of some networks how the average of their posteriors is miscalibrated on data sets that were held out,
/// whose numbers have these `names`.
///
/// # Errors
/// The data sets are not of the networks' shape.
pub(super) fn judge(
    networks: &mut [Network],
    batch: &Batch,
    targets: &[f32],
    names: &[String],
) -> Result<(), InferenceError> {
    let batch = batch.slice(0..batch.sets.min(HeldOut::SETS));
    let each = networks.iter().map(|network| network.predict(&batch)).collect::<Result<Vec<_>, _>>()?;
    let average = |set: usize| Prediction::Ensemble(each.iter().map(|predictions| predictions[set].clone()).collect());
    let check = HeldOut::of(&(0..batch.sets).map(average).collect::<Vec<_>>(), targets);
    if let Some(first) = networks.first_mut() {
        remarks_on(names, &check).into_iter().for_each(|remark| first.remark(remark));
    }
    Ok(())
}

/// Returns the networks with the least losses, as many as make the loss of the average of their posteriors least, in the order
/// of their losses.
fn best_average(mut trials: Vec<Trial>) -> Vec<Network> {
    trials.sort_by(|a, b| mean(&a.losses).total_cmp(&mean(&b.losses)));
    let sets = trials.first().map_or(0, |trial| trial.losses.len());
    // The sums of the densities at each data set, as logarithms.
    let mut sums = vec![f64::NEG_INFINITY; sets];
    let (mut least, mut count) = (f64::INFINITY, 1);
    for (index, trial) in trials.iter().take(MEMBERS).enumerate() {
        let add = |(sum, loss): (&mut f64, &f64)| {
            let (high, low) = (sum.max(-loss), sum.min(-loss));
            *sum = high + (low - high).exp().ln_1p();
        };
        sums.iter_mut().zip(&trial.losses).for_each(add);
        let loss = ((index + 1) as f64).ln() - mean(&sums);
        if loss < least {
            (least, count) = (loss, index + 1);
        }
    }
    trials.truncate(count);
    trials.into_iter().map(|trial| trial.network).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
