//! Tests of the network as a whole; its operations are tested beside them, by finite differences.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use dfdx::prelude::{Backward, Cpu, CpuError, OwnedTape, ZerosTensor};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::features::{Reader, Sparse};
use super::network::Plan;
use super::ops::{Activation, Graph, Input, Leaf, Loss, Slot, take_leaf};
use super::*;

type Random = Xoshiro256PlusPlus;

fn random(step: u64, chunk: usize) -> Random {
    Random::seed_from_u64(step.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ chunk as u64)
}

/// A standard normal number (Box and Muller).
fn normal(random: &mut Random) -> f64 {
    let (radius, angle) = (1.0 - random.random::<f64>(), random.random::<f64>());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

fn numbers(random: &mut Random, count: usize) -> Vec<f32> {
    (0..count).map(|_| normal(random) as f32).collect()
}

fn small_numbers(random: &mut Random, count: usize) -> Vec<f32> {
    numbers(random, count).into_iter().map(|number| 0.4 * number).collect()
}

// ---- gradients ---------------------------------------------------------------------------------------------------------

/// Compares the gradient of `loss` on the tape with central differences of fourth order, weight by weight.
fn check_gradient(
    weights: &[f32],
    loss: impl Fn(Graph<OwnedTape<f32, Cpu>>) -> Result<Loss<OwnedTape<f32, Cpu>>, CpuError>,
) {
    let leaf: Leaf = Cpu::default().zeros_like(&(weights.len(),));
    let at = |weights: Vec<f32>| loss(Graph::new(Arc::new(weights), leaf.clone())).unwrap();
    let (total, _) = at(weights.to_vec());
    let mut gradients = total.backward();
    let gradient = take_leaf(&mut gradients, &leaf).unwrap();
    let step = 0.01;
    for index in 0..weights.len() {
        let moved = |by: f32| {
            let mut weights = weights.to_vec();
            weights[index] += by;
            at(weights).1.iter().map(|loss| f64::from(*loss)).sum::<f64>()
        };
        let near = moved(step) - moved(-step);
        let far = moved(2.0 * step) - moved(-2.0 * step);
        let expected = (8.0 * near - far) / f64::from(12.0 * step);
        let found = f64::from(gradient[index]);
        assert!(
            (found - expected).abs() < 2e-3 * (1.0 + expected.abs()),
            "weight {index}: {found} on the tape, {expected} by differences"
        );
    }
}

#[test]
fn affine_has_the_gradient_of_its_differences() {
    let mut random = random(1, 0);
    let weights = small_numbers(&mut random, 3 * 4 + 4 + 4 * 2 + 3 * 2 + 2 + 4 * 2);
    let (first, first_bias) = (slot(0, 3, 4), slot(12, 1, 4));
    let (second, linear, bias) = (slot(16, 4, 2), slot(24, 3, 2), slot(30, 1, 2));
    let data = Arc::new(numbers(&mut random, 5 * 3));
    let targets = numbers(&mut random, 5);
    for activation in [Activation::None, Activation::Silu] {
        check_gradient(&weights, |mut graph| {
            let hidden = graph.affine(5, &[(Input::Data(data.clone()), first)], first_bias, None, Activation::Silu)?;
            let inputs = [(Input::Node(hidden), second), (Input::Data(data.clone()), linear)];
            let short = graph.affine(5, &inputs, bias, None, activation)?;
            let output = graph.affine(5, &inputs[..1], bias, Some(&short), activation)?;
            graph.gaussian_loss(&output, &targets)
        });
    }
}

#[test]
fn layer_norm_has_the_gradient_of_its_differences() {
    let mut random = random(2, 0);
    let weights = small_numbers(&mut random, 3 * 20 + 20 + 20 * 2 + 2);
    let data = Arc::new(numbers(&mut random, 4 * 3));
    let targets = numbers(&mut random, 4);
    check_gradient(&weights, |mut graph| {
        let inputs = [(Input::Data(data.clone()), slot(0, 3, 20))];
        let hidden = graph.affine(4, &inputs, slot(60, 1, 20), None, Activation::None)?;
        let normal = graph.layer_norm(&hidden)?;
        let inputs = [(Input::Node(normal), slot(80, 20, 2))];
        let output = graph.affine(4, &inputs, slot(120, 1, 2), None, Activation::None)?;
        graph.gaussian_loss(&output, &targets)
    });
}

#[test]
fn lookup_and_pool_have_the_gradient_of_their_differences() {
    let mut random = random(3, 0);
    let weights = small_numbers(&mut random, 6 * 3 + 6 * 4 + 4);
    let sparse = Sparse { entries: 2, values: (0..14).map(|index| (index * 5 % 6, 0.1 * index as f32)).collect() };
    let targets = numbers(&mut random, 2 * 3);
    let offsets = [0, 2, 2, 7];
    check_gradient(&weights, |mut graph| {
        let rows = graph.lookup(sparse.clone(), slot(0, 6, 3))?;
        let pooled = graph.pool(&rows, &offsets, Some(&[0.5, 2.0, 1.5]))?;
        let inputs = [(Input::Node(pooled), slot(18, 6, 4))];
        let output = graph.affine(3, &inputs, slot(42, 1, 4), None, Activation::None)?;
        graph.gaussian_loss(&output, &targets)
    });
}

#[test]
fn the_whole_loss_has_the_gradient_of_its_differences() {
    let simulator = Mixed;
    let (pilot, targets) = simulator.draw(0, 0, 64).unwrap();
    let reader = Reader::fit(&pilot, &targets, 2, 8);
    let architecture = Architecture { bins: 8, row_width: 3, width: 5, blocks: 1 };
    let plan = Plan::new(&reader, &architecture);
    let mut weights = plan.initialise(1);
    let mut random = random(4, 0);
    // The last layer starts at zero, where most gradients vanish.
    for weight in &mut weights {
        *weight += 0.2 * normal(&mut random) as f32;
    }
    let (batch, targets) = simulator.draw(1, 0, 4).unwrap();
    check_gradient(&weights, |mut graph| {
        let output = plan.forward(&mut graph, batch.sets, reader.encode(&batch))?;
        graph.gaussian_loss(&output, &targets)
    });
}

fn slot(offset: usize, rows: usize, columns: usize) -> Slot {
    Slot { offset, rows, columns }
}

// ---- models ------------------------------------------------------------------------------------------------------------

/// theta ~ N(0, 1); x[i] ~ N(theta, 1), i = 1..n, n uniform in 1..=50.
struct Conjugate;

impl Conjugate {
    fn shape() -> Shape {
        Shape { width: 0, plates: vec![PlateShape { width: 1, children: vec![] }], targets: 1 }
    }

    fn simulate(random: &mut Random, sizes: impl Iterator<Item = usize>) -> (Batch, Vec<f32>) {
        let mut targets = Vec::new();
        let mut rows = Rows { width: 1, offsets: vec![0], ..Rows::default() };
        for size in sizes {
            let theta = normal(random);
            targets.push(theta as f32);
            rows.features.extend((0..size).map(|_| (theta + normal(random)) as f32));
            rows.offsets.push(rows.features.len());
        }
        let batch = Batch { sets: targets.len(), plates: vec![rows], ..Batch::default() };
        (batch, targets)
    }
}

impl Source for Conjugate {
    type Error = Infallible;

    fn draw(&self, step: u64, chunk: usize, sets: usize) -> Result<(Batch, Vec<f32>), Infallible> {
        let mut random = random(step, chunk);
        let sizes: Vec<usize> = (0..sets).map(|_| random.random_range(1..=50)).collect();
        Ok(Conjugate::simulate(&mut random, sizes.into_iter()))
    }
}

/// mu ~ N(0, 1); group means m[j] ~ N(mu, 0.5), j = 1..10; x[j, i] ~ N(m[j], 1), i = 1..n[j], n[j] uniform in 1..=8.
struct Nested;

impl Nested {
    fn shape() -> Shape {
        let inner = PlateShape { width: 1, children: vec![] };
        Shape { width: 0, plates: vec![PlateShape { width: 0, children: vec![inner] }], targets: 1 }
    }

    /// The exact posterior: a group's mean measures mu with variance 0.25 + 1 / n.
    fn posterior(batch: &Batch, set: usize) -> (f64, f64) {
        let (groups, inner) = (&batch.plates[0], &batch.plates[0].children[0]);
        let (mut precision, mut weighted) = (1.0, 0.0);
        for group in groups.offsets[set]..groups.offsets[set + 1] {
            let values = &inner.features[inner.offsets[group]..inner.offsets[group + 1]];
            let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
            let weight = 1.0 / (0.25 + 1.0 / values.len() as f64);
            precision += weight;
            weighted += weight * mean;
        }
        (weighted / precision, 1.0 / precision.sqrt())
    }
}

impl Source for Nested {
    type Error = Infallible;

    fn draw(&self, step: u64, chunk: usize, sets: usize) -> Result<(Batch, Vec<f32>), Infallible> {
        let mut random = random(step, chunk);
        let mut inner = Rows { width: 1, offsets: vec![0], ..Rows::default() };
        let mut targets = Vec::new();
        for _ in 0..sets {
            let mu = normal(&mut random);
            targets.push(mu as f32);
            for _ in 0..10 {
                let mean = mu + 0.5 * normal(&mut random);
                let size = random.random_range(1..=8);
                inner.features.extend((0..size).map(|_| (mean + normal(&mut random)) as f32));
                inner.offsets.push(inner.features.len());
            }
        }
        let groups =
            Rows { offsets: (0..=sets).map(|set| 10 * set).collect(), children: vec![inner], ..Rows::default() };
        let batch = Batch { sets, plates: vec![groups], ..Batch::default() };
        Ok((batch, targets))
    }
}

/// Every kind of table at once, empty plates, heavy tails and categories among them.
struct Mixed;

impl Mixed {
    fn shape() -> Shape {
        let leaf = |width| PlateShape { width, children: vec![] };
        Shape {
            width: 2,
            plates: vec![PlateShape { width: 2, children: vec![leaf(1), leaf(12)] }, leaf(1)],
            targets: 2,
        }
    }

    fn rows(random: &mut Random, parents: usize, width: usize, most: usize) -> Rows {
        let mut offsets = vec![0];
        for parent in 0..parents {
            offsets.push(offsets[parent] + random.random_range(0..=most));
        }
        let mut features = numbers(random, offsets[parents] * width);
        for (index, value) in features.iter_mut().enumerate() {
            match index % 3 {
                0 => *value = value.signum(),
                1 => *value = 1.0 / *value,
                _ => (),
            }
        }
        Rows { width, features, offsets, children: vec![] }
    }
}

impl Source for Mixed {
    type Error = Infallible;

    fn draw(&self, step: u64, chunk: usize, sets: usize) -> Result<(Batch, Vec<f32>), Infallible> {
        let mut random = random(step, chunk);
        let mut outer = Mixed::rows(&mut random, sets, 2, 4);
        outer.children =
            vec![Mixed::rows(&mut random, outer.rows(), 1, 3), Mixed::rows(&mut random, outer.rows(), 12, 2)];
        let batch = Batch {
            sets,
            width: 2,
            globals: numbers(&mut random, 2 * sets),
            plates: vec![outer, Mixed::rows(&mut random, sets, 1, 9)],
        };
        Ok((batch, numbers(&mut random, 2 * sets)))
    }
}

fn small(sets: u64) -> Settings {
    Settings {
        architecture: Architecture { bins: 32, row_width: 16, width: 32, blocks: 2 },
        pilot: 256,
        validation: 256,
        ..Settings::new(Budget::sets(sets))
    }
}

fn mixed_network() -> Network {
    train(&Mixed::shape(), &Mixed, &small(4096), |_| ()).unwrap()
}

fn assert_close(left: &[f64], right: &[f64]) {
    assert_eq!(left.len(), right.len());
    for (left, right) in left.iter().zip(right) {
        assert!((left - right).abs() < 1e-4 * (1.0 + right.abs()), "{left} and {right}");
    }
}

// ---- prediction --------------------------------------------------------------------------------------------------------

#[test]
fn the_order_of_rows_carries_no_meaning() {
    let network = mixed_network();
    let (batch, _) = Mixed.draw(9, 0, 3).unwrap();
    let mut turned = batch.clone();
    let rows = &mut turned.plates[1];
    for pair in rows.offsets.windows(2) {
        rows.features[pair[0]..pair[1]].reverse();
    }
    let inner = &mut turned.plates[0].children[1];
    for pair in inner.offsets.windows(2) {
        let own = &mut inner.features[pair[0] * 12..pair[1] * 12];
        let rows: Vec<Vec<f32>> = own.chunks_exact(12).rev().map(<[f32]>::to_vec).collect();
        own.copy_from_slice(&rows.concat());
    }
    assert_ne!(batch, turned);
    let (straight, turned) = (network.predict(&batch).unwrap(), network.predict(&turned).unwrap());
    assert_close(&turned.mean, &straight.mean);
    assert_close(&turned.sd, &straight.sd);
}

#[test]
fn a_ragged_batch_is_predicted_as_its_sets_one_by_one() {
    let network = mixed_network();
    let (batch, targets) = Mixed.draw(9, 0, 300).unwrap();
    let together = network.predict(&batch).unwrap();
    assert_eq!(together.mean.len(), 300 * 2);
    for set in 0..300 {
        let alone = network.predict(&batch.slice(set..set + 1)).unwrap();
        assert_close(&alone.mean, &together.mean[2 * set..2 * set + 2]);
        assert_close(&alone.sd, &together.sd[2 * set..2 * set + 2]);
    }
    assert!(network.losses(&batch, &targets).unwrap().iter().all(|loss| loss.is_finite()));
    assert!(matches!(network.losses(&batch, &targets[1..]), Err(Error::Shape(_))));
}

#[test]
fn data_that_do_not_fit_are_errors() {
    let network = mixed_network();
    let (batch, _) = Mixed.draw(9, 0, 3).unwrap();
    let breaks: [fn(&mut Batch); 6] = [
        |batch| batch.width = 1,
        |batch| batch.plates.truncate(1),
        |batch| batch.plates[1].offsets[1] = usize::MAX,
        |batch| batch.plates[0].children[0].features.push(0.0),
        |batch| batch.plates[0].children[1].offsets.clear(),
        |batch| batch.sets = 2,
    ];
    for damage in breaks {
        let mut batch = batch.clone();
        damage(&mut batch);
        assert!(matches!(network.predict(&batch), Err(Error::Shape(_))), "{batch:?}");
    }
    let mut batch = batch;
    batch.globals[3] = f32::NAN;
    let error = network.predict(&batch).unwrap_err().to_string();
    assert!(error.contains("data set 1") && error.contains("column 1"), "{error}");
}

#[test]
fn an_empty_batch_has_no_predictions() {
    let network = mixed_network();
    let (batch, _) = Mixed.draw(9, 0, 3).unwrap();
    assert!(network.predict(&batch.slice(1..1)).unwrap().mean.is_empty());
}

#[test]
fn networks_and_errors_cross_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<Network>();
    crosses::<Error>();
    crosses::<TrainError<Infallible>>();
}

