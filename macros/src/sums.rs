//! Sums over a range, `sum(i in 0..3, x[i] * beta[i])`, and products, means, maxima and minima: before all else reads the model they
//! are written as calls with a closure, `sum(0..3, |i| x[i] * beta[i])`.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{BinOp, Error, Expr, ExprCall, ExprIndex, ExprRange, Lit, Pat, RangeLimits, Result, parse_quote};

use crate::names::plain_index;
use crate::tree::Symbol;

const WORDS: [&str; 5] = ["sum", "product", "mean", "max", "min"];

fn is_word(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Ident(word) if WORDS.iter().any(|known| word == known))
}

fn is_comma(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',')
}

/// Writes the sums in `tokens` as calls with closures.
///
/// # Errors
/// A sum without a comma.
pub fn write(tokens: TokenStream) -> Result<TokenStream> {
    Ok(written(tokens.clone())?.unwrap_or(tokens))
}

/// Writes the sums in `tokens`; `None` if there is none, since a group that is made anew has lost where its brackets are.
fn written(tokens: TokenStream) -> Result<Option<TokenStream>> {
    let (mut all, mut any): (Vec<TokenTree>, bool) = (Vec::new(), false);
    for token in tokens {
        let TokenTree::Group(group) = token else {
            all.push(token);
            continue;
        };
        let inside = written(group.stream())?;
        let word = all.last().filter(|token| is_word(token) && group.delimiter() == Delimiter::Parenthesis);
        let of_sum =
            word.map(|word| call(word, inside.clone().unwrap_or_else(|| group.stream()))).transpose()?.flatten();
        match of_sum.or(inside) {
            None => all.push(TokenTree::Group(group)),
            Some(inside) => {
                let mut anew = Group::new(group.delimiter(), inside);
                anew.set_span(group.span());
                all.push(TokenTree::Group(anew));
                any = true;
            }
        }
    }
    Ok(any.then(|| all.into_iter().collect()))
}

