//! The log density in the unconstrained space and its gradient.
//!
//! Forward mode inside an element, reverse mode between plates: an element carries the derivatives with respect to the
//! handful of variables that it depends on (its slots), and adds them to the gradient when it is done. A plate without
//! plates inside runs its elements a register at a time. What other plates read by index is worked out first, and what
//! they find out about it is carried back when its own plate is run, after them.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::walk::picked;
use super::{all_plates, bind_params, choose, data_path, hidden, is_global, seen};
use crate::ast::{Role, Size};
use crate::builtin::Draws;
use crate::rewrite::{Lift, identifiers, plain_indices};
use crate::tree::{Definition, Gather, Kind, Plate, Step, Tree, Variable, expressions, plates, split, variables};

/// The number of unconstrained numbers for a data set.
pub fn dimension(tree: &Tree) -> TokenStream {
    let globals = variables(&tree.root).filter(|v| is_global(v)).map(free);
    let locals = all_plates(&tree.root).into_iter().filter(|p| p.in_data).flat_map(|p| {
        let path = data_path(tree, p);
        let of_variable = |v| {
            let free = free(v);
            quote!(#free * __data.#path.len())
        };
        p.variables().filter(|v| v.continuous_latent()).map(of_variable).collect::<Vec<_>>()
    });
    quote! {
        fn dimension(&self, __data: &Self::Data) -> usize {
            0 #(+ #globals)* #(+ #locals)*
        }
    }
}

/// The method of `Explicit`.
pub fn emit(tree: &Tree) -> TokenStream {
    let emitter = Density { tree };
    let globals: Vec<&Variable> = variables(&tree.root).filter(|v| is_global(v)).collect();
    let mut root = Scope {
        plate: None,
        path: Vec::new(),
        lanes: quote!(f64),
        derivatives: quote!(__K),
        slots: Vec::new(),
        gradient: true,
        weight: None,
    };
    globals.into_iter().for_each(|v| root.add_slot(&v.name.to_string(), free(v)));
    let k = root.slot_count();
    let scalar = root.scalar();
    let params = bind_params(tree, &scalar);
    let cursors = emitter.cursors();
    let prior: TokenStream = tree.root.iter().filter(|s| !uses_data(s)).map(|s| emitter.step(s, &root)).collect();
    let observations: TokenStream = tree
        .root
        .iter()
        .filter(|s| matches!(s, Step::Variable(v) if v.in_data()))
        .map(|s| emitter.step(s, &root))
        .collect();
    let in_data: Vec<&Plate> = plates(&tree.root).filter(|p| p.in_data).collect();
    let exports: TokenStream = in_data.iter().map(|p| emitter.export_values(p, &root)).collect();
    let plates = in_data.iter().rev().map(|p| emitter.plate(p, &root));
    let give_back = in_data.iter().flat_map(|p| p.exports.iter().filter(|e| !e.data)).map(|e| {
        let (values, adjoint) = (values_of(&e.name), adjoint_of(&e.name));
        quote!(__scratch.give(#values); __scratch.give(#adjoint);)
    });
    quote! {
        #[inline(always)]
        fn log_density_lanes<__V: ::hierarch::autodiff::Lanes>(
            &self,
            __data: &Self::Data,
            __q: &[f64],
            __gradient: &mut [f64],
            __scratch: &mut ::hierarch::model::Scratch,
            __part: ::hierarch::model::DensityPart,
        ) -> f64 {
            const __K: usize = #k;
            __gradient.fill(0.0);
            #params
            #cursors
            let mut __lp = <#scalar as ::core::convert::From<f64>>::from(0.0);
            #prior
            if __part == ::hierarch::model::DensityPart::Whole {
                #observations
                #exports
                #(#plates)*
                #(#give_back)*
            }
            for __k in 0..__K {
                __gradient[__k] += __lp.partials[__k];
            }
            __lp.value
        }
    }
}

fn uses_data(step: &Step) -> bool {
    match step {
        Step::Variable(v) => v.in_data(),
        Step::Let { .. } => false,
        Step::Plate(_) => true,
    }
}

/// How many unconstrained numbers a variable has.
fn free(v: &Variable) -> TokenStream {
    let len = v.len();
    if v.simplex { quote!((#len - 1)) } else { len }
}

/// Where a variable's unconstrained numbers begin.
fn start_of(name: &Ident) -> Ident {
    hidden(&format!("at_{name}"))
}

/// The number of elements of a plate in the data.
fn size_of(plate: &str) -> Ident {
    hidden(&format!("n_{plate}"))
}

/// The values of a variable that other plates read by index, and the derivative of the density with respect to them.
fn values_of(name: &Ident) -> Ident {
    hidden(&format!("values_{name}"))
}
fn adjoint_of(name: &Ident) -> Ident {
    hidden(&format!("adjoint_{name}"))
}

/// The code that runs on one scalar type: that outside plates, or that of one element of a plate.
#[derive(Clone)]
struct Scope<'a> {
    plate: Option<&'a Plate>,
    /// The plates around, with this one.
    path: Vec<String>,
    lanes: TokenStream,
    /// How many derivatives the scalar carries.
    derivatives: TokenStream,
    slots: Vec<Slot>,
    /// Whether derivatives are wanted, or the value alone.
    gradient: bool,
    /// The probability of the discrete locals around, by which what an element adds to the gradient is weighed.
    weight: Option<TokenStream>,
}

#[derive(Clone)]
struct Slot {
    name: String,
    start: TokenStream,
    len: TokenStream,
}

impl Scope<'_> {
    fn scalar(&self) -> TokenStream {
        let (lanes, k) = (&self.lanes, &self.derivatives);
        quote!(::hierarch::autodiff::Dual<#lanes, { #k }>)
    }

    fn slot_count(&self) -> TokenStream {
        let lens = self.slots.iter().map(|s| &s.len);
        quote!((0usize #(+ #lens)*))
    }

    fn add_slot(&mut self, name: &str, len: TokenStream) {
        let start = self.slot_count();
        self.slots.push(Slot { name: name.to_owned(), start, len });
    }

    fn slot(&self, name: &str) -> TokenStream {
        self.slots.iter().find(|s| s.name == name).map_or(quote!(0usize), |s| s.start.clone())
    }

    /// Whether the element has a single discrete local, and no plate inside.
    fn has_one_discrete_local(&self) -> bool {
        let discrete = |v: &&Variable| v.latent() && v.kind != Kind::Real;
        self.plate.is_some_and(|p| {
            p.variables().filter(discrete).count() == 1 && !p.steps.iter().any(|s| matches!(s, Step::Plate(_)))
        })
    }

    /// The same code without derivatives.
    fn values_only(&self) -> Self {
        Self { derivatives: quote!(0), gradient: false, weight: None, ..self.clone() }
    }
}

struct Density<'a> {
    tree: &'a Tree,
}

impl Density<'_> {
    fn cursors(&self) -> TokenStream {
        let mut tokens = quote!(let mut __at = 0usize;);
        for v in variables(&self.tree.root).filter(|v| is_global(v)) {
            let (at, free) = (start_of(&v.name), free(v));
            tokens.extend(quote!(let #at = __at; __at += #free;));
        }
        for plate in all_plates(&self.tree.root).into_iter().filter(|p| p.in_data) {
            let (n, path) = (size_of(&plate.name.to_string()), data_path(self.tree, plate));
            tokens.extend(quote!(let #n = __data.#path.len();));
            for v in plate.variables().filter(|v| v.continuous_latent()) {
                let (at, free) = (start_of(&v.name), free(v));
                tokens.extend(quote!(let #at = __at; __at += #free * #n;));
            }
        }
        tokens
    }

    fn lift<R>(&self, scope: &Scope, f: impl FnOnce(&Lift) -> R) -> R {
        let index = |values: &Ident, at: &Ident| {
            let plate = scope.plate?;
            if let Some(gather) = find_gather(plate, values, at) {
                let local = gather.local();
                return Some(quote!(#local));
            }
            picked(self.tree, Some(plate), values, at)?;
            let path = data_path(self.tree, plate);
            Some(quote!(__block.pick(&#values, |i| __data.#path.#at[i])))
        };
        f(&Lift { scalar: &scope.scalar(), index: &index })
    }

    /// One statement; what it says of the density is added to `__lp`.
    fn step(&self, step: &Step, scope: &Scope) -> TokenStream {
        match step {
            Step::Let { pat, expr } => {
                let expr = self.lift(scope, |lift| lift.expr(expr));
                quote!(let #pat = #expr;)
            }
            Step::Variable(v) if v.latent() => self.latent(v, scope),
            Step::Variable(v) => self.data(v, scope),
            Step::Plate(p) if p.in_data => self.plate(p, scope),
            Step::Plate(_) => TokenStream::new(),
        }
    }

    /// The unconstrained numbers of component `c` of a variable.
    fn raw(&self, v: &Variable, c: TokenStream, scope: &Scope) -> TokenStream {
        let (at, slot, scalar) = (start_of(&v.name), scope.slot(&v.name.to_string()), scope.scalar());
        let number = match scope.plate {
            None => quote!(__q[#at + #c]),
            Some(plate) => {
                let (n, lanes) = (size_of(&plate.name.to_string()), &scope.lanes);
                quote!(__block.load::<#lanes>(&__q[#at + (#c) * #n..]))
            }
        };
        quote!(<#scalar>::variable(#number, #slot + #c))
    }

    fn latent(&self, v: &Variable, scope: &Scope) -> TokenStream {
        let (name, Some(definition)) = (&v.name, &v.definition) else { return TokenStream::new() };
        let scalar = scope.scalar();
        let one = |lift: &Lift| {
            choose(definition, lift, &|d| {
                quote!({
                    let __d = #d;
                    let (__x, __log_slope) = ::hierarch::distributions::Distribution::<#scalar>::support(&__d).constrain(__raw);
                    (__x, __log_slope + ::hierarch::distributions::Distribution::<#scalar>::log_density(&__d, __x))
                })
            })
        };
        let whole = |lift: &Lift| {
            choose(
                definition,
                lift,
                &|d| quote!(::hierarch::distributions::Distribution::<#scalar>::log_density(&#d, __x)),
            )
        };
        self.lift(scope, |lift| match &v.shape {
            None => {
                let (raw, pair) = (self.raw(v, quote!(0usize), scope), one(lift));
                quote! {
                    let __raw = #raw;
                    let (#name, __term) = #pair;
                    __lp += __term;
                }
            }
            Some(shape) if !v.vector => {
                let len = &shape.len;
                let position = shape.position.clone().unwrap_or_else(|| hidden("position"));
                let (raw, pair) = (self.raw(v, quote!(#position), scope), one(lift));
                quote! {
                    let #name = {
                        let mut __all = [<#scalar as ::core::convert::From<f64>>::from(0.0); #len];
                        for #position in 0..#len {
                            let __raw = #raw;
                            let (__x, __term) = #pair;
                            __all[#position] = __x;
                            __lp += __term;
                        }
                        __all
                    };
                }
            }
            Some(shape) => {
                let len = &shape.len;
                let (raw, term) = (self.raw(v, quote!(c), scope), whole(lift));
                let constrained = if v.simplex {
                    quote! {
                        let __raw: [#scalar; #len] = ::std::array::from_fn(|c| {
                            if c + 1 < #len { #raw } else { <#scalar as ::core::convert::From<f64>>::from(0.0) }
                        });
                        let (__x, __log_slope) = ::hierarch::distributions::constrain_simplex(__raw);
                        __lp += __log_slope;
                    }
                } else {
                    quote!(let __x: [#scalar; #len] = ::std::array::from_fn(|c| #raw);)
                };
                quote!(let #name = { #constrained __lp += #term; __x };)
            }
        })
    }

    /// A variable of the data as numbers of the scope.
    fn column(&self, v: &Variable, scope: &Scope) -> TokenStream {
        let (name, scalar, lanes) = (&v.name, scope.scalar(), &scope.lanes);
        let cast = |x: TokenStream| match v.kind {
            Kind::Real => x,
            Kind::Bool => quote!(#x as u8 as f64),
            Kind::Count | Kind::Category | Kind::Pixels => quote!(#x as f64),
        };
        match (scope.plate, &v.shape) {
            (None, None) => {
                let x = cast(quote!(__data.#name));
                quote!(<#scalar as ::core::convert::From<f64>>::from(#x))
            }
            (None, Some(_)) => {
                let x = cast(quote!(x));
                quote!(__data.#name.map(|x| <#scalar as ::core::convert::From<f64>>::from(#x)))
            }
            (Some(plate), None) => {
                let path = data_path(self.tree, plate);
                if v.kind == Kind::Real {
                    return quote!(<#scalar>::constant(__block.load::<#lanes>(&__data.#path.#name)));
                }
                let x = cast(quote!(__data.#path.#name[i]));
                quote!(<#scalar>::constant(__block.load_with::<#lanes>(|i| #x)))
            }
            (Some(plate), Some(shape)) => {
                let (path, len) = (data_path(self.tree, plate), &shape.len);
                let x = cast(quote!(__data.#path.#name[i][c]));
                quote! {
                    ::std::array::from_fn::<#scalar, { #len }, _>(|c| {
                        <#scalar>::constant(__block.load_with::<#lanes>(|i| #x))
                    })
                }
            }
        }
    }

    fn data(&self, v: &Variable, scope: &Scope) -> TokenStream {
        let (name, scalar) = (&v.name, scope.scalar());
        let numbers = self.column(v, scope);
        let observe = match &v.definition {
            Some(definition) if v.role == Role::Observe => self.lift(scope, |lift| {
                let term = |x: TokenStream| {
                    choose(
                        definition,
                        lift,
                        &|d| quote!(::hierarch::distributions::Distribution::<#scalar>::log_density(&#d, #x)),
                    )
                };
                match &v.shape {
                    Some(shape) if !v.vector => {
                        let len = &shape.len;
                        let position = shape.position.clone().unwrap_or_else(|| hidden("position"));
                        let term = term(quote!(__numbers[#position]));
                        quote!(for #position in 0..#len { __lp += #term; })
                    }
                    _ => {
                        let term = term(quote!(__numbers));
                        quote!(__lp += #term;)
                    }
                }
            }),
            _ => TokenStream::new(),
        };
        let visible = if v.kind.structural() { self.structural(v, scope) } else { quote!(let #name = __numbers;) };
        quote! {
            let __numbers = #numbers;
            #observe
            #visible
        }
    }

    /// Binds a variable that code branches on or indexes with, if it does so other than by a gather: such a variable must
    /// be the same in every lane.
    fn structural(&self, v: &Variable, scope: &Scope) -> TokenStream {
        let name = &v.name;
        let Some(plate) = scope.plate else { return quote!(let #name = __data.#name;) };
        if !self.mentioned_plainly(&plate.steps, plate, name) {
            return TokenStream::new();
        }
        let (path, lanes) = (data_path(self.tree, plate), &scope.lanes);
        match &v.shape {
            None => quote!(let #name = __block.uniform::<#lanes, _>(|i| __data.#path.#name[i]);),
            Some(shape) => {
                let (len, ty) = (&shape.len, v.kind.rust());
                quote! {
                    let #name = ::std::array::from_fn::<#ty, { #len }, _>(|c| {
                        __block.uniform::<#lanes, _>(|i| __data.#path.#name[i][c])
                    });
                }
            }
        }
    }

    fn mentioned_plainly(&self, steps: &[Step], plate: &Plate, name: &Ident) -> bool {
        step_expressions(steps).into_iter().any(|expr| {
            let all = identifiers(expr).iter().filter(|i| *i == name).count();
            let by_index = plain_indices(expr)
                .iter()
                .filter(|(values, at)| {
                    at == name
                        && (find_gather(plate, values, at).is_some()
                            || picked(self.tree, Some(plate), values, at).is_some())
                })
                .count();
            all > by_index
        }) || plates(steps).any(|p| self.mentioned_plainly(&p.steps, p, name))
    }

    /// The names from outside that a plate's elements use, as values of the element's scalar.
    fn promotions(&self, plate: &Plate, outer: &Scope, inner: &Scope, slots: &TokenStream) -> TokenStream {
        let inside: Vec<String> =
            std::iter::once(plate).chain(all_plates(&plate.steps)).map(|p| p.name.to_string()).collect();
        let mut names: Vec<Ident> = Vec::new();
        for expr in plate_expressions(plate) {
            for name in identifiers(expr) {
                let Some(symbol) = self.tree.symbols.get(&name.to_string()) else { continue };
                let visible = match &symbol.plate {
                    None => true,
                    Some(p) => outer.path.contains(p) && !inside.contains(p),
                };
                if visible && !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        promote(&names, inner, slots)
    }

    fn gathers(&self, plate: &Plate, scope: &Scope) -> TokenStream {
        let path = data_path(self.tree, plate);
        let (scalar, lanes) = (scope.scalar(), &scope.lanes);
        let bind = |g: &Gather| {
            let (local, index, values) = (g.local(), &g.index, &g.values);
            let from = size_of(&g.plate);
            if g.data {
                return self.gather_data(g, &path, scope);
            }
            let (buffer, slot) = (values_of(values), scope.slot(&gather_slot(g)));
            let one = |c: TokenStream| {
                quote! {
                    <#scalar>::variable(
                        ::hierarch::autodiff::gather::<#lanes>(__block, &#buffer[(#c) * #from..], &__data.#path.#index),
                        #slot + #c,
                    )
                }
            };
            match &g.len {
                None => {
                    let one = one(quote!(0usize));
                    quote!(let #local = #one;)
                }
                Some(len) => {
                    let one = one(quote!(c));
                    quote!(let #local: [#scalar; #len] = ::std::array::from_fn(|c| #one);)
                }
            }
        };
        plate.gathers.iter().map(bind).collect()
    }

    fn gather_data(&self, g: &Gather, path: &TokenStream, scope: &Scope) -> TokenStream {
        let (local, index, values) = (g.local(), &g.index, &g.values);
        let (scalar, lanes) = (scope.scalar(), &scope.lanes);
        let from: Vec<&Plate> = all_plates(&self.tree.root).into_iter().filter(|p| p.name == g.plate).collect();
        let Some(plate) = from.first() else { return TokenStream::new() };
        let Some(v) = plate.variables().find(|v| v.name == *values) else { return TokenStream::new() };
        let other = data_path(self.tree, plate);
        let at = quote!(__data.#other.#values[__data.#path.#index[i]]);
        if v.kind.structural() {
            return quote!(let #local = __block.uniform::<#lanes, _>(|i| #at););
        }
        match &v.shape {
            None => quote!(let #local = <#scalar>::constant(__block.load_with::<#lanes>(|i| #at as f64));),
            Some(shape) => {
                let len = &shape.len;
                quote! {
                    let #local: [#scalar; #len] = ::std::array::from_fn(|c| {
                        <#scalar>::constant(__block.load_with::<#lanes>(|i| #at[c] as f64))
                    });
                }
            }
        }
    }

    /// Works out what other plates read from this one.
    fn export_values(&self, plate: &Plate, root: &Scope) -> TokenStream {
        let latent: Vec<_> = plate.exports.iter().filter(|e| !e.data).collect();
        if latent.is_empty() {
            return TokenStream::new();
        }
        let n = size_of(&plate.name.to_string());
        let mut scope = self.element_scope(plate, root).values_only();
        scope.lanes = quote!(__V);
        let lanes = &scope.lanes;
        let scalar = scope.scalar();
        let promotions = self.promotions(plate, root, &scope, &quote!(&[]));
        let gathers = self.gathers(plate, &scope);
        let steps: Vec<&Step> = plate.steps.iter().filter(|s| !matches!(s, Step::Plate(_))).collect();
        let (own, _) = split(&steps);
        let own: TokenStream = own.into_iter().map(|s| self.step(s, &scope)).collect();
        let buffers = latent.iter().map(|e| {
            let (values, adjoint) = (values_of(&e.name), adjoint_of(&e.name));
            let len = e.len.as_ref().map_or(quote!(1usize), |l| quote!((#l)));
            quote! {
                let mut #values = __scratch.take(#len * #n);
                let mut #adjoint = __scratch.take(#len * #n);
            }
        });
        let stores = latent.iter().map(|e| {
            let (name, values) = (&e.name, values_of(&e.name));
            match &e.len {
                None => quote!(__block.store(&mut #values, #name.value);),
                Some(len) => quote!(for c in 0..#len { __block.store(&mut #values[c * #n..], #name[c].value); }),
            }
        });
        quote! {
            #(#buffers)*
            {
                #promotions
                let mut __blocks = ::hierarch::autodiff::Blocks::new(0, #n);
                while let ::core::option::Option::Some(__block) = __blocks.next_block::<#lanes>() {
                    #gathers
                    let mut __lp = <#scalar as ::core::convert::From<f64>>::from(0.0);
                    #own
                    if __blocks.diverged::<#lanes>(__block) {
                        continue;
                    }
                    #(#stores)*
                }
            }
        }
    }

    fn element_scope<'a>(&self, plate: &'a Plate, outer: &Scope) -> Scope<'a> {
        let inner_plates = plate.plates().any(|p| p.in_data);
        let mut scope = Scope {
            plate: Some(plate),
            path: [outer.path.clone(), vec![plate.name.to_string()]].concat(),
            lanes: if inner_plates { quote!(f64) } else { quote!(__V) },
            derivatives: quote!(0),
            slots: Vec::new(),
            gradient: outer.gradient,
            weight: outer.weight.clone(),
        };
        for slot in shared_slots(plate, outer) {
            scope.add_slot(&slot.name, slot.len.clone());
        }
        for v in plate.variables().filter(|v| v.continuous_latent()) {
            scope.add_slot(&v.name.to_string(), free(v));
        }
        for g in plate.gathers.iter().filter(|g| !g.data) {
            scope.add_slot(&gather_slot(g), g.len.as_ref().map_or(quote!(1usize), |l| quote!((#l))));
        }
        if scope.gradient {
            let k = hidden(&format!("K_{}", plate.name));
            scope.derivatives = quote!(#k);
        }
        scope
    }

    fn plate(&self, plate: &Plate, outer: &Scope) -> TokenStream {
        let scope = self.element_scope(plate, outer);
        let (scalar, lanes) = (scope.scalar(), &scope.lanes);
        let path = data_path(self.tree, plate);
        let range = match outer.plate {
            None => quote!((0usize, __data.#path.len())),
            Some(_) => quote!((__data.#path.offsets[__block.first], __data.#path.offsets[__block.first + 1])),
        };
        let size_term = self.size_term(plate, outer);
        let size_name = match &plate.size {
            Size::Random(name, _) => {
                Some(quote!(let #name = <#scalar as ::core::convert::From<f64>>::from((__end - __start) as f64);))
            }
            _ => None,
        };
        // The slots of the element that are slots outside too, and where they are there.
        let (starts, lens): (Vec<_>, Vec<_>) =
            shared_slots(plate, outer).into_iter().map(|s| (&s.start, &s.len)).unzip();
        let k = hidden(&format!("K_{}", plate.name));
        let shared_slots = hidden(&format!("SLOTS_{}", plate.name));
        let (constants, slots) = if scope.gradient {
            let count = scope.slot_count();
            let constants = quote! {
                const #k: usize = #count;
                const #shared_slots: [usize; 0 #(+ #lens)*] = ::hierarch::autodiff::slots(&[#((#starts, #lens)),*]);
            };
            (constants, quote!(&#shared_slots))
        } else {
            (TokenStream::new(), quote!(&[]))
        };
        let promotions = self.promotions(plate, outer, &scope, &slots);
        let gathers = self.gathers(plate, &scope);
        let element = self.element(plate, &scope);
        let scatter = if scope.gradient { self.scatter(plate, &scope) } else { TokenStream::new() };
        quote! {
            {
                #constants
                let (__start, __end): (usize, usize) = #range;
                #size_term
                let mut __total = <#scalar as ::core::convert::From<f64>>::from(0.0);
                {
                    #promotions
                    #size_name
                    let mut __blocks = ::hierarch::autodiff::Blocks::new(__start, __end);
                    while let ::core::option::Option::Some(__block) = __blocks.next_block::<#lanes>() {
                        #gathers
                        let __lp = #element;
                        if __blocks.diverged::<#lanes>(__block) {
                            continue;
                        }
                        #scatter
                        __block.accumulate(&mut __total, __lp);
                    }
                }
                ::hierarch::autodiff::absorb(&mut __lp, __total, #slots);
            }
        }
    }

    fn size_term(&self, plate: &Plate, outer: &Scope) -> TokenStream {
        let Size::Random(_, distribution) = &plate.size else { return TokenStream::new() };
        let Ok(definition) = Definition::read(distribution) else { return TokenStream::new() };
        let scalar = outer.scalar();
        let term = self.lift(outer, |lift| {
            choose(
                &definition,
                lift,
                &|d| quote!(::hierarch::distributions::Distribution::<#scalar>::log_density(&#d, __size)),
            )
        });
        quote! {
            let __size = <#scalar as ::core::convert::From<f64>>::from((__end - __start) as f64);
            __lp += #term;
        }
    }

    /// The log density of one element, its plates inside included.
    fn element(&self, plate: &Plate, scope: &Scope) -> TokenStream {
        let scalar = scope.scalar();
        let steps: Vec<&Step> = plate.steps.iter().collect();
        let (own, summed) = split(&steps);
        let (own_plates, own): (Vec<&Step>, Vec<&Step>) = own.into_iter().partition(|s| matches!(s, Step::Plate(_)));
        let (inner, summed): (Vec<&Step>, Vec<&Step>) = summed.into_iter().partition(|s| matches!(s, Step::Plate(_)));
        let emit = |steps: &[&Step]| -> TokenStream { steps.iter().map(|s| self.step(s, scope)).collect() };
        let (own, own_plates) = (emit(&own), emit(&own_plates));
        let carried = plate.exports.iter().filter(|e| !e.data && scope.gradient).map(|e| {
            let (name, adjoint, lanes) = (&e.name, adjoint_of(&e.name), &scope.lanes);
            let n = size_of(&plate.name.to_string());
            match &e.len {
                None => quote!(__lp += #name.carried(__block.load::<#lanes>(&#adjoint));),
                Some(len) => quote! {
                    for c in 0..#len {
                        __lp += #name[c].carried(__block.load::<#lanes>(&#adjoint[c * #n..]));
                    }
                },
            }
        });
        let sum = if summed.is_empty() && inner.is_empty() {
            TokenStream::new()
        } else if scope.gradient && plates_of(&inner).any(|p| p.scatters) {
            self.sum_in_two_passes(&summed, &inner, scope)
        } else {
            let paths = self.paths(&summed, scope, &|| {
                let inner = emit(&inner);
                quote!(#inner __sum.push(__lp);)
            });
            quote! {
                let mut __sum = ::hierarch::autodiff::LogSum::<#scalar>::new();
                {
                    let mut __lp = <#scalar as ::core::convert::From<f64>>::from(0.0);
                    #paths
                }
                __lp += __sum.finish();
            }
        };
        quote!({
            let mut __lp = <#scalar as ::core::convert::From<f64>>::from(0.0);
            #own
            #(#carried)*
            #own_plates
            #sum
            __lp
        })
    }

    /// The statements that depend on discrete locals, once for each combination of their values.
    fn paths(&self, steps: &[&Step], scope: &Scope, leaf: &dyn Fn() -> TokenStream) -> TokenStream {
        let Some((step, rest)) = steps.split_first() else { return leaf() };
        let rest = self.paths(rest, scope, leaf);
        if let Step::Variable(v) = step
            && v.latent()
            && !v.continuous_latent()
            && let Some(definition) = &v.definition
        {
            let (name, scalar) = (&v.name, scope.scalar());
            let k = quote!(<#scalar as ::core::convert::From<f64>>::from(__k as f64));
            let (categories, term) = self.lift(scope, |lift| {
                let categories = choose(
                    definition,
                    lift,
                    &|d| quote!(::hierarch::distributions::Finite::<#scalar>::categories(&#d)),
                );
                let term = choose(
                    definition,
                    lift,
                    &|d| quote!(::hierarch::distributions::Distribution::<#scalar>::log_density(&#d, #k)),
                );
                (categories, term)
            });
            let value = if v.kind.structural() { seen(v, quote!(__k as f64)) } else { k };
            let one = quote! {
                let mut __lp = __lp + #term;
                let #name = #value;
                #rest
            };
            // The one yes-or-no of an element is written out, so that what depends on globals alone, its probabilities
            // among it, is worked out before the loop over elements. Several would multiply the code, and so would a plate
            // inside.
            if definition.draws() == Some(Draws::Bool) && scope.has_one_discrete_local() {
                return quote! {
                    { let __k = 0usize; #one }
                    { let __k = 1usize; #one }
                };
            }
            return quote! {
                let __categories: usize = #categories;
                for __k in 0..__categories { #one }
            };
        }
        let first = self.step(step, scope);
        quote!(#first #rest)
    }

    /// Where plates inside add to the gradient themselves, the probability of each combination has to be known before: the
    /// first pass works it out, the second adds to the gradient by it.
    fn sum_in_two_passes(&self, summed: &[&Step], inner: &[&Step], scope: &Scope) -> TokenStream {
        let scalar = scope.scalar();
        let values = scope.values_only();
        let plain = values.scalar();
        let mut names: Vec<Ident> = Vec::new();
        let exprs = summed.iter().chain(inner).flat_map(|s| match s {
            Step::Plate(p) => plate_expressions(p),
            other => step_expressions(std::slice::from_ref(*other)),
        });
        for name in exprs.flat_map(identifiers) {
            let text = name.to_string();
            let visible = self.tree.symbols.get(&text).is_some_and(|s| match &s.plate {
                None => true,
                Some(p) => scope.path.contains(p),
            });
            if visible && !names.contains(&name) {
                names.push(name);
            }
        }
        // Names bound among the summed steps themselves, and data bound there, are bound again in each pass.
        let bound: Vec<String> = summed.iter().flat_map(|s| bound_names(s)).collect();
        names.retain(|n| !bound.contains(&n.to_string()));
        if let Some(plate) = scope.plate {
            names.retain(|n| {
                let own = plate.variables().find(|v| v.name == *n);
                own.is_none_or(|v| {
                    !v.in_data() || !v.kind.structural() || self.mentioned_plainly(&plate.steps, plate, n)
                })
            });
        }
        let mut promotions = promote(&names, &values, &quote!(&[]));
        if let Some(plate) = scope.plate {
            promotions.extend(self.gathers(plate, &values));
        }
        let inner_values: TokenStream = inner.iter().map(|s| self.step(s, &values)).collect();
        let first = self.paths(summed, &values, &|| quote!(#inner_values __paths.push(__lp.value);));
        // Named after the plate: inside a plate within, the shares of both are in use.
        let share = hidden(&format!("share_{}", scope.plate.map_or(String::new(), |p| p.name.to_string())));
        let mut weighted = scope.clone();
        weighted.weight = Some(match &scope.weight {
            None => quote!(#share),
            Some(outer) => quote!((#share * #outer)),
        });
        let inner_gradient: TokenStream = inner.iter().map(|s| self.step(s, &weighted)).collect();
        let second = self.paths(summed, &weighted, &|| {
            quote! {
                let #share: f64 = (__paths[__path] - __log_sum).exp();
                __path += 1;
                if #share > 0.0 {
                    #inner_gradient
                    __mixed += __lp * #share;
                }
            }
        });
        quote! {
            let mut __paths = __scratch.take(0);
            {
                #promotions
                let mut __lp = <#plain as ::core::convert::From<f64>>::from(0.0);
                #first
            }
            let __log_sum: f64 = ::hierarch::autodiff::log_sum_exp(&__paths);
            let mut __mixed = <#scalar as ::core::convert::From<f64>>::from(0.0);
            {
                let mut __path = 0usize;
                let mut __lp = <#scalar as ::core::convert::From<f64>>::from(0.0);
                #second
            }
            __scratch.give(__paths);
            __mixed.value = __log_sum;
            __lp += __mixed;
        }
    }

    /// Adds the derivatives with respect to an element's own variables, and to those it read by index, to their places.
    fn scatter(&self, plate: &Plate, scope: &Scope) -> TokenStream {
        let (n, lanes) = (size_of(&plate.name.to_string()), &scope.lanes);
        let weighed = |partial: TokenStream| match &scope.weight {
            None => partial,
            Some(weight) => quote!(#partial * <#lanes as ::hierarch::autodiff::Lanes>::splat(#weight)),
        };
        let own = plate.variables().filter(|v| v.continuous_latent()).map(|v| {
            let (at, free, slot) = (start_of(&v.name), free(v), scope.slot(&v.name.to_string()));
            let partial = weighed(quote!(__lp.partials[#slot + c]));
            quote!(for c in 0..#free { __block.add(&mut __gradient[#at + c * #n..], #partial); })
        });
        let path = data_path(self.tree, plate);
        let gathered = plate.gathers.iter().filter(|g| !g.data).map(|g| {
            let (adjoint, index, from) = (adjoint_of(&g.values), &g.index, size_of(&g.plate));
            let len = g.len.as_ref().map_or(quote!(1usize), |l| quote!(#l));
            let slot = scope.slot(&gather_slot(g));
            let partial = weighed(quote!(__lp.partials[#slot + c]));
            quote! {
                for c in 0..#len {
                    ::hierarch::autodiff::scatter(__block, &mut #adjoint[c * #from..], &__data.#path.#index, #partial);
                }
            }
        });
        quote!(#(#own)* #(#gathered)*)
    }
}

fn find_gather<'a>(plate: &'a Plate, values: &Ident, at: &Ident) -> Option<&'a Gather> {
    plate.gathers.iter().find(|g| g.values == *values && g.index == *at)
}

/// The slots of the code around a plate that its elements carry: those of `outer`, and all that is read by index there.
fn shared_slots<'s>(plate: &Plate, outer: &'s Scope) -> Vec<&'s Slot> {
    let named = plate.outer.iter().filter_map(|name| outer.slots.iter().find(|s| s.name == *name));
    named.chain(outer.slots.iter().filter(|s| s.name.contains('['))).collect()
}

fn gather_slot(g: &Gather) -> String {
    format!("{}[{}]", g.values, g.index)
}

fn promote(names: &[Ident], inner: &Scope, slots: &TokenStream) -> TokenStream {
    let scalar = inner.scalar();
    names
        .iter()
        .map(|name| quote!(let #name = ::hierarch::autodiff::Promote::<#scalar>::promote(&#name, #slots);))
        .collect()
}

fn plates_of<'a>(steps: &'a [&Step]) -> impl Iterator<Item = &'a Plate> {
    steps.iter().filter_map(|s| if let Step::Plate(p) = s { Some(p) } else { None })
}

fn bound_names(step: &Step) -> Vec<String> {
    match step {
        Step::Variable(v) => vec![v.name.to_string()],
        Step::Let { pat, .. } => crate::rewrite::bound(pat).iter().map(Ident::to_string).collect(),
        Step::Plate(_) => Vec::new(),
    }
}

/// The expressions of some steps that the density runs, without those of the plates among them. A covariate's distribution
/// is for the simulator alone.
fn step_expressions(steps: &[Step]) -> Vec<&syn::Expr> {
    steps
        .iter()
        .flat_map(|step| match step {
            Step::Variable(v) if v.role == Role::Given => Vec::new(),
            Step::Variable(v) => v.definition.as_ref().map_or(Vec::new(), expressions),
            Step::Let { expr, .. } => vec![expr],
            Step::Plate(p) => match &p.size {
                Size::Random(_, size) => vec![size],
                _ => Vec::new(),
            },
        })
        .collect()
}

/// The expressions of a plate and of all plates inside it that are in the data.
fn plate_expressions(plate: &Plate) -> Vec<&syn::Expr> {
    let inner = plate.plates().filter(|p| p.in_data).flat_map(plate_expressions);
    step_expressions(&plate.steps).into_iter().chain(inner).collect()
}
