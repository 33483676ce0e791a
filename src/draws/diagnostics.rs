//! Convergence and effective sample sizes of Markov chains.
//!
//! Rank-normalised split R-hat and the effective sample sizes of Vehtari, Gelman, Simpson, Carpenter & Bürkner,
//! *Rank-normalization, folding, and localization* (Bayesian Analysis 2021, arXiv 1903.08008), with Geyer's initial
//! monotone sequence as Stan, `posterior` and ArviZ compute it.
//!
//! Every function takes the chains of one scalar: shape (chains, draws), in the units of that scalar. Chains of unequal
//! length are cut to the shortest. The result is NaN if it is not defined: for fewer than four draws, no chain, or a
//! NaN among the draws. One chain is enough, since it is split anyway; ArviZ needs two for R-hat.

use statrs::distribution::{ContinuousCDF, Normal};

/// Returns the rank-normalised split R-hat: the larger of the R-hats of the bulk and of the tails (eq. 14 of Vehtari et
/// al.).
///
/// Above 1.01 the chains have not mixed. NaN if every draw is the same.
pub fn rhat<C: AsRef<[f64]>>(chains: &[C]) -> f64 {
    let Some(split) = valid(chains).map(|c| halves(&c)) else {
        return f64::NAN;
    };
    let centre = quantile(&sorted(&split), 0.5);
    // The distance of an infinite draw from an infinite median would be NaN.
    let folded = map(&split, |x| if x == centre { 0.0 } else { (x - centre).abs() });
    // `max` prefers a number to NaN, the R-hat of folded draws that are constant, such as those of a fair coin.
    potential_scale_reduction(&normal_scores(&split)).max(potential_scale_reduction(&normal_scores(&folded)))
}

/// Returns the effective sample size of the bulk: that of the mean of the rank-normalised draws.
pub fn ess_bulk<C: AsRef<[f64]>>(chains: &[C]) -> f64 {
    valid(chains).map_or(f64::NAN, |c| effective_size(&normal_scores(&halves(&c))))
}

/// Returns the effective sample size of the tails: the smaller of those of the 5 % and the 95 % quantile.
pub fn ess_tail<C: AsRef<[f64]>>(chains: &[C]) -> f64 {
    let Some(chains) = valid(chains) else { return f64::NAN };
    let sorted = sorted(&chains);
    let below = |p| {
        let q = quantile(&sorted, p);
        effective_size(&halves(&map(&chains, |x| f64::from(u8::from(x <= q)))))
    };
    below(0.05).min(below(0.95))
}

/// Returns the effective sample size of the mean of the draws, without rank normalisation. NaN if a draw is infinite.
pub fn ess_mean<C: AsRef<[f64]>>(chains: &[C]) -> f64 {
    valid(chains).map_or(f64::NAN, |c| effective_size(&halves(&c)))
}

/// Returns the Monte Carlo standard error of the mean, sd / sqrt([`ess_mean`]), in the units of the draws.
pub fn mcse_mean<C: AsRef<[f64]>>(chains: &[C]) -> f64 {
    let Some(chains) = valid(chains) else { return f64::NAN };
    let all: Vec<f64> = chains.concat();
    (variance(&all) / ess_mean(&chains)).sqrt()
}

/// Returns the Monte Carlo standard error of the standard deviation, in the units of the draws.
///
/// It uses the delta method on the squared deviations, without assuming that the draws are normal (Kenney & Keeping
/// 1951, p. 141), as `posterior` and ArviZ do.
pub fn mcse_sd<C: AsRef<[f64]>>(chains: &[C]) -> f64 {
    let Some(chains) = valid(chains) else { return f64::NAN };
    let centre = mean(&chains.concat());
    let squares = map(&chains, |x| (x - centre).powi(2));
    let all: Vec<f64> = squares.concat();
    let var = mean(&all);
    let var_of_var = (all.iter().map(|s| s * s).sum::<f64>() / all.len() as f64 - var * var) / ess_mean(&squares);
    (var_of_var / var / 4.0).sqrt()
}

/// Returns the estimated fraction of missing information of a chain's energies (eq. 6.1 of Betancourt 2016, arXiv
/// 1604.00695): the mean square of their changes over their variance. Below 0.3 the momenta are too weak to reach the
/// tails of the posterior. NaN if all energies are the same.
pub fn bfmi(energies: &[f64]) -> f64 {
    let mean = energies.iter().sum::<f64>() / energies.len() as f64;
    let changes: f64 = energies.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
    changes / energies.iter().map(|e| (e - mean).powi(2)).sum::<f64>()
}

