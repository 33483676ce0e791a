//! Arguments by name: `Gamma(mean = m, sd = s)` becomes the call by position that it stands for, before all else looks
//! at the model.
//!
//! An argument without a name is the one that it is in the distribution's own order, whatever is named beside it: in
//! `Gamma(2.0, scale = 3.0)` the first is the shape.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Error, Expr, ExprCall, ExprParen, parse_quote, token};

use crate::ast::{Model, Quantity, Size, Statement};
use crate::builtin::{self, Builtin};
use crate::elsewhere::misspelt;
use crate::habits::meant;
use crate::nearest::nearest;
use crate::parametrisation::OTHER;

/// Writes all arguments of distributions by their positions; lists the mistakes in what was named.
pub fn resolve(model: &mut Model) -> Vec<Error> {
    let mut names = Names { mistakes: Vec::new() };
    names.body(&mut model.body);
    names.mistakes
}

struct Names {
    mistakes: Vec<Error>,
}

impl Names {
    fn body(&mut self, body: &mut [Statement]) {
        for statement in body {
            match statement {
                Statement::Variable(variable) => {
                    let own = variable.definition.iter_mut().chain(&mut variable.mechanism);
                    own.for_each(|expr| self.visit_expr_mut(expr));
                }
                Statement::Plate(plate) => {
                    if let Size::Random(_, distribution) = &mut plate.size {
                        self.visit_expr_mut(distribution);
                    }
                    self.body(&mut plate.body);
                }
                Statement::Let(l) if l.quantity == Some(Quantity::Drawn) => self.visit_expr_mut(&mut l.expr),
                Statement::Param(_) | Statement::Let(_) | Statement::Factor(_) | Statement::Lag(_) => {}
            }
        }
    }
}

impl VisitMut for Names {
    fn visit_expr_call_mut(&mut self, call: &mut ExprCall) {
        visit_mut::visit_expr_call_mut(self, call);
        let Some(first) = call.args.iter().find(|a| matches!(a, Expr::Assign(_))) else { return };
        let found = match builtin::of(call) {
            Some(known) => by_position(call, known),
            None => Err(vec![unnamed(call, first)]),
        };
        *call = found.unwrap_or_else(|mistakes| {
            self.mistakes.extend(mistakes);
            mended(call)
        });
    }
}

/// Finds the call by position that `call`, of the distribution `known`, stands for.
fn by_position(call: &ExprCall, known: &'static Builtin) -> Result<ExprCall, Vec<Error>> {
    let mut given = Given::of(known);
    let mut mistakes = Vec::new();
    for argument in &call.args {
        let read = given.add(argument);
        mistakes.extend(read.err().map(|message| Error::new_spanned(place(argument), message)));
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let form = given.form(call).map_err(|mistake| vec![mistake])?;
    Ok(match form.call {
        None => {
            let value = |name: &&str| given.value(name).cloned();
            ExprCall { args: form.arguments.iter().filter_map(value).collect(), ..call.clone() }
        }
        Some(meant) => given.written(meant, call.func.span()),
    })
}

/// One of the parametrisations of a distribution.
#[derive(Clone, Copy)]
struct Form {
    arguments: &'static [&'static str],
    /// The call that is meant; `None` if it is by the distribution's own arguments.
    call: Option<&'static str>,
}

impl Form {
    /// Tells whether all `given` are arguments of it.
    fn takes(&self, given: &[Argument]) -> bool {
        given.iter().all(|a| self.arguments.contains(&a.name.as_str()))
    }

    /// Lists its arguments that are not given.
    fn lacks(&self, given: &[Argument]) -> Vec<&'static str> {
        self.arguments.iter().filter(|name| given.iter().all(|a| a.name != **name)).copied().collect()
    }
}

/// An argument, with the name that it was given or that its position has.
struct Argument {
    name: String,
    value: Expr,
    named: bool,
    /// Where a mistake of it is.
    place: TokenStream,
}

/// What is given of a distribution.
struct Given {
    known: &'static Builtin,
    /// Its parametrisations, its own first.
    forms: Vec<Form>,
    arguments: Vec<Argument>,
}

impl Given {
    fn of(known: &'static Builtin) -> Self {
        let others = OTHER.iter().filter(|other| other.name == known.name);
        let others = others.map(|other| Form { arguments: other.arguments, call: Some(other.call) });
        let own = Form { arguments: known.arguments, call: None };
        Self { known, forms: std::iter::once(own).chain(others).collect(), arguments: Vec::new() }
    }

