//! Where the locals of each group of elements are given the globals: their mode, and the curvature there.
//!
//! Groups are independent given the globals, so one gradient of the whole density has the gradients of all groups, and as many
//! differences of it as the largest group has locals give the matrices of second derivatives of all of them. Newton's steps are
//! taken for all groups at once.

use super::bump::Bump;
use super::elements::Elements;
use crate::linear::Cholesky;
use crate::model::AnyDensity;

/// The most steps towards a mode, and how often one of them is halved.
const STEPS: usize = 30;
const HALVINGS: usize = 6;
/// The square of the distance from the mode, in units of the curvature, that is near enough for a proposal.
const NEAR: f64 = 1e-3;
/// The square of a step after which the mode is that near.
const SHORT: f64 = 0.03;
/// The change of a number by which derivatives are taken, in units of its width.
const DIFFERENCE: f64 = 1e-4;

/// The bumps at some globals, and how they follow when these change.
pub(super) struct Anchor {
    globals: Vec<f64>,
    bumps: Vec<Bump>,
    /// For each global, the derivatives of all locals by it, where all unconstrained numbers are.
    slopes: Vec<Vec<f64>>,
}

/// Finds bumps, near an anchor.
pub(super) struct Laplace<'a> {
    density: Box<dyn AnyDensity + 'a>,
    anchor: Option<&'a Anchor>,
}

impl Anchor {
    /// Finds the bumps at `globals`.
    pub fn new(elements: &Elements<'_>, mut density: Box<dyn AnyDensity + '_>, globals: &[f64]) -> Self {
        let n = density.dimension();
        let mut q = vec![0.0; n];
        q[..globals.len()].copy_from_slice(globals);
        let bumps = climb(elements, &mut *density, &mut q, None);
        // dz/dglobal = (minus the second derivatives by z)^-1 times the derivative of the gradient by the global.
        let mut slopes = Vec::with_capacity(globals.len());
        let (mut above, mut below) = (vec![0.0; n], vec![0.0; n]);
        for at in 0..globals.len() {
            let step = DIFFERENCE * (1.0 + globals[at].abs());
            q[at] = globals[at] + step;
            density.gradient(&q, &mut above);
            q[at] = globals[at] - step;
            density.gradient(&q, &mut below);
            q[at] = globals[at];
            let mut slope = vec![0.0; n];
            for (numbers, bump) in elements.numbers.iter().zip(&bumps) {
                let mut own: Vec<f64> = numbers.iter().map(|i| (above[*i] - below[*i]) / (2.0 * step)).collect();
                bump.root.solve(&mut own);
                numbers.iter().zip(own).for_each(|(i, x)| slope[*i] = if x.is_finite() { x } else { 0.0 });
            }
            slopes.push(slope);
        }
        Self { globals: globals.to_vec(), bumps, slopes }
    }
}

impl<'a> Laplace<'a> {
    pub fn new(density: Box<dyn AnyDensity + 'a>, anchor: Option<&'a Anchor>) -> Self {
        Self { density, anchor }
    }

    /// Returns the bump of each group at `globals`: near enough for a proposal, and a function of the globals alone.
    pub fn at(&mut self, elements: &Elements<'_>, globals: &[f64]) -> Vec<Bump> {
        let mut q = vec![0.0; self.density.dimension()];
        q[..globals.len()].copy_from_slice(globals);
        if let Some(anchor) = self.anchor {
            for (numbers, bump) in elements.numbers.iter().zip(&anchor.bumps) {
                numbers.iter().zip(&bump.mode).for_each(|(at, mode)| q[*at] = *mode);
            }
            for ((global, before), slope) in globals.iter().zip(&anchor.globals).zip(&anchor.slopes) {
                q[globals.len()..]
                    .iter_mut()
                    .zip(&slope[globals.len()..])
                    .for_each(|(q, s)| *q += (global - before) * s);
            }
        }
        climb(elements, &mut *self.density, &mut q, self.anchor.map(|anchor| anchor.bumps.as_slice()))
    }
}

/// Takes Newton's steps from the locals in `q`, which then are at the modes.
fn climb(elements: &Elements<'_>, density: &mut dyn AnyDensity, q: &mut [f64], before: Option<&[Bump]>) -> Vec<Bump> {
    let n = q.len();
    let mut gradient = vec![0.0; n];
    let mut heights = elements.log_densities(q).0;
    let widths = widths(elements, before, n);
    let mut roots: Vec<Cholesky> = Vec::new();
    for _ in 0..STEPS {
        density.gradient(q, &mut gradient);
        roots = curvatures(elements, density, q, &widths, before);
        let (mut moves, mut farthest) = (vec![0.0; n], 0.0_f64);
        for (numbers, root) in elements.numbers.iter().zip(&roots) {
            let slope: Vec<f64> = numbers.iter().map(|at| gradient[*at]).collect();
            if slope.iter().any(|x| !x.is_finite()) {
                continue;
            }
            let mut own = slope.clone();
            root.solve(&mut own);
            farthest = farthest.max(own.iter().zip(&slope).map(|(x, g)| x * g).sum());
            numbers.iter().zip(own).for_each(|(at, x)| moves[*at] = x);
        }
        // After a step so short the curvature is what it was before.
        if farthest < NEAR || !rise(elements, q, &moves, &mut heights) || farthest < SHORT {
            break;
        }
    }
    let bump = |(numbers, root): (&Vec<usize>, Cholesky)| Bump::new(numbers.iter().map(|at| q[*at]).collect(), root);
    elements.numbers.iter().zip(roots).map(bump).collect()
}

