//! The sum over all paths of a discrete local that depends on its value in the element before: a hidden Markov chain.
//!
//! Its terms do not depend on each other, so that elements still run a register at a time: a first pass works out the terms of each
//! state and of each step from one state to the next, the forward and backward algorithms make probabilities of them, and
//! a second pass adds the gradients of the terms, weighed by these.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::scope::Scope;
use super::sequence::first_of;
use crate::definition::Definition;
use crate::emit::choose::{categories, log_density};
use crate::emit::names::hidden;
use crate::emit::sequence::unread;
use crate::emit::split::split;
use crate::emit::values::seen;
use crate::names::{bound, identifiers};
use crate::tree::{Earlier, Lag, Plate, Step, Tree, Variable};

/// What of an element depends on the state of its chain.
struct Chain<'a> {
    state: &'a Variable,
    definition: &'a Definition,
    /// What stands for the state before.
    before: Vec<&'a Lag>,
    /// The steps that depend on the state, and on none before.
    of_state: Vec<&'a Step>,
    /// Those that depend on the state before.
    of_step: Vec<&'a Step>,
    /// Whether the steps from one state to the next are the same in all elements but the first.
    same_steps: bool,
}

fn chain<'a>(tree: &Tree, plate: &'a Plate) -> Option<Chain<'a>> {
    let state = plate.chain()?;
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
        let in_plate = tree.symbols.get(&text).is_some_and(|s| s.plate.as_deref() == Some(&plate.name.to_string()));
        in_plate && !first && !names.contains(&text) && *name != state.name
    };
    let only_lets = of_step.iter().all(|step| matches!(step, Step::Let { .. } | Step::Factor(_)));
    let initial = before.iter().filter_map(|lag| lag.initial()).flat_map(identifiers);
    let mentioned = of_step.iter().flat_map(|step| step.mentions()).chain(definition.mentions()).chain(initial);
    let same_steps = only_lets && !mentioned.into_iter().any(|name| of_element(&name));
    Some(Chain { state, definition, before, of_state, of_step, same_steps })
}

