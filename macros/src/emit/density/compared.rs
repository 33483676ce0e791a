//! A discrete global with which elements only compare data, as in `if t < s { .. } else { .. }`: each element has two log
//! densities, so that the sum over all values costs two runs of the elements and not one for each value.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::visit_mut::{self, VisitMut};
use syn::{BinOp, Expr, ExprBinary, ExprCast, parse_quote};

use super::layout::size_of;
use super::scope::Scope;
use crate::ast::{Role, Size};
use crate::definition::Definition;
use crate::emit::choose::{categories, log_terms};
use crate::emit::names::{data_path, hidden};
use crate::kind::Kind;
use crate::names::identifiers;
use crate::tree::{Plate, Step, Tree, Variable};

/// A plate whose elements compare data with a discrete global.
pub struct Compared {
    /// With the answer in the place of each comparison.
    plate: Plate,
    answer: Ident,
    /// What is compared: it is below the global, or not above it if that is not strict.
    x: Ident,
    strict: bool,
}

impl Compared {
    /// Finds what each of `plates` compares with `global`; `None` if one of them does something else with it.
    pub fn all(global: &Variable, plates: &[&Step]) -> Option<Vec<Self>> {
        let of = |step: &&Step| match step {
            Step::Plate(plate) => Self::of(global, plate),
            _ => None,
        };
        plates.iter().map(of).collect()
    }

    fn of(global: &Variable, plate: &Plate) -> Option<Self> {
        if !plate.in_data || plate.plates().any(|inner| inner.in_data) || plate.lags().next().is_some() {
            return None;
        }
        if matches!(&plate.size, Size::Random(_, size) if identifiers(size).contains(&global.name)) {
            return None;
        }
        let answer = hidden(&format!("answer_{}", plate.name));
        let mut answers = Answers { global: &global.name, plate, answer: &answer, found: None, agree: true };
        let mut steps = plate.steps.clone();
        for step in &mut steps {
            match step {
                Step::Let { expr, .. } | Step::Factor(expr) => answers.visit_expr_mut(expr),
                Step::Variable(Variable { role, definition: Some(definition), .. }) if *role != Role::Given => {
                    answers.definition(definition);
                }
                Step::Variable(_) | Step::Plate(_) | Step::Lag(_) => {}
            }
        }
        let Answers { found, agree, .. } = answers;
        let (x, strict) = found.filter(|_| agree)?;
        let plate = Plate { steps, ..plate.clone() };
        (!plate.mentions(&global.name)).then_some(Self { plate, answer, x, strict })
    }

    /// Emits the number that element `i` compares.
    fn number(&self, tree: &Tree) -> TokenStream {
        let (path, x) = (data_path(tree, &self.plate), &self.x);
        quote!(&|i: usize| __data.#path.#x[i] as f64)
    }
}

/// Writes the answer in the place of comparisons of one number with a global.
struct Answers<'a> {
    global: &'a Ident,
    plate: &'a Plate,
    answer: &'a Ident,
    found: Option<(Ident, bool)>,
    /// Whether all comparisons are the same.
    agree: bool,
}

impl Answers<'_> {
    fn definition(&mut self, definition: &mut Definition) {
        match definition {
            Definition::Distribution(call) | Definition::Implicit(call) => {
                call.args.iter_mut().for_each(|argument| self.visit_expr_mut(argument));
            }
            Definition::If { condition, yes, no } => {
                self.visit_expr_mut(condition);
                self.definition(yes);
                self.definition(no);
            }
            Definition::Match { value, arms } => {
                self.visit_expr_mut(value);
                arms.iter_mut().for_each(|(_, of_arm)| self.definition(of_arm));
            }
        }
    }

    fn is_global(&self, expr: &Expr) -> bool {
        matches!(uncast(expr), Expr::Path(path) if path.path.is_ident(self.global))
    }

    /// Finds the data of the element that `expr` is.
    fn data(&self, expr: &Expr) -> Option<Ident> {
        let Expr::Path(path) = uncast(expr) else { return None };
        let number = |v: &&Variable| {
            v.in_data() && v.shape.is_none() && matches!(v.kind, Kind::Real | Kind::Count | Kind::Category)
        };
        self.plate.variables().filter(number).find(|v| path.path.is_ident(&v.name)).map(|v| v.name.clone())
    }

    /// Finds what `expr` compares with the global: `x < global`, or `x <= global` if it is not strict, or not so.
    fn comparison(&self, expr: &ExprBinary) -> Option<(Ident, bool, bool)> {
        let ExprBinary { left, op, right, .. } = expr;
        let (x, op) = match (self.data(left), self.data(right)) {
            (Some(x), _) if self.is_global(right) => (x, *op),
            (_, Some(x)) if self.is_global(left) => (x, mirrored(op)?),
            _ => return None,
        };
        match op {
            BinOp::Lt(_) => Some((x, true, true)),
            BinOp::Le(_) => Some((x, false, true)),
            BinOp::Gt(_) => Some((x, false, false)),
            BinOp::Ge(_) => Some((x, true, false)),
            _ => None,
        }
    }
}

impl VisitMut for Answers<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        let comparison = match &*expr {
            Expr::Binary(binary) => self.comparison(binary),
            _ => None,
        };
        let Some((x, strict, is_so)) = comparison else { return visit_mut::visit_expr_mut(self, expr) };
        let known = self.found.get_or_insert((x.clone(), strict));
        self.agree &= *known == (x, strict);
        let answer = self.answer;
        *expr = if is_so { parse_quote!(#answer) } else { parse_quote!((!#answer)) };
    }
}

