//! The sum over all paths of a discrete local that depends on its value in the element before: a hidden Markov chain.
//!
//! Its terms do not depend on each other, so that elements still run a register at a time: a first pass works out the terms of each
//! state and of each step from one state to the next, the forward and backward algorithms make probabilities of them, and
//! a second pass adds the gradients of the terms, weighed by these.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::scope::Scope;
use super::sequence::first_of;
use crate::chain::{Chain, chain};
use crate::emit::choose::{categories, log_density};
use crate::emit::names::hidden;
use crate::emit::sequence::unread;
use crate::emit::values::seen;
use crate::split::split;
use crate::tree::{Earlier, Plate, Step, Variable};

impl Scope<'_> {
    /// Works out the terms of a chain in `plate`, and their probabilities; empty if there is none. `outer` is the scope of the code
    /// around.
    pub fn chain_terms(&self, plate: &Plate, outer: &Scope, size_name: &dyn Fn(&Scope) -> TokenStream) -> TokenStream {
        let Some(chain) = chain(&self.tree.symbols, plate) else { return TokenStream::new() };
        let values = self.values_only();
        let (lanes, zero, same_steps) = (&values.lanes, values.number(&quote!(0.0)), chain.same_steps);
        let promotions = values.promotions(plate, outer, &quote!(&[]));
        let (gathers, size, last) = (values.gathers(plate), size_name(&values), values.carry_last(plate));
        let steps: Vec<&Step> = plate.steps.iter().collect();
        let own: Vec<&Step> = split(&steps).0.into_iter().filter(|step| !matches!(step, Step::Plate(_))).collect();
        let (own, keep, terms) = (values.steps(&own), values.keep_carried(plate), values.terms(plate, &chain));
        let outside = same_steps.then(|| outer.terms_outside(plate, &chain));
        let blocks = if same_steps { quote!(new) } else { quote!(with_first_alone) };
        let reach = self.values_only().reach(plate, &chain);
        // The first of two passes only counts states.
        let (passes, reach) = match reach.is_empty() {
            true => (quote!(), reach),
            false => (quote!(for __counts in [true, false]), quote!(if __counts { #reach } else)),
        };
        quote! {
            let mut __chain = ::hierarch::__private::Chain::new(
                __start,
                __end,
                #same_steps,
                [__scratch.take(0), __scratch.take(0), __scratch.take(0)],
            );
            #outside
            {
                #promotions
                #size
                #last
                #passes {
                    let mut __blocks = ::hierarch::__private::Blocks::#blocks(__start, __end);
                    while let ::core::option::Option::Some(__block) = __blocks.next_block::<#lanes>() {
                        #gathers
                        let mut __lp = #zero;
                        #own
                        #keep
                        #reach { #terms }
                        // What a branch made wrong is written again.
                        let _ = __blocks.diverged::<#lanes>(__block);
                    }
                }
            }
            let mut __buffer = __scratch.take(0);
            let __log_sum: f64 = __chain.smooth::<__V>(&mut __buffer);
            __scratch.give(__buffer);
        }
    }

    /// Adds what [`Scope::chain_terms`] found to `__lp`, in the code around `plate`, and gives its buffers back.
    pub fn end_chain(&self, plate: &Plate) -> TokenStream {
        let Some(chain) = chain(&self.tree.symbols, plate) else { return TokenStream::new() };
        let outside = (chain.same_steps && self.gradient).then(|| self.gradient_outside(plate, &chain));
        quote! {
            #outside
            __lp.value += __log_sum;
            for __buffer in __chain.into_buffers() { __scratch.give(__buffer); }
        }
    }

    /// Emits the terms of the steps, where they are the same for all elements.
    fn terms_outside(&self, plate: &Plate, chain: &Chain) -> TokenStream {
        let categories = self.lift(|lift| categories(chain.definition, lift));
        let (first, later) = (self.bind_outside(plate, chain, true), self.bind_outside(plate, chain, false));
        let each = (quote!(1..__end - __start), quote!(__chain.states()));
        let reach = (!chain.state.kind.structural()).then(|| self.reach_of_each(chain, each, &later));
        let start = self.step_outside(plate, chain, true, &quote!(__chain.set_start(__k, __lp.value);));
        let step = self.step_outside(plate, chain, false, &quote!(__chain.set_same_step(__i, __k, __lp.value);));
        quote! {
            {
                let __i = 0usize;
                #first
                let __states: usize = #categories;
                __chain.set_states(__states);
            }
            #reach
            for __k in 0..__chain.states() {
                { let __i = 0usize; #start }
                for __i in 0..__chain.states() { #step }
            }
        }
    }

    /// Emits the code that finds how many states a step to the element at hand reaches; empty where all elements have the same.
    fn reach(&self, plate: &Plate, chain: &Chain) -> TokenStream {
        if chain.same_steps || chain.state.kind.structural() {
            return TokenStream::new();
        }
        // Each element of a block is a step further.
        let each = (quote!(0..__block.count), quote!(__chain.states_before(__block)));
        self.reach_of_each(chain, each, &self.bind_before(plate, chain, &quote!(__i)))
    }

    /// Emits the code that finds how many states each of `steps` reaches from any of the `states` before; `bind` stands for the state
    /// `__i`.
    fn reach_of_each(
        &self,
        chain: &Chain,
        (steps, states): (TokenStream, TokenStream),
        bind: &TokenStream,
    ) -> TokenStream {
        let categories = self.lift(|lift| categories(chain.definition, lift));
        quote! {
            for _ in #steps {
                let mut __states = 0usize;
                for __i in 0..#states {
                    let __of_state: usize = { #bind #categories };
                    __states = __states.max(__of_state);
                }
                if !__chain.reach(__states) {
                    break;
                }
            }
        }
    }

    /// Adds the gradients of the terms of the steps, where they are the same for all elements.
    fn gradient_outside(&self, plate: &Plate, chain: &Chain) -> TokenStream {
        let zero = self.number(&quote!(0.0));
        let start = self.step_outside(plate, chain, true, &quote!(__mixed.mix(__lp, __chain.start(__k));));
        let step = self.step_outside(plate, chain, false, &quote!(__mixed.mix(__lp, __chain.same_step(__i, __k));));
        quote! {
            let mut __mixed = #zero;
            for __k in 0..__chain.states() {
                { let __i = 0usize; #start }
                for __i in 0..__chain.states() { #step }
            }
            __lp += __mixed;
        }
    }

    /// Emits the term of the step from the state `__i` to `__k`, with `then` after it.
    fn step_outside(&self, plate: &Plate, chain: &Chain, first: bool, then: &TokenStream) -> TokenStream {
        let (zero, name) = (self.number(&quote!(0.0)), &chain.state.name);
        let k = self.number(&quote!(__k as f64));
        let (bind, state) = (self.bind_outside(plate, chain, first), self.state(chain.state, &quote!(__k)));
        let term = self.lift(|lift| log_density(chain.definition, lift, &k));
        let of_step = self.steps(&chain.of_step);
        quote!({
            #bind
            let #name = #state;
            let mut __lp = #zero;
            __lp += #term;
            #of_step
            #then
        })
    }

    /// Binds what stands for the state `__i` before an element, which is the `first` or another.
    fn bind_outside(&self, plate: &Plate, chain: &Chain, first: bool) -> TokenStream {
        let is_first = plate.lags().filter(|lag| matches!(lag.earlier, Earlier::IsFirst) && lag.steps == 1);
        let is_first = is_first.map(|lag| &lag.local);
        let before = chain.before.iter().map(|lag| {
            let local = &lag.local;
            let state = self.state(chain.state, &quote!(__i));
            match lag.initial().filter(|_| first) {
                Some(initial) => {
                    let initial = self.lift(|lift| lift.expr(initial));
                    quote!(let #local = #initial;)
                }
                None => quote!(let #local = #state;),
            }
        });
        quote!(#(let #is_first: bool = #first;)* #(#before)*)
    }

    /// Emits the terms of an element at hand.
    fn terms(&self, plate: &Plate, chain: &Chain) -> TokenStream {
        let loads = self.loads(&[chain.of_state.as_slice(), chain.of_step.as_slice()].concat());
        let states = match chain.same_steps || !chain.state.kind.structural() {
            true => quote!(let __states: usize = __chain.states();),
            false => {
                let categories = self.lift(|lift| categories(chain.definition, lift));
                let before = self.bind_before(plate, chain, &quote!(0usize));
                quote! {
                    let __states: usize = { #before #categories };
                    __chain.set_states(__states);
                }
            }
        };
        let element = quote!(__chain.set_element(__block, __k, __lp.value););
        let step = quote!(__chain.set_step(__block, __i, __k, __lp.value););
        let paths = self.states_and_steps(plate, chain, None, &element, &step);
        quote!(#loads #states #paths)
    }

    /// Adds the gradients of the terms of an element to `__lp`, by their probabilities; empty if `plate` has no chain.
    pub fn chain_gradient(&self, plate: &Plate) -> TokenStream {
        let Some(chain) = chain(&self.tree.symbols, plate).filter(|_| self.gradient) else { return TokenStream::new() };
        let (lanes, zero) = (&self.lanes, self.number(&quote!(0.0)));
        let loads = self.loads(&[chain.of_state.as_slice(), chain.of_step.as_slice()].concat());
        let share = hidden(&format!("share_{}", plate.name));
        let inner = |steps: &[&Step]| steps.iter().any(|step| matches!(step, Step::Plate(p) if p.scatters));
        let weigh = (inner(&chain.of_state) || inner(&chain.of_step)).then_some(&share);
        let element = quote!(__mixed.mix(__lp, __chain.element::<#lanes>(__block, __k)););
        let step = quote!(__mixed.mix(__lp, __chain.step::<#lanes>(__block, __i, __k)););
        let paths = self.states_and_steps(plate, &chain, weigh, &element, &step);
        quote! {
            #loads
            let __states: usize = __chain.states();
            let mut __mixed = #zero;
            #paths
            __lp += __mixed;
        }
    }

    /// Emits the steps for each state, with `element` after those of the state alone, and `step` after those of the step to it, where
    /// that depends on the element. What plates inside add to the gradient is weighed by the probability `share`.
    fn states_and_steps(
        &self,
        plate: &Plate,
        chain: &Chain,
        share: Option<&Ident>,
        element: &TokenStream,
        step: &TokenStream,
    ) -> TokenStream {
        let (zero, name) = (self.number(&quote!(0.0)), &chain.state.name);
        let scope = share.map_or_else(|| self.clone(), |share| self.weighed_by(share));
        let state = self.state(chain.state, &quote!(__k));
        let recorded = self.may_be(chain.state).map(|(read, may)| {
            let masked = self.where_it_may_be(&may, &quote!(__lp));
            quote!(#read __lp = #masked;)
        });
        let bind = |probability: TokenStream| share.map(|share| quote!(let #share: f64 = #probability;));
        let (of_state, share_of_state) =
            (scope.loaded_steps(&chain.of_state), bind(quote!(__chain.element::<f64>(__block, __k))));
        let steps = (!chain.same_steps).then(|| {
            let k = self.number(&quote!(__k as f64));
            let before = self.bind_before(plate, chain, &quote!(__i));
            let term = self.lift(|lift| log_density(chain.definition, lift, &k));
            let (of_step, share) =
                (scope.loaded_steps(&chain.of_step), bind(quote!(__chain.step::<f64>(__block, __i, __k))));
            quote! {
                for __i in 0..__chain.states_before(__block) {
                    #before
                    #share
                    let mut __lp = #zero;
                    __lp += #term;
                    #of_step
                    #step
                }
            }
        });
        quote! {
            for __k in 0..__states {
                let #name = #state;
                #share_of_state
                let mut __lp = #zero;
                #recorded
                #of_state
                #element
                #steps
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
    fn bind_before(&self, plate: &Plate, chain: &Chain, i: &TokenStream) -> TokenStream {
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
