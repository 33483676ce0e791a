//! What a network says is a density: that of its loss and of its draws.

use std::sync::Arc;

use super::models::Mixed;
use super::{normal, numbers, random, saying, small};
use crate::mixture::MixtureHead;
use crate::weights::Weights;
use crate::{Family, TrainingSource, train};

#[test]
fn a_mixture_is_the_density_that_its_loss_says_and_that_its_draws_have() {
    let mut random = random(5, 0);
    let (dims, scales) = (2, [(0.3, 2.0), (-1.0, 0.5)]);
    let head = MixtureHead::new(dims, 3, true);
    let outputs: Vec<f32> = numbers(&mut random, head.outputs());
    let mixture = head.read(&outputs, &scales);
    let target = [0.7, -1.2];
    let standardised: Vec<f64> =
        target.iter().zip(scales).map(|(t, (m, s))| (t - f64::from(m)) / f64::from(s)).collect();
    let mut row: Vec<f64> = outputs.iter().map(|output| f64::from(*output)).collect();
    let loss = head.loss_of(&mut row, &standardised, &mut Vec::new());
    let nats = loss + std::f64::consts::TAU.ln() + 2.0_f64.ln() + 0.5_f64.ln();
    assert!((mixture.log_density(&target) + nats).abs() < 1e-6);
    // E[1 / density] over draws within a box is the box's size: the sd of the mean is below 1 % here, 5 are allowed.
    let (count, mut sum) = (200_000, 0.0);
    for _ in 0..count {
        let draw = mixture.sample(&mut random);
        if draw.iter().zip(scales).all(|(x, (m, s))| ((x - f64::from(m)) / f64::from(s)).abs() < 1.0) {
            sum += (-mixture.log_density(&draw)).exp() / f64::from(count);
        }
    }
    assert!((sum / 4.0 - 1.0).abs() < 0.05, "{sum}");
}

/// Flows with random weights: the density integrates to 1, is that of the loss, and is that of the draws.
#[test]
fn a_flow_is_the_density_that_its_loss_says_and_that_its_draws_have() {
    for family in [Family::Maf { steps: 3, width: 8 }, Family::Nsf { steps: 3, width: 8, bins: 6 }] {
        let network = train(&Mixed::shape(), &Mixed, &saying(small(256), family), |_| ()).unwrap();
        let mut network = network;
        let mut random = random(15, 0);
        let mut weights = network.weights.values.clone();
        for parameter in network.plan.parameters.iter().filter(|p| p.name.starts_with("flow")) {
            weights[parameter.slot.range()].iter_mut().for_each(|w| *w += 0.2 * normal(&mut random) as f32);
        }
        network.weights = Arc::new(Weights::new(weights));
        let (batch, targets) = Mixed.draw(9, 0, 3).unwrap();
        let flows = network.predict(&batch).unwrap();
        let losses = network.losses(&batch, &targets).unwrap();
        for ((flow, loss), target) in flows.iter().zip(losses).zip(targets.chunks_exact(2)) {
            let target: Vec<f64> = target.iter().map(|x| f64::from(*x)).collect();
            assert!((flow.log_densities(&target)[0] + loss).abs() < 1e-4, "{loss}");
        }
        let flow = &flows[0];
        // A grid wide enough for all of the mass; the midpoint rule is exact to far more digits than are asked for.
        let draws = flow.sample(100_000, &mut random);
        let range = |dim: usize| {
            let of = || draws.iter().skip(dim).step_by(2).copied();
            let (low, high) = (of().fold(f64::INFINITY, f64::min), of().fold(f64::NEG_INFINITY, f64::max));
            let margin = 0.3 * (high - low);
            (low - margin, high + margin)
        };
        let (x, y) = (range(0), range(1));
        let count = 700;
        let step = [(x.1 - x.0) / f64::from(count), (y.1 - y.0) / f64::from(count)];
        let centre = [0.4 * x.0 + 0.6 * x.1, 0.5 * (y.0 + y.1)];
        let (mut mass, mut corner) = (0.0, 0.0);
        for i in 0..count {
            let points: Vec<f64> = (0..count)
                .flat_map(|j| [x.0 + (f64::from(i) + 0.5) * step[0], y.0 + (f64::from(j) + 0.5) * step[1]])
                .collect();
            for (point, log_density) in points.chunks_exact(2).zip(flow.log_densities(&points)) {
                mass += log_density.exp() * step[0] * step[1];
                if point[0] < centre[0] && point[1] < centre[1] {
                    corner += log_density.exp() * step[0] * step[1];
                }
            }
        }
        assert!((mass - 1.0).abs() < 2e-3, "{family:?}: the density integrates to {mass}");
        let share = draws.chunks_exact(2).filter(|d| d[0] < centre[0] && d[1] < centre[1]).count() as f64 / 1e5;
        // Five standard errors, and the cells that the corner cuts.
        assert!(
            (share - corner).abs() < 5.0 * 0.5 / 1e5_f64.sqrt() + 2e-3,
            "{family:?}: {share} of draws, {corner} of mass"
        );
    }
}
