//! Directions, and covariance matrices and their factors: densities against closed forms, draws against moments, derivatives.

use std::f64::consts::PI;

use hierarch::distributions::{
    Distribution, Draw, InverseWishart, InverseWishartCholesky, UnitVector, VonMises, VonMisesFisher, Wishart,
    WishartCholesky,
};
use hierarch::prelude::*;
use hierarch_tests::density::{check_gradient, check_score, check_statements};
use hierarch_tests::{agrees, seed, within};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use statrs::function::gamma::ln_gamma;

model! {
    /// Directions, one of which depends on another.
    pub Directions {
        global up[3] ~ UnitVector;
        global concentration ~ Gamma(4.0, 1.0);
        global at[2] ~ VonMisesFisher([0.6, 0.8], concentration);
        plate rows(3) {
            local own[3] ~ VonMisesFisher(up, concentration);
            observe seen[3] ~ VonMisesFisher(own, 5.0);
            observe y ~ Normal(at[0] - 0.5 * at[1], 1.0);
        }
    }
}

model! {
    /// Covariances and factors of them as priors of normal numbers.
    pub Covariances {
        global dof ~ Uniform(4.0, 9.0);
        global precision[2][2] ~ Wishart(dof, diag([0.5, 1.0]));
        global covariance[2][2] ~ InverseWishart(dof, [[1.0, 0.3], [0.3, 2.0]]);
        global factor_of[3][3] ~ WishartCholesky(dof, diag([1.0, 0.5, 0.7]));
        global other[2][2] ~ InverseWishartCholesky(dof, [[1.0, 0.0], [0.4, 2.0]]);
        plate rows(3) {
            observe x[2] ~ MvNormal([0.0; 2], precision);
            observe y[2] ~ MvNormal([0.0; 2], covariance);
            observe z[3] ~ MvNormalCholesky([0.0; 3], factor_of);
            observe w[2] ~ MvNormalCholesky([0.0; 2], other);
        }
    }
}

model! {
    /// The same of a size.
    pub AnySize {
        size K;
        global up[K] ~ UnitVector;
        global mean[K] ~ VonMisesFisher(up, 2.0);
        global covariance[K][K] ~ InverseWishart(6.0, diag([1.0; K]));
        global precision[K][K] ~ Wishart(6.0, diag([1.0; K]));
        global factor_of[K][K] ~ WishartCholesky(6.0, diag([0.5; K]));
        global other[K][K] ~ InverseWishartCholesky(6.0, diag([1.0; K]));
        plate rows(3) {
            observe x[K] ~ MvNormal(mean, covariance);
            observe y[K] ~ MvNormal(up, precision);
            observe z[K] ~ MvNormalCholesky(up, factor_of);
            observe w[K] ~ MvNormalCholesky(up, other);
        }
    }
}

fn check<M: Likelihood + Generative>(model: &M) {
    check_gradient(model, 10);
    check_score(model, &[], 4000);
    check_statements(model);
}

#[test]
fn densities_of_directions_and_covariances_are_those_of_their_draws() {
    check(&Directions::default());
    check(&Covariances::default());
    check(&AnySize { K: 3 });
}

fn rng() -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed(8))
}

