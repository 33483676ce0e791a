//! One transition of the No-U-Turn Sampler: a trajectory of leapfrog steps that doubles until it makes a U-turn, and a
//! point that is drawn from it.
//!
//! The algorithm is that of Hoffman and Gelman (2014, arXiv 1111.4246), with points drawn by their weight (Betancourt
//! 2017, arXiv 1701.02434, appendix A.3) and, as in Stan, checks for a U-turn between the halves of a trajectory
//! besides the one between its ends. Momenta are kept in units in which they are standard Normal, and `scale` converts them,
//! after `low_rank` if there are directions that are longer or shorter than the others.

use rand::RngExt;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::low_rank::LowRank;
use crate::simulate::Stream;

/// The largest number of doublings of a trajectory.
pub(super) const DEPTH: usize = 10;
/// The energy error above which a trajectory counts as divergent.
const DIVERGED: f64 = 1000.0;

/// A log density, which writes its gradient to the second argument.
pub(super) type Gradient<'a> = dyn FnMut(&[f64], &mut [f64]) -> f64 + 'a;

/// A position, the log density there and its gradient.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Position {
    pub(super) q: Vec<f64>,
    pub(super) gradient: Vec<f64>,
    pub(super) value: f64,
}

impl Position {
    pub(super) fn new(q: Vec<f64>, density: &mut Gradient<'_>) -> Self {
        let mut gradient = vec![0.0; q.len()];
        let value = density(&q, &mut gradient);
        Self { q, gradient, value }
    }

    fn copy_from(&mut self, other: &Self) {
        self.q.clone_from(&other.q);
        self.gradient.clone_from(&other.gradient);
        self.value = other.value;
    }
}

/// Statistics of a transition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transition {
    /// The mean probability of accepting a step, over the points of the trajectory.
    pub(super) accept: f64,
    /// Whether the energy error of a leapfrog step was too large.
    pub(super) diverged: bool,
    /// Whether the position changed.
    pub(super) moved: bool,
    /// Whether the trajectory was still growing when it reached the largest number of doublings.
    pub(super) cut: bool,
    /// The energy at the start: minus the log density, plus that of the momentum.
    pub(super) energy: f64,
    /// How often the trajectory doubled without a divergence or a U-turn inside its new half.
    pub(super) depth: usize,
    /// The number of leapfrog steps.
    pub(super) steps: usize,
}

/// A part of a trajectory: points that are consecutive in time.
#[derive(Clone, Debug)]
struct Piece {
    /// The momenta at both ends: first at the end that was reached first, then at the end that was reached last.
    ends: [Vec<f64>; 2],
    /// The sum of the momenta.
    sum: Vec<f64>,
    /// The log of the sum of the weights exp(-H), relative to that of the start.
    log_weight: f64,
    /// The point that was drawn.
    drawn: Position,
}

/// The sampler's state between transitions, with its buffers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Walker {
    /// The scale of each number: the square root of the inverse metric, or of its diagonal part.
    pub(super) scale: Vec<f64>,
    /// In units of the scales, the square root of the inverse metric, unless it is the identity.
    #[serde(skip)]
    pub(super) low_rank: Option<LowRank>,
    /// The length of a leapfrog step.
    pub(super) step: f64,
    /// The ends of the trajectory in the past and in the future, with the momenta there.
    #[serde(skip)]
    ends: [(Position, Vec<f64>); 2],
    #[serde(skip)]
    free: Vec<Piece>,
    /// The sum of the acceptance probabilities over the points of the trajectory so far, and the number of these
    /// points.
    #[serde(skip)]
    accept: f64,
    #[serde(skip)]
    points: usize,
    #[serde(skip)]
    diverged: bool,
    /// A momentum or a gradient in units of the metric.
    #[serde(skip)]
    mapped: Vec<f64>,
    /// The number of points since the start of the chain at which the density was finite and its gradient was not.
    pub(super) without_slope: usize,
}

impl Walker {
    pub(super) fn new(scale: Vec<f64>) -> Self {
        Self { scale, step: 1.0, ..Self::default() }
    }

