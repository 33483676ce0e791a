//! Each family of posteriors against exact ones: how far it is from them, in nats, and that its density integrates to 1.

use std::f64::consts::{FRAC_PI_2, TAU};

use hierarch::prelude::*;
use hierarch::simulate::stream;
use rand::RngExt;
use rayon::prelude::*;

/// Points that stand for an exact posterior, with its log density at each.
type Points<M> = Vec<(<M as Model>::Globals, f64)>;

fn train<M: Model>(model: &M, family: Family, budget: Budget) -> Posterior<M> {
    model.npe().seed(1).settings(|s| s.architecture.family = family).train(budget).unwrap()
}

/// The mean over data sets of KL(exact || learned), and its standard error.
fn divergence<M: Model>(
    posterior: &Posterior<M>,
    sets: &[M::Data],
    exact: impl Fn(&M::Data, u64) -> Points<M> + Sync,
) -> (f64, f64)
where
    M::Data: Sync,
{
    let of = |(index, data): (usize, &M::Data)| -> f64 {
        let belief = posterior.condition(data).unwrap();
        let points = exact(data, index as u64);
        points.iter().map(|(globals, log_p)| log_p - belief.log_density(globals)).sum::<f64>() / points.len() as f64
    };
    let each: Vec<f64> = sets.par_iter().enumerate().map(of).collect();
    let n = each.len() as f64;
    let mean = each.iter().sum::<f64>() / n;
    let variance = each.iter().map(|kl| (kl - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

/// Draws from the middles of a grid's cells, in proportion to the joint density there, and the log of the density that this is:
/// the mean over them of anything smooth is an integral by the rule of midpoints.
fn grid_draws(log_joint: &[f64], cell: f64, count: usize, seed: u64) -> Vec<(usize, f64)> {
    let highest = log_joint.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sums = Vec::with_capacity(log_joint.len());
    let mut sum = 0.0;
    for log in log_joint {
        sum += (log - highest).exp();
        sums.push(sum);
    }
    let normaliser = highest + (sum * cell).ln();
    let mut random = stream(seed, 0);
    // Systematic sampling: one uniform number for all.
    let offset: f64 = random.random();
    let draw = |i: usize| {
        let at = sums.partition_point(|below| *below <= sum * (i as f64 + offset) / count as f64);
        (at, log_joint[at] - normaliser)
    };
    (0..count).map(draw).collect()
}

fn middle((low, high): (f64, f64), cells: usize, at: usize) -> f64 {
    low + (high - low) * (at as f64 + 0.5) / cells as f64
}

/// The exact posterior of two numbers within bounds.
fn square<G>(
    x: (f64, f64),
    y: (f64, f64),
    cells: usize,
    seed: u64,
    log_joint: impl Fn(f64, f64) -> f64,
    globals: impl Fn(f64, f64) -> G,
) -> Vec<(G, f64)> {
    let place = |at: usize| (middle(x, cells, at / cells), middle(y, cells, at % cells));
    let logs: Vec<f64> = (0..cells * cells)
        .map(|at| {
            let (x, y) = place(at);
            log_joint(x, y)
        })
        .collect();
    let cell = (x.1 - x.0) * (y.1 - y.0) / (cells * cells) as f64;
    let draws = grid_draws(&logs, cell, 200, seed).into_iter();
    draws
        .map(|(at, log_p)| {
            let (x, y) = place(at);
            (globals(x, y), log_p)
        })
        .collect()
}

/// The exact posterior of one number within bounds.
fn line<G>(
    x: (f64, f64),
    seed: u64,
    log_joint: impl Fn(f64) -> f64,
    globals: impl Fn(f64) -> G,
) -> Vec<(G, f64)> {
    const CELLS: usize = 4000;
    let logs: Vec<f64> = (0..CELLS).map(|at| log_joint(middle(x, CELLS, at))).collect();
    let draws = grid_draws(&logs, (x.1 - x.0) / CELLS as f64, 400, seed).into_iter();
    draws.map(|(at, log_p)| (globals(middle(x, CELLS, at)), log_p)).collect()
}

fn normal(x: f64, mean: f64, sd: f64) -> f64 {
    Normal::new(mean, sd).log_density(x)
}

// ---- conjugate normal models -------------------------------------------------------------------------------------------

/// Each observation is of a sum of two neighbours on a ring, so that with a coupling the posterior is correlated: a linear
/// regression with known noise.
macro_rules! conjugate {
    ($name:ident, $dims:tt) => {
        model! {
            $name {
                param coupling: f64 = 0.0;
                global theta[$dims] ~ Normal(0.0, 1.0);
                plate events(10) {
                    observe x[i in 0..$dims] ~ Normal(theta[i] + coupling * theta[(i + 1) % $dims], 1.0);
                }
            }
        }
    };
}

model! {
    Normal1 {
        global theta[1] ~ Normal(0.0, 1.0);
        plate events(10) {
            observe x[i in 0..1] ~ Normal(theta[i], 1.0);
        }
    }
}
conjugate!(Normal2, 2);
conjugate!(Normal5, 5);
conjugate!(Normal10, 10);

/// Draws from the posterior of a conjugate model, whose precision is 1 + n A'A for A = 1 + coupling times a shift.
fn conjugate_draws<const D: usize, G>(
    x: &[[f64; D]],
    coupling: f64,
    seed: u64,
    globals: impl Fn([f64; D]) -> G,
) -> Vec<(G, f64)> {
    let n = x.len() as f64;
    let mut precision = [[0.0; D]; D];
    let mut mean = [0.0; D];
    let row = |i: usize| [(i, 1.0), ((i + 1) % D, coupling)];
    for i in 0..D {
        precision[i][i] += 1.0;
        let sum: f64 = x.iter().map(|x| x[i]).sum();
        for (j, a) in row(i) {
            mean[j] += a * sum;
            row(i).into_iter().for_each(|(k, b)| precision[j][k] += n * a * b);
        }
    }
    // The factor L of the precision, L L'.
    let mut factor = [[0.0; D]; D];
    for i in 0..D {
        for j in 0..=i {
            let rest = precision[i][j] - (0..j).map(|k| factor[i][k] * factor[j][k]).sum::<f64>();
            factor[i][j] = if i == j { rest.sqrt() } else { rest / factor[j][j] };
        }
    }
    for i in 0..D {
        mean[i] = (mean[i] - (0..i).map(|k| factor[i][k] * mean[k]).sum::<f64>()) / factor[i][i];
    }
    let up = |v: &mut [f64; D]| {
        for i in (0..D).rev() {
            v[i] = (v[i] - (i + 1..D).map(|k| factor[k][i] * v[k]).sum::<f64>()) / factor[i][i];
        }
    };
    up(&mut mean);
    let mut random = stream(seed, 1);
    let draw = |_| {
        let mut z = [0.0; D];
        z.iter_mut().for_each(|z| *z = Normal::new(0.0, 1.0).draw(&mut random));
        let log_p = (0..D).map(|i| factor[i][i].ln() - 0.5 * z[i] * z[i] - 0.5 * TAU.ln()).sum();
        up(&mut z);
        (globals(std::array::from_fn(|i| mean[i] + z[i])), log_p)
    };
    (0..200).map(draw).collect()
}

// ---- shapes that are not Gaussian --------------------------------------------------------------------------------------

model! {
    Banana {
        global across ~ Normal(0.0, 1.0);
        global along ~ Normal(0.0, 1.0);
        observe x ~ Normal(across, 1.0);
        observe y ~ Normal(along + across.square(), 0.3);
    }
}

fn banana_points(data: &BananaData, seed: u64) -> Points<Banana> {
    let log_joint = |across: f64, along: f64| {
        normal(across, 0.0, 1.0)
            + normal(along, 0.0, 1.0)
            + normal(data.x, across, 1.0)
            + normal(data.y, along + across * across, 0.3)
    };
    square((-5.0, 5.0), (-6.0, 6.0), 240, seed, log_joint, |across, along| BananaGlobals { across, along })
}

model! {
    /// Points at an unknown angle on a half circle around |a + b| and b - a (Greenberg et al., arXiv 1905.07488).
    Moons {
        global a ~ Uniform(-1.0, 1.0);
        global b ~ Uniform(-1.0, 1.0);
        nuisance angle ~ Uniform(-FRAC_PI_2, FRAC_PI_2);
        observe x ~ Normal(0.25 * angle.cos() - (a + b).abs() / 2.0.sqrt(), 0.05);
        observe y ~ Normal(0.25 * angle.sin() + (b - a) / 2.0.sqrt(), 0.05);
    }
}

fn moons_points(data: &MoonsData, seed: u64) -> Points<Moons> {
    const ANGLES: usize = 48;
    let arc: Vec<(f64, f64)> = (0..ANGLES)
        .map(|i| middle((-FRAC_PI_2, FRAC_PI_2), ANGLES, i).sin_cos())
        .map(|(sin, cos)| (data.x - 0.25 * cos, data.y - 0.25 * sin))
        .collect();
    let log_joint = |a: f64, b: f64| {
        let (u, v) = (-(a + b).abs() / 2.0_f64.sqrt(), (b - a) / 2.0_f64.sqrt());
        let square = |(x, y): &(f64, f64)| (x - u).powi(2) + (y - v).powi(2);
        arc.iter().map(|at| (-0.5 * square(at) / 0.0025).exp()).sum::<f64>().ln()
    };
    square((-1.0, 1.0), (-1.0, 1.0), 160, seed, log_joint, |a, b| MoonsGlobals { a, b, angle: 0.0 })
}

model! {
    Modes {
        global theta ~ Normal(0.3, 1.0);
        plate events(5) {
            observe x ~ Normal(theta.abs(), 0.7);
        }
    }
}

fn modes_points(data: &ModesData, seed: u64) -> Points<Modes> {
    let log_joint = |theta: f64| {
        normal(theta, 0.3, 1.0) + data.events.x.iter().map(|x| normal(*x, theta.abs(), 0.7)).sum::<f64>()
    };
    line((-5.0, 5.0), seed, log_joint, |theta| ModesGlobals { theta })
}

model! {
    Pressed {
        global share ~ Uniform(0.0, 1.0);
        plate events(10) {
            observe x ~ Normal(share, 0.3);
        }
    }
}

fn pressed_points(data: &PressedData, seed: u64) -> Points<Pressed> {
    let log_joint = |share: f64| data.events.x.iter().map(|x| normal(*x, share, 0.3)).sum::<f64>();
    line((0.0, 1.0), seed, log_joint, |share| PressedGlobals { share })
}

model! {
    Resonance {
        global fraction ~ Uniform(0.0, 1.0);
        global mass ~ Normal(1.0, 2.0);
        plate events(1..=200) {
            local signal ~ Bernoulli(fraction);
            let (mean, sd) = if signal { (mass, 0.1) } else { (0.0, 1.0) };
            observe x ~ Normal(mean, sd);
        }
    }
}

fn resonance_points(data: &ResonanceData, seed: u64) -> Points<Resonance> {
    let x = &data.events.x;
    let (fractions, masses, range) = (80, 1600, (-7.0, 9.0));
    let background: Vec<f64> = x.iter().map(|x| normal(*x, 0.0, 1.0).exp()).collect();
    let signal: Vec<Vec<f64>> =
        (0..masses).map(|m| x.iter().map(|x| normal(*x, middle(range, masses, m), 0.1).exp()).collect()).collect();
    let log_joint = |at: usize| {
        let (f, m) = (middle((0.0, 1.0), fractions, at / masses), at % masses);
        let each = background.iter().zip(&signal[m]).map(|(b, s)| (f * s + (1.0 - f) * b).ln());
        each.sum::<f64>() + normal(middle(range, masses, m), 1.0, 2.0)
    };
    let logs: Vec<f64> = (0..fractions * masses).map(log_joint).collect();
    let draws = grid_draws(&logs, 16.0 / (fractions * masses) as f64, 200, seed).into_iter();
    let globals = |at: usize| ResonanceGlobals {
        fraction: middle((0.0, 1.0), fractions, at / masses),
        mass: middle(range, masses, at % masses),
    };
    draws.map(|(at, log_p)| (globals(at), log_p)).collect()
}

// ---- how far each family is from them ----------------------------------------------------------------------------------

fn prior_predictive<M: Model>(model: &M, sets: usize) -> Vec<M::Data> {
    model.simulate(sets).seed(7).run().unwrap().into_iter().map(|s| s.data).collect()
}

/// How far a family is from each exact posterior after training for some time.
fn row(family: Family, budget: Budget, only: &str) {
    fn cell<M: Model>(
        name: &str,
        model: &M,
        family: Family,
        budget: Budget,
        exact: impl Fn(&M::Data, u64) -> Points<M> + Sync,
    ) where
        M::Data: Sync,
    {
        let posterior = train(model, family, budget);
        let (kl, error) = divergence(&posterior, &prior_predictive(model, 100), exact);
        let last = posterior.history().last().unwrap();
        println!("{family:?} {name:12} {kl:8.4} +- {error:.4}  sets {:8} loss {:.4}", last.sets, last.validation);
    }
    let wanted = |name: &str| only.is_empty() || only.split(',').any(|o| o == name);
    if wanted("normal1") {
        cell("normal1", &Normal1 {}, family, budget, |d, s| {
            conjugate_draws(&d.events.x, 0.0, s, |theta| Normal1Globals { theta })
        });
    }
    if wanted("normal2") {
        cell("normal2", &Normal2 { coupling: 0.5 }, family, budget, |d, s| {
            conjugate_draws(&d.events.x, 0.5, s, |theta| Normal2Globals { theta })
        });
    }
    if wanted("normal5") {
        cell("normal5", &Normal5 { coupling: 0.5 }, family, budget, |d, s| {
            conjugate_draws(&d.events.x, 0.5, s, |theta| Normal5Globals { theta })
        });
    }
    if wanted("normal10") {
        cell("normal10", &Normal10 { coupling: 0.5 }, family, budget, |d, s| {
            conjugate_draws(&d.events.x, 0.5, s, |theta| Normal10Globals { theta })
        });
    }
    if wanted("banana") {
        cell("banana", &Banana {}, family, budget, banana_points);
    }
    if wanted("moons") {
        cell("moons", &Moons {}, family, budget, moons_points);
    }
    if wanted("modes") {
        cell("modes", &Modes {}, family, budget, modes_points);
    }
    if wanted("pressed") {
        cell("pressed", &Pressed {}, family, budget, pressed_points);
    }
    if wanted("resonance") {
        cell("resonance", &Resonance {}, family, budget, resonance_points);
    }
}

#[test]
#[ignore = "a table, not a test"]
fn table() {
    let get = |name: &str| std::env::var(name).unwrap_or_default();
    let seconds: f64 = get("SECONDS_EACH").parse().unwrap();
    for name in get("FAMILIES").split(',') {
        let family = match name {
            "diagonal" => Family::Diagonal,
            "gaussian" => Family::Gaussian,
            "mixture" => Family::Mixture { components: 6 },
            "maf" => Family::maf(),
            "nsf" => Family::nsf(),
            _ => panic!("{name}"),
        };
        row(family, Budget::seconds(seconds), &get("CASES"));
    }
}