#[test]
fn extreme_numbers_stay_finite() {
    let network = mixed_network();
    let (mut batch, _) = Mixed.draw(9, 0, 3).unwrap();
    batch.globals.fill(f32::MAX);
    batch.plates[1].features.fill(f32::MIN);
    let gaussians = network.predict(&batch).unwrap();
    assert!(gaussians.mean.iter().chain(&gaussians.sd).all(|value| value.is_finite()));
}

// ---- training ----------------------------------------------------------------------------------------------------------

#[test]
fn threads_do_not_change_a_bit() {
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(mixed_network)
    };
    let (one, two) = (with_threads(1), with_threads(2));
    assert_eq!(one.weights, two.weights);
    assert_eq!(one.history.last().map(|record| record.validation), two.history.last().map(|record| record.validation));
}

#[test]
fn progress_and_history_tell_how_it_went() {
    let mut seen = Vec::new();
    let network = train(&Conjugate::shape(), &Conjugate, &small(20_000), |progress| seen.push(*progress)).unwrap();
    // 20,000 sets are 79 whole steps of 256.
    assert_eq!(seen.len(), 79);
    assert_eq!(seen.last().map(|progress| (progress.sets, progress.fraction)), Some((79 * 256, 1.0)));
    let history = network.history();
    assert_eq!(history.last().map(|record| record.step), Some(79));
    assert!(history.len() >= 15 && history[history.len() - 1].validation < history[0].validation);
}

