//! Predictions: of batches, of parts of data sets, of data that do not fit.

use std::convert::Infallible;

use super::models::Mixed;
use super::{assert_close, densities, mixed_network, numbers, random};
use crate::{Batch, Error, Network, Sums, TrainError, TrainingSource};

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
    assert_close(&densities(&network.predict(&turned).unwrap()), &densities(&network.predict(&batch).unwrap()));
}

#[test]
fn a_ragged_batch_is_predicted_as_its_sets_one_by_one() {
    let network = mixed_network();
    let (batch, targets) = Mixed.draw(9, 0, 300).unwrap();
    let together = network.predict(&batch).unwrap();
    assert_eq!(together.len(), 300);
    for set in 0..300 {
        let alone = batch.slice(set..set + 1);
        let expected = densities(&together[set..set + 1]);
        assert_close(&densities(&network.predict(&alone).unwrap()), &expected);
        assert_close(&densities(&[network.conclude(&network.summarise(&alone).unwrap()).unwrap()]), &expected);
    }
    assert!(network.losses(&batch, &targets).unwrap().iter().all(|loss| loss.is_finite()));
    assert!(matches!(network.losses(&batch, &targets[1..]), Err(Error::Shape(_))));
}

/// Parts of a data set add up, in any order and any grouping, tiles of a large plate among them.
#[test]
fn sums_of_parts_are_those_of_the_whole() {
    let network = mixed_network();
    let mut random = random(8, 0);
    let (mut whole, _) = Mixed.draw(9, 0, 1).unwrap();
    whole.plates[1] = Mixed::rows(&mut random, 1, 1, 0);
    whole.plates[1].features = numbers(&mut random, 10_000);
    whole.plates[1].offsets = vec![0, 10_000];
    let outer = whole.plates[0].rows();
    let part = |first: std::ops::Range<usize>, second: std::ops::Range<usize>| {
        let plates = vec![whole.plates[0].part(first), whole.plates[1].part(second)];
        network.summarise(&Batch { plates, ..whole.clone() }).unwrap()
    };
    let [a, b, c] = [part(0..1, 0..7), part(1..1, 7..6000), part(1..outer, 6000..10_000)];
    let sum = |order: [&Sums; 3]| {
        let mut sums = order[0].clone();
        sums.add(order[1]).unwrap();
        sums.add(order[2]).unwrap();
        sums
    };
    let mut tail = b.clone();
    tail.add(&c).unwrap();
    let mut grouped = a.clone();
    grouped.add(&tail).unwrap();
    let (mut ab, mut ba) = (a.clone(), b.clone());
    ab.add(&b).unwrap();
    ba.add(&a).unwrap();
    assert_eq!(ab, ba);
    assert_eq!(grouped.sizes(), [outer, 10_000]);
    let expected = densities(&network.predict(&whole).unwrap());
    for sums in [sum([&a, &b, &c]), sum([&c, &a, &b]), grouped, network.summarise(&whole).unwrap()] {
        assert_close(&densities(&[network.conclude(&sums).unwrap()]), &expected);
    }
    let mut other = whole.clone();
    other.globals[0] += 1.0;
    assert!(ab.add(&network.summarise(&other).unwrap()).unwrap_err().to_string().contains("outside plates"));
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
    assert!(network.predict(&batch.slice(1..1)).unwrap().is_empty());
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
    assert!(densities(&network.predict(&batch).unwrap()).iter().all(|value| value.is_finite()));
}
