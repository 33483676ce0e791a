//! Models compared by their expected log predictive densities.

use std::fmt;

use super::elpd::{Elpd, ElpdMethod, variance};
use super::summary::to_scale;

/// Steps of the search for weights, and the slope at which it ends: the mean log score could rise by no more.
const STEPS: usize = 200;
const SLOPE: f64 = 1e-12;

/// Models of the same data, the best first; made by [`compare`]. `Display` prints a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// How the densities were estimated.
    pub method: ElpdMethod,
    /// The models, from the largest `elpd` to the least.
    pub models: Vec<ComparedModel>,
}

/// A model among others: a row of a [`Comparison`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ComparedModel {
    /// Its name.
    pub name: String,
    /// Its expected log predictive density, in nats.
    pub elpd: f64,
    /// The effective number of its parameters.
    pub p: f64,
    /// The `elpd` of the best model minus its own, in nats.
    pub elpd_diff: f64,
    /// Its weight in the mixture of all models that predicts best, by stacking (Yao, Vehtari, Simpson & Gelman, *Using
    /// stacking to average Bayesian predictive distributions*, Bayesian Analysis 2018); the weights sum to 1.
    pub weight: f64,
    /// The standard error of its `elpd`, in nats.
    pub se: f64,
    /// The standard error of `elpd_diff`, from the differences row by row, in nats; 0 for the best model. A difference of
    /// fewer than about 100 rows, or of less than 4 nats, says little.
    pub dse: f64,
    /// Whether its [`Elpd`] has a warning.
    pub warning: bool,
}

/// Why models cannot be compared.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// There are no models.
    #[error("there are no models to compare")]
    Nothing,
    /// The models were evaluated on different rows.
    #[error(
        "`{name}` has {rows} rows, and `{first}` has {of_first}: compare models of the same data, by the same plate"
    )]
    Rows {
        /// The model.
        name: String,
        /// Its number of rows.
        rows: usize,
        /// The first model.
        first: String,
        /// The number of rows of that.
        of_first: usize,
    },
    /// The densities were estimated in different ways.
    #[error("`{name}` is of another method than `{first}`: compare LOO with LOO, and WAIC with WAIC")]
    Method {
        /// The model.
        name: String,
        /// The first model.
        first: String,
    },
}

hierarch_core::debug_as_message!(CompareError);

/// Compares models of the same data, each with its name: ranks them, with the standard errors of the differences and stacking
/// weights. The rows must be the same data in the same order; only their number can be checked.
///
/// # Errors
/// There is no model, the numbers of rows differ, or one is LOO and another is WAIC.
///
/// ```
/// use hierarch::draws::{CompareError, ComparedModel, Comparison, compare};
/// use hierarch::prelude::*;
///
/// model! {
///     pub Narrow {
///         global mean ~ Normal(0.0, 5.0);
///         plate events(1..=100) {
///             observe x ~ Normal(mean, 1.0);
///         }
///     }
/// }
///
/// model! {
///     pub Tails {
///         global mean ~ Normal(0.0, 5.0);
///         plate events(1..=100) {
///             observe x ~ StudentT(3.0, mean, 1.0);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let x = vec![0.3, -0.5, 9.0, 1.1, 0.0, -0.7, 0.4, 0.2, -8.0, 0.6];
/// let (narrow, tails) = (Narrow::default(), Tails::default());
/// let of_narrow = NarrowData { events: NarrowEvents { x: x.clone() } };
/// let of_tails = TailsData { events: TailsEvents { x } };
/// let a = narrow.nuts(&of_narrow).run()?.log_likelihood(&narrow, &of_narrow, Narrow::EVENTS)?.loo();
/// let b = tails.nuts(&of_tails).run()?.log_likelihood(&tails, &of_tails, Tails::EVENTS)?.loo();
/// let comparison: Comparison = compare(&[("normal", &a), ("Student's t", &b)])?;
/// println!("{comparison}");
/// let best: &ComparedModel = &comparison.models[0];
/// assert_eq!(best.name, "Student's t");
/// assert!(matches!(compare(&[]), Err(CompareError::Nothing)));
/// # Ok(())
/// # }
/// ```
pub fn compare(models: &[(&str, &Elpd)]) -> Result<Comparison, CompareError> {
    let Some((first, of_first)) = models.first() else { return Err(CompareError::Nothing) };
    let rows = of_first.pointwise.len();
    for (name, elpd) in models {
        let (name, first) = ((*name).to_owned(), (*first).to_owned());
        if elpd.pointwise.len() != rows {
            return Err(CompareError::Rows { name, rows: elpd.pointwise.len(), first, of_first: rows });
        }
        if elpd.method != of_first.method {
            return Err(CompareError::Method { name, first });
        }
    }
    let pointwise: Vec<&[f64]> = models.iter().map(|(_, elpd)| elpd.pointwise.as_slice()).collect();
    let weights = stack(&pointwise);
    let mut order: Vec<usize> = (0..models.len()).collect();
    order.sort_by(|&a, &b| models[b].1.elpd.total_cmp(&models[a].1.elpd));
    let best = models[order[0]].1;
    let row = |i: usize| {
        let (name, elpd) = models[i];
        let differences: Vec<f64> = best.pointwise.iter().zip(&elpd.pointwise).map(|(a, b)| a - b).collect();
        ComparedModel {
            name: name.to_owned(),
            elpd: elpd.elpd,
            p: elpd.p,
            elpd_diff: differences.iter().sum(),
            weight: weights[i],
            se: elpd.se,
            dse: (rows as f64 * variance(&differences)).sqrt(),
            warning: !elpd.warnings().is_empty(),
        }
    };
    Ok(Comparison { method: best.method, models: order.into_iter().map(row).collect() })
}

