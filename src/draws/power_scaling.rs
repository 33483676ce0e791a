//! How much a posterior depends on its prior and on its likelihood: Kallioinen, Paananen, Bürkner & Vehtari, *Detecting and
//! diagnosing prior and likelihood sensitivity with power-scaling* (Statistics and Computing 2024, arXiv 2107.14054), with the
//! same steps as R's `priorsense`.

use std::fmt;

use rayon::prelude::*;

use super::Draws;
use super::at_draw::AtDraw;
use super::log_likelihood::LogLikelihoodError;
use super::pointwise::columns;
use super::smoothing::smooth;
use crate::autodiff::LogSum;
use crate::model::walk::{Scalar, Vector};
use crate::model::{AnyData, AnyModel, Place, Slot, Walk, normalize};

/// The powers that the prior and the likelihood are raised to.
const POWERS: [f64; 2] = [0.99, 1.01];
/// A distance for each doubling of the power from which a posterior counts as sensitive.
const SENSITIVE: f64 = 0.05;
/// Above this k-hat, weights are not believed.
const K_HAT: f64 = 0.7;

/// How far the posterior of each global moves when the prior, or the likelihood, counts a little more or less; made by
/// [`Chains::power_scaling`](crate::sampling::Chains::power_scaling). `Display` prints a table.
#[derive(Clone, Debug, PartialEq)]
pub struct PowerScaling {
    /// The globals, a component of a vector each.
    pub rows: Vec<Sensitivity>,
    /// The largest k-hat of the weights; above 0.7 the numbers are not to be believed.
    pub k_hat: f64,
}

/// The sensitivity of one number: a row of [`PowerScaling`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Sensitivity {
    /// Its name.
    pub name: String,
    /// By how much its posterior moves for each doubling of the power of the prior, as a cumulative Jensen-Shannon distance
    /// between 0 and 1.
    pub prior: f64,
    /// The same for the power of the likelihood.
    pub likelihood: f64,
}

impl Sensitivity {
    /// Says what the two numbers mean together; `None` if the data decide, and the prior does not matter.
    pub fn diagnosis(&self) -> Option<&'static str> {
        match (self.prior >= SENSITIVE, self.likelihood >= SENSITIVE) {
            (true, true) => Some("the prior and the data may disagree"),
            (true, false) => Some("the prior decides, the data say little"),
            _ => None,
        }
    }
}

impl PowerScaling {
    /// Says what is wrong with the numbers.
    pub fn warnings(&self) -> Vec<String> {
        let unreliable = self.k_hat > K_HAT;
        let message = || {
            format!(
                "the weights of power-scaling have a k-hat of {:.2}, above {K_HAT}: its numbers are not to be believed",
                self.k_hat
            )
        };
        unreliable.then(message).into_iter().collect()
    }
}

impl fmt::Display for PowerScaling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
        writeln!(f, "{:width$}  prior  likelihood", "")?;
        for row in &self.rows {
            let diagnosis = row.diagnosis().map_or(String::new(), |text| format!("  {text}"));
            writeln!(f, "{:width$} {:6.3} {:11.3}{diagnosis}", row.name, row.prior, row.likelihood)?;
        }
        self.warnings().iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}

/// See [`Chains::power_scaling`](crate::sampling::Chains::power_scaling).
pub(crate) fn power_scaling(
    model: &dyn AnyModel,
    data: &dyn AnyData,
    draws: &Draws,
) -> Result<PowerScaling, LogLikelihoodError> {
    model.check(data)?;
    let columns = columns(model, data, draws)?;
    let names = model.names(None);
    let count = columns.first().map_or(0, Vec::len);
    let (prior, likelihood): (Vec<f64>, Vec<f64>) =
        (0..count).into_par_iter().map(|draw| parts(model, data, columns, draw, names.len())).unzip();
    if let Some((at, value)) = prior.iter().chain(&likelihood).enumerate().find(|(_, log)| !log.is_finite()) {
        return Err(LogLikelihoodError::Density { draw: at % count, value: *value });
    }
    let weights = [&prior, &likelihood].map(|part| POWERS.map(|power| weights(part, power)));
    let k_hat = weights.iter().flatten().map(|(_, k)| *k).fold(f64::NEG_INFINITY, f64::max);
    let row = |(name, x): (String, &Vec<f64>)| {
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_unstable_by(|&a, &b| x[a].total_cmp(&x[b]));
        let sensitivity = |of: &[(Vec<f64>, f64); 2]| {
            // The mean of the slopes to both sides, of the distance with respect to log2 of the power.
            let slopes =
                of.iter().zip(POWERS).map(|((weights, _), power)| distance(x, &order, weights) / power.log2().abs());
            slopes.sum::<f64>() / 2.0
        };
        Sensitivity { name, prior: sensitivity(&weights[0]), likelihood: sensitivity(&weights[1]) }
    };
    Ok(PowerScaling { rows: names.into_par_iter().zip(columns).map(row).collect(), k_hat })
}