    fn value(&self, name: &str) -> Option<&Expr> {
        self.arguments.iter().find(|a| a.name == name).map(|a| &a.value)
    }

    /// Adds `argument`.
    ///
    /// # Errors
    /// What is wrong with it.
    fn add(&mut self, argument: &Expr) -> Result<(), String> {
        let place = place(argument);
        let Expr::Assign(assign) = argument else {
            if self.arguments.iter().any(|a| a.named) {
                return Err("this argument has no name, and stands behind one that has: name it, too".to_owned());
            }
            let Some(name) = self.known.arguments.get(self.arguments.len()) else {
                return Err(format!("`{}` has no more arguments: {}", self.known.name, self.there_are()));
            };
            self.arguments.push(Argument { name: (*name).to_owned(), value: argument.clone(), named: false, place });
            return Ok(());
        };
        let name = match &*assign.left {
            Expr::Path(path) => path.path.get_ident().map(|name| name.unraw().to_string()),
            _ => None,
        };
        let name = name.ok_or("before the `=` of an argument stands its name")?;
        if let Some(before) = self.arguments.iter().find(|a| a.name == name) {
            let why = if before.named { "" } else { ", the first time by its position" };
            return Err(format!("`{name}` is given twice{why}: {}", self.there_are()));
        }
        if !self.forms.iter().any(|form| form.arguments.contains(&name.as_str())) {
            return Err(self.unknown(&name));
        }
        self.arguments.push(Argument { name, value: (*assign.right).clone(), named: true, place });
        Ok(())
    }

    /// Finds the parametrisation that `call` is by.
    fn form(&self, call: &ExprCall) -> Result<Form, Error> {
        let given = &self.arguments;
        let fitting =
            |given: &[Argument]| -> Vec<Form> { self.forms.iter().filter(|form| form.takes(given)).copied().collect() };
        if let Some(at) = (0..given.len()).find(|at| fitting(&given[..=*at]).is_empty()) {
            let before: Vec<&str> = given[..at].iter().map(|a| a.name.as_str()).collect();
            let message = format!("`{}` does not go with {}: {}", given[at].name, quoted(&before), self.there_are());
            return Err(Error::new_spanned(&given[at].place, message));
        }
        let fitting = fitting(given);
        fitting.iter().find(|form| form.lacks(given).is_empty()).copied().ok_or_else(|| {
            let lacking: Vec<String> = fitting.iter().map(|form| quoted(&form.lacks(given))).collect();
            let message = format!("`{}` lacks {}: {}", self.known.name, lacking.join(", or "), self.there_are());
            Error::new_spanned(&call.func, message)
        })
    }

    /// Says that no argument is called `name`, and which is meant.
    fn unknown(&self, name: &str) -> String {
        let all = self.forms.iter().flat_map(|form| form.arguments).copied();
        let left: Vec<&str> = all.filter(|known| self.value(known).is_none()).collect();
        let near = meant(name, &left).or_else(|| nearest(name, left.iter().copied()));
        let (of, there_are) = (self.known.name, self.there_are());
        match near {
            Some(near) => format!("`{of}` has no argument `{name}`: is `{near}` meant? {}", capital(&there_are)),
            None => format!("`{of}` has no argument `{name}`: {there_are}"),
        }
    }

    /// Lists the parametrisations.
    fn there_are(&self) -> String {
        let signature = |form: &Form| format!("{}({})", self.known.name, form.arguments.join(", "));
        let all: Vec<String> = self.forms.iter().map(signature).collect();
        format!("there {} {}", if all.len() == 1 { "is" } else { "are" }, all.join(", "))
    }

    /// Writes the call `meant` with the values of its arguments. Its own tokens are at `span`.
    fn written(&self, meant: &str, span: Span) -> ExprCall {
        let tokens = meant.parse().expect("a call of the table is Rust");
        let mut call: ExprCall = syn::parse2(at(tokens, span)).expect("a call of the table is a call");
        Values(self).visit_expr_call_mut(&mut call);
        call
    }
}

/// Writes values in the place of their names.
struct Values<'a>(&'a Given);

impl VisitMut for Values<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        let name = if let Expr::Path(path) = &*expr { path.path.get_ident() } else { None };
        match name.and_then(|name| self.0.value(&name.to_string())) {
            Some(value) => *expr = enclosed(value),
            None => visit_mut::visit_expr_mut(self, expr),
        }
    }
}

