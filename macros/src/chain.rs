//! A hidden Markov chain: a discrete local that depends on its value in the element before, and what depends on it.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Ident;

use crate::definition::Definition;
use crate::names::{bound, identifiers};
use crate::split::split;
use crate::tree::{Earlier, Lag, Plate, Step, Symbol, Variable};

/// What of an element depends on the state of its chain.
pub struct Chain<'a> {
    pub state: &'a Variable,
    pub definition: &'a Definition,
    /// What stands for the state before.
    pub before: Vec<&'a Lag>,
    /// The steps that depend on the state, and on none before.
    pub of_state: Vec<&'a Step>,
    /// Those that depend on the state before.
    pub of_step: Vec<&'a Step>,
    /// Whether the steps from one state to the next are the same in all elements but the first.
    pub same_steps: bool,
}

/// Finds the chain of `plate`.
pub fn chain<'a>(symbols: &BTreeMap<String, Symbol>, plate: &'a Plate) -> Option<Chain<'a>> {
    let name = &plate.chain()?.name;
    let state = plate.variables().find(|v| v.name == *name)?;
    let definition = state.definition.as_ref()?;
    let before: Vec<&Lag> = plate.lags().filter(|lag| lag.summed().is_some()).collect();
    let steps: Vec<&Step> = plate.steps.iter().collect();
    let mut names: BTreeSet<String> = before.iter().map(|lag| lag.local.to_string()).collect();
    let (mut of_state, mut of_step) = (Vec::new(), Vec::new());
    for step in split(&steps).1 {
        match step {
            Step::Lag(lag) if lag.summed().is_some() => {}
            Step::Variable(v) if v.name == state.name => {}
            step if step.mentions().iter().any(|name| names.contains(&name.to_string())) => {
                match step {
                    Step::Variable(v) => {
                        names.insert(v.name.to_string());
                    }
                    Step::Let { pat, .. } => names.extend(bound(pat).iter().map(Ident::to_string)),
                    _ => {}
                }
                of_step.push(step);
            }
            step => of_state.push(step),
        }
    }
    let of_element = |name: &Ident| {
        let text = name.to_string();
        let first =
            plate.lags().any(|lag| lag.local == *name && matches!(lag.earlier, Earlier::IsFirst) && lag.steps == 1);
        let in_plate = symbols.get(&text).is_some_and(|s| s.plate.as_deref() == Some(&plate.name.to_string()));
        in_plate && !first && !names.contains(&text) && *name != state.name
    };
    let only_lets = of_step.iter().all(|step| matches!(step, Step::Let { .. } | Step::Factor(_)));
    let initial = before.iter().filter_map(|lag| lag.initial()).flat_map(identifiers);
    let mentioned = of_step.iter().flat_map(|step| step.mentions()).chain(definition.mentions()).chain(initial);
    let same_steps = only_lets && !mentioned.into_iter().any(|name| of_element(&name));
    Some(Chain { state, definition, before, of_state, of_step, same_steps })
}

impl Chain<'_> {
    /// Tells whether `step` is worked out without the elements: a step from one state to the next, where these are the same.
    pub fn is_outside(&self, step: &Step) -> bool {
        let of_step = self.of_step.iter().any(|other| std::ptr::eq(*other, step));
        self.same_steps && (of_step || matches!(step, Step::Variable(v) if v.name == self.state.name))
    }
}
