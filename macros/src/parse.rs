//! From tokens to a model, with an error at the first token that is out of place.

use syn::parse::{Parse, ParseStream};
use syn::{
    Attribute, Error, Expr, ExprRange, Ident, Pat, RangeLimits, Result, Token, Type, braced, bracketed, parenthesized,
    parse_quote,
};

use crate::ast::{Let, Missing, Model, Param, Plate, Quantity, Role, Shape, Size, Statement, Variable};
use crate::habits::instead;
use crate::missing::{may_be_missing, optional};
use crate::source::source;

const STATEMENTS: &str = "a statement of a model starts with `param`, `size`, `global`, `nuisance`, `local`, `given`, `observe`, `missing`, `let`, `data let`, `quantity`, `factor` or `plate`";

impl Parse for Model {
    fn parse(input: ParseStream) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let name = input.parse()?;
        let body = statements(input)?;
        if !input.is_empty() {
            return Err(input.error("one `model!` declares one model: nothing may follow its closing brace"));
        }
        Ok(Self { attributes, visibility, name, body })
    }
}

fn statements(input: ParseStream) -> Result<Vec<Statement>> {
    let content;
    braced!(content in input);
    let mut body = Vec::new();
    while !content.is_empty() {
        match is_mechanism(&content) {
            true => parse_mechanism(&content, &mut body)?,
            false => body.push(content.parse()?),
        }
    }
    Ok(body)
}

fn is_mechanism(input: ParseStream) -> bool {
    let fork = input.fork();
    fork.parse::<Ident>().is_ok_and(|word| word == "missing") && (fork.peek(Ident) || fork.peek(Token![~]))
}

/// Reads `missing y ~ Bernoulli(0.2);`, which belongs to an observation in `body`.
fn parse_mechanism(input: ParseStream, body: &mut [Statement]) -> Result<()> {
    input.parse::<Ident>()?;
    let name: Ident = input.parse()?;
    input.parse::<Token![~]>().map_err(|e| {
        Error::new(e.span(), format!("how a value comes to be missing: `missing {name} ~ Bernoulli(0.2);`"))
    })?;
    let mechanism = input.parse()?;
    semicolon(input)?;
    let declared = body.iter_mut().find_map(|statement| match statement {
        Statement::Variable(v) if v.name == name => Some(v),
        _ => None,
    });
    let message = match declared {
        Some(v) if v.missing == Missing::Never => {
            format!("`{name}` is never missing: write `observe {name}: Option ~ ..` where it may be")
        }
        Some(v) if v.mechanism.is_some() => format!("how `{name}` comes to be missing is said twice"),
        Some(v) => {
            v.mechanism_source = source(&mechanism);
            v.mechanism = Some(mechanism);
            return Ok(());
        }
        None => {
            format!("no observation above is called `{name}` here: declare it before, `observe {name}: Option ~ ..;`")
        }
    };
    Err(Error::new(name.span(), message))
}

impl Parse for Statement {
    fn parse(input: ParseStream) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        if input.peek(Token![let]) {
            return parse_let(input).map(Self::Let);
        }
        let keyword: Ident = input.parse().map_err(|e| match input.cursor().ident() {
            Some((word, _)) => not_a_statement(&word),
            None => Error::new(e.span(), STATEMENTS),
        })?;
        let role = match keyword.to_string().as_str() {
            "param" => return parse_param(attributes, input).map(Self::Param),
            "size" => return parse_size(attributes, input).map(Self::Param),
            "data" if input.peek(Token![let]) => return parse_data_let(attributes, input).map(Self::Param),
            "plate" => return parse_plate(attributes, input).map(Self::Plate),
            "factor" => return parse_factor(input).map(Self::Factor),
            "quantity" => return parse_quantity(input).map(Self::Let),
            "global" => Role::Global,
            "nuisance" => Role::Nuisance,
            "local" => Role::Local,
            "observe" => Role::Observe,
            "given" => Role::Given,
            _ => return Err(not_a_statement(&keyword)),
        };
        parse_variable(attributes, role, input).map(Self::Variable)
    }
}

/// Says what is wrong with a statement that starts with `word`.
fn not_a_statement(word: &Ident) -> Error {
    let message = match instead(&word.to_string()) {
        Some(instead) => instead.to_owned(),
        None => format!("`{word}` is no statement: {STATEMENTS}"),
    };
    Error::new(word.span(), message)
}

