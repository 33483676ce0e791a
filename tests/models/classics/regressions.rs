//! Regressions: of continuous observations, and of choices between two.

use hierarch::prelude::*;
use statrs::function::erf::erfc;

use super::exact::{Coefficients, all_known, grid, normal, sample};

model! {
    /// A line, with a precision.
    pub Line {
        global alpha ~ Normal(0, 10);
        global beta ~ Normal(0, 10);
        global tau ~ Gamma(2, 1);
        plate rows(1..=100) {
            given x: f64;
            observe y ~ Normal(mean = alpha + beta * (x - 3), precision = tau);
        }
    }
}

#[test]
fn line() {
    let (x, y) = (vec![1.0, 2.0, 3.0, 4.0, 5.0], vec![1.2, 2.6, 3.3, 3.1, 5.0]);
    let exact = |tau: f64| {
        let mut posterior = Coefficients::new(2);
        posterior.row(&[(0, 1.0)], 0.0, 10.0);
        posterior.row(&[(1, 1.0)], 0.0, 10.0);
        x.iter().zip(&y).for_each(|(x, y)| posterior.row(&[(0, 1.0), (1, x - 3.0)], *y, tau.sqrt().recip()));
        posterior.solve()
    };
    let over = grid([(0.0, 15.0)], 1000, |[tau]| exact(tau).0 + tau.ln() - tau);
    let known = [over.mixed(|[tau]| exact(tau).1[0]), over.mixed(|[tau]| exact(tau).1[1]), over.axes()[0]];
    let chains = sample::<Line>(&LineData { rows: LineRows { x: x.clone(), y: y.clone() } });
    all_known(&chains, &["alpha", "beta", "tau"], &known);
}

model! {
    /// Heights of adults by their weight, which is centred.
    pub Heights {
        param mean_weight: f64 = 45.0;
        global a ~ Normal(178, 20);
        global b ~ LogNormal(0, 1);
        global sigma ~ Uniform(0, 50);
        plate people(1..=400) {
            given weight: f64;
            let mu = a + b * (weight - mean_weight);
            observe height ~ Normal(mu, sigma);
        }
    }
}

#[test]
fn heights() {
    let weight = [47.8, 36.5, 31.9, 53.0, 41.3, 63.0, 38.2, 55.5, 34.9, 48.1];
    let height = [151.8, 139.7, 136.5, 156.8, 145.4, 163.8, 149.2, 160.0, 147.9, 156.2];
    let over = grid([(140.0, 162.0), (0.0, 2.5), (0.0, 20.0)], 60, |[a, b, sigma]| {
        let rows = weight.iter().zip(&height).map(|(w, h)| normal(*h, a + b * (w - 45.0), sigma));
        normal(a, 178.0, 20.0) + normal(b.ln(), 0.0, 1.0) - b.ln() + rows.sum::<f64>()
    });
    let data = HeightsData { people: HeightsPeople { weight: weight.to_vec(), height: height.to_vec() } };
    all_known(&sample::<Heights>(&data), &["a", "b", "sigma"], &over.axes());
}

model! {
    /// Blooms of tulips: water helps less in the shade.
    pub Tulips {
        global a ~ Normal(0.5, 0.25);
        global water_effect ~ Normal(0, 0.25);
        global shade_effect ~ Normal(0, 0.25);
        global interaction ~ Normal(0, 0.25);
        global sigma ~ Exponential(1);
        plate beds(1..=27) {
            given water: f64;
            given shade: f64;
            observe bloom ~ Normal(
                a + water_effect * water + shade_effect * shade + interaction * water * shade,
                sigma,
            );
        }
    }
}

