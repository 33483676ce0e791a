//! Attention: its operations by finite differences and against plain sums, and the networks that read rows by it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use super::accuracy::{EXACT, Near, ROUGH, assert_conjugate};
use super::differences::{check_gradient, end, graph, layer, numbers_64};
use super::models::{Conjugate, Mixed};
use super::{assert_close, densities, mixed_network, moments, normal, random, small};
use crate::attention::Heads;
use crate::features::FeatureExtractor;
use crate::graph::Input;
use crate::layout::Layout;
use crate::mixture::MixtureHead;
use crate::{
    Activation, Architecture, Batch, Budget, Encoder, Family, Network, Prediction, Settings, Shape, Trainer,
    TrainingSource, Trunk, train,
};

/// Rows of five sets, one of them empty, one longer than a tile.
const OFFSETS: [usize; 6] = [0, 3, 3, 4, 70, 72];
const WIDTH: usize = 4;

fn attention(encoder: Encoder) -> Settings {
    let settings = small(2048);
    Settings { architecture: Architecture { encoder, ..settings.architecture.clone() }, ..settings }
}

/// A few blocks that fit on a page.
const SMALL: Encoder = Encoder::Attention { width: 8, heads: 2, blocks: 2, inducing: 3 };

fn heads(causal: bool) -> Heads {
    let keys = if causal { OFFSETS.to_vec() } else { vec![0, 2, 3, 3, 20, 25] };
    Heads { heads: 2, queries: Arc::new(OFFSETS.to_vec()), keys: Arc::new(keys), causal }
}

#[test]
fn attention_has_the_gradient_of_its_differences() {
    let mut random = random(31, 0);
    let head = MixtureHead::new(1, 1, true);
    let query = layer(0, &[2], WIDTH);
    let memory = layer(end(&query), &[3], 2 * WIDTH);
    let outlet = layer(end(&memory), &[WIDTH], WIDTH);
    let last = layer(end(&outlet), &[WIDTH], head.outputs());
    // Scores of different sizes, so that weights are far from equal.
    let weights: Vec<f64> = (0..end(&last)).map(|_| normal(&mut random)).collect();
    for causal in [false, true] {
        let heads = heads(causal);
        let (rows, keys) = (OFFSETS[5], heads.keys[5]);
        let queries = Arc::new(numbers_64(&mut random, 2 * rows));
        let keys = Arc::new(numbers_64(&mut random, 3 * keys));
        let targets = numbers_64(&mut random, 5);
        check_gradient(&weights, end(&outlet), |mut graph| {
            let q = graph.affine(rows, &[Input::Data(queries.clone())], &query, Activation::None)?;
            let kv = graph.affine(keys.len() / 3, &[Input::Data(keys.clone())], &memory, Activation::None)?;
            let found = graph.attend(&q, &kv, heads.clone())?;
            let x = graph.add_affine(&q, &found, &outlet)?;
            let pooled = graph.pool(&x, &OFFSETS, None)?;
            let output = graph.affine(5, &[Input::Node(pooled)], &last, Activation::None)?;
            head.loss(graph, &output, &targets)
        });
    }
}

#[test]
fn attention_is_a_weighed_mean() {
    let mut random = random(32, 0);
    let one = |width: usize| layer(0, &[width], width);
    let identity = |width: usize| -> Vec<f64> {
        (0..width * (width + 1)).map(|at| f64::from(u8::from(at < width * width && at % (width + 1) == 0))).collect()
    };
    for causal in [false, true] {
        let heads = heads(causal);
        let queries: Vec<f64> = (0..OFFSETS[5] * WIDTH).map(|_| 2.0 * normal(&mut random)).collect();
        let memory: Vec<f64> = (0..heads.keys[5] * 2 * WIDTH).map(|_| 2.0 * normal(&mut random)).collect();
        // An affine map with the identity makes nodes of the data; one set of weights serves both.
        let mut weights = identity(WIDTH);
        weights.extend(identity(2 * WIDTH));
        let mut second = one(2 * WIDTH);
        second.weights[0].offset += WIDTH * (WIDTH + 1);
        second.bias.offset += WIDTH * (WIDTH + 1);
        let mut graph = graph(weights, 0);
        let (q, kv) = (Input::Data(Arc::new(queries.clone())), Input::Data(Arc::new(memory.clone())));
        let q = graph.affine(OFFSETS[5], &[q], &one(WIDTH), Activation::None).unwrap();
        let kv = graph.affine(heads.keys[5], &[kv], &second, Activation::None).unwrap();
        let found = graph.attend(&q, &kv, heads.clone()).unwrap();
        let mut expected: Vec<f64> = Vec::new();
        for set in 0..5 {
            for query in OFFSETS[set]..OFFSETS[set + 1] {
                let last = if causal { query + 1 } else { heads.keys[set + 1] };
                for column in 0..WIDTH {
                    let head = column / 2 * 2;
                    let score = |key: usize| {
                        let product = |c: usize| queries[query * WIDTH + c] * memory[key * 2 * WIDTH + c];
                        (product(head) + product(head + 1)) / 2.0_f64.sqrt()
                    };
                    let keys = heads.keys[set]..last;
                    let sum: f64 = keys.clone().map(|key| score(key).exp()).sum();
                    let value = |key: usize| memory[key * 2 * WIDTH + WIDTH + column];
                    expected.push(keys.map(|key| score(key).exp() / sum * value(key)).sum());
                }
            }
        }
        assert_eq!(found.values.len(), expected.len());
        for (found, expected) in found.values.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-10, "{found} and {expected}");
        }
    }
}