fn uncast(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(paren) => uncast(&paren.expr),
        Expr::Group(group) => uncast(&group.expr),
        Expr::Cast(ExprCast { expr, ty, .. }) if matches!(&**ty, syn::Type::Path(ty) if ty.path.is_ident("f64")) => {
            uncast(expr)
        }
        other => other,
    }
}

/// Finds what `a op b` is as a comparison of `b` with `a`.
fn mirrored(op: &BinOp) -> Option<BinOp> {
    match op {
        BinOp::Lt(_) => Some(parse_quote!(>)),
        BinOp::Le(_) => Some(parse_quote!(>=)),
        BinOp::Gt(_) => Some(parse_quote!(<)),
        BinOp::Ge(_) => Some(parse_quote!(<=)),
        _ => None,
    }
}

impl Scope<'_> {
    /// Adds the logarithm of the sum over the values of `global` to `__lp`: the first run of the elements finds their log densities
    /// for both answers, the second adds to the gradient by the probabilities of the answers.
    pub fn sum_compared(&self, global: &Variable, compared: &[Compared]) -> TokenStream {
        let Some(definition) = &global.definition else { return TokenStream::new() };
        let k = self.number(&quote!(__k as f64));
        let categories = self.lift(|lift| categories(definition, lift));
        let (shared, term) = self.lift(|lift| log_terms(definition, lift, &k));
        let first = compared.iter().map(|c| self.values_compared(c));
        let second = compared.iter().map(|c| self.gradient_compared(c));
        quote! {
            {
                let __categories: usize = #categories;
                let __shared = #shared;
                let mut __values = __scratch.take(__categories);
                for __k in 0..__categories {
                    let __term = #term - __shared;
                    __values[__k] = __term.value;
                }
                #(#first)*
                __lp.value += ::hierarch::__private::normalize(&mut __values);
                for __k in 0..__categories {
                    if __values[__k] > 0.0 {
                        let mut __term = #term - __shared;
                        __term.value = 0.0;
                        __lp += __term * __values[__k];
                    }
                }
                #(#second)*
                __scratch.give(__values);
            }
        }
    }

    /// Emits the loop over the elements of `compared`, with what `each` makes of `__yes` and `__no`, the log densities of an element
    /// for both answers.
    fn loop_compared(
        &self,
        outer: &Scope,
        compared: &Compared,
        slots: &TokenStream,
        each: &TokenStream,
    ) -> TokenStream {
        let Compared { plate, answer, .. } = compared;
        let (lanes, n) = (&self.lanes, size_of(&plate.name.to_string()));
        let size = match &plate.size {
            Size::Random(name, _) => {
                let size = self.number(&quote!(#n as f64));
                Some(quote!(let #name = #size;))
            }
            _ => None,
        };
        let (promotions, gathers) = (self.promotions(plate, outer, slots), self.gathers(plate));
        let (element, weigh) = (self.plate_element(plate), self.weigh(plate));
        quote! {
            {
                #promotions
                #size
                let mut __blocks = ::hierarch::__private::Blocks::new(0, #n);
                while let ::core::option::Option::Some(__block) = __blocks.next_block::<#lanes>() {
                    #gathers
                    let __lp = { let #answer = true; #element };
                    #weigh
                    let __yes = __lp;
                    let __lp = { let #answer = false; #element };
                    #weigh
                    let __no = __lp;
                    if !__blocks.diverged::<#lanes>(__block) {
                        #each
                    }
                }
            }
        }
    }

    fn values_compared(&self, compared: &Compared) -> TokenStream {
        let element = Scope::element(&compared.plate, &self.values_only());
        let (n, x, strict) = (size_of(&compared.plate.name.to_string()), compared.number(self.tree), compared.strict);
        let each = quote! {
            __block.store(&mut __all_yes, __yes.value);
            __block.store(&mut __all_no, __no.value);
        };
        let all = element.loop_compared(self, compared, &quote!(&[]), &each);
        quote! {
            let mut __all_yes = __scratch.take(#n);
            let mut __all_no = __scratch.take(#n);
            #all
            ::hierarch::__private::add_compared(&mut __values, #strict, #x, &__all_yes, &__all_no);
            __scratch.give(__all_yes);
            __scratch.give(__all_no);
        }
    }

    fn gradient_compared(&self, compared: &Compared) -> TokenStream {
        let plate = &compared.plate;
        let element = Scope::element(plate, self);
        let (lanes, zero) = (&element.lanes, element.number(&quote!(0.0)));
        let (n, x, strict) = (size_of(&plate.name.to_string()), compared.number(self.tree), compared.strict);
        let (constants, slots) = self.slot_constants(plate, &element);
        let (scatter, size_term) = (element.scatter(plate), self.size_term(plate));
        let each = quote! {
            let __lp = ::hierarch::__private::mixed(__yes, __no, __block.load::<#lanes>(&__shares));
            #scatter
            __block.accumulate(&mut __total, __lp);
        };
        let all = element.loop_compared(self, compared, &slots, &each);
        quote! {
            {
                #constants
                let (__start, __end): (usize, usize) = (0, #n);
                #size_term
                let (mut __shares, mut __buffer) = (__scratch.take(#n), __scratch.take(0));
                ::hierarch::__private::write_shares(&__values, #strict, #x, &mut __shares, &mut __buffer);
                let mut __total = #zero;
                #all
                ::hierarch::__private::absorb(&mut __lp, __total, #slots);
                __scratch.give(__shares);
                __scratch.give(__buffer);
            }
        }
    }
}
