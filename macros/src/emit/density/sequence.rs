//! What the elements of a plate read of those before them.
//!
//! Data and continuous locals are there before any element runs, so that elements still run a register at a time: what is read is
//! a column some rows further up, with a slot of its own where it has derivatives. A `let` that is read by elements after it makes
//! the elements run in order. Where it depends on variables outside the plate alone, it keeps its derivatives with respect to these.
//! Where elements have locals of their own, the gradient comes back in the opposite order: each element keeps the derivatives of its
//! term and of what others read of it, and adds to the gradient when it is known what those after it make of that.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::Expr;

use super::layout::{size_of, start_of};
use super::missing;
use super::scope::{Scope, slot_count_of};
use crate::ast::Initial;
use crate::builtin::{self, Support};
use crate::definition::Definition;
use crate::emit::names::{data_path, hidden};
use crate::emit::sequence::unread;
use crate::kind::Kind;
use crate::names::text;
use crate::tree::{Earlier, Lag, Plate, Variable};

/// Names the first element of the sequence in `plate`.
pub fn first_of(plate: &Plate) -> Ident {
    hidden(&format!("first_{}", plate.name))
}

fn values_of(name: &Ident) -> Ident {
    hidden(&format!("carried_{}", text(name)))
}

fn adjoint_of(name: &Ident) -> Ident {
    hidden(&format!("adjoint_of_{}", text(name)))
}

/// A `let` that elements read of those before them.
struct Carried<'a> {
    name: &'a Ident,
    len: Option<&'a Expr>,
    lags: Vec<&'a Lag>,
}

