//! What of an implicit model has a density: all of it but the implicit observations and what feeds nothing else.
//!
//! Given the globals, the continuous locals and the data, what is left to sum over are the discrete locals and the plates
//! that are only simulated. The implicit factor comes off as a factor of its own where none of these stands behind both an
//! implicit observation and something with a density. What stands behind implicit observations alone sums to one without
//! them, so it is left out.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Ident;

use crate::ast::{Role, Size};
use crate::builtin::Draws;
use crate::rewrite::{bound, identifiers};
use crate::tree::{Definition, Plate, Step, Tree, Variable, mentions};

/// The tree of what has a density, or why there is none.
pub fn explicit(tree: &Tree) -> Result<Tree, String> {
    let mut names = Names::default();
    names.collect(&tree.root, true);
    names.check(&tree.name)?;
    let mut needed = BTreeSet::new();
    for (name, mentioned) in &names.explicit {
        needed.insert(name.clone());
        names.reach(mentioned, &mut needed);
    }
    Ok(tree.with_steps(keep(&tree.root, &needed)))
}

/// The needed steps. An implicit observation is a covariate to what mentions it, and no covariate needs a distribution.
fn keep(steps: &[Step], needed: &BTreeSet<String>) -> Vec<Step> {
    let is_needed = |name: &Ident| needed.contains(&name.to_string());
    let kept = steps.iter().filter_map(|step| match step {
        Step::Variable(v) if !is_needed(&v.name) => None,
        Step::Variable(v) if v.role == Role::Given || is_implicit(v) => {
            Some(Step::Variable(Variable { role: Role::Given, definition: None, ..v.clone() }))
        }
        Step::Variable(_) => Some(step.clone()),
        Step::Let { pat, .. } => bound(pat).iter().any(is_needed).then(|| step.clone()),
        Step::Plate(p) => {
            let steps = keep(&p.steps, needed);
            let some = p.in_data && (!steps.is_empty() || matches!(p.size, Size::Random(..)));
            some.then(|| Step::Plate(Plate { steps, ..p.clone() }))
        }
    });
    kept.collect()
}

fn is_implicit(v: &Variable) -> bool {
    v.definition.as_ref().is_some_and(Definition::is_implicit)
}

/// What the names of a model depend on.
#[derive(Default)]
struct Names {
    /// What each mentions; nothing for what is data or a latent variable that the density is a function of. To a function
    /// that takes it whole, a plate is all that is declared in it.
    mentions: BTreeMap<String, Vec<String>>,
    /// The discrete locals of plates that are in the data, and whether they are known to have finitely many values.
    discrete: BTreeMap<String, bool>,
    /// What has a density, with what it mentions: continuous latents, observations and random sizes.
    explicit: Vec<(String, Vec<String>)>,
    /// The implicit observations, with what they mention.
    implicit: Vec<(String, Vec<String>)>,
}

impl Names {
    fn collect(&mut self, steps: &[Step], in_data: bool) {
        for step in steps {
            match step {
                Step::Variable(v) => self.variable(v, in_data),
                Step::Let { pat, expr } => {
                    let mentioned = texts(identifiers(expr));
                    self.mentions.extend(bound(pat).iter().map(|name| (name.to_string(), mentioned.clone())));
                }
                Step::Plate(p) => {
                    let mut inside = texts(p.steps.iter().flat_map(declared));
                    if let Size::Random(size, distribution) = &p.size {
                        let mentioned = texts(identifiers(distribution));
                        match p.in_data {
                            true => self.explicit.push((size.to_string(), mentioned)),
                            false => inside.extend(mentioned),
                        }
                    }
                    self.mentions.insert(p.name.to_string(), inside);
                    self.collect(&p.steps, p.in_data);
                }
            }
        }
    }

    fn variable(&mut self, v: &Variable, in_data: bool) {
        let name = v.name.to_string();
        let mut mentioned = texts(v.definition.iter().flat_map(mentions));
        if in_data && v.latent() && !v.continuous_latent() {
            let draws = v.definition.as_ref().and_then(Definition::draws);
            let finite = matches!(draws, Some(Draws::Bool | Draws::Category | Draws::FiniteCount));
            self.discrete.insert(name.clone(), finite);
        } else if in_data {
            let mentioned = std::mem::take(&mut mentioned);
            if is_implicit(v) {
                self.implicit.push((name.clone(), mentioned));
            } else if v.role != Role::Given {
                self.explicit.push((name.clone(), mentioned));
            }
        }
        self.mentions.insert(name, mentioned);
    }

    /// Adds some names and everything that they depend on.
    fn reach(&self, from: &[String], found: &mut BTreeSet<String>) {
        for name in from {
            if let Some(mentioned) = self.mentions.get(name)
                && found.insert(name.clone())
            {
                self.reach(mentioned, found);
            }
        }
    }

    /// The discrete locals behind some names.
    fn discrete_behind(&self, names: &[String]) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        self.reach(names, &mut found);
        found.retain(|name| self.discrete.contains_key(name));
        found
    }

    /// Whether the explicit factors can be worked out, and stand apart from the implicit ones.
    fn check(&self, model: &Ident) -> Result<(), String> {
        let implicit: Vec<_> = self.implicit.iter().map(|(name, m)| (name, self.discrete_behind(m))).collect();
        for (name, mentioned) in &self.explicit {
            for behind in self.discrete_behind(mentioned) {
                if let Some((function, _)) = implicit.iter().find(|(_, names)| names.contains(&behind)) {
                    return Err(format!(
                        "`{model}` has no density that leaves `{function}` out, since `{function}` and `{name}` both \
                         depend on the discrete local `{behind}` and are summed over together: infer it with `npe()`"
                    ));
                }
                if !self.discrete[&behind] {
                    return Err(format!(
                        "`{model}` has no density, implicit observations left out or not, since `{name}` depends on the \
                         discrete local `{behind}`, and only Bernoulli, Categorical and Binomial are summed out: infer it \
                         with `npe()`"
                    ));
                }
            }
        }
        Ok(())
    }
}

fn texts(names: impl IntoIterator<Item = Ident>) -> Vec<String> {
    names.into_iter().map(|name| name.to_string()).collect()
}

/// The names that a step declares.
fn declared(step: &Step) -> Vec<Ident> {
    match step {
        Step::Variable(v) => vec![v.name.clone()],
        Step::Let { pat, .. } => bound(pat),
        Step::Plate(p) => vec![p.name.clone()],
    }
}
