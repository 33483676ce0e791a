//! What random models are checked against: plain programs, finite differences, one element at a time, a tape, and simulations.

pub use hierarch::autodiff::Real;
use hierarch::model::{Density, Frame, Plate, PlateSize, log_jacobian_of_all, unconstrain};
pub use hierarch::model::{LocalSet, Model};
pub use hierarch::prelude::*;
pub use hierarch_tests::seed;
use hierarch_tests::slope;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The numbers at which densities were compared, with data as JSON.
pub struct Checked(Vec<(serde_json::Value, Vec<f64>, f64, Vec<f64>)>);

fn near(what: &str, got: f64, want: f64, tolerance: f64, scale: f64) -> Result<(), String> {
    match (got - want).abs() <= tolerance * scale.max(1.0) {
        true => Ok(()),
        false => Err(format!("{what}: {got}, not {want}")),
    }
}

/// Where derivatives are compared: along each number, and at all sets but the first along all of them at once.
fn directions(n: usize, each: bool, signs: &mut Xoshiro256PlusPlus) -> Vec<Vec<f64>> {
    match each {
        true => (0..n).map(|i| (0..n).map(|j| f64::from(i == j)).collect()).collect(),
        false => vec![(0..n).map(|_| if signs.random() { 1.0 } else { -1.0 }).collect()],
    }
}

fn as_json(of: &impl Serialize) -> Result<serde_json::Value, String> {
    serde_json::to_value(of).map_err(|error| error.to_string())
}

fn from_json<D: DeserializeOwned>(of: &serde_json::Value) -> Result<D, String> {
    serde_json::from_value(of.clone()).map_err(|error| error.to_string())
}

/// Compares the density of `model` at simulations of `drawn`, which is the same without factors, with `program`, with the walk over
/// plain numbers, one element at a time, and with finite differences.
pub fn check<D: Generative + Likelihood, M: Likelihood>(
    drawn: &D,
    model: &M,
    program: fn(&D::Globals, &D::Locals, &M::Data) -> f64,
    missing: &[&str],
    seed: u64,
) -> Result<Checked, String>
where
    D::Data: Serialize,
    M::Data: DeserializeOwned,
{
    scores_are_zero(drawn, seed)?;
    let mut checked = Vec::new();
    let mut signs = Xoshiro256PlusPlus::seed_from_u64(seed);
    for round in 0..3 {
        let first = drawn.simulate(1).seed(seed + 2 * round).one().map_err(|error| error.to_string())?;
        let mut data = as_json(&first.data)?;
        if from_json::<D::Data>(&data)? != first.data {
            return Err(String::from("the data are others after they were JSON"));
        }
        // Other latent variables than those that the data were drawn from.
        let other = drawn.simulate(1).same_design_as(&first.data).seed(seed + 2 * round + 1);
        let other = other.one().map_err(|error| error.to_string())?;
        missing.iter().for_each(|column| gaps(&mut data, column));
        let typed: M::Data = from_json(&data)?;
        for set in [&first, &other] {
            let q = unconstrain(drawn, &set.globals, Some((&set.locals, &first.data)));
            let mut density = Density::new(model, &typed).map_err(|error| error.to_string())?;
            let (mut gradient, mut plain) = (vec![0.0; q.len()], vec![0.0; q.len()]);
            let value = density.gradient(&q, &mut gradient);
            let want = program(&set.globals, &set.locals, &typed) + log_jacobian_of_all(model, &typed, &q);
            if !value.is_finite() || !want.is_finite() {
                if value.is_finite() == want.is_finite() {
                    continue;
                }
                return Err(format!("the density is {value}, not {want}"));
            }
            let scale = value.abs() + q.len() as f64;
            near("density", value, want, 1e-9, scale)?;
            near("density in plain scalars", density.gradient_without_lanes(&q, &mut plain), value, 1e-10, scale)?;
            let steepest = gradient.iter().fold(scale, |most, g| most.max(g.abs()));
            for (i, (a, b)) in gradient.iter().zip(&plain).enumerate() {
                near(&format!("derivative {i} of {} in plain scalars", q.len()), *b, *a, 1e-10, steepest)?;
            }
            for (i, along) in directions(q.len(), checked.is_empty(), &mut signs).iter().enumerate() {
                let mut scratch = vec![0.0; q.len()];
                let mut by_step = |step| {
                    let moved = |t: f64| -> Vec<f64> { q.iter().zip(along).map(|(q, along)| q + t * along).collect() };
                    let slope = slope(&[0.0], 0, step, |t| density.gradient(&moved(t[0]), &mut scratch));
                    let got = gradient.iter().zip(along).map(|(g, along)| g * along).sum();
                    near(&format!("derivative {i} of {}", q.len()), got, slope, 1e-6, steepest)
                };
                // Where a density bends much, the first step is too long.
                by_step(1e-3).or_else(|_| by_step(1e-4)).or_else(|_| by_step(1e-5))?;
            }
            checked.push((data.clone(), q, value, gradient));
        }
    }
    // A check that compares nothing is none.
    match checked.is_empty() {
        true => Err(String::from("no density is finite")),
        false => Ok(Checked(checked)),
    }
}

