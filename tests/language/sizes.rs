//! Lengths that are fields of the model: each model is compared with the same one of constant lengths, which other tests hold against
//! closed forms, and with finite differences.

use hierarch::model::{AsNumbers, DataSet, Density, LocalSet, Vectors, log_density, unconstrain};
use hierarch::prelude::*;
use hierarch_tests::density::{check_gradient, check_score};
use hierarch_tests::seed;

/// Declares the model `$name` twice: with the size `$size`, in `open`, and with the constant, in `closed`.
macro_rules! both {
    ($size:ident, $($name:ident { $($body:tt)* })*) => {
        // What the models have besides is not used here.
        #[allow(dead_code)]
        pub mod open {
            use hierarch::prelude::*;
            $(model! { pub $name { size $size = 3; $($body)* } })*
        }
        #[allow(dead_code)]
        pub mod closed {
            use hierarch::prelude::*;
            const $size: usize = 3;
            $(model! { pub $name { $($body)* } })*
        }
    };
}

both! {
    K,
    Regression {
        global beta[K] ~ Normal(0.0, 1.0);
        global alpha ~ Normal(0.0, 2.0);
        global sigma ~ LogNormal(-1.0, 0.3);
        plate rows(1..=40) {
            given x[K] ~ Normal(0.0, 1.0);
            observe y ~ Normal(alpha + dot(x, beta), sigma);
        }
    }
    Answers {
        global scale ~ LogNormal(0.0, 0.3);
        global beta[K] ~ Normal(0.0, scale);
        global effect[K + 1] ~ StudentT(4.0, 0.0, 1.0);
        plate rows(1..=40) {
            given x[K] ~ Normal(0.0, 1.0);
            given group ~ Categorical([0.25; 4]);
            observe y ~ BernoulliLogit(0.5 * dot(x, beta) + effect[group]);
        }
    }
    Picked {
        global effect[3][K] ~ Normal(0.0, 1.0);
        plate groups(1..=4) {
            local slope[i in 0..K] ~ Normal(effect[0][i], 1.0);
        }
        plate rows(1..=20) {
            given x[K] ~ Normal(0.0, 1.0);
            given kind ~ Categorical([0.3, 0.3, 0.4]);
            given g: index(groups);
            observe y ~ Normal(dot(x, effect[kind]) + dot(effect[1], effect[2]), 1.0);
            observe z ~ Normal(dot(effect[kind], slope[g]) + dot(x, slope[g]), 1.0);
        }
    }
    Horseshoe {
        global tau ~ LogNormal(0.0, 0.5);
        global lambda[K] ~ LogNormal(0.0, 0.5);
        global beta[i in 0..K] ~ Normal(0.0, tau * lambda[i]);
        global sigma ~ LogNormal(0.0, 0.3);
        plate rows(1..=20) {
            given x[K] ~ Normal(0.0, 1.0);
            let eta = dot(x, beta);
            observe y ~ Normal(eta + beta[0] * x[1], sigma);
        }
    }
    Sparse {
        param share: f64 = 0.3;
        global alpha ~ Normal(0.0, 0.5);
        global tau ~ LogNormal(0.0, 0.3);
        global beta[i in 0..K] ~ Normal(0.0, tau / (1.0 + i as f64));
        let shift = 2 * alpha - 0.5;
        plate rows(1..=40) {
            given x[K] ~ Normal(0.0, 1.0);
            given exposure ~ Uniform(0.5, 1.0);
            local late ~ Bernoulli(share);
            let eta = dot(x, beta);
            observe n ~ Poisson(exposure * (shift + 0.2 * eta + if late { 0.1 * K as f64 } else { 0.0 }).exp());
            observe y ~ StudentT(4.0, eta + alpha, tau);
        }
    }
    Slopes {
        global mu[K] ~ Normal(0.0, 1.0);
        global tau[K] ~ LogNormal(0.0, 0.3);
        global correlation[K][K] ~ LkjCholesky(2.0);
        global shift[i in 0..K][j in 0..2] ~ Normal(mu[i], 1.0 + j as f64);
        let factor = diag(tau) * correlation;
        plate groups(1..=6) {
            local b[K] ~ MvNormalCholesky(mu, factor);
            local own[i in 0..K] ~ Normal(shift[i][1], 0.5);
            plate rows(1..=4) {
                given x[K] ~ Normal(0.0, 1.0);
                observe y ~ Normal(dot(x, b) + dot(own, b), 0.5);
                observe z[i in 0..K] ~ Normal(own[i], tau[i]);
            }
        }
    }
    Mixed {
        global weights[K] ~ Dirichlet([2.0; K]);
        global mu[K] ~ Ordered(Normal(0.0, 2.0));
        global sd[K] ~ LogNormal(0.0, 0.3);
        plate rows(1..=20) {
            local kind ~ Categorical(weights);
            observe y ~ Normal(mu[kind], sd[kind]);
        }
    }
    Counted {
        global weights[K] ~ Dirichlet([1.5; K]);
        global effect[K] ~ ZeroSumNormal(1.0);
        global cuts[K - 1] ~ Ordered(Normal(0.0, 2.0));
        global slope ~ Normal(0.0, 1.0);
        plate rows(1..=20) {
            given x ~ Normal(0.0, 1.0);
            observe counts[K] ~ Multinomial(12.0, weights);
            observe kind ~ CategoricalLogit(effect);
            observe grade ~ OrderedLogistic(slope * x, cuts);
        }
    }
    Others {
        global concentrations[K] ~ LogNormal(0.0, 0.3);
        global tau[K] ~ LogNormal(0.0, 0.3);
        global mu[K] ~ MvStudentT(7.0, [0.0; K], diag([1.5; K]));
        global cuts[K - 1] ~ Ordered(Normal(0.0, 2.0));
        global correlation[K][K] ~ LkjCholesky(2.0);
        let factor = diag(tau) * correlation;
        plate groups(1..=5) {
            given x ~ Normal(0.0, 1.0);
            local b[K] ~ MvNormalCholesky(mu, factor);
            local c[K] ~ MvStudentT(5.0, b, diag(tau));
            observe counts[K] ~ DirichletMultinomial(12.0, concentrations);
            observe grade ~ OrderedProbit(x * c[0], cuts);
            observe y[K] ~ MvStudentT(tau[0] + 4.0, c, diag(tau));
        }
    }
    Asked {
        global mu[K] ~ Normal(0.0, 1.0);
        plate people(1..=5) {
            local ability[i in 0..K] ~ Normal(mu[i], 1.0);
            observe level ~ Normal(ability[0], 1.0);
        }
        plate answers(1..=30) {
            given person: index(people);
            given skill[K] ~ Normal(1.0, 0.5);
            let own = ability[person];
            observe right ~ BernoulliLogit(dot(skill, own));
        }
    }
    Once {
        global weights[K] ~ Dirichlet([1.5; K]);
        global beta[K] ~ Normal(0.0, 1.0);
        given x[K] ~ Normal(0.0, 1.0);
        observe counts[K] ~ Multinomial(20.0, weights);
        observe y[i in 0..K] ~ Normal(beta[i] * x[i], 1.0);
    }
    Groups {
        global scale ~ LogNormal(0.0, 0.5);
        plate groups(K) {
            local theta ~ Normal(0.0, scale);
            observe y ~ Normal(theta, 1.0);
        }
    }
}