#[test]
fn a_bad_simulation_is_named() {
    struct Broken(f32);
    impl Source for Broken {
        type Error = Infallible;
        fn draw(&self, step: u64, chunk: usize, sets: usize) -> Result<(Batch, Vec<f32>), Infallible> {
            let (mut batch, mut targets) = Conjugate.draw(step, chunk, sets)?;
            if (step, chunk) == (3, 5) {
                let rows = &mut batch.plates[0];
                rows.features[rows.offsets[7]] = self.0;
                targets[9] += self.0;
            }
            Ok((batch, targets))
        }
    }
    let error = train(&Conjugate::shape(), &Broken(f32::NAN), &small(5_000), |_| ()).unwrap_err().to_string();
    assert!(error.contains("step 3, chunk 5: data set 7, plate 0, row 0"), "{error}");
    train(&Conjugate::shape(), &Broken(0.0), &small(5_000), |_| ()).unwrap();
    let unusable = Settings { chunks: 0, ..small(5_000) };
    assert!(matches!(train(&Conjugate::shape(), &Conjugate, &unusable, |_| ()), Err(TrainError::Settings(_))));
}

#[test]
fn a_conjugate_model_is_learned_at_every_size() {
    let settings = Settings::new(Budget::sets(1_000_000));
    let network = train(&Conjugate::shape(), &Conjugate, &settings, |_| ()).unwrap();
    for size in [1, 5, 20, 50] {
        let (batch, _) = Conjugate::simulate(&mut random(77, size), std::iter::repeat_n(size, 400));
        let found = network.predict(&batch).unwrap();
        let sd = 1.0 / (1.0 + size as f64).sqrt();
        let mean = |set: &[f32]| set.iter().map(|value| f64::from(*value)).sum::<f64>() / (1.0 + size as f64);
        let exact = batch.plates[0].features.chunks_exact(size).map(mean);
        let off = exact.zip(&found.mean).map(|(exact, found)| ((found - exact) / sd).abs()).sum::<f64>() / 400.0;
        let ratio = found.sd.iter().sum::<f64>() / sd / 400.0;
        println!("n = {size}: mean off by {off:.4} sd, sd ratio {ratio:.4}");
        assert!(off < 0.1, "n = {size}: the mean is off by {off} posterior sd");
        assert!((ratio - 1.0).abs() < 0.05, "n = {size}: the sd is {ratio} of the exact one");
    }
}

