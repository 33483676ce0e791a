//! The walk: the statements on plain numbers, with the data at hand, for a visitor that says what the latents are.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::Expr;

use super::at_element::{datum, element, known_latent, place, push_export};
use super::choose::choose;
use super::field;
use super::index::gathered;
use super::lift::Lift;
use super::missing;
use super::names::{all_of, data_path, hidden, position};
use super::open;
use super::own;
use super::params::bind_params;
use super::reads;
use super::sequence;
use super::values::{by_row, seen};
use crate::ast::{Role, Size};
use crate::definition::Definition;
use crate::eliminate::parts;
use crate::kind::Kind;
use crate::names::{bound, text};
use crate::quantity;
use crate::split::split;
use crate::tree::{Plate, Step, Tree, Variable, all_plates, plates, variables};

pub fn emit(tree: &Tree) -> TokenStream {
    let emitter = Walk { tree };
    let params = bind_params(tree, &quote!(f64));
    let cursors = emitter.cursors();
    let exports = plates(&tree.root).flat_map(|p| &p.exports).filter(|e| !e.data).map(|e| {
        let all = all_of(&e.name);
        quote!(let mut #all = ::std::vec::Vec::new();)
    });
    let all: Vec<&Step> = tree.root.iter().collect();
    // What runs for each value of the discrete globals.
    let (_, over) = split(&all);
    let is_over = |step: &&Step| over.iter().any(|other| std::ptr::eq(*other, *step));
    let (globals, rest) = tree.by_data();
    let (over_prior, globals): (Vec<&Step>, Vec<&Step>) = globals.into_iter().partition(is_over);
    let rest: Vec<&Step> = rest.into_iter().filter(|step| !is_over(step)).collect();
    let (globals, rest) = (emitter.steps(&globals, None), emitter.steps(&rest, None));
    let (over_prior, over) = (emitter.steps(&over_prior, None), emitter.steps(&over, None));
    let (reads, read) = match reads::any(tree, &tree.root.iter().collect::<Vec<_>>(), &|_| true) {
        false => (None, None),
        true => {
            let outside = quote!(__reads.take().into_iter().for_each(|outside| __walk.outside(outside)););
            (Some(reads::note()), Some(outside))
        }
    };
    quote! {
        fn walk(
            &self,
            __data: ::core::option::Option<&Self::Data>,
            __globals: ::core::option::Option<&Self::Globals>,
            __locals: ::core::option::Option<&Self::Locals>,
            __walk: &mut dyn ::hierarch::__private::Walk,
        ) {
            #params
            #reads
            #cursors
            #globals
            if __data.is_none() && !__walk.imagines_data() {
                #over_prior
                return;
            }
            #(#exports)*
            #rest
            #over
            #read
        }
    }
}

pub struct Walk<'a> {
    pub tree: &'a Tree,
}

/// Names where the numbers of the variable `name` are among the free ones and among the values.
pub fn slot(name: &Ident) -> Ident {
    hidden(&format!("slot_{name}"))
}