/// The same seed draws the same sets, and their densities and derivatives agree.
macro_rules! compare {
    ($name:ident) => {{
        let (open, closed) = (open::$name::default(), closed::$name::default());
        check_gradient(&open, 5);
        let sets = open.simulate(20).seed(seed(1)).run().unwrap();
        for (a, b) in sets.iter().zip(closed.simulate(20).seed(seed(1)).run().unwrap()) {
            assert_eq!(AsNumbers::to_numbers(&a.globals), AsNumbers::to_numbers(&b.globals));
            assert_eq!(LocalSet::frame(&a.locals), LocalSet::frame(&b.locals));
            assert_eq!(DataSet::frame(&a.data), DataSet::frame(&b.data));
            let q = unconstrain(&open, &a.globals, Some((&a.locals, &a.data)));
            assert_eq!(q, unconstrain(&closed, &b.globals, Some((&b.locals, &b.data))));
            let (mut g, mut h) = (vec![0.0; q.len()], vec![0.0; q.len()]);
            let mut densities = (Density::new(&open, &a.data).unwrap(), Density::new(&closed, &b.data).unwrap());
            let values = (densities.0.gradient(&q, &mut g), densities.1.gradient(&q, &mut h));
            agree(values.0, values.1);
            g.iter().zip(&h).for_each(|(g, h)| agree(*g, *h));
            agree(
                log_density(&open, &a.globals, &a.locals, &a.data).unwrap(),
                log_density(&closed, &b.globals, &b.locals, &b.data).unwrap(),
            );
            let json = serde_json::to_string(a).unwrap();
            assert_eq!(json, serde_json::to_string(&b).unwrap());
            assert_eq!(&serde_json::from_str::<Simulation<open::$name>>(&json).unwrap(), a);
        }
    }};
}

