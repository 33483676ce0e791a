//! The log density of a model with vectors whose length is known only when the program runs, where they are more than the unknowns
//! of linear predictors: on a tape, element after element, in the order of the declaration.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::layout::{cursors, size_of};
use super::linear::{self, buffer, predictors, width};
use super::mentions::names_from_outside;
use super::scope::{OnTape, Scope};
use crate::ast::{Role, Size};
use crate::emit::index::{gathered, picked};
use crate::emit::names::{all_of, data_path};
use crate::emit::open;
use crate::emit::params::bind_params;
use crate::emit::reads;
use crate::linear::extract_for_tape;
use crate::predictor::Predictor;
use crate::split::split;
use crate::tree::{Export, Plate, Step, Tree, Variable, all_plates, plates};
use crate::value::Value;

/// Emits the methods of `Explicit`.
pub fn emit(original: &Tree) -> TokenStream {
    let tree = &extract_for_tape(original);
    let prepare = linear::prepare(tree, original);
    let root = Scope::on_tape(tree);
    let (params, cursors, zero) = (bind_params(tree, &root.scalar()), cursors(tree), root.number(&quote!(0.0)));
    let (prior, rest) = tree.by_data();
    let (prior, rest) = (root.steps(&prior), root.steps(&rest));
    // Code that runs on several elements at a time is compiled for their registers where it is called.
    let in_lanes = plates(&tree.root).any(|plate| plate.in_data && numbers_of(tree, plate).is_some());
    let inline = in_lanes.then(|| quote!(#[inline(always)]));
    let exports = plates(&tree.root).flat_map(latent_exports).map(|e| {
        let all = all_of(&e.name);
        quote!(let mut #all = ::std::vec::Vec::new();)
    });
    let (reads, value) = match reads::any(tree, &tree.root.iter().collect::<Vec<_>>(), &|_| true) {
        false => (None, quote!(__value)),
        true => (Some(reads::note()), quote!(if __reads.take().is_some() { f64::NAN } else { __value })),
    };
    quote! {
        #prepare

        #inline
        fn log_density_lanes<__V: ::hierarch::__private::Lanes>(
            &self,
            __data: &Self::Data,
            __q: &[f64],
            __gradient: &mut [f64],
            __prepared: &::hierarch::__private::Prepared,
            __scratch: &mut ::hierarch::__private::Scratch,
            __part: ::hierarch::model::DensityPart,
        ) -> f64 {
            ::hierarch::__private::Taped::begin(__q.len());
            #params
            #reads
            #cursors
            #(#exports)*
            let mut __value = 0.0f64;
            if __part == ::hierarch::model::DensityPart::Whole {
                __value -= __prepared.ln_factorials();
            }
            let mut __lp = #zero;
            #prior
            if __part == ::hierarch::model::DensityPart::Whole {
                #rest
            }
            __value += __lp.end(__gradient);
            #value
        }
    }
}

/// Lists the numbers outside plates that the elements of `plate` use, where these elements need no tape: they use nothing else that
/// has derivatives but predictors. `None` if they need one.
fn numbers_of(tree: &Tree, plate: &Plate) -> Option<Vec<Ident>> {
    let inner = plate.plates().any(|p| p.in_data) || plate.lags().next().is_some();
    let latent = plate.variables().any(|v| v.continuous_latent()) || latent_exports(plate).next().is_some();
    let open = |v: &Variable| v.open && (v.role == Role::Observe || plate.mentions(&v.name));
    let reads = plate.gathers.iter().any(|g| !g.data) || matches!(plate.size, Size::Random(..));
    if inner || latent || reads || plate.variables().any(open) || tree.is_nested(plate) {
        return None;
    }
    let mut numbers = Vec::new();
    for name in names_from_outside(tree, plate) {
        let is_number = tree.symbols.get(&name.to_string()).is_some_and(|symbol| symbol.value == Value::Real);
        match (tree.params.iter().any(|p| p.name == name), is_number) {
            (true, _) => {}
            (false, true) => numbers.push(name),
            (false, false) => return None,
        }
    }
    Some(numbers)
}

/// Lists the latent variables and `let`s of `plate` that other plates read by index.
fn latent_exports(plate: &Plate) -> impl Iterator<Item = &Export> {
    plate.exports.iter().filter(|e| !e.data)
}

impl<'a> Scope<'a> {
    /// Runs the elements of `plate`, which stands in the code here.
    pub fn plate_on_tape(&self, plate: &'a Plate) -> TokenStream {
        let (predict, carry, fits) = (self.predict_on_tape(plate), self.carry_on_tape(plate), self.fits_on_tape(plate));
        if plate.is_idle() {
            return fits;
        }
        if let Some(numbers) = numbers_of(self.tree, plate) {
            let elements = self.plate_in_lanes(plate, &numbers);
            return quote!(#fits #elements);
        }
        let scope = self.element_on_tape(plate);
        let (path, n, zero) =
            (data_path(self.tree, plate), size_of(&plate.name.to_string()), self.number(&quote!(0.0)));
        let range = match self.plate {
            None => quote!((0usize, #n)),
            Some(_) => quote!((__data.#path.offsets[__block.first], __data.#path.offsets[__block.first + 1])),
        };
        let size_term = self.size_term(plate);
        let size_name = match &plate.size {
            Size::Random(name, _) => {
                let size = self.number(&quote!((__end - __start) as f64));
                Some(quote!(let #name = #size;))
            }
            _ => None,
        };
        let mut gathers: TokenStream =
            plate.gathers.iter().filter(|g| g.data).map(|g| scope.gather_data(g, &path)).collect();
        gathers.extend(plate.predictors.iter().map(|p| {
            let (name, values, leaves) = (&p.name, buffer(p, "values"), buffer(p, "leaves"));
            quote!(let #name = ::hierarch::__private::Taped::variable(#values[__element], #leaves + __element);)
        }));
        // What other plates read of an element must not be forgotten.
        let absorbed = self.tape == Some(OnTape::Absorbed) && latent_exports(plate).next().is_none();
        let (own, summed) = split(&plate.steps.iter().collect::<Vec<&Step>>());
        let (inner, summed): (Vec<&Step>, Vec<&Step>) = summed.into_iter().partition(|s| matches!(s, Step::Plate(_)));
        let own = scope.steps(&own);
        let sum = scope.kept_on_tape().sum(&summed, &inner);
        let pushes = latent_exports(plate).map(|e| {
            let (name, all) = (&e.name, all_of(&e.name));
            match open::is_open(self.tree, name) {
                true => quote!(#all.push(#name.to_vec());),
                false => quote!(#all.push(#name);),
            }
        });
        let record = if absorbed { quote!(__value += __lp.absorb(__mark);) } else { quote!(__total += __lp;) };
        quote! {
            #fits
            {
                #predict
                let (__start, __end): (usize, usize) = #range;
                #size_term
                #size_name
                let mut __total = #zero;
                for __element in __start..__end {
                    let __mark = ::hierarch::__private::Taped::mark();
                    let __block = ::hierarch::__private::Block { first: __element, count: 1 };
                    let mut __lp = #zero;
                    #gathers
                    #own
                    #sum
                    #(#pushes)*
                    #record
                }
                __lp += __total;
                #carry
            }
        }
    }

    /// Runs the elements of `plate`, which use these `numbers` from outside, on numbers that carry their derivatives, a register of
    /// elements at a time.
    fn plate_in_lanes(&self, plate: &Plate, numbers: &[Ident]) -> TokenStream {
        let plate = &Plate { outer: numbers.iter().map(Ident::to_string).collect(), ..plate.clone() };
        let scope = Scope::of_numbers(self, numbers);
        let (scalar, zero, count) = (scope.scalar(), scope.number(&quote!(0.0)), numbers.len());
        let (params, elements) = (bind_params(self.tree, &scalar), scope.plate(plate));
        let n = size_of(&plate.name.to_string());
        let predict = plate.predictors.iter().map(|p| {
            let (at, values, adjoint, unknowns) =
                (self.place(p), buffer(p, "values"), buffer(p, "adjoint"), self.unknowns(&p.sum));
            quote! {
                let mut #values = __scratch.take(#n);
                let mut #adjoint = __scratch.take(#n);
                {
                    #unknowns
                    __prepared.predict(#at, &__unknowns, &mut #values);
                    __scratch.give(__unknowns);
                }
            }
        });
        let carry = plate.predictors.iter().map(|p| {
            let (at, values, adjoint, width, carry) =
                (self.place(p), buffer(p, "values"), buffer(p, "adjoint"), width(&p.sum), self.carry_unknowns(&p.sum));
            quote! {
                {
                    let mut __adjoint = __scratch.take(#width);
                    __prepared.carry(#at, &#adjoint, &mut __adjoint);
                    #carry
                    __scratch.give(__adjoint);
                    __scratch.give(#values);
                    __scratch.give(#adjoint);
                }
            }
        });
        let slots: Vec<usize> = (0..count).collect();
        quote! {
            {
                #(#predict)*
                let __numbers: [::hierarch::__private::Taped; #count] =
                    [#(::hierarch::__private::Cast::<::hierarch::__private::Taped>::cast(#numbers)),*];
                let __sum = {
                    const __K: usize = #count;
                    #params
                    #(let #numbers = <#scalar>::variable(__numbers[#slots].value, #slots);)*
                    let mut __lp = #zero;
                    #elements
                    __lp
                };
                __value += __sum.value;
                for __c in 0..#count { __lp += __numbers[__c].carried(__sum.partials[__c]); }
                #(#carry)*
            }
        }
    }

    /// Works the predictors of `plate` out: each value is a variable of its own on the tape.
    fn predict_on_tape(&self, plate: &Plate) -> TokenStream {
        let n = size_of(&plate.name.to_string());
        let predict = plate.predictors.iter().map(|p| {
            let (at, values, leaves, unknowns) =
                (self.place(p), buffer(p, "values"), buffer(p, "leaves"), self.unknowns(&p.sum));
            quote! {
                let mut #values = __scratch.take(#n);
                let #leaves = ::hierarch::__private::Taped::leaves(#n);
                {
                    #unknowns
                    __prepared.predict(#at, &__unknowns, &mut #values);
                    __scratch.give(__unknowns);
                }
            }
        });
        predict.collect()
    }

    /// Carries the derivatives by the predictors of `plate`, which its elements have found out, back to the unknowns.
    fn carry_on_tape(&self, plate: &Plate) -> TokenStream {
        let n = size_of(&plate.name.to_string());
        let carry = plate.predictors.iter().map(|p| {
            let (at, values, leaves, width, carry) =
                (self.place(p), buffer(p, "values"), buffer(p, "leaves"), width(&p.sum), self.carry_unknowns(&p.sum));
            quote! {
                {
                    let mut __adjoint = __scratch.take(#width);
                    ::hierarch::__private::Taped::adjoints(#leaves, &mut #values[..#n]);
                    __prepared.carry(#at, &#values, &mut __adjoint);
                    #carry
                    __scratch.give(__adjoint);
                    __scratch.give(#values);
                }
            }
        });
        carry.collect()
    }

    /// Adds the normal observations that were taken out of the elements of `plate`.
    fn fits_on_tape(&self, plate: &Plate) -> TokenStream {
        let before = all_plates(&self.tree.root).into_iter().filter(|p| p.in_data).take_while(|p| p.name != plate.name);
        let first: usize = before.map(|p| p.fits.len()).sum();
        plate.fits.iter().enumerate().map(|(i, fit)| self.fit(fit, first + i)).collect()
    }

    /// Finds the place of a predictor among all.
    fn place(&self, predictor: &Predictor) -> usize {
        predictors(self.tree).position(|(_, (_, p))| p.name == predictor.name).unwrap_or(0)
    }

    /// Emits what stands for `values[at]` in an element of `plate`.
    pub fn read_on_tape(&self, plate: &Plate, values: &Ident, at: &Ident) -> Option<TokenStream> {
        let path = data_path(self.tree, plate);
        if let Some(gather) = gathered(plate, values, at) {
            let local = gather.local();
            let all = all_of(values);
            let slice = open::is_open(self.tree, values).then(|| quote!(.as_slice()));
            return Some(match gather.data {
                true => quote!(#local),
                false => quote!(#all[__data.#path.#at[__block.first]] #slice),
            });
        }
        picked(self.tree, plate, values, at)?;
        Some(quote!(#values[__data.#path.#at[__block.first]]))
    }
}
