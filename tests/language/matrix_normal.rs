//! Matrices of normal numbers: against vectors whose covariance is the product of Kronecker, in models, and their draws.

use hierarch::distributions::{Distribution, Draw, MatrixNormal, MvNormal, open};
use hierarch::prelude::*;
use hierarch_tests::density::{check_gradient, check_score, check_statements};
use hierarch_tests::{seed, within};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

model! {
    /// Effects of two covariates on three outcomes.
    pub Outcomes {
        global tau[3] ~ LogNormal(median = 1.0, sigma = 0.3);
        global correlation[3][3] ~ LkjCholesky(2.0);
        global centre[2][3] ~ Normal(0.0, 1.0);
        global effect[2][3] ~ MatrixNormal(centre, row_factor = [[1.0, 0.0], [0.6, 0.8]], column_factor = diag(tau) * correlation);
        global other[3][1] ~ MatrixNormal([[0.0]; 3], diag(tau), [[0.5]]);
        plate people(4) {
            given x[2] ~ Normal(0.0, 1.0);
            observe y[j in 0..3] ~ Normal(x[0] * effect[0][j] + x[1] * effect[1][j] + other[j][0], 1.0);
        }
    }
}

model! {
    /// The same of sizes.
    pub AnyOutcomes {
        size K;
        size L;
        global tau[L] ~ LogNormal(median = 1.0, sigma = 0.3);
        global correlation[L][L] ~ LkjCholesky(2.0);
        global factor_of[K][K] ~ WishartCholesky(9.0, diag([0.4; K]));
        let columns = diag(tau) * correlation;
        global centre[K][L] ~ MatrixNormal([[0.0; L]; K], diag([1.0; K]), diag(tau));
        global effect[K][L] ~ MatrixNormal(centre, factor_of, columns);
        global two[2][L] ~ MatrixNormal([[0.5; L]; 2], [[1.0, 0.0], [0.6, 0.8]], columns);
        plate people(4) {
            given x[L] ~ Normal(0.0, 1.0);
            observe y[i in 0..K] ~ Normal(sum(j in 0..L, x[j] * effect[i][j]) + two[1][0], 1.0);
        }
    }
}

fn check<M: Likelihood + Generative>(model: &M) {
    check_gradient(model, 5);
    check_score(model, &[], 1000);
    check_statements(model);
}

#[test]
fn densities_of_matrices_are_those_of_their_draws() {
    check(&Outcomes::default());
    check(&AnyOutcomes { K: 2, L: 3 });
}

const MEAN: [[f64; 3]; 2] = [[0.3, -1.0, 2.0], [0.0, 0.5, -0.2]];
const ROWS: [[f64; 2]; 2] = [[1.5, 0.0], [-0.4, 0.7]];
const COLUMNS: [[f64; 3]; 3] = [[0.8, 0.0, 0.0], [0.3, 1.1, 0.0], [-0.5, 0.2, 0.6]];

/// The covariance of two numbers of the matrix, row by row.
fn covariance(a: usize, b: usize) -> f64 {
    let of_rows: f64 = (0..2).map(|k| ROWS[a / 3][k] * ROWS[b / 3][k]).sum();
    of_rows * (0..3).map(|k| COLUMNS[a % 3][k] * COLUMNS[b % 3][k]).sum::<f64>()
}

#[test]
fn a_matrix_is_a_vector_whose_covariance_is_a_product_of_kronecker() {
    let flat = |x: [[f64; 3]; 2]| -> [f64; 6] { std::array::from_fn(|i| x[i / 3][i % 3]) };
    let product: [[f64; 6]; 6] = std::array::from_fn(|a| std::array::from_fn(|b| covariance(a, b)));
    let vector = MvNormal::new(flat(MEAN), product);
    // What is above the diagonal of a factor is not read.
    let rows = [[1.5, 9.0], [-0.4, 0.7]];
    let matrix = MatrixNormal::new(MEAN, rows, COLUMNS);
    for x in [MEAN, [[1.0, 2.0, 3.0], [-4.0, 0.1, 0.0]], [[50.0, 0.0, -7.0], [0.0, 9.0, 1.0]]] {
        let expected = vector.log_density(flat(x));
        within!((matrix.log_density(x) - expected).abs(), 1e-11 * expected.abs().max(1.0));
        let of_sizes = open::MatrixNormal::new(MEAN, rows, COLUMNS, (2, 3));
        assert_eq!(of_sizes.log_density(flat(x).to_vec()).to_bits(), matrix.log_density(x).to_bits());
    }
}