fn agree(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-9 * a.abs().max(1.0), "{a}, not {b}");
}

#[test]
fn models_are_those_of_constant_lengths() {
    compare!(Regression);
    compare!(Answers);
    compare!(Picked);
    compare!(Horseshoe);
    compare!(Sparse);
    compare!(Slopes);
    compare!(Mixed);
    compare!(Counted);
    compare!(Others);
    compare!(Asked);
    compare!(Once);
    compare!(Groups);
}

model! {
    pub Told {
        size K;
        global beta[K] ~ Normal(0.0, 1.0);
        plate rows(1..=5) {
            given x[K];
            observe y ~ Normal(dot(x, beta), 1.0);
        }
    }
}

model! {
    /// With a covariance that is handed in.
    pub Handed {
        size K;
        param covariance: Vec<Vec<f64>>;
        param concentration: Vec<f64>;
        global mu[K] ~ MvNormal([0.0; K], covariance);
        global weights[K] ~ Dirichlet(concentration);
        plate rows(1..=5) {
            observe y[i in 0..K] ~ Normal(mu[i], weights[i]);
        }
    }
}

model! {
    pub HandedTwo {
        param covariance: [[f64; 2]; 2];
        param concentration: [f64; 2];
        global mu[2] ~ MvNormal([0.0; 2], covariance);
        global weights[2] ~ Dirichlet(concentration);
        plate rows(1..=5) {
            observe y[i in 0..2] ~ Normal(mu[i], weights[i]);
        }
    }
}

#[test]
fn params_may_be_vectors_of_any_length() {
    let covariance = vec![vec![2.0, 0.3], vec![0.3, 1.0]];
    let open = Handed { K: 2, covariance, concentration: vec![1.0, 3.0] };
    let closed = HandedTwo { covariance: [[2.0, 0.3], [0.3, 1.0]], concentration: [1.0, 3.0] };
    let (a, b) = (open.simulate(1).seed(seed(1)).one().unwrap(), closed.simulate(1).seed(seed(1)).one().unwrap());
    assert_eq!(serde_json::to_string(&a).unwrap(), serde_json::to_string(&b).unwrap());
    let (q, mut g, mut h) = ([0.3, -0.2, 0.6], [0.0; 3], [0.0; 3]);
    agree(
        Density::new(&open, &a.data).unwrap().gradient(&q, &mut g),
        Density::new(&closed, &b.data).unwrap().gradient(&q, &mut h),
    );
    g.iter().zip(h).for_each(|(g, h)| agree(*g, h));
    assert_eq!(Handed::for_data(&a.data, open.covariance.clone(), open.concentration.clone()).unwrap(), open);
}

#[test]
fn scores_are_zero_on_average_at_another_length() {
    check_score(&open::Regression { K: 5 }, &[("rows", 10)], 2000);
    check_score(&open::Horseshoe { K: 2 }, &[("rows", 8)], 2000);
    check_score(&open::Sparse { K: 4, share: 0.5 }, &[("rows", 8)], 2000);
    check_score(&open::Slopes { K: 2 }, &[("groups", 4), ("rows", 3)], 2000);
    check_score(&open::Mixed { K: 4 }, &[("rows", 10)], 2000);
    check_score(&open::Counted { K: 4 }, &[("rows", 10)], 2000);
    check_score(&open::Others { K: 4 }, &[("groups", 4)], 2000);
}

#[test]
fn regressions_have_matrices_as_those_of_constant_lengths() {
    let (open, closed) = (open::Regression { K: 3 }, closed::Regression::default());
    let (a, b) = (open.simulate(1).one().unwrap().data, closed.simulate(1).one().unwrap().data);
    let plan = Density::new(&open, &a).unwrap().plan().to_string();
    assert_eq!(plan, Density::new(&closed, &b).unwrap().plan().to_string());
    assert!(plan.contains("least squares"), "{plan}");
}

#[test]
fn data_tell_the_sizes() {
    let set = open::Regression { K: 4 }.simulate(1).seed(seed(1)).size("rows", 12).one().unwrap();
    let model = open::Regression::for_data(&set.data).unwrap();
    assert_eq!(model, open::Regression { K: 4 });
    let groups = open::GroupsData { groups: open::GroupsGroups { y: vec![0.5; 7] } };
    assert_eq!(open::Groups::for_data(&groups).unwrap(), open::Groups { K: 7 });
    // Where nothing tells it, it is the default, if there is one.
    let empty = open::AskedData { people: Default::default(), answers: Default::default() };
    let error = open::Asked::for_data(&empty).unwrap_err().to_string();
    assert_eq!(error, "the plate `people` has 0 elements, but the model allows 1 to 5");
    let error = Told::for_data(&ToldData { rows: ToldRows::default() }).unwrap_err().to_string();
    assert_eq!(error, "no element of the data has `x`, which would tell the size `K` of the model: set it");
}