/// Returns the `p`-quantile of `sorted` (ascending) by linear interpolation (type 7 of Hyndman & Fan 1996); NaN if
/// `sorted` is empty.
///
/// `p` is clamped to \[0, 1\].
pub fn quantile(sorted: &[f64], p: f64) -> f64 {
    match sorted {
        [] => f64::NAN,
        [only] => *only,
        _ => {
            // The order of operations is that of SciPy's `mquantiles`, so that ties with a draw are resolved as they
            // are there.
            let n = sorted.len() as f64;
            let p = p.clamp(0.0, 1.0);
            let position = n * p + (1.0 - p);
            let below = position.floor().clamp(1.0, n - 1.0);
            let weight = (position - below).clamp(0.0, 1.0);
            let (low, high) = (sorted[below as usize - 1], sorted[below as usize]);
            // Equal neighbours, also infinite ones, are returned as they are; and a neighbour with weight zero has no
            // effect.
            if low == high || weight == 0.0 { low } else { (1.0 - weight) * low + weight * high }
        }
    }
}

/// Returns the chains, cut to the length of the shortest; `None` if no diagnostic is defined.
fn valid<C: AsRef<[f64]>>(chains: &[C]) -> Option<Vec<Vec<f64>>> {
    let draws = chains.iter().map(|c| c.as_ref().len()).min()?;
    let cut: Vec<Vec<f64>> = chains.iter().map(|c| c.as_ref()[..draws].to_vec()).collect();
    (draws >= 4 && !cut.iter().flatten().any(|x| x.is_nan())).then_some(cut)
}

/// Splits each chain in two, so that a trend within a chain appears as a difference between chains. The middle draw of
/// an odd number is dropped.
fn halves(chains: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let half = |c: &Vec<f64>| c.len() / 2;
    let first = chains.iter().map(|c| c[..half(c)].to_vec());
    let second = chains.iter().map(|c| c[c.len() - half(c)..].to_vec());
    first.chain(second).collect()
}

fn map(chains: &[Vec<f64>], f: impl Fn(f64) -> f64) -> Vec<Vec<f64>> {
    chains.iter().map(|c| c.iter().map(|&x| f(x)).collect()).collect()
}

fn sorted(chains: &[Vec<f64>]) -> Vec<f64> {
    let mut all = chains.concat();
    all.sort_unstable_by(f64::total_cmp);
    all
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// Returns the variance, with denominator n - 1.
fn variance(x: &[f64]) -> f64 {
    let m = mean(x);
    x.iter().map(|v| (v - m).powi(2)).sum::<f64>() / (x.len() as f64 - 1.0)
}

/// Replaces each draw by the normal quantile of its rank among all chains, with the offset of Blom (1958); ties share
/// their mean rank.
fn normal_scores(chains: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let all = chains.concat();
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_unstable_by(|&a, &b| all[a].total_cmp(&all[b]));
    let normal = Normal::standard();
    let mut scores = vec![0.0; all.len()];
    let mut first = 0;
    for tied in order.chunk_by(|&a, &b| all[a] == all[b]) {
        let rank = first as f64 + (tied.len() as f64 + 1.0) / 2.0;
        let score = normal.inverse_cdf((rank - 0.375) / (all.len() as f64 + 0.25));
        tied.iter().for_each(|&i| scores[i] = score);
        first += tied.len();
    }
    let draws = chains.first().map_or(1, Vec::len);
    scores.chunks(draws).map(<[f64]>::to_vec).collect()
}

/// Returns the R-hat of Gelman & Rubin (1992), eqs. 1 to 4 of Vehtari et al.
fn potential_scale_reduction(chains: &[Vec<f64>]) -> f64 {
    let n = chains.first().map_or(0, Vec::len) as f64;
    let means: Vec<f64> = chains.iter().map(|c| mean(c)).collect();
    let within = mean(&chains.iter().map(|c| variance(c)).collect::<Vec<_>>());
    let between = n * variance(&means);
    ((between / within + n - 1.0) / n).sqrt()
}

/// Returns the sum of products, in eight independent lanes that the compiler may keep in vector registers.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a8, a_rest) = a.as_chunks::<8>();
    let (b8, b_rest) = b.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for (x, y) in a8.iter().zip(b8) {
        for (lane, (x, y)) in lanes.iter_mut().zip(x.iter().zip(y)) {
            *lane += x * y;
        }
    }
    lanes.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum::<f64>()
}