impl Carried<'_> {
    fn len(&self) -> TokenStream {
        self.len.map_or(quote!(1usize), |len| quote!((#len)))
    }

    fn most_steps(&self) -> usize {
        self.lags.iter().map(|lag| lag.steps).max().unwrap_or(1)
    }
}

fn carried(plate: &Plate) -> Vec<Carried<'_>> {
    let mut all: Vec<Carried> = Vec::new();
    for lag in plate.lags() {
        let Earlier::Let { name, len } = &lag.earlier else { continue };
        match all.iter_mut().find(|known| known.name == name) {
            Some(known) => {
                known.len = known.len.or(len.as_ref());
                known.lags.push(lag);
            }
            None => all.push(Carried { name, len: len.as_ref(), lags: vec![lag] }),
        }
    }
    all
}

impl Scope<'_> {
    /// Binds what an element reads of those before it.
    pub fn lag(&self, lag: &Lag) -> TokenStream {
        let Some(plate) = self.plate else { return TokenStream::new() };
        let (local, lanes, first, steps) = (&lag.local, &self.lanes, first_of(plate), lag.steps);
        let value = match &lag.earlier {
            Earlier::IsFirst => quote!(__block.is_among_first::<#lanes>(#first, #steps)),
            Earlier::Variable(v) if v.in_data() => self.datum_before(lag, v, plate),
            Earlier::Variable(v) if v.continuous_latent() => self.latent_before(lag, v, plate),
            // A loop over its values binds it.
            Earlier::Variable(_) => return TokenStream::new(),
            Earlier::Let { name, len } => self.let_before(lag, name, len.as_ref(), plate),
        };
        quote!(let #local = #value;)
    }

    /// Emits `initial` on the scalar here; `None` if what is read where there is no element does not count.
    fn initial(&self, lag: &Lag) -> Option<TokenStream> {
        match &lag.initial {
            Initial::Value(initial) => Some(self.lift(|lift| lift.expr(initial))),
            Initial::Unread | Initial::Missing => None,
        }
    }

    /// Emits the numbers `before(c)` of what is read, or what the sequence begins with.
    pub fn numbers_before(
        &self,
        lag: &Lag,
        len: Option<&Expr>,
        before: &dyn Fn(&TokenStream) -> TokenStream,
    ) -> TokenStream {
        let (Some(plate), scalar, steps) = (self.plate, self.scalar(), lag.steps) else { return TokenStream::new() };
        let first = first_of(plate);
        match (len, self.initial(lag)) {
            (None, None) => before(&quote!(0usize)),
            (Some(len), None) => self.vector(len, &before(&quote!(__c))),
            (None, Some(initial)) => {
                let before = before(&quote!(0usize));
                quote!({
                    let __initial: #scalar = #initial;
                    __block.or_initial(#first, #steps, #before, __initial)
                })
            }
            (Some(len), Some(initial)) => {
                let before = before(&quote!(__c));
                let all = self.vector(len, &quote!(__block.or_initial(#first, #steps, #before, __initial[__c])));
                quote!({
                    let __initial: [#scalar; #len] = #initial;
                    #all
                })
            }
        }
    }

    fn datum_before(&self, lag: &Lag, v: &Variable, plate: &Plate) -> TokenStream {
        let (name, path, lanes, scalar) = (&v.name, data_path(self.tree, plate), &self.lanes, self.scalar());
        let (first, steps) = (first_of(plate), lag.steps);
        if v.kind.structural() {
            let initial = self.initial(lag).unwrap_or_else(|| unread(lag));
            return quote!(__block.before_uniform::<#lanes, _>(&__data.#path.#name, #first, #steps, #initial));
        }
        let ty = v.kind.rust();
        let cast = |x: TokenStream| if v.kind == Kind::Real { x } else { quote!(#x as f64) };
        let read = |ty: TokenStream, x: TokenStream| quote!(<#scalar>::constant(__block.before_by::<#lanes, _>(&__data.#path.#name, #first, #steps, |x: #ty| #x)));
        match &v.shape {
            None => self.numbers_before(lag, None, &|_| read(quote!(#ty), cast(quote!(x)))),
            Some(shape) => {
                let len = &shape.len;
                self.numbers_before(lag, Some(len), &|c| read(quote!([#ty; #len]), cast(quote!(x[#c]))))
            }
        }
    }

    fn latent_before(&self, lag: &Lag, v: &Variable, plate: &Plate) -> TokenStream {
        let (at, n, scalar, lanes) = (start_of(&v.name), size_of(&plate.name.to_string()), self.scalar(), &self.lanes);
        let (first, steps, slot) = (first_of(plate), lag.steps, self.slot(&lag.local));
        if v.is_inferred() {
            return self.missing_before(lag, v, plate);
        }
        self.numbers_before(lag, v.shape.as_ref().map(|shape| &shape.len), &|c| {
            let raw = quote! {
                <#scalar>::variable(
                    __block.before::<#lanes>(::hierarch::__private::from(__q, #at + (#c) * #n), #first, #steps),
                    #slot + #c,
                )
            };
            match support(v) {
                Some(support) => {
                    let support = support_of(support, &scalar);
                    quote!(#support.constrain(#raw).0)
                }
                None => raw,
            }
        })
    }

    fn let_before(&self, lag: &Lag, name: &Ident, len: Option<&Expr>, plate: &Plate) -> TokenStream {
        let (values, scalar, slot, steps) = (values_of(name), self.scalar(), self.slot(&lag.local), lag.steps);
        if plate.carries_derivatives() {
            let before = steps - 1;
            return self.numbers_before(lag, len, &|c| quote!(#values[#before][#c]));
        }
        let (size, first) = (len.map_or(quote!(1usize), |len| quote!((#len))), first_of(plate));
        self.numbers_before(lag, len, &|c| {
            quote! {
                <#scalar>::variable(
                    match usize::checked_sub(__block.first - #first, #steps) {
                        ::core::option::Option::Some(__before) => #values[__before * #size + #c],
                        ::core::option::Option::None => f64::NAN,
                    },
                    #slot + #c,
                )
            }
        })
    }

    /// Adds the derivatives with respect to the locals of elements before to their places.
    pub fn scatter_before(&self, plate: &Plate) -> TokenStream {
        let (n, first) = (size_of(&plate.name.to_string()), first_of(plate));
        plate
            .lags()
            .filter_map(|lag| {
                let v = lag.latent()?;
                let (at, free, steps, partial) =
                    (start_of(&v.name), v.free(), lag.steps, self.partial(&self.slot(&lag.local)));
                if v.is_inferred() {
                    let adjoint = missing::adjoint_of(&v.name);
                    return Some(quote!({ let __c = 0usize; __block.add_before(&mut #adjoint, #first, #steps, #partial); }));
                }
                Some(quote!(for __c in 0..#free { __block.add_before(&mut __gradient[#at + __c * #n..], #first, #steps, #partial); }))
            })
            .collect()
    }

    /// Binds what is kept of the last elements of `plate`, with its derivatives, where that is how it is done.
    pub fn carry_last(&self, plate: &Plate) -> TokenStream {
        let zero = self.number(&quote!(f64::NAN));
        let kept = carried(plate).into_iter().filter(|_| plate.carries_derivatives()).map(|c| {
            let (values, len, most) = (values_of(c.name), c.len(), c.most_steps());
            quote!(let mut #values = [[#zero; #len]; #most];)
        });
        quote!(#(#kept)*)
    }

    /// Binds the buffers for all that elements of `plate` read of the `let`s of those before, and for derivatives.
    pub fn carry_buffers(&self, plate: &Plate) -> TokenStream {
        if plate.carries_derivatives() {
            return TokenStream::new();
        }
        let values = carried(plate).into_iter().map(|c| {
            let (values, len) = (values_of(c.name), c.len());
            quote!(let mut #values = __scratch.take((__end - __start) * #len);)
        });
        let tape = self.has_tape(plate).then(|| {
            let width = self.tape_width(plate);
            quote! {
                // The derivatives of what is read of an element, and then of its term.
                let __width: usize = #width;
                let mut __tape = __scratch.take((__end - __start) * __width);
            }
        });
        quote!(#(#values)* #tape)
    }

    /// Gives the buffers of [`Scope::carry_buffers`] back.
    pub fn give_back_carried(&self, plate: &Plate) -> TokenStream {
        if plate.carries_derivatives() {
            return TokenStream::new();
        }
        let values = carried(plate).into_iter().map(|c| values_of(c.name));
        let tape = self.has_tape(plate).then(|| quote!(__scratch.give(__tape);));
        quote!(#(__scratch.give(#values);)* #tape)
    }

    /// Tells whether the elements of `plate` keep their derivatives, and add to the gradient when those after them are known.
    pub fn has_tape(&self, plate: &Plate) -> bool {
        self.gradient && plate.is_carried() && !plate.carries_derivatives()
    }

    fn tape_width(&self, plate: &Plate) -> TokenStream {
        let (k, lens) = (slot_count_of(plate), carried(plate).into_iter().map(|c| c.len()));
        quote!(#k * (1 #(+ #lens)*))
    }

    /// Keeps the derivatives of an element's term.
    pub fn keep_term(&self, plate: &Plate) -> TokenStream {
        let (k, first) = (slot_count_of(plate), first_of(plate));
        quote!(__tape[(__block.first - #first + 1) * __width - #k..][..#k].copy_from_slice(&__lp.partials);)
    }

    /// Keeps what elements after read of an element, with its derivatives.
    pub fn keep_carried(&self, plate: &Plate) -> TokenStream {
        let (first, scalar, k) = (first_of(plate), self.scalar(), slot_count_of(plate));
        let mut at = quote!(0usize);
        let mut keep = TokenStream::new();
        for c in carried(plate) {
            let (name, values, len) = (c.name, values_of(c.name), c.len());
            let number = match c.len {
                None => quote!(#name),
                Some(_) => quote!(#name[__c]),
            };
            if plate.carries_derivatives() {
                keep.extend(quote! {
                    #values.rotate_right(1);
                    for __c in 0..#len {
                        let __number: #scalar = #number;
                        #values[0][__c] = __number;
                    }
                });
                continue;
            }
            let slopes = self.has_tape(plate).then(|| {
                quote! {
                    __tape[(__block.first - #first) * __width + (#at + __c) * #k..][..#k].copy_from_slice(&__number.partials);
                }
            });
            keep.extend(quote! {
                for __c in 0..#len {
                    let __number: #scalar = #number;
                    #values[(__block.first - #first) * #len + __c] = __number.value;
                    #slopes
                }
            });
            at = quote!(#at + #len);
        }
        keep
    }

    /// Runs back over the elements of `plate`, and adds to the gradient.
    pub fn carry_back(&self, plate: &Plate, scatter: &TokenStream) -> TokenStream {
        if !self.has_tape(plate) {
            return TokenStream::new();
        }
        let (all, k, zero) = (carried(plate), slot_count_of(plate), self.number(&quote!(0.0)));
        let lens: Vec<TokenStream> = all.iter().map(Carried::len).collect();
        let adjoints: Vec<Ident> = all.iter().map(|c| adjoint_of(c.name)).collect();
        let bind = all.iter().zip(&lens).map(|(c, len)| {
            let (adjoint, steps) = (adjoint_of(c.name), c.most_steps());
            quote!(let mut #adjoint = [[0.0f64; #len]; #steps];)
        });
        let after = all.iter().map(|c| {
            let (adjoint, most, len) = (adjoint_of(c.name), c.most_steps(), c.len());
            let add = c.lags.iter().map(|lag| {
                let (before, slot) = (lag.steps - 1, self.slot(&lag.local));
                quote!(for __c in 0..#len { #adjoint[#before][__c] += __lp.partials[#slot + __c]; })
            });
            quote! {
                #adjoint.rotate_left(1);
                #adjoint[#most - 1] = [0.0; #len];
                #(#add)*
            }
        });
        quote! {
            {
                #(#bind)*
                for __at in (__start..__end).rev() {
                    let __block = ::hierarch::__private::Block { first: __at, count: 1 };
                    let __row = &__tape[(__at - __start) * __width..][..__width];
                    let (__of_numbers, __of_term) = __row.split_at(__width - #k);
                    let mut __lp = #zero;
                    __lp.partials.copy_from_slice(__of_term);
                    let mut __numbers = __of_numbers.chunks_exact(usize::max(#k, 1));
                    #(for __c in 0..#lens {
                        let __weight = #adjoints[0][__c];
                        if let ::core::option::Option::Some(__slopes) = __numbers.next() {
                            for __k in 0..#k { __lp.partials[__k] += __weight * __slopes[__k]; }
                        }
                    })*
                    #(#after)*
                    #scatter
                    __block.accumulate(&mut __total, __lp);
                }
            }
        }
    }
}

/// Finds the support of the local `v` that is read before; `None` if it is all numbers.
pub fn support(v: &Variable) -> Option<Support> {
    let call = v.definition.as_ref().map(Definition::calls)?.into_iter().next()?;
    builtin::of(call).map(|b| b.support).filter(|support| *support != Support::Real)
}

pub fn support_of(support: Support, scalar: &TokenStream) -> TokenStream {
    let number = |x: f64| quote!(<#scalar as ::core::convert::From<f64>>::from(#x));
    let (zero, one, pi) = (number(0.0), number(1.0), number(std::f64::consts::PI));
    let all = quote!(::hierarch::distributions::Support::<#scalar>);
    match support {
        Support::Positive => quote!(#all::Above(#zero)),
        Support::Unit => quote!(#all::Interval(#zero, #one)),
        Support::Angle => quote!(#all::Interval(-#pi, #pi)),
        _ => quote!(#all::Real),
    }
}
