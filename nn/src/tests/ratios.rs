//! Ratios: their gradients, what they are to the loss, and how near to the exact ones.

use std::sync::Arc;

use super::differences::{check_gradient, numbers_64};
use super::models::{Conjugate, Mixed};
use super::{assert_close, mixed_network, normal, random, saying, small};
use crate::builder::Builder;
use crate::graph::Input;
use crate::head::Head;
use crate::trunk::TrunkOutput;
use crate::weights::Weights;
use crate::{Activation, Budget, Contrast, Network, Output, RatioScratch, Settings, TrainingSource, train};

fn ratio_output(contrast: Contrast, balance: f32) -> Output {
    Output::Ratio { contrast, balance, width: 6 }
}

#[test]
fn ratios_have_the_gradient_of_their_differences() {
    let mut random = random(17, 0);
    let which = Contrast::Which { others: 3 };
    let any = Contrast::WhichIfAny { others: 3, gamma: 0.7 };
    let logistic = Contrast::WhichIfAny { others: 1, gamma: 1.0 };
    // As many others as there can be, of three that were asked for.
    let many = Contrast::WhichIfAny { others: 60, gamma: 2.0 };
    for (contrast, balance, dims) in [
        (which, 0.0, 2),
        (which, 3.0, 1),
        (any, 0.0, 1),
        (any, 5.0, 2),
        (logistic, 0.0, 1),
        (many, 0.0, 1),
        (Contrast::Label, 0.0, 2),
    ] {
        let output = ratio_output(contrast, balance);
        let mut builder = Builder::new(usize::MAX);
        let context = builder.layer("context", &[2], 3, 1.0);
        let outlet = builder.layer("outlet", &[3], Head::first_bias(output, dims + contrast.labels()).len(), 1.0);
        let head = Head::new(output, dims + contrast.labels(), 3, &mut builder);
        let weights = numbers_64(&mut random, builder.end());
        let data = Arc::new(numbers_64(&mut random, 5 * 2));
        let mut targets = numbers_64(&mut random, 5 * (dims + contrast.labels()));
        if contrast == Contrast::Label {
            targets.chunks_exact_mut(dims + 1).enumerate().for_each(|(set, t)| t[dims] = (set % 2) as f64);
        }
        check_gradient(&weights, 0, |mut graph| {
            let context = graph.affine(5, &[Input::Data(data.clone())], &context, Activation::Gelu)?;
            let output = graph.affine(5, &[Input::Node(context.clone())], &outlet, Activation::None)?;
            head.loss(graph, &TrunkOutput { output, context }, &targets)
        });
    }
}

/// Trains a network, and adds random numbers to its weights, so that none of its parts vanishes.
fn rough_ratio_network(contrast: Contrast) -> Network {
    let shape = Mixed::shape();
    let mut network = train(&shape, &Mixed, &saying(small(256), ratio_output(contrast, 0.0)), |_| ()).unwrap();
    let mut random = random(18, 0);
    let mut weights = network.weights.values.clone();
    weights.iter_mut().for_each(|w| *w += 0.1 * normal(&mut random) as f32);
    network.weights = Arc::new(Weights::new(weights));
    network
}

