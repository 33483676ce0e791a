//! The exact distribution of the normal scores of uniform ranks, and how unlikely their moments are: tail probabilities
//! by saddlepoint, with a small relative error however far out the tail is.

use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::erf::erfc;

/// Beyond FAR a deviate counts as infinite; below NEAR it counts as zero, since the formula is 0 / 0 there.
const FAR: f64 = 37.0;
const NEAR: f64 = 0.01;
const ITERATIONS: usize = 100;

/// The scores of the ranks 0 to `draws`, with the moments that they have when all ranks are equally likely.
#[derive(Clone, Debug)]
pub(super) struct NormalScores {
    scores: Vec<f64>,
    /// The mean square and the mean fourth power.
    pub(super) second: f64,
    pub(super) fourth: f64,
}

/// Ranks that share a weight: how many, and the sum and the sum of squares of their scores.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) weight: f64,
    pub(super) count: f64,
    pub(super) sum: f64,
    pub(super) squares: f64,
}

/// How far the weighted sums of scores and of their squares are from their expected values, as independent deviates of
/// a standard normal distribution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deviates {
    /// That of the sum; positive where the true values are above the draws.
    pub(super) shift: f64,
    /// That of the sum of squares given the sum; positive where the draws are too narrow.
    pub(super) width: f64,
}

impl Deviates {
    /// Returns the probability that either of them is as far out as the farther one.
    pub(super) fn p_value(self) -> f64 {
        let farther = two_sided(self.shift.abs().max(self.width.abs()));
        farther * (2.0 - farther)
    }
}

/// The two-sided probability that a standard normal number is this far from zero.
pub(super) fn two_sided(deviate: f64) -> f64 {
    erfc(deviate.abs() / std::f64::consts::SQRT_2)
}

/// The cumulant generating function of the two sums, with its gradient and second derivatives.
#[derive(Clone, Copy, Default)]
struct Cumulants {
    value: f64,
    gradient: [f64; 2],
    hessian: [f64; 3],
}

impl NormalScores {
    pub(super) fn new(draws: usize) -> Self {
        let (standard, levels) = (Normal::standard(), draws + 1);
        let scores: Vec<f64> =
            (0..levels).map(|rank| standard.inverse_cdf((rank as f64 + 0.5) / levels as f64)).collect();
        let moment = |power: i32| scores.iter().map(|z| z.powi(power)).sum::<f64>() / levels as f64;
        let (second, fourth) = (moment(2), moment(4));
        Self { scores, second, fourth }
    }

    /// Returns the score of a rank.
    pub(super) fn of(&self, rank: usize) -> f64 {
        self.scores[rank]
    }

    /// Returns the group of these ranks.
    pub(super) fn group(&self, weight: f64, ranks: impl Iterator<Item = usize>) -> Group {
        let mut group = Group { weight, count: 0.0, sum: 0.0, squares: 0.0 };
        for rank in ranks {
            let z = self.of(rank);
            group.count += 1.0;
            group.sum += z;
            group.squares += z * z;
        }
        group
    }

    /// Returns the deviates of S1 = sum of weight * z and S2 = sum of weight * z^2, where the scores z are independent
    /// and all ranks are equally likely. That of S1 is r* of Barndorff-Nielsen (Biometrika 1986), from the tail of
    /// Lugannani & Rice (1980). That of S2 is the same for the distribution given S1, from the double saddlepoint of
    /// Skovgaard (J. Appl. Prob. 1987).
    pub(super) fn deviates(&self, groups: &[Group]) -> Deviates {
        let target = groups.iter().fold([0.0; 2], |[a, b], g| [a + g.weight * g.sum, b + g.weight * g.squares]);
        if groups.iter().all(|g| g.count == 0.0) {
            return Deviates { shift: 0.0, width: 0.0 };
        }
        let Some((t, one)) = self.saddlepoint(groups, target, false) else {
            // All true values at one end: no tilt of the ranks reaches this.
            return Deviates { shift: FAR.copysign(target[0]), width: 0.0 };
        };
        let legendre = |t: [f64; 2], k: &Cumulants| t[0] * target[0] + t[1] * target[1] - k.value;
        let shift = deviate(t[0], legendre(t, &one), one.hessian[0]);
        let Some((s, both)) = self.saddlepoint(groups, target, true) else {
            // All at either end, or all in the middle: no tilt makes them as wide, or as narrow.
            return Deviates { shift, width: FAR.copysign(target[1] - one.gradient[1]) };
        };
        let determinant = both.hessian[0] * both.hessian[2] - both.hessian[1].powi(2);
        let width = deviate(s[1], legendre(s, &both) - legendre(t, &one), determinant / one.hessian[0]);
        Deviates { shift, width }
    }

