//! Streams of random numbers, named by a seed and a position.

use rand::SeedableRng;

/// The random numbers of one simulated data set.
pub type Stream = rand_xoshiro::Xoshiro256PlusPlus;

/// Returns the stream of random numbers for `seed` and a position: the i-th data set of a run always gets the same
/// stream.
pub fn stream(seed: u64, index: u64) -> Stream {
    // SplitMix64's mixing function makes 256 bits of state from the pair, so that neighbours share nothing.
    let mix = |x: u64| {
        let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    let key = mix(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)) ^ index.wrapping_mul(0xd134_2543_de82_ef95);
    let mut state = [0u8; 32];
    for (i, word) in state.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        *word = mix(key.wrapping_add((i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))).to_le_bytes();
    }
    Stream::from_seed(state)
}