/// Moves each group, by half and by half again where it would come down; returns whether one has moved.
fn rise(elements: &Elements<'_>, q: &mut [f64], moves: &[f64], heights: &mut [f64]) -> bool {
    let mut open: Vec<bool> = elements.numbers.iter().map(|n| n.iter().any(|at| moves[*at] != 0.0)).collect();
    let (mut share, mut moved) = (1.0, false);
    for _ in 0..HALVINGS {
        let mut tried = q.to_vec();
        for (numbers, _) in elements.numbers.iter().zip(&open).filter(|(_, open)| **open) {
            numbers.iter().for_each(|at| tried[*at] += share * moves[*at]);
        }
        let found = elements.log_densities(&tried).0;
        for (group, numbers) in elements.numbers.iter().enumerate() {
            // From where it is not defined, anywhere where it is leads up.
            if open[group] && (found[group] >= heights[group] || heights[group].is_nan() && found[group].is_finite()) {
                numbers.iter().for_each(|at| q[*at] = tried[*at]);
                (heights[group], open[group], moved) = (found[group], false, true);
            }
        }
        if !open.contains(&true) {
            break;
        }
        share *= 0.5;
    }
    moved
}

/// Returns the width of each number; 1 where it is not known.
fn widths(elements: &Elements<'_>, before: Option<&[Bump]>, n: usize) -> Vec<f64> {
    let mut widths = vec![1.0; n];
    for (numbers, bump) in elements.numbers.iter().zip(before.unwrap_or_default()) {
        for (i, at) in numbers.iter().enumerate() {
            // That given the other numbers of the group.
            let mut row = vec![0.0; numbers.len()];
            row[i] = 1.0;
            bump.root.transposed_times(&mut row);
            let precision: f64 = row.iter().map(|x| x * x).sum();
            widths[*at] = precision.recip().sqrt().clamp(1e-6, 1e3);
        }
    }
    widths
}

/// Returns the root of the curvature of each group; that of `before`, or else 1, where it is not defined.
fn curvatures(
    elements: &Elements<'_>,
    density: &mut dyn AnyDensity,
    q: &mut [f64],
    widths: &[f64],
    before: Option<&[Bump]>,
) -> Vec<Cholesky> {
    let n = q.len();
    let largest = elements.numbers.iter().map(Vec::len).max().unwrap_or(0);
    let mut matrices: Vec<Vec<f64>> = elements.numbers.iter().map(|own| vec![0.0; own.len() * own.len()]).collect();
    let (mut above, mut below) = (vec![0.0; n], vec![0.0; n]);
    for column in 0..largest {
        let at: Vec<usize> = elements.numbers.iter().filter_map(|own| own.get(column).copied()).collect();
        at.iter().for_each(|at| q[*at] += DIFFERENCE * widths[*at]);
        density.gradient(q, &mut above);
        at.iter().for_each(|at| q[*at] -= 2.0 * DIFFERENCE * widths[*at]);
        density.gradient(q, &mut below);
        at.iter().for_each(|at| q[*at] += DIFFERENCE * widths[*at]);
        for (numbers, matrix) in elements.numbers.iter().zip(&mut matrices).filter(|(own, _)| column < own.len()) {
            let step = 2.0 * DIFFERENCE * widths[numbers[column]];
            for (row, at) in numbers.iter().enumerate() {
                // Half of each of both that are the same.
                let slope = -(above[*at] - below[*at]) / step / 2.0;
                matrix[row * numbers.len() + column] += slope;
                matrix[column * numbers.len() + row] += slope;
            }
        }
    }
    let root = |(group, matrix): (usize, Vec<f64>)| {
        let size = elements.numbers[group].len();
        positive(matrix, size, &elements.numbers[group], widths)
            .or_else(|| before.map(|before| before[group].root.clone()))
            .or_else(|| positive(vec![0.0; size * size], size, &elements.numbers[group], widths))
            .unwrap_or_else(|| unreachable!("a diagonal that is positive has a root"))
    };
    matrices.into_iter().enumerate().map(root).collect()
}

/// Returns the root of a matrix, to whose diagonal is added what makes it positive; `None` if it is not finite.
fn positive(matrix: Vec<f64>, size: usize, numbers: &[usize], widths: &[f64]) -> Option<Cholesky> {
    if matrix.iter().any(|x| !x.is_finite()) {
        return None;
    }
    let mut more = 0.0;
    for _ in 0..40 {
        let mut shifted = matrix.clone();
        (0..size).for_each(|i| shifted[i * size + i] += more * widths[numbers[i]].powi(-2));
        if let Some(root) = Cholesky::new(shifted, size) {
            return Some(root);
        }
        more = if more == 0.0 { 1e-2 } else { 2.0 * more };
    }
    None
}