#[test]
fn a_ratio_is_that_of_the_loss_and_has_the_gradient_of_its_differences() {
    let (batch, targets) = Mixed.draw(9, 0, 5).unwrap();
    for contrast in [Contrast::Which { others: 4 }, Contrast::Label] {
        let network = rough_ratio_network(contrast);
        let (ratio, dims) = (network.ratios(&batch).unwrap(), 2 - contrast.labels());
        let points: Vec<f64> = targets.chunks_exact(2).flat_map(|t| &t[..dims]).copied().map(f64::from).collect();
        let losses = network.losses(&batch, &targets).unwrap();
        for (set, loss) in losses.iter().enumerate() {
            let f = ratio.log_ratios(set, &points);
            // All five sets are told from each other, or each by its label.
            let expected = match contrast {
                Contrast::Label => f[set].exp().ln_1p() - f64::from(targets[2 * set + 1]) * f[set],
                _ => f.iter().map(|f| f.exp()).sum::<f64>().ln() - f[set],
            };
            assert!((loss - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{loss} {expected}");
            let alone = network.ratio(&network.summarise(&batch.slice(set..set + 1)).unwrap()).unwrap();
            assert_close(&alone.log_ratios(0, &points), &f);
        }
        let (mut gradient, mut scratch) = (vec![0.0; points.len()], RatioScratch::default());
        let value = ratio.gradient(&points, &mut gradient, &mut scratch);
        let own = points.chunks_exact(dims).enumerate().map(|(set, point)| ratio.log_ratios(set, point)[0]);
        let own: f64 = own.sum();
        assert!((value - own).abs() < 1e-9 * own.abs());
        for index in 0..points.len() {
            let mut moved = |by: f64| {
                let mut points = points.clone();
                points[index] += by;
                ratio.gradient(&points, &mut vec![0.0; points.len()], &mut scratch)
            };
            let step = 1e-4;
            let expected =
                (8.0 * (moved(step) - moved(-step)) - (moved(2.0 * step) - moved(-2.0 * step))) / (12.0 * step);
            assert!(
                (gradient[index] - expected).abs() < 1e-6 * (1.0 + expected.abs()),
                "{} {expected}",
                gradient[index]
            );
        }
    }
}

#[test]
fn a_network_says_only_what_it_was_trained_for() {
    let (batch, _) = Mixed.draw(9, 0, 5).unwrap();
    let ratios = rough_ratio_network(Contrast::Which { others: 4 });
    assert!(ratios.predict(&batch).unwrap_err().to_string().contains("the network says ratios"));
    assert!(mixed_network().ratios(&batch).unwrap_err().to_string().contains("a ratio was asked for"));
    let settings = Settings { chunks: 128, ..saying(small(256), ratio_output(Contrast::Which { others: 4 }, 0.0)) };
    let error = train(&Mixed::shape(), &Mixed, &settings, |_| ()).unwrap_err().to_string();
    assert!(error.contains("5 data sets are needed") && error.contains("has 2"), "{error}");
}

#[test]
#[ignore = "long: a training to a stated accuracy"]
fn the_ratio_of_a_conjugate_model_is_learned() {
    learn_ratio(1_000_000, 0.1, 0.02);
}

#[test]
fn the_ratio_of_a_conjugate_model_is_learned_roughly() {
    learn_ratio(50_000, 0.6, 0.3);
}

/// Learns the ratio of a conjugate model, which is known: ln N(x | theta) / p(x), as a function of theta the difference of the
/// parabolas of posterior and prior. On average over the posterior, the learned one must be within `most` nats of it, and the
/// posterior that it stands for within `of_posterior` nats of the exact one.
fn learn_ratio(sets: u64, most: f64, of_posterior: f64) {
    for contrast in [Contrast::Which { others: 31 }, Contrast::WhichIfAny { others: 31, gamma: 1.0 }] {
        let start = std::time::Instant::now();
        let output = Output::Ratio { contrast, balance: 0.0, width: 64 };
        let settings = saying(Settings::new(Budget::simulations(sets)), output);
        let network = train(&Conjugate::shape(), &Conjugate, &settings, |_| ()).unwrap();
        for size in [1, 5, 20, 50] {
            let (batch, _) = Conjugate::simulate(&mut random(77, size), std::iter::repeat_n(size, 100));
            let ratio = network.ratios(&batch).unwrap();
            let precision = 1.0 + size as f64;
            let (mut off, mut divergence, mut bias) = (0.0, 0.0, 0.0);
            for (set, rows) in batch.plates[0].features.chunks_exact(size).enumerate() {
                let mean = rows.iter().map(|x| f64::from(*x)).sum::<f64>() / precision;
                // Midpoints of a grid of 6 sd around the posterior.
                let z: Vec<f64> = (0..240).map(|i| (f64::from(i) - 119.5) / 20.0).collect();
                let points: Vec<f64> = z.iter().map(|z| mean + z / precision.sqrt()).collect();
                let exact = |(z, theta): (&f64, &f64)| 0.5 * precision.ln() - 0.5 * z * z + 0.5 * theta * theta;
                let exact: Vec<f64> = z.iter().zip(&points).map(exact).collect();
                let learned = ratio.log_ratios(set, &points);
                let posterior: Vec<f64> =
                    z.iter().map(|z| (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt() / 20.0).collect();
                let mass: f64 = (0..240).map(|i| posterior[i] * (learned[i] - exact[i]).exp()).sum();
                // NRE-B says nothing of the factor.
                let factor = if matches!(contrast, Contrast::Which { .. }) { mass.ln() } else { 0.0 };
                bias += mass.ln() / 100.0;
                for i in 0..240 {
                    off += posterior[i] * (learned[i] - factor - exact[i]).abs() / 100.0;
                    divergence += posterior[i] * (exact[i] - learned[i] + mass.ln()) / 100.0;
                }
            }
            println!(
                "{contrast:?}, n = {size}: off by {off:.4} nats, KL {divergence:.5}, ln factor {bias:.4}, {:?}",
                start.elapsed()
            );
            assert!(off < most, "n = {size}: ln ratio is off by {off}");
            assert!(divergence < of_posterior, "n = {size}: the posterior is off by {divergence} nats");
        }
    }
}
