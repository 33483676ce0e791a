//! Each family of posteriors against exact ones: how far it is from them in nats, and that its density integrates to 1.
//!
//! `cargo test --release -p hierarch-tests --test trainings families::table -- --ignored --nocapture` prints how far each is after equal times: what the default
//! was chosen by.

use std::f64::consts::{FRAC_PI_2, TAU};

use hierarch::distributions::{Distribution, Draw, Normal};
use hierarch::prelude::*;
use hierarch::simulate::stream;
use hierarch_tests::{seed, within};
use rand::RngExt;
use rayon::prelude::*;

/// Points that stand for an exact posterior, with its log density at each.
type Points<M> = Vec<(<M as Model>::Globals, f64)>;

/// Points for each data set.
const DRAWS: usize = 200;

/// Trains a family and holds it against the exact posteriors of some model.
type Case = fn((Family, Budget)) -> Learned;

/// What a family made of a posterior.
struct Learned {
    /// KL(exact || learned), the mean over data sets, and its standard error.
    kl: f64,
    error: f64,
    /// The integrals of the learned density of some data sets; none where there are too many numbers for a grid.
    masses: Vec<f64>,
    seconds: f64,
    sets: u64,
}

/// Trains a family and holds it against exact posteriors.
fn learn<M: Generative>(
    model: &M,
    (family, budget): (Family, Budget),
    data: &[M::Data],
    exact: impl Fn(&M::Data, u64) -> Points<M> + Sync,
    mass: impl Fn(&Posterior<M>) -> Option<f64>,
) -> Learned
where
    M::Data: Sync,
{
    let estimator = model
        .npe()
        .seed(seed(1))
        .network(NetworkConfig { family: Some(family), ..Default::default() })
        .train(budget)
        .unwrap();
    let kl = |(index, data): (usize, &M::Data)| -> f64 {
        let posterior = estimator.condition(data).unwrap();
        let points = exact(data, index as u64);
        points.iter().map(|(globals, log_p)| log_p - posterior.log_density(globals)).sum::<f64>() / points.len() as f64
    };
    let each: Vec<f64> = data.par_iter().enumerate().map(kl).collect();
    let n = each.len() as f64;
    let kl = each.iter().sum::<f64>() / n;
    let variance = each.iter().map(|own| (own - kl).powi(2)).sum::<f64>() / (n - 1.0);
    let masses = data[..3].iter().filter_map(|data| mass(&estimator.condition(data).unwrap())).collect();
    let last = estimator.history().last().unwrap();
    Learned { kl, error: (variance / n).sqrt(), masses, seconds: last.seconds, sets: last.sets }
}

/// Data sets from the prior predictive.
fn simulate<M: Generative>(model: &M, sets: usize) -> Vec<M::Data> {
    model.simulate(sets).seed(seed(7)).run().unwrap().into_iter().map(|s| s.data).collect()
}

/// The middles of the cells of a grid over two numbers; where there is one number, the other has one cell of length 1.
struct Grid([(f64, f64, usize); 2]);

impl Grid {
    fn points(&self) -> Vec<[f64; 2]> {
        let middles = |(low, high, cells): (f64, f64, usize)| {
            (0..cells).map(move |i| low + (high - low) * (i as f64 + 0.5) / cells as f64)
        };
        middles(self.0[0]).flat_map(|x| middles(self.0[1]).map(move |y| [x, y])).collect()
    }

    fn cell(&self) -> f64 {
        self.0.iter().map(|(low, high, cells)| (high - low) / *cells as f64).product()
    }

    /// Points drawn in proportion to the joint density, with the logarithm of the posterior's: the mean over them of anything
    /// smooth is an integral by the rule of midpoints.
    fn draws(&self, log_joint: impl Fn([f64; 2]) -> f64, seed: u64) -> Vec<([f64; 2], f64)> {
        let points = self.points();
        let logs: Vec<f64> = points.iter().map(|point| log_joint(*point)).collect();
        let highest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        let up_to = |log: &f64| {
            sum += (log - highest).exp();
            sum
        };
        let sums: Vec<f64> = logs.iter().map(up_to).collect();
        let normaliser = highest + (sum * self.cell()).ln();
        // Evenly spaced, from one uniform number.
        let offset: f64 = stream(seed, 0).random();
        let draw = |i: usize| {
            let at = sums.partition_point(|below| *below <= sum * (i as f64 + offset) / DRAWS as f64);
            (points[at], logs[at] - normaliser)
        };
        (0..DRAWS).map(draw).collect()
    }

