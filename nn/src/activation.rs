//! Activations: what follows a linear map, and its derivative.

use hierarch_core::simd::dispatch;

use super::kernels::{Number, add_row};

/// What follows a linear map.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Activation {
    /// Nothing.
    None,
    /// max(0, x)
    Relu,
    /// x Phi(x), by its usual approximation with tanh (Hendrycks & Gimpel, arXiv 1606.08415): smooth.
    #[default]
    Gelu,
    /// Gelu, and after the last of the layers that read rows a softmax, which shares each row out among bins. The mean over
    /// rows is then a learned histogram, in units of an even share.
    Softmax,
}

impl Activation {
    /// Returns what follows a layer that is not the last of those that read rows.
    pub(super) fn within(self) -> Activation {
        if self == Activation::Softmax { Activation::Gelu } else { self }
    }
}

/// Computes x sigmoid(2 u(x)) with u(x) = sqrt(2 / pi) (x + 0.044715 x^3), and its derivative.
#[inline(always)]
pub(super) fn gelu<E: Number>(x: E) -> (E, E) {
    let (a, b) = (E::number(-1.595_769), E::number(-0.071_354_814));
    let square = x * x;
    let sigmoid = E::one() / (E::one() + (x * (a + b * square)).quick_exp());
    let slope = x * (a + (b + b + b) * square);
    (x * sigmoid, sigmoid * (E::one() - slope * (E::one() - sigmoid)))
}

// What is done to one row is a function: the slices that are its parameters are known not to overlap. Of slices that a closure
// captures this is not known, and for a short row most of the time would be spent on finding it out.

#[inline(always)]
fn relu_row<E: Number>(row: &mut [E], bias: &[E]) {
    for (x, bias) in row.iter_mut().zip(bias) {
        let sum = *x + *bias;
        *x = if sum > E::zero() { sum } else { E::zero() };
    }
}

#[inline(always)]
fn gelu_row<E: Number>(row: &mut [E], bias: &[E], output: &mut [E]) {
    for ((x, bias), output) in row.iter_mut().zip(bias).zip(output) {
        *x += *bias;
        *output = gelu(*x).0;
    }
}

#[inline(always)]
fn softmax_row<E: Number>(row: &mut [E], bias: &[E]) {
    let mut highest = E::neg_infinity();
    for (x, bias) in row.iter_mut().zip(bias) {
        *x += *bias;
        highest = highest.max(*x);
    }
    let mut sum = E::zero();
    for x in row.iter_mut() {
        *x = (*x - highest).quick_exp();
        sum += *x;
    }
    // A row that is shared out evenly counts one in each bin: histograms are then of the order of one, as inputs should be.
    let scale = E::number(row.len() as f32) / sum;
    for x in row {
        *x *= scale;
    }
}

/// Adds `bias` to every row of `sums` and applies an activation. Returns the outcome and, if the derivative needs them, the
/// sums with the bias.
pub(super) fn activate<E: Number>(mut sums: Vec<E>, bias: &[E], activation: Activation) -> (Vec<E>, Option<Vec<E>>) {
    let columns = bias.len();
    match activation {
        Activation::None => {
            dispatch(
                #[inline(always)]
                || sums.chunks_exact_mut(columns).for_each(|row| add_row(row, bias)),
            );
            (sums, None)
        }
        Activation::Relu => {
            dispatch(
                #[inline(always)]
                || sums.chunks_exact_mut(columns).for_each(|row| relu_row(row, bias)),
            );
            (sums, None)
        }
        Activation::Softmax => {
            dispatch(
                #[inline(always)]
                || sums.chunks_exact_mut(columns).for_each(|row| softmax_row(row, bias)),
            );
            (sums, None)
        }
        Activation::Gelu => {
            let mut output = vec![E::zero(); sums.len()];
            dispatch(
                #[inline(always)]
                || {
                    for (row, output) in sums.chunks_exact_mut(columns).zip(output.chunks_exact_mut(columns)) {
                        gelu_row(row, bias, output);
                    }
                },
            );
            (output, Some(sums))
        }
    }
}

/// Multiplies `gradient` with the derivative of the activation; `output` and `sums` are what [`activate`] returned, and each
/// row has `columns` numbers.
pub(super) fn activate_backward<E: Number>(
    gradient: &mut [E],
    activation: Activation,
    output: &[E],
    sums: Option<&[E]>,
    columns: usize,
) {
    match (activation, sums) {
        (Activation::Softmax, _) => dispatch(
            #[inline(always)]
            || {
                for (gradient, output) in gradient.chunks_exact_mut(columns).zip(output.chunks_exact(columns)) {
                    let mean: E = gradient.iter().zip(output).map(|(gradient, share)| *gradient * *share).sum();
                    let mean = mean / E::number(columns as f32);
                    for (gradient, share) in gradient.iter_mut().zip(output) {
                        *gradient = *share * (*gradient - mean);
                    }
                }
            },
        ),
        (Activation::Relu, _) => dispatch(
            #[inline(always)]
            || {
                for (gradient, output) in gradient.iter_mut().zip(output) {
                    *gradient = if *output > E::zero() { *gradient } else { E::zero() };
                }
            },
        ),
        (Activation::Gelu, Some(sums)) => dispatch(
            #[inline(always)]
            || {
                for (gradient, x) in gradient.iter_mut().zip(sums) {
                    *gradient *= gelu(*x).1;
                }
            },
        ),
        _ => (),
    }
}
