//! Densities over all elements of a plate at once, as the language has them: Gaussian processes, maps, walks, sums of zero.

use hierarch::model::{Density, SimulateError, log_density, log_jacobian_of_all, unconstrain};
use hierarch::prelude::*;
use hierarch_core::linear::Cholesky;
use hierarch_tests::density::{check_gradient, check_gradient_at, check_score};
use hierarch_tests::{agrees, seed, within};

/// Two parts, the first with a cycle.
const EDGES: &[(usize, usize)] = &[(0, 1), (1, 2), (2, 3), (3, 0), (1, 3), (4, 5), (5, 6), (6, 7)];

hierarch::model! {
    /// A regression along one covariate.
    pub Curve {
        global sigma ~ LogNormal(-1, 0.3);
        global amplitude ~ LogNormal(0, 0.3);
        global length ~ LogNormal(0, 0.3);
        plate points(1..=200) {
            given x ~ Uniform(-2, 2);
            local f ~ GaussianProcess(x, Matern32(amplitude, length));
            observe y ~ Normal(f, sigma);
        }
    }
}

hierarch::model! {
    /// Places of two coordinates, sums and products of kernels, arguments by name, a discrete local beside.
    pub Surface {
        global amplitude ~ LogNormal(0, 0.3);
        global length ~ LogNormal(0, 0.3);
        let double = 2 * length;
        plate points(1..=50) {
            given place[2] ~ Normal(0, 1);
            local f ~ GaussianProcess(
                place,
                kernel = SquaredExponential(length = double, amplitude = amplitude) + Matern12(0.5, length) * (Periodic(1, length, 0.7) + Matern52(1, 2.0)),
            );
            local far ~ Bernoulli(0.2);
            observe y ~ if far { Normal(0, 5) } else { Normal(f, 0.5) };
        }
    }
}

hierarch::model! {
    /// All others, a local of its own beside, and a plate that reads them by index.
    pub Several {
        param edges: Vec<(usize, usize)>;
        global sd ~ LogNormal(0, 0.3);
        global alpha ~ Uniform(-1, 1);
        global tau ~ LogNormal(0, 0.3);
        plate areas(8) {
            given exposure ~ Gamma(10, 10);
            local u ~ Normal(0, 1);
            local smooth ~ Icar(EDGES);
            local scaled ~ ScaledIcar(edges);
            local proper ~ Car(edges, alpha = alpha, tau = tau);
            local level ~ RandomWalk(sd);
            local slope ~ RandomWalk2(0.1);
            local effect ~ ZeroSumNormal(sd);
            let eta = 0.3 * (u * smooth + scaled + proper + level + slope);
            observe count ~ Poisson(exposure * eta.exp());
        }
        plate rows(1..=40) {
            given area: index(areas);
            observe y ~ Normal(effect[area] + eta[area], 0.5);
        }
    }
}

hierarch::model! {
    /// A curve and a walk for each subject, of any number of points.
    pub Subjects {
        global amplitude ~ LogNormal(0, 0.3);
        global sd ~ LogNormal(-1, 0.3);
        plate subjects(1..=6) {
            local level ~ Normal(0, 1);
            local apart ~ Bernoulli(0.3);
            plate visits(0..=8) {
                given x ~ Uniform(-2, 2);
                local f ~ GaussianProcess(x, Matern52(amplitude, 0.8));
                local w ~ RandomWalk(sd);
                observe y ~ Normal(level + f + w, if apart { 1.0 } else { 0.4 });
            }
        }
    }
}

hierarch::model! {
    /// A plate inside the elements of a walk.
    pub Trend {
        global sd ~ LogNormal(-1, 0.3);
        plate weeks(2..=30) {
            given holiday ~ Bernoulli(0.2);
            local w ~ RandomWalk(sd);
            let mean = if holiday { w - 0.5 } else { w };
            plate days(0..=4) {
                observe y ~ Normal(mean, 0.5);
            }
        }
    }
}

fn several() -> Several {
    Several { edges: EDGES.to_vec() }
}

