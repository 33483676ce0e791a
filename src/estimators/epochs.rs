//! The order in which a training visits the simulations of a bank.

/// Returns which of `length` items comes at `position`: every epoch visits each once, in an order that the epoch and
/// `seed` select.
pub(super) fn in_epochs(position: u64, length: usize, seed: u64) -> usize {
    let (epoch, at) = (position / length as u64, position % length as u64);
    shuffled(at, length as u64, seed ^ epoch.wrapping_mul(0x9e37_79b9_7f4a_7c15)) as usize
}

/// Returns the place of `at` in a permutation of 0..`length` that `key` selects: a Feistel network over the next power
/// of 4, applied until the result is below `length`.
fn shuffled(mut at: u64, length: u64, key: u64) -> u64 {
    let half = (64 - (length.max(2) - 1).leading_zeros()).div_ceil(2);
    let mask = (1u64 << half) - 1;
    loop {
        let (mut left, mut right) = (at >> half, at & mask);
        for round in 0..4u64 {
            let mixed =
                (right ^ key.rotate_left(round as u32 * 16)).wrapping_add(round).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (left, right) = (right, left ^ ((mixed ^ (mixed >> 32)) & mask));
        }
        at = (left << half) | right;
        if at < length {
            return at;
        }
    }
}
