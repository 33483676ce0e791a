//! Times until something happens, some of which are only known in part.

use hierarch::prelude::*;
use statrs::function::erf::erfc;
use statrs::function::gamma::ln_gamma;

use super::exact::{all_known, gamma, grid, normal, sample};

/// The probability that a normal number is below `x`.
fn normal_below(x: f64, mean: f64, sd: f64) -> f64 {
    0.5 * erfc((mean - x) / (sd * std::f64::consts::SQRT_2))
}

model! {
    /// Times of mice: Weibull, those that live at the end censored.
    pub Mice {
        global shape ~ LogNormal(0, 0.5);
        global median ~ LogNormal(median = 20, sigma = 1);
        let scale = median / f64::ln(2.0).powf(1 / shape);
        plate mice(1..=80) {
            given died: bool;
            observe time ~ Weighted(Weibull(shape, scale), if died { 1.0 } else { 0.0 });
            factor if died { 0.0 } else { -(time / scale).powf(shape) };
        }
    }
}

#[test]
fn mice() {
    let time = [12.0, 25.0, 31.0, 18.0, 9.0, 22.0, 40.0, 40.0, 40.0, 27.0];
    let over = grid([(0.3, 5.0), (2.0, 70.0)], 200, |[shape, median]| {
        let row = |t: &f64| {
            // With the hazard h(t) = c shape t^(shape - 1).
            let c = std::f64::consts::LN_2 * median.powf(-shape);
            let hazard = (c * shape * t.powf(shape - 1.0)).ln();
            if *t < 40.0 { hazard - c * t.powf(shape) } else { -c * t.powf(shape) }
        };
        let prior = normal(shape.ln(), 0.0, 0.5) - shape.ln() + normal((median / 20.0).ln(), 0.0, 1.0) - median.ln();
        prior + time.iter().map(row).sum::<f64>()
    });
    let mice = MiceMice { time: time.to_vec(), died: time.iter().map(|t| *t < 40.0).collect() };
    all_known(&sample::<Mice>(&MiceData { mice }), &["shape", "median"], &over.axes());
}

model! {
    /// A constant hazard: those who left early are in a plate of their own.
    pub Adoptions {
        global rate ~ Gamma(2, 10);
        plate adopted(1..=50) {
            observe day ~ Exponential(rate);
        }
        plate waiting(1..=50) {
            observe days ~ Flat(0..);
            factor -rate * days;
        }
    }
}

#[test]
fn adoptions() {
    let (day, days) = (vec![3.0, 11.0, 4.5, 20.0], vec![30.0, 14.0]);
    let known = gamma(2.0 + 4.0, 10.0 + 38.5 + 44.0);
    let data = AdoptionsData { adopted: AdoptionsAdopted { day }, waiting: AdoptionsWaiting { days } };
    all_known(&sample::<Adoptions>(&data), &["rate"], &[known]);
}

model! {
    /// Those are seen that lived until they entered, and nobody after the end of the study.
    pub Entries {
        param end: f64 = 10.0;
        global rate ~ Gamma(2, 1);
        plate people(1..=50) {
            given entry: f64;
            observe time ~ Truncated(Exponential(rate), entry, end);
        }
    }
}

#[test]
fn entries() {
    let entry = vec![0.0, 1.0, 2.5, 0.5, 4.0, 0.0];
    let time = vec![1.2, 1.5, 6.0, 0.9, 4.7, 3.3];
    let over = grid([(0.0, 4.0)], 2000, |[rate]| {
        let row = |i: usize| rate.ln() - rate * (time[i] - entry[i]) - (-(-rate * (10.0 - entry[i])).exp_m1()).ln();
        rate.ln() - rate + (0..6).map(row).sum::<f64>()
    });
    let people = EntriesPeople { entry: entry.clone(), time: time.clone() };
    all_known(&sample::<Entries>(&EntriesData { people }), &["rate"], &over.axes());
}

model! {
    /// Two times of each patient, who are more or less frail.
    pub Frailty {
        global rate ~ Gamma(2, 2);
        global concentration ~ LogNormal(0.5, 0.5);
        plate patients(1..=40) {
            local frailty ~ Gamma(mean = 1, shape = concentration);
            plate infections(2) {
                observe time ~ Exponential(rate * frailty);
            }
        }
    }
}

