//! Where a piece of the density's code runs: on which scalar, and with the derivatives with respect to which variables.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::emit::index::{gathered, picked};
use crate::emit::lift::Lift;
use crate::emit::names::{data_path, hidden};
use crate::predictor::Predictor;
use crate::solvers;
use crate::tree::{Earlier, Gather, Lag, Plate, Tree, variables};

/// The code that runs on one scalar type: that outside plates, or that of one element of a plate.
#[derive(Clone)]
pub struct Scope<'a> {
    pub tree: &'a Tree,
    /// `None` if it is the code outside plates.
    pub plate: Option<&'a Plate>,
    /// The plates around, with this one.
    pub path: Vec<String>,
    pub lanes: TokenStream,
    /// How many derivatives the scalar carries.
    derivatives: TokenStream,
    slots: Vec<Slot>,
    /// Whether derivatives are wanted, or the value alone.
    pub gradient: bool,
    /// The probability of the discrete locals around, by which what an element adds to the gradient is weighed; `None` if
    /// there are none.
    weight: Option<TokenStream>,
    /// How the code runs on a tape; `None` if numbers carry their derivatives.
    pub tape: Option<OnTape>,
}

/// What becomes of the terms that elements add to the density, on a tape.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum OnTape {
    /// Their derivatives are carried back at once, and the operations forgotten.
    Absorbed,
    /// They are summed over values of a discrete local, so that they are numbers like others.
    Kept,
}

/// Where the derivatives with respect to a variable are among those that the scalar carries.
#[derive(Clone)]
pub struct Slot {
    name: String,
    pub start: TokenStream,
    pub len: TokenStream,
}

impl<'a> Scope<'a> {
    /// Makes the scope of the code outside plates.
    pub fn root(tree: &'a Tree) -> Self {
        let mut scope = Self {
            tree,
            plate: None,
            path: Vec::new(),
            lanes: quote!(f64),
            derivatives: quote!(__K),
            slots: Vec::new(),
            gradient: true,
            weight: None,
            tape: None,
        };
        variables(&tree.root).filter(|v| v.is_global()).for_each(|v| scope.add_slot(v.name.to_string(), v.free()));
        scope
    }