/// Reads the name that a statement declares.
fn declared(input: ParseStream) -> Result<Ident> {
    input.parse().map_err(|error: Error| match input.cursor().ident() {
        Some((word, _)) if ["self", "Self", "super", "crate", "_"].iter().all(|no| word != no) => Error::new(
            word.span(),
            format!("`{word}` is a word of Rust: choose another name, or write `r#{word}`, which tables call `{word}`"),
        ),
        _ => error,
    })
}

fn semicolon(input: ParseStream) -> Result<()> {
    input.parse::<Token![;]>().map(|_| ()).map_err(|e| Error::new(e.span(), "a `;` is missing here"))
}

fn parse_let(input: ParseStream) -> Result<Let> {
    input.parse::<Token![let]>()?;
    let mut pat = Pat::parse_single(input)?;
    if input.peek(Token![:]) {
        return Err(input.error("a `let` of a model takes no type: it is worked out for each scalar that runs through"));
    }
    if let Pat::Ident(name) = &mut pat
        && let Some(mutable) = name.mutability.take()
    {
        return Err(Error::new_spanned(mutable, "a variable of a model has one value: `mut` has no meaning here"));
    }
    input.parse::<Token![=]>()?;
    let expr = input.parse()?;
    semicolon(input)?;
    Ok(Let { pat, expr, quantity: None })
}