/// One plate at the top: of numbers with heavy tails, a plate inside it, and numbers outside; empty sets among them.
struct Ordered;

impl Ordered {
    fn shape() -> Shape {
        let Shape { width, mut plates, targets } = Mixed::shape();
        plates.truncate(1);
        Shape { width, plates, targets }
    }
}

impl TrainingSource for Ordered {
    type Error = Infallible;

    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), Infallible> {
        let (mut batch, targets) = Mixed.draw(step, first, sets)?;
        batch.plates.truncate(1);
        Ok((batch, targets))
    }
}

#[test]
fn a_causal_network_has_the_gradient_of_its_differences() {
    let (pilot, targets) = Ordered.draw(0, 0, 64).unwrap();
    let architecture = Architecture {
        bins: 8,
        element_layers: vec![3],
        encoder: Encoder::Causal { width: 6, heads: 2, blocks: 1 },
        trunk: Trunk::Residual { width: 5, blocks: 1 },
        output: Family::Mixture { components: 2 }.into(),
        ..Architecture::default()
    };
    let reader = FeatureExtractor::fit(&pilot, &targets, &Ordered::shape(), &architecture);
    let plan = Layout::new(&reader, &architecture, &[], usize::MAX).unwrap();
    let mut random = random(4, 0);
    let weights: Vec<f64> =
        plan.initialise(1).into_iter().map(|weight| f64::from(weight) + 0.05 * normal(&mut random)).collect();
    let (batch, targets) = Ordered.draw(1, 0, 3).unwrap();
    let targets: Vec<f64> = reader.targets_to_learn(&targets).into_iter().map(f64::from).collect();
    assert_eq!(targets.len(), 3 * 2 * reader.readings());
    check_gradient(&weights, plan.shared, |mut graph| {
        let output = plan.forward(&mut graph, 3 * reader.readings(), reader.encode_to_learn(&batch, 0))?;
        plan.head.loss(graph, &output, &targets)
    });
}

/// After each row, as if that row were the last.
#[test]
fn a_causal_transformer_reads_beginnings() {
    let encoder = Encoder::Causal { width: 8, heads: 2, blocks: 2 };
    let train = || train(&Ordered::shape(), &Ordered, &attention(encoder), |_| ()).unwrap();
    let with_threads = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(train);
    let network = with_threads(2);
    assert_eq!(network.weights, with_threads(1).weights);

    let (batch, targets) = Ordered.draw(9, 0, 100).unwrap();
    let found = network.predict_prefixes(&batch).unwrap();
    let whole = network.predict(&batch).unwrap();
    for set in 0..100 {
        let alone = batch.slice(set..set + 1);
        assert_eq!(found[set].len(), alone.plates[0].rows());
        for (seen, found) in found[set].iter().enumerate() {
            let plates = vec![alone.plates[0].part(0..seen + 1)];
            let beginning = network.predict(&Batch { plates, ..alone.clone() }).unwrap();
            assert_close(&densities(std::slice::from_ref(found)), &densities(&beginning));
        }
        assert_close(&densities(&network.predict(&alone).unwrap()), &densities(&whole[set..set + 1]));
        if let Some(last) = found[set].last() {
            assert_close(&densities(std::slice::from_ref(last)), &densities(&whole[set..set + 1]));
        }
    }
    assert!(found.iter().any(Vec::is_empty), "no empty set");
    assert!(network.losses(&batch, &targets).unwrap().iter().all(|loss| loss.is_finite()));

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("network.safetensors");
    network.save(&path, &BTreeMap::new()).unwrap();
    let (loaded, _) = Network::load(&path).unwrap();
    assert_eq!(loaded, network);
    assert_eq!(loaded.predict_prefixes(&batch).unwrap(), found);

    // Which beginnings are read depends on the step: an interrupted training reads the same.
    let (shape, settings) = (Ordered::shape(), attention(encoder));
    let mut trainer = Trainer::new(&shape, &Ordered, &settings).unwrap();
    for _ in 0..3 {
        trainer.step().unwrap();
    }
    trainer.save(&path, &BTreeMap::new()).unwrap();
    let (mut trainer, _) = Trainer::resume(&shape, &Ordered, &settings, &path).unwrap();
    while !trainer.done() {
        trainer.step().unwrap();
    }
    assert_eq!(trainer.finish().weights, network.weights);

    assert!(network.summarise(&batch.slice(0..1)).is_err());
    let error = mixed_network().predict_prefixes(&Mixed.draw(9, 0, 1).unwrap().0).unwrap_err().to_string();
    assert!(error.contains("order"), "{error}");
    let error = crate::train(&Mixed::shape(), &Mixed, &attention(encoder), |_| ()).unwrap_err().to_string();
    assert!(error.contains("2 plates"), "{error}");
}

