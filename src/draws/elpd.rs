//! The expected log predictive density of new rows of data: PSIS-LOO and WAIC.
//!
//! Vehtari, Gelman & Gabry, *Practical Bayesian model evaluation using leave-one-out cross-validation and WAIC* (Statistics and
//! Computing 2017, arXiv 1507.04544), in the steps of ArviZ and R's `loo`.

use std::fmt;

use rayon::prelude::*;

use super::diagnostics::{ess_mean, mcse_mean};
use super::log_likelihood::LogLikelihood;
use super::smoothing::smooth;
use super::summary::to_scale;
use crate::autodiff::log_sum_exp;

/// The number of rows of a parallel task: a constant, so that sums do not depend on the number of threads.
const CHUNK: usize = 64;
/// The error of an integral over locals above which there is a warning, in nats.
const INTEGRATION: f64 = 0.1;
/// The variance of a row's log likelihood above which WAIC is not reliable.
const VARIANCE: f64 = 0.4;

/// An estimate of how well a model predicts rows of data that it has not seen.
///
/// `Display` prints a short table and the warnings.
///
/// ```
/// use hierarch::draws::{Elpd, ElpdMethod};
/// use hierarch::prelude::*;
///
/// model! {
///     pub Line {
///         global slope ~ Normal(0.0, 1.0);
///         global noise ~ HalfNormal(1.0);
///         plate events(1..=100) {
///             given t: f64;
///             observe x ~ Normal(slope * t, noise);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (t, x) = (vec![0.0, 0.5, 1.0, 1.5, 2.0, 2.5], vec![0.2, 0.3, 1.1, 1.2, 2.3, 2.1]);
/// let (model, data) = (Line::default(), LineData { events: LineEvents { t, x } });
/// let chains = model.nuts(&data).run()?;
/// let loo: Elpd = chains.log_likelihood(&model, &data, Line::EVENTS)?.loo();
/// println!("{loo}");
/// assert_eq!((loo.method, loo.pointwise.len(), loo.pareto_k.len()), (ElpdMethod::Loo, 6, 6));
/// assert!(loo.high_k() == 0 || !loo.warnings().is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Elpd {
    /// How it was estimated.
    pub method: ElpdMethod,
    /// The expected log predictive density of as many new rows as there are, in nats: the sum of
    /// [`pointwise`](Elpd::pointwise).
    pub elpd: f64,
    /// The standard error of `elpd` as an estimate for other data sets: sqrt(rows * variance of `pointwise`, with
    /// denominator rows), in nats.
    pub se: f64,
    /// The effective number of parameters, `p_loo` or `p_waic`: the sum of [`p_pointwise`](Elpd::p_pointwise).
    pub p: f64,
    /// The Monte Carlo standard error of `elpd`, from the number of draws and their autocorrelation, by the delta method
    /// over the smoothed weights, in nats. NaN for WAIC, and if a k-hat is above [`good_k`](Elpd::good_k).
    pub mcse: f64,
    /// What each row adds to `elpd`, in nats: for LOO, log p(row | all other rows).
    pub pointwise: Vec<f64>,
    /// What each row adds to `p`: for WAIC, the posterior variance of its log likelihood.
    pub p_pointwise: Vec<f64>,
    /// For LOO, the k-hat of each row: the shape of the tail of its importance weights; minus infinity if there is no tail,
    /// infinity if there are too few draws or one has all the weight. Empty for WAIC.
    pub pareto_k: Vec<f64>,
    /// The k-hat up to which the estimate of a row is reliable, min(1 - 1 / log10(draws), 0.7): 0.7 for 2155 draws or more.
    pub good_k: f64,
    /// The number of draws.
    pub draws: usize,
    /// The standard error of `elpd` from [`LogLikelihood::integration_errors`], which is not in [`mcse`](Elpd::mcse): the root
    /// of the sum of their squares, in nats; 0 if the log likelihoods are exact.
    pub integration_error: f64,
}

/// How an [`Elpd`] was estimated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ElpdMethod {
    /// Leave-one-out cross-validation by Pareto smoothed importance sampling.
    Loo,
    /// The widely applicable information criterion (Watanabe 2010), on the scale of `elpd`.
    Waic,
}

impl ElpdMethod {
    /// Returns its name in ArviZ: `loo` or `waic`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loo => "loo",
            Self::Waic => "waic",
        }
    }
}

