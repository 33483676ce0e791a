//! FNV-1a in 64 bits: enough to notice an accident, and to tell one thing from another. Not for whoever wants two to be the same.

/// The hash of nothing.
pub const NOTHING: u64 = 0xcbf2_9ce4_8422_2325;

/// The hash of some words (bytes, or larger ones), going on from that of others.
pub fn fnv(hash: u64, words: impl IntoIterator<Item = u64>) -> u64 {
    words.into_iter().fold(hash, |hash, word| (hash ^ word).wrapping_mul(0x0100_0000_01b3))
}
