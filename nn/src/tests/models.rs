//! Models that networks are trained on.

use std::convert::Infallible;

use rand::RngExt;

use super::{Random, normal, numbers, random};
use crate::{Batch, PlateShape, Rows, Shape, TrainingSource};

/// theta ~ N(0, 1); x[i] ~ N(theta, 1), i = 1..n, n in 1..=50, half uniform and half log-uniform.
pub(super) struct Conjugate;

impl Conjugate {
    pub(super) fn shape() -> Shape {
        Shape { width: 0, plates: vec![PlateShape { width: 1, children: vec![], image: None }], targets: 1 }
    }

    pub(super) fn simulate(random: &mut Random, sizes: impl Iterator<Item = usize>) -> (Batch, Vec<f32>) {
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

impl TrainingSource for Conjugate {
    type Error = Infallible;

    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), Infallible> {
        let mut random = random(step, first);
        let size = |random: &mut Random| match random.random::<bool>() {
            true => random.random_range(1..=50),
            false => (random.random::<f64>() * 51.0_f64.ln()).exp() as usize,
        };
        let sizes: Vec<usize> = (0..sets).map(|_| size(&mut random)).collect();
        Ok(Conjugate::simulate(&mut random, sizes.into_iter()))
    }
}

/// mu ~ N(0, 1); group means m[j] ~ N(mu, 0.5), j = 1..10; x[j, i] ~ N(m[j], 1), i = 1..n[j], n[j] uniform in 1..=8.
pub(super) struct Nested;

impl Nested {
    pub(super) fn shape() -> Shape {
        let inner = PlateShape { width: 1, children: vec![], image: None };
        Shape { width: 0, plates: vec![PlateShape { children: vec![inner], ..PlateShape::default() }], targets: 1 }
    }

    /// Returns mean and sd of the exact posterior: a group's mean measures mu with variance 0.25 + 1 / n.
    pub(super) fn posterior(batch: &Batch, set: usize) -> (f64, f64) {
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

impl TrainingSource for Nested {
    type Error = Infallible;

    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), Infallible> {
        let mut random = random(step, first);
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
pub(super) struct Mixed;

impl Mixed {
    pub(super) fn shape() -> Shape {
        let leaf = |width| PlateShape { width, children: vec![], image: None };
        Shape {
            width: 2,
            plates: vec![PlateShape { width: 2, children: vec![leaf(1), leaf(12)], image: None }, leaf(1)],
            targets: 2,
        }
    }

    pub(super) fn rows(random: &mut Random, parents: usize, width: usize, most: usize) -> Rows {
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

impl TrainingSource for Mixed {
    type Error = Infallible;

    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), Infallible> {
        let mut random = random(step, first);
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
