//! A plate: the loop over its elements, which adds to the log density and to the gradient.

use proc_macro2::TokenStream;
use quote::quote;

use super::field;
use super::layout::{size_of, start_of};
use super::missing;
use super::scope::{Scope, slot_count_of};
use super::sequence::first_of;
use crate::ast::Size;
use crate::chain;
use crate::definition::Definition;
use crate::emit::choose::log_density;
use crate::emit::names::{data_path, hidden};
use crate::split::split;
use crate::tree::{Plate, Step};

impl Scope<'_> {
    /// Runs the elements of `plate`, which stands in the code here, and adds what they say of the density to `__lp`.
    pub fn plate(&self, plate: &Plate) -> TokenStream {
        if plate.is_idle() {
            return TokenStream::new();
        }
        let scope = Scope::element(plate, self);
        let (lanes, zero) = (&scope.lanes, scope.number(&quote!(0.0)));
        let (path, n) = (data_path(self.tree, plate), size_of(&plate.name.to_string()));
        let range = match self.plate {
            None => quote!((0usize, #n)),
            Some(_) => quote!((__data.#path.offsets[__block.first], __data.#path.offsets[__block.first + 1])),
        };
        let size_term = self.size_term(plate);
        let name_size = |scope: &Scope| match &plate.size {
            Size::Random(name, _) => {
                let size = scope.number(&quote!((__end - __start) as f64));
                quote!(let #name = #size;)
            }
            _ => TokenStream::new(),
        };
        let size_name = name_size(&scope);
        let (constants, slots) = self.slot_constants(plate, &scope);
        let promotions = scope.promotions(plate, self, &slots);
        let gathers = scope.gathers(plate);
        let element = scope.plate_element(plate);
        let (weigh, scatter) = (scope.weigh(plate), scope.scatter(plate));
        let (buffers, give_back) = (scope.carry_buffers(plate), scope.give_back_carried(plate));
        let first = first_of(plate);
        let (chain, end_chain) = (scope.chain_terms(plate, self, &name_size), self.end_chain(plate));
        let blocks = match chain::chain(&self.tree.symbols, plate) {
            Some(chain) if !chain.same_steps => quote!(with_first_alone),
            _ => quote!(new),
        };
        // Where elements run in order, each keeps its derivatives, until those after it are known.
        let (record, carry_back) = match scope.has_tape(plate) {
            false => (quote!(#scatter __block.accumulate(&mut __total, __lp);), TokenStream::new()),
            true => {
                let keep = scope.keep_term(plate);
                (quote!(__total.value += __lp.value; #keep), scope.carry_back(plate, &scatter))
            }
        };
        let last = scope.carry_last(plate);
        quote! {
            {
                #constants
                let (__start, __end): (usize, usize) = #range;
                #size_term
                let #first = __start;
                #buffers
                #chain
                let mut __total = #zero;
                {
                    #promotions
                    #size_name
                    #last
                    let mut __blocks = ::hierarch::__private::Blocks::#blocks(__start, __end);
                    while let ::core::option::Option::Some(__block) = __blocks.next_block::<#lanes>() {
                        #gathers
                        let __lp = #element;
                        #weigh
                        // No `continue`: it would make a loop in the loop, of which the compiler does not know that the
                        // rest is run each time.
                        if !__blocks.diverged::<#lanes>(__block) {
                            #record
                        }
                    }
                }
                #carry_back
                #give_back
                ::hierarch::__private::absorb(&mut __lp, __total, #slots);
                #end_chain
            }
        }
    }

    /// Emits the constants of an element, how many derivatives it carries and which slots it shares with the code here, and with
    /// them the expression for these slots.
    pub fn slot_constants(&self, plate: &Plate, element: &Scope) -> (TokenStream, TokenStream) {
        if !element.gradient {
            return (TokenStream::new(), quote!(&[]));
        }
        let (k, count) = (slot_count_of(plate), element.slot_count());
        let shared = hidden(&format!("SLOTS_{}", plate.name));
        let (starts, lens): (Vec<_>, Vec<_>) = self.shared_slots(plate).into_iter().map(|s| (&s.start, &s.len)).unzip();
        let constants = quote! {
            const #k: usize = #count;
            const #shared: [usize; 0 #(+ #lens)*] = ::hierarch::__private::slots(&[#((#starts, #lens)),*]);
        };
        (constants, quote!(&#shared))
    }

    /// Adds what a random size says of the density.
    pub fn size_term(&self, plate: &Plate) -> TokenStream {
        let Size::Random(_, distribution) = &plate.size else { return TokenStream::new() };
        let Ok(definition) = Definition::read(distribution) else { return TokenStream::new() };
        let size = self.number(&quote!((__end - __start) as f64));
        let term = self.lift(|lift| log_density(&definition, lift, &quote!(__size)));
        quote! {
            let __size = #size;
            __lp += #term;
        }
    }

    /// Emits the log density of one element of `plate`, its plates inside included.
    pub fn plate_element(&self, plate: &Plate) -> TokenStream {
        let is_plate = |s: &&Step| matches!(s, Step::Plate(_));
        let steps: Vec<&Step> = plate.steps.iter().collect();
        let (own, summed) = split(&steps);
        let (own_plates, own): (Vec<&Step>, Vec<&Step>) = own.into_iter().partition(is_plate);
        let (inner, summed): (Vec<&Step>, Vec<&Step>) = summed.into_iter().partition(is_plate);
        let (own, own_plates) = (self.steps(&own), self.steps(&own_plates));
        let sum = match plate.chain() {
            Some(_) => self.chain_gradient(plate),
            None => self.sum(&summed, &inner),
        };
        let (carried, keep, zero) = (self.carried(plate), self.keep_carried(plate), self.number(&quote!(0.0)));
        quote!({
            let mut __lp = #zero;
            #own
            #carried
            #own_plates
            #sum
            #keep
            __lp
        })
    }

    /// Adds the derivatives with respect to an element's own variables, and to those it read by index, to their places.
    pub fn scatter(&self, plate: &Plate) -> TokenStream {
        if !self.gradient {
            return TokenStream::new();
        }
        let n = size_of(&plate.name.to_string());
        let own = plate.variables().filter(|v| v.continuous_latent()).map(|v| {
            let (at, free, partial) = (start_of(&v.name), v.free(), self.partial(&self.slot(&v.name)));
            if v.field.is_some() {
                let adjoint = field::adjoint_of(&v.name);
                return quote!({ let __c = 0usize; __block.add(&mut #adjoint, #partial); });
            }
            if v.is_inferred() {
                let adjoint = missing::adjoint_of(&v.name);
                return quote!(for __c in 0..#free { __block.add(&mut #adjoint[__c * #n..], #partial); });
            }
            quote!(for __c in 0..#free { __block.add(&mut __gradient[#at + __c * #n..], #partial); })
        });
        let (gathered, predicted) = (self.scatter_gathered(plate), self.scatter_predicted(plate));
        let before = self.scatter_before(plate);
        quote!(#(#own)* #before #gathered #predicted)
    }
}
