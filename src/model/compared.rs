//! Elements that only compare a number of theirs with a discrete global, for the code of `model!`: each has one log density below a
//! threshold of the global's values, and another from there, so that the sums over all elements for all values are worked out
//! together.

/// Returns the first of the values 0, 1, ... of which `x` is below, or which it is not above if it is not `strict`; at most `values`.
fn first(x: f64, strict: bool, values: usize) -> usize {
    let first = if strict { x.floor() + 1.0 } else { x.ceil() };
    // Below zero it is zero, and so is NaN.
    (first as usize).min(values)
}

/// Adds to the number of each value of a discrete global the log densities of all elements: that of element `i` where `x(i)` is
/// below the value from `yes`, else from `no`.
pub fn add_compared(logs: &mut [f64], strict: bool, x: &dyn Fn(usize) -> f64, yes: &[f64], no: &[f64]) {
    // What is added from a value on: the finite numbers, and how many are minus infinity, which cannot be taken away again.
    let mut steps = vec![(0.0, 0_i64); logs.len() + 1];
    let mut add = |at: usize, log: f64, sign: i64| {
        if log == f64::NEG_INFINITY {
            steps[at].1 += sign;
        } else {
            steps[at].0 += sign as f64 * log;
        }
    };
    for (i, (yes, no)) in yes.iter().zip(no).enumerate() {
        let first = first(x(i), strict, logs.len());
        add(0, *no, 1);
        add(first, *no, -1);
        add(first, *yes, 1);
    }
    let (mut sum, mut zeros) = (0.0, 0);
    for (log, (step, impossible)) in logs.iter_mut().zip(steps) {
        (sum, zeros) = (sum + step, zeros + impossible);
        *log += if zeros > 0 { f64::NEG_INFINITY } else { sum };
    }
}

/// Makes probabilities of log densities; returns the logarithm of their sum.
pub fn normalize(logs: &mut [f64]) -> f64 {
    let sum = crate::autodiff::log_sum_exp(logs);
    logs.iter_mut().for_each(|log| *log = (*log - sum).exp());
    sum
}

/// Writes for each element how probable the values are that `x(i)` is below.
pub fn write_shares(
    probabilities: &[f64],
    strict: bool,
    x: &dyn Fn(usize) -> f64,
    shares: &mut [f64],
    buffer: &mut Vec<f64>,
) {
    buffer.clear();
    buffer.resize(probabilities.len() + 1, 0.0);
    for (k, p) in probabilities.iter().enumerate().rev() {
        buffer[k] = buffer[k + 1] + p;
    }
    for (i, share) in shares.iter_mut().enumerate() {
        *share = buffer[first(x(i), strict, probabilities.len())].min(1.0);
    }
}
