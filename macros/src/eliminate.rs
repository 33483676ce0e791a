//! Several discrete locals of one element: in which order their values are summed over, so that the time is that of the groups that
//! depend on each other, and not of all together.
//!
//! What is summed is a tree. Given the value of a local and of those above it, what is below falls into parts without anything in
//! common, each with a sum of its own. Where a part depends on some of those above alone, its sum is worked out once for each of
//! their values and kept, which makes this the elimination of variables (Darwiche, Artificial Intelligence 126, 5 (2001)).

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Ident;

use crate::names::bound;
use crate::tree::{Step, Variable};

/// A discrete local, with what is summed inside each of its values.
pub struct Part<'a> {
    pub local: &'a Variable,
    /// The step that declares it.
    pub declared: &'a Step,
    /// What depends on it and on those above alone, in the order of the declaration.
    pub steps: Vec<&'a Step>,
    pub parts: Vec<Part<'a>>,
    /// Those above that the sum depends on, where it is kept for each of their values; empty if it is worked out where it stands.
    pub kept_by: Vec<&'a Ident>,
}

/// Positions among the discrete locals.
type Locals = BTreeSet<usize>;

/// The number of values that each local is taken to have when orders are compared.
const VALUES: f64 = 4.0;
/// The most locals by whose values a sum is kept.
const KEPT_BY: usize = 2;
/// The most locals of which all orders are tried. Of more, the order of the declaration is taken.
const ALL_ORDERS: usize = 6;

/// Finds the sums of the `steps` that depend on discrete locals; `None` if one over all combinations of their values costs no more.
/// Sums are kept if the code can do so, as `keeps` says.
pub fn parts<'a>(steps: &[&'a Step], keeps: bool) -> Option<Vec<Part<'a>>> {
    let all = Factors::of(steps, keeps)?;
    let top = all.within(&(0..all.locals.len()).collect(), &Locals::new());
    let product: f64 = (1..=all.locals.len()).map(|depth| VALUES.powi(depth as i32)).sum();
    (top.iter().map(|part| part.cost).sum::<f64>() < product).then(|| top.into_iter().map(|part| part.part).collect())
}

struct Factors<'a> {
    locals: Vec<(&'a Variable, &'a Step)>,
    /// Each step but the locals themselves, with the locals that it depends on.
    steps: Vec<(&'a Step, Locals)>,
    /// The locals that a term of the density depends on.
    scopes: Vec<Locals>,
    /// The locals that each local's own distribution depends on.
    parents: Vec<Locals>,
    keeps: bool,
}

struct Costed<'a> {
    part: Part<'a>,
    cost: f64,
}

impl<'a> Factors<'a> {
    /// Finds what depends on what; `None` if there are fewer than two locals.
    fn of(steps: &[&'a Step], keeps: bool) -> Option<Self> {
        let mut known: BTreeMap<String, Locals> = BTreeMap::new();
        let mut all = Self { locals: Vec::new(), steps: Vec::new(), scopes: Vec::new(), parents: Vec::new(), keeps };
        for step in steps {
            let mut on: Locals =
                step.mentions().iter().filter_map(|name| known.get(&name.to_string())).flatten().copied().collect();
            match step {
                Step::Variable(v) if v.discrete_latent() => {
                    let at = all.locals.len();
                    all.locals.push((v, step));
                    all.parents.push(on.clone());
                    on.insert(at);
                    known.insert(v.name.to_string(), [at].into());
                    all.scopes.push(on);
                    continue;
                }
                Step::Variable(v) => {
                    known.insert(v.name.to_string(), on.clone());
                    all.scopes.push(on.clone());
                }
                Step::Let { pat, .. } => {
                    known.extend(bound(pat).iter().map(|name| (name.to_string(), on.clone())));
                }
                Step::Lag(lag) => {
                    known.insert(lag.local.to_string(), on.clone());
                }
                Step::Factor(_) | Step::Plate(_) => all.scopes.push(on.clone()),
            }
            all.steps.push((step, on));
        }
        (all.locals.len() > 1).then_some(all)
    }

    /// Finds the parts that `locals` fall into, given those `above`.
    fn within(&self, locals: &Locals, above: &Locals) -> Vec<Costed<'a>> {
        let mut left = locals.clone();
        let mut parts = Vec::new();
        while let Some(first) = left.first().copied() {
            let mut group: Locals = [first].into();
            loop {
                let touched = self.scopes.iter().filter(|scope| !scope.is_disjoint(&group)).flatten();
                let more: Locals = touched.filter(|local| left.contains(local)).copied().collect();
                if more.is_subset(&group) {
                    break;
                }
                group.extend(more);
            }
            left = left.difference(&group).copied().collect();
            parts.extend(self.best(&group, above));
        }
        parts
    }

    /// Finds the cheapest order of the locals of a `group` that has parts in common.
    fn best(&self, group: &Locals, above: &Locals) -> Option<Costed<'a>> {
        // A local comes after those that its own distribution depends on.
        let mut first = group.iter().copied().filter(|local| self.parents[*local].is_subset(above));
        if self.locals.len() > ALL_ORDERS {
            return first.next().map(|local| self.order(local, group, above));
        }
        first.map(|local| self.order(local, group, above)).min_by(|a, b| a.cost.total_cmp(&b.cost))
    }

    /// Sums over the local `at` first.
    fn order(&self, at: usize, group: &Locals, above: &Locals) -> Costed<'a> {
        let touched = self.scopes.iter().filter(|scope| !scope.is_disjoint(group)).flatten();
        let on: Locals = touched.filter(|local| above.contains(local)).copied().collect();
        let keeps = self.keeps && on.len() < above.len() && on.len() <= KEPT_BY;
        let kept_by = if keeps { on.iter().map(|local| &self.locals[*local].0.name).collect() } else { Vec::new() };
        let mut known = above.clone();
        known.insert(at);
        let rest = group.iter().copied().filter(|local| *local != at).collect();
        let inside = self.within(&rest, &known);
        let of_local = |on: &Locals| on.contains(&at) && on.is_subset(&known);
        let steps = self.steps.iter().filter(|(_, on)| of_local(on)).map(|(step, _)| *step).collect();
        let depth = if keeps { on.len() } else { above.len() };
        let cost = VALUES.powi(depth as i32 + 1) + inside.iter().map(|part| part.cost).sum::<f64>();
        let parts = inside.into_iter().map(|part| part.part).collect();
        let (local, declared) = self.locals[at];
        Costed { part: Part { local, declared, steps, parts, kept_by }, cost }
    }
}
