//! Linear equations of any matrix.

/// The factors of a matrix, with rows in an order in which no pivot is small.
pub struct Lu {
    size: usize,
    factors: Vec<f64>,
    order: Vec<usize>,
}

impl Lu {
    /// Makes room for matrices of `size` rows and columns.
    pub fn new(size: usize) -> Self {
        Self { size, factors: vec![0.0; size * size], order: vec![0; size] }
    }

    /// Factorises the matrix of the elements `at(row, column)`; returns whether it has an inverse.
    pub fn factorise(&mut self, at: impl Fn(usize, usize) -> f64) -> bool {
        let n = self.size;
        for row in 0..n {
            self.order[row] = row;
            for column in 0..n {
                self.factors[row * n + column] = at(row, column);
            }
        }
        for k in 0..n {
            let size = |row: usize| self.factors[row * n + k].abs();
            let pivot = (k..n).fold(k, |best, row| if size(row) > size(best) { row } else { best });
            let largest = size(pivot);
            if largest == 0.0 || !largest.is_finite() {
                return false;
            }
            if pivot != k {
                self.order.swap(k, pivot);
                for column in 0..n {
                    self.factors.swap(k * n + column, pivot * n + column);
                }
            }
            for row in k + 1..n {
                let factor = self.factors[row * n + k] / self.factors[k * n + k];
                self.factors[row * n + k] = factor;
                for column in k + 1..n {
                    self.factors[row * n + column] -= factor * self.factors[k * n + column];
                }
            }
        }
        true
    }

    /// Writes the x with matrix x = `b` into `x`.
    pub fn solve(&self, b: &[f64], x: &mut [f64]) {
        let n = self.size;
        for row in 0..n {
            let known: f64 = (0..row).map(|column| self.factors[row * n + column] * x[column]).sum();
            x[row] = b[self.order[row]] - known;
        }
        for row in (0..n).rev() {
            let known: f64 = (row + 1..n).map(|column| self.factors[row * n + column] * x[column]).sum();
            x[row] = (x[row] - known) / self.factors[row * n + row];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_whose_rows_must_be_exchanged_is_solved() {
        let a = [[0.0, 2.0, 1.0, -1.0], [1e-12, 1.0, 3.0, 0.5], [4.0, -1.0, 2.0, 2.0], [2.0, 0.0, 0.0, 1.0]];
        let x = [1.0, -2.0, 0.5, 3.0];
        let b = a.map(|row| row.iter().zip(x).map(|(a, x)| a * x).sum());
        let mut lu = Lu::new(4);
        assert!(lu.factorise(|row, column| a[row][column]));
        let mut solved = [0.0; 4];
        lu.solve(&b, &mut solved);
        assert!(solved.iter().zip(x).all(|(own, x)| (own - x).abs() < 1e-13), "{solved:?}");
        assert!(!lu.factorise(|row, _| row as f64));
        assert!(!lu.factorise(|_, _| f64::NAN));
    }
}
