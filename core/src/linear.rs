//! Symmetric positive definite matrices.

/// The factor l of a matrix a = l l'. The lower triangle is stored row by row in rows of full length.
pub struct Cholesky {
    l: Vec<f64>,
    size: usize,
}

impl Cholesky {
    /// Factorises a matrix given by its lower triangle; `None` if it is not positive definite.
    pub fn new(mut a: Vec<f64>, size: usize) -> Option<Self> {
        for i in 0..size {
            for j in 0..=i {
                let dot: f64 = a[i * size..][..j].iter().zip(&a[j * size..][..j]).map(|(x, y)| x * y).sum();
                let left = a[i * size + j] - dot;
                if i == j && (left <= 0.0 || !left.is_finite()) {
                    return None;
                }
                a[i * size + j] = if i == j { left.sqrt() } else { left / a[j * size + j] };
            }
        }
        Some(Self { l: a, size })
    }

    /// Returns l z.
    pub fn times(&self, z: &[f64]) -> Vec<f64> {
        let row = |i: usize| self.l[i * self.size..][..=i].iter().zip(z).map(|(l, z)| l * z).sum();
        (0..self.size).map(row).collect()
    }

    /// Returns the logarithm of the determinant of l, the square root of that of a.
    pub fn log_determinant(&self) -> f64 {
        (0..self.size).map(|i| self.l[i * self.size + i].ln()).sum()
    }

    /// Replaces `b` by the x such that l x = b.
    pub fn forward(&self, b: &mut [f64]) {
        for i in 0..self.size {
            let row = &self.l[i * self.size..][..=i];
            let known: f64 = row[..i].iter().zip(&*b).map(|(l, x)| l * x).sum();
            b[i] = (b[i] - known) / row[i];
        }
    }

    /// Replaces `b` by the x such that a x = b.
    pub fn solve(&self, b: &mut [f64]) {
        self.forward(b);
        for i in (0..self.size).rev() {
            let known: f64 = (i + 1..self.size).map(|k| self.l[k * self.size + i] * b[k]).sum();
            b[i] = (b[i] - known) / self.l[i * self.size + i];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_solved() {
        let a = [[4.0, 2.0, 0.6], [2.0, 3.0, -0.4], [0.6, -0.4, 1.5]];
        let x = [1.0, -2.0, 0.5];
        let mut b: Vec<f64> = a.iter().map(|row| row.iter().zip(x).map(|(a, x)| a * x).sum()).collect();
        let known = b.clone();
        let cholesky = Cholesky::new(a.concat(), 3).unwrap();
        cholesky.solve(&mut b);
        assert!(b.iter().zip(x).all(|(b, x)| (b - x).abs() < 1e-14), "{b:?}");
        // b' a^-1 b is the squared norm of the result of `forward`.
        let mut half = known.clone();
        cholesky.forward(&mut half);
        assert!(cholesky.times(&half).iter().zip(&known).all(|(a, b)| (a - b).abs() < 1e-14));
        let determinant: f64 = 4.0 * (3.0 * 1.5 - 0.16) - 2.0 * (2.0 * 1.5 + 0.24) + 0.6 * (-0.8 - 1.8);
        assert!((cholesky.log_determinant() - 0.5 * determinant.ln()).abs() < 1e-14);
        let square: f64 = half.iter().map(|x| x * x).sum();
        let exact: f64 = known.iter().zip(x).map(|(b, x)| b * x).sum();
        assert!((square - exact).abs() < 1e-12);
        assert!(Cholesky::new(vec![1.0, 0.0, 2.0, 1.0], 2).is_none());
    }
}