#[test]
fn tulips() {
    let bed = |i: usize| ((i / 3) as f64 - 1.0, (i % 3) as f64 - 1.0);
    let (water, shade): (Vec<f64>, Vec<f64>) = (0..9).map(bed).unzip();
    let bloom = vec![0.10, 0.05, 0.11, 0.51, 0.32, 0.18, 0.98, 0.55, 0.24];
    let exact = |sigma: f64| {
        let mut posterior = Coefficients::new(4);
        posterior.row(&[(0, 1.0)], 0.5, 0.25);
        (1..4).for_each(|i| posterior.row(&[(i, 1.0)], 0.0, 0.25));
        for (i, y) in bloom.iter().enumerate() {
            let (w, s) = bed(i);
            posterior.row(&[(0, 1.0), (1, w), (2, s), (3, w * s)], *y, sigma);
        }
        posterior.solve()
    };
    let over = grid([(0.0, 1.0)], 2000, |[sigma]| exact(sigma).0 - sigma);
    let mut known: Vec<_> = (0..4).map(|i| over.mixed(|[sigma]| exact(sigma).1[i])).collect();
    known.push(over.axes()[0]);
    let chains = sample::<Tulips>(&TulipsData { beds: TulipsBeds { water, shade, bloom: bloom.clone() } });
    all_known(&chains, &["a", "water_effect", "shade_effect", "interaction", "sigma"], &known);
}

model! {
    /// A robust regression with a vector of coefficients: errors of Student's t.
    pub Stacks {
        global beta[2] ~ Normal(0, 5);
        global sigma ~ HalfNormal(2);
        plate days(1..=50) {
            given x[2]: f64;
            observe loss ~ StudentT(4, dot(x, beta), sigma);
        }
    }
}

#[test]
fn stacks() {
    let x: Vec<[f64; 2]> = (0..9).map(|i| [1.0, 0.5 * f64::from(i) - 2.0]).collect();
    let loss = vec![-3.1, -2.4, -1.6, -0.6, 6.0, 1.3, 2.3, 2.8, 4.3];
    let over = grid([(-3.0, 4.0), (-1.0, 5.0), (0.0, 5.0)], 50, |[a, b, sigma]| {
        let row = |(x, y): (&[f64; 2], &f64)| {
            let z = (y - a - b * x[1]) / sigma;
            -2.5 * (z * z / 4.0).ln_1p() - sigma.ln()
        };
        normal(a, 0.0, 5.0) + normal(b, 0.0, 5.0) + normal(sigma, 0.0, 2.0) + x.iter().zip(&loss).map(row).sum::<f64>()
    });
    let chains = sample::<Stacks>(&StacksData { days: StacksDays { x: x.clone(), loss: loss.clone() } });
    all_known(&chains, &["beta[0]", "beta[1]", "sigma"], &over.axes());
}

model! {
    /// Lengths of dugongs by their age: growth that levels off.
    pub Dugongs {
        global alpha ~ Normal(2.5, 0.5);
        global beta ~ Normal(1, 0.5);
        global gamma ~ Beta(8, 2);
        global sigma ~ HalfNormal(1);
        plate animals(1..=50) {
            given age: f64;
            observe length ~ Normal(alpha - beta * gamma.powf(age), sigma);
        }
    }
}

#[test]
fn dugongs() {
    // Ages up to where growth has ended, without which the length there has a long tail.
    let age = [1.0, 1.5, 2.5, 4.0, 5.0, 7.0, 8.5, 10.0, 13.0, 17.0, 22.5, 29.0];
    let length = [1.62, 1.74, 2.01, 2.16, 2.29, 2.38, 2.47, 2.43, 2.56, 2.51, 2.58, 2.54];
    let exact = |[gamma, sigma]: [f64; 2]| {
        let mut posterior = Coefficients::new(2);
        posterior.row(&[(0, 1.0)], 2.5, 0.5);
        posterior.row(&[(1, 1.0)], 1.0, 0.5);
        let rows = age.iter().zip(&length);
        rows.for_each(|(t, y)| posterior.row(&[(0, 1.0), (1, -gamma.powf(*t))], *y, sigma));
        posterior.solve()
    };
    let over = grid([(0.2, 1.0), (0.0, 0.3)], 200, |at| {
        let prior = 7.0 * at[0].ln() + (1.0 - at[0]).ln() + normal(at[1], 0.0, 1.0);
        exact(at).0 + prior
    });
    let [gamma, sigma] = over.axes();
    let known = [over.mixed(|at| exact(at).1[0]), over.mixed(|at| exact(at).1[1]), gamma, sigma];
    let data = DugongsData { animals: DugongsAnimals { age: age.to_vec(), length: length.to_vec() } };
    all_known(&sample::<Dugongs>(&data), &["alpha", "beta", "gamma", "sigma"], &known);
}

