//! The log density in the unconstrained space and its gradient.
//!
//! Forward mode inside an element, reverse mode between plates: an element carries the derivatives with respect to the
//! handful of variables that it depends on (its slots), and adds them to the gradient when it is done. A plate without
//! plates inside runs its elements a register at a time. What other plates read by index is worked out first, and what
//! they find out about it is carried back when its own plate is run, after them.

mod chain;
mod compact;
mod compared;
mod data;
mod eliminate;
mod field;
mod gather;
mod global;
mod latent;
mod layout;
mod linear;
mod mentions;
mod missing;
mod plate;
mod recorded;
mod scope;
mod sequence;
mod sum;
mod tape;

use proc_macro2::TokenStream;
use quote::quote;

use super::params::bind_params;
use super::reads;
use crate::linear::extract;
use crate::open;
use crate::tree::{Plate, Step, Tree, plates, variables};
pub use layout::dimension;
use scope::Scope;

/// Emits the methods of `Explicit`.
pub fn emit(tree: &Tree) -> TokenStream {
    let original = tree;
    let tree = &extract(original);
    if open::whole(tree).is_some() {
        return tape::emit(original);
    }
    let (compact, prepare) = (compact::compact(tree), linear::prepare(tree, original));
    let root = Scope::root(tree);
    let (k, zero) = (root.slot_count(), root.number(&quote!(0.0)));
    let params = bind_params(tree, &root.scalar());
    let cursors = layout::cursors(tree);
    let (mut prior, mut observations) = tree.by_data();
    observations.retain(|step| !matches!(step, Step::Plate(_)));
    let summed = global::Summed::of(tree);
    prior.retain(|step| !summed.contains(step));
    observations.retain(|step| !summed.contains(step));
    let (sum, sum_of_prior) = (summed.whole(&root), summed.prior(&root));
    let (prior, observations) = (root.steps(&prior), root.steps(&observations));
    let in_data: Vec<&Plate> = plates(&tree.root).filter(|p| p.in_data).collect();
    // The vectors of globals have a prior without data, too. All that reads them stands before them.
    let (vectors, in_data): (Vec<&Plate>, Vec<&Plate>) = in_data.into_iter().partition(|p| p.vector.is_some());
    let vector_exports = vectors.iter().map(|p| root.export_values(p));
    let exports = in_data.iter().map(|p| root.export_values(p));
    let vector_plates = vectors.iter().rev().map(|p| root.plate(p));
    let plates = in_data.iter().rev().filter(|p| !summed.has_plate(p)).map(|p| root.plate(p));
    let give_back_vectors = vectors.iter().map(|p| gather::give_back(p));
    let globals = variables(&tree.root).filter(|v| v.is_global()).map(|v| {
        let (at, free, slot) = (layout::start_of(&v.name), v.free(), root.slot(&v.name));
        quote!(for __c in 0..#free { __gradient[#at + __c] += __lp.partials[#slot + __c]; })
    });
    let (predict, fits, carry) = (root.predict(), root.fits(), root.carry_predicted());
    let (fields, fields_back) = (root.fields_forward(), root.fields_back());
    let (missing, missing_back) = (missing::forward(tree), missing::back(tree));
    let give_back = in_data.iter().map(|p| gather::give_back(p));
    // Data whose positions are outside of an array are refused before; the walk that finds them does not see what only some
    // values of latent variables lead to.
    let (reads, value) = match reads::any(tree, &tree.root.iter().collect::<Vec<_>>(), &|_| true) {
        false => (None, quote!(__lp.value)),
        true => (Some(reads::note()), quote!(if __reads.take().is_some() { f64::NAN } else { __lp.value })),
    };
    // The difference of the density and the prior would be rounded away where the prior is tiny.
    let alone = vectors.is_empty() && sum_of_prior.is_empty();
    let without_prior =
        alone.then(|| quote!(if __part == ::hierarch::model::DensityPart::Likelihood { __lp = #zero; }));
    quote! {
        #compact

        #prepare

        const LIKELIHOOD_ALONE: bool = #alone;

        #[inline(always)]
        fn log_density_lanes<__V: ::hierarch::__private::Lanes>(
            &self,
            __data: &Self::Data,
            __q: &[f64],
            __gradient: &mut [f64],
            __prepared: &::hierarch::__private::Prepared,
            __scratch: &mut ::hierarch::__private::Scratch,
            __part: ::hierarch::model::DensityPart,
        ) -> f64 {
            const __K: usize = #k;
            __gradient.fill(0.0);
            #params
            #reads
            #cursors
            let mut __lp = #zero;
            #prior
            #without_prior
            #(#vector_exports)*
            if __part != ::hierarch::model::DensityPart::Prior {
                #observations
                #fields
                #missing
                #predict
                #(#exports)*
                #fits
                __lp.value -= __prepared.ln_factorials();
                #sum
                #(#plates)*
                #carry
                #fields_back
                #missing_back
                #(#give_back)*
            }
            #sum_of_prior
            #(#vector_plates)*
            #(#give_back_vectors)*
            #(#globals)*
            #value
        }
    }
}

impl Scope<'_> {
    /// Emits some statements; what they say of the density is added to `__lp`.
    fn steps(&self, steps: &[&Step]) -> TokenStream {
        steps.iter().map(|s| self.step(s)).collect()
    }

    fn step(&self, step: &Step) -> TokenStream {
        match step {
            Step::Let { pat, expr } => {
                let expr = self.lift(|lift| lift.expr(expr));
                quote!(let #pat = #expr;)
            }
            Step::Factor(expr) => {
                let (scalar, expr) = (self.scalar(), self.lift(|lift| lift.expr(expr)));
                quote!(__lp += ::hierarch::__private::Cast::<#scalar>::cast(#expr);)
            }
            Step::Variable(v) if v.latent() => self.latent(v),
            Step::Variable(v) => self.data(v),
            Step::Plate(p) if p.in_data && self.tape.is_some() => self.plate_on_tape(p),
            Step::Plate(p) if p.in_data => self.plate(p),
            Step::Plate(_) => TokenStream::new(),
            Step::Lag(lag) => self.lag(lag),
        }
    }
}