/// The density over unconstrained numbers is the one over values and its Jacobian, which are worked out by other code.
fn check_walk<M: Likelihood + Generative>(model: &M) {
    for set in model.simulate(10).seed(seed(3)).run().unwrap() {
        let q = unconstrain(model, &set.globals, Some((&set.locals, &set.data)));
        let found = Density::new(model, &set.data).unwrap().gradient(&q, &mut vec![0.0; q.len()]);
        let known = log_density(model, &set.globals, &set.locals, &set.data).unwrap();
        let expected = known + log_jacobian_of_all(model, &set.data, &q);
        within!((found - expected).abs(), 1e-8 * expected.abs().max(1.0));
    }
}

#[test]
fn gradients() {
    check_gradient(&Curve::default(), 3);
    check_gradient(&Surface::default(), 3);
    check_gradient(&several(), 3);
    check_gradient(&Subjects::default(), 5);
    check_gradient(&Trend::default(), 5);
}

#[test]
fn walks() {
    check_walk(&Curve::default());
    check_walk(&Surface::default());
    check_walk(&several());
    check_walk(&Subjects::default());
    check_walk(&Trend::default());
}

#[test]
fn scores() {
    check_score(&Curve::default(), &[("points", 12)], 2_000);
    check_score(&Surface::default(), &[("points", 8)], 2_000);
    check_score(&several(), &[("rows", 10)], 4_000);
    check_score(&Subjects::default(), &[("subjects", 3), ("visits", 4)], 4_000);
    check_score(&Trend::default(), &[("weeks", 5), ("days", 2)], 2_000);
}

/// The free numbers of a map may be anywhere: the gradient is right where their means are not zero.
#[test]
fn gradient_off_the_plane() {
    let model = several();
    let set = model.simulate(1).seed(seed(8)).one().unwrap();
    let mut q = unconstrain(&model, &set.globals, Some((&set.locals, &set.data)));
    q.iter_mut().enumerate().skip(3).for_each(|(i, q)| *q += (1.3 * i as f64).sin());
    check_gradient_at(&model, &set.data, &q);
}

hierarch::model! {
    /// Known arguments, so that the posterior is normal.
    pub Known {
        plate points(1..=200) {
            given x: f64;
            local f ~ GaussianProcess(x, SquaredExponential(1.5, 0.8) + Periodic(0.7, 1.0, 1.1));
            observe y ~ Normal(f, 0.5);
        }
        plate areas(8) {
            local s ~ Icar(EDGES);
            local w ~ RandomWalk2(0.6);
            observe z ~ Normal(s + w, 0.4);
        }
    }
}

/// The mean and the sd of a normal number with that variance, given `seen`, which has the covariance `total` and those in `row` with
/// the number.
fn given(row: &[f64], variance: f64, total: &[f64], seen: &[f64]) -> (f64, f64) {
    let root = Cholesky::new(total.to_vec(), seen.len()).unwrap();
    let (mut weights, mut against) = (seen.to_vec(), row.to_vec());
    root.solve(&mut weights);
    root.forward(&mut against);
    let left = variance - against.iter().map(|x| x * x).sum::<f64>();
    (row.iter().zip(&weights).map(|(a, b)| a * b).sum(), left.sqrt())
}

/// The covariance in `Known`, by the distance.
fn covariance(r: f64) -> f64 {
    let periodic = 0.49 * (-2.0 * (std::f64::consts::PI * r / 1.1).sin().powi(2)).exp();
    2.25 * (-0.5 * (r / 0.8_f64).powi(2)).exp() + periodic
}

/// The covariance of what is seen at some places.
fn of_places(x: &[f64]) -> Vec<f64> {
    let entry = |i: usize, j: usize| covariance(x[i] - x[j]) + if i == j { 0.25 } else { 0.0 };
    (0..x.len() * x.len()).map(|at| entry(at / x.len(), at % x.len())).collect()
}