/// The number of simulations over which scores are averaged.
const SETS: usize = 100;

/// Over simulations, the gradient of the log density has the mean 0, also where it counts as much as any function of the data says:
/// so the simulator draws what the density is of. Plates of random size change in size, so locals are added up.
fn scores_are_zero<D: Generative + Likelihood>(drawn: &D, seed: u64) -> Result<(), String> {
    let mut moments: Vec<(f64, f64)> = Vec::new();
    let mut sizes = Vec::new();
    smallest(&drawn.specification().plates, &mut sizes);
    let simulate = sizes.iter().fold(drawn.simulate(SETS).seed(seed), |sets, (plate, size)| sets.size(plate, *size));
    for set in simulate.run().map_err(|error| error.to_string())? {
        let globals = unconstrain(drawn, &set.globals, None).len();
        let q = unconstrain(drawn, &set.globals, Some((&set.locals, &set.data)));
        let mut gradient = vec![0.0; q.len()];
        Density::new(drawn, &set.data).map_err(|error| error.to_string())?.gradient(&q, &mut gradient);
        let (sum, count) = sum_of(&set.data.frame());
        let weight = (sum / count.max(1) as f64 * 3.0).tanh();
        // Of a function of each latent variable as well, whose own derivative is then added.
        let bent: Vec<f64> = q.iter().zip(&gradient).map(|(q, g)| q.tanh() * g + 1.0 - q.tanh().powi(2)).collect();
        let weighted: Vec<f64> = gradient.iter().map(|g| weight * g).collect();
        let scores = [gradient, weighted, bent].into_iter().flat_map(|mut scores| {
            let locals = scores.drain(globals..).sum();
            scores.push(locals);
            scores
        });
        let scores: Vec<f64> = scores.collect();
        moments.resize(scores.len(), (0.0, 0.0));
        moments.iter_mut().zip(scores).for_each(|((sum, squares), x)| (*sum, *squares) = (*sum + x, *squares + x * x));
    }
    for (i, (sum, squares)) in moments.iter().enumerate() {
        let mean = sum / SETS as f64;
        let error = ((squares / SETS as f64 - mean * mean).max(0.0) / SETS as f64).sqrt();
        near(&format!("score {i} of {}", moments.len()), mean, 0.0, 6.0 * error + 1e-9, 1.0)?;
    }
    Ok(())
}

/// The smallest sizes of plates of more than one element, where a range says what they may be.
fn smallest(plates: &[Plate], sizes: &mut Vec<(String, usize)>) {
    for plate in plates {
        if let PlateSize::Range(low, high) = plate.size {
            sizes.push((plate.name.clone(), high.min(low.max(2))));
        }
        smallest(&plate.plates, sizes);
    }
}

/// The sum of all numbers, each bounded, and their number.
fn sum_of(frame: &Frame<'_>) -> (f64, usize) {
    let numbers = frame.columns.iter().flat_map(|column| (0..column.values.len()).map(|at| column.values.get(at)));
    let own = numbers.fold((0.0, 0), |(sum, count), x| (sum + (x - 0.5).tanh(), count + 1));
    frame.plates.iter().map(sum_of).fold(own, |(a, n), (b, m)| (a + b, n + m))
}

/// Takes every third number out of the columns with the name `column`.
fn gaps(of: &mut serde_json::Value, column: &str) {
    let serde_json::Value::Object(fields) = of else { return };
    for (name, field) in fields {
        match field {
            serde_json::Value::Array(numbers) if name == column => {
                numbers.iter_mut().step_by(3).for_each(|number| *number = serde_json::Value::Null);
            }
            other => gaps(other, column),
        }
    }
}

/// Compares the density of a model that has two ordered numbers before all others, and whose density runs on a tape.
pub fn on_tape<M: Likelihood>(model: &M, checked: &Checked) -> Result<(), String>
where
    M::Data: DeserializeOwned,
{
    for (data, q, value, gradient) in &checked.0 {
        let data: M::Data = from_json(data)?;
        let q: Vec<f64> = [0.3, -0.2].into_iter().chain(q.iter().copied()).collect();
        let mut density = Density::new(model, &data).map_err(|error| error.to_string())?;
        let mut taped = vec![0.0; q.len()];
        // Ordered numbers: the first, and the logarithm of the distance to the next.
        let (x, distance) = (0.3_f64, (-0.2_f64).exp());
        let ordered = normal(x, 0.0, 1.0) + normal(x + distance, 0.0, 1.0) + 2.0_f64.ln() - 0.2;
        let scale = gradient.iter().fold(value.abs() + q.len() as f64, |most, g| most.max(g.abs()));
        near("density on a tape", density.gradient(&q, &mut taped) - ordered, *value, 1e-10, scale)?;
        for (i, (got, want)) in taped[2..].iter().zip(gradient).enumerate() {
            near(&format!("derivative {i} on a tape"), *got, *want, 1e-10, scale)?;
        }
    }
    Ok(())
}

