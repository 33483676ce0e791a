//! Who falls ill and who dies: an epidemic day by day and in continuous time, and hazards that nothing is known of.

use hierarch::prelude::*;
use statrs::function::gamma::ln_gamma;

use super::exact::{all_known, gamma, grid, known, normal, poisson, sample};

model! {
    /// New cases of each day, with the shares of those who can be infected and who are: SIR in steps of a day.
    pub Daily {
        param people: f64 = 500.0;
        global beta ~ LogNormal(median = 0.8, sigma = 0.5);
        global gamma ~ LogNormal(median = 0.3, sigma = 0.5);
        plate days(1..=60) {
            let [s, i] = prev(next, 1, [0.98, 0.02]);
            let new = s * (1 - (-beta * i).exp());
            observe cases ~ Poisson(people * new);
            let next = [s - new, i + new - gamma * i];
        }
    }
}

const CASES: [u64; 12] = [9, 13, 20, 24, 33, 40, 46, 51, 38, 36, 22, 18];

#[test]
fn daily() {
    let over = grid([(0.4, 1.4), (0.05, 0.9)], 60, |[beta, gamma]| {
        let (mut s, mut i) = (0.98, 0.02);
        let mut total =
            normal(beta.ln(), 0.8_f64.ln(), 0.5) - beta.ln() + normal(gamma.ln(), 0.3_f64.ln(), 0.5) - gamma.ln();
        for cases in CASES {
            let new = s * (1.0 - (-beta * i).exp());
            total += poisson(cases, (500.0 * new).ln());
            (s, i) = (s - new, i + new - gamma * i);
        }
        total
    });
    let days = DailyDays { cases: CASES.to_vec() };
    all_known(&sample::<Daily>(&DailyData { days }), &["beta", "gamma"], &over.axes());
}

fn sir<T: Real>(_: T, [s, i]: [T; 2], [beta, gamma]: [T; 2]) -> [T; 2] {
    [-beta * s * i, beta * s * i - gamma * i]
}

const DAYS: [f64; 6] = [2.0, 4.0, 6.0, 8.0, 10.0, 12.0];

model! {
    /// The same as a differential equation, with cases of two days each.
    pub Continuous {
        param people: f64 = 500.0;
        global beta ~ LogNormal(median = 0.8, sigma = 0.5);
        global gamma ~ LogNormal(median = 0.3, sigma = 0.5);
        let z = ode(sir, [0.98, 0.02], DAYS, [beta, gamma], Tolerance::default());
        plate reports(1..=6) {
            given report: usize;
            let before = if report == 0 { 0.98 } else { z[report - 1][0] };
            observe cases ~ Poisson(people * (before - z[report][0]));
        }
    }
}

#[test]
fn continuous() {
    let cases: Vec<u64> = CASES.chunks(2).map(|two| two.iter().sum()).collect();
    let over = grid([(0.4, 1.4), (0.05, 0.9)], 40, |[beta, gamma]| {
        let mut total =
            normal(beta.ln(), 0.8_f64.ln(), 0.5) - beta.ln() + normal(gamma.ln(), 0.3_f64.ln(), 0.5) - gamma.ln();
        let mut z = [0.98, 0.02];
        for cases in &cases {
            let before = z[0];
            // Runge and Kutta, by hand.
            const STEP: f64 = 0.1;
            for _ in 0..20 {
                let f = |z: [f64; 2]| [-beta * z[0] * z[1], beta * z[0] * z[1] - gamma * z[1]];
                let along = |k: [f64; 2], by: f64| [z[0] + by * k[0], z[1] + by * k[1]];
                let k1 = f(z);
                let k2 = f(along(k1, STEP / 2.0));
                let k3 = f(along(k2, STEP / 2.0));
                let k4 = f(along(k3, STEP));
                z = std::array::from_fn(|c| z[c] + STEP / 6.0 * (k1[c] + 2.0 * k2[c] + 2.0 * k3[c] + k4[c]));
            }
            total += poisson(*cases, (500.0 * (before - z[0])).ln());
        }
        total
    });
    let reports = ContinuousReports { report: (0..6).collect(), cases: cases.clone() };
    all_known(&sample::<Continuous>(&ContinuousData { reports }), &["beta", "gamma"], &over.axes());
}

