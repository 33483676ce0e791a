//! Loops over memory: matrix products and what stands between them.
//!
//! Everything is generic over the number, so that the gradients of the f32 network are tested in f64. `pulp` compiles each
//! loop for the widest vectors and picks at run time. Matrices are row-major.

use dfdx::dtypes::Dtype;
use num_traits::Float;

use hierarch_core::simd::dispatch;

/// f32 in networks, f64 in tests of their gradients.
pub(super) trait Number: Dtype + Float + std::iter::Sum {
    /// Computes exp(x) without a branch, so that loops of it become vector code.
    fn quick_exp(self) -> Self;

    /// Converts a constant or a datum to this type.
    fn number(x: f32) -> Self;

    /// Converts data to this type; costs nothing for f32.
    fn convert(values: Vec<f32>) -> Vec<Self>;
}

impl Number for f32 {
    /// Computes exp(x) to a few parts in 10^7.
    #[inline(always)]
    fn quick_exp(self) -> f32 {
        const ROUND: f32 = 12_582_912.0; // 1.5 x 2^23: adding it rounds to an integer
        let x = self.clamp(-87.0, 88.0);
        let shifted = x * std::f32::consts::LOG2_E + ROUND;
        let n = shifted - ROUND;
        let r = (x - n * 0.693_145_75) - n * 1.428_606_8e-6;
        let series = 1.0 / 720.0;
        let series = series * r + 1.0 / 120.0;
        let series = series * r + 1.0 / 24.0;
        let series = series * r + 1.0 / 6.0;
        let series = series * r + 0.5;
        let series = series * r + 1.0;
        let series = series * r + 1.0;
        // The low bits of `shifted` are n: moved into the exponent, they make 2^n.
        series * f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23))
    }

    #[inline(always)]
    fn number(x: f32) -> f32 {
        x
    }

    fn convert(values: Vec<f32>) -> Vec<f32> {
        values
    }
}

impl Number for f64 {
    fn quick_exp(self) -> f64 {
        self.exp()
    }

    fn number(x: f32) -> f64 {
        f64::from(x)
    }

    fn convert(values: Vec<f32>) -> Vec<f64> {
        values.into_iter().map(f64::from).collect()
    }
}

/// Returns `length` numbers of `scratch`, which grows if it has fewer; their values are left from earlier uses.
pub(super) fn room<E: Number>(scratch: &mut Vec<E>, length: usize) -> &mut [E] {
    if scratch.len() < length {
        scratch.resize(length, E::zero());
    }
    &mut scratch[..length]
}

// ---- matrix products ---------------------------------------------------------------------------------------------------

/// A row-major matrix, or a range of its columns, perhaps read transposed.
#[derive(Clone, Copy)]
pub(super) struct View<'a, E> {
    values: &'a [E],
    rows: usize,
    columns: usize,
    row_stride: isize,
    column_stride: isize,
}

impl<'a, E: Copy> View<'a, E> {
    pub(super) fn new(values: &'a [E], columns: usize) -> Self {
        let rows = values.len().checked_div(columns).unwrap_or(0);
        View { values, rows, columns, row_stride: columns as isize, column_stride: 1 }
    }