impl fmt::Display for ElpdMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl LogLikelihood {
    /// Estimates leave-one-out cross-validation by Pareto smoothed importance sampling (Vehtari, Gelman & Gabry 2017).
    ///
    /// The relative efficiency of the draws, which sets the length of the tail that is smoothed, is that of exp(log
    /// likelihood) of each row, as in R's `loo`. ArviZ takes one for all rows, the mean of those of the parameters: see
    /// [`loo_with`](LogLikelihood::loo_with).
    pub fn loo(&self) -> Elpd {
        self.smoothed(&|row| {
            let highest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let likelihood: Vec<f64> = row.iter().map(|x| (x - highest).exp()).collect();
            ess_mean(&self.split(&likelihood)) / row.len() as f64
        })
    }

    /// Does what [`loo`](LogLikelihood::loo) does with one relative efficiency for all rows, the effective sample size over
    /// the number of draws: `reff` of ArviZ. 1 is used for a number that is not positive and finite.
    pub fn loo_with(&self, reff: f64) -> Elpd {
        self.smoothed(&|_| reff)
    }

    /// Estimates the expected log predictive density by the widely applicable information criterion (Watanabe, *Asymptotic
    /// equivalence of Bayes cross validation and widely applicable information criterion in singular learning theory*,
    /// Journal of Machine Learning Research 2010), on the log scale, with variances over the draws of denominator n as in
    /// ArviZ. [`loo`](LogLikelihood::loo) is as fast, more accurate, and says where it fails.
    pub fn waic(&self) -> Elpd {
        let (pointwise, p_pointwise) = self
            .values()
            .par_chunks(self.draws())
            .map(|row| {
                let variance = variance(row);
                (lppd(row) - variance, variance)
            })
            .unzip();
        Elpd::new(ElpdMethod::Waic, self, pointwise, p_pointwise, Vec::new(), f64::NAN)
    }

    fn smoothed(&self, efficiency: &(dyn Fn(&[f64]) -> f64 + Sync)) -> Elpd {
        let draws = self.draws();
        let chunk = |rows: &[f64]| {
            let mut influence = vec![0.0; draws];
            let row = |row| leave_out(row, efficiency(row), &mut influence);
            (rows.chunks(draws).map(row).collect::<Vec<_>>(), influence)
        };
        let chunks: Vec<_> = self.values().par_chunks(CHUNK * draws).map(chunk).collect();
        let mut influence = vec![0.0; draws];
        for (_, of_chunk) in &chunks {
            influence.iter_mut().zip(of_chunk).for_each(|(sum, x)| *sum += x * draws as f64);
        }
        let mcse = mcse_mean(&self.split(&influence));
        let (mut pointwise, mut p_pointwise, mut pareto_k) = (Vec::new(), Vec::new(), Vec::new());
        for [elpd, p, k] in chunks.into_iter().flat_map(|(rows, _)| rows) {
            pointwise.push(elpd);
            p_pointwise.push(p);
            pareto_k.push(k);
        }
        Elpd::new(ElpdMethod::Loo, self, pointwise, p_pointwise, pareto_k, mcse)
    }

    fn split<'a>(&self, row: &'a [f64]) -> Vec<&'a [f64]> {
        row.chunks(row.len() / self.chains()).collect()
    }
}

/// Returns the log predictive density of a row without itself, what it lacks to that with itself, and k-hat; adds the
/// influence of each draw on the former to `influence`: by how much it changes with the draw's weight, over all weights.
fn leave_out(row: &[f64], efficiency: f64, influence: &mut [f64]) -> [f64; 3] {
    let lowest = row.iter().copied().fold(f64::INFINITY, f64::min);
    let mut log_weights: Vec<f64> = row.iter().map(|x| lowest - x).collect();
    let efficiency = if efficiency > 0.0 && efficiency.is_finite() { efficiency } else { 1.0 };
    let k = smooth(&mut log_weights, efficiency);
    let total = log_sum_exp(&log_weights);
    log_weights.iter_mut().for_each(|w| *w -= total);
    let weighted: Vec<f64> = row.iter().zip(&log_weights).map(|(x, w)| x + w).collect();
    let elpd = log_sum_exp(&weighted);
    for ((sum, x), w) in influence.iter_mut().zip(weighted).zip(log_weights) {
        *sum += (x - elpd).exp() - w.exp();
    }
    [elpd, lppd(row) - elpd, k]
}

/// Returns the log of the mean likelihood of a row.
fn lppd(row: &[f64]) -> f64 {
    log_sum_exp(row) - (row.len() as f64).ln()
}

