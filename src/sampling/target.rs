//! What is refined: the density of all latent variables at once, or that of the globals, with the locals integrated out element by
//! element.

use rayon::prelude::*;

use super::elements::Elements;
use super::laplace::{Anchor, Laplace};
use crate::model::{AnyDensity, Densities, Purpose, stream_for};
use crate::simulate::Stream;

/// The variance of the logarithm of an estimated density that is aimed at.
const NOISE: f64 = 0.2;
/// That at which weights say nothing.
const HOPELESS: f64 = 2.0;
/// The numbers of draws of each group's locals to begin with, and at most.
const DRAWS: usize = 8;
const MOST: usize = 256;

/// A density of the first of the unconstrained numbers: of the globals, or of all.
pub(super) struct Target<'a> {
    densities: Densities<'a>,
    /// The number of unconstrained numbers of all latent variables.
    pub dimension: usize,
    elements: Option<Elements<'a>>,
    anchor: Option<Anchor>,
    /// The number of draws of each group's locals.
    draws: usize,
}

/// Evaluates a target on one thread.
pub(super) enum Evaluate<'t> {
    Whole { density: Box<dyn AnyDensity + 't>, gradient: Vec<f64> },
    ByElement { elements: &'t Elements<'t>, laplace: Laplace<'t>, draws: usize },
}

impl<'a> Target<'a> {
    pub fn new(densities: Densities<'a>, elements: Option<Elements<'a>>) -> Self {
        let dimension = densities().dimension();
        Self { densities, dimension, elements, anchor: None, draws: DRAWS }
    }

    /// Returns the number of unconstrained numbers that it is a density of.
    pub fn numbers(&self) -> usize {
        self.elements.as_ref().map_or(self.dimension, |elements| elements.globals)
    }

    pub fn is_by_element(&self) -> bool {
        self.elements.is_some()
    }

    /// Looks for the locals from where they are at `globals` from now on.
    pub fn look_around(&mut self, globals: &[f64]) {
        self.anchor = self.elements.as_ref().map(|elements| Anchor::new(elements, (self.densities)(), globals));
    }

    /// Takes as many draws of locals as needed from now on, so that the variance of what is estimated is small at most of these points;
    /// returns whether it is, or at least not so large that no weight would say anything. With `keep`, the points are draws of the
    /// posterior.
    pub fn quiet(&mut self, points: &[Vec<f64>], keep: bool, (purpose, seed, step): (Purpose, u64, u64)) -> bool {
        if self.elements.is_none() {
            return true;
        }
        loop {
            let difference = |(i, q): (usize, &Vec<f64>)| {
                let mut evaluate = self.evaluate();
                let mut once = |k: u64| {
                    let mut rng = stream_for(purpose, seed, step + k, (self.draws * points.len() + i) as u64);
                    evaluate.at(&mut q.clone(), keep, &mut rng)
                };
                0.5 * (once(0) - once(1)).powi(2)
            };
            let found = points.par_iter().enumerate().map(difference).filter(|x| x.is_finite());
            let mut found: Vec<f64> = found.collect();
            found.sort_unstable_by(f64::total_cmp);
            // Without the largest, which may be those of points that hardly count.
            let kept = &found[..found.len() - found.len() / 8];
            let noise = kept.iter().sum::<f64>() / kept.len().max(1) as f64;
            if noise <= NOISE || self.draws >= MOST {
                return noise <= HOPELESS;
            }
            // Draws of a lattice are worth more than as many independent ones.
            self.draws = (self.draws * if noise > 4.0 * NOISE { 4 } else { 2 }).min(MOST);
        }
    }

    /// Makes what evaluates it on one thread.
    pub fn evaluate<'t>(&'t self) -> Evaluate<'t> {
        let density = (self.densities)();
        match &self.elements {
            None => Evaluate::Whole { density, gradient: vec![0.0; self.dimension] },
            Some(elements) => Evaluate::ByElement {
                elements,
                laplace: Laplace::new(density, self.anchor.as_ref()),
                draws: self.draws,
            },
        }
    }

    /// Returns the log density of the prior of the globals at each of some `points`.
    pub fn log_priors<'q>(&self, points: impl Iterator<Item = &'q [f64]>) -> Vec<f64> {
        let (mut density, mut gradient) = ((self.densities)(), vec![0.0; self.dimension]);
        points.map(|q| density.prior_gradient(q, &mut gradient)).collect()
    }
}

impl Evaluate<'_> {
    /// Evaluates the logarithm of the target at `q`. By element, the locals in `q` are replaced by a draw of them; with `keep`, they count as one
    /// of those that are drawn: see [`Elements::estimate`].
    pub fn at(&mut self, q: &mut [f64], keep: bool, rng: &mut Stream) -> f64 {
        match self {
            Self::Whole { density, gradient } => density.gradient(q, gradient),
            Self::ByElement { elements, laplace, draws } => {
                let bumps = laplace.at(elements, &q[..elements.globals]);
                elements.estimate(&bumps, q, (*draws, keep), rng)
            }
        }
    }
}