    /// Moves `position` to a point that is drawn from a trajectory through it.
    pub(super) fn transition(
        &mut self,
        position: &mut Position,
        density: &mut Gradient<'_>,
        rng: &mut Stream,
    ) -> Transition {
        (self.accept, self.points, self.diverged) = (0.0, 0, false);
        let mut ends = std::mem::take(&mut self.ends);
        let [(past, momentum), (future, same)] = &mut ends;
        momentum.clear();
        momentum.extend(position.q.iter().map(|_| rng.sample::<f64, _>(StandardNormal)));
        same.clone_from(momentum);
        past.copy_from(position);
        future.copy_from(position);
        let start = energy(position.value, momentum);
        let mut whole = self.piece(position, momentum, 0.0);
        let (mut moved, mut cut, mut doublings) = (false, true, 0);
        for depth in 0..DEPTH {
            let forward = rng.random_bool(0.5);
            let end = &mut ends[usize::from(forward)];
            let step = if forward { self.step } else { -self.step };
            let Some(new) = self.grow(depth, end, step, start, density, rng) else {
                cut = false;
                break;
            };
            doublings += 1;
            // The end that the new piece was attached to is the last one.
            if !forward {
                whole.ends.swap(0, 1);
            }
            // New pieces are preferred, which makes successive draws less correlated (Betancourt, A.3.2).
            let better = new.log_weight - whole.log_weight;
            let turned = whole.turns_with(&new);
            moved |= self.join(&mut whole, new, better, rng);
            if !forward {
                whole.ends.swap(0, 1);
            }
            if turned {
                cut = false;
                break;
            }
        }
        if moved {
            std::mem::swap(position, &mut whole.drawn);
        }
        self.free.push(whole);
        self.ends = ends;
        let accept = self.accept / self.points.max(1) as f64;
        let (diverged, steps) = (self.diverged, self.points);
        Transition { accept, diverged, moved, cut, energy: start, depth: doublings, steps }
    }

    /// Returns 2^`depth` points that follow `end`, and moves `end` to the last of them. `None` if they diverge or make
    /// a U-turn.
    fn grow(
        &mut self,
        depth: usize,
        end: &mut (Position, Vec<f64>),
        step: f64,
        start: f64,
        density: &mut Gradient<'_>,
        rng: &mut Stream,
    ) -> Option<Piece> {
        if depth == 0 {
            let lost = self.leapfrog(end, step, density) - start;
            self.points += 1;
            self.without_slope += usize::from(end.0.value.is_finite() && lost.is_nan());
            if !lost.is_finite() || lost > DIVERGED {
                self.diverged = true;
                return None;
            }
            self.accept += (-lost).exp().min(1.0);
            return Some(self.piece(&end.0, &end.1, -lost));
        }
        let mut first = self.grow(depth - 1, end, step, start, density, rng)?;
        let Some(second) = self.grow(depth - 1, end, step, start, density, rng) else {
            self.free.push(first);
            return None;
        };
        let turned = first.turns_with(&second);
        let share = second.log_weight - add_logs(first.log_weight, second.log_weight);
        self.join(&mut first, second, share, rng);
        if turned {
            self.free.push(first);
            return None;
        }
        Some(first)
    }

    /// Makes a leapfrog step in the units of the metric. Returns the energy after it.
    fn leapfrog(
        &mut self,
        (position, momentum): &mut (Position, Vec<f64>),
        step: f64,
        density: &mut Gradient<'_>,
    ) -> f64 {
        let Position { q, gradient, value } = position;
        if let Some(low_rank) = &self.low_rank {
            let (scale, mapped) = (&self.scale, &mut self.mapped);
            kick(momentum, 0.5 * step, gradient, (scale, low_rank), mapped);
            mapped.clone_from(momentum);
            low_rank.apply(mapped);
            q.iter_mut().zip(&*mapped).zip(scale).for_each(|((q, v), scale)| *q += step * scale * v);
            *value = density(q, gradient);
            kick(momentum, 0.5 * step, gradient, (scale, low_rank), mapped);
            return energy(*value, momentum);
        }
        for (((q, p), g), scale) in q.iter_mut().zip(&mut *momentum).zip(&*gradient).zip(&self.scale) {
            *p += 0.5 * step * scale * g;
            *q += step * scale * *p;
        }
        *value = density(q, gradient);
        momentum.iter_mut().zip(&*gradient).zip(&self.scale).for_each(|((p, g), scale)| *p += 0.5 * step * scale * g);
        energy(*value, momentum)
    }

    /// Makes a piece of one point.
    fn piece(&mut self, position: &Position, momentum: &[f64], log_weight: f64) -> Piece {
        let empty = || Piece { ends: Default::default(), sum: Vec::new(), log_weight, drawn: Position::default() };
        let mut piece = self.free.pop().unwrap_or_else(empty);
        let Piece { ends: [first, last], sum, .. } = &mut piece;
        for numbers in [first, last, sum] {
            numbers.clear();
            numbers.extend_from_slice(momentum);
        }
        piece.log_weight = log_weight;
        piece.drawn.copy_from(position);
        piece
    }