/// NUTS on a process with known arguments, and on a map with a walk, against the exact posterior.
#[test]
fn exact_posterior() {
    let x: Vec<f64> = (0..15).map(|i| 0.2 * i as f64 + 0.05 * (i as f64).sin()).collect();
    let y: Vec<f64> = x.iter().map(|x| (2.0 * x).sin() + 0.3 * (9.0 * x).cos()).collect();
    let z = vec![0.5, 1.0, -0.3, 0.2, 2.0, 1.4, 2.5, 3.0];
    let data = KnownData { points: KnownPoints { x: x.clone(), y: y.clone() }, areas: KnownAreas { z: z.clone() } };
    let model = Known::default();
    let chains = model.nuts(&data).seed(seed(1)).draws(5_000).run().unwrap();
    for i in 0..15 {
        let row: Vec<f64> = x.iter().map(|other| covariance(x[i] - other)).collect();
        let (mean, sd) = given(&row, covariance(0.0), &of_places(&x), &y);
        agrees(&chains, &format!("f[{i}]"), mean, sd, 5.0);
    }
    // The covariance of the walk: x_t has t - s + 1 of innovation s.
    let mut walk = vec![0.0; 64];
    for (a, b) in (0..64).map(|at| (at / 8, at % 8)) {
        walk[a * 8 + b] = 0.36 * (0..=a.min(b)).map(|s| (a - s + 1) as f64 * (b - s + 1) as f64).sum::<f64>();
    }
    // The map's: the inverse of its precision with 1 on all pairs of each part, less what that adds.
    let mut precision = vec![0.0; 64];
    for &(a, b) in EDGES {
        (precision[a * 8 + a], precision[b * 8 + b]) = (precision[a * 8 + a] + 1.0, precision[b * 8 + b] + 1.0);
        (precision[a * 8 + b], precision[b * 8 + a]) = (-1.0, -1.0);
    }
    let one_part = |a: usize, b: usize| (a < 4) == (b < 4);
    (0..64).filter(|at| one_part(at / 8, at % 8)).for_each(|at| precision[at] += 1.0);
    let cholesky = Cholesky::new(precision, 8).unwrap();
    let mut map = vec![0.0; 64];
    for i in 0..8 {
        let row = &mut map[i * 8..][..8];
        row[i] = 1.0;
        cholesky.solve(row);
    }
    (0..64).filter(|at| one_part(at / 8, at % 8)).for_each(|at| map[at] -= 1.0 / 16.0);
    let mut total: Vec<f64> = map.iter().zip(&walk).map(|(a, b)| a + b).collect();
    (0..8).for_each(|i| total[i * 8 + i] += 0.16);
    for (name, prior) in [("s", &map), ("w", &walk)] {
        for i in 0..8 {
            let (mean, sd) = given(&prior[i * 8..][..8], prior[i * 9], &total, &z);
            agrees(&chains, &format!("{name}[{i}]"), mean, sd, 5.0);
        }
    }
    let found: f64 = (0..8).map(|i| chains.mean(format!("s[{i}]").as_str()).unwrap()).sum();
    assert!(found.abs() < 1e-9, "a map sums to zero: {found}");
}

/// Each subject has a curve of its own.
#[test]
fn groups_are_independent() {
    let sets = Subjects::default().simulate(4_000).size("subjects", 2).size("visits", 2).seed(seed(6)).run().unwrap();
    let moments = |i: usize, j: usize| {
        let products: Vec<f64> =
            sets.iter().map(|set| set.locals.subjects.visits.w[i] * set.locals.subjects.visits.w[j]).collect();
        let mean = products.iter().sum::<f64>() / products.len() as f64;
        let error = (products.iter().map(|x| (x - mean).powi(2)).sum::<f64>()).sqrt() / products.len() as f64;
        (mean, error)
    };
    // The mean of the square of the sd.
    let variance = (2.0 * (-1.0 + 0.09_f64)).exp();
    for (i, j, expected) in [(0, 0, 1.0), (0, 1, 1.0), (1, 1, 2.0), (1, 2, 0.0), (2, 2, 1.0), (3, 3, 2.0)] {
        let (mean, error) = moments(i, j);
        within!((mean - variance * expected).abs(), 5.0 * error, "{i} {j}: {mean}");
    }
}

