//! Streams of random numbers, named by what they are for, a seed and a position. This is the one place that makes them: no
//! two purposes share numbers, whatever the seeds.

use rand::SeedableRng;

/// The random numbers of one simulated data set.
pub type Stream = rand_xoshiro::Xoshiro256PlusPlus;

/// What random numbers are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Simulations that a user asks for; see [`stream`].
    Simulation,
    /// Simulations from which units are taken.
    Units,
    /// Simulations that identify a simulator.
    Trial,
    /// Simulations of a training of globals, ratios or test statistics.
    Training,
    /// Simulations of a training of the locals of the given task.
    Locals(u64),
    /// Which images of a training are mirrored.
    Mirrors,
    /// Draws of the prior that ratios weigh.
    RatioPrior,
    /// Draws of a posterior.
    Posterior,
    /// Draws of a posterior that are weighed.
    Importance,
    /// Rounds of adaptive importance sampling.
    Refinement,
    /// Bridges from draws of a posterior to its evidence.
    Bridge,
    /// Markov chains.
    Chains,
    /// Points from which a maximum is searched.
    Search,
    /// Confidence sets: the values that are tested, simulations at them, and randomised tests.
    Confidence,
    /// Predictions.
    Prediction,
    /// Quantities that are drawn.
    Quantity,
    /// Values of discrete variables that are summed out.
    Discrete,
}

impl Purpose {
    fn key(self) -> u64 {
        match self {
            Self::Simulation => 0,
            Self::Units => 1,
            Self::Training => 2,
            Self::Mirrors => 3,
            Self::RatioPrior => 4,
            Self::Posterior => 5,
            Self::Importance => 6,
            Self::Chains => 7,
            Self::Search => 8,
            Self::Confidence => 9,
            Self::Trial => 10,
            Self::Prediction => 11,
            Self::Discrete => 12,
            Self::Refinement => 13,
            Self::Bridge => 14,
            Self::Quantity => 15,
            Self::Locals(task) => 1000 + task,
        }
    }
}

/// Returns the stream of random numbers for a purpose, a seed, a step of the work and a position in it.
pub(crate) fn stream_for(purpose: Purpose, seed: u64, step: u64, index: u64) -> Stream {
    if purpose == Purpose::Simulation {
        return stream(seed, index);
    }
    let seed = [purpose.key(), step].into_iter().fold(seed, |seed, key| {
        mix(seed.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ key.wrapping_add(1).wrapping_mul(0xa076_1d64_78bd_642f))
    });
    stream(seed, index)
}

/// The mixing function of SplitMix64.
fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Returns the stream of random numbers for `seed` and a position: the i-th data set of a run always gets the same
/// stream.
pub fn stream(seed: u64, index: u64) -> Stream {
    // 256 bits of state from the pair, so that neighbours share nothing.
    let key = mix(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)) ^ index.wrapping_mul(0xd134_2543_de82_ef95);
    let mut state = [0u8; 32];
    for (i, word) in state.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        *word = mix(key.wrapping_add((i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))).to_le_bytes();
    }
    Stream::from_seed(state)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use rand::RngExt;

    use super::*;

    /// No two purposes, steps, seeds or positions begin alike: the steps of a pilot and of a validation sample are the last
    /// two numbers.
    #[test]
    fn no_two_streams_meet() {
        let purposes = [
            Purpose::Simulation,
            Purpose::Units,
            Purpose::Trial,
            Purpose::Training,
            Purpose::Locals(0),
            Purpose::Locals(1),
            Purpose::Locals(256),
            Purpose::Mirrors,
            Purpose::RatioPrior,
            Purpose::Posterior,
            Purpose::Importance,
            Purpose::Refinement,
            Purpose::Bridge,
            Purpose::Chains,
            Purpose::Search,
            Purpose::Confidence,
            Purpose::Prediction,
            Purpose::Quantity,
            Purpose::Discrete,
        ];
        let mut seen = HashMap::new();
        for purpose in purposes {
            let steps: &[u64] =
                if purpose == Purpose::Simulation { &[0] } else { &[0, 1, 2, 7, u64::MAX - 1, u64::MAX] };
            for &step in steps {
                for seed in [0, 1, 2, 3, 1000, u64::MAX] {
                    for index in 0..20 {
                        let name = (purpose, step, seed, index);
                        let first: u64 = stream_for(purpose, seed, step, index).random();
                        assert_eq!(seen.insert(first, name), None, "{name:?}");
                    }
                }
            }
        }
    }
}