    /// Returns where the gradient of the cumulant generating function is the target, by Newton's method with halved
    /// steps: in both arguments, or in the first with the second at zero.
    fn saddlepoint(&self, groups: &[Group], target: [f64; 2], both: bool) -> Option<([f64; 2], Cumulants)> {
        let objective = |t: [f64; 2], k: &Cumulants| k.value - t[0] * target[0] - t[1] * target[1];
        let mut t = [0.0; 2];
        let mut at = self.cumulants(groups, t);
        for _ in 0..ITERATIONS {
            let [a, b] = [0, 1].map(|i| target[i] - at.gradient[i]);
            let [aa, ab, bb] = at.hessian;
            let step = if both {
                let determinant = aa * bb - ab * ab;
                [(bb * a - ab * b) / determinant, (aa * b - ab * a) / determinant]
            } else {
                [a / aa, 0.0]
            };
            // Twice the Newton decrement: the error left in the exponent.
            let decrement = if both { step[0] * a + step[1] * b } else { step[0] * a };
            if !decrement.is_finite() {
                return None;
            }
            if decrement < 1e-20 {
                return Some((t, at));
            }
            let before = objective(t, &at);
            let mut share = 1.0;
            loop {
                let next = [t[0] + share * step[0], t[1] + share * step[1]];
                let there = self.cumulants(groups, next);
                // At the rounding of the objective no step decreases it.
                if objective(next, &there) <= before - 0.25 * share * decrement || (share == 1.0 && decrement < 1e-9) {
                    (t, at) = (next, there);
                    break;
                }
                share *= 0.5;
                if share < 1e-9 {
                    return None;
                }
            }
        }
        None
    }

    fn cumulants(&self, groups: &[Group], t: [f64; 2]) -> Cumulants {
        let mut total = Cumulants::default();
        for Group { weight, count, .. } in groups {
            let (a, b) = (weight * t[0], weight * t[1]);
            let exponent = |z: f64| z * (a + b * z);
            let largest = self.scores.iter().map(|z| exponent(*z)).fold(f64::NEG_INFINITY, f64::max);
            let mut m = [0.0; 5];
            for z in &self.scores {
                let e = (exponent(*z) - largest).exp();
                let squared = z * z;
                m[0] += e;
                m[1] += e * z;
                m[2] += e * squared;
                m[3] += e * squared * z;
                m[4] += e * squared * squared;
            }
            let [m1, m2, m3, m4] = [1, 2, 3, 4].map(|i| m[i] / m[0]);
            total.value += count * (largest + (m[0] / self.scores.len() as f64).ln());
            let second = count * weight * weight;
            total.gradient[0] += count * weight * m1;
            total.gradient[1] += count * weight * m2;
            total.hessian[0] += second * (m2 - m1 * m1);
            total.hessian[1] += second * (m3 - m1 * m2);
            total.hessian[2] += second * (m4 - m2 * m2);
        }
        total
    }
}