/// Returns the variance, with denominator n.
pub(super) fn variance(x: &[f64]) -> f64 {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n
}

impl Elpd {
    fn new(
        method: ElpdMethod,
        of: &LogLikelihood,
        pointwise: Vec<f64>,
        p_pointwise: Vec<f64>,
        pareto_k: Vec<f64>,
        mcse: f64,
    ) -> Self {
        let draws = of.draws();
        let integration_error = of.integration_errors().iter().map(|error| error * error).sum::<f64>().sqrt();
        let elpd = pointwise.iter().sum();
        let se = (pointwise.len() as f64 * variance(&pointwise)).sqrt();
        let good_k = (1.0 - 1.0 / (draws as f64).log10()).min(0.7);
        let p = p_pointwise.iter().sum();
        let mut found =
            Self { method, elpd, se, p, mcse, pointwise, p_pointwise, pareto_k, good_k, draws, integration_error };
        if found.high_k() > 0 {
            found.mcse = f64::NAN;
        }
        found
    }

    /// Returns the number of rows whose k-hat is above [`good_k`](Elpd::good_k), 0.7 for 2155 draws or more: what the model
    /// predicts for these without having seen them is not known well.
    pub fn high_k(&self) -> usize {
        self.pareto_k.iter().filter(|k| **k > self.good_k).count()
    }

    /// Returns the number of rows with a [`p_pointwise`](Elpd::p_pointwise) above 0.4, if this is WAIC; else 0.
    pub fn high_variance(&self) -> usize {
        match self.method {
            ElpdMethod::Loo => 0,
            ElpdMethod::Waic => self.p_pointwise.iter().filter(|p| **p > VARIANCE).count(),
        }
    }

    /// Returns reasons not to trust it; empty if there are none.
    pub fn warnings(&self) -> Vec<String> {
        let rows = self.pointwise.len();
        let mut warnings = Vec::new();
        let high = self.high_k();
        if high > 0
            && let Some((row, k)) = self.pareto_k.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))
        {
            warnings.push(format!(
                "k-hat of {high} of {rows} rows is above {:.2}, the largest that of row {row}, {k:.2}: these rows are too \
                 influential for their importance weights; fit the model again without them, or take one with heavier tails",
                self.good_k
            ));
        }
        if self.integration_error > INTEGRATION {
            warnings.push(format!(
                "the integrals over locals give elpd an error of {:.2}: take more points, or models with fewer locals in a group",
                self.integration_error
            ));
        }
        let high = self.high_variance();
        if high > 0 {
            warnings.push(format!(
                "the log likelihood of {high} of {rows} rows has a variance above {VARIANCE} over the draws: WAIC may be off; \
                 take `loo()`"
            ));
        }
        warnings
    }
}