/// Returns the weights of the mixture with the largest sum of log densities; `log_densities` are those of each model.
///
/// With the mean log density minus the sum of the weights as the aim, the weights sum to 1 by themselves and need only be
/// positive (Kim, Carbonetto, Stephens & Anitescu, *A fast algorithm for maximum likelihood estimation of mixture proportions
/// using sequential quadratic programming*, Journal of Computational and Graphical Statistics 2020). Each step solves its
/// quadratic approximation, one weight after the other.
fn stack(log_densities: &[&[f64]]) -> Vec<f64> {
    let (models, rows) = (log_densities.len(), log_densities[0].len());
    let mut densities = vec![0.0; models * rows];
    for (i, densities) in densities.chunks_mut(models).enumerate() {
        let highest = log_densities.iter().map(|of| of[i]).fold(f64::NEG_INFINITY, f64::max);
        densities.iter_mut().zip(log_densities).for_each(|(density, of)| *density = (of[i] - highest).exp());
    }
    let n = rows as f64;
    let mixed = |densities: &[f64], w: &[f64]| densities.iter().zip(w).map(|(p, w)| p * w).sum::<f64>();
    let loss =
        |w: &[f64]| w.iter().sum::<f64>() - densities.chunks(models).map(|of| mixed(of, w).ln()).sum::<f64>() / n;
    let mut weights = vec![1.0 / models as f64; models];
    for _ in 0..STEPS {
        let (mut slope, mut curvature) = (vec![1.0; models], vec![0.0; models * models]);
        for of in densities.chunks(models) {
            let mixed = mixed(of, &weights);
            for j in 0..models {
                slope[j] -= of[j] / mixed / n;
                (0..models).for_each(|k| curvature[j * models + k] += of[j] * of[k] / (mixed * mixed) / n);
            }
        }
        let steepest = slope.iter().map(|s| -s).fold(0.0, f64::max);
        let idle = slope.iter().zip(&weights).map(|(s, w)| (s * w).abs()).fold(0.0, f64::max);
        if steepest.max(idle) < SLOPE {
            break;
        }
        let step = quadratic(&slope, &curvature, &weights);
        let falls: f64 = slope.iter().zip(&step).map(|(s, d)| s * d).sum();
        let (before, mut length) = (loss(&weights), 1.0);
        let moved = |length: f64| -> Vec<f64> { weights.iter().zip(&step).map(|(w, d)| w + length * d).collect() };
        // Rounding hides a fall that is smaller; then this is the minimum.
        while loss(&moved(length)) > before + 1e-4 * length * falls {
            length *= 0.5;
            if length < 1e-10 {
                break;
            }
        }
        if length < 1e-10 {
            break;
        }
        weights = moved(length);
    }
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|w| w / sum).collect()
}