    /// Appends `next` to the last end of `piece`, and takes the drawn point of `next` with probability
    /// exp(`log_share`). Returns whether it was taken.
    fn join(&mut self, piece: &mut Piece, mut next: Piece, log_share: f64, rng: &mut Stream) -> bool {
        let taken = log_share >= 0.0 || rng.random::<f64>() < log_share.exp();
        if taken {
            std::mem::swap(&mut piece.drawn, &mut next.drawn);
        }
        piece.log_weight = add_logs(piece.log_weight, next.log_weight);
        piece.sum.iter_mut().zip(&next.sum).for_each(|(sum, next)| *sum += next);
        std::mem::swap(&mut piece.ends[1], &mut next.ends[1]);
        self.free.push(next);
        taken
    }

    /// Sets an initial step size: it is doubled or halved until the first step is accepted with a probability of about
    /// 0.8.
    pub(super) fn find_step(&mut self, position: &Position, density: &mut Gradient<'_>, rng: &mut Stream) {
        let mut accepted = |step: f64| {
            let momentum: Vec<f64> = position.q.iter().map(|_| rng.sample(StandardNormal)).collect();
            let start = energy(position.value, &momentum);
            let lost = self.leapfrog(&mut (position.clone(), momentum), step, density) - start;
            (-lost).exp() > 0.8
        };
        let grows = accepted(1.0);
        let factor = if grows { 2.0 } else { 0.5 };
        let mut step = 1.0;
        // A factor of 2^50 is more than any step size needs.
        for _ in 0..50 {
            if accepted(step * factor) != grows {
                break;
            }
            step *= factor;
        }
        self.step = step;
    }
}

impl Piece {
    /// Returns whether this piece, joined with `next` at its last end, makes a U-turn: from one end to the other, or
    /// from one piece to the nearest point of the other.
    fn turns_with(&self, next: &Self) -> bool {
        let [first, last] = &self.ends;
        let [next_first, next_last] = &next.ends;
        // Six dot products of a sum of momenta with a momentum.
        let along = sums([first, last, &self.sum, next_first, next_last, &next.sum], |[a, b, sum, c, d, next]| {
            let (whole, to_next, from_last) = (sum + next, sum + c, b + next);
            [whole * a, whole * d, to_next * a, to_next * c, from_last * b, from_last * d]
        });
        !along.iter().all(|along| *along > 0.0)
    }
}

/// Adds `step` times the gradient in units of the metric to the momentum. `mapped` is a buffer.
fn kick(
    momentum: &mut [f64],
    step: f64,
    gradient: &[f64],
    (scale, low_rank): (&[f64], &LowRank),
    mapped: &mut Vec<f64>,
) {
    mapped.clear();
    mapped.extend(gradient.iter().zip(scale).map(|(g, scale)| scale * g));
    low_rank.apply(mapped);
    momentum.iter_mut().zip(&*mapped).for_each(|(p, g)| *p += step * g);
}

/// Returns the Hamiltonian for standard Normal momenta.
fn energy(value: f64, momentum: &[f64]) -> f64 {
    0.5 * sums([momentum], |[p]| [p * p])[0] - value
}

/// Returns the sums of `of` over the elements of vectors of equal length. Four partial sums run side by side, so that
/// none waits for the one before.
#[inline]
fn sums<const N: usize, const K: usize>(vectors: [&[f64]; N], of: impl Fn([f64; N]) -> [f64; K]) -> [f64; K] {
    let len = vectors[0].len();
    let vectors = vectors.map(|vector| &vector[..len]);
    let mut sums = [[0.0; 4]; K];
    let mut add = |i: usize, lane: usize| {
        let terms = of(std::array::from_fn(|n| vectors[n][i]));
        (0..K).for_each(|k| sums[k][lane] += terms[k]);
    };
    for i in (0..len / 4 * 4).step_by(4) {
        (0..4).for_each(|lane| add(i + lane, lane));
    }
    (len / 4 * 4..len).for_each(|i| add(i, i % 4));
    sums.map(|[a, b, c, d]| (a + b) + (c + d))
}