/// Reads what stands after `quantity`.
fn parse_quantity(input: ParseStream) -> Result<Let> {
    let name = declared(input)?;
    if input.peek(syn::token::Bracket) {
        let message = format!(
            "a quantity has no length but that of its value: `quantity {name} = [a, b];`, and one that is drawn is a number"
        );
        return Err(input.error(message));
    }
    if input.peek(Token![:]) {
        return Err(input.error(format!("a quantity takes no type: `quantity {name} = ..;`")));
    }
    let quantity = if input.peek(Token![~]) {
        input.parse::<Token![~]>()?;
        Quantity::Drawn
    } else {
        input.parse::<Token![=]>().map_err(|error| {
            let message = format!(
                "a quantity is worked out, `quantity {name} = a / b;`, or drawn, `quantity {name} ~ Normal(mu, sigma);`"
            );
            Error::new(error.span(), message)
        })?;
        Quantity::Computed
    };
    let expr = input.parse()?;
    semicolon(input)?;
    Ok(Let { pat: parse_quote!(#name), expr, quantity: Some(quantity) })
}

fn parse_factor(input: ParseStream) -> Result<Expr> {
    let expr = input.parse()?;
    semicolon(input)?;
    Ok(expr)
}

fn parse_param(attributes: Vec<Attribute>, input: ParseStream) -> Result<Param> {
    let name = declared(input)?;
    if !input.peek(Token![:]) {
        return Err(Error::new(name.span(), format!("`param {name}` needs a type: `param {name}: f64 = ...;`")));
    }
    input.parse::<Token![:]>()?;
    let ty = input.parse()?;
    let default = if input.parse::<Option<Token![=]>>()?.is_some() { Some(input.parse()?) } else { None };
    semicolon(input)?;
    Ok(Param { attributes, name, ty, default, is_size: false, of_data: None })
}

/// Parses a length that is a field of the model: `size K;`, or `size K = 3;` with a default.
fn parse_size(attributes: Vec<Attribute>, input: ParseStream) -> Result<Param> {
    let name = declared(input)?;
    if input.peek(Token![:]) {
        return Err(input.error(format!("a size is a `usize` and takes no type: `size {name};`")));
    }
    let default = if input.parse::<Option<Token![=]>>()?.is_some() { Some(input.parse()?) } else { None };
    semicolon(input)?;
    Ok(Param { attributes, name, ty: parse_quote!(usize), default, is_size: true, of_data: None })
}

/// Parses a field of the model that is worked out of data: `data let center = mean(x);`, `data let order: Vec<usize> = sorted(x);`.
fn parse_data_let(attributes: Vec<Attribute>, input: ParseStream) -> Result<Param> {
    input.parse::<Token![let]>()?;
    let name = declared(input)?;
    let ty = if input.parse::<Option<Token![:]>>()?.is_some() { input.parse()? } else { parse_quote!(f64) };
    input.parse::<Token![=]>()?;
    let of_data = Some(input.parse()?);
    semicolon(input)?;
    Ok(Param { attributes, name, ty, default: None, is_size: false, of_data })
}

fn parse_variable(attributes: Vec<Attribute>, role: Role, input: ParseStream) -> Result<Variable> {
    let name = declared(input)?;
    if input.peek(Token![.]) || input.peek(syn::token::Paren) {
        let message = format!(
            "a variable is a name, and its distribution is that of the name: instead of `{name}.ln() ~ Normal(..)` write \
             `{name} ~ LogNormal(..)`, or transform the data before they are handed in"
        );
        return Err(Error::new(name.span(), message));
    }
    let shape = if input.peek(syn::token::Bracket) { Some(parse_shape(input)?) } else { None };
    let columns = if input.peek(syn::token::Bracket) { Some(parse_shape(input)?) } else { None };
    if input.peek(syn::token::Bracket) {
        return Err(input.error("a variable has two dimensions at most: put it in a plate of fixed size for a third"));
    }
    let (mut ty, mut index_of, mut missing) = (None, None, Missing::Never);
    if input.parse::<Option<Token![:]>>()?.is_some() {
        let fork = input.fork();
        if fork.parse::<Ident>().is_ok_and(|word| word == "index") && fork.peek(syn::token::Paren) {
            input.parse::<Ident>()?;
            let content;
            parenthesized!(content in input);
            index_of = Some(content.parse()?);
            if !content.is_empty() {
                return Err(content.error("`index(...)` takes the name of one plate"));
            }
        } else {
            let written = input.parse::<Type>()?;
            (ty, missing) = match optional(&written) {
                Some(inside) => (inside, may_be_missing(role, &name, &written)?),
                None => (Some(written), Missing::Never),
            };
        }
    }
    let definition = if input.parse::<Option<Token![~]>>()?.is_some() { Some(input.parse::<Expr>()?) } else { None };
    if definition.is_none() && role != Role::Given {
        let word = role.keyword();
        let message = format!("`{word} {name}` needs a distribution: `{word} {name} ~ Normal(0.0, 1.0);`");
        return Err(Error::new(name.span(), message));
    }
    if definition.is_none() && ty.is_none() && index_of.is_none() && shape.is_none() {
        let message = format!("`given {name}` needs a type or a distribution: `given {name}: f64;`");
        return Err(Error::new(name.span(), message));
    }
    semicolon(input)?;
    let source = definition.as_ref().map_or(String::new(), source);
    Ok(Variable {
        attributes,
        role,
        name,
        shape,
        columns,
        ty,
        index_of,
        definition,
        source,
        begins_at: 0,
        missing,
        mechanism: None,
        mechanism_source: String::new(),
    })
}

fn parse_shape(input: ParseStream) -> Result<Shape> {
    let content;
    bracketed!(content in input);
    let position = if content.peek(Ident) && content.peek2(Token![in]) {
        let position = content.parse()?;
        content.parse::<Token![in]>()?;
        Some(position)
    } else {
        None
    };
    let expr: Expr = content.parse()?;
    if !content.is_empty() {
        return Err(content.error("a shape is `[3]` or `[i in 0..3]`"));
    }
    let Some(position) = position else { return Ok(Shape { position: None, len: expr }) };
    match expr {
        Expr::Range(ExprRange { start: Some(start), limits: RangeLimits::HalfOpen(_), end: Some(end), .. })
            if is_zero(&start) =>
        {
            Ok(Shape { position: Some(position), len: *end })
        }
        other => Err(Error::new_spanned(other, "positions are counted from zero: `[i in 0..3]`")),
    }
}

fn is_zero(expr: &Expr) -> bool {
    matches!(expr, Expr::Lit(lit) if matches!(&lit.lit, syn::Lit::Int(n) if n.base10_digits() == "0"))
}

fn parse_plate(attributes: Vec<Attribute>, input: ParseStream) -> Result<Plate> {
    let name = declared(input)?;
    if !input.peek(syn::token::Paren) {
        let message = format!(
            "`plate {name}` needs a size: `plate {name}(100)`, `plate {name}(1..=200)` or `plate {name}(n ~ Poisson(rate))`"
        );
        return Err(Error::new(name.span(), message));
    }
    let content;
    parenthesized!(content in input);
    let size = if content.peek(Ident) && content.peek2(Token![~]) {
        let count = content.parse()?;
        content.parse::<Token![~]>()?;
        Size::Random(count, content.parse()?)
    } else {
        match content.parse()? {
            Expr::Range(ExprRange { start: Some(start), limits: RangeLimits::Closed(_), end: Some(end), .. }) => {
                Size::Range(*start, *end)
            }
            Expr::Range(range) => {
                let message = "a range of sizes has both ends, and the last is included: `1..=200`";
                return Err(Error::new_spanned(range, message));
            }
            fixed => Size::Fixed(fixed),
        }
    };
    if !content.is_empty() {
        return Err(content.error("a plate has one size"));
    }
    let body = statements(input)?;
    let size_source = if let Size::Random(_, distribution) = &size { source(distribution) } else { String::new() };
    Ok(Plate { attributes, name, size, size_source, body })
}