/// Returns the effective sample size of the mean of `chains` (already split, at least two draws each), eqs. 10 to 13 of
/// Vehtari et al.
fn effective_size(chains: &[Vec<f64>]) -> f64 {
    let n = chains.first().map_or(0, Vec::len);
    let size = (chains.len() * n) as f64;
    let (low, high) =
        chains.iter().flatten().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
    if high - low < 1e-15 {
        return size;
    }
    let means: Vec<f64> = chains.iter().map(|c| mean(c)).collect();
    let centred: Vec<Vec<f64>> = chains.iter().zip(&means).map(|(c, m)| c.iter().map(|x| x - m).collect()).collect();
    // Lags are needed only until the pairs turn negative, so a sum for each lag is faster than a Fourier transform
    // unless the chains are stuck.
    let autocovariance = |lag: usize| {
        centred.iter().map(|c| dot(&c[lag..], &c[..n - lag]) / n as f64).sum::<f64>() / centred.len() as f64
    };
    let biased = autocovariance(0);
    let within = biased * n as f64 / (n as f64 - 1.0);
    let total = biased + variance(&means);
    let rho = |lag| 1.0 - (within - autocovariance(lag)) / total;
    if !total.is_finite() {
        return f64::NAN; // an infinite draw
    }

    // Geyer's initial positive sequence: pairs of lags (even, odd) while their sum stays positive.
    let mut pairs = vec![(1.0, rho(1))];
    let mut last = pairs[0];
    while 2 * pairs.len() + 2 < n && last.0 + last.1 > 0.0 {
        let lag = 2 * pairs.len();
        last = (rho(lag), rho(lag + 1));
        pairs.push(last);
    }
    // Only the even lag of the last pair counts, and only if it is positive: this lowers the bias for antithetic
    // chains.
    pairs.pop();
    let tail = if last.0 > 0.0 || last.0 + last.1 >= 0.0 { last.0 } else { 0.0 };
    // Geyer's initial monotone sequence.
    for i in 1..pairs.len() {
        let before = pairs[i - 1].0 + pairs[i - 1].1;
        if pairs[i].0 + pairs[i].1 > before {
            pairs[i] = (before / 2.0, before / 2.0);
        }
    }
    let tau = -1.0 + 2.0 * pairs.iter().map(|(even, odd)| even + odd).sum::<f64>() + tail;
    size / tau.max(1.0 / size.log10())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uniform on [0, 1) from a 64-bit linear congruential generator, which Python repeats to the bit.
    struct Lcg(u64);

    impl Lcg {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (self.0 >> 11) as f64 / (1u64 << 53) as f64
        }
    }

    /// Returns the series x_t = phi x_{t-1} + u_t, where u_t is the sum of four uniforms minus 2, with `shift` added.
    fn ar1(seed: u64, n: usize, phi: f64, shift: f64) -> Vec<f64> {
        let (mut g, mut x) = (Lcg(seed), 0.0);
        let mut step = || {
            let u = g.next() + g.next() + g.next() + g.next() - 2.0;
            x = phi * x + u;
            x + shift
        };
        (0..n).map(|_| step()).collect()
    }

    /// The largest of no elements is minus infinity in each draw.
    #[test]
    fn draws_that_are_all_the_same_have_no_rhat() {
        for x in [f64::NEG_INFINITY, f64::INFINITY, f64::NAN, 1.5] {
            assert!(rhat(&[vec![x; 50], vec![x; 50]]).is_nan(), "{x}");
        }
    }

    /// Returns ratios of two uniforms about zero, with the tails of a Cauchy distribution.
    fn heavy(seed: u64, n: usize) -> Vec<f64> {
        let mut g = Lcg(seed);
        (0..n).map(|_| (g.next() - 0.5) / (g.next() - 0.5)).collect()
    }

    fn chains(case: &str) -> Vec<Vec<f64>> {
        match case {
            "ar1" => (1..5).map(|k| ar1(k, 1000, 0.7, 0.0)).collect(),
            "antithetic" => (1..3).map(|k| ar1(k, 500, -0.5, 0.0)).collect(),
            "odd" => (1..4).map(|k| ar1(k, 101, 0.9, 0.0)).collect(),
            "cauchy" => (1..5).map(|k| heavy(k, 800)).collect(),
            "shifted" => (1..5).map(|k| ar1(k, 400, 0.5, 0.5 * k as f64)).collect(),
            "ties" => (1..4).map(|k| ar1(k, 300, 0.3, 0.0).iter().map(|x| (4.0 * x).floor()).collect()).collect(),
            "short" => (1..3).map(|k| ar1(k, 4, 0.0, 0.0)).collect(),
            "eight" => (1..4).map(|k| ar1(k, 9, 0.0, 0.0)).collect(),
            "slow" => (1..3).map(|k| ar1(k, 200, 0.99, 0.0)).collect(),
            _ => (1..4).map(|k| vec![k as f64; 50]).collect(),
        }
    }

    /// R-hat, bulk, tail and mean effective sizes, and the errors of mean and sd, by ArviZ 0.23.4.
    #[rustfmt::skip]
    const ARVIZ: [(&str, [f64; 6]); 10] = [
        ("ar1", [1.0015623595399343, 740.6352065920796, 1143.7084851097775, 741.5925400047679, 0.029377024471729345, 0.01709462972810669]),
        ("antithetic", [0.9983767848538343, 3000.0, 941.3978189023309, 3000.0, 0.012172013240008408, 0.01774539699009724]),
        ("odd", [1.0730261274820492, 33.14436599020984, 23.6524205460358, 33.23353347899825, 0.20883691015773964, 0.1467257647256373]),
        ("cauchy", [1.0008056689280276, 3077.233761147878, 3039.18800756456, 3218.4577050233243, 1.0994241070015176, 22.226140269556765]),
        ("shifted", [1.3100507434053192, 10.629498456619801, 96.01217081243811, 10.554344657530157, 0.2695400784758721, 0.03002077143970406]),
        ("ties", [1.0005396970513627, 542.9452079075676, 754.4777943417881, 537.3855772181727, 0.10529576494033349, 0.05372182312877707]),
        ("short", [1.1442288364834858, 7.224719895935548, 7.224719895935548, 7.224719895935548, 0.16167986095144027, 0.08095587801109727]),
        ("eight", [1.126170040902591, 33.12506980107854, 33.12506980107854, 33.12506980107854, 0.1113111144668703, 0.06846683914402239]),
        ("slow", [1.4338972777570742, 4.198471273716253, 32.74055784249699, 3.955343340825619, 1.2648927835090933, 0.253389860634227]),
        ("stuck", [f64::INFINITY, 3.409090909090909, 3.409090909090909, 3.409090909090909, 0.443698105640024, 0.15634719199411432]),
    ];

    #[test]
    fn agrees_with_arviz() {
        for (case, expected) in ARVIZ {
            let c = chains(case);
            let found = [rhat(&c), ess_bulk(&c), ess_tail(&c), ess_mean(&c), mcse_mean(&c), mcse_sd(&c)];
            for (i, (f, e)) in found.into_iter().zip(expected).enumerate() {
                assert!(f == e || (f - e).abs() <= 1e-9 * e.abs(), "{case}[{i}]: {f} instead of {e}");
            }
        }
    }

    #[test]
    fn has_no_answer_where_there_is_none() {
        let nan = [vec![0.0, 1.0, f64::NAN, 2.0, 3.0]];
        let short = [vec![0.0, 1.0, 2.0], vec![0.0, 1.0, 2.0]];
        let empty: [Vec<f64>; 0] = [];
        for c in [&nan[..], &short, &empty] {
            let found = [rhat(c), ess_bulk(c), ess_tail(c), ess_mean(c), mcse_mean(c), mcse_sd(c)];
            assert!(found.iter().all(|x| x.is_nan()), "{c:?}: {found:?}");
        }
        let constant = [vec![2.0; 10], vec![2.0; 10]];
        assert!(rhat(&constant).is_nan());
        assert_eq!(ess_bulk(&constant), 20.0);
        assert_eq!(mcse_mean(&constant), 0.0);
        let infinite = [vec![0.0, f64::INFINITY, 1.0, 2.0, -1.0, 0.5, 3.0, 0.1]];
        assert!(ess_bulk(&infinite).is_finite() && ess_mean(&infinite).is_nan());
    }

    #[test]
    fn cuts_chains_to_the_shortest() {
        let long = [ar1(1, 120, 0.5, 0.0), ar1(2, 100, 0.5, 0.0)];
        let cut = [&long[0][..100], &long[1][..]];
        assert_eq!(rhat(&long), rhat(&cut));
        assert_eq!(ess_tail(&long), ess_tail(&cut));
    }

    #[test]
    fn interpolates_quantiles() {
        let x = [1.0, 2.0, 4.0];
        assert_eq!([quantile(&x, 0.0), quantile(&x, 0.5), quantile(&x, 0.75), quantile(&x, 1.0)], [1.0, 2.0, 3.0, 4.0]);
        assert!(quantile(&[], 0.5).is_nan());
        assert_eq!(quantile(&[f64::NEG_INFINITY, f64::NEG_INFINITY, 0.0], 0.25), f64::NEG_INFINITY);
    }
}
