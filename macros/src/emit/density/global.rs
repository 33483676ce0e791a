//! The sum over the values of discrete globals: of all that depends on them, plates among it.

use proc_macro2::TokenStream;
use quote::quote;

use super::compared::Compared;
use super::scope::Scope;
use crate::split::split;
use crate::tree::{Plate, Step, Tree};

/// What runs for each value of the discrete globals.
pub struct Summed<'a> {
    /// Those steps that the prior consists of.
    of_prior: Vec<&'a Step>,
    /// All steps but plates, in their order.
    steps: Vec<&'a Step>,
    plates: Vec<&'a Step>,
}

impl<'a> Summed<'a> {
    pub fn of(tree: &'a Tree) -> Self {
        let all: Vec<&Step> = tree.root.iter().collect();
        let (plates, steps): (Vec<&Step>, Vec<&Step>) =
            split(&all).1.into_iter().partition(|step| matches!(step, Step::Plate(_)));
        let prior = tree.by_data().0;
        let of_prior = steps.iter().copied().filter(|step| is_among(&prior, step)).collect();
        Self { of_prior, steps, plates }
    }

    pub fn contains(&self, step: &Step) -> bool {
        is_among(&self.steps, step)
    }

    pub fn has_plate(&self, plate: &Plate) -> bool {
        self.plates.iter().any(|step| matches!(step, Step::Plate(p) if p.name == plate.name))
    }

    /// Emits the sum in the density of everything.
    pub fn whole(&self, root: &Scope) -> TokenStream {
        if let [Step::Variable(global)] = self.steps.as_slice()
            && let Some(compared) = Compared::all(global, &self.plates)
        {
            return root.sum_compared(global, &compared);
        }
        root.sum(&self.steps, &self.plates)
    }

    /// Emits the sum in the prior of the globals alone. Where no other global depends on a discrete one, it is one.
    pub fn prior(&self, root: &Scope) -> TokenStream {
        if self.of_prior.iter().all(|step| matches!(step, Step::Variable(v) if v.discrete_latent())) {
            return TokenStream::new();
        }
        let sum = root.sum(&self.of_prior, &[]);
        quote!(if __part == ::hierarch::model::DensityPart::Prior { #sum })
    }
}

fn is_among(steps: &[&Step], step: &Step) -> bool {
    steps.iter().any(|other| std::ptr::eq(*other, step))
}
