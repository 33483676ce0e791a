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
use crate::definition::Definition;
use crate::names::{bound, identifiers};
use crate::reads::mark_reads;
use crate::tree::{Plate, Step, Tree, Variable, all_plates};

/// Finds the tree of what has a density.
///
/// # Errors
/// Why there is no density, for the user.
pub fn explicit(tree: &Tree) -> Result<Tree, String> {
    let mut names = Names::default();
    names.collect(&tree.root, true);
    names.check(&tree.name)?;
    let mut needed = BTreeSet::new();
    for (name, mentioned) in &names.explicit {
        needed.insert(name.clone());
        names.reach(mentioned, &mut needed);
    }
    let mut root = keep(&tree.root, &needed);
    if let Some(chain) = all_plates(&root).into_iter().find_map(Plate::chain) {
        return Err(format!(
            "`{}` has no density that leaves implicit observations out, since the discrete local `{}` depends on its value before: infer \
             it with `npe()`",
            tree.name, chain.name
        ));
    }
    mark_reads(&mut root, &tree.symbols);
    Ok(Tree { root, ..tree.clone() })
}

/// Keeps the needed steps. An implicit observation is a covariate to what mentions it, and no covariate needs a distribution.
fn keep(steps: &[Step], needed: &BTreeSet<String>) -> Vec<Step> {
    let is_needed = |name: &Ident| needed.contains(&name.to_string());
    let kept = steps.iter().filter_map(|step| match step {
        Step::Variable(v) if !is_needed(&v.name) => None,
        Step::Variable(v) if v.role == Role::Given || v.is_implicit() => {
            Some(Step::Variable(Variable { role: Role::Given, definition: None, ..v.clone() }))
        }
        Step::Variable(_) => Some(step.clone()),
        Step::Let { pat, .. } => bound(pat).iter().any(is_needed).then(|| step.clone()),
        Step::Factor(_) => Some(step.clone()),
        Step::Lag(lag) => is_needed(&lag.local).then(|| step.clone()),
        Step::Plate(p) => {
            let steps = keep(&p.steps, needed);
            let some = p.in_data && (!steps.is_empty() || matches!(p.size, Size::Random(..)));
            some.then(|| Step::Plate(Plate { steps, ..p.clone() }))
        }
    });
    kept.collect()
}

/// What the names of a model depend on.
#[derive(Default)]
struct Names {
    /// What each mentions; empty for what is data or a latent variable that the density is a function of. To a function
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
                Step::Lag(lag) => {
                    self.mentions.insert(lag.local.to_string(), texts(step.mentions()));
                }
                Step::Factor(expr) => self.explicit.push(("factor".to_owned(), texts(identifiers(expr)))),
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
        let mut mentioned = texts(v.mentions());
        if in_data && v.discrete_latent() {
            let draws = v.definition.as_ref().and_then(Definition::draws);
            self.discrete.insert(name.clone(), draws.is_some_and(Draws::is_finite));
        } else if in_data {
            let mentioned = std::mem::take(&mut mentioned);
            if v.is_implicit() {
                self.implicit.push((name.clone(), mentioned));
            } else if v.role != Role::Given {
                self.explicit.push((name.clone(), mentioned));
            }
        }
        self.mentions.insert(name, mentioned);
    }

    /// Adds the names `from` and everything that they depend on to `found`.
    fn reach(&self, from: &[String], found: &mut BTreeSet<String>) {
        for name in from {
            if let Some(mentioned) = self.mentions.get(name)
                && found.insert(name.clone())
            {
                self.reach(mentioned, found);
            }
        }
    }

    /// Finds the discrete locals that `names` depend on.
    fn discrete_behind(&self, names: &[String]) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        self.reach(names, &mut found);
        found.retain(|name| self.discrete.contains_key(name));
        found
    }

    /// Checks that the explicit factors can be worked out, and that they stand apart from the implicit ones.
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
                         discrete local `{behind}`, and only those with finitely many values are summed out: infer it \
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

/// Lists the names that `step` declares.
fn declared(step: &Step) -> Vec<Ident> {
    match step {
        Step::Variable(v) => vec![v.name.clone()],
        Step::Let { pat, .. } => bound(pat),
        Step::Factor(_) => Vec::new(),
        Step::Plate(p) => vec![p.name.clone()],
        Step::Lag(lag) => vec![lag.local.clone()],
    }
}