/// Returns the logarithms of the prior of the globals at a draw, and of the density of all observations given the draw.
fn parts(model: &dyn AnyModel, data: &dyn AnyData, columns: &[Vec<f64>], draw: usize, globals: usize) -> (f64, f64) {
    let new = || Parts { at: AtDraw { columns, draw }, globals, all: vec![0.0], locals: 0.0 };
    let (mut prior, mut joint) = (new(), new());
    model.walk(None, None, None, &mut prior);
    model.walk(Some(data), None, None, &mut joint);
    (prior.all[0], joint.all[0] - joint.locals - prior.all[0])
}

/// Sums the log density at one draw, and that of the continuous locals by themselves.
struct Parts<'a> {
    at: AtDraw<'a>,
    /// The number of values of the globals.
    globals: usize,
    /// The log density; and inside discrete locals that are summed out, what one value of each contributes, the outermost first.
    all: Vec<f64>,
    locals: f64,
}

impl Parts<'_> {
    fn add(&mut self, log_density: f64) {
        if let Some(all) = self.all.last_mut() {
            *all += log_density;
        }
    }

    fn add_latent(&mut self, slot: Slot, log_density: f64) {
        self.add(log_density);
        if slot.value >= self.globals && self.all.len() == 1 {
            self.locals += log_density;
        }
    }
}

impl Walk for Parts<'_> {
    fn latent(&mut self, _: &'static str, slot: Slot, distribution: &dyn Scalar, _: Option<f64>) -> f64 {
        let x = self.at.number(slot);
        self.add_latent(slot, distribution.log_density(x));
        x
    }

    fn latent_vector(
        &mut self,
        _: &'static str,
        slot: Slot,
        distribution: &dyn Vector,
        _: Option<&[f64]>,
        value: &mut [f64],
    ) {
        self.at.read(slot, value);
        self.add_latent(slot, distribution.log_density(value));
    }

    fn observe(&mut self, _: &Place, distribution: &dyn Scalar, x: f64) {
        self.add(distribution.log_density(x));
    }

    fn observe_vector(&mut self, _: &Place, distribution: &dyn Vector, x: &[f64]) {
        self.add(distribution.log_density(x));
    }

    fn term(&mut self, log_probability: f64) {
        self.add(log_probability);
    }

    fn branch(&self) -> Option<f64> {
        if self.all.len() > 1 { self.all.last().copied() } else { None }
    }

    /// A discrete global has the value of the draw.
    fn sum_out_global(&mut self, slot: Slot, categories: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        match self.at.number(slot) {
            value if value.is_nan() => self.sum_out_all(categories, body),
            value => body(self, value as usize),
        }
    }

    fn sum_out(&mut self, categories: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        let mut sum = LogSum::new();
        for k in 0..categories {
            self.all.push(0.0);
            body(self, k);
            sum.push(self.all.pop().unwrap_or(f64::NAN));
        }
        self.add(sum.finish());
    }
}

/// Returns smoothed importance weights of the draws for a part of the density to a `power` in the place of 1, which sum to 1, and
/// their k-hat.
fn weights(part: &[f64], power: f64) -> (Vec<f64>, f64) {
    let mut weights: Vec<f64> = part.iter().map(|log| log * (power - 1.0)).collect();
    let top = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    weights.iter_mut().for_each(|log| *log -= top);
    let k_hat = smooth(&mut weights, 1.0);
    normalize(&mut weights);
    (weights, k_hat)
}

/// Returns the cumulative Jensen-Shannon distance between the draws `x`, whose `order` is from the smallest to the largest, and the
/// same with `weights`: the larger of those by the distribution functions and by the survival functions.
fn distance(x: &[f64], order: &[usize], weights: &[f64]) -> f64 {
    let n = x.len() as f64;
    let term = |p: f64, middle: f64| if p > 0.0 { p * (p / middle).log2() } else { 0.0 };
    let one_side = |order: &mut dyn Iterator<Item = usize>| {
        let (mut p, mut q, mut before) = (0.0, 0.0, None);
        let (mut area, mut of_both) = (0.0, 0.0);
        for at in order {
            if let Some(before) = before {
                let width = f64::abs(x[at] - before);
                area += width * (p + q);
                of_both += width * (term(p, 0.5 * (p + q)) + term(q, 0.5 * (p + q)));
            }
            p += 1.0 / n;
            q += weights[at];
            before = Some(x[at]);
        }
        // The differences of the areas cancel in the sum of both directions. The sum of the areas is the largest that it can be.
        if area > 0.0 { f64::max(of_both / area, 0.0).sqrt() } else { 0.0 }
    };
    one_side(&mut order.iter().copied()).max(one_side(&mut order.iter().rev().copied()))
}