#[test]
fn another_length_is_an_error_that_says_both() {
    let model = open::Regression { K: 4 };
    let set = model.simulate(1).seed(seed(1)).size("rows", 12).one().unwrap();
    let other = open::Regression { K: 2 };
    let expected = "`x` of the plate `rows` has 4 numbers in the data, and 2 in the model: `for_data(&data)` makes a model of the data's sizes";
    assert_eq!(other.nuts(&set.data).run().unwrap_err().to_string(), expected);
    let error = other.simulate(1).same_design_as(&set.data).one().unwrap_err().to_string();
    assert!(error.ends_with(expected), "{error}");
    let error = other.simulate(1).at(&set.globals).one().unwrap_err().to_string();
    assert_eq!(error, "`beta` is fixed at 4 numbers, and has 2 in the model");
    let ragged = Vectors::from_rows([vec![1.0, 2.0], vec![3.0]]).unwrap_err().to_string();
    assert_eq!(ragged, "vector 1 has 1 numbers, but the first has 2");
    assert!(serde_json::from_str::<Vectors<f64>>("[[1.0, 2.0], [3.0]]").is_err());
}

#[test]
fn tables_tell_the_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    for k in [1, 3, 12] {
        let set = open::Regression { K: k }.simulate(1).seed(seed(1)).size("rows", 7).one().unwrap();
        set.data.to_csv(&path).unwrap();
        assert_eq!(open::RegressionData::from_csv(&path).unwrap(), set.data);
        let tables = folder.path().join(format!("tables{k}"));
        set.data.to_csv(&tables).unwrap();
        assert_eq!(open::RegressionData::from_csv(&tables).unwrap(), set.data);
    }
    std::fs::write(&path, "age,wage,sex\n30,1.5,0\n40,2.5,1\n").unwrap();
    let columns = [("x", "age"), ("x", "sex"), ("y", "wage")];
    let data = open::RegressionData::from_csv_columns(&path, &columns).unwrap();
    assert_eq!(data.rows.x, Vectors::from_rows([[30.0, 0.0], [40.0, 1.0]]).unwrap());
    assert_eq!(data.rows.y, [1.5, 2.5]);
    // The same names for a vector of constant length.
    let columns = [("x", "age"), ("x", "sex"), ("x", "wage"), ("y", "wage")];
    let data: closed::RegressionData = hierarch::io::read_csv(&closed::Regression::default(), &path, &columns).unwrap();
    assert_eq!(data.rows.x, [[30.0, 0.0, 1.5], [40.0, 1.0, 2.5]]);
    let error = open::RegressionData::from_csv(&path).unwrap_err().to_string();
    assert!(error.contains("has no column `x[0]`"), "{error}");
}

#[test]
fn chains_and_predictions_have_the_lengths_of_the_model() {
    let model = open::Regression { K: 5 };
    let set = model.simulate(1).seed(seed(2)).size("rows", 30).one().unwrap();
    let chains = model.nuts(&set.data).seed(seed(3)).warmup(100).draws(50).run().unwrap();
    assert!(chains.mean(open::Regression::BETA.at(4)).unwrap().is_finite());
    assert!(chains.mean("beta[5]").is_err());
    assert!(chains.globals().all(|globals| globals.beta.len() == 5));
    let predicted = Prediction::new(&model, &set.data).from(&chains).unwrap();
    assert!(predicted.mean("y[29]").unwrap().is_finite());
    let loo = chains.log_likelihood(&model, &set.data, "rows").unwrap().loo();
    assert!(loo.to_string().contains("elpd"), "{loo}");
    let best = model.maximize(&set.data).unwrap();
    assert_eq!(best.globals.beta.len(), 5);
    let slopes = open::Slopes { K: 2 };
    let set = slopes.simulate(1).seed(seed(2)).size("groups", 6).size("rows", 4).one().unwrap();
    let chains = slopes.nuts(&set.data).seed(seed(3)).warmup(100).draws(50).run().unwrap();
    let globals = chains.globals().next().unwrap();
    assert_eq!((globals.mu.len(), globals.correlation.width(), globals.shift.len()), (2, 2, 2));
    assert!((globals.correlation[1][0].powi(2) + globals.correlation[1][1].powi(2) - 1.0).abs() < 1e-9);
}