impl Scope<'_> {
    /// Works out the terms of a chain in `plate`, and their probabilities; empty if there is none. `outer` is the scope of the code
    /// around.
    pub fn chain_terms(&self, plate: &Plate, outer: &Scope, size_name: &dyn Fn(&Scope) -> TokenStream) -> TokenStream {
        let Some(chain) = chain(self.tree, plate) else { return TokenStream::new() };
        let values = self.values_only();
        let (lanes, zero, same_steps) = (&values.lanes, values.number(&quote!(0.0)), chain.same_steps);
        let promotions = values.promotions(plate, outer, &quote!(&[]));
        let (gathers, size) = (values.gathers(plate), size_name(&values));
        let steps: Vec<&Step> = plate.steps.iter().collect();
        let own: Vec<&Step> = split(&steps).0.into_iter().filter(|step| !matches!(step, Step::Plate(_))).collect();
        let (own, keep, terms) = (values.steps(&own), values.keep_carried(plate), values.terms(&chain));
        quote! {
            let mut __chain = ::hierarch::__private::Chain::new(
                __start,
                __end,
                #same_steps,
                [__scratch.take(0), __scratch.take(0), __scratch.take(0)],
            );
            {
                #promotions
                #size
                let mut __blocks = ::hierarch::__private::Blocks::with_first_alone(__start, __end);
                while let ::core::option::Option::Some(__block) = __blocks.next_block::<#lanes>() {
                    #gathers
                    let mut __lp = #zero;
                    #own
                    #keep
                    #terms
                    // What a branch made wrong is written again.
                    let _ = __blocks.diverged::<#lanes>(__block);
                }
            }
            let mut __buffer = __scratch.take(0);
            let __log_sum: f64 = __chain.smooth(&mut __buffer);
            __scratch.give(__buffer);
        }
    }

    /// Adds what [`Scope::chain_terms`] found, and gives its buffers back.
    pub fn end_chain(&self, plate: &Plate) -> TokenStream {
        if plate.chain().is_none() {
            return TokenStream::new();
        }
        quote! {
            __lp.value += __log_sum;
            for __buffer in __chain.into_buffers() { __scratch.give(__buffer); }
        }
    }

    /// Emits the terms of an element at hand.
    fn terms(&self, chain: &Chain) -> TokenStream {
        let loads = self.loads(&[chain.of_state.as_slice(), chain.of_step.as_slice()].concat());
        let categories = self.lift(|lift| categories(chain.definition, lift));
        let (first_before, set) = (self.bind_before(chain, &quote!(0usize)), quote!(__chain.set_states(__states);));
        let term = |value: TokenStream| quote!(__chain.#value);
        let (element, step) = (
            term(quote!(set_element(__block, __k, __lp.value);)),
            term(quote!(set_step(__block, __i, __k, __lp.value);)),
        );
        let paths = self.states_and_steps(chain, None, &element, &step);
        quote! {
            #loads
            let __states: usize = { #first_before #categories };
            #set
            #paths
        }
    }

    /// Adds the gradients of the terms of an element to `__lp`, by their probabilities; empty if `plate` has no chain.
    pub fn chain_gradient(&self, plate: &Plate) -> TokenStream {
        let Some(chain) = chain(self.tree, plate).filter(|_| self.gradient) else { return TokenStream::new() };
        let (lanes, zero) = (&self.lanes, self.number(&quote!(0.0)));
        let loads = self.loads(&[chain.of_state.as_slice(), chain.of_step.as_slice()].concat());
        let share = hidden(&format!("share_{}", plate.name));
        let inner = |steps: &[&Step]| steps.iter().any(|step| matches!(step, Step::Plate(p) if p.scatters));
        let weigh = (inner(&chain.of_state) || inner(&chain.of_step)).then_some(&share);
        let element = quote!(__mixed.mix(__lp, __chain.element::<#lanes>(__block, __k)););
        let step = quote!(__mixed.mix(__lp, __chain.step::<#lanes>(__block, __i, __k)););
        let paths = self.states_and_steps(&chain, weigh, &element, &step);
        quote! {
            #loads
            let __states: usize = __chain.states();
            let mut __mixed = #zero;
            #paths
            __lp += __mixed;
        }
    }

    /// Emits the steps for each state, with `element` after those of the state alone, and `step` after those of the step to it. What
    /// plates inside add to the gradient is weighed by the probability `share`.
    fn states_and_steps(
        &self,
        chain: &Chain,
        share: Option<&Ident>,
        element: &TokenStream,
        step: &TokenStream,
    ) -> TokenStream {
        let (zero, name) = (self.number(&quote!(0.0)), &chain.state.name);
        let k = self.number(&quote!(__k as f64));
        let scope = share.map_or_else(|| self.clone(), |share| self.weighed_by(share));
        let state = self.state(chain.state, &quote!(__k));
        let before = self.bind_before(chain, &quote!(__i));
        let term = self.lift(|lift| log_density(chain.definition, lift, &k));
        let (of_state, of_step) = (scope.loaded_steps(&chain.of_state), scope.loaded_steps(&chain.of_step));
        let bind = |probability: TokenStream| share.map(|share| quote!(let #share: f64 = #probability;));
        let share_of_state = bind(quote!(__chain.element::<f64>(__block, __k)));
        let share_of_step = bind(quote!(__chain.step::<f64>(__block, __i, __k)));
        quote! {
            for __k in 0..__states {
                let #name = #state;
                #share_of_state
                let mut __lp = #zero;
                #of_state
                #element
                if __chain.has_steps(__block) {
                    for __i in 0..__chain.states_before(__block) {
                        #before
                        #share_of_step
                        let mut __lp = #zero;
                        __lp += #term;
                        #of_step
                        #step
                    }
                }
            }
        }
    }

    fn loaded_steps(&self, steps: &[&Step]) -> TokenStream {
        let one = |step: &&Step| match step {
            Step::Variable(v) if v.in_data() => self.loaded(v),
            step => self.steps(&[step]),
        };
        steps.iter().map(one).collect()
    }

    /// Emits the state that is the number `k`.
    fn state(&self, v: &Variable, k: &TokenStream) -> TokenStream {
        if v.kind.structural() { seen(v, quote!(#k as f64)) } else { self.number(&quote!(#k as f64)) }
    }

    /// Binds what stands for the state before, which is the number `i`.
    fn bind_before(&self, chain: &Chain, i: &TokenStream) -> TokenStream {
        let Some(plate) = self.plate else { return TokenStream::new() };
        let (first, state) = (first_of(plate), self.state(chain.state, i));
        chain
            .before
            .iter()
            .map(|lag| {
                let local = &lag.local;
                let initial = match lag.initial() {
                    Some(initial) => self.lift(|lift| lift.expr(initial)),
                    None if chain.state.kind.structural() => unread(lag),
                    None => self.number(&quote!(0.0)),
                };
                quote!(let #local = if __block.first == #first { #initial } else { #state };)
            })
            .collect()
    }
}