/// Puts `value` into parentheses where an operator beside it would take a part of it.
fn enclosed(value: &Expr) -> Expr {
    match value {
        Expr::Path(_)
        | Expr::Lit(_)
        | Expr::Array(_)
        | Expr::Call(_)
        | Expr::MethodCall(_)
        | Expr::Field(_)
        | Expr::Index(_)
        | Expr::Paren(_) => value.clone(),
        other => Expr::Paren(ExprParen {
            attrs: Vec::new(),
            paren_token: token::Paren(other.span()),
            expr: Box::new(other.clone()),
        }),
    }
}

/// Moves all `tokens` to `span`.
fn at(tokens: TokenStream, span: Span) -> TokenStream {
    let moved = tokens.into_iter().map(|token| {
        let mut token = match token {
            TokenTree::Group(group) => TokenTree::Group(Group::new(group.delimiter(), at(group.stream(), span))),
            other => other,
        };
        token.set_span(span);
        token
    });
    moved.collect()
}

/// Finds where a mistake of `argument` is: at its name if it has one.
fn place(argument: &Expr) -> TokenStream {
    match argument {
        Expr::Assign(assign) => assign.left.to_token_stream(),
        value => value.to_token_stream(),
    }
}

/// Writes `call`, which has a mistake, without names and with as many arguments as there should be, so that the rest of
/// the model can be checked.
fn mended(call: &ExprCall) -> ExprCall {
    let values = call.args.iter().map(|argument| match argument {
        Expr::Assign(assign) => (*assign.right).clone(),
        value => value.clone(),
    });
    let args = match builtin::of(call) {
        Some(known) => values.chain(std::iter::repeat(parse_quote!(0.0))).take(known.arguments.len()).collect(),
        None => values.collect(),
    };
    ExprCall { args, ..call.clone() }
}

/// Says that the arguments of `call`, which is none of the library's distributions, have no names; the `first` of them
/// has one.
fn unnamed(call: &ExprCall, first: &Expr) -> Error {
    let name = if let Expr::Path(path) = &*call.func { path.path.get_ident() } else { None };
    let function = call.func.to_token_stream().to_string().replace(' ', "");
    let write = format!("write the values alone, `{function}(..)`");
    match name.and_then(misspelt) {
        Some(message) => Error::new_spanned(&call.func, format!("{message}; if it is a type of your own, {write}")),
        None => {
            let message = format!("only the library's distributions have arguments by name: {write}");
            Error::new_spanned(place(first), message)
        }
    }
}

/// Lists `names` in backticks.
fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
}

