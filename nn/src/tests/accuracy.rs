//! What networks have learned is compared with exact posteriors.

use super::models::{Conjugate, Nested};
use super::{moments, random};
use crate::{Budget, Network, Settings, TrainingSource, train};

/// How near to the exact posteriors a network has to be on average: means within `sds` standard deviations, standard
/// deviations within the share `share`.
#[derive(Clone, Copy)]
pub(super) struct Near {
    pub(super) sds: f64,
    pub(super) share: f64,
}

/// The first is for a training that takes minutes, the second for one that takes seconds.
pub(super) const EXACT: Near = Near { sds: 0.1, share: 0.05 };
pub(super) const ROUGH: Near = Near { sds: 0.4, share: 0.2 };

#[test]
#[ignore = "long: a training to a stated accuracy"]
fn a_conjugate_model_is_learned_at_every_size() {
    learn_conjugate(1_000_000, EXACT);
}

#[test]
fn a_conjugate_model_is_learned_roughly() {
    learn_conjugate(50_000, ROUGH);
}

fn learn_conjugate(sets: u64, near: Near) {
    let settings = Settings::new(Budget::simulations(sets));
    let network = train(&Conjugate::shape(), &Conjugate, &settings, |_| ()).unwrap();
    assert_conjugate(&network, near);
}

/// Checks that a network that was trained on [`Conjugate`] knows the exact posterior.
pub(super) fn assert_conjugate(network: &Network, near: Near) {
    for size in [1, 5, 20, 50] {
        let (batch, _) = Conjugate::simulate(&mut random(77, size), std::iter::repeat_n(size, 400));
        let found = network.predict(&batch).unwrap();
        let sd = 1.0 / (1.0 + size as f64).sqrt();
        let mean = |set: &[f32]| set.iter().map(|value| f64::from(*value)).sum::<f64>() / (1.0 + size as f64);
        let exact = batch.plates[0].features.chunks_exact(size).map(mean);
        let found: Vec<(f64, f64)> = found.iter().map(moments).collect();
        let off = exact.zip(&found).map(|(exact, found)| ((found.0 - exact) / sd).abs()).sum::<f64>() / 400.0;
        let ratio = found.iter().map(|found| found.1).sum::<f64>() / sd / 400.0;
        println!("n = {size}: mean off by {off:.4} sd, sd ratio {ratio:.4}");
        assert!(off < near.sds, "n = {size}: the mean is off by {off} posterior sd");
        assert!((ratio - 1.0).abs() < near.share, "n = {size}: the sd is {ratio} of the exact one");
    }
}

#[test]
#[ignore = "long: a training to a stated accuracy"]
fn a_nested_model_is_learned() {
    learn_nested(200_000, Near { sds: 0.15, ..EXACT });
}

#[test]
fn a_nested_model_is_learned_roughly() {
    learn_nested(20_000, ROUGH);
}

fn learn_nested(sets: u64, near: Near) {
    let settings = Settings::new(Budget::simulations(sets));
    let network = train(&Nested::shape(), &Nested, &settings, |_| ()).unwrap();
    let (batch, _) = Nested.draw(77, 0, 400).unwrap();
    let found = network.predict(&batch).unwrap();
    let (mut off, mut ratio) = (0.0, 0.0);
    for set in 0..400 {
        let (mean, sd) = Nested::posterior(&batch, set);
        let found = moments(&found[set]);
        off += ((found.0 - mean) / sd).abs() / 400.0;
        ratio += found.1 / sd / 400.0;
    }
    println!("nested: mean off by {off:.4} sd, sd ratio {ratio:.4}");
    assert!(off < near.sds, "the mean is off by {off} posterior sd");
    assert!((ratio - 1.0).abs() < near.share, "the sd is {ratio} of the exact one");
}
