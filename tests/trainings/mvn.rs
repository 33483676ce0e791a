//! Posteriors that are those of a linear model are right nearly from the first step on, whatever the rows look like: wide,
//! nested, or read in their order. After trainings of seconds, against the exact posterior.

use hierarch::prelude::*;
use hierarch_tests::{seed, within};

const VARIANCES: [f64; 3] = [2.0, 4.0, 6.0];
const DRAWS: usize = 5;

model! {
    /// Draws in a plate of a fixed size, inside each element.
    pub Nested {
        global theta[3] ~ Normal(0.0, 3.0);
        plate elements(1..=200) {
            plate draws(5) {
                observe x[3] ~ MvNormal(theta, [[2.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 6.0]]);
            }
        }
    }
}

model! {
    /// The same draws as rows of many numbers.
    pub Wide {
        global theta[3] ~ Normal(0.0, 3.0);
        plate elements(1..=200) {
            observe a[5] ~ Normal(theta[0], 2.0_f64.sqrt());
            observe b[5] ~ Normal(theta[1], 2.0);
            observe c[5] ~ Normal(theta[2], 6.0_f64.sqrt());
        }
    }
}

/// How far a posterior is from the exact posterior: for each number its mean in sd, and its sd less the exact one, relatively.
fn off<M: Model>(posterior: &Posterior<M>, sums: [f64; 3], elements: usize) -> [(f64, f64); 3] {
    let summary = posterior.summary();
    std::array::from_fn(|k| {
        let precision = (DRAWS * elements) as f64 / VARIANCES[k] + 1.0 / 9.0;
        let (mean, sd) = (sums[k] / VARIANCES[k] / precision, precision.sqrt().recip());
        ((summary.rows[k].mean - mean) / sd, summary.rows[k].sd / sd - 1.0)
    })
}

/// Root mean square of the means' errors, and the mean error of the sds, worst of the three numbers.
fn worst(each: &[[(f64, f64); 3]]) -> (f64, f64) {
    let n = each.len() as f64;
    (0..3).fold((0.0, 0.0), |(mean, sd): (f64, f64), k| {
        let square = each.iter().map(|off| off[k].0.powi(2)).sum::<f64>() / n;
        let ratio = each.iter().map(|off| off[k].1).sum::<f64>() / n;
        (mean.max(square.sqrt()), sd.max(ratio.abs()))
    })
}

fn nested_sums(draws: &[[f64; 3]]) -> [f64; 3] {
    std::array::from_fn(|k| draws.iter().map(|x| x[k]).sum())
}

#[test]
#[ignore = "long: a training to a stated accuracy"]
fn nested_rows_of_several_numbers() {
    nested(100_000, 0.2, 0.1);
}

#[test]
fn nested_rows_of_several_numbers_roughly() {
    nested(20_000, 0.5, 0.25);
}

/// After so many data sets: means within so many sds, and sds within such a share.
fn nested(sets: u64, sds: f64, share: f64) {
    let model = Nested::default();
    let estimator = model.npe().seed(seed(1)).train(Budget::simulations(sets)).unwrap();
    for elements in [1, 5, 50, 200] {
        let tests = model.simulate(100).size("elements", elements).seed(seed(7)).run().unwrap();
        let each: Vec<_> = tests
            .iter()
            .map(|s| off(&estimator.condition(&s.data).unwrap(), nested_sums(&s.data.elements.draws.x), elements))
            .collect();
        let (mean, sd) = worst(&each);
        println!("{elements} elements: mean off by {mean:.3} sd, sd by {sd:.3}");
        within!(mean, sds, "{elements} elements: mean off by {mean} sd, sd by {sd}");
        within!(sd, share, "{elements} elements: mean off by {mean} sd, sd by {sd}");
    }
    // What it was not trained for is refused, unless that is asked for; then the width still follows the square root.
    let long = Nested::default().simulate(2).size("elements", 200).seed(seed(8)).run().unwrap();
    let mut double = long[0].data.clone();
    double.elements.draws.x.extend_from_slice(&long[0].data.elements.draws.x);
    double.elements.draws.offsets = (0..=400).map(|i| DRAWS * i).collect();
    let error = estimator.condition(&double).unwrap_err().to_string();
    assert!(error.contains("400") && error.contains("1 to 200"), "{error}");
    let posterior = estimator.any_size().condition(&double).unwrap();
    let (mean, sd) = worst(&[off(&posterior, nested_sums(&double.elements.draws.x), 400)]);
    println!("400 elements: mean off by {mean:.3} sd, sd by {sd:.3}");
    within!(sd, 2.0 * share, "{sd}");
}

#[test]
#[ignore = "long: a training to a stated accuracy"]
fn wide_rows() {
    wide(100_000, 0.2, 0.1);
}

#[test]
fn wide_rows_roughly() {
    wide(20_000, 0.8, 0.4);
}

/// After so many data sets: means within so many sds, and sds within such a share.
fn wide(sets: u64, sds: f64, share: f64) {
    let model = Wide::default();
    let estimator = model.npe().seed(seed(1)).train(Budget::simulations(sets)).unwrap();
    for elements in [1, 5, 50, 200] {
        let tests = model.simulate(100).size("elements", elements).seed(seed(7)).run().unwrap();
        let sum = |column: &[[f64; 5]]| column.iter().flatten().sum::<f64>();
        let each: Vec<_> = tests
            .iter()
            .map(|s| {
                let rows = &s.data.elements;
                let sums = [sum(&rows.a), sum(&rows.b), sum(&rows.c)];
                off(&estimator.condition(&s.data).unwrap(), sums, elements)
            })
            .collect();
        let (mean, sd) = worst(&each);
        println!("{elements} elements: mean off by {mean:.3} sd, sd by {sd:.3}");
        within!(mean, sds, "{elements} elements: mean off by {mean} sd, sd by {sd}");
        within!(sd, share, "{elements} elements: mean off by {mean} sd, sd by {sd}");
    }
}

#[test]
#[ignore = "long: a training to a stated accuracy"]
fn rows_in_their_order() {
    in_order(40_000, 0.2, 0.1);
}

#[test]
fn rows_in_their_order_roughly() {
    in_order(10_000, 0.8, 0.4);
}

/// After so many data sets: means within so many sds, and sds within such a share.
fn in_order(sets: u64, sds: f64, share: f64) {
    let model = Nested::default();
    let encoder = Encoder::Causal { width: 16, heads: 2, blocks: 1 };
    let npe = model.npe().seed(seed(1)).network(NetworkConfig { encoder, ..Default::default() });
    let estimator = npe.train(Budget::simulations(sets)).unwrap();
    let tests = model.simulate(50).size("elements", 200).seed(seed(7)).run().unwrap();
    let posteriors: Vec<_> = tests.iter().map(|s| estimator.condition_prefixes(&s.data).unwrap()).collect();
    for elements in [1, 5, 50, 200] {
        let of = |(s, posteriors): (&Simulation<Nested>, &Vec<Posterior<Nested>>)| {
            let draws = &s.data.elements.draws.x[..DRAWS * elements];
            off(&posteriors[elements - 1], nested_sums(draws), elements)
        };
        let (mean, sd) = worst(&tests.iter().zip(&posteriors).map(of).collect::<Vec<_>>());
        println!("after {elements} elements: mean off by {mean:.3} sd, sd by {sd:.3}");
        within!(mean, sds, "after {elements} elements: mean off by {mean} sd, sd by {sd}");
        within!(sd, share, "after {elements} elements: mean off by {mean} sd, sd by {sd}");
    }
}
