//! Derivatives by finite differences.

/// The slope of a function along one of its numbers, to fourth order in the step.
pub fn slope(q: &[f64], along: usize, step: f64, mut f: impl FnMut(&[f64]) -> f64) -> f64 {
    let mut at = |times: f64| {
        let mut q = q.to_vec();
        q[along] += times * step;
        f(&q)
    };
    (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * step)
}