#[test]
fn densities_of_directions_are_closed_forms() {
    let at = |angle: f64| [angle.cos(), angle.sin()];
    for concentration in [0.0, 0.3, 4.0, 90.0, 3e3] {
        let direction = VonMisesFisher::new(at(0.4), concentration);
        for angle in [0.41, 0.5, -2.0, 3.0] {
            let expected = VonMises::new(0.4, concentration).log_density(angle);
            within!((direction.log_density(at(angle)) - expected).abs(), 1e-11 * expected.abs().max(1.0));
        }
        // Of three numbers: concentration / (4 pi sinh).
        let c = if concentration == 0.0 {
            -(4.0 * PI).ln()
        } else {
            (concentration / (2.0 * PI * -(-2.0 * concentration).exp_m1())).ln() - concentration
        };
        let found = VonMisesFisher::new([0.0, 0.6, 0.8], concentration).log_density([0.8, 0.6, 0.0]);
        within!((found - c - 0.36 * concentration).abs(), 1e-11 * found.abs().max(1.0));
        // The mean of the cosine, coth(concentration) - 1 / concentration.
        let mean = if concentration == 0.0 { 0.0 } else { concentration.tanh().recip() - concentration.recip() };
        let (mut rng, n) = (rng(), 40_000);
        let draws: Vec<f64> = (0..n)
            .map(|_| {
                let x = VonMisesFisher::new([0.0, 0.6, 0.8], concentration).draw(&mut rng);
                0.6 * x[1] + 0.8 * x[2]
            })
            .collect();
        let found = draws.iter().sum::<f64>() / f64::from(n);
        let square = draws.iter().map(|x| (x - found).powi(2)).sum::<f64>() / f64::from(n);
        within!((found - mean).abs(), 5.0 * (square / f64::from(n)).sqrt(), "{concentration}: {found} {mean}");
    }
    let uniform = UnitVector::<5>::new();
    let expected = ln_gamma(2.5) - 2.0_f64.ln() - 2.5 * PI.ln();
    within!((Distribution::<f64>::log_density(&uniform, [0.0, 1.0, 0.0, 0.0, 0.0]) - expected).abs(), 1e-12);
    assert_eq!(Distribution::<f64>::log_density(&uniform, [0.0, 1.1, 0.0, 0.0, 0.0]), f64::NEG_INFINITY);
}

/// Of two rows, by determinants and inverses written out.
#[test]
fn densities_of_covariances_are_closed_forms() {
    let (d, s, w) = (5.5, [[1.5, 0.4], [0.4, 0.9]], [[2.0, -0.3], [-0.3, 0.7]]);
    let det = |m: [[f64; 2]; 2]| m[0][0] * m[1][1] - m[0][1] * m[1][0];
    // tr(a^-1 b).
    let trace = |a: [[f64; 2]; 2], b: [[f64; 2]; 2]| {
        (a[1][1] * b[0][0] - a[0][1] * b[1][0] - a[1][0] * b[0][1] + a[0][0] * b[1][1]) / det(a)
    };
    let ln_gamma2 = 0.5 * PI.ln() + ln_gamma(0.5 * d) + ln_gamma(0.5 * d - 0.5);
    let wishart =
        0.5 * (d - 3.0) * det(w).ln() - 0.5 * trace(s, w) - d * 2.0_f64.ln() - 0.5 * d * det(s).ln() - ln_gamma2;
    let inverse =
        0.5 * d * det(s).ln() - 0.5 * (d + 3.0) * det(w).ln() - 0.5 * trace(w, s) - d * 2.0_f64.ln() - ln_gamma2;
    within!((Wishart::new(d, s).log_density(w) - wishart).abs(), 1e-12);
    within!((InverseWishart::new(d, s).log_density(w) - inverse).abs(), 1e-12);
    let factor = |m: [[f64; 2]; 2]| {
        let a = m[0][0].sqrt();
        [[a, 0.0], [m[1][0] / a, (m[1][1] - m[1][0] * m[1][0] / m[0][0]).sqrt()]]
    };
    let l = factor(w);
    let slope = 2.0 * 2.0_f64.ln() + 2.0 * l[0][0].ln() + l[1][1].ln();
    within!((WishartCholesky::new(d, factor(s)).log_density(l) - wishart - slope).abs(), 1e-12);
    within!((InverseWishartCholesky::new(d, factor(s)).log_density(l) - inverse - slope).abs(), 1e-12);
}