#[test]
fn a_network_with_attention_has_the_gradient_of_its_differences() {
    let (pilot, targets) = Mixed.draw(0, 0, 64).unwrap();
    let architecture = Architecture {
        bins: 8,
        element_layers: vec![3],
        encoder: Encoder::Attention { width: 6, heads: 2, blocks: 1, inducing: 2 },
        trunk: Trunk::Residual { width: 5, blocks: 1 },
        output: Family::Mixture { components: 2 }.into(),
        ..Architecture::default()
    };
    let reader = FeatureExtractor::fit(&pilot, &targets, &Mixed::shape(), &architecture);
    let plan = Layout::new(&reader, &architecture, &[], usize::MAX).unwrap();
    let mut random = random(4, 0);
    let weights: Vec<f64> =
        plan.initialise(1).into_iter().map(|weight| f64::from(weight) + 0.05 * normal(&mut random)).collect();
    let (batch, targets) = Mixed.draw(1, 0, 3).unwrap();
    let targets: Vec<f64> = targets.into_iter().map(f64::from).collect();
    check_gradient(&weights, plan.shared, |mut graph| {
        let output = plan.forward(&mut graph, batch.sets, reader.encode(&batch))?;
        plan.head.loss(graph, &output, &targets)
    });
}

/// Order of rows, ragged batches, empty sets, files, threads: as for the deep set.
#[test]
fn a_set_transformer_reads_sets() {
    let train = || train(&Mixed::shape(), &Mixed, &attention(SMALL), |_| ()).unwrap();
    let with_threads = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(train);
    let network = with_threads(2);
    assert_eq!(network.weights, with_threads(1).weights);

    let (batch, _) = Mixed.draw(9, 0, 300).unwrap();
    assert!((0..300).any(|set| batch.plates[1].offsets[set] == batch.plates[1].offsets[set + 1]), "no empty set");
    let together = network.predict(&batch).unwrap();
    for set in 0..300 {
        let alone = network.predict(&batch.slice(set..set + 1)).unwrap();
        assert_close(&densities(&alone), &densities(&together[set..set + 1]));
    }
    let mut turned = batch.clone();
    let rows = &mut turned.plates[1];
    for pair in rows.offsets.windows(2) {
        rows.features[pair[0]..pair[1]].reverse();
    }
    assert_ne!(batch, turned);
    assert_close(&densities(&network.predict(&turned).unwrap()), &densities(&together));
    // But rows are not read one by one: the same rows in other sets are other data.
    let mut other = batch.clone();
    other.plates[1].features.reverse();
    assert_ne!(densities(&network.predict(&other).unwrap()), densities(&together));

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("network.safetensors");
    network.save(&path, &BTreeMap::new()).unwrap();
    let (loaded, _) = Network::load(&path).unwrap();
    assert_eq!(loaded, network);
    assert_eq!(loaded.predict(&batch).unwrap(), together);

    let error = network.summarise(&batch.slice(0..1)).unwrap_err().to_string();
    assert!(error.contains("attention"), "{error}");
}

