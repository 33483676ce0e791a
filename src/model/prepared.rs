//! What a density makes once of a data set: the matrices of its linear predictors, and the rows of its normal observations.

use std::collections::HashMap;
use std::sync::Arc;

use super::design::Design;
use super::least_squares::{LeastSquares, Rows, Unknowns};
use super::{Plate, Scratch, Specification};
use crate::autodiff::Real;
use crate::fields::Field;

/// The plates whose elements may be alike by name. With each are the numbers of elements that its remaining elements stand for, or
/// no numbers if none were left out.
pub type Weights = Vec<(&'static str, Vec<f64>)>;

/// What the density of a data set is computed from besides the data; the code of `model!` fills it.
#[derive(Clone, Debug, Default)]
pub struct Prepared {
    predictors: Vec<(&'static str, Design)>,
    fits: Vec<(&'static str, LeastSquares)>,
    ln_factorials: f64,
    fields: Vec<Arc<dyn Field>>,
    weights: Weights,
}

impl Prepared {
    /// Adds a linear predictor of `rows` elements of `plate`; `row` writes the coefficients of an element's unknowns, and returns
    /// what is added to their sum.
    pub fn predictor(
        &mut self,
        plate: &'static str,
        rows: usize,
        width: usize,
        row: &mut dyn FnMut(usize, &mut [f64]) -> f64,
    ) {
        self.predictors.push((plate, Design::new(rows, width, row)));
    }

    /// Adds a normal observation of the elements of `plate`; `row` writes the coefficients of an element's unknowns, the same for
    /// all rows first, then those read by index, and returns what is observed, what is added to its mean, and its sd without the
    /// factor that is unknown.
    pub fn fit(&mut self, plate: &'static str, rows: Rows<'_>, row: &mut dyn FnMut(usize, &mut [f64]) -> [f64; 3]) {
        self.fits.push((plate, LeastSquares::new(rows, row)));
    }

    /// Adds a density over all elements of a plate.
    pub fn add_field(&mut self, field: impl Field + 'static) {
        self.fields.push(Arc::new(field));
    }

    /// Returns the density over all elements of a plate that was added as number `at`.
    pub fn field(&self, at: usize) -> &dyn Field {
        &*self.fields[at]
    }

    /// Sets how many elements each one stands for.
    pub(super) fn with_weights(self, weights: Weights) -> Self {
        Self { weights, ..self }
    }

    /// Returns the numbers of elements that those of the plate `at` stand for. It is empty if each stands for itself alone.
    #[inline]
    pub fn weights(&self, at: usize) -> &[f64] {
        self.weights.get(at).map_or(&[], |(_, weights)| weights)
    }

    /// Adds the logarithm of the factorial of a count that is observed.
    pub fn add_ln_factorial(&mut self, k: f64) {
        self.ln_factorials += Real::ln_factorial(k);
    }

    /// Returns the sum of the logarithms of the factorials of what is observed: what no parameter changes of a log density.
    pub fn ln_factorials(&self) -> f64 {
        self.ln_factorials
    }

    /// Writes the values of the predictor `at` for all elements.
    pub fn predict(&self, at: usize, unknowns: &[f64], values: &mut [f64]) {
        self.predictors[at].1.times(unknowns, values);
    }

    /// Writes the derivatives with respect to the unknowns of the predictor `at`, from those with respect to its values.
    pub fn carry(&self, at: usize, derivatives: &[f64], unknowns: &mut [f64]) {
        self.predictors[at].1.transposed_times(derivatives, unknowns);
    }

    /// Returns the log density of the normal observation `at` with its slope in `sd`; writes the derivatives with respect to the
    /// unknowns that are the same in every row to `numbers`, and adds those with respect to columns to `columns`.
    pub fn log_density(
        &self,
        at: usize,
        sd: f64,
        unknowns: Unknowns<'_>,
        numbers: &mut [f64],
        columns: &mut [&mut [f64]],
        scratch: &mut Scratch,
    ) -> (f64, f64) {
        self.fits[at].1.log_density(sd, unknowns, numbers, columns, scratch)
    }

    /// Says what was made of each plate of a model.
    pub(super) fn plan(&self, specification: &Specification) -> DensityPlan {
        let mut steps = Vec::new();
        let mut plates: Vec<&Plate> = specification.plates.iter().rev().collect();
        while let Some(plate) = plates.pop() {
            plates.extend(plate.plates.iter().rev());
            let name = &plate.name;
            for (_, fit) in self.fits.iter().filter(|(of, _)| of == name) {
                let (from, to, width) = fit.size();
                steps.push((name.clone(), PlanStep::Collapsed { from, to, width }));
            }
            for (_, weights) in self.weights.iter().filter(|(of, weights)| of == name && !weights.is_empty()) {
                let from = weights.iter().sum::<f64>() as usize;
                steps.push((name.clone(), PlanStep::Distinct { from, to: weights.len() }));
            }
            for (_, design) in self.predictors.iter().filter(|(of, _)| of == name) {
                steps.push((name.clone(), PlanStep::Predictor { rows: design.rows(), width: design.width() }));
            }
            if !steps.iter().any(|(of, _)| of == name) {
                steps.push((name.clone(), PlanStep::Rows));
            }
        }
        DensityPlan { steps }
    }
}

/// Finds the elements that differ in what `row` writes of each, and how many there are of each; `None` if more than half of
/// them do.
pub fn distinct(elements: usize, row: &mut dyn FnMut(usize, &mut Vec<u64>)) -> Option<(Vec<usize>, Vec<f64>)> {
    let (mut rows, mut weights, mut of) = (Vec::new(), Vec::new(), HashMap::new());
    let mut numbers = Vec::new();
    for i in 0..elements {
        numbers.clear();
        row(i, &mut numbers);
        match of.get(&numbers) {
            Some(&at) => {
                let weight: &mut f64 = &mut weights[at];
                *weight += 1.0;
            }
            None => {
                if 2 * (rows.len() + 1) > elements {
                    return None;
                }
                of.insert(numbers.clone(), rows.len());
                rows.push(i);
                weights.push(1.0);
            }
        }
    }
    (elements > 0).then_some((rows, weights))
}

/// Returns the outer element that each element of a plate in another is in, from where those of each outer element begin.
pub fn outer_elements(offsets: &[usize]) -> Vec<usize> {
    offsets.windows(2).enumerate().flat_map(|(outer, at)| std::iter::repeat_n(outer, at[1] - at[0])).collect()
}

/// What a density does with the elements of each plate: why a model is fast or slow.
///
/// ```
/// use hierarch::model::Density;
/// use hierarch::prelude::*;
///
/// model! {
///     pub Line {
///         global a ~ Normal(0.0, 1.0);
///         global b ~ Normal(0.0, 1.0);
///         global sigma ~ HalfNormal(1.0);
///         plate rows(2..=1000) {
///             given t ~ Uniform(0.0, 1.0);
///             observe y ~ Normal(a + b * t, sigma);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Line::default();
/// let set = model.simulate(1).size("rows", 500).one()?;
/// let density = Density::new(&model, &set.data)?;
/// assert_eq!(density.plan().to_string(), "rows: 500 normal observations as 2 rows of 2 columns (least squares)\n");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DensityPlan {
    /// The plates by name, with what is done with each.
    pub steps: Vec<(String, PlanStep)>,
}

/// What a density does with the elements of a plate.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum PlanStep {
    /// They are run one by one, a vector register of them at a time.
    Rows,
    /// They hold a sum of data times unknowns. It is worked out for all of them as the product of a matrix and a vector, and the
    /// rest of each element is run with its number from there.
    Predictor {
        /// The elements.
        rows: usize,
        /// The unknowns in the sum.
        width: usize,
    },
    /// Elements with the same data are run once, with a weight.
    Distinct {
        /// The elements.
        from: usize,
        /// Those that differ.
        to: usize,
    },
    /// Their normal observations are as probable, but for a constant, as fewer rows: the triangle of a QR decomposition, one for
    /// each group of elements that read the same unknowns by index, or are in one outer element.
    Collapsed {
        /// The elements.
        from: usize,
        /// The rows that are left.
        to: usize,
        /// The unknowns in a row.
        width: usize,
    },
}

impl std::fmt::Display for DensityPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (plate, step) in &self.steps {
            match step {
                PlanStep::Rows => writeln!(f, "{plate}: elements as they are")?,
                PlanStep::Predictor { rows, width } => {
                    writeln!(
                        f,
                        "{plate}: a linear predictor of {rows} rows and {width} columns, then element by element"
                    )?;
                }
                PlanStep::Distinct { from, to } => {
                    writeln!(f, "{plate}: {from} elements as {to} that differ, with weights")?;
                }
                PlanStep::Collapsed { from, to, width } => {
                    writeln!(f, "{plate}: {from} normal observations as {to} rows of {width} columns (least squares)")?
                }
            }
        }
        Ok(())
    }
}
