//! The simulator: the statements in order, on plain numbers. Each plate's elements go to the end of its columns.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::choose::choose;
use super::draw_by_function;
use super::field;
use super::index::gathered;
use super::lift::Lift;
use super::missing;
use super::names::{Names, all_of, data_path, hidden, plate_data, plate_locals, position};
use super::open;
use super::own;
use super::params::bind_params;
use super::reads;
use super::sequence;
use super::sizes::{size_names, size_values};
use super::values::{self, by_row, number, seen, stored};
use crate::ast::{Initial, Role, Size};
use crate::definition::Definition;
use crate::names::{bound, identifiers, text};
use crate::tree::{Lag, Plate, Step, Tree, Variable, all_plates, plates, variables};

pub fn emit(tree: &Tree) -> TokenStream {
    let names = Names::new(tree);
    let (globals, locals, data) = (&names.globals, &names.locals, &names.data);
    let emitter = Draw { tree };
    let params = bind_params(tree, &quote!(f64));
    let shares = missing::shares(tree);
    let stores = all_plates(&tree.root).into_iter().map(|p| emitter.stores(p));
    // Who wants the globals alone does not wait for what comes after them.
    let only = values::globals(tree, globals, &|name| quote!(::core::clone::Clone::clone(&#name)));
    let only = quote!(__plan.only_globals(|| #only)?;);
    let last = tree.root.iter().rposition(|step| matches!(step, Step::Variable(v) if v.is_global()));
    let body = tree.root.iter().enumerate().map(|(at, step)| {
        let (step, only) = (emitter.step(step, &tree.root, None), (last == Some(at)).then_some(&only));
        quote!(#step #only)
    });
    let all_globals = values::globals(tree, globals, &|name| quote!(#name));
    let observed = variables(&tree.root).filter(|v| v.in_data()).map(|v| {
        let name = &v.name;
        let value = emitter.outside(v, stored(v, quote!(#name)));
        quote!(#name: #value)
    });
    let data_plates = plates(&tree.root).filter(|p| p.in_data).map(|p| {
        let (name, value) = (&p.name, whole(p, true));
        quote!(#name: #value)
    });
    let local_plates = plates(&tree.root).map(|p| {
        let (name, value) = (&p.name, whole(p, false));
        quote!(#name: #value)
    });
    let (reads, read) = match reads::any(tree, &tree.root.iter().collect::<Vec<_>>(), &|_| true) {
        false => (None, None),
        true => (Some(reads::note()), Some(quote!(__reads.result()?;))),
    };
    quote! {
        fn draw(
            &self,
            __plan: &::hierarch::__private::Plan<'_, Self>,
            __rng: &mut ::hierarch::__private::Stream,
        ) -> ::core::result::Result<::hierarch::__private::Simulation<Self>, ::hierarch::__private::SimulateError> {
            #params
            #reads
            #shares
            #(#stores)*
            #(#body)*
            #read
            ::core::result::Result::Ok(::hierarch::__private::Simulation {
                globals: #all_globals,
                locals: #locals { #(#local_plates),* },
                data: #data { #(#observed,)* #(#data_plates),* },
            })
        }
    }
}

/// Names the columns that the elements of `plate` are drawn into: those in the data, or the latent ones.
pub fn store(plate: &Plate, data: bool) -> Ident {
    hidden(&format!("{}_{}", if data { "data" } else { "locals" }, plate.name))
}

/// Names how many elements of `plate` have been drawn.
pub fn count(plate: &Ident) -> Ident {
    hidden(&format!("count_{plate}"))
}

/// Emits the columns of `plate` with those of the plates inside it.
fn whole(plate: &Plate, data: bool) -> TokenStream {
    let store = store(plate, data);
    let inner: Vec<TokenStream> = plate
        .plates()
        .filter(|p| p.in_data || !data)
        .map(|p| {
            let (name, value) = (&p.name, whole(p, data));
            quote!(whole.#name = #value;)
        })
        .collect();
    if inner.is_empty() { quote!(#store) } else { quote!({ let mut whole = #store; #(#inner)* whole }) }
}

/// Lists the variables in `plate`, a step, and in the plates inside it.
fn within(plate: &Step) -> impl Iterator<Item = &Variable> {
    all_plates(std::slice::from_ref(plate)).into_iter().flat_map(|p| p.variables())
}

/// Emits a draw from a distribution for the variable of a name.
pub fn draw(name: &str, distribution: &TokenStream) -> TokenStream {
    quote!({
        use ::hierarch::__private::CheckDrawn as _;
        let __distribution = #distribution;
        let __drawn = ::hierarch::__private::draw(#name, &__distribution, __rng)?;
        ::hierarch::__private::DrawnFrom(&__distribution).finite(#name, __drawn)?
    })
}

pub struct Draw<'a> {
    pub tree: &'a Tree,
}

impl Draw<'_> {
    /// Finds the position of the plate `name` among all, those inside after the one around.
    pub fn index(&self, name: &Ident) -> usize {
        all_plates(&self.tree.root).iter().position(|p| p.name == *name).unwrap_or(0)
    }

    /// Emits where the offsets of `plate` are: with its data, or with its locals if it is only simulated. `None` if it is in no
    /// other plate.
    fn offsets(&self, plate: &Plate) -> Option<TokenStream> {
        let store = store(plate, plate.in_data);
        self.tree.is_nested(plate).then(|| quote!(#store.offsets))
    }

    fn stores(&self, plate: &Plate) -> TokenStream {
        let (locals, ty, count) = (store(plate, false), plate_locals(self.tree, plate), count(&plate.name));
        let data = plate.in_data.then(|| {
            let (data, ty) = (store(plate, true), plate_data(self.tree, plate));
            quote!(let mut #data = <#ty as ::core::default::Default>::default();)
        });
        let first = self.offsets(plate).map(|offsets| quote!(#offsets.push(0);));
        let exports = plate.exports.iter().map(|e| {
            let all = all_of(&e.name);
            quote!(let mut #all = ::std::vec::Vec::new();)
        });
        quote! {
            let mut #locals = <#ty as ::core::default::Default>::default();
            let mut #count = 0usize;
            #data
            #first
            #(#exports)*
        }
    }

    fn steps(&self, steps: &[Step], plate: Option<&Plate>) -> TokenStream {
        steps.iter().map(|step| self.step(step, steps, plate)).collect()
    }

    pub fn lift<R>(&self, plate: Option<&Plate>, f: impl FnOnce(&Lift) -> R) -> R {
        let index = |values: &Ident, at: &Ident| {
            gathered(plate?, values, at)?;
            let all = all_of(values);
            Some(if open::is_open(self.tree, values) { quote!(#all[#at].as_slice()) } else { quote!(#all[#at]) })
        };
        let element = |plate: &str| {
            let count = hidden(&format!("count_{plate}"));
            quote!(#count)
        };
        f(&Lift { tree: self.tree, scalar: &quote!(f64), index: &index, silent: false, element: &element })
    }

    fn step(&self, step: &Step, siblings: &[Step], plate: Option<&Plate>) -> TokenStream {
        match step {
            Step::Let { pat, expr } => {
                let expr = self.lift(plate, |lift| lift.expr(expr));
                let exports = bound(pat).into_iter().filter_map(|name| push_export(plate, &name));
                quote!(let #pat = #expr; #(#exports)*)
            }
            Step::Factor(_) => {
                let of_prior = self.tree.by_data().0.iter().any(|of_prior| std::ptr::eq(*of_prior, step));
                quote!(__plan.factor(#of_prior)?;)
            }
            Step::Variable(v) => self.variable(v, plate),
            Step::Lag(lag) => self.lag(lag, plate),
            Step::Plate(p) => {
                let elements = self.plate(p, plate);
                let mentioned = variables(siblings)
                    .filter_map(|v| v.definition.as_ref())
                    .flat_map(Definition::expressions)
                    .any(|e| identifiers(e).contains(&p.name));
                if !mentioned {
                    return elements;
                }
                // An implicit observation takes this element's plate whole.
                let starts = subtree(p).into_iter().map(|q| {
                    let (from, count) = (hidden(&format!("from_{}", q.name)), count(&q.name));
                    quote!(let #from = #count;)
                });
                let (name, slice) = (&p.name, self.slice(p, plate.map(|p| count(&p.name))));
                quote!(#(#starts)* #elements let #name = #slice;)
            }
        }
    }

    /// Emits the locals of `plate` that were drawn since its `from` was noted; the plate around it had `outer` elements then.
    fn slice(&self, plate: &Plate, outer: Option<Ident>) -> TokenStream {
        let (ty, store, from) =
            (plate_locals(self.tree, plate), store(plate, false), hidden(&format!("from_{}", plate.name)));
        let columns = plate.variables().filter(|v| v.latent()).map(|v| {
            let name = &v.name;
            match v.open {
                true => quote!(#name: #store.#name.after(#from)),
                false => quote!(#name: #store.#name[#from..].to_vec()),
            }
        });
        let offsets = outer
            .filter(|_| !plate.in_data)
            .map(|outer| quote!(offsets: #store.offsets[#outer..].iter().map(|offset| offset - #from).collect(),));
        let inner = plate.plates().map(|p| {
            let (name, value) = (&p.name, self.slice(p, Some(from.clone())));
            quote!(#name: #value)
        });
        quote!(#ty { #offsets #(#columns,)* #(#inner),* })
    }

    /// Emits one draw from what stands after `~`.
    fn draw(&self, v: &Variable, definition: &Definition, plate: Option<&Plate>) -> TokenStream {
        let name = text(&v.name);
        self.lift(plate, |lift| match definition {
            Definition::Implicit(call) => draw_by_function::emit(v, call, lift, &self.globals_before(&v.name)),
            _ if v.own && v.shape.is_some() => own::draw(v, definition, lift),
            _ => {
                let draw = |d| draw(&name, &d);
                let one = choose(definition, lift, &draw);
                match &v.shape {
                    Some(_) if v.by_row => by_row(v, &quote!(0.0f64), &one),
                    Some(shape) if !v.vector => {
                        let position = position(shape);
                        open::collect(v, &position, &v.bind_row_and_column(&position), &one)
                    }
                    _ => one,
                }
            }
        })
    }

    /// Returns the globals that are declared before the variable `name`.
    fn globals_before(&self, name: &Ident) -> Vec<&Ident> {
        let mut globals = Vec::new();
        for step in &self.tree.root {
            match step {
                Step::Variable(v) if v.name == *name => break,
                Step::Variable(v) if v.is_global() => globals.push(&v.name),
                Step::Plate(_) if within(step).any(|v| v.name == *name) => break,
                _ => {}
            }
        }
        globals
    }

    /// Emits the elements of `plate`, where some of it is drawn for all of them at once: their covariates come before.
    fn elements_with_fields(&self, plate: &Plate, row: &Option<TokenStream>) -> TokenStream {
        let (index, store, count) = (self.index(&plate.name), store(plate, true), count(&plate.name));
        let (first, gaps) = (field::first_of(plate), self.gaps(plate));
        let fields = plate.variables().filter_map(|v| {
            let arguments = field::numbers(v.field.as_ref()?, &mut |expr| self.lift(None, |lift| lift.expr(expr)));
            field::drawn(self.tree, plate, v, &arguments, index, &store)
        });
        let (mut covariates, mut body) = (TokenStream::new(), TokenStream::new());
        for step in &plate.steps {
            let drawn = self.step(step, &plate.steps, Some(plate));
            match step {
                Step::Variable(v) if v.role == Role::Given => {
                    covariates.extend(drawn);
                    let (name, value) = (&v.name, seen(v, number(v, field::entry(&store, v, &count))));
                    body.extend(quote!(let #name = #value;));
                }
                _ => body.extend(drawn),
            }
        }
        quote! {
            let __from = #count;
            for _ in 0..__size { #row #covariates #count += 1; }
            let #first = __from;
            #count = __from;
            #(#fields)*
            for _ in 0..__size { #body #gaps #count += 1; }
        }
    }

    fn variable(&self, v: &Variable, plate: Option<&Plate>) -> TokenStream {
        let name = &v.name;
        if let (Some(p), true) = (plate, v.field.is_some()) {
            let (all, count, store, export) =
                (field::column_of(name), count(&p.name), store(p, false), push_export(plate, name));
            let first = field::first_of(p);
            return quote!(let #name = #all[#count - #first]; #store.#name.push(#name); #export);
        }
        let drawn = v.definition.as_ref().map(|d| {
            let draw = self.draw(v, d, plate);
            if d.is_implicit() { draw } else { seen(v, draw) }
        });
        let value = match (v.role, plate) {
            (Role::Global | Role::Nuisance, _) => {
                let fixed = seen(v, number(v, quote!(fixed.#name)));
                quote!(match __plan.globals() {
                    ::core::option::Option::Some(fixed) => #fixed,
                    ::core::option::Option::None => #drawn,
                })
            }
            (Role::Given, _) => self.covariate(v, drawn, plate),
            (Role::Local, Some(p)) => self.local(v, drawn, p),
            (Role::Observe, Some(p)) if p.lags().next().is_some() && !v.is_implicit() => {
                self.observed_before(v, drawn, p)
            }
            (Role::Local, None) | (Role::Observe, _) => quote!(#drawn),
        };
        let push = plate.filter(|p| v.latent() || p.in_data).map(|p| {
            let (store, value) = (store(p, !v.latent()), self.in_plate(v, p, stored(v, quote!(#name))));
            quote!(#store.#name.push(#value);)
        });
        let (export, bind) = (push_export(plate, name), open::bind(v, &value));
        quote!(#bind #push #export)
    }

    /// Emits the value of a covariate: that of another data set if one is given, else one `drawn`.
    fn covariate(&self, v: &Variable, drawn: Option<TokenStream>, plate: Option<&Plate>) -> TokenStream {
        let (name, text) = (&v.name, text(&v.name));
        let column = match plate {
            None => quote!(data.#name),
            Some(p) => {
                let path = data_path(self.tree, p);
                quote!(data.#path.#name[row])
            }
        };
        let given = seen(v, number(v, column));
        let otherwise = match (&v.index_of, drawn) {
            (Some(of), _) => {
                let of = count(of);
                quote!(::hierarch::__private::draw_index(#text, #of, __rng)?)
            }
            (None, Some(drawn)) => drawn,
            (None, None) => {
                quote!(return ::core::result::Result::Err(::hierarch::__private::SimulateError::NoCovariate {
                    variable: #text,
                }))
            }
        };
        let source = match (plate, &v.index_of) {
            (None, _) => quote!(__plan.covariates().map(|data| (0usize, data))),
            // An index into a plate of the simulation means nothing in another data set, unless the sizes are the same.
            (Some(_), Some(of)) => {
                let of = self.index(of);
                quote!(__row.filter(|_| __plan.like_in(#of).is_some()))
            }
            (Some(_), None) => quote!(__row),
        };
        quote!(match #source {
            ::core::option::Option::Some((row, data)) => #given,
            ::core::option::Option::None => #otherwise,
        })
    }

    /// Emits the value of an observation in a sequence: that of the data if its element is one of those seen, else one `drawn`.
    fn observed_before(&self, v: &Variable, drawn: Option<TokenStream>, plate: &Plate) -> TokenStream {
        let (index, name, path, count) =
            (self.index(&plate.name), &v.name, data_path(self.tree, plate), count(&plate.name));
        let (element, known) = (sequence::element(plate), seen(v, number(v, quote!(data.#path.#name[#count]))));
        let there = missing::where_there(v, &quote!(data.#path.#name[#count]));
        quote!(match __plan.seen(#index, #element)#there {
            ::core::option::Option::Some(data) => #known,
            ::core::option::Option::None => #drawn,
        })
    }

    /// Emits the value of a local: the one to keep if there is one, else one `drawn`.
    fn local(&self, v: &Variable, drawn: Option<TokenStream>, plate: &Plate) -> TokenStream {
        let (index, text, count) = (self.index(&plate.name), text(&v.name), count(&plate.name));
        let pattern = if v.shape.is_some() { quote!(kept) } else { quote!([kept]) };
        let kept = seen(v, quote!(kept));
        if v.open {
            let len = v.len();
            return quote!(match __plan.kept_vector(#index, #text, #count, #len) {
                ::core::option::Option::Some(kept) => kept.to_vec(),
                ::core::option::Option::None => #drawn,
            });
        }
        quote!(match __plan.kept(#index, #text, #count) {
            ::core::option::Option::Some(#pattern) => #kept,
            ::core::option::Option::None => #drawn,
        })
    }

    fn plate(&self, plate: &Plate, outer: Option<&Plate>) -> TokenStream {
        let index = self.index(&plate.name);
        let count = count(&plate.name);
        let path = data_path(self.tree, plate);
        let size = self.size(plate, outer);
        let bind_size = match &plate.size {
            Size::Random(name, _) => Some(quote!(let #name = __size as f64;)),
            _ => None,
        };
        let row = plate
            .variables()
            .any(|v| v.role == Role::Given)
            .then(|| quote!(let __row = __plan.row(#index, #count, |data| data.#path.len(), __rng);));
        let elements = match plate.variables().any(|v| v.field.is_some()) {
            true => self.elements_with_fields(plate, &row),
            false => {
                let (element, body) = (sequence::element(plate), self.steps(&plate.steps, Some(plate)));
                let (buffers, remember) = (sequence::buffers(plate, &|_| true), sequence::remember(plate, &|_| true));
                let gaps = self.gaps(plate);
                quote! {
                    #buffers
                    for #element in 0..__size { #row #body #gaps #remember #count += 1; }
                }
            }
        };
        let reserve = plate.variables().filter(|v| v.latent() || plate.in_data).map(|v| {
            let (name, store) = (&v.name, store(plate, !v.latent()));
            quote!(#store.#name.reserve(__size);)
        });
        let offsets = self.offsets(plate).map(|offsets| quote!(#offsets.push(#count);));
        let has_size =
            plate.in_data && !plate.has_columns && !plate.plates().any(|p| p.in_data) && !self.tree.is_nested(plate);
        let size_field = has_size.then(|| {
            let data = store(plate, true);
            quote!(#data.size = #count;)
        });
        quote! {
            {
                let __size: usize = #size;
                #(#reserve)*
                #bind_size
                #elements
            }
            #offsets
            #size_field
        }
    }

    /// Binds what an element reads of those before it.
    fn lag(&self, lag: &Lag, plate: Option<&Plate>) -> TokenStream {
        let Some(plate) = plate else { return TokenStream::new() };
        let (local, steps, of) = (&lag.local, lag.steps, lag.of().map(text).unwrap_or_default());
        let value = sequence::before(lag, plate, || match &lag.initial {
            Initial::Value(initial) => self.lift(Some(plate), |lift| lift.expr(initial)),
            Initial::Unread => sequence::unread(lag),
            Initial::Missing => quote! {
                return ::core::result::Result::Err(::hierarch::__private::SimulateError::NoBeginning {
                    variable: #of,
                    steps: #steps,
                })
            },
        });
        quote!(let #local = #value;)
    }

    /// Emits the number of elements to draw: that in the data set that the simulation is like if there is one.
    fn size(&self, plate: &Plate, outer: Option<&Plate>) -> TokenStream {
        let (index, path, plate_name) = (self.index(&plate.name), data_path(self.tree, plate), text(&plate.name));
        let like = match outer {
            _ if !plate.in_data => quote!(::core::option::Option::None),
            None => quote!(__plan.like_in(#index).map(|data| data.#path.len())),
            Some(outer) => {
                let at = count(&outer.name);
                quote!(__plan.like_in(#index).map(|data| data.#path.offsets[#at + 1] - data.#path.offsets[#at]))
            }
        };
        let Size::Random(name, distribution) = &plate.size else {
            let (bind, (low, high)) = (size_values(plate), size_names(plate));
            return quote!({ #bind __plan.size(#index, #plate_name, #low, #high, #like, __rng)? });
        };
        let drawn = Definition::read(distribution).map(|d| {
            let name = text(name);
            self.lift(outer, |lift| choose(&d, lift, &|d| draw(&name, &d)))
        });
        let drawn = drawn.unwrap_or_default();
        quote!(match __plan.random_size(#index, #like) {
            ::core::option::Option::Some(size) => size,
            ::core::option::Option::None => (#drawn) as usize,
        })
    }
}

/// Lists `plate` and the plates inside it.
fn subtree(plate: &Plate) -> Vec<&Plate> {
    std::iter::once(plate).chain(all_plates(&plate.steps)).collect()
}

fn push_export(plate: Option<&Plate>, name: &Ident) -> Option<TokenStream> {
    let plate = plate?;
    plate.exports.iter().find(|e| e.name == *name)?;
    Some(open::push(plate, name))
}