model! {
    /// Cox's regression as counts of deaths: a hazard of each interval, with the time that people lived in it.
    pub Hazards {
        global beta ~ Normal(0, 1);
        plate intervals(1..=20) {
            local hazard ~ Gamma(1, 2);
        }
        plate people(1..=50) {
            given x: f64;
            plate lived(1..=20) {
                given interval: index(intervals);
                given time: f64;
                observe died ~ Poisson(hazard[interval] * time * (beta * x).exp());
            }
        }
    }
}

/// When people died or left, whether they died, and a covariate.
const LIVES: [(f64, bool, f64); 8] = [
    (2.9, false, 0.1),
    (2.6, true, -1.2),
    (2.2, true, 0.4),
    (1.7, false, -0.6),
    (1.4, true, 0.9),
    (0.9, true, -0.1),
    (0.5, true, 1.3),
    (0.3, true, 0.8),
];

#[test]
fn hazards() {
    // The hazard of an interval is gamma given beta.
    let of = |beta: f64, interval: usize| {
        let (mut deaths, mut lived) = (1.0, 2.0);
        for (end, died, x) in LIVES {
            let time = (end - interval as f64).clamp(0.0, 1.0);
            lived += time * (beta * x).exp();
            deaths += f64::from(u8::from(died && end.floor() as usize == interval));
        }
        (deaths, lived)
    };
    let over = grid([(-3.0, 4.0)], 400, |[beta]| {
        let interval = |k| {
            let (deaths, lived) = of(beta, k);
            ln_gamma(deaths) - deaths * lived.ln()
        };
        let died: f64 = LIVES.iter().filter(|life| life.1).map(|life| beta * life.2).sum();
        normal(beta, 0.0, 1.0) + died + (0..3).map(interval).sum::<f64>()
    });
    let mut lived = HazardsLived { offsets: vec![0], ..HazardsLived::default() };
    for (end, died, _) in LIVES {
        let last = end.floor() as usize;
        for interval in 0..=last {
            lived.interval.push(interval);
            lived.time.push((end - interval as f64).min(1.0));
            lived.died.push(u64::from(died && interval == last));
        }
        lived.offsets.push(lived.time.len());
    }
    let people = HazardsPeople { x: LIVES.map(|life| life.2).to_vec(), lived };
    let chains = sample::<Hazards>(&HazardsData { intervals: HazardsIntervals { size: 3 }, people });
    all_known(&chains, &["beta"], &over.axes());
    for interval in 0..3 {
        let exact = over.mixed(|[beta]| {
            let (deaths, lived) = of(beta, interval);
            gamma(deaths, lived)
        });
        known(&chains, &format!("hazard[{interval}]"), exact);
    }
}

model! {
    /// Cox's partial likelihood: who of those still there died, where people stand in the order of their times, the last first.
    pub Partial {
        global beta ~ Normal(0, 1);
        plate people(1..=50) {
            given x: f64;
            given died: bool;
            let at_risk = prev(at_risk, 1, 0.0) + (beta * x).exp();
            factor if died { beta * x - at_risk.ln() } else { 0.0 };
        }
    }
}

#[test]
fn partial() {
    let over = grid([(-3.0, 4.0)], 400, |[beta]| {
        let death = |(end, _, x): &(f64, bool, f64)| {
            let at_risk: f64 = LIVES.iter().filter(|other| other.0 >= *end).map(|other| (beta * other.2).exp()).sum();
            beta * x - at_risk.ln()
        };
        normal(beta, 0.0, 1.0) + LIVES.iter().filter(|life| life.1).map(death).sum::<f64>()
    });
    let people = PartialPeople { x: LIVES.map(|life| life.2).to_vec(), died: LIVES.map(|life| life.1).to_vec() };
    all_known(&sample::<Partial>(&PartialData { people }), &["beta"], &over.axes());
}
