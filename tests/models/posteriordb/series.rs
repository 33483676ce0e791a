//! Time series: autoregression, moving averages, volatility, hidden states.

use super::Posterior;
use hierarch::prelude::*;

model! {
    /// An autoregression of order 5, given its first five values.
    pub Autoregression {
        global alpha ~ Normal(0, 10);
        global beta[5] ~ Normal(0, 10);
        global sigma ~ HalfCauchy(2.5);
        plate times(6..=200) {
            let before = [prev(y), prev(y, 2), prev(y, 3), prev(y, 4), prev(y, 5)];
            observe y ~ Normal(alpha + dot(before, beta), sigma);
        }
    }
}

model! {
    /// ARMA(1, 1). Beyond one, `theta` makes errors grow without end: no posterior is there, but a chain that begins there stays.
    pub MovingAverage {
        global mu ~ Normal(0, 10);
        global phi ~ Normal(0, 2);
        global theta ~ Truncated(Normal(0, 2), -1, 1);
        global sigma ~ HalfCauchy(2.5);
        plate times(1..=200) {
            let mean = mu + phi * prev(y, 1, mu) + theta * prev(error, 1, 0);
            observe y ~ Normal(mean, sigma);
            let error = y - mean;
        }
    }
}

model! {
    /// GARCH(1, 1).
    pub Volatility {
        param sigma1: f64 = 0.5;
        global mu ~ Flat;
        global alpha0 ~ Flat(0..);
        global alpha1 ~ Flat(0, 1);
        global beta1 ~ Flat(0, 1 - alpha1);
        plate times(1..=200) {
            let variance = prev(next, 1, sigma1 * sigma1);
            observe y ~ Normal(mu, variance.sqrt());
            let next = alpha0 + alpha1 * (y - mu).square() + beta1 * variance;
        }
    }
}

model! {
    /// Two hidden states, drive and no drive, with two waiting times each.
    pub Drive {
        param alpha: [[f64; 2]; 2] = [[1.0; 2]; 2];
        global theta1[2] ~ Dirichlet(alpha[0]);
        global theta2[2] ~ Dirichlet(alpha[1]);
        global phi[2] ~ Ordered(Flat(0..));
        global lambda[2] ~ Ordered(Flat(0..));
        factor -0.5 * (phi[0].square() + (phi[1] - 3).square());
        factor -0.5 * (lambda[0].square() + (lambda[1] - 3).square());
        plate events(1..=1000) {
            local state ~ Categorical(if is_first() { [0.5, 0.5] } else { [theta1, theta2][prev(state)] });
            observe u ~ Exponential(phi[state]);
            observe v ~ Exponential(lambda[state]);
        }
    }
}

model! {
    /// Two hidden states with a mean each.
    pub Hidden {
        global theta1[2] ~ Dirichlet([1, 1]);
        global theta2[2] ~ Dirichlet([1, 1]);
        global mu[2] ~ Ordered(Flat(0..));
        factor -0.5 * ((mu[0] - 3).square() + (mu[1] - 10).square());
        plate times(1..=1000) {
            local state ~ Categorical(if is_first() { [0.5, 0.5] } else { [theta1, theta2][prev(state)] });
            observe y ~ Normal(mu[state], 1);
        }
    }
}

#[test]
#[ignore = "long: many draws"]
fn posteriordb_ark() {
    let posterior = Posterior::read("arK-arK");
    let times = AutoregressionTimes { y: posterior.get("y") };
    posterior.check(Autoregression::default().nuts(&AutoregressionData { times }));
}

#[test]
#[ignore = "long: many draws"]
fn posteriordb_arma() {
    let posterior = Posterior::read("arma-arma11");
    let times = MovingAverageTimes { y: posterior.get("y") };
    posterior.check(MovingAverage::default().nuts(&MovingAverageData { times }));
}

#[test]
#[ignore = "long: many draws"]
fn posteriordb_garch() {
    let posterior = Posterior::read("garch-garch11");
    let times = VolatilityTimes { y: posterior.get("y") };
    posterior.check(Volatility { sigma1: posterior.get("sigma1") }.nuts(&VolatilityData { times }));
}

#[test]
#[ignore = "long: many draws"]
fn posteriordb_hmm_drive() {
    let posterior = Posterior::read("bball_drive_event_0-hmm_drive_0");
    let events = DriveEvents { u: posterior.get("u"), v: posterior.get("v") };
    // At 0.8 one chain of four has steps that are too large in 3 of 8 seeds, with thousands of divergences; at 0.95 none in 8.
    posterior.check(Drive { alpha: posterior.get("alpha") }.nuts(&DriveData { events }).target_accept(0.95));
}

#[test]
#[ignore = "long: many draws"]
fn posteriordb_hmm() {
    let posterior = Posterior::read("hmm_example-hmm_example");
    let times = HiddenTimes { y: posterior.get("y") };
    posterior.check(Hidden::default().nuts(&HiddenData { times }));
}