// Densities as textbooks have them.

pub fn ln_gamma(x: f64) -> f64 {
    statrs::function::gamma::ln_gamma(x)
}

fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

pub fn dot(x: impl AsRef<[f64]>, y: impl AsRef<[f64]>) -> f64 {
    x.as_ref().iter().zip(y.as_ref()).map(|(x, y)| x * y).sum()
}

pub fn log_sum(terms: &[f64]) -> f64 {
    let largest = terms.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest + terms.iter().map(|x| (x - largest).exp()).sum::<f64>().ln()
}

pub fn normal(x: f64, mean: f64, sd: f64) -> f64 {
    let z = (x - mean) / sd;
    -0.5 * z * z - sd.ln() - 0.5 * (2.0 * std::f64::consts::PI).ln()
}

pub fn half_normal(x: f64, sd: f64) -> f64 {
    normal(x, 0.0, sd) + 2.0_f64.ln()
}

pub fn log_normal(x: f64, mu: f64, sigma: f64) -> f64 {
    normal(x.ln(), mu, sigma) - x.ln()
}

pub fn truncated_normal(x: f64, mean: f64, sd: f64, low: f64, high: f64) -> f64 {
    let cdf = |x: f64| 0.5 * (1.0 + statrs::function::erf::erf((x - mean) / (sd * 2.0_f64.sqrt())));
    normal(x, mean, sd) - (cdf(high) - cdf(low)).ln()
}

pub fn student_t(x: f64, dof: f64, location: f64, scale: f64) -> f64 {
    let z = (x - location) / scale;
    ln_gamma(0.5 * (dof + 1.0))
        - ln_gamma(0.5 * dof)
        - 0.5 * (dof * std::f64::consts::PI).ln()
        - scale.ln()
        - 0.5 * (dof + 1.0) * (1.0 + z * z / dof).ln()
}

pub fn cauchy(x: f64, location: f64, scale: f64) -> f64 {
    let z = (x - location) / scale;
    -(std::f64::consts::PI * scale * (1.0 + z * z)).ln()
}

pub fn logistic(x: f64, location: f64, scale: f64) -> f64 {
    let z = ((x - location) / scale).abs();
    -z - scale.ln() - 2.0 * (1.0 + (-z).exp()).ln()
}

pub fn uniform(x: f64, low: f64, high: f64) -> f64 {
    if low <= x && x <= high { -(high - low).ln() } else { f64::NEG_INFINITY }
}

pub fn gamma(x: f64, shape: f64, rate: f64) -> f64 {
    shape * rate.ln() - ln_gamma(shape) + (shape - 1.0) * x.ln() - rate * x
}

pub fn exponential(x: f64, rate: f64) -> f64 {
    rate.ln() - rate * x
}

pub fn weibull(x: f64, shape: f64, scale: f64) -> f64 {
    let z = x / scale;
    (shape / scale).ln() + (shape - 1.0) * z.ln() - z.powf(shape)
}

pub fn beta(x: f64, a: f64, b: f64) -> f64 {
    (a - 1.0) * x.ln() + (b - 1.0) * (1.0 - x).ln() - ln_beta(a, b)
}

pub fn dirichlet(x: &[f64], a: f64) -> f64 {
    let n = x.len() as f64;
    ln_gamma(n * a) - n * ln_gamma(a) + x.iter().map(|x| (a - 1.0) * x.ln()).sum::<f64>()
}

pub fn bernoulli(y: bool, p: f64) -> f64 {
    if y { p.ln() } else { (1.0 - p).ln() }
}

pub fn bernoulli_logit(y: bool, logit: f64) -> f64 {
    let x = if y { -logit } else { logit };
    -(x.max(0.0) + (-x.abs()).exp().ln_1p())
}

pub fn binomial(y: u64, n: u64, p: f64) -> f64 {
    let (y, n) = (y as f64, n as f64);
    ln_gamma(n + 1.0) - ln_gamma(y + 1.0) - ln_gamma(n - y + 1.0) + y * p.ln() + (n - y) * (1.0 - p).ln()
}

pub fn poisson(y: u64, rate: f64) -> f64 {
    y as f64 * rate.ln() - rate - ln_gamma(y as f64 + 1.0)
}

pub fn negative_binomial(y: u64, mean: f64, shape: f64) -> f64 {
    let y = y as f64;
    ln_gamma(y + shape) - ln_gamma(shape) - ln_gamma(y + 1.0)
        + shape * (shape / (mean + shape)).ln()
        + y * (mean / (mean + shape)).ln()
}

pub fn zero_inflated(y: u64, p: f64, rate: f64) -> f64 {
    match y {
        0 => (p + (1.0 - p) * (-rate).exp()).ln(),
        _ => (1.0 - p).ln() + poisson(y, rate),
    }
}

pub fn categorical_logit(y: usize, logits: [f64; 3]) -> f64 {
    logits[y] - log_sum(&logits)
}