fn add_logs(a: f64, b: f64) -> f64 {
    let most = a.max(b);
    if most == f64::NEG_INFINITY { most } else { most + (-(a - b).abs()).exp().ln_1p() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::stream;
    use hierarch_margins::seed;
    use hierarch_margins::within;

    /// A Normal number of sd 0.1 and one of the logistic distribution, both around 0.
    fn normal_and_logistic(q: &[f64], gradient: &mut [f64]) -> f64 {
        let (e, z) = ((-q[1].abs()).exp(), q[0] / 0.1);
        gradient.copy_from_slice(&[-z / 0.1, -q[1].signum() * (1.0 - e) / (1.0 + e)]);
        -0.5 * z * z - q[1].abs() - 2.0 * e.ln_1p()
    }

    #[test]
    fn steps_go_back_to_where_they_came_from_and_keep_the_energy() {
        let mut walker = Walker::new(vec![0.1, 1.0]);
        let start = (Position::new(vec![0.05, -1.0], &mut normal_and_logistic), vec![0.7, -0.3]);
        let energy_there = energy(start.0.value, &start.1);
        // A quarter of the step leaves a sixteenth of the error.
        let [coarse, fine] = [0.1, 0.025].map(|step| {
            let mut end = start.clone();
            let mut worst = 0.0_f64;
            for _ in 0..(1.0 / step) as usize {
                worst = worst.max((walker.leapfrog(&mut end, step, &mut normal_and_logistic) - energy_there).abs());
            }
            for _ in 0..(1.0 / step) as usize {
                walker.leapfrog(&mut end, -step, &mut normal_and_logistic);
            }
            let off = start.0.q.iter().zip(&end.0.q).chain(start.1.iter().zip(&end.1));
            assert!(off.clone().all(|(a, b)| (a - b).abs() < 1e-12), "{start:?}, {end:?}");
            worst
        });
        assert!((coarse / (16.0 * fine) - 1.0).abs() < 0.1, "{coarse}, {fine}");
        walker.step = 1e-3;
        let mut end = start.0.clone();
        let moved = walker.transition(&mut end, &mut normal_and_logistic, &mut stream(seed(1), 0));
        assert!(moved.accept > 0.999 && !moved.diverged && moved.moved, "{moved:?}");
    }

    /// A transition from an exact draw gives an exact draw, whatever the step size: coarse steps, which are often
    /// refused, are the strictest test.
    #[test]
    fn a_transition_leaves_the_distribution_as_it_is() {
        const DRAWS: u64 = 200_000;
        for (step, scale) in [(0.3, 1.0), (0.9, 1.0), (1.7, 1.0), (0.9, 0.3)] {
            let mut walker = Walker::new(vec![0.1 * scale, 1.5 * scale]);
            walker.step = step;
            // Moments of the Normal number in sds and of the uniform that the logistic number is a function of: mean
            // squares, a fourth power and a cross moment. Each with its exact mean and variance.
            let exact = [(1.0, 2.0), (3.0, 96.0), (1.0 / 12.0, 1.0 / 180.0), (0.0, 1.0 / 12.0)];
            let mut sums = [0.0; 4];
            let mut refused = 0;
            for i in 0..DRAWS {
                let mut rng = stream(seed(2), i);
                let u: f64 = rng.random_range(1e-300..1.0);
                let z: f64 = rng.sample(StandardNormal);
                let mut position = Position::new(vec![0.1 * z, (u / (1.0 - u)).ln()], &mut normal_and_logistic);
                refused += usize::from(!walker.transition(&mut position, &mut normal_and_logistic, &mut rng).moved);
                let (z, u) = (position.q[0] / 0.1, 1.0 / (1.0 + (-position.q[1]).exp()) - 0.5);
                [z * z, z.powi(4), u * u, z * u].iter().zip(&mut sums).for_each(|(x, sum)| *sum += x);
            }
            for (k, ((mean, variance), sum)) in exact.into_iter().zip(sums).enumerate() {
                let error = (variance / DRAWS as f64).sqrt();
                // Five sd: one false alarm in 100,000 runs of these 16. A real error of 2 % is more.
                within!((sum / DRAWS as f64 - mean).abs(), 5.0 * error, "number {k} of step {step}, refused {refused}");
            }
        }
    }

    #[test]
    fn where_the_density_is_no_number_or_infinite_a_trajectory_diverges() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut density = |q: &[f64], gradient: &mut [f64]| {
                gradient[0] = 1.0;
                if q[0] > 0.0 { value } else { q[0] }
            };
            let (mut diverged, mut rng) = (0, stream(3, 0));
            let mut walker = Walker::new(vec![1.0]);
            let mut position = Position::new(vec![-1.0], &mut density);
            for _ in 0..200 {
                diverged += usize::from(walker.transition(&mut position, &mut density, &mut rng).diverged);
                assert!(position.q[0] <= 0.0);
            }
            assert!(diverged > 50, "{diverged}");
        }
    }
}