/// The draws of a simulator have the covariances of the kernel, whatever the order of the elements.
#[test]
fn simulated_covariance() {
    let x = vec![0.4, -1.0, 0.1];
    let design = CurveData { points: CurvePoints { x: x.clone(), y: vec![0.0; 3] } };
    let truth = CurveGlobals { sigma: 0.1, amplitude: 2.0, length: 1.3 };
    let sets = Curve::default().simulate(20_000).at(&truth).same_design_as(&design).seed(seed(4)).run().unwrap();
    for (i, j) in [(0, 0), (0, 1), (0, 2), (1, 2)] {
        let s = 3.0_f64.sqrt() * (x[i] - x[j]).abs() / 1.3;
        let expected = 4.0 * (1.0 + s) * (-s).exp();
        let products: Vec<f64> = sets.iter().map(|set| set.locals.points.f[i] * set.locals.points.f[j]).collect();
        let mean = products.iter().sum::<f64>() / 2e4;
        let error = (products.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 2e4 / 2e4).sqrt();
        within!((mean - expected).abs(), 5.0 * error, "{i} {j}: {mean} {expected}");
    }
}

/// At places without data, a prediction is what the process says given those with data.
#[test]
fn prediction_at_new_places() {
    let x = vec![0.0, 0.5, 1.0, 1.5];
    let data = KnownData {
        points: KnownPoints { x: x.clone(), y: vec![1.0, 0.4, -0.2, 0.3] },
        areas: KnownAreas { z: vec![0.0; 8] },
    };
    let model = Known::default();
    let chains = model.nuts(&data).seed(seed(1)).draws(4_000).run().unwrap();
    let mut more = data.clone();
    (more.points.x, more.points.y) = ([x.clone(), vec![0.75]].concat(), vec![0.0; 5]);
    let predicted =
        Prediction::new(&model, &more).same(Known::POINTS).draws(16_000).seed(seed(2)).from(&chains).unwrap();
    let row: Vec<f64> = x.iter().map(|x| covariance(x - 0.75)).collect();
    let (mean, sd) = given(&row, covariance(0.0) + 0.25, &of_places(&x), &data.points.y);
    within!((predicted.mean("y[4]").unwrap() - mean).abs(), 0.06 * sd);
    within!((predicted.sd("y[4]").unwrap() / sd - 1.0).abs(), 0.05);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let model = Several { edges: vec![(0, 1), (7, 8)] };
    let error = model.simulate(1).one().unwrap_err();
    assert!(matches!(error, SimulateError::Parameter { variable: "scaled", .. }), "{error}");
    assert!(error.to_string().contains("edge 1 joins elements 7 and 8, but there are 8"), "{error}");
    let data = several().simulate(1).seed(1).one().unwrap().data;
    let error = Density::new(&model, &data).err().unwrap().to_string();
    assert!(error.contains("of the plate `areas`: edge 1 joins elements 7 and 8, but there are 8"), "{error}");
    // Only a whole map can be drawn of.
    let model = Known::default();
    let data = KnownData { points: KnownPoints { x: vec![0.0], y: vec![0.1] }, areas: KnownAreas { z: vec![0.0; 8] } };
    let chains = model.nuts(&data).seed(seed(1)).draws(50).run().unwrap();
    let error = chains.group_log_likelihood(&model, &data, Known::AREAS, 10, 1).unwrap_err().to_string();
    assert!(error.starts_with("`s` of all elements of `areas` is one draw"), "{error}");
    assert!(chains.log_likelihood(&model, &data, Known::AREAS).is_ok());
    let error = Curve::default().npe().train(Budget::simulations(100)).unwrap_err().to_string();
    assert!(error.starts_with("`f` of all elements of `points` is one draw"), "{error}");
}

/// The specification and the data travel as those of any model.
#[test]
fn specification_and_tables() {
    let specification = Model::specification(&several());
    let proper = specification.plates[0].variables.iter().find(|v| v.name == "proper").unwrap();
    assert!(proper.is_of_a_plate());
    assert_eq!(proper.parents, ["alpha", "tau"]);
    assert_eq!(proper.definition, "Car(edges, alpha = alpha, tau = tau)");
    let data = Curve::default().simulate(1).seed(2).one().unwrap().data;
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    data.to_csv(file.path()).unwrap();
    assert_eq!(CurveData::from_csv(file.path()).unwrap(), data);
}
