//! Gaussian processes of 11 points: their covariance and its factor written by hand, and as the language has them.

use super::Posterior;
use hierarch::prelude::*;

const N: usize = 11;

/// The covariance alpha^2 exp(-(x_i - x_j)^2 / (2 rho^2)), and `jitter` more on the diagonal.
fn covariance<T: Real>(x: [T; N], alpha: T, rho: T, jitter: T) -> [[T; N]; N] {
    let entry = |i: usize, j: usize| {
        let smooth = alpha.square() * (((x[i] - x[j]) / rho).square() * -0.5).exp();
        if i == j { smooth + jitter } else { smooth }
    };
    std::array::from_fn(|i| std::array::from_fn(|j| entry(i, j)))
}

/// The lower triangular matrix L with L L' = `a`.
fn cholesky<T: Real>(a: [[T; N]; N]) -> [[T; N]; N] {
    let mut l = [[T::from(0.0); N]; N];
    for i in 0..N {
        for j in 0..=i {
            let rest = (0..j).fold(a[i][j], |rest, k| rest - l[i][k] * l[j][k]);
            l[i][j] = if i == j { rest.sqrt() } else { rest / l[j][j] };
        }
    }
    l
}

model! {
    /// Counts whose log rates are a Gaussian process.
    pub GpPois {
        given x[N]: f64;
        global rho ~ Gamma(25, 4);
        global alpha ~ HalfNormal(2);
        global f_tilde[N] ~ Normal(0, 1);
        let f = matvec(cholesky(covariance(x, alpha, rho, 1e-10)), f_tilde);
        observe k[i in 0..N]: u64 ~ PoissonLog(f[i]);
    }
}

#[test]
#[ignore = "long: many draws"]
fn posteriordb_gp_pois_regr() {
    let posterior = Posterior::read("gp_pois_regr-gp_pois_regr");
    let data = GpPoisData { x: posterior.get("x"), k: posterior.get("k") };
    // At 0.8 one draw in 25 diverges, and chains stay away from large alpha.
    posterior.check(GpPois::default().nuts(&data).target_accept(0.95));
}

model! {
    /// Numbers around a Gaussian process, with the variance `sigma`.
    pub GpRegr {
        given x[N]: f64;
        global rho ~ Gamma(25, 4);
        global alpha ~ HalfNormal(2);
        global sigma ~ HalfNormal(1);
        observe y[N] ~ MvNormal([0.0; N], covariance(x, alpha, rho, sigma));
    }
}

#[test]
#[ignore = "long: many draws"]
fn posteriordb_gp_regr() {
    let posterior = Posterior::read("gp_pois_regr-gp_regr");
    posterior.check(GpRegr::default().nuts(&GpRegrData { x: posterior.get("x"), y: posterior.get("y") }));
}

model! {
    /// Counts whose log rates are a Gaussian process, without anything by hand.
    pub GpPoisOfPlate {
        global rho ~ Gamma(25, 4);
        global alpha ~ HalfNormal(2);
        plate points(11) {
            given x: f64;
            local f ~ GaussianProcess(x, SquaredExponential(alpha, rho));
            observe k ~ PoissonLog(f);
        }
    }
}

#[test]
#[ignore = "long: many draws"]
fn posteriordb_gp_pois_regr_of_plate() {
    let posterior = Posterior::read("gp_pois_regr-gp_pois_regr");
    let points = GpPoisOfPlatePoints { x: posterior.get("x"), k: posterior.get("k") };
    posterior.check(GpPoisOfPlate::default().nuts(&GpPoisOfPlateData { points }).target_accept(0.95));
}

model! {
    /// Numbers around a Gaussian process, whose values are inferred with it.
    pub GpRegrOfPlate {
        global rho ~ Gamma(25, 4);
        global alpha ~ HalfNormal(2);
        global sigma ~ HalfNormal(1);
        plate points(11) {
            given x: f64;
            local f ~ GaussianProcess(x, SquaredExponential(alpha, rho));
            observe y ~ Normal(f, variance = sigma);
        }
    }
}

#[test]
#[ignore = "long: many draws"]
fn posteriordb_gp_regr_of_plate() {
    let posterior = Posterior::read("gp_pois_regr-gp_regr");
    let points = GpRegrOfPlatePoints { x: posterior.get("x"), y: posterior.get("y") };
    posterior.check(GpRegrOfPlate::default().nuts(&GpRegrOfPlateData { points }).target_accept(0.95));
}