#[test]
fn draws_of_matrices_have_their_means_and_covariances() {
    let (mut rng, n) = (Xoshiro256PlusPlus::seed_from_u64(seed(4)), 40_000);
    let matrix = MatrixNormal::new(MEAN, ROWS, COLUMNS);
    let draws: Vec<Vec<f64>> = (0..n).map(|_| matrix.draw(&mut rng).concat()).collect();
    let centred = |x: &[f64], a: usize| x[a] - MEAN[a / 3][a % 3];
    for a in 0..6 {
        let mean = draws.iter().map(|x| centred(x, a)).sum::<f64>() / f64::from(n);
        within!(mean.abs(), 5.0 * (covariance(a, a) / f64::from(n)).sqrt(), "{a}: {mean}");
        for b in 0..=a {
            let found = draws.iter().map(|x| centred(x, a) * centred(x, b)).sum::<f64>() / f64::from(n);
            let square = covariance(a, a) * covariance(b, b) + covariance(a, b).powi(2);
            within!((found - covariance(a, b)).abs(), 5.0 * (square / f64::from(n)).sqrt(), "{a} {b}: {found}");
        }
    }
}

#[test]
fn matrices_without_sense_are_refused() {
    let error = |rows, columns| MatrixNormal::new(MEAN, rows, columns).check().unwrap_err().to_string();
    assert!(
        error([[1.0, 0.0], [0.0, 0.0]], COLUMNS).starts_with("MatrixNormal: the row factor is [1.0, 0.0, 0.0, 0.0]")
    );
    assert!(error(ROWS, [[f64::NAN; 3]; 3]).ends_with("must be of finite numbers"));
    let swapped = open::MatrixNormal::new(MEAN, COLUMNS, ROWS, (2, 3));
    let error = swapped.check().unwrap_err().to_string();
    assert_eq!(
        error,
        "MatrixNormal: the list of the sizes of the mean and of both factors is ((2, 3), 3, 2), but must be those of the draw, its rows and its columns"
    );
    assert!(swapped.log_density(vec![0.0; 6]).is_nan());
}

model! {
    /// Conjugate: with one observation of each number the posterior of a matrix without correlations is known.
    pub Known {
        global m[2][2] ~ MatrixNormal([[1.0, 0.0], [0.0, -1.0]], diag([1.0, 2.0]), diag([1.0, 0.5]));
        plate once(1) {
            observe y[k in 0..4] ~ Normal(m[k / 2][k % 2], 1.0);
        }
    }
}

#[test]
fn chains_find_the_posterior_of_a_matrix() {
    let (model, y) = (Known::default(), [2.0, 1.0, -1.0, 0.0]);
    let data = KnownData { once: KnownOnce { y: vec![y] } };
    let chains = model.nuts(&data).draws(2000).seed(seed(5)).run().unwrap();
    for (k, (mean, sd)) in [(1.0, 1.0), (0.0, 0.5), (0.0, 2.0), (-1.0, 1.0)].into_iter().enumerate() {
        let precision = 1.0 + 1.0 / (sd * sd);
        let (expected, spread) = ((y[k] + mean / (sd * sd)) / precision, f64::sqrt(1.0 / precision));
        let name = format!("m[{}][{}]", k / 2, k % 2);
        within!((chains.mean(&*name).unwrap() - expected).abs(), 0.12 * spread, "{name}: not {expected}");
        within!((chains.sd(&*name).unwrap() / spread - 1.0).abs(), 0.1, "{name}: not {spread}");
    }
    let set = model.simulate(1).seed(seed(6)).one().unwrap();
    let text = serde_json::to_string(&set.globals).unwrap();
    assert_eq!(serde_json::from_str::<KnownGlobals>(&text).unwrap(), set.globals);
    let variables = model.specification().variables;
    assert_eq!(variables[0].shape, [2, 2]);
}
