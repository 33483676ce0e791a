//! Densities over all elements of a plate at once: their values before the plates are run, and their derivatives after.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::layout::{size_of, start_of};
use super::scope::Scope;
use crate::emit::field::{column, column_of, construct};
use crate::emit::names::{data_path, hidden};
use crate::field::Field;
use crate::tree::{Plate, Tree, Variable, all_plates};

/// Names the derivatives of the rest of the density with respect to the values of `name`.
pub fn adjoint_of(name: &Ident) -> Ident {
    hidden(&format!("column_adjoint_{name}"))
}

/// Lists the densities over whole plates; each is known by its place in this list.
fn fields(tree: &Tree) -> impl Iterator<Item = (&Plate, &Variable, &Field)> {
    let in_data = all_plates(&tree.root).into_iter().filter(|plate| plate.in_data);
    in_data.flat_map(|plate| plate.variables().filter_map(move |v| Some((plate, v, v.field.as_ref()?))))
}

/// Emits what makes them once for a data set.
pub fn prepare(tree: &Tree) -> TokenStream {
    fields(tree)
        .filter_map(|(plate, _, field)| {
            let (path, column) = (data_path(tree, plate), column(plate, field)?);
            let number = column.number(&quote!(__data.#path), &quote!(__i));
            let places = column.is_read().then(
                || quote!(let __places: ::std::vec::Vec<_> = (__from..__from + __n).map(|__i| #number).collect();),
            );
            let made = construct(tree, field, &quote!(__n), &quote!(&__places));
            let make = quote!(|__from: usize, __n: usize| { #places #made });
            Some(match tree.is_nested(plate) {
                true => quote!(__prepared.add_field(::hierarch::fields::Grouped::new(&__data.#path.offsets, #make));),
                false => quote!(__prepared.add_field((#make)(0, __data.#path.len()));),
            })
        })
        .collect()
}

/// The names of what is kept from the values to the derivatives.
struct Kept {
    arguments: Ident,
    numbers: Ident,
    buffer: Ident,
}

impl Kept {
    fn of(name: &Ident) -> Self {
        Self {
            arguments: hidden(&format!("arguments_{name}")),
            numbers: hidden(&format!("numbers_{name}")),
            buffer: hidden(&format!("buffer_{name}")),
        }
    }
}

impl Scope<'_> {
    /// Works out the values, outside plates.
    pub fn fields_forward(&self) -> TokenStream {
        self.each_field(|at, plate, v, field| {
            let (n, start, scalar) = (size_of(&plate.name.to_string()), start_of(&v.name), self.scalar());
            let (column, adjoint, kept) = (column_of(&v.name), adjoint_of(&v.name), Kept::of(&v.name));
            let Kept { arguments, numbers, buffer } = kept;
            let count = field.arguments.len();
            let each = field.arguments.iter().map(|argument| self.lift(|lift| lift.expr(argument)));
            quote! {
                let #arguments: [#scalar; #count] = [#(::hierarch::__private::Cast::<#scalar>::cast(#each)),*];
                let #numbers: [f64; #count] = ::core::array::from_fn(|__i| #arguments[__i].value);
                let (mut #column, mut #adjoint) = (__scratch.take(#n), __scratch.take(#n));
                let mut #buffer = __scratch.take(__prepared.field(#at).buffer());
                __lp.value += __prepared.field(#at).forward(&#numbers, &__q[#start..#start + #n], &mut #column, &mut #buffer);
            }
        })
    }

    /// Carries the derivatives with respect to the values back to the free numbers and the arguments.
    pub fn fields_back(&self) -> TokenStream {
        self.each_field(|at, plate, v, field| {
            let (n, start) = (size_of(&plate.name.to_string()), start_of(&v.name));
            let (column, adjoint, kept) = (column_of(&v.name), adjoint_of(&v.name), Kept::of(&v.name));
            let Kept { arguments, numbers, buffer } = kept;
            let count = field.arguments.len();
            quote! {
                {
                    let mut __by_numbers = [0.0f64; #count];
                    let __state = ::hierarch::fields::State {
                        free: &__q[#start..#start + #n],
                        values: &#column,
                        buffer: &mut #buffer,
                        adjoint: &#adjoint,
                    };
                    __prepared.field(#at).backward(&#numbers, __state, &mut __gradient[#start..#start + #n], &mut __by_numbers);
                    for __i in 0..#count {
                        __lp += #arguments[__i].carried(__by_numbers[__i]);
                    }
                }
                __scratch.give(#column);
                __scratch.give(#adjoint);
                __scratch.give(#buffer);
            }
        })
    }

    fn each_field(&self, emit: impl Fn(usize, &Plate, &Variable, &Field) -> TokenStream) -> TokenStream {
        fields(self.tree).enumerate().map(|(at, (plate, v, field))| emit(at, plate, v, field)).collect()
    }

    /// Binds an element's own number.
    pub fn of_field(&self, v: &Variable) -> TokenStream {
        let (name, scalar, lanes, column, slot) =
            (&v.name, self.scalar(), &self.lanes, column_of(&v.name), self.slot(&v.name));
        quote!(let #name = <#scalar>::variable(__block.load::<#lanes>(&#column), #slot);)
    }
}