/// r* = w + ln(u / w) / w, with w the signed root of twice the exponent and u the tilt in standard errors.
fn deviate(tilt: f64, exponent: f64, variance: f64) -> f64 {
    let w = (2.0 * exponent.max(0.0)).sqrt();
    let u = tilt.abs() * variance.sqrt();
    let r = if w < NEAR || u == 0.0 { w } else { w + (u / w).ln() / w };
    r.min(FAR).copysign(tilt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::stream;
    use hierarch_margins::{seed, within};
    use rand::RngExt;
    use rayon::prelude::*;

    /// The false-alarm rate of a test of `n` ranks at `alarm`, with its standard error, by importance sampling: ranks
    /// are drawn with tilted probabilities, so that alarms are common, and weighted by the ratio of probabilities,
    /// which is exact.
    fn false_alarms(n: usize, draws: usize, alarm: f64, weights: &[f64]) -> (f64, f64) {
        const TIMES: u64 = 4_000;
        let scores = NormalScores::new(draws);
        let far = (2.0 * (2.0 / alarm).ln()).sqrt();
        let squared: f64 = weights.iter().map(|w| w * w).sum::<f64>() / weights.len() as f64 * n as f64;
        let [shift, width] =
            [scores.second, scores.fourth - scores.second.powi(2)].map(|variance| far / (squared * variance).sqrt());
        let tilts = [[shift, 0.0], [-shift, 0.0], [0.0, width], [0.0, -width]];
        // For each tilt and group the cumulative probabilities of the ranks, and ln of their normalisation.
        let table = |tilt: &[f64; 2], weight: &f64| {
            let e = |z: &f64| (weight * (tilt[0] * z + tilt[1] * z * z)).exp();
            let cumulative: Vec<f64> = scores
                .scores
                .iter()
                .scan(0.0, |sum, z| {
                    *sum += e(z);
                    Some(*sum)
                })
                .collect();
            let norm = (cumulative[draws] / (draws + 1) as f64).ln();
            (cumulative, norm)
        };
        let tables: Vec<Vec<_>> = tilts.iter().map(|tilt| weights.iter().map(|w| table(tilt, w)).collect()).collect();
        let once = |time: u64| {
            let mut rng = stream(seed(1), time);
            let drawn_from = &tables[(time % 4) as usize];
            let each = n / weights.len();
            let groups: Vec<Group> = weights
                .iter()
                .zip(drawn_from)
                .map(|(weight, (cumulative, _))| {
                    let mut rank = || {
                        let at = rng.random::<f64>() * cumulative[draws];
                        cumulative.partition_point(|c| *c < at)
                    };
                    scores.group(*weight, (0..each).map(|_| rank()).collect::<Vec<_>>().into_iter())
                })
                .collect();
            if scores.deviates(&groups).p_value() >= alarm {
                return 0.0;
            }
            let ratio = |(tilt, tables): (&[f64; 2], &Vec<(Vec<f64>, f64)>)| {
                let of = |(g, (_, norm)): (&Group, &(Vec<f64>, f64))| {
                    g.weight * (tilt[0] * g.sum + tilt[1] * g.squares) - g.count * norm
                };
                groups.iter().zip(tables).map(of).sum::<f64>().exp()
            };
            4.0 / tilts.iter().zip(&tables).map(ratio).sum::<f64>()
        };
        let found: Vec<f64> = (0..TIMES).into_par_iter().map(once).collect();
        let (sum, squares) = found.iter().fold((0.0, 0.0), |(a, b), x| (a + x, b + x * x));
        let mean = sum / TIMES as f64;
        (mean, (squares / TIMES as f64 - mean * mean).sqrt() / (TIMES as f64).sqrt())
    }

    /// Down to one in a million, where the normal approximation of the mean square is off by a factor: within 4
    /// standard errors, so that one seed in a thousand fails. The weights of local checks are tested, too.
    #[test]
    fn alarms_are_as_rare_as_stated() {
        let bent: Vec<f64> = [-0.9f64, -0.5, 0.1, 0.5, 0.8].map(|u| u * u - 0.4).to_vec();
        for (n, draws, alarm) in [(20, 20, 1e-3), (200, 100, 1e-3), (200, 100, 1e-6), (1000, 400, 1e-6)] {
            for weights in [&[1.0], bent.as_slice()] {
                let (rate, error) = false_alarms(n, draws, alarm, weights);
                within!(error, 0.1 * alarm, "{n} {draws}");
                within!((rate - alarm).abs(), 4.0 * error, "{n} ranks of {draws}, alarm {alarm}: {rate}");
            }
        }
    }

    /// Sums that no tilt reaches are as unlikely as they should be, and ranks as expected give no alarm.
    #[test]
    fn extremes() {
        let scores = NormalScores::new(20);
        let p = |ranks: &[usize]| {
            let times = 30 * 21 / ranks.len();
            scores.deviates(&[scores.group(1.0, ranks.iter().copied().cycle().take(ranks.len() * times))]).p_value()
        };
        assert!(p(&[20]) < 1e-100 && p(&[0]) < 1e-100 && p(&[10]) < 1e-100 && p(&[0, 20]) < 1e-100);
        assert!(p(&(0..21).collect::<Vec<_>>()) > 0.99);
        // All at both ends, or all in the middle: a width, and no shift. Without ranks nothing is known.
        let of = |ranks: &[usize]| {
            scores.deviates(&[scores.group(1.0, ranks.iter().copied().cycle().take(30 * ranks.len()))])
        };
        let (narrow, wide, none) = (of(&[0, 20]), of(&[10]), of(&[]));
        // The exact probabilities are 1e-61 and 2e-40; at the very end the formula is larger.
        let alarmed = two_sided(narrow.width) < 1e-20 && two_sided(wide.width) < 1e-20;
        assert!(alarmed && narrow.width > 0.0 && wide.width < 0.0, "{narrow:?} {wide:?}");
        assert!(narrow.shift.abs() < 1e-6 && wide.shift.abs() < 1e-6, "{narrow:?} {wide:?}");
        assert_eq!((none.shift, none.width, none.p_value()), (0.0, 0.0, 1.0));
    }
}
