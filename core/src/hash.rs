//! FNV-1a in 64 bits: enough to detect accidental changes and to distinguish things. It is not secure against intended
//! collisions.

/// The hash of an empty sequence.
pub const NOTHING: u64 = 0xcbf2_9ce4_8422_2325;

/// Continues `hash` with `words` (bytes, or larger words).
pub fn fnv(hash: u64, words: impl IntoIterator<Item = u64>) -> u64 {
    words.into_iter().fold(hash, |hash, word| (hash ^ word).wrapping_mul(0x0100_0000_01b3))
}