impl fmt::Display for Elpd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, rows, draws) = (self.method, self.pointwise.len(), self.draws);
        let title = match method {
            ElpdMethod::Loo => "PSIS-LOO",
            ElpdMethod::Waic => "WAIC",
        };
        let cells = [
            ["", "estimate", "se"].map(str::to_owned),
            [format!("elpd_{method}"), to_scale(self.elpd, self.se), to_scale(self.se, self.se)],
            [format!("p_{method}"), to_scale(self.p, self.p.abs()), String::new()],
        ];
        let width = |column: usize| cells.iter().map(|row| row[column].len()).max().unwrap_or(0);
        let widths: [usize; 3] = std::array::from_fn(width);
        writeln!(f, "{title}, {rows} rows, {draws} draws")?;
        for [name, estimate, se] in &cells {
            let line = format!("{name:<0$}  {estimate:>1$}  {se:>2$}", widths[0], widths[1], widths[2]);
            writeln!(f, "{}", line.trim_end())?;
        }
        if let Some(largest) = self.pareto_k.iter().copied().reduce(f64::max) {
            let good = rows - self.high_k();
            writeln!(f, "k-hat of {good} of {rows} rows is at most {:.2}, the largest is {largest:.2}", self.good_k)?;
        }
        self.warnings().iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distributions::{Distribution, Normal};
    use crate::draws::compare;
    use crate::draws::smoothing::tests::uniform;
    use crate::prelude::*;
    use hierarch_margins::{seed, within};
    use std::fs;

    const TAILS: [f64; 6] = [0.05, 0.2, 0.4, 0.6, 0.8, 1.1];

    /// Six rows of 400 draws, of 4 chains, whose weights have tails of known shapes: half of `TAILS`.
    fn matrix(seed: u64, turned: bool) -> LogLikelihood {
        let row = |(i, u): (usize, &[f64])| -> Vec<f64> {
            let (tail, shift) = if turned { (TAILS[5 - i], 0.7) } else { (TAILS[i], 0.25 * i as f64) };
            u.iter().map(|u| 0.5 * tail * u.ln() - shift).collect()
        };
        LogLikelihood::from_rows(uniform(seed, 2400).chunks(400).enumerate().map(row), 4).unwrap()
    }

    fn close(found: &[f64], expected: &[f64], tolerance: f64) {
        assert_eq!(found.len(), expected.len());
        let close = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < tolerance);
        assert!(close, "{found:?} {expected:?}");
    }

    /// Compares with ArviZ 0.23.4, where `u(seed, n)` are the numbers of `uniform`, and `d` has the log likelihood
    /// `numpy.log(u(7, 2400).reshape(6, 400)) * tails[:, None] / 2 - numpy.arange(6)[:, None] / 4` in 4 chains:
    ///
    /// ```text
    /// loo = arviz.loo(d, pointwise=True, reff=reff)
    /// waic = arviz.waic(d, pointwise=True)
    /// # With an efficiency for each row:
    /// reff = arviz.ess(numpy.exp(row - row.max()).reshape(4, 100), method="mean") / 400
    /// log_weights, k = arviz.psislw(-row, reff)
    /// ```
    #[test]
    fn as_arviz_does_it() {
        let (a, b) = (matrix(7, false), matrix(11, true));
        let one = a.loo_with(1.0);
        close(&[one.elpd, one.se, one.p], &[-5.6718768299348605, 1.6103572829994985, 0.5995957990319294], 1e-10);
        let k = [
            0.1545105183412674,
            -0.02214935246179289,
            0.5292797439397944,
            0.4897313611571973,
            0.5756978943352394,
            0.4920184115594018,
        ];
        close(&one.pareto_k, &k, 1e-9);
        let pointwise = [
            -0.025564003508609545,
            -0.3569362633733366,
            -0.7118828058001423,
            -1.0993169898195623,
            -1.5619449755327564,
            -1.9162317919004535,
        ];
        close(&one.pointwise, &pointwise, 1e-10);
        close(&[one.good_k], &[0.6156891065798796], 1e-12);

        let thinned = a.loo_with(0.4);
        let expected = [-5.672185082327661, 1.6107272231127152, 0.5999040514247298];
        close(&[thinned.elpd, thinned.se, thinned.p], &expected, 1e-10);
        close(&thinned.pareto_k[..2], &[0.11819584017535772, 0.019504796775311188], 1e-9);

        let own = a.loo();
        let k = [
            0.14914286771454358,
            0.0027291532591171746,
            0.5744023747208057,
            0.3788342472866634,
            0.6248451657103808,
            0.4920184115594018,
        ];
        close(&[own.elpd], &[-5.6722771089670765], 1e-10);
        close(&own.pareto_k, &k, 1e-9);
        assert!(own.high_k() == 1 && own.mcse.is_nan() && own.warnings()[0].contains("that of row 4, 0.62"), "{own}");

        let waic = a.waic();
        let expected = [-5.640051852306954, 1.595369928224064, 0.5677708214040226];
        close(&[waic.elpd, waic.se, waic.p], &expected, 1e-10);
        assert!(waic.warnings().is_empty() && waic.mcse.is_nan());

        let found = compare(&[("b", &b.loo_with(1.0)), ("a", &one)]).unwrap();
        let numbers: Vec<[f64; 6]> =
            found.models.iter().map(|m| [m.elpd, m.p, m.elpd_diff, m.se, m.dse, m.weight]).collect();
        let expected = [
            [-5.6718768299348605, 0.5995957990319294, 0.0, 1.6103572829994985, 0.0, 0.5947259803277313],
            [
                -6.124677123450748,
                0.568902508672096,
                0.4528002935158879,
                0.5880624415368236,
                2.1845011154891982,
                0.4052740196722687,
            ],
        ];
        for (found, expected) in numbers.iter().zip(&expected) {
            close(&found[..5], &expected[..5], 1e-10);
            close(&found[5..], &expected[5..], 1e-3); // the search of SciPy ends early
        }
    }

    #[test]
    fn prints_a_table() {
        let loo = matrix(7, false).loo_with(1.0).to_string();
        let expected = [
            "PSIS-LOO, 6 rows, 400 draws",
            "          estimate    se",
            "elpd_loo     -5.67  1.61",
            "p_loo        0.600",
            "k-hat of 6 of 6 rows is at most 0.62, the largest is 0.58",
        ];
        assert_eq!(loo.lines().collect::<Vec<_>>(), expected, "{loo}");
        let wide = LogLikelihood::from_rows([uniform(3, 40), uniform(4, 40).iter().map(|u| 4.0 * u).collect()], 2);
        let waic = wide.unwrap().waic();
        assert!(
            waic.to_string().contains("warning: the log likelihood of 1 of 2 rows has a variance above 0.4"),
            "{waic}"
        );
    }

    #[test]
    fn threads_do_not_matter() {
        let rows = uniform(5, 300 * 40);
        let likelihood = LogLikelihood::from_rows(rows.chunks(40).map(|u| u.to_vec()), 4).unwrap();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| (likelihood.loo(), likelihood.waic().elpd))
        };
        let (one, three) = (run(1), run(3));
        assert_eq!(one.0.elpd.to_bits(), three.0.elpd.to_bits());
        assert_eq!((one.0.mcse.to_bits(), one.1), (three.0.mcse.to_bits(), three.1));
    }

    #[test]
    fn odd_matrices() {
        let text = |rows: Vec<Vec<f64>>, chains| LogLikelihood::from_rows(rows, chains).unwrap_err().to_string();
        assert!(text(vec![], 1).contains("at least one row and one draw"));
        assert!(text(vec![vec![]], 1).contains("at least one row and one draw"));
        assert!(text(vec![vec![0.0; 4], vec![0.0; 3]], 1).contains("row 1 has 3 draws, and row 0 has 4"));
        assert!(text(vec![vec![0.0; 4]], 3).contains("4 draws are not of 3 chains"));
        assert!(text(vec![vec![0.0; 4]], 0).contains("4 draws are not of 0 chains"));
        assert!(text(vec![vec![0.0; 4], vec![0.0, f64::NEG_INFINITY]], 1).contains("row 1 has 2"));
        assert!(text(vec![vec![0.0, 1.0, f64::NAN]], 1).contains("row 0 is NaN at draw 2"));
        // One draw, and draws that are all the same.
        let one = LogLikelihood::from_rows([[-1.0]], 1).unwrap();
        assert!(one.loo().elpd == -1.0 && one.loo().high_k() == 1 && one.waic().elpd == -1.0);
        let same = LogLikelihood::from_rows([[-1.0; 400], [-2.5; 400]], 4).unwrap().loo();
        close(&[same.elpd, same.p], &[-3.5, 0.0], 1e-12);
        assert!(same.high_k() == 0 && same.mcse < 1e-12, "{same:?}");
        // Log likelihoods far beyond the range of a double's exponent.
        let far: Vec<f64> = uniform(3, 400).iter().map(|u| 0.1 * u - 5e4).collect();
        let far = LogLikelihood::from_rows([far], 4).unwrap().loo();
        assert!((far.elpd + 5e4 - 0.05).abs() < 0.02, "{far:?}");
    }

    model! {
        /// A mean with a known standard deviation.
        Mean {
            global mean ~ Normal(0.0, 3.0);
            plate events(1..=200) {
                observe x ~ Normal(mean, 1.5);
            }
        }
    }

    fn mean_of(x: &[f64]) -> MeanData {
        MeanData { events: MeanEvents { x: x.to_vec() } }
    }

    /// Returns log p(x_i | x) for each i, of all other x, or of all: normal, with the mean and variance of their posterior.
    fn exact(x: &[f64], others: bool) -> Vec<f64> {
        let (prior, noise) = (1.0 / 9.0, 1.0 / 2.25);
        let sum: f64 = x.iter().sum();
        let of = |x_i: &f64| {
            let (n, sum) = if others { (x.len() - 1, sum - x_i) } else { (x.len(), sum) };
            let precision = prior + n as f64 * noise;
            let mean = sum * noise / precision;
            Normal::new(mean, (1.0 / precision + 2.25).sqrt()).log_density(*x_i)
        };
        x.iter().map(of).collect()
    }

    /// The Monte Carlo error is that which is stated: over runs, errors in its units have a mean square of 1. The bounds are
    /// those of 40 squares of standard normals at one in 10^5, and a tenth for the bias of smoothing.
    #[test]
    fn conjugate_normal_is_within_its_monte_carlo_error() {
        let mut squares = 0.0;
        for run in 0..40 {
            let x: Vec<f64> = uniform(17 + run, 30).iter().map(|u| 6.0 * u - 3.0).collect();
            let (model, data) = (Mean::default(), mean_of(&x));
            let chains = model.nuts(&data).seed(seed(run)).run().unwrap();
            let rows = chains.log_likelihood(&model, &data, Mean::EVENTS).unwrap();
            let (loo, waic, exact, seen) = (rows.loo(), rows.waic(), exact(&x, true), exact(&x, false));
            assert_eq!(loo.high_k(), 0, "{loo}");
            let total: f64 = exact.iter().sum();
            within!((loo.elpd - total).abs() / loo.mcse, 5.0, "{loo:?}");
            squares += ((loo.elpd - total) / loo.mcse).powi(2) / 40.0;
            let worst = loo.pointwise.iter().zip(&exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            within!(worst, 0.06);
            within!((loo.p - (seen.iter().sum::<f64>() - total)).abs(), 0.25);
            within!((waic.elpd - loo.elpd).abs(), 0.1);
        }
        within!(squares, 2.2);
        within!(0.3, squares);
    }

    /// An outlier is found by its k-hat.
    #[test]
    fn an_influential_row_has_a_high_k_hat() {
        let mut x = uniform(5, 6);
        x[2] = 40.0;
        let (model, data) = (Mean::default(), mean_of(&x));
        let chains = model.nuts(&data).seed(seed(1)).run().unwrap();
        let loo = chains.log_likelihood(&model, &data, "events").unwrap().loo();
        let highest = loo.pareto_k.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert_eq!(loo.pareto_k[2], highest);
        within!(0.7, loo.pareto_k[2]);
        assert!(loo.warnings()[0].contains("row 2"), "{loo}");
    }

    model! {
        Wide {
            global mean ~ Normal(0.0, 3.0);
            global scale ~ HalfNormal(2.0);
            plate events(1..=200) {
                local outlier ~ Bernoulli(0.1);
                observe x ~ Normal(mean, if outlier { 5.0 * scale } else { scale });
            }
        }
    }

    /// Writes what `benches/peers/loo.py` compares with ArviZ to the folder `HIERARCH_LOO_OUT`.
    #[test]
    #[ignore = "writes files for benches/peers/loo.py"]
    fn table_for_arviz() {
        let folder =
            std::path::PathBuf::from(std::env::var_os("HIERARCH_LOO_OUT").expect("HIERARCH_LOO_OUT is a folder"));
        let mut x: Vec<f64> = uniform(23, 80).iter().map(|u| 4.0 * u - 2.0).collect();
        (x[3], x[50]) = (9.0, -7.0);
        let (mean, wide) = (Mean::default(), Wide::default());
        let data = mean_of(&x);
        let a = mean.nuts(&data).run().unwrap().log_likelihood(&mean, &data, "events").unwrap();
        let data = WideData { events: WideEvents { x } };
        let b = wide.nuts(&data).run().unwrap().log_likelihood(&wide, &data, "events").unwrap();
        let join = |x: &[f64]| x.iter().map(|x| format!("{x:e}")).collect::<Vec<_>>().join(",") + "\n";
        let mut found = String::new();
        for (name, rows) in [("mean", &a), ("wide", &b)] {
            let matrix: String = (0..rows.rows()).map(|i| join(rows.row(i))).collect();
            fs::write(folder.join(format!("{name}.csv")), matrix).unwrap();
            for (of, elpd) in [("loo", rows.loo()), ("loo reff=1", rows.loo_with(1.0)), ("waic", rows.waic())] {
                found += &format!("{name} {of}|{}", join(&[elpd.elpd, elpd.se, elpd.p, elpd.mcse]));
                found += &format!("{name} {of} pointwise|{}", join(&elpd.pointwise));
                found += &format!("{name} {of} k|{}", join(&elpd.pareto_k));
                println!("{elpd}");
            }
        }
        let compared = compare(&[("mean", &a.loo_with(1.0)), ("wide", &b.loo_with(1.0))]).unwrap();
        println!("{compared}");
        for m in &compared.models {
            found += &format!("compare {}|{}", m.name, join(&[m.elpd, m.p, m.elpd_diff, m.weight, m.se, m.dse]));
        }
        fs::write(folder.join("found.txt"), found).unwrap();
    }
}
