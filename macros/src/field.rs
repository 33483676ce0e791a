//! Densities over all elements of a plate at once, as they stand behind `~`: `local f ~ GaussianProcess(x, kernel);`.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::{BinOp, Error, Expr, ExprCall, Result};

use crate::ast;
use crate::builtin::{self, Draws};

/// The numbers of all elements of a plate as one draw.
#[derive(Clone)]
pub struct Field {
    pub of: Of,
    /// The numbers that it depends on, the same for all elements.
    pub arguments: Vec<Expr>,
}

/// What makes it, besides the number of elements.
#[derive(Clone)]
pub enum Of {
    /// Nothing else: the constructor.
    Elements(TokenStream),
    /// A map of neighbours: the constructor, and their pairs.
    Map(TokenStream, Expr),
    /// A covariate and the constructor of the kernel.
    Places(Ident, TokenStream),
}

const KERNEL: &str = "a kernel stands here, such as `SquaredExponential(amplitude, length)`, or a sum or a product of kernels: \
                      SquaredExponential, Matern12, Matern32, Matern52 (amplitude, length), Periodic (amplitude, length, period)";

/// Finds the call of a density over the whole plate behind the `~` of `v`; `None` if it is something else.
pub fn call(v: &ast::Variable) -> Option<&ExprCall> {
    let Some(Expr::Call(call)) = &v.definition else { return None };
    let known = builtin::of(call)?;
    // Its vector has a length; without one, the plate is the vector.
    let of_plate = known.name == "ZeroSumNormal" && v.role == ast::Role::Local && v.shape.is_none() && v.ty.is_none();
    (known.draws == Draws::Plate || of_plate).then_some(call)
}

impl Field {
    /// Reads a call that [`call`] found.
    ///
    /// # Errors
    /// The first argument that is none, with what to write.
    pub fn read(call: &ExprCall) -> Result<Self> {
        let name = call.func.to_token_stream().to_string();
        let signature = builtin::of(call).map_or(String::new(), |known| known.signature());
        let arguments: Vec<&Expr> = call.args.iter().collect();
        let (of, arguments): (Of, Vec<Expr>) = match (name.as_str(), arguments.as_slice()) {
            ("RandomWalk", [sd]) => (Of::Elements(quote!(RandomWalk::of_order_1)), vec![(*sd).clone()]),
            ("RandomWalk2", [sd]) => (Of::Elements(quote!(RandomWalk::of_order_2)), vec![(*sd).clone()]),
            ("ZeroSumNormal", [sd]) => (Of::Elements(quote!(ZeroSum::new)), vec![(*sd).clone()]),
            ("Icar", [map]) => (Of::Map(quote!(Icar::new), edges(map)?), Vec::new()),
            ("ScaledIcar", [map]) => (Of::Map(quote!(Icar::scaled), edges(map)?), Vec::new()),
            ("Car", [map, alpha, tau]) => {
                (Of::Map(quote!(Car::new), edges(map)?), vec![(*alpha).clone(), (*tau).clone()])
            }
            ("GaussianProcess", [x, of]) => {
                let mut arguments = Vec::new();
                let kernel = kernel(of, &mut arguments)?;
                (Of::Places(place(x)?, kernel), arguments)
            }
            _ => return Err(Error::new_spanned(call, format!("the arguments are those of `{signature}`"))),
        };
        Ok(Self { of, arguments })
    }

    /// Lists every expression in it.
    pub fn expressions(&self) -> Vec<Expr> {
        let own = match &self.of {
            Of::Elements(_) => None,
            Of::Map(_, edges) => Some(edges.clone()),
            Of::Places(x, _) => Some(syn::parse_quote!(#x)),
        };
        own.into_iter().chain(self.arguments.iter().cloned()).collect()
    }
}

fn edges(expr: &Expr) -> Result<Expr> {
    match expr {
        Expr::Path(_) => Ok(expr.clone()),
        _ => {
            let message = "the pairs of neighbours are a param, `param edges: Vec<(usize, usize)>;`, or a constant, \
                           `const EDGES: &[(usize, usize)]`: write its name";
            Err(Error::new_spanned(expr, message))
        }
    }
}

fn place(expr: &Expr) -> Result<Ident> {
    let name = if let Expr::Path(path) = expr { path.path.get_ident().cloned() } else { None };
    name.ok_or_else(|| {
        let message = "the place of an element is a covariate of the plate, `given x: f64;` or `given x: [f64; 2];`: write its name";
        Error::new_spanned(expr, message)
    })
}

/// Emits the constructor of a kernel, and lists its arguments.
fn kernel(expr: &Expr, arguments: &mut Vec<Expr>) -> Result<TokenStream> {
    match expr {
        Expr::Paren(inner) => kernel(&inner.expr, arguments),
        Expr::Group(inner) => kernel(&inner.expr, arguments),
        Expr::Binary(both) if matches!(both.op, BinOp::Add(_) | BinOp::Mul(_)) => {
            let (a, b, op) = (kernel(&both.left, arguments)?, kernel(&both.right, arguments)?, &both.op);
            Ok(quote!((#a #op #b)))
        }
        Expr::Call(call) => match builtin::of(call).filter(|known| known.draws == Draws::Kernel) {
            Some(known) if known.arguments.len() == call.args.len() => {
                arguments.extend(call.args.iter().cloned());
                let constructor = match known.name {
                    "SquaredExponential" => quote!(squared_exponential),
                    "Matern12" => quote!(matern12),
                    "Matern32" => quote!(matern32),
                    "Matern52" => quote!(matern52),
                    _ => quote!(periodic),
                };
                Ok(quote!(::hierarch::fields::Kernel::#constructor()))
            }
            Some(known) => Err(Error::new_spanned(call, format!("the arguments are those of `{}`", known.signature()))),
            None => Err(Error::new_spanned(&call.func, KERNEL)),
        },
        _ => Err(Error::new_spanned(expr, KERNEL)),
    }
}