    pub(super) fn transposed(self) -> Self {
        View {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// Returns a range of the columns of a matrix that is not transposed.
    pub(super) fn columns(self, range: std::ops::Range<usize>) -> Self {
        let values = if self.rows == 0 { self.values } else { &self.values[range.start..] };
        View { values, columns: range.len(), ..self }
    }
}

/// Computes left right.
pub(super) fn product<E: Number>(left: View<E>, right: View<E>) -> Vec<E> {
    let length = left.rows * right.columns;
    if left.columns == 0 {
        return vec![E::zero(); length];
    }
    let mut output = Vec::with_capacity(length);
    // SAFETY: there is room for `length` elements, and the product writes all of them without reading any.
    unsafe {
        multiply_at(output.as_mut_ptr(), right.columns, false, left, right);
        output.set_len(length);
    }
    output
}

/// Computes output = left right.
pub(super) fn set_product<E: Number>(output: &mut [E], left: View<E>, right: View<E>) {
    assert_eq!(output.len(), left.rows * right.columns);
    // SAFETY: `output` holds as many elements as the product has, and is borrowed mutably, so that nothing aliases it.
    unsafe { multiply_at(output.as_mut_ptr(), right.columns, false, left, right) };
}

/// Computes output += left right.
pub(super) fn add_product<E: Number>(output: &mut [E], left: View<E>, right: View<E>) {
    assert_eq!(output.len(), left.rows * right.columns);
    // SAFETY: as in `set_product`.
    unsafe { multiply_at(output.as_mut_ptr(), right.columns, true, left, right) };
}

/// Writes the product into a part of a matrix that has `columns` columns, or adds it to that part if `add`; `output` begins
/// where the product does.
pub(super) fn product_into<E: Number>(output: &mut [E], columns: usize, add: bool, left: View<E>, right: View<E>) {
    assert!(right.columns <= columns && output.len() + columns >= left.rows * columns + right.columns);
    // SAFETY: the last row of the product ends within `output`, and the rest is as in `set_product`.
    unsafe { multiply_at(output.as_mut_ptr(), columns, add, left, right) };
}

/// Writes the product, or adds it to what is there if `add`; its rows begin `stride` elements apart.
///
/// # Safety
/// `output` must be valid for writes of left.rows rows of right.columns elements, and for reads of them where `add` is true,
/// and must not overlap with the factors.
unsafe fn multiply_at<E: Number>(output: *mut E, stride: usize, add: bool, left: View<E>, right: View<E>) {
    assert_eq!(left.columns, right.rows);
    // One thread: chunks of a step already occupy every core, and a fixed order of sums keeps results the same to the bit.
    // SAFETY: a `View` spans rows x columns elements of its slice in either orientation; the caller answers for the output.
    unsafe {
        gemm::gemm(
            left.rows,
            right.columns,
            left.columns,
            output,
            1,
            stride as isize,
            add,
            left.values.as_ptr(),
            left.column_stride,
            left.row_stride,
            right.values.as_ptr(),
            right.column_stride,
            right.row_stride,
            E::one(),
            E::one(),
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// Writes a matrix of `columns` columns to `output`, transposed.
pub(super) fn transpose<E: Copy>(matrix: &[E], columns: usize, output: &mut [E]) {
    // In squares, so that both sides stay in cache.
    const SIDE: usize = 16;
    let rows = matrix.len() / columns;
    for top in (0..rows).step_by(SIDE) {
        for left in (0..columns).step_by(SIDE) {
            for column in left..(left + SIDE).min(columns) {
                for row in top..(top + SIDE).min(rows) {
                    output[column * rows + row] = matrix[row * columns + column];
                }
            }
        }
    }
}

// ---- sums --------------------------------------------------------------------------------------------------------------

/// Computes output += values.
pub(super) fn add<E: Number>(output: &mut [E], values: &[E]) {
    dispatch(
        #[inline(always)]
        || {
            for (output, value) in output.iter_mut().zip(values) {
                *output += *value;
            }
        },
    );
}

/// Computes output += factor values.
pub(super) fn add_scaled<E: Number>(output: &mut [E], values: &[E], factor: E) {
    dispatch(
        #[inline(always)]
        || {
            for (output, value) in output.iter_mut().zip(values) {
                *output += factor * *value;
            }
        },
    );
}

/// Computes output += S table, for a sparse matrix S of which each row is `entries` pairs (position, weight).
pub(super) fn add_sparse_product<E: Number>(
    output: &mut [E],
    (entries, pairs): (usize, &[(u32, f32)]),
    table: &[E],
    columns: usize,
) {
    dispatch(
        #[inline(always)]
        || {
            for (output, pairs) in output.chunks_exact_mut(columns).zip(pairs.chunks_exact(entries)) {
                for (position, weight) in pairs {
                    let (start, weight) = (*position as usize * columns, E::number(*weight));
                    for (output, value) in output.iter_mut().zip(&table[start..start + columns]) {
                        *output += weight * *value;
                    }
                }
            }
        },
    );
}

/// Computes table += S^T values, for S as in [`add_sparse_product`].
pub(super) fn add_sparse_transposed_product<E: Number>(
    table: &mut [E],
    (entries, pairs): (usize, &[(u32, f32)]),
    values: &[E],
    columns: usize,
) {
    dispatch(
        #[inline(always)]
        || {
            for (values, pairs) in values.chunks_exact(columns).zip(pairs.chunks_exact(entries)) {
                for (position, weight) in pairs {
                    let (start, weight) = (*position as usize * columns, E::number(*weight));
                    for (output, value) in table[start..start + columns].iter_mut().zip(values) {
                        *output += weight * *value;
                    }
                }
            }
        },
    );
}

/// Adds `bias` to a row. This is a function for the reason that is given before those of `activation.rs`.
#[inline(always)]
pub(super) fn add_row<E: Number>(row: &mut [E], bias: &[E]) {
    for (x, bias) in row.iter_mut().zip(bias) {
        *x += *bias;
    }
}

/// Adds the sum of all rows of `matrix` to the vector `output`.
pub(super) fn add_column_sums<E: Number>(output: &mut [E], matrix: &[E]) {
    let columns = output.len();
    dispatch(
        #[inline(always)]
        || {
            for row in matrix.chunks_exact(columns) {
                for (output, value) in output.iter_mut().zip(row) {
                    *output += *value;
                }
            }
        },
    );
}

/// Sums `element(index)` for `length` indices, in a fixed order that leaves room for vector registers.
#[inline(always)]
pub(super) fn lane_sum<E: Number>(length: usize, element: impl Fn(usize) -> E) -> E {
    const LANES: usize = 32;
    let mut lanes = [E::zero(); LANES];
    let whole = length / LANES * LANES;
    for start in (0..whole).step_by(LANES) {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += element(start + lane);
        }
    }
    (whole..length).map(element).sum::<E>() + lanes.iter().copied().sum::<E>()
}

// ---- normalisation -----------------------------------------------------------------------------------------------------

/// Returns each row minus its mean, divided by its standard deviation; and the inverse standard deviation of each row.
pub(super) fn normalise<E: Number>(values: &[E], columns: usize) -> (Vec<E>, Vec<E>) {
    let mut output = vec![E::zero(); values.len()];
    let mut inverse_sds = vec![E::zero(); values.len() / columns];
    let count = E::number(columns as f32);
    dispatch(
        #[inline(always)]
        || {
            let rows = output.chunks_exact_mut(columns).zip(values.chunks_exact(columns));
            for ((output, row), inverse_sd) in rows.zip(&mut inverse_sds) {
                let mean = lane_sum(columns, |index| row[index]) / count;
                let variance = lane_sum(columns, |index| (row[index] - mean) * (row[index] - mean)) / count;
                *inverse_sd = E::one() / (variance + E::number(1e-5)).sqrt();
                for (output, value) in output.iter_mut().zip(row) {
                    *output = (*value - mean) * *inverse_sd;
                }
            }
        },
    );
    (output, inverse_sds)
}

/// Turns the gradient with respect to normalised rows into the gradient with respect to the rows before; `normal` and
/// `inverse_sds` are what [`normalise`] returned.
pub(super) fn normalise_backward<E: Number>(gradient: &mut [E], normal: &[E], inverse_sds: &[E]) {
    let columns = normal.len() / inverse_sds.len().max(1);
    if columns == 0 {
        return;
    }
    let count = E::number(columns as f32);
    dispatch(
        #[inline(always)]
        || {
            let rows = gradient.chunks_exact_mut(columns).zip(normal.chunks_exact(columns));
            for ((gradient, normal), inverse_sd) in rows.zip(inverse_sds) {
                let mean = lane_sum(columns, |index| gradient[index]) / count;
                let slope = lane_sum(columns, |index| gradient[index] * normal[index]) / count;
                for (gradient, normal) in gradient.iter_mut().zip(normal) {
                    *gradient = *inverse_sd * (*gradient - mean - *normal * slope);
                }
            }
        },
    );
}
