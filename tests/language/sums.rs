//! Sums over ranges: against the same model with each term written out, finite differences, and simulations.

use hierarch::model::{Density, Vectors};
use hierarch::prelude::*;
use hierarch_tests::density::{check_gradient, check_gradient_at, check_score};
use hierarch_tests::{seed, within};

const L: usize = 3;
// A size may have the name of a constant.
#[allow(dead_code)]
const K: usize = 7;

model! {
    pub Summed {
        global b[L] ~ Normal(0.0, 1.0);
        global c[2][3] ~ Normal(0.0, 1.0);
        let pairs = sum(i in 0..L, sum(j in 0..i, b[i] * b[j]));
        plate rows(1..=20) {
            given x[3] ~ Normal(0.0, 1.0);
            let table = sum(i in 0..2, sum(j in 0..3, c[i][j] * x[j]));
            let eta = sum(i in 0..L, x[i] * b[i].exp()) + mean(i in 0..=2, x[i]);
            observe y ~ Normal(eta + table + pairs, 1 + product(i in 0..3, x[i].exp()).ln_1p());
            observe z ~ Normal(max(i in 0..3, b[i] * x[i]), 1 + min(i in 1..L, b[i] + x[i]).exp());
        }
    }
}

model! {
    pub Written {
        global b[L] ~ Normal(0.0, 1.0);
        global c[2][3] ~ Normal(0.0, 1.0);
        let pairs = b[1] * b[0] + b[2] * (b[0] + b[1]);
        plate rows(1..=20) {
            given x[3] ~ Normal(0.0, 1.0);
            let table = (c[0][0] + c[1][0]) * x[0] + (c[0][1] + c[1][1]) * x[1] + (c[0][2] + c[1][2]) * x[2];
            let total = x[0] + x[1] + x[2];
            let eta = x[0] * b[0].exp() + x[1] * b[1].exp() + x[2] * b[2].exp() + total / 3;
            observe y ~ Normal(eta + table + pairs, 1 + total.exp().ln_1p());
            observe z ~ Normal((b[0] * x[0]).max(b[1] * x[1]).max(b[2] * x[2]), 1 + (b[1] + x[1]).min(b[2] + x[2]).exp());
        }
    }
}

model! {
    pub Open {
        size K;
        global a[K] ~ Normal(0.0, 1.0);
        global b[K] ~ Normal(0.0, 1.0);
        let squares = sum(i in 0..K, a[i].square());
        plate rows(1..=20) {
            given x[K] ~ Normal(0.0, 1.0);
            let eta = sum(i in 0..K, x[i] * a[i].sin());
            observe y ~ Normal(eta + squares + sum(i in 0..K, x[i] * b[i]), 1.0);
        }
    }
}

model! {
    pub Product {
        size K;
        global b[K] ~ Normal(0.0, 1.0);
        plate rows(1..=20) {
            given x[K] ~ Normal(0.0, 1.0);
            observe y ~ Normal(sum(i in 0..K, x[i] * b[i]), 1.0);
        }
    }
}

model! {
    pub Beyond {
        size K;
        global b[3] ~ Normal(0.0, 1.0);
        plate rows(1..=20) {
            given x[K] ~ Normal(0.0, 1.0);
            observe y ~ Normal(sum(i in 0..K, x[i] * b[i]), 1.0);
        }
    }
}

#[test]
fn sums_are_what_is_written_out() {
    let data = Summed::default().simulate(1).seed(seed(1)).one().unwrap().data.rows;
    let summed = SummedData { rows: data.clone() };
    let written = WrittenData { rows: WrittenRows { x: data.x, y: data.y, z: data.z } };
    let (a, b) = (Summed::default(), Written::default());
    let (mut a, mut b) = (Density::new(&a, &summed).unwrap(), Density::new(&b, &written).unwrap());
    let q: Vec<f64> = (0..9).map(|i| (0.7 * i as f64).sin()).collect();
    let (mut da, mut db) = ([0.0; 9], [0.0; 9]);
    let (x, y) = (a.gradient(&q, &mut da), b.gradient(&q, &mut db));
    within!((x - y).abs(), 1e-10 * x.abs().max(1.0), "{x} {y}");
    da.iter().zip(db).for_each(|(x, y)| within!((x - y).abs(), 1e-9 * x.abs().max(1.0), "{x} {y}"));
}

#[test]
fn gradients_of_sums() {
    check_gradient(&Summed::default(), 3);
    check_score(&Summed::default(), &[("rows", 3)], 2000);
    check_gradient(&Open { K: 3 }, 3);
    check_score(&Open { K: 2 }, &[("rows", 3)], 2000);
}

#[test]
fn a_sum_that_is_an_inner_product_is_a_linear_predictor() {
    let model = Product { K: 4 };
    let data = model.simulate(1).seed(seed(2)).one().unwrap().data;
    let plan = Density::new(&model, &data).unwrap().plan().to_string();
    assert!(plan.contains("4 columns"), "{plan}");
    check_gradient_at(&model, &data, &[0.1, -0.2, 0.3, 0.4]);
}

#[test]
fn a_sum_beyond_a_vector_is_refused() {
    let x = Vectors::from_rows([[1.0, 2.0, 3.0, 4.0]]).unwrap();
    let data = BeyondData { rows: BeyondRows { x, y: vec![0.0] } };
    let error = Beyond { K: 4 }.nuts(&data).run().unwrap_err().to_string();
    assert!(error.contains("b[i]"), "{error}");
    let x = Vectors::from_rows([[1.0, 2.0]]).unwrap();
    let data = BeyondData { rows: BeyondRows { x, y: vec![0.0] } };
    assert!(Density::new(&Beyond { K: 2 }, &data).is_ok());
}