/// Writes the first letter of `text` as a capital.
fn capital(text: &str) -> String {
    text[..1].to_uppercase() + &text[1..]
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    /// What becomes of the distribution `tokens`, and the first mistake in it.
    fn resolved(tokens: &str) -> (String, Option<String>) {
        let call: TokenStream = tokens.parse().unwrap();
        let mut model: Model = syn::parse2(quote!(Example { observe x ~ #call; })).unwrap();
        let mistake = resolve(&mut model).first().map(ToString::to_string);
        let Statement::Variable(variable) = &model.body[0] else { unreachable!() };
        assert_eq!(variable.source.replace(' ', ""), tokens.replace(' ', ""), "the source is what was written");
        (variable.definition.to_token_stream().to_string().replace(' ', ""), mistake)
    }

    fn call(tokens: &str) -> String {
        let (call, mistake) = resolved(tokens);
        assert_eq!(mistake, None, "{tokens}");
        call
    }

    fn mistake(tokens: &str) -> String {
        resolved(tokens).1.unwrap_or_else(|| panic!("{tokens} has no mistake"))
    }

    /// All orders of `arguments`.
    fn orders(arguments: &[String]) -> Vec<Vec<String>> {
        if arguments.is_empty() {
            return vec![Vec::new()];
        }
        let first = |at: usize| {
            let mut rest = arguments.to_vec();
            let first = rest.remove(at);
            orders(&rest).into_iter().map(move |rest| [vec![first.clone()], rest].concat())
        };
        (0..arguments.len()).flat_map(first).collect()
    }

    /// By their own names, in any order and after any number without a name, the arguments of every distribution give
    /// its call by position.
    #[test]
    fn own_names_in_any_order_give_the_call_by_position() {
        for known in builtin::names().map(|name| builtin::find(name).unwrap()) {
            let values: Vec<String> = (0..known.arguments.len()).map(|i| format!("a+v{i}")).collect();
            let expected = format!("{}({})", known.name, values.join(","));
            for unnamed in 0..values.len() {
                let named = |i: usize| format!("{}={}", known.arguments[i], values[i]);
                for order in orders(&(unnamed..values.len()).map(named).collect::<Vec<_>>()) {
                    let given = [&values[..unnamed], &order].concat().join(",");
                    assert_eq!(call(&format!("{}({given})", known.name)), expected);
                }
            }
        }
    }

    /// Each row of the table is of a distribution of the library and unlike its others; its call has as many arguments
    /// as that distribution has, and each name of the row in it; and in any order the names give one call.
    #[test]
    fn rows_of_the_table_are_calls_of_the_library() {
        for (at, row) in OTHER.iter().enumerate() {
            let forms = Given::of(builtin::find(row.name).unwrap()).forms;
            let sets = forms.iter().filter(|form| {
                form.arguments.len() == row.arguments.len() && row.arguments.iter().all(|a| form.arguments.contains(a))
            });
            assert_eq!(sets.count(), 1, "row {at}");
            let values: Vec<String> = row.arguments.iter().map(|name| format!("{name}=value_of_{name}")).collect();
            let all: Vec<String> =
                orders(&values).iter().map(|order| call(&format!("{}({})", row.name, order.join(",")))).collect();
            assert!(all.iter().all(|call| *call == all[0]), "row {at}");
            let meant: ExprCall = syn::parse_str(&all[0]).unwrap();
            assert_eq!(builtin::of(&meant).unwrap().arguments.len(), meant.args.len(), "row {at}");
            let free = crate::names::variables(&Expr::Call(meant));
            assert!(row.arguments.iter().all(|name| free.iter().any(|v| v == &format!("value_of_{name}"))), "row {at}");
            assert!(free.iter().all(|v| v.to_string().starts_with("value_of_")), "row {at}: {free:?}");
        }
    }

    /// What stands beside an operator keeps its parts together.
    #[test]
    fn values_are_one_operand() {
        assert_eq!(call("Gamma(mean = a + b, shape = -k)"), "Gamma((-k),(-k)/(a+b))");
        assert_eq!(call("Exponential(scale = f(x).exp())"), "Exponential(1.0/f(x).exp())");
        assert_eq!(call("Normal(a + b, precision = 4)"), "Normal((a+b),1.0/f64::sqrt(4))");
    }

    #[test]
    fn names_are_found_wherever_a_distribution_stands() {
        assert_eq!(
            call("Truncated(Normal(sd = s, mean = m), high = 1.0, low = 0.0)"),
            "Truncated(Normal(m,s),0.0,1.0)"
        );
        assert_eq!(
            call("Mixture(components = [Normal(sd = s, mean = m), Normal(0.0, sd = 1.0)], weights = w)"),
            "Mixture(w,[Normal(m,s),Normal(0.0,1.0)])"
        );
        assert_eq!(
            call("if yes { Poisson(log_rate = r) } else { match k { 0 => Poisson(mean = 2.0), _ => Poisson(1.0), } }"),
            "ifyes{PoissonLog(r)}else{matchk{0=>Poisson(2.0),_=>Poisson(1.0),}}"
        );
        let mut model: Model =
            syn::parse2(quote!(Example { plate a(n ~ Poisson(log_rate = r)) { observe x ~ Normal(0.0, sd = 1.0); } }))
                .unwrap();
        assert!(resolve(&mut model).is_empty());
        let Statement::Plate(plate) = &model.body[0] else { unreachable!() };
        let Size::Random(_, size) = &plate.size else { unreachable!() };
        assert_eq!(size.to_token_stream().to_string(), "PoissonLog (r)");
        assert_eq!(plate.size_source, "Poisson(log_rate = r)");
    }

    #[test]
    fn mistakes_say_what_to_write() {
        const NORMAL: &str = "here are Normal(mean, sd), Normal(mean, variance), Normal(mean, precision)";
        assert_eq!(
            mistake("Normal(loc = 0.0, sd = 1.0)"),
            format!("`Normal` has no argument `loc`: is `mean` meant? T{NORMAL}")
        );
        assert_eq!(
            mistake("Normal(mean = 0.0, standrd = 1.0)"),
            format!("`Normal` has no argument `standrd`: t{NORMAL}")
        );
        assert_eq!(mistake("Normal(sd = 1.0, sd = 2.0)"), format!("`sd` is given twice: t{NORMAL}"));
        assert_eq!(
            mistake("Normal(1.0, mean = 2.0)"),
            format!("`mean` is given twice, the first time by its position: t{NORMAL}")
        );
        assert_eq!(mistake("Normal(1.0, 2.0, 3.0, sd = 2.0)"), format!("`Normal` has no more arguments: t{NORMAL}"));
        assert_eq!(
            mistake("Normal(mean = 1.0, 2.0)"),
            "this argument has no name, and stands behind one that has: name it, too"
        );
        assert_eq!(
            mistake("Normal(mean = 1.0)"),
            format!("`Normal` lacks `sd`, or `variance`, or `precision`: t{NORMAL}")
        );
        assert_eq!(
            mistake("StudentT(location = 1.0)"),
            "`StudentT` lacks `dof` and `scale`: there are StudentT(dof, location, scale), StudentT(dof, mean, sd)"
        );
        assert_eq!(mistake("Cauchy(scale = 1.0)"), "`Cauchy` lacks `location`: there is Cauchy(location, scale)");
        let gamma = "there are Gamma(shape, rate), Gamma(shape, scale), Gamma(mean, shape), Gamma(mean, sd)";
        assert_eq!(mistake("Gamma(mean = 1.0, rate = 2.0)"), format!("`rate` does not go with `mean`: {gamma}"));
        // The first argument of `Gamma` is its shape, also where another is named.
        assert_eq!(mistake("Gamma(3.0, sd = 1.0)"), format!("`sd` does not go with `shape`: {gamma}"));
        assert_eq!(
            mistake("Own(a = 1.0)"),
            "only the library's distributions have arguments by name: write the values alone, `Own(..)`"
        );
        assert_eq!(
            mistake("Gaussian(mu = 0.0, sigma = 1.0)"),
            "`Gaussian` is called `Normal(mean, sd)` here; if it is a type of your own, write the values alone, \
             `Gaussian(..)`"
        );
        assert_eq!(mistake("Normal(a.b = 1.0, sd = 1.0)"), "before the `=` of an argument stands its name");
    }

    /// The words of Stan, PyMC, scipy and torch for arguments, and the names that they have here.
    #[test]
    fn words_of_other_tools_are_known() {
        let words = [
            ("Normal", "loc", "mean"),
            ("Normal", "mu", "mean"),
            ("Normal", "sigma", "sd"),
            ("Normal", "scale", "sd"),
            ("Normal", "std", "sd"),
            ("Normal", "tau", "precision"),
            ("LogNormal", "loc", "mu"),
            ("LogNormal", "scale", "sigma"),
            ("StudentT", "df", "dof"),
            ("StudentT", "nu", "dof"),
            ("StudentT", "mu", "location"),
            ("StudentT", "sigma", "scale"),
            ("Cauchy", "alpha", "location"),
            ("Cauchy", "beta", "scale"),
            ("Gamma", "alpha", "shape"),
            ("Gamma", "beta", "rate"),
            ("Gamma", "concentration", "shape"),
            ("InverseGamma", "beta", "scale"),
            ("Beta", "a", "alpha"),
            ("Beta", "b", "beta"),
            ("Beta", "concentration1", "alpha"),
            ("Beta", "kappa", "precision"),
            ("Weibull", "alpha", "shape"),
            ("Weibull", "lambda", "scale"),
            ("Exponential", "lam", "rate"),
            ("Poisson", "lam", "rate"),
            ("Uniform", "lower", "low"),
            ("Uniform", "max", "high"),
            ("Pareto", "x_m", "minimum"),
            ("Bernoulli", "p", "probability"),
            ("Bernoulli", "probs", "probability"),
            ("Bernoulli", "logits", "logit"),
            ("Categorical", "p", "probabilities"),
            ("Categorical", "logit", "logits"),
            ("Binomial", "total_count", "n"),
            ("NegativeBinomial", "mu", "mean"),
            ("NegativeBinomial", "phi", "shape"),
            ("Dirichlet", "concentration", "concentrations"),
            ("Dirichlet", "a", "concentrations"),
            ("MvNormal", "cov", "covariance"),
            ("MvNormal", "scale_tril", "factor"),
            ("Truncated", "dist", "distribution"),
            ("Mixture", "comp_dists", "components"),
        ];
        for (distribution, word, name) in words {
            let said = mistake(&format!("{distribution}({word} = 1.0)"));
            let expected = format!("`{distribution}` has no argument `{word}`: is `{name}` meant? There");
            assert!(said.starts_with(&expected), "{said}");
        }
    }
}