#[test]
fn sizes_that_make_no_attention_are_errors() {
    for (encoder, says) in [
        (Encoder::Attention { width: 30, heads: 4, blocks: 1, inducing: 1 }, "width 30, which its 4 heads"),
        (Encoder::Attention { width: 0, heads: 4, blocks: 1, inducing: 1 }, "width is 0"),
        (Encoder::Attention { width: 8, heads: 0, blocks: 1, inducing: 1 }, "heads is 0"),
        (Encoder::Attention { width: 8, heads: 4, blocks: 0, inducing: 1 }, "blocks is 0"),
        (Encoder::Attention { width: 8, heads: 4, blocks: 1, inducing: 0 }, "inducing is 0"),
    ] {
        let error = train(&Conjugate::shape(), &Conjugate, &attention(encoder), |_| ()).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
}

/// Nothing is pooled but what the attention makes of the rows.
#[test]
#[ignore = "long: a training to a stated accuracy"]
fn a_set_transformer_learns_a_conjugate_model() {
    learn_with_a_set_transformer(400_000, EXACT);
}

#[test]
#[ignore = "a training of seconds"]
fn a_set_transformer_learns_roughly() {
    learn_with_a_set_transformer(60_000, ROUGH);
}

fn learn_with_a_set_transformer(sets: u64, near: Near) {
    let architecture = Architecture {
        bins: 0,
        encoder: Encoder::Attention { width: 32, heads: 2, blocks: 1, inducing: 8 },
        trunk: Trunk::Residual { width: 64, blocks: 2 },
        output: Family::Mixture { components: 2 }.into(),
        ..Architecture::default()
    };
    let settings = Settings { architecture, ..Settings::new(Budget::simulations(sets)) };
    assert_conjugate(&train(&Conjugate::shape(), &Conjugate, &settings, |_| ()).unwrap(), near);
}

#[test]
#[ignore = "long: a training to a stated accuracy"]
fn a_causal_transformer_learns_a_conjugate_model_after_every_row() {
    learn_with_a_causal_transformer(400_000, EXACT);
}

#[test]
#[ignore = "a training of seconds"]
fn a_causal_transformer_learns_roughly() {
    learn_with_a_causal_transformer(120_000, ROUGH);
}

/// The exact posterior after every row: of all that are read, not of the last alone.
fn learn_with_a_causal_transformer(sets: u64, near: Near) {
    let architecture = Architecture {
        bins: 0,
        encoder: Encoder::Causal { width: 32, heads: 2, blocks: 1 },
        trunk: Trunk::Residual { width: 64, blocks: 2 },
        output: Family::Mixture { components: 2 }.into(),
        ..Architecture::default()
    };
    let settings = Settings { architecture, ..Settings::new(Budget::simulations(sets)) };
    let network = train(&Conjugate::shape(), &Conjugate, &settings, |_| ()).unwrap();
    assert_conjugate(&network, near);
    let (batch, _) = Conjugate::simulate(&mut random(78, 0), std::iter::repeat_n(50, 400));
    let found = network.predict_prefixes(&batch).unwrap();
    for seen in 1..=50 {
        let sd = 1.0 / (1.0 + seen as f64).sqrt();
        let (mut off, mut ratio) = (0.0, 0.0);
        for (set, found) in found.iter().enumerate() {
            let sum: f64 = batch.plates[0].features[50 * set..50 * set + seen].iter().map(|x| f64::from(*x)).sum();
            let found = moments(&found[seen - 1]);
            off += ((found.0 - sum / (1.0 + seen as f64)) / sd).abs() / 400.0;
            ratio += found.1 / sd / 400.0;
        }
        if [1, 2, 5, 10, 20, 50].contains(&seen) {
            println!("after {seen}: mean off by {off:.4} sd, sd ratio {ratio:.4}");
        }
        assert!(off < near.sds, "after {seen}: the mean is off by {off} posterior sd");
        assert!((ratio - 1.0).abs() < near.share, "after {seen}: the sd is {ratio} of the exact one");
    }
}

/// Scores are made tile by tile: ten thousand rows take no more memory for each than a few do.
#[test]
fn ten_thousand_rows_fit() {
    let (batch, _) = Conjugate::simulate(&mut random(1, 1), std::iter::once(10_000));
    let mean = |mixtures: &[Prediction]| moments(&mixtures[0]).0;
    for encoder in [Encoder::ATTENTION, Encoder::CAUSAL] {
        let network = train(&Conjugate::shape(), &Conjugate, &attention(encoder), |_| ()).unwrap();
        let whole = network.predict(&batch).unwrap();
        assert!(mean(&whole).is_finite());
        if encoder == Encoder::CAUSAL {
            let found = network.predict_prefixes(&batch).unwrap().swap_remove(0);
            assert_eq!(found.len(), 10_000);
            assert!((mean(&found[9999..]) - mean(&whole)).abs() < 1e-3);
            let plates = vec![batch.plates[0].part(0..5000)];
            let half = network.predict(&Batch { plates, ..batch.clone() }).unwrap();
            assert!((mean(&found[4999..]) - mean(&half)).abs() < 1e-3);
        }
    }
}