#[test]
fn a_nested_model_is_learned() {
    let settings = Settings::new(Budget::sets(200_000));
    let network = train(&Nested::shape(), &Nested, &settings, |_| ()).unwrap();
    let (batch, _) = Nested.draw(77, 0, 400).unwrap();
    let found = network.predict(&batch).unwrap();
    let (mut off, mut ratio) = (0.0, 0.0);
    for set in 0..400 {
        let (mean, sd) = Nested::posterior(&batch, set);
        off += ((found.mean[set] - mean) / sd).abs() / 400.0;
        ratio += found.sd[set] / sd / 400.0;
    }
    println!("nested: mean off by {off:.4} sd, sd ratio {ratio:.4}");
    assert!(off < 0.15, "the mean is off by {off} posterior sd");
    assert!((ratio - 1.0).abs() < 0.05, "the sd is {ratio} of the exact one");
}

// ---- files -------------------------------------------------------------------------------------------------------------

#[test]
fn a_saved_network_is_the_same_when_loaded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("network.safetensors");
    let network = mixed_network();
    let metadata = BTreeMap::from([("fingerprint".to_owned(), "abc \"quoted\"".to_owned())]);
    network.save(&path, &BTreeMap::new()).unwrap();
    network.save(&path, &metadata).unwrap();
    let (loaded, found) = Network::load(&path).unwrap();
    assert_eq!(found, metadata);
    assert_eq!((&loaded.shape, &loaded.architecture), (&network.shape, &network.architecture));
    assert_eq!((&loaded.reader, &loaded.weights), (&network.reader, &network.weights));
    assert_eq!(loaded.history.len(), network.history.len());
    let (batch, _) = Mixed.draw(9, 0, 30).unwrap();
    assert_eq!(loaded.predict(&batch).unwrap(), network.predict(&batch).unwrap());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_damaged_file_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("network.safetensors");
    assert!(matches!(Network::load(&path), Err(Error::Io { .. })));
    mixed_network().save(&path, &BTreeMap::new()).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let fails = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let error = Network::load(&path).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }) && error.to_string().contains("network.safetensors"), "{error}");
    };
    for length in [0, 4, 100, whole.len() / 2, whole.len() - 1] {
        fails(&whole[..length]);
    }
    for position in (0..whole.len()).step_by(whole.len() / 61) {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x10;
        fails(&damaged);
    }
    fails(b"something else altogether, but long enough");
    // A file where a folder would have to be.
    let below_a_file = directory.path().join("file/network");
    std::fs::write(directory.path().join("file"), "").unwrap();
    assert!(mixed_network().save(below_a_file, &BTreeMap::new()).is_err());
}