    /// Makes the scope of an element of `plate`, which stands in the code of `outer`.
    pub fn element(plate: &'a Plate, outer: &Scope<'a>) -> Self {
        let inner_plates = plate.plates().any(|p| p.in_data && !p.is_idle());
        let one_by_one = inner_plates || plate.is_carried() || solvers::any(plate);
        let mut scope = Self {
            tree: outer.tree,
            plate: Some(plate),
            path: [outer.path.clone(), vec![plate.name.to_string()]].concat(),
            lanes: if one_by_one { quote!(f64) } else { quote!(__V) },
            derivatives: quote!(0),
            slots: Vec::new(),
            gradient: outer.gradient,
            weight: outer.weight.clone(),
            tape: None,
        };
        for slot in outer.shared_slots(plate) {
            scope.add_slot(slot.name.clone(), slot.len.clone());
        }
        for v in plate.variables().filter(|v| v.continuous_latent()) {
            scope.add_slot(v.name.to_string(), v.free());
        }
        for lag in plate.lags() {
            if let Some(len) = slot_len(plate, lag) {
                scope.add_slot(lag.local.to_string(), len);
            }
        }
        for g in plate.gathers.iter().filter(|g| !g.data) {
            scope.add_slot(gather_slot(g), g.len.as_ref().map_or(quote!(1usize), |l| quote!((#l))));
        }
        for p in &plate.predictors {
            scope.add_slot(predictor_slot(p), quote!(1usize));
        }
        if scope.gradient {
            let k = slot_count_of(plate);
            scope.derivatives = quote!(#k);
        }
        scope
    }

    /// Makes the scope of the code outside plates, on a tape.
    pub fn on_tape(tree: &'a Tree) -> Self {
        Self { slots: Vec::new(), gradient: false, tape: Some(OnTape::Absorbed), ..Self::root(tree) }
    }

    /// Makes the scope of code outside plates in which some `numbers` alone have derivatives.
    pub fn of_numbers(&self, numbers: &[Ident]) -> Self {
        let mut scope = Self { slots: Vec::new(), gradient: true, tape: None, ..self.clone() };
        numbers.iter().for_each(|name| scope.add_slot(name.to_string(), quote!(1usize)));
        scope
    }

    /// Makes the scope of the same code where terms are numbers like others.
    pub fn kept_on_tape(&self) -> Self {
        Self { tape: Some(OnTape::Kept), ..self.clone() }
    }

    /// Makes the scope of an element of `plate` on a tape, which stands in the code of `self`.
    pub fn element_on_tape(&self, plate: &'a Plate) -> Self {
        let path = [self.path.clone(), vec![plate.name.to_string()]].concat();
        Self { plate: Some(plate), path, ..self.clone() }
    }

    /// Makes the scope of the same code without derivatives.
    pub fn values_only(&self) -> Self {
        Self { derivatives: quote!(0), gradient: false, weight: None, ..self.clone() }
    }

    /// Makes the scope of the same code for one element at a time.
    pub fn one_by_one(&self) -> Self {
        Self { lanes: quote!(f64), ..self.clone() }
    }

    /// Makes the scope of the same code where what an element adds to the gradient is weighed by `weight` too.
    pub fn weighed_by(&self, weight: &Ident) -> Self {
        let weight = match &self.weight {
            None => quote!(#weight),
            Some(outer) => quote!((#weight * #outer)),
        };
        Self { weight: Some(weight), ..self.clone() }
    }

    pub fn scalar(&self) -> TokenStream {
        if self.tape.is_some() {
            return quote!(::hierarch::__private::Taped);
        }
        let (lanes, k) = (&self.lanes, &self.derivatives);
        quote!(::hierarch::__private::Dual<#lanes, { #k }>)
    }

    /// Emits the number `x`, an `f64`, as a scalar.
    pub fn number(&self, x: &TokenStream) -> TokenStream {
        let scalar = self.scalar();
        quote!(<#scalar as ::core::convert::From<f64>>::from(#x))
    }

    /// Emits how many derivatives all slots have.
    pub fn slot_count(&self) -> TokenStream {
        let lens = self.slots.iter().map(|s| &s.len);
        quote!((0usize #(+ #lens)*))
    }

    fn add_slot(&mut self, name: String, len: TokenStream) {
        let start = self.slot_count();
        self.slots.push(Slot { name, start, len });
    }

    /// Emits where the slot of the variable `name` begins.
    pub fn slot(&self, name: &Ident) -> TokenStream {
        self.start(&name.to_string())
    }

    /// Emits where the slot of what is read by index begins.
    pub fn gather_slot(&self, g: &Gather) -> TokenStream {
        self.start(&gather_slot(g))
    }

    /// Emits where the slot of a predictor is.
    pub fn predictor_slot(&self, p: &Predictor) -> TokenStream {
        self.start(&predictor_slot(p))
    }

    fn start(&self, slot: &str) -> TokenStream {
        self.slots.iter().find(|s| s.name == slot).map_or(quote!(0usize), |s| s.start.clone())
    }

    /// Lists the slots that the elements of `plate` carry too: those that they depend on, and all that is read by index here.
    pub fn shared_slots(&self, plate: &Plate) -> Vec<&Slot> {
        let named = plate.outer.iter().filter_map(|name| self.slots.iter().find(|s| s.name == *name));
        named.chain(self.slots.iter().filter(|s| s.name.contains('['))).collect()
    }

    /// Emits the derivative of an element's term with respect to the component `c` of the `slot`, weighed.
    pub fn partial(&self, slot: &TokenStream) -> TokenStream {
        let lanes = &self.lanes;
        let partial = quote!(__lp.partials[#slot + __c]);
        match &self.weight {
            None => partial,
            Some(weight) => quote!(#partial * <#lanes as ::hierarch::__private::Lanes>::splat(#weight)),
        }
    }

    /// Tells whether the element has a single discrete local, and no plate inside.
    pub fn has_one_discrete_local(&self) -> bool {
        self.plate
            .is_some_and(|p| p.variables().filter(|v| v.discrete_latent()).count() == 1 && p.plates().next().is_none())
    }

    /// Runs `f` with what makes the user's expressions run here.
    pub fn lift<R>(&self, f: impl FnOnce(&Lift) -> R) -> R {
        let index = |values: &Ident, at: &Ident| {
            let plate = self.plate?;
            if self.tape.is_some() {
                return self.read_on_tape(plate, values, at);
            }
            if let Some(gather) = gathered(plate, values, at) {
                let local = gather.local();
                return Some(quote!(#local));
            }
            picked(self.tree, plate, values, at)?;
            let path = data_path(self.tree, plate);
            Some(quote!(__block.pick(&#values, |i| __data.#path.#at[i])))
        };
        // What is outside of an array has been reported by then.
        let element = |_: &str| quote!(0usize);
        f(&Lift { tree: self.tree, scalar: &self.scalar(), index: &index, silent: true, element: &element })
    }
}

/// Names the number of derivatives that an element of `plate` carries.
pub fn slot_count_of(plate: &Plate) -> Ident {
    hidden(&format!("K_{}", plate.name))
}

/// Names the slot of a predictor: no variable has a name like it.
fn predictor_slot(p: &Predictor) -> String {
    format!("{}[]", p.name)
}

/// Names the slot of what is read by index: no variable has a name like it.
fn gather_slot(g: &Gather) -> String {
    format!("{}[{}]", g.values, g.index)
}

/// Emits how many numbers of `plate` have slots for what is read; `None` if none have.
fn slot_len(plate: &Plate, lag: &Lag) -> Option<TokenStream> {
    match &lag.earlier {
        Earlier::Let { .. } if plate.carries_derivatives() => None,
        Earlier::Let { len, .. } => Some(len.as_ref().map_or(quote!(1usize), |len| quote!((#len)))),
        Earlier::Variable(v) if v.continuous_latent() => Some(v.free()),
        _ => None,
    }
}
