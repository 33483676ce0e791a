//! What a walk's elements read of those before them.

use proc_macro2::TokenStream;
use quote::quote;

use super::at_element::{datum, element};
use super::names::data_path;
use super::sequence;
use super::values::seen;
use super::walk::Walk;
use crate::tree::{Earlier, Lag, Plate, Step, Variable};

impl Walk<'_> {
    /// Emits the `rest` for each value that the discrete local `v` may have had in the element before.
    pub fn state_before(&self, lag: &Lag, v: &Variable, rest: &[&Step], plate: &Plate) -> TokenStream {
        let (filter, element) = (sequence::filter_of(&v.name), sequence::element(plate));
        let value = seen(v, quote!(__before as f64));
        let bind = |lag: &Lag| {
            let (local, initial) = (&lag.local, self.beginning(lag, plate));
            quote!(let #local = if #element == 0 { #initial } else { #value };)
        };
        // The same state may be read with another beginning.
        let is_other = |step: &&Step| matches!(step, Step::Lag(other) if other.summed().is_some());
        let others = rest.iter().filter(|step| is_other(step)).map(|step| match step {
            Step::Lag(other) => bind(other),
            _ => TokenStream::new(),
        });
        let rest: Vec<&Step> = rest.iter().copied().filter(|step| !is_other(step)).collect();
        let (bind_this, rest) = (bind(lag), self.steps(&rest, Some(plate)));
        quote! {
            __walk.state_before();
            __walk.sum_out(#filter.states(#element), &mut |__walk: &mut dyn ::hierarch::__private::Walk, __before: usize| {
                __walk.term(#filter.enter(__before));
                #bind_this
                #(#others)*
                #rest
            });
            #filter.advance();
        }
    }

    /// Binds what an element reads of those before it.
    pub fn lag(&self, lag: &Lag, plate: &Plate) -> TokenStream {
        let local = &lag.local;
        let initial = self.beginning(lag, plate);
        let value = match &lag.earlier {
            Earlier::Variable(v) if v.in_data() => {
                let (path, name, at) = (data_path(self.tree, plate), &v.name, element(plate));
                let (element, steps) = (sequence::element(plate), lag.steps);
                let column = datum(v, quote!(__data.#path.#name[#at - #steps]));
                let value = seen(v, column);
                quote!(if #element < #steps { #initial } else { #value })
            }
            _ => sequence::before(lag, plate, || initial),
        };
        quote!(let #local = #value;)
    }

    /// Emits what the sequence begins with, or what stands for it where it is not read.
    fn beginning(&self, lag: &Lag, plate: &Plate) -> TokenStream {
        match lag.initial() {
            Some(initial) => self.lift(Some(plate), |lift| lift.expr(initial)),
            None => sequence::unread(lag),
        }
    }
}