/// The size at `t` of a population that grows at first by `rate`, up to `capacity`.
fn logistic<T: Real>(start: T, capacity: T, rate: T, t: T) -> T {
    capacity / (1.0 + (capacity / start - 1.0) * (-rate * t).exp())
}

model! {
    /// Growth by a function of Rust, with relative errors.
    pub Growth {
        global capacity ~ LogNormal(median = 10, sigma = 0.5);
        global rate ~ HalfNormal(1);
        plate times(1..=50) {
            given t: f64;
            let size = logistic(1.0, capacity, rate, t);
            observe seen ~ LogNormal(median = size, sigma = 0.1);
        }
    }
}

#[test]
fn growth() {
    let t: Vec<f64> = (0..8).map(f64::from).collect();
    let seen = vec![0.95, 2.1, 3.3, 5.9, 6.8, 8.4, 7.6, 8.9];
    let over = grid([(6.0, 12.0), (0.4, 1.3)], 200, |[capacity, rate]| {
        let rows = t.iter().zip(&seen).map(|(t, y)| normal(y.ln(), logistic(1.0, capacity, rate, *t).ln(), 0.1));
        normal((capacity / 10.0).ln(), 0.0, 0.5) - capacity.ln() + normal(rate, 0.0, 1.0) + rows.sum::<f64>()
    });
    let data = GrowthData { times: GrowthTimes { t: t.clone(), seen: seen.clone() } };
    all_known(&sample::<Growth>(&data), &["capacity", "rate"], &over.axes());
}

model! {
    /// Probit regression.
    pub Probit {
        global a ~ Normal(0, 2);
        global b ~ Normal(0, 2);
        plate rows(1..=100) {
            given dose: f64;
            observe dead ~ BernoulliProbit(a + b * dose);
        }
    }
}

#[test]
fn probit() {
    let dose: Vec<f64> = (0..10).map(|i| 0.4 * f64::from(i) - 1.8).collect();
    let dead = vec![false, false, true, false, false, true, true, false, true, true];
    let over = grid([(-4.0, 4.0), (-3.0, 7.0)], 120, |[a, b]| {
        let row = |(x, y): (&f64, &bool)| {
            (0.5 * erfc(if *y { -a - b * x } else { a + b * x } / std::f64::consts::SQRT_2)).ln()
        };
        normal(a, 0.0, 2.0) + normal(b, 0.0, 2.0) + dose.iter().zip(&dead).map(row).sum::<f64>()
    });
    let chains = sample::<Probit>(&ProbitData { rows: ProbitRows { dose: dose.clone(), dead: dead.clone() } });
    all_known(&chains, &["a", "b"], &over.axes());
}

model! {
    /// A mean with survey weights, which count rows.
    pub Survey {
        global mu ~ Normal(0, 5);
        plate people(1..=100) {
            given weight: f64;
            observe answer ~ Weighted(Normal(mu, 2), weight);
        }
    }
}

#[test]
fn survey() {
    let (weight, answer) = (vec![0.5, 2.0, 1.25, 0.25], vec![1.0, 3.0, 2.0, -4.0]);
    let precision = 1.0 / 25.0 + weight.iter().sum::<f64>() / 4.0;
    let mean = weight.iter().zip(&answer).map(|(w, y)| w * y / 4.0).sum::<f64>() / precision;
    let chains = sample::<Survey>(&SurveyData { people: SurveyPeople { weight, answer } });
    all_known(&chains, &["mu"], &[(mean, precision.sqrt().recip())]);
}
