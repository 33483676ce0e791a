//! Vectors that may be missing and that others depend on: number by number, or whole where they are one draw.

use hierarch::model::{DataError, Density, log_density, names, unconstrain};
use hierarch::prelude::*;
use hierarch_tests::density::{check_gradient_at, check_score_of};
use hierarch_tests::{agrees, seed, within};

hierarch::model! {
    /// Read in their element, in a plate inside, by an index, and beside a discrete local.
    pub Vectors {
        global mu[2] ~ Normal(0.0, 1.0);
        global slope ~ Normal(0.0, 1.0);
        plate rows(1..=20) {
            local kind ~ Bernoulli(0.3);
            observe v[i in 0..2]: Option ~ LogNormal(mu[i], 0.5);
            observe w[3]: Option ~ MvNormal([mu[0], mu[1], 0.5], [[1.0, 0.3, 0.1], [0.3, 2.0, 0.2], [0.1, 0.2, 1.5]]);
            observe y ~ Normal(if kind { slope * v[0] } else { w[2] }, 1.0);
            plate inner(0..=2) {
                observe u ~ Normal(v[1] + w[0], 2.0);
            }
        }
        plate visits(1..=20) {
            given row: index(rows);
            observe z ~ Normal(w[row][1] * v[row][0], 1.0);
        }
    }
}

/// Takes values away; returns their unconstrained numbers, in the order of the model's.
fn take(data: &mut VectorsData) -> Vec<f64> {
    let mut numbers = Vec::new();
    for (i, v) in data.rows.v.iter_mut().enumerate() {
        numbers.extend(
            v.iter_mut().enumerate().filter(|(c, _)| (i + c) % 3 == 0).filter_map(|(_, x)| x.take()).map(f64::ln),
        );
    }
    for w in data.rows.w.iter_mut().skip(1).step_by(2) {
        numbers.extend(w.iter_mut().filter_map(Option::take));
    }
    numbers
}

#[test]
fn numbers_of_vectors_that_are_missing_are_inferred() {
    let model = Vectors::default();
    for s in model.simulate(10).size(Vectors::ROWS, 7).size(Vectors::VISITS, 9).seed(seed(1)).run().unwrap() {
        let q = unconstrain(&model, &s.globals, Some((&s.locals, &s.data)));
        assert_eq!(q.len(), 3, "nothing is missing");
        let whole = Density::new(&model, &s.data).unwrap().gradient(&q, &mut [0.0; 3]);
        let mut data = s.data.clone();
        let numbers = take(&mut data);
        let slopes: f64 = s
            .data
            .rows
            .v
            .iter()
            .flatten()
            .zip(data.rows.v.iter().flatten())
            .map(|(x, left)| match left {
                None => x.unwrap().ln(),
                Some(_) => 0.0,
            })
            .sum();
        let q = [q, numbers].concat();
        let value = Density::new(&model, &data).unwrap().gradient(&q, &mut vec![0.0; q.len()]);
        within!((value - slopes - whole).abs(), 1e-10 * value.abs().max(1.0), "{value} {slopes} {whole}");
        check_gradient_at(&model, &data, &q);
        let error = log_density(&model, &s.globals, &s.locals, &data).unwrap_err();
        assert!(error.to_string().contains("are missing in the data"), "{error}");
        let names = names(&model, Some(&data));
        assert_eq!(names[3..7], ["v[0][0]", "v[2][1]", "v[3][0]", "v[5][1]"]);
        assert_eq!(names[8..12], ["w[1][0]", "w[1][1]", "w[1][2]", "w[3][0]"]);
    }
}

hierarch::model! {
    /// A Gaussian vector of which a sum is seen.
    pub Sums {
        global mu ~ Normal(0.0, 1.0);
        plate rows(1..=10) {
            observe w[2]: Option ~ MvNormal([0.0, 1.0], [[1.0, 0.5], [0.5, 2.0]]);
            observe y ~ Normal(w[0] + 2.0 * w[1], 1.0);
            observe x ~ Normal(mu, 1.0);
        }
    }
}

#[test]
fn posteriors_of_vectors_are_exact() {
    let model = Sums::default();
    let rows = SumsRows { w: vec![[Some(0.3), Some(1.0)], [None; 2]], y: vec![2.0, 5.5], x: vec![0.1, 0.4] };
    let data = SumsData { rows };
    let chains = model.nuts(&data).seed(seed(2)).draws(10_000).run().unwrap();
    // S a = (2, 4.5), and the variance of a sum is a^T S a + 1 = 12.
    let gain = [2.0 / 12.0, 4.5 / 12.0];
    let sd = [1.0 - 2.0 * gain[0], 2.0 - 4.5 * gain[1]].map(f64::sqrt);
    agrees(&chains, "w[1][0]", gain[0] * 3.5, sd[0], 4.5);
    agrees(&chains, "w[1][1]", 1.0 + gain[1] * 3.5, sd[1], 4.5);
    let each = chains.log_likelihood(&model, &data, Sums::ROWS).unwrap();
    assert!(each.values().iter().all(|x| x.is_finite()));
    let predicted = Prediction::new(&model, &data).seed(seed(3)).from(&chains).unwrap();
    assert!(predicted.columns().iter().flatten().all(|x| x.is_finite()), "what is predicted is all there");

    let mut data = data;
    data.rows.w[1][0] = Some(0.5);
    let error = hierarch::model::check(&model, &data).unwrap_err();
    assert!(matches!(&error, DataError::MissingInPart { place } if place == "`w` of element 1 of the plate `rows`"));
}

#[test]
fn nothing_changes_where_nothing_is_missing() {
    let model = Sums::default();
    check_score_of(&model, model.simulate(5_000).size(Sums::ROWS, 4).seed(seed(4)).run().unwrap());
}