/// Returns the step d with the least slope * d + d * curvature * d / 2 for which no weight is negative.
fn quadratic(slope: &[f64], curvature: &[f64], weights: &[f64]) -> Vec<f64> {
    let models = weights.len();
    let mut step = vec![0.0; models];
    for _ in 0..1000 {
        let mut largest = 0.0_f64;
        for j in 0..models {
            let row = &curvature[j * models..(j + 1) * models];
            let at = slope[j] + row.iter().zip(&step).map(|(h, d)| h * d).sum::<f64>();
            // A model without density anywhere has no curvature.
            let to = (step[j] - at / (row[j] + 1e-12)).max(-weights[j]);
            largest = largest.max((to - step[j]).abs());
            step[j] = to;
        }
        if largest < 1e-14 {
            break;
        }
    }
    step
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (elpd, p) = (format!("elpd_{}", self.method), format!("p_{}", self.method));
        let titles = ["", "rank", &elpd, &p, "elpd_diff", "weight", "se", "dse", "warning"];
        let mut rows = vec![titles.map(str::to_owned)];
        let largest = |of: fn(&ComparedModel) -> f64| self.models.iter().map(of).fold(0.0, f64::max);
        // The numbers of a column have the same decimals.
        let (se, p_scale, dse) = (largest(|m| m.se), largest(|m| m.p), largest(|m| m.dse));
        let difference = if dse > 0.0 { dse } else { se };
        rows.extend(self.models.iter().enumerate().map(|(rank, m)| {
            [
                m.name.clone(),
                rank.to_string(),
                to_scale(m.elpd, se),
                to_scale(m.p, p_scale),
                to_scale(m.elpd_diff, difference),
                format!("{:.2}", m.weight),
                to_scale(m.se, se),
                to_scale(m.dse, difference),
                if m.warning { "yes" } else { "" }.to_owned(),
            ]
        }));
        let widths: [usize; 9] =
            std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
        for row in &rows {
            let mut line = format!("{:<1$}", row[0], widths[0]);
            row.iter().zip(widths).skip(1).for_each(|(cell, width)| line += &format!("  {cell:>width$}"));
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::LogLikelihood;

    fn of(pointwise: &[f64]) -> Elpd {
        // Of one draw, whose log likelihood is the estimate.
        LogLikelihood::from_rows(pointwise.iter().map(|x| [*x; 4]), 1).unwrap().waic()
    }

    /// With two models the best weight is the root of a monotone function.
    #[test]
    fn weights_are_those_of_the_best_mixture() {
        let a: Vec<f64> = (0..40).map(|i| -1.0 - f64::from(i * i % 7) / 3.0).collect();
        let b: Vec<f64> = (0..40).map(|i| -0.8 - f64::from(i * i % 5) / 2.0).collect();
        let slope = |w: f64| -> f64 {
            let each = a.iter().zip(&b).map(|(a, b)| (a.exp() - b.exp()) / (w * a.exp() + (1.0 - w) * b.exp()));
            each.sum()
        };
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if slope(middle) > 0.0 { low = middle } else { high = middle }
        }
        let weights = stack(&[&a, &b]);
        assert!(low > 0.05 && low < 0.95 && (weights[0] - low).abs() < 1e-9, "{weights:?} {low}");
        // A model that is worse in every row has no weight, and equal ones share it.
        let worse: Vec<f64> = a.iter().map(|x| x - 0.1).collect();
        let weights = stack(&[&worse, &a]);
        assert!(weights[0].abs() < 1e-9 && (weights[1] - 1.0).abs() < 1e-9, "{weights:?}");
        let weights = stack(&[&a, &a, &b]);
        assert!((weights[0] + weights[1] - low).abs() < 1e-9, "{weights:?}");
        // Also where densities differ by more than a double holds.
        let far: Vec<f64> = a.iter().map(|x| x - 1e4).collect();
        assert_eq!(stack(&[&far, &a]), [0.0, 1.0]);
        assert_eq!(stack(&[&a]), [1.0]);
    }

    #[test]
    fn models_are_ranked_and_refused() {
        let (a, b) = (of(&[-1.0, -2.0, -3.0]), of(&[-1.5, -1.0, -2.0]));
        let found = compare(&[("a", &a), ("b", &b)]).unwrap();
        let names: Vec<&str> = found.models.iter().map(|m| m.name.as_str()).collect();
        assert_eq!(names, ["b", "a"]);
        let (first, second) = (&found.models[0], &found.models[1]);
        assert_eq!((first.elpd_diff, first.dse), (0.0, 0.0));
        assert!((second.elpd_diff - 1.5).abs() < 1e-12 && (second.dse - 1.5_f64.sqrt()).abs() < 1e-12, "{second:?}");
        let table = found.to_string();
        let lines: Vec<&str> = table.lines().collect();
        let expected = [
            "   rank  elpd_waic  p_waic  elpd_diff  weight    se   dse  warning",
            "b     0      -4.50    0.00       0.00    1.00  0.71  0.00",
            "a     1      -6.00    0.00       1.50    0.00  1.41  1.22",
        ];
        assert_eq!(lines, expected, "{table}");
        let error = compare(&[("a", &a), ("c", &of(&[-1.0, -2.0]))]).unwrap_err().to_string();
        assert_eq!(error, "`c` has 2 rows, and `a` has 3: compare models of the same data, by the same plate");
        let loo = LogLikelihood::from_rows([[-1.0; 8], [-2.0; 8], [-3.0; 8]], 1).unwrap().loo();
        assert!(matches!(compare(&[("a", &a), ("loo", &loo)]), Err(CompareError::Method { .. })));
    }
}