/// Writes what stands in the parentheses behind `word`; `None` if it is no sum.
fn call(word: &TokenTree, inside: TokenStream) -> Result<Option<TokenStream>> {
    let all: Vec<TokenTree> = inside.into_iter().collect();
    let [TokenTree::Ident(position), TokenTree::Ident(r#in), rest @ ..] = all.as_slice() else { return Ok(None) };
    if r#in != "in" {
        return Ok(None);
    }
    let Some(comma) = rest.iter().position(is_comma) else {
        let message = format!("what is added stands behind the range: `{word}({position} in 0..3, x[{position}])`");
        return Err(Error::new(r#in.span(), message));
    };
    let (over, body) = (&rest[..comma], &rest[comma + 1..]);
    let bar = quote_spanned!(position.span()=> |#position|);
    Ok(Some(quote!(#(#over)*, #bar #(#body)*)))
}

/// Writes what stands in the parentheses behind `word` as the user did; `None` if it is no sum.
pub fn as_written(word: &TokenTree, inside: TokenStream) -> Option<TokenStream> {
    let all: Vec<TokenTree> = inside.into_iter().collect();
    let comma = all.iter().position(is_comma).filter(|_| is_word(word))?;
    let bar = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == '|');
    match &all[comma + 1..] {
        [open, TokenTree::Ident(position), close, body @ ..] if bar(open) && bar(close) => {
            let over = &all[..comma];
            Some(quote!(#position in #(#over)*, #(#body)*))
        }
        _ => None,
    }
}

/// A sum or its like.
pub struct Sum<'a> {
    pub word: &'a Ident,
    pub over: &'a Expr,
    pub position: &'a Ident,
    pub body: &'a Expr,
}

/// Reads `call`; `None` if it is no sum.
pub fn of(call: &ExprCall) -> Option<Sum<'_>> {
    let Expr::Path(path) = &*call.func else { return None };
    let word = path.path.get_ident().filter(|word| WORDS.iter().any(|known| *word == known))?;
    let mut arguments = call.args.iter();
    let (Some(over), Some(Expr::Closure(closure)), None) = (arguments.next(), arguments.next(), arguments.next())
    else {
        return None;
    };
    match closure.inputs.first() {
        Some(Pat::Ident(position)) if closure.inputs.len() == 1 => {
            Some(Sum { word, over, position: &position.ident, body: &closure.body })
        }
        _ => None,
    }
}

impl Sum<'_> {
    /// Names what it runs over, if that is no range: a plate.
    pub fn plate(&self) -> Option<&Ident> {
        match self.over {
            Expr::Path(path) => path.path.get_ident(),
            _ => None,
        }
    }

    /// Returns where its range ends, the end itself not counted.
    fn end(&self) -> Option<&Expr> {
        match self.over {
            Expr::Range(ExprRange { limits: RangeLimits::HalfOpen(_), end: Some(end), .. }) => Some(end),
            _ => None,
        }
    }
}

/// Calls `f` with each sum in `expr`.
pub fn each<'a>(expr: &'a Expr, f: &mut dyn FnMut(Sum<'a>)) {
    struct Sums<'f, 'a>(&'f mut dyn FnMut(Sum<'a>));
    impl<'a> Visit<'a> for Sums<'_, 'a> {
        fn visit_expr_call(&mut self, call: &'a ExprCall) {
            of(call).into_iter().for_each(&mut *self.0);
            visit::visit_expr_call(self, call);
        }
    }
    Sums(f).visit_expr(expr);
}

/// Lists the plates that sums in `expr` run over, each with the name of an element.
pub fn plates(expr: &Expr) -> Vec<(Ident, Ident)> {
    let mut found = Vec::new();
    each(expr, &mut |sum| found.extend(sum.plate().map(|plate| (sum.position.clone(), plate.clone()))));
    found
}

/// Writes sums that are inner products as such. Adds to `checked` the positions that may be outside of an array, and lists those that
/// must be.
pub fn lower(expr: &mut Expr, symbols: &BTreeMap<String, Symbol>, checked: &mut BTreeSet<String>) -> Vec<Error> {
    Products(symbols).visit_expr_mut(expr);
    let mut mistakes = Vec::new();
    each(expr, &mut |sum| {
        let mut reads = Reads { sum: &sum, symbols, outside: false, mistakes: &mut mistakes };
        reads.visit_expr(sum.body);
        if reads.outside {
            checked.insert(sum.position.to_string());
        }
    });
    mistakes
}

/// Finds the length of the vector `values`.
fn length(symbols: &BTreeMap<String, Symbol>, values: &Ident) -> Option<String> {
    let shape = symbols.get(&values.to_string())?.shape.as_ref()?;
    Some(shape.to_string())
}

struct Products<'a>(&'a BTreeMap<String, Symbol>);

impl VisitMut for Products<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        visit_mut::visit_expr_mut(self, expr);
        let Expr::Call(call) = &*expr else { return };
        let Some(product) = of(call).and_then(|sum| self.product(&sum)) else { return };
        *expr = product;
    }
}

impl Products<'_> {
    fn product(&self, sum: &Sum) -> Option<Expr> {
        let (Expr::Binary(binary), Expr::Range(ExprRange { start: Some(start), .. })) = (sum.body, sum.over) else {
            return None;
        };
        let end = sum.end()?.to_token_stream().to_string();
        let vector = |side: &Expr| match side {
            Expr::Index(index) => {
                let (values, at) = plain_index(index)?;
                let whole = at == sum.position && length(self.0, values)? == end;
                whole.then(|| values.clone())
            }
            _ => None,
        };
        let from_zero = start.to_token_stream().to_string() == "0";
        if !from_zero || sum.word != "sum" || !matches!(binary.op, BinOp::Mul(_)) {
            return None;
        }
        let (a, b) = (vector(&binary.left)?, vector(&binary.right)?);
        Some(parse_quote!(dot(#a, #b)))
    }
}

/// The reads of arrays at the position of a sum.
struct Reads<'a, 's> {
    sum: &'a Sum<'s>,
    symbols: &'a BTreeMap<String, Symbol>,
    /// Whether one may be outside.
    outside: bool,
    mistakes: &'a mut Vec<Error>,
}

impl<'ast> Visit<'ast> for Reads<'_, '_> {
    fn visit_expr_index(&mut self, index: &'ast ExprIndex) {
        visit::visit_expr_index(self, index);
        if !crate::names::identifiers(&index.index).contains(self.sum.position) || self.sum.plate().is_some() {
            return;
        }
        let plain = plain_index(index).filter(|(_, at)| *at == self.sum.position);
        let known = plain.and_then(|(values, _)| Some((values, length(self.symbols, values)?)));
        let (Some((values, len)), Some(end)) = (known, self.sum.end()) else {
            self.outside = true;
            return;
        };
        match (len.parse::<usize>(), literal(end)) {
            (Ok(len), Some(to)) if to > len => {
                let message =
                    format!("`{values}` has {len} numbers, so that the last is `{values}[{}]`", len.max(1) - 1);
                self.mistakes.push(Error::new_spanned(end, message));
            }
            (Ok(_), Some(_)) => {}
            _ => self.outside |= end.to_token_stream().to_string() != len,
        }
    }
}

fn literal(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Int(int) => int.base10_parse().ok(),
            _ => None,
        },
        _ => None,
    }
}