    /// The integral of a density.
    fn mass(&self, log_density: impl Fn([f64; 2]) -> f64) -> f64 {
        self.points().into_iter().map(|point| log_density(point).exp()).sum::<f64>() * self.cell()
    }

    /// [`learn`] where the exact posterior is one on the grid.
    fn learn<M: Generative, F: Fn([f64; 2]) -> f64>(
        &self,
        model: &M,
        how: (Family, Budget),
        data: &[M::Data],
        log_joint: impl Fn(&M::Data) -> F + Sync,
        globals: fn([f64; 2]) -> M::Globals,
    ) -> Learned
    where
        M::Data: Sync,
    {
        let exact = |data: &M::Data, seed| {
            self.draws(log_joint(data), seed).into_iter().map(|(point, log_p)| (globals(point), log_p)).collect()
        };
        learn(model, how, data, exact, |posterior| Some(self.mass(|point| posterior.log_density(&globals(point)))))
    }
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
    (0..DRAWS).map(draw).collect()
}

/// A family held against a conjugate posterior of 1, 2, 5 or 10 numbers.
fn conjugate(dims: usize, coupling: f64, how: (Family, Budget)) -> Learned {
    macro_rules! held {
        ($model:expr, $globals:ident) => {{
            let (model, none) = ($model, |_: &_| None);
            let data = simulate(&model, 100);
            learn(
                &model,
                how,
                &data,
                |d, s| {
                    conjugate_draws(&d.events.x, if dims == 1 { 0.0 } else { coupling }, s, |theta| $globals { theta })
                },
                none,
            )
        }};
    }
    match dims {
        1 => held!(Normal1 {}, Normal1Globals),
        2 => held!(Normal2 { coupling }, Normal2Globals),
        5 => held!(Normal5 { coupling }, Normal5Globals),
        _ => held!(Normal10 { coupling }, Normal10Globals),
    }
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

fn banana(how: (Family, Budget)) -> Learned {
    let log_joint = |data: &BananaData| {
        let (x, y) = (data.x, data.y);
        move |[across, along]: [f64; 2]| {
            let prior = normal(across, 0.0, 1.0) + normal(along, 0.0, 1.0);
            prior + normal(x, across, 1.0) + normal(y, along + across * across, 0.3)
        }
    };
    let globals = |[across, along]: [f64; 2]| BananaGlobals { across, along };
    let grid = Grid([(-6.0, 6.0, 280), (-8.0, 8.0, 320)]);
    grid.learn(&Banana {}, how, &simulate(&Banana {}, 100), log_joint, globals)
}

model! {
    /// A point on a half circle at an unknown angle, next to -|a + b| and b - a (Greenberg et al., arXiv 1905.07488).
    Moons {
        global a ~ Uniform(-1.0, 1.0);
        global b ~ Uniform(-1.0, 1.0);
        nuisance angle ~ Uniform(-FRAC_PI_2, FRAC_PI_2);
        observe x ~ Normal(0.25 * angle.cos() - (a + b).abs() / 2.0.sqrt(), 0.05);
        observe y ~ Normal(0.25 * angle.sin() + (b - a) / 2.0.sqrt(), 0.05);
    }
}

fn moons(how: (Family, Budget)) -> Learned {
    // The angle is integrated over by the rule of midpoints.
    let log_joint = |data: &MoonsData| {
        let angles = Grid([(-FRAC_PI_2, FRAC_PI_2, 48), (0.0, 1.0, 1)]).points().into_iter().map(|[angle, _]| angle);
        let centres = angles.map(|angle| (data.x - 0.25 * angle.cos(), data.y - 0.25 * angle.sin()));
        let centres: Vec<(f64, f64)> = centres.collect();
        move |[a, b]: [f64; 2]| {
            let (u, v) = (-(a + b).abs() / 2.0_f64.sqrt(), (b - a) / 2.0_f64.sqrt());
            let chi2 = |(x, y): &(f64, f64)| ((x - u).powi(2) + (y - v).powi(2)) / 0.0025;
            centres.iter().map(|at| (-0.5 * chi2(at)).exp()).sum::<f64>().ln()
        }
    };
    let globals = |[a, b]: [f64; 2]| MoonsGlobals { a, b, angle: f64::NAN };
    let grid = Grid([(-1.0, 1.0, 160), (-1.0, 1.0, 160)]);
    grid.learn(&Moons {}, how, &simulate(&Moons {}, 100), log_joint, globals)
}

model! {
    Modes {
        global theta ~ Normal(0.3, 1.0);
        plate events(5) {
            observe x ~ Normal(theta.abs(), 0.7);
        }
    }
}

fn modes(how: (Family, Budget)) -> Learned {
    let log_joint = |data: &ModesData| {
        let x = data.events.x.clone();
        move |[theta, _]: [f64; 2]| {
            normal(theta, 0.3, 1.0) + x.iter().map(|x| normal(*x, theta.abs(), 0.7)).sum::<f64>()
        }
    };
    let grid = Grid([(-6.0, 6.0, 4000), (0.0, 1.0, 1)]);
    grid.learn(&Modes {}, how, &simulate(&Modes {}, 100), log_joint, |[theta, _]| ModesGlobals { theta })
}

model! {
    Pressed {
        global share ~ Uniform(0.0, 1.0);
        plate events(10) {
            observe x ~ Normal(share, 0.3);
        }
    }
}

/// Of data sets from the very edge: the posterior is what is left of a Gaussian around -0.1 to 0.1, whose sd is 0.095.
fn pressed(how: (Family, Budget)) -> Learned {
    let log_joint = |data: &PressedData| {
        let x = data.events.x.clone();
        move |[share, _]: [f64; 2]| x.iter().map(|x| normal(*x, share, 0.3)).sum::<f64>()
    };
    let edge = Pressed {}.simulate(100).at(&PressedGlobals { share: 1e-3 }).seed(seed(7)).run().unwrap();
    let data: Vec<PressedData> = edge.into_iter().map(|s| s.data).collect();
    let grid = Grid([(0.0, 1.0, 4000), (0.0, 1.0, 1)]);
    grid.learn(&Pressed {}, how, &data, log_joint, |[share, _]| PressedGlobals { share })
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

fn resonance(how: (Family, Budget)) -> Learned {
    let log_joint = |data: &ResonanceData| {
        let x: Vec<(f64, f64)> = data.events.x.iter().map(|x| (*x, normal(*x, 0.0, 1.0).exp())).collect();
        move |[fraction, mass]: [f64; 2]| {
            let event = |(x, background): &(f64, f64)| {
                let z = (x - mass) / 0.1;
                // exp(-72) is nothing next to the background.
                let signal = if z.abs() < 12.0 { (-0.5 * z * z).exp() / (0.1 * TAU.sqrt()) } else { 0.0 };
                (fraction * signal + (1.0 - fraction) * background).ln()
            };
            normal(mass, 1.0, 2.0) + x.iter().map(event).sum::<f64>()
        }
    };
    let globals = |[fraction, mass]: [f64; 2]| ResonanceGlobals { fraction, mass };
    let grid = Grid([(0.0, 1.0, 80), (-7.0, 9.0, 1600)]);
    grid.learn(&Resonance {}, how, &simulate(&Resonance {}, 60), log_joint, globals)
}

// ---- what is held ------------------------------------------------------------------------------------------------------

/// The default for several numbers.
const MIXTURE: Family = Family::Mixture { components: 16 };

/// Within so many nats, and a density that integrates to one as nearly as is said.
fn within(name: &str, family: Family, learned: &Learned, bound: f64, mass_off: f64) {
    let Learned { kl, error, masses, seconds, .. } = learned;
    println!("{name}, {family:?}: KL {kl:.4} +- {error:.4}, masses {masses:.4?}, {seconds:.1} s");
    within!(*kl, bound, "{name}, {family:?}: KL {kl} +- {error}, at most {bound}");
    masses.iter().for_each(|mass| within!((mass - 1.0).abs(), mass_off, "{name}, {family:?}: mass {mass}"));
}

/// The training, the data sets and the points are fixed by seeds, so that there are no false alarms. The standard error of
/// each divergence is less than a tenth of its bound.
#[test]
#[ignore = "long: a training to a stated accuracy"]
fn conjugate_posteriors_are_within_a_fiftieth_of_a_nat() {
    for (dims, sets) in [(1, 100_000), (2, 100_000), (5, 150_000), (10, 250_000)] {
        let budget = Budget::simulations(sets);
        for family in [Family::Gaussian, MIXTURE, Family::maf(), Family::nsf()] {
            within(&format!("{dims} numbers"), family, &conjugate(dims, 0.5, (family, budget)), 0.02, 5e-3);
        }
        within(
            &format!("{dims} alone"),
            Family::Diagonal,
            &conjugate(dims, 0.0, (Family::Diagonal, budget)),
            0.02,
            5e-3,
        );
    }
    let correlated = conjugate(2, 0.5, (Family::Diagonal, Budget::simulations(100_000)));
    within!(0.05, correlated.kl, "independent numbers follow correlated ones: KL {}", correlated.kl);
}

/// Holds families to a bound that one Gaussian exceeds.
fn beyond_a_gaussian(name: &str, case: Case, families: &[Family], sets: u64, bound: f64) {
    let gaussian = case((Family::Gaussian, Budget::simulations(100_000)));
    println!("{name}: a Gaussian is within KL {:.4} +- {:.4}", gaussian.kl, gaussian.error);
    within!(2.0 * bound, gaussian.kl, "{name}: a Gaussian is within KL {}", gaussian.kl);
    for family in families {
        within(name, *family, &case((*family, Budget::simulations(sets))), bound, 5e-3);
    }
}

/// Each family in a moment: roughly right, and a density.
#[test]
fn families_are_roughly_right_and_have_a_density() {
    let budget = Budget::simulations(20_000);
    for family in [Family::Gaussian, MIXTURE, Family::maf(), Family::nsf()] {
        // A grid that ends where the exact posteriors do loses a little of one that has hardly learned.
        within("2 numbers", family, &conjugate(2, 0.5, (family, budget)), 0.2, 0.05);
        within("two modes", family, &modes((family, budget)), 0.7, 0.05);
    }
    within("banana", MIXTURE, &banana((MIXTURE, budget)), 2.0, 0.05);
    within("2 alone", Family::Diagonal, &conjugate(2, 0.0, (Family::Diagonal, budget)), 0.2, 0.05);
    let correlated = conjugate(2, 0.5, (Family::Diagonal, budget));
    within!(0.05, correlated.kl, "independent numbers follow correlated ones: KL {}", correlated.kl);
}

#[test]
#[ignore = "long: a training to a stated accuracy"]
fn a_banana_is_bent() {
    beyond_a_gaussian("banana", banana, &[MIXTURE, Family::maf(), Family::nsf()], 400_000, 0.1);
}

/// Affine maps of one or two numbers do not tear one mode into two: no case for a masked autoregressive flow.
#[test]
#[ignore = "long: a training to a stated accuracy"]
fn two_moons_are_two_and_bent() {
    beyond_a_gaussian("two moons", moons, &[MIXTURE, Family::nsf()], 400_000, 0.25);
}

#[test]
#[ignore = "long: a training to a stated accuracy"]
fn two_modes_are_two() {
    beyond_a_gaussian("two modes", modes, &[MIXTURE, Family::nsf()], 150_000, 0.03);
}

/// What is left of a Gaussian is not one, in any space that does not depend on the data.
#[test]
#[ignore = "long: a training to a stated accuracy"]
fn a_posterior_at_the_edge_of_its_prior_stays_within() {
    beyond_a_gaussian("edge", pressed, &[MIXTURE, Family::nsf()], 400_000, 0.02);
}

/// How far each family is from each posterior after equal times.
#[test]
#[ignore = "takes six minutes and tests nothing: the table that the default was chosen by"]
fn table_of_families() {
    let budget = Budget::seconds(6.0);
    let cases: [(&str, Case); 9] = [
        ("normal 1", |how| conjugate(1, 0.5, how)),
        ("normal 2", |how| conjugate(2, 0.5, how)),
        ("normal 5", |how| conjugate(5, 0.5, how)),
        ("normal 10", |how| conjugate(10, 0.5, how)),
        ("banana", banana),
        ("two moons", moons),
        ("two modes", modes),
        ("edge", pressed),
        ("resonance", resonance),
    ];
    for (name, case) in cases {
        for family in [Family::Gaussian, Family::Mixture { components: 5 }, MIXTURE, Family::maf(), Family::nsf()] {
            let Learned { kl, error, sets, .. } = case((family, budget));
            println!("{name:10} {:40} KL {kl:.4} +- {error:.4} after {sets} sets", format!("{family:?}"));
        }
    }
}