/// Without the frailties the times of a patient have a Pareto distribution of two dimensions.
#[test]
fn frailty() {
    let times = [[0.3, 0.5], [2.0, 5.5], [0.2, 1.0], [1.1, 0.7], [0.1, 0.1], [3.0, 1.4]];
    let over = grid([(-3.0, 3.0), (-2.5, 3.5)], 100, |[log_rate, log_k]| {
        let (rate, k) = (log_rate.exp(), log_k.exp());
        let row = |t: &[f64; 2]| {
            2.0 * log_rate + k * log_k + ln_gamma(k + 2.0) - ln_gamma(k) - (k + 2.0) * (k + rate * (t[0] + t[1])).ln()
        };
        2.0 * log_rate - 2.0 * rate + normal(log_k, 0.5, 0.5) + times.iter().map(row).sum::<f64>()
    });
    let frailty = over.mixed(|[log_rate, log_k]| gamma(log_k.exp() + 2.0, log_k.exp() + log_rate.exp() * 7.5));
    let infections = FrailtyInfections { time: times.concat(), offsets: (0..=6).map(|i| 2 * i).collect() };
    let data = FrailtyData { patients: FrailtyPatients { infections } };
    let known = [over.of(|[log_rate, _]| log_rate.exp()), over.of(|[_, log_k]| log_k.exp()), frailty];
    all_known(&sample::<Frailty>(&data), &["rate", "concentration", "frailty[1]"], &known);
}

model! {
    /// Weights that a scale rounds to whole numbers.
    pub Rounded {
        global mu ~ Normal(10, 10);
        global sigma ~ HalfNormal(2);
        plate things(1..=20) {
            observe weight ~ Flat;
            let low = (weight - 0.5 - mu) / sigma;
            let high = (weight + 0.5 - mu) / sigma;
            factor (high.normal_cdf() - low.normal_cdf()).ln();
        }
    }
}

#[test]
fn rounded() {
    let weight = [10.0, 10.0, 12.0, 11.0, 9.0];
    let over = grid([(4.0, 17.0), (0.0, 7.0)], 150, |[mu, sigma]| {
        let row = |y: &f64| (normal_below(y + 0.5, mu, sigma) - normal_below(y - 0.5, mu, sigma)).ln();
        normal(mu, 10.0, 10.0) + normal(sigma, 0.0, 2.0) + weight.iter().map(row).sum::<f64>()
    });
    let data = RoundedData { things: RoundedThings { weight: weight.to_vec() } };
    all_known(&sample::<Rounded>(&data), &["mu", "sigma"], &over.axes());
}

model! {
    /// Tobit: what is below zero is seen as zero.
    pub Tobit {
        global a ~ Normal(0, 2);
        global b ~ Normal(0, 2);
        global sigma ~ HalfNormal(1);
        plate rows(1..=50) {
            given x: f64;
            observe y ~ Flat(0..);
            let mean = a + b * x;
            let above = -0.5 * ((y - mean) / sigma).square() - sigma.ln();
            factor if y > 0.0 { above } else { (-mean / sigma).ln_normal_cdf() };
        }
    }
}

#[test]
fn tobit() {
    let x: Vec<f64> = (0..9).map(|i| 0.5 * f64::from(i) - 2.0).collect();
    let y = vec![0.0, 0.0, 0.3, 0.0, 0.4, 0.0, 1.6, 1.2, 2.5];
    let over = grid([(-4.0, 3.0), (-1.0, 4.0), (0.0, 3.5)], 50, |[a, b, sigma]| {
        let row = |(x, y): (&f64, &f64)| {
            let mean = a + b * x;
            if *y > 0.0 { normal(*y, mean, sigma) } else { normal_below(0.0, mean, sigma).ln() }
        };
        normal(a, 0.0, 2.0) + normal(b, 0.0, 2.0) + normal(sigma, 0.0, 1.0) + x.iter().zip(&y).map(row).sum::<f64>()
    });
    let data = TobitData { rows: TobitRows { x: x.clone(), y: y.clone() } };
    all_known(&sample::<Tobit>(&data), &["a", "b", "sigma"], &over.axes());
}
