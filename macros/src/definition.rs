//! What stands after `~`: a distribution, a choice of distributions, or a function that draws.

use proc_macro2::Ident;
use syn::{Arm, Block, Expr, ExprCall, ExprIf, ExprMatch, Pat, Stmt};

use crate::ast::Statement;
use crate::builtin::{self, Draws, Support};
use crate::names::identifiers;

#[derive(Clone)]
pub enum Definition {
    Distribution(ExprCall),
    If { condition: Expr, yes: Box<Definition>, no: Box<Definition> },
    Match { value: Expr, arms: Vec<(Arm, Definition)> },
    Implicit(ExprCall),
}

impl Definition {
    /// Reads what stands after `~`.
    ///
    /// # Errors
    /// The part of `expr` that is neither a call nor a choice between calls.
    pub fn read(expr: &Expr) -> Result<Self, &Expr> {
        match expr {
            Expr::Paren(paren) => Self::read(&paren.expr),
            Expr::Group(group) => Self::read(&group.expr),
            Expr::Block(block) => Self::read_block(&block.block, expr),
            Expr::If(ExprIf { cond, then_branch, else_branch: Some((_, no)), .. }) => Ok(Self::If {
                condition: (**cond).clone(),
                yes: Box::new(Self::read_block(then_branch, expr)?),
                no: Box::new(Self::read(no)?),
            }),
            Expr::Match(ExprMatch { expr: value, arms, .. }) => {
                let arms = arms.iter().map(|arm| Ok((arm.clone(), Self::read(&arm.body)?)));
                Ok(Self::Match { value: (**value).clone(), arms: arms.collect::<Result<_, &Expr>>()? })
            }
            Expr::Call(call) => {
                let Expr::Path(path) = &*call.func else { return Err(expr) };
                let capital = |name: &Ident| name.to_string().starts_with(char::is_uppercase);
                let segments: Vec<&Ident> = path.path.segments.iter().map(|s| &s.ident).collect();
                // `Name(..)` or `Name::constructor(..)`; anything else is a function.
                let named = segments.iter().rev().take(2).any(|s| capital(s));
                Ok(if named { Self::Distribution(call.clone()) } else { Self::Implicit(call.clone()) })
            }
            _ => Err(expr),
        }
    }

    fn read_block<'a>(block: &'a Block, whole: &'a Expr) -> Result<Self, &'a Expr> {
        match block.stmts.as_slice() {
            [Stmt::Expr(expr, None)] => Self::read(expr),
            _ => Err(whole),
        }
    }

    /// Lists every call in it.
    pub fn calls(&self) -> Vec<&ExprCall> {
        match self {
            Self::Distribution(call) | Self::Implicit(call) => vec![call],
            Self::If { yes, no, .. } => [yes.calls(), no.calls()].concat(),
            Self::Match { arms, .. } => arms.iter().flat_map(|(_, d)| d.calls()).collect(),
        }
    }

    /// Lists every expression in it.
    pub fn expressions(&self) -> Vec<&Expr> {
        match self {
            Self::Distribution(call) | Self::Implicit(call) => call.args.iter().collect(),
            Self::If { condition, yes, no } => {
                std::iter::once(condition).chain(yes.expressions()).chain(no.expressions()).collect()
            }
            Self::Match { value, arms } => std::iter::once(value)
                .chain(arms.iter().flat_map(|(arm, d)| pattern(arm).1.into_iter().chain(d.expressions())))
                .collect(),
        }
    }

    /// Lists every identifier in its expressions.
    pub fn mentions(&self) -> Vec<Ident> {
        self.expressions().into_iter().flat_map(identifiers).collect()
    }

    pub fn is_implicit(&self) -> bool {
        matches!(self, Self::Implicit(_))
    }

    /// Tells whether all its distributions are the user's.
    pub fn is_own(&self) -> bool {
        let own = |call: &&ExprCall| builtin::of(call).is_none();
        !self.is_implicit() && !self.calls().is_empty() && self.calls().iter().all(own)
    }

    /// Says what its first distribution draws; `None` if that is none of the library's. A mixture draws what its components draw, and
    /// what is truncated, censored or weighted what it was before; counts with zeros of their own are finite where those of the
    /// distribution inside are, and truncated counts where there is an upper bound.
    pub fn draws(&self) -> Option<Draws> {
        self.calls().first().and_then(|call| draws(call))
    }

    /// Tells whether one of its distributions draws whole numbers that may be negative.
    pub fn draws_whole_numbers(&self) -> bool {
        self.calls().into_iter().any(|call| draws(call) == Some(Draws::Whole))
    }

    /// Tells whether all its distributions are known to have a density for all numbers, or all vectors of numbers.
    pub fn is_over_all_numbers(&self) -> bool {
        self.calls().into_iter().all(|call| builtin::of(call).is_some_and(|b| b.support == Support::Real))
    }

    /// Tells whether all its distributions have one support, whatever their arguments, so that the value at a point of the
    /// unconstrained space depends on no other variable.
    pub fn has_fixed_support(&self) -> bool {
        let supports: Option<Vec<Support>> =
            self.calls().into_iter().map(|call| builtin::of(call).map(|b| b.support)).collect();
        supports.is_some_and(|all| all.iter().all(|support| support.is_fixed() && *support == all[0]))
    }
}

fn draws(call: &ExprCall) -> Option<Draws> {
    let Expr::Path(path) = &*call.func else { return None };
    let name = path.path.segments.last()?.ident.to_string();
    if ["ZeroInflated", "Hurdle"].contains(&name.as_str())
        && let Some(Expr::Call(inner)) = call.args.iter().nth(1)
        && let Some(inner) = draws(inner).filter(|draws| draws.is_finite() || *draws == Draws::Whole)
    {
        return Some(inner);
    }
    let found = inside(&name, call).map_or_else(|| builtin::find(&name).map(|b| b.draws), draws);
    let bounded = name == "Truncated" && call.args.iter().nth(2).is_some_and(|high| !is_infinite(high));
    if found == Some(Draws::Count) && bounded { Some(Draws::FiniteCount) } else { found }
}

/// Tells whether `bound` is written as infinite.
fn is_infinite(bound: &Expr) -> bool {
    matches!(bound, Expr::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "INFINITY"))
}

/// Finds the distribution inside one of another that draws the same.
fn inside<'a>(name: &str, call: &'a ExprCall) -> Option<&'a ExprCall> {
    let first = match (name, call.args.iter().nth(1)?) {
        ("Mixture", Expr::Array(components)) => components.elems.first()?,
        ("Truncated" | "Censored" | "Weighted", _) => call.args.first()?,
        _ => return None,
    };
    if let Expr::Call(first) = first { Some(first) } else { None }
}

/// Takes an arm apart into its pattern and its guard; `None` if it has no guard.
pub fn pattern(arm: &Arm) -> (&Pat, Option<&Expr>) {
    match &arm.pat {
        Pat::Guard(guarded) => (&guarded.pat, Some(&guarded.guard)),
        pat => (pat, None),
    }
}

/// Tells whether a function draws something in `body` or in a plate of it.
pub fn has_implicit(body: &[Statement]) -> bool {
    body.iter().any(|s| match s {
        Statement::Variable(v) => {
            v.definition.as_ref().and_then(|d| Definition::read(d).ok()).is_some_and(|d| d.is_implicit())
        }
        Statement::Plate(p) => has_implicit(&p.body),
        _ => false,
    })
}
