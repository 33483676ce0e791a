//! The states of a hidden Markov chain given all of its observations, from what each element says of its state and of the one
//! before: the backward half of the forward-filtering backward-sampling algorithm (Chib, *Calculating posterior distributions and
//! modal estimates in Markov mixture models*, Journal of Econometrics 1996).

/// What the elements up to one say of its state and of the one before: row `i` has the probability of `i` before and of each state
/// now, up to a factor. The first element of a chain has one row.
#[derive(Debug)]
pub(super) struct Pairs(pub(super) Vec<Vec<f64>>);

/// The probabilities of the states of one element, and one of them.
pub(super) type State = (Vec<f64>, usize);

/// Finds the states of `chain`, the elements in order, with one path that `choose` draws from probabilities.
pub(super) fn backward(chain: &[&Pairs], choose: &mut dyn FnMut(&[f64]) -> usize) -> Vec<State> {
    let mut states: Vec<State> = Vec::with_capacity(chain.len());
    for at in (0..chain.len()).rev() {
        let probabilities = match (states.last(), chain.get(at + 1)) {
            (Some((after, _)), Some(pairs)) => {
                let shares = (0..after.len()).map(|k| (after[k], before(pairs, k)));
                let mut sum = vec![0.0; pairs.0.len()];
                // A state without a probability has none before it.
                for (weight, share) in shares.filter(|(weight, _)| *weight > 0.0) {
                    sum.iter_mut().zip(share).for_each(|(sum, p)| *sum += weight * p);
                }
                sum
            }
            _ => now(chain[at]),
        };
        let chosen = match (states.last(), chain.get(at + 1)) {
            (Some((_, after)), Some(pairs)) => choose(&before(pairs, *after)),
            _ => choose(&probabilities),
        };
        states.push((probabilities, chosen));
    }
    states.reverse();
    states
}

fn normalized(mut numbers: Vec<f64>) -> Vec<f64> {
    let sum: f64 = numbers.iter().sum();
    numbers.iter_mut().for_each(|x| *x /= sum);
    numbers
}

/// Returns the probabilities of the states of the last element.
fn now(Pairs(rows): &Pairs) -> Vec<f64> {
    let states = rows.iter().map(Vec::len).max().unwrap_or(0);
    let of = |k: usize| rows.iter().filter_map(|row| row.get(k)).sum();
    normalized((0..states).map(of).collect())
}

/// Returns the probabilities of the states before, where that of the element is `k`.
fn before(Pairs(rows): &Pairs, k: usize) -> Vec<f64> {
    normalized(rows.iter().map(|row| row.get(k).copied().unwrap_or(0.0)).collect())
}

/// Adds `by` times the probabilities `numbers` to `sums`, which may be of fewer values so far.
pub(super) fn add_scaled(sums: &mut Vec<f64>, numbers: &[f64], by: f64) {
    if sums.len() < numbers.len() {
        sums.resize(numbers.len(), 0.0);
    }
    sums.iter_mut().zip(numbers).for_each(|(sum, x)| *sum += by * x);
}
