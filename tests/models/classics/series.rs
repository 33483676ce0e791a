//! Series in time: levels, volatility, regimes, animals that are marked.

use hierarch::prelude::*;

use super::exact::{all_known, grid, normal, sample, sample_closely};

/// The log density of Beta(a, b), without its constant.
fn beta(x: f64, a: f64, b: f64) -> f64 {
    (a - 1.0) * x.ln() + (b - 1.0) * (1.0 - x).ln()
}

model! {
    /// The level of a river that wanders, seen with noise: a local level model. The sds are known up to a common factor.
    pub River {
        global first ~ Normal(0, 10);
        global sd ~ HalfNormal(2);
        plate years(1..=100) {
            local level ~ Normal(prev(level, 1, first), 0.5 * sd);
            observe flow ~ Normal(level, sd);
        }
    }
}

/// The log density of the flows by the filter of Kalman.
fn kalman(flow: &[f64], first: f64, sd: f64) -> f64 {
    let (mut mean, mut variance, mut total) = (first, 0.0, 0.0);
    for y in flow {
        variance += 0.25 * sd * sd;
        let seen = variance + sd * sd;
        total += normal(*y, mean, seen.sqrt());
        mean += variance / seen * (y - mean);
        variance *= sd * sd / seen;
    }
    total
}

#[test]
fn a_river() {
    let flow = vec![1.2, 0.7, 1.9, 2.4, 1.1, 3.0, 2.6, 3.9, 3.1, 2.2, 3.4, 4.1];
    let over = grid([(-6.0, 8.0), (0.0, 4.0)], 200, |[first, sd]| {
        kalman(&flow, first, sd) + normal(first, 0.0, 10.0) + normal(sd, 0.0, 2.0)
    });
    let years = RiverYears { flow: flow.clone() };
    all_known(&sample_closely::<River>(&RiverData { years }), &["first", "sd"], &over.axes());
}

model! {
    /// Two regimes of a market, calm and wild: a hidden chain that begins in its stationary distribution.
    pub Regimes {
        global leave_calm ~ Beta(1, 9);
        global leave_wild ~ Beta(2, 4);
        let wild = leave_calm / (leave_calm + leave_wild);
        plate days(1..=500) {
            local is_wild ~ Bernoulli(if is_first() { wild } else if prev(is_wild) { 1 - leave_wild } else { leave_calm });
            observe change ~ Normal(0, if is_wild { 3.0 } else { 1.0 });
        }
    }
}

#[test]
fn regimes_of_a_market() {
    let change: Vec<f64> = vec![
        0.3, -0.9, 0.2, 1.1, -0.4, 4.2, -3.1, 2.8, -5.0, 0.9, 0.1, -0.6, 0.8, -1.2, 0.5, 0.0, 2.9, -3.8, 1.0, -0.2,
    ];
    let over = grid([(0.0, 1.0); 2], 300, |[calm, wild]| {
        // The forward algorithm, in probabilities.
        let share = calm / (calm + wild);
        let mut p = [1.0 - share, share];
        let mut total = beta(calm, 1.0, 9.0) + beta(wild, 2.0, 4.0);
        for (t, x) in change.iter().enumerate() {
            if t > 0 {
                p = [p[0] * (1.0 - calm) + p[1] * wild, p[0] * calm + p[1] * (1.0 - wild)];
            }
            p = [p[0] * normal(*x, 0.0, 1.0).exp(), p[1] * normal(*x, 0.0, 3.0).exp()];
            let sum = p[0] + p[1];
            p = p.map(|p| p / sum);
            total += sum.ln();
        }
        total
    });
    let days = RegimesDays { change: change.clone() };
    all_known(&sample::<Regimes>(&RegimesData { days }), &["leave_calm", "leave_wild"], &over.axes());
}

model! {
    /// Animals that are marked and seen again (Cormack, Jolly, Seber): alive until they are not, and seen with some probability. Each
    /// is followed from its release on.
    pub Marked {
        global survival ~ Beta(2, 2);
        global seen ~ Beta(2, 2);
        plate animals(1..=100) {
            plate occasions(1..=10) {
                local alive ~ Bernoulli(if prev(alive, 1, true) { survival } else { 0.0 });
                observe found ~ Bernoulli(if alive { seen } else { 0.0 });
            }
        }
    }
}

#[test]
fn animals_that_are_marked() {
    let histories: [&[bool]; 6] = [
        &[true, false, true, false],
        &[false, false, false],
        &[true, true, false, false],
        &[false, true],
        &[true, false, false, false],
        &[false, false],
    ];
    let over = grid([(0.0, 1.0); 2], 300, |[phi, p]| {
        let mut total = beta(phi, 2.0, 2.0) + beta(p, 2.0, 2.0);
        for history in histories {
            // Alive to the last time it was seen, and then chi: never seen again.
            let last = history.iter().rposition(|seen| *seen).map_or(0, |at| at + 1);
            for seen in &history[..last] {
                total += phi.ln() + if *seen { p.ln() } else { (1.0 - p).ln() };
            }
            let chi = (last..history.len()).fold(1.0, |chi, _| 1.0 - phi + phi * (1.0 - p) * chi);
            total += chi.ln();
        }
        total
    });
    let occasions = MarkedOccasions { offsets: vec![0, 4, 7, 11, 13, 17, 19], found: histories.concat() };
    let data = MarkedData { animals: MarkedAnimals { occasions } };
    all_known(&sample::<Marked>(&data), &["survival", "seen"], &over.axes());
}

model! {
    /// Trend and season, as exponential smoothing says: the level is carried from month to month.
    pub Smoothing {
        global weight ~ Beta(2, 2);
        global sd ~ HalfNormal(2);
        plate months(1..=60) {
            let level = prev(next, 1, 1.0);
            observe sales ~ Normal(level, sd);
            let next = level + weight * (sales - level);
        }
    }
}

#[test]
fn exponential_smoothing() {
    let sales: Vec<f64> = vec![1.3, 0.8, 1.6, 2.2, 1.9, 2.8, 3.1, 2.4, 3.3, 3.0, 2.2, 2.9];
    let over = grid([(0.0, 1.0), (0.0, 3.0)], 200, |[weight, sd]| {
        let (mut level, mut total) = (1.0, beta(weight, 2.0, 2.0) + normal(sd, 0.0, 2.0));
        for y in &sales {
            total += normal(*y, level, sd);
            level += weight * (y - level);
        }
        total
    });
    let months = SmoothingMonths { sales: sales.clone() };
    all_known(&sample::<Smoothing>(&SmoothingData { months }), &["weight", "sd"], &over.axes());
}