/// The means d S and S / (d - K - 1), of matrices and of those of their factors.
#[test]
fn draws_of_covariances_have_their_means() {
    let (d, n) = (9.0, 40_000);
    let (s, c) = ([[1.0, 0.5], [0.5, 1.25]], [[1.0, 0.0], [0.5, 1.0]]);
    let square = |l: [[f64; 2]; 2]| -> [[f64; 2]; 2] {
        std::array::from_fn(|i| std::array::from_fn(|j| (0..2).map(|k| l[i][k] * l[j][k]).sum()))
    };
    let mut rng = rng();
    for way in 0..4 {
        let (mut sum, mut squares) = ([0.0; 4], [0.0; 4]);
        for _ in 0..n {
            let drawn = match way {
                0 => Wishart::new(d, s).draw(&mut rng),
                1 => square(WishartCholesky::new(d, c).draw(&mut rng)),
                2 => InverseWishart::new(d, s).draw(&mut rng),
                _ => square(InverseWishartCholesky::new(d, c).draw(&mut rng)),
            };
            for (i, x) in drawn.concat().into_iter().enumerate() {
                sum[i] += x;
                squares[i] += x * x;
            }
        }
        let scale = if way < 2 { d } else { (d - 3.0_f64).recip() };
        for (i, s) in s.concat().into_iter().enumerate() {
            let mean: f64 = sum[i] / f64::from(n);
            let error = ((squares[i] / f64::from(n) - mean * mean) / f64::from(n)).sqrt();
            within!((mean - scale * s).abs(), 5.0 * error, "{way}: {mean}, not {}", scale * s);
        }
    }
}

model! {
    /// Conjugate: the posterior is an inverse Wishart distribution of d + n degrees of freedom, and its scale is S plus the sum of squares.
    pub Conjugate {
        global covariance[2][2] ~ InverseWishart(5.0, diag([1.0, 2.0]));
        global up[2] ~ UnitVector;
        plate rows(1..=100) {
            observe x[2] ~ MvNormal([0.0; 2], covariance);
        }
    }
}

#[test]
fn chains_find_the_conjugate_posterior() {
    let model = Conjugate::default();
    let data = model.simulate(1).size("rows", 20).seed(seed(3)).one().unwrap().data;
    let chains = model.nuts(&data).draws(6000).seed(seed(5)).run().unwrap();
    let dof = 25.0;
    for (i, name) in ["covariance[0][0]", "covariance[1][1]"].into_iter().enumerate() {
        // One variance is an inverse gamma number.
        let scale = [1.0, 2.0][i] + data.rows.x.iter().map(|x| x[i] * x[i]).sum::<f64>();
        let (shape, rate) = (0.5 * (dof - 1.0), 0.5 * scale);
        let mean = rate / (shape - 1.0);
        agrees(&chains, name, mean, mean / (shape - 2.0).sqrt(), 5.0);
    }
    agrees(&chains, "up[0]", 0.0, 0.5_f64.sqrt(), 5.0);
    let moved = ConjugateGlobals { covariance: [[1.0, 0.2], [0.3, 1.0]], up: [1.0, 0.0] };
    let error = model.simulate(1).at(&moved).one().unwrap_err().to_string();
    assert!(error.contains("outside its support"), "{error}");
}

#[test]
fn parameters_of_covariances_and_directions_are_checked() {
    let message = |check: Result<(), hierarch::distributions::ParameterError>| check.unwrap_err().to_string();
    let found = message(Wishart::new(1.0, [[1.0, 0.0], [0.0, 1.0]]).check());
    assert!(found.contains("above the number of rows less one"), "{found}");
    let found = message(InverseWishart::new(4.0, [[1.0, 2.0], [2.0, 1.0]]).check());
    assert!(found.contains("a positive definite matrix"), "{found}");
    let found = message(WishartCholesky::new(4.0, [[1.0, 0.0], [2.0, -1.0]]).check());
    assert!(found.contains("a positive diagonal"), "{found}");
    assert!(WishartCholesky::new(4.0, [[1.0, 7.0], [2.0, 1.0]]).check().is_ok());
    let found = message(VonMisesFisher::new([1.0, 1.0], 2.0).check());
    assert!(found.contains("a vector of length 1"), "{found}");
}