#[cfg(test)]
mod tests {
    use hierarch_margins::{seed, within};

    use super::*;
    use crate::distributions::{Distribution, Normal};
    use crate::model::{log_density, log_prior};
    use crate::prelude::*;

    model! {
        Mean {
            param prior: f64 = 0.0;
            global mu ~ Normal(prior, 1.0);
            plate rows(1..=100) {
                observe x ~ Normal(mu, 1.0);
            }
        }
    }

    /// The distance between two normal distributions from `low` to `high`, by their distribution functions on a fine grid.
    fn exact(p: (f64, f64), q: (f64, f64), low: f64, high: f64) -> f64 {
        const CELLS: usize = 20_000;
        let width = (high - low) / CELLS as f64;
        let of = |upper: bool| {
            let (mut sum, mut area) = (0.0, 0.0);
            for i in 0..CELLS {
                let x = low + width * (i as f64 + 0.5);
                let cdf = |(mean, sd): (f64, f64)| ((x - mean) / sd * if upper { -1.0 } else { 1.0 }).normal_cdf();
                let (p, q) = (cdf(p), cdf(q));
                let middle = 0.5 * (p + q);
                sum += p * (p / middle).log2() + q * (q / middle).log2();
                area += p + q;
            }
            f64::sqrt(sum / area)
        };
        of(false).max(of(true))
    }

    #[test]
    fn a_conjugate_posterior_moves_as_far_as_it_should() {
        let data = MeanData { rows: MeanRows { x: vec![0.2, -0.4, 0.9, 0.1, -0.3] } };
        let (n, sum) = (5.0, 0.5);
        for prior in [0.0, 1.0, 10.0] {
            let model = Mean { prior };
            let chains = model.nuts(&data).draws(10_000).seed(seed(1)).run().unwrap();
            let found = &chains.power_scaling(&model, &data).unwrap().rows[0];
            let draws = chains.as_draws();
            let draws = draws.get("mu").unwrap();
            let (low, high) = (
                draws.iter().copied().fold(f64::INFINITY, f64::min),
                draws.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            );
            let posterior = |a: f64, b: f64| ((a * prior + b * sum) / (a + b * n), 1.0 / (a + b * n).sqrt());
            let slope = |of: &dyn Fn(f64) -> (f64, f64)| {
                POWERS
                    .map(|power| exact(posterior(1.0, 1.0), of(power), low, high) / power.log2().abs())
                    .iter()
                    .sum::<f64>()
                    / 2.0
            };
            let (by_prior, by_likelihood) =
                (slope(&|power| posterior(power, 1.0)), slope(&|power| posterior(1.0, power)));
            within!((found.prior / by_prior - 1.0).abs(), 0.05, "{prior}: {found:?} {by_prior}");
            within!((found.likelihood / by_likelihood - 1.0).abs(), 0.05, "{prior}: {found:?} {by_likelihood}");
        }
    }

    model! {
        /// Locals that are sampled, and some that are summed out.
        Groups {
            global mean ~ Normal(0.0, 2.0);
            global share ~ Beta(2.0, 2.0);
            observe known ~ Normal(mean, 1.0);
            plate groups(1..=10) {
                local level ~ Normal(mean, 1.0);
                observe seen ~ Normal(level, 0.5);
                plate rows(1..=10) {
                    local far ~ Bernoulli(share);
                    observe y ~ Normal(if far { level + 3.0 } else { level }, 1.0);
                }
            }
        }
    }

    #[test]
    fn the_likelihood_is_what_the_priors_of_globals_and_locals_leave() {
        let model = Groups::default();
        let set = model.simulate(1).size(Groups::GROUPS, 4).size(Groups::ROWS, 3).seed(seed(2)).one().unwrap();
        let chains = model.nuts(&set.data).chains(2).draws(50).seed(seed(3)).run().unwrap();
        let draws = chains.as_draws();
        let columns = &draws.columns()[..6];
        for (draw, globals) in chains.globals().enumerate() {
            let mut locals = set.locals.clone();
            locals.groups.level = (0..4).map(|i| columns[2 + i][draw]).collect();
            let of_locals: f64 = locals
                .groups
                .level
                .iter()
                .map(|x| Distribution::log_density(&Normal::new(globals.mean, 1.0), *x))
                .sum();
            let (prior, likelihood) = parts(&model, &set.data, columns, draw, 2);
            let joint = log_density(&model, &globals, &locals, &set.data).unwrap();
            assert!((prior - log_prior(&model, &globals)).abs() < 1e-10);
            assert!((likelihood - (joint - prior - of_locals)).abs() < 1e-9, "{likelihood} {joint}");
        }
    }
}