impl Walk<'_> {
    /// Binds where each continuous latent variable begins: the globals first, then the locals plate by plate.
    fn cursors(&self) -> TokenStream {
        let mut tokens = quote!(let (mut __free, mut __value) = (0usize, 0usize););
        let mut bind = |v: &Variable, elements: TokenStream| {
            let (slot, len, free) = (slot(&v.name), v.len(), v.free());
            tokens.extend(quote! {
                let #slot = ::hierarch::__private::Slot { free: __free, value: __value, stride: #elements };
                __free += #free * #elements;
                __value += #len * #elements;
            });
        };
        for v in variables(&self.tree.root).filter(|v| v.is_global()) {
            bind(v, quote!(1usize));
        }
        for plate in all_plates(&self.tree.root).into_iter().filter(|p| p.in_data) {
            let path = data_path(self.tree, plate);
            for v in plate.variables().filter(|v| v.continuous_latent() && !v.is_inferred()) {
                bind(v, quote!(__data.map_or(1, |data| data.#path.len())));
            }
        }
        for (plate, v) in missing::inferred(self.tree) {
            let (path, name, slot) = (data_path(self.tree, plate), &v.name, slot(&v.name));
            let column = missing::flat(v, &quote!(data.#path.#name));
            tokens.extend(quote! {
                let __missing = __data.map_or(0, |data| ::hierarch::__private::missing(#column));
                let #slot = ::hierarch::__private::Slot { free: __free, value: __value, stride: 1 };
                __free += __missing;
                __value += __missing;
            });
        }
        tokens.extend(missing::ranks(self.tree));
        tokens
    }

    pub fn lift<R>(&self, plate: Option<&Plate>, f: impl FnOnce(&Lift) -> R) -> R {
        let index = |values: &Ident, at: &Ident| {
            if let Some(read) = self.of_element(values, at) {
                return Some(read);
            }
            let gather = gathered(plate?, values, at)?;
            let place = place(at, plate, element(plate?));
            if gather.data {
                // What is read of another plate's data stands in the data.
                let from = all_plates(&self.tree.root).into_iter().find(|p| p.name == gather.plate)?;
                let (path, v) = (data_path(self.tree, from), from.variables().find(|v| v.name == *values)?);
                // An empty plate has been reported by then.
                let read = quote!(match __data.#path.#values.get(__walk.index(&#place, #at, __data.#path.len())) {
                    ::core::option::Option::Some(value) => *value,
                    ::core::option::Option::None => return,
                });
                return Some(seen(v, datum(v, read)));
            }
            let all = all_of(values);
            if open::is_open(self.tree, values) {
                // An empty plate has been reported by then.
                return Some(quote!(match #all.get(__walk.index(&#place, #at, #all.len())) {
                    ::core::option::Option::Some(all) => all.as_slice(),
                    ::core::option::Option::None => return,
                }));
            }
            let lost = match &gather.len {
                None => quote!(f64::NAN),
                Some(len) => quote!([f64::NAN; #len]),
            };
            Some(quote!(#all.get(__walk.index(&#place, #at, #all.len())).copied().unwrap_or(#lost)))
        };
        let element = |plate: &str| {
            let at = hidden(&format!("at_{plate}"));
            quote!(#at)
        };
        f(&Lift { tree: self.tree, scalar: &quote!(f64), index: &index, silent: true, element: &element })
    }

    /// Emits the steps in order; what follows a discrete local runs for each of its values.
    pub fn steps(&self, steps: &[&Step], plate: Option<&Plate>) -> TokenStream {
        let Some((step, rest)) = steps.split_first() else { return TokenStream::new() };
        if let Step::Variable(v) = step
            && v.discrete_latent()
        {
            return self.summed(v, &self.steps(rest, plate), rest, plate);
        }
        if let (Step::Lag(lag), Some(plate)) = (step, plate)
            && let Some(v) = lag.summed()
        {
            return self.state_before(lag, v, rest, plate);
        }
        let first = self.step(step, plate);
        let rest = self.steps(rest, plate);
        quote!(#first #rest)
    }

    fn step(&self, step: &Step, plate: Option<&Plate>) -> TokenStream {
        match step {
            Step::Let { pat, expr } if quantity::named(self.tree, pat).is_some() => self.quantity(pat, expr, plate),
            Step::Let { pat, expr } => {
                let expr = self.lift(plate, |lift| lift.expr(expr));
                let exports = bound(pat).into_iter().filter_map(|name| push_export(plate, &name));
                let derived = self.derived(pat, plate);
                let names = bound(pat);
                let remember = plate.map(|p| sequence::remember(p, &|name| names.contains(name)));
                quote!(let #pat = #expr; #derived #(#exports)* #remember)
            }
            Step::Factor(expr) => {
                let expr = self.lift(plate, |lift| lift.expr(expr));
                let place = place(&format_ident!("factor"), plate, plate.map_or(quote!(0usize), element));
                quote!(__walk.add_factor(&#place, #expr);)
            }
            Step::Variable(v) if v.field.is_some() => self.of_field(v, plate),
            Step::Variable(v) if v.latent() => {
                let latent = self.latent(v, plate);
                let remember = plate.map(|p| sequence::remember(p, &|name| *name == v.name));
                quote!(#latent #remember)
            }
            Step::Variable(v) => self.data(v, plate),
            Step::Lag(lag) => plate.map_or(TokenStream::new(), |plate| self.lag(lag, plate)),
            Step::Plate(p) if p.in_data => self.plate(p, plate),
            // A plate that is not in the data is only ever simulated.
            Step::Plate(_) => TokenStream::new(),
        }
    }

    /// Binds the element's own number of those that are drawn at once.
    fn of_field(&self, v: &Variable, plate: Option<&Plate>) -> TokenStream {
        let Some(p) = plate else { return TokenStream::new() };
        let (name, all, at, first) = (&v.name, field::column_of(&v.name), element(p), field::first_of(p));
        let export = push_export(plate, name);
        quote!(let #name = #all[#at - #first]; #export)
    }

    fn latent(&self, v: &Variable, plate: Option<&Plate>) -> TokenStream {
        let (name, text, Some(definition)) = (&v.name, text(&v.name), &v.definition) else {
            return TokenStream::new();
        };
        if let (true, Some(plate)) = (v.is_inferred(), plate) {
            return self.inferred(v, definition, plate);
        }
        let slot = slot(name);
        let element = plate.map_or(quote!(0usize), element);
        let (is_matrix, known) = (v.matrix.is_some(), known_latent(self.tree, v, plate, &element));
        let value = self.lift(plate, |lift| match &v.shape {
            Some(_) if v.own => own::latent(v, definition, lift, &quote!(#slot.at(#element)), &known),
            Some(shape) if !v.vector => {
                let len = &shape.len;
                let position = position(shape);
                let bind = v.bind_row_and_column(&position);
                // Of a vector of another length than the model's, numbers are not known.
                let (ty, read) = match v.open {
                    true => (quote!(&[f64]), quote!(__k.get(#position).copied().unwrap_or(f64::NAN))),
                    false => (quote!([f64; #len]), quote!(__k[#position])),
                };
                let one = choose(definition, lift, &|d| {
                    quote!(::hierarch::__private::walk::latent(#text, #slot.at(#element).component(#position), &#d, __known.map(|__k| #read), __walk))
                });
                let all = open::collect(v, &position, &bind, &one);
                quote!({
                    let __known: ::core::option::Option<#ty> = #known;
                    #all
                })
            }
            Some(_) if v.open => {
                let len = v.len();
                choose(definition, lift, &|d| {
                    quote!(::hierarch::__private::walk::latent_open(#text, #slot.at(#element), (&#d, #len), #known, __walk))
                })
            }
            Some(_) if v.by_row => {
                let Some((rows, columns)) = v.rows() else { return TokenStream::new() };
                let (row, free) = (v.row(), v.free());
                let one = choose(definition, lift, &|d| {
                    let known = quote!(__globals.map(|__g| __g.#name[#row]));
                    let slot = quote!(#slot.after(#row * (#free / (#rows)), #row * (#columns)));
                    quote!(::hierarch::__private::walk::latent_vector(#text, #slot, &#d, #known, __walk))
                });
                by_row(v, &quote!(0.0f64), &one)
            }
            Some(shape) if is_matrix => {
                let len = &shape.len;
                let (rows, columns) = (v.matrix.iter().map(|(rows, _)| rows), v.matrix.iter().map(|(_, columns)| columns));
                let sizes = quote!(#({ #columns },)* #({ #rows },)*);
                v.in_rows(choose(definition, lift, &|d| {
                    quote!(::hierarch::__private::walk::latent_matrix::<_, { #len }, #sizes>(#text, #slot.at(#element), &#d, #known, __walk))
                }))
            }
            Some(_) => choose(definition, lift, &|d| {
                quote!(::hierarch::__private::walk::latent_vector(#text, #slot.at(#element), &#d, #known, __walk))
            }),
            None => choose(definition, lift, &|d| quote!(::hierarch::__private::walk::latent(#text, #slot.at(#element), &#d, #known, __walk))),
        });
        let (export, bind) = (push_export(plate, name), open::bind(v, &value));
        quote!(#bind #export)
    }

    fn data(&self, v: &Variable, plate: Option<&Plate>) -> TokenStream {
        let name = &v.name;
        let element = plate.map_or(quote!(0usize), element);
        let column = match plate {
            None => quote!(__data.#name),
            Some(p) => {
                let path = data_path(self.tree, p);
                quote!(__data.#path.#name[#element])
            }
        };
        let export = push_export(plate, name);
        if v.is_implicit() && v.kind == Kind::Pixels {
            // What a function draws has no density, and nothing is computed from it.
            return TokenStream::new();
        }
        let value = datum(v, column);
        let visible = open::bind(v, &seen(v, quote!(__number)));
        let place = place(name, plate, element);
        let observe = match &v.definition {
            Some(definition) if v.role == Role::Observe && !v.is_implicit() => {
                let observe = self.observe(v, definition, &place, plate);
                match (v.begins_at, plate) {
                    (begins_at @ 1.., Some(plate)) => {
                        let element = sequence::element(plate);
                        quote!(if #element >= #begins_at { #observe })
                    }
                    _ => observe,
                }
            }
            _ => TokenStream::new(),
        };
        let index = v
            .index_of
            .as_ref()
            .map(|of| quote!(__walk.index(&#place, __number as usize, __data.map_or(1, |data| data.#of.len()));));
        quote! {
            let __number = #value;
            #index
            #observe
            #visible
            #export
        }
    }

    /// Shows the visitor what is observed, which is `__number`.
    fn observe(
        &self,
        v: &Variable,
        definition: &Definition,
        place: &TokenStream,
        plate: Option<&Plate>,
    ) -> TokenStream {
        let one = |lift: &Lift, x: TokenStream| {
            choose(definition, lift, &|d| quote!(::hierarch::__private::walk::observe(&#place, &#d, #x, __walk);))
        };
        self.lift(plate, |lift| match &v.shape {
            Some(_) if v.own => own::observe(v, definition, lift, place),
            Some(shape) if !v.vector => {
                let (len, position) = (&shape.len, position(shape));
                let one =
                    missing::if_there(v, quote!(!__number[#position].is_nan()), one(lift, quote!(__number[#position])));
                quote!(for #position in 0..#len { #one })
            }
            Some(_) if v.open => choose(
                definition,
                lift,
                &|d| quote!(::hierarch::__private::walk::observe_open(&#place, &#d, &__number, __walk);),
            ),
            Some(_) => {
                let observe = choose(
                    definition,
                    lift,
                    &|d| quote!(::hierarch::__private::walk::observe_vector(&#place, &#d, __number, __walk);),
                );
                missing::if_there(v, quote!(::hierarch::__private::walk::is_whole(&#place, &__number, __walk)), observe)
            }
            None => missing::if_there(v, quote!(!__number.is_nan()), one(lift, quote!(__number))),
        })
    }

    fn plate(&self, plate: &Plate, outer: Option<&Plate>) -> TokenStream {
        let path = data_path(self.tree, plate);
        let at = element(plate);
        let range = match outer {
            None => quote!(0..data.#path.len()),
            Some(outer) => {
                let outer = element(outer);
                quote!(data.#path.offsets[#outer]..data.#path.offsets[#outer + 1])
            }
        };
        let size = match &plate.size {
            Size::Random(name, distribution) => self.random_size(name, distribution, outer),
            _ => TokenStream::new(),
        };
        let steps: Vec<&Step> = plate.steps.iter().collect();
        let (own, summed) = split(&steps);
        let body = match parts(&summed, false) {
            Some(parts) => [self.steps(&own, Some(plate)), self.parts(&parts, plate)].into_iter().collect(),
            None => self.steps(&[own, summed].concat(), Some(plate)),
        };
        let first = field::first_of(plate);
        let fields = plate.variables().filter_map(|v| {
            let arguments = field::numbers(v.field.as_ref()?, &mut |expr| self.lift(None, |lift| lift.expr(expr)));
            field::walked(self.tree, plate, v, &arguments, &slot(&v.name))
        });
        // What stands in the data is read there, and what is summed out has no value.
        let kept = |name: &Ident| {
            plate.lags().any(|lag| lag.of() == Some(name) && (lag.is_carried() || lag.latent().is_some()))
        };
        let sequence = (plate.lags().next().is_some() || plate.variables().any(|v| v.begins_at > 0)).then(|| {
            let (buffers, filter) =
                (sequence::buffers(plate, &kept), plate.chain().map(|v| sequence::filter_of(&v.name)));
            let filter = filter.map(|filter| quote!(let mut #filter = ::hierarch::__private::walk::Filter::default();));
            quote!(let __begin = __range.start; #buffers #filter)
        });
        let position = sequence.is_some().then(|| {
            let element = sequence::element(plate);
            quote!(let #element = #at - __begin;)
        });
        quote! {
            {
                let __range = __data.map_or(0..1, |data| #range);
                #size
                #sequence
                let #first = __range.start;
                #(#fields)*
                for #at in __range {
                    #position
                    #body
                }
            }
        }
    }

    /// Shows the visitor a random size, which is drawn in the code of `outer`, and binds its `name`.
    fn random_size(&self, name: &Ident, distribution: &Expr, outer: Option<&Plate>) -> TokenStream {
        let place = place(name, outer, outer.map_or(quote!(0usize), element));
        let term = Definition::read(distribution).map(|d| {
            self.lift(outer, |lift| {
                choose(&d, lift, &|d| quote!(::hierarch::__private::walk::observe(&#place, &#d, __size, __walk);))
            })
        });
        let term = term.unwrap_or_default();
        quote! {
            let __size = __data.map_or(f64::NAN, |_| __range.len() as f64);
            #term
            let #name = __size;
        }
    }
}
