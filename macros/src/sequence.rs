//! Sequences: in the elements of a plate, `prev(x)` is the value of `x` in the element before, and `is_first()` tells whether there is
//! none. Before all else looks at the model, each becomes a name of its own, bound by a statement of its own.

use proc_macro2::{Ident, Span};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{Error, Expr, ExprCall, Lit, parse_quote};

use crate::ast::{Earlier, Initial, Lag, Model, Role, Size, Statement};
use crate::names::{bound, identifiers, text};
use crate::source::source;

/// Writes each `prev` and `is_first` as a name; lists the mistakes in them.
pub fn resolve(model: &mut Model) -> Vec<Error> {
    let mut mistakes = Vec::new();
    body(&mut model.body, false, &mut mistakes);
    mistakes
}

fn body(statements: &mut Vec<Statement>, in_plate: bool, mistakes: &mut Vec<Error>) {
    for statement in statements.iter_mut() {
        if let Statement::Plate(plate) = statement {
            body(&mut plate.body, true, mistakes);
        }
    }
    let declared: Vec<(Ident, Option<Role>)> = statements.iter().flat_map(declared).collect();
    let mut before =
        Before { declared: &declared, in_plate, at: At::default(), lags: Vec::new(), begin: Vec::new(), mistakes };
    let mut all = Vec::with_capacity(statements.len());
    for mut statement in std::mem::take(statements) {
        let known = before.lags.len();
        before.statement(&mut statement);
        all.extend(before.lags[known..].iter().cloned().map(Statement::Lag));
        all.push(statement);
    }
    *statements = all;
}

/// Lists the names that a statement declares, with the role of a variable.
fn declared(statement: &Statement) -> Vec<(Ident, Option<Role>)> {
    match statement {
        Statement::Variable(v) => vec![(v.name.clone(), Some(v.role))],
        Statement::Let(l) => bound(&l.pat).into_iter().map(|name| (name, None)).collect(),
        _ => Vec::new(),
    }
}

/// Where a call of `prev` stands.
#[derive(Clone, Copy, Default)]
struct At {
    /// Whether what is there may be left out in the elements that have none before.
    may_begin_later: bool,
    /// Whether `is_first` is asked in the same statement.
    asks_first: bool,
}

/// What a call of `prev` or `is_first` is.
// There is one at a time.
#[allow(clippy::large_enum_variant)]
enum Found {
    Lag(Lag),
    /// It has been reported.
    Mistake,
    /// Of a plate around.
    Elsewhere,
}

struct Before<'a> {
    /// What the body at hand declares.
    declared: &'a [(Ident, Option<Role>)],
    in_plate: bool,
    at: At,
    lags: Vec<Lag>,
    /// The names of `let`s that only elements have that have some before, with how many.
    begin: Vec<(Ident, usize)>,
    mistakes: &'a mut Vec<Error>,
}

impl Before<'_> {
    fn statement(&mut self, statement: &mut Statement) {
        self.at = At { may_begin_later: false, asks_first: asks_first(statement) };
        match statement {
            Statement::Variable(v) => {
                self.at.may_begin_later = v.role == Role::Observe;
                v.definition.iter_mut().for_each(|expr| self.visit_expr_mut(expr));
                v.begins_at = v.definition.as_ref().map_or(0, |expr| self.begin(expr));
                if v.begins_at > 0 && v.role != Role::Observe {
                    self.late(&v.name);
                }
            }
            Statement::Let(l) => {
                self.at.may_begin_later = true;
                self.visit_expr_mut(&mut l.expr);
                let begin = self.begin(&l.expr);
                if begin > 0 {
                    self.begin.extend(bound(&l.pat).into_iter().map(|name| (name, begin)));
                }
            }
            Statement::Factor(expr) => {
                self.visit_expr_mut(expr);
                if self.begin(expr) > 0 {
                    self.late(&Ident::new("factor", expr.span()));
                }
            }
            Statement::Plate(plate) => self.inside(plate),
            Statement::Param(_) | Statement::Lag(_) => {}
        }
    }

    /// Reports that `name` is not there in the first elements.
    fn late(&mut self, name: &Ident) {
        let message = format!(
            "the first elements of this plate have none before, and `{name}` is needed there too: say what the sequence begins with, \
             `prev(x, 1, 0.0)`"
        );
        self.mistake(name.span(), message);
    }

    /// Writes what a plate inside reads of the elements of this one.
    fn inside(&mut self, plate: &mut crate::ast::Plate) {
        if let Size::Random(_, distribution) = &mut plate.size {
            self.visit_expr_mut(distribution);
        }
        for statement in &mut plate.body {
            match statement {
                Statement::Variable(v) => v.definition.iter_mut().for_each(|expr| self.visit_expr_mut(expr)),
                Statement::Let(l) => self.visit_expr_mut(&mut l.expr),
                Statement::Factor(expr) => self.visit_expr_mut(expr),
                Statement::Plate(inner) => self.inside(inner),
                Statement::Param(_) | Statement::Lag(_) => {}
            }
        }
    }

    /// Finds how many elements must stand before the first one that has all that `expr` mentions.
    fn begin(&self, expr: &Expr) -> usize {
        let conditioned = |lag: &&Lag| matches!(lag.earlier, Earlier::Value { initial: Initial::Missing, .. });
        let lags = self.lags.iter().filter(conditioned).map(|lag| (&lag.local, lag.steps));
        let all: Vec<(&Ident, usize)> = lags.chain(self.begin.iter().map(|(name, steps)| (name, *steps))).collect();
        identifiers(expr)
            .iter()
            .flat_map(|name| all.iter().filter(move |(known, _)| *known == name))
            .map(|(_, steps)| *steps)
            .max()
            .unwrap_or(0)
    }

    fn mistake(&mut self, span: Span, message: String) -> Found {
        self.mistakes.push(Error::new(span, message));
        Found::Mistake
    }

    /// Reads `prev(x)`, `prev(x, 2)`, `prev(x, 1, 0.0)`.
    fn value(&mut self, call: &ExprCall, name: &Ident) -> Found {
        const USE: &str = "`prev(x)` is the value of `x` in the element before, `prev(x, 2)` that of two before, and the third argument \
                           what a sequence begins with: `prev(x, 1, 0.0)`";
        let arguments: Vec<&Expr> = call.args.iter().collect();
        let of = match arguments.first() {
            Some(Expr::Path(of)) if arguments.len() <= 3 => of.path.get_ident().cloned(),
            _ => None,
        };
        let Some(of) = of else { return self.mistake(name.span(), USE.to_owned()) };
        let Some(steps) = self.steps(arguments.get(1).copied(), USE) else { return Found::Mistake };
        let of_text = text(&of);
        if !self.in_plate {
            let message = format!(
                "`prev` reads what an element of the same plate, or of one around, declares, and `{of_text}` is none of it"
            );
            return self.mistake(of.span(), message);
        }
        let Some((_, role)) = self.declared.iter().find(|(known, _)| *known == of) else { return Found::Elsewhere };
        let observed = matches!(role, Some(Role::Observe));
        let initial = match arguments.get(2) {
            Some(initial) => Initial::Value((*initial).clone()),
            None if self.at.asks_first => Initial::Unread,
            None if observed && self.at.may_begin_later => Initial::Missing,
            None => {
                let message = format!(
                    "the first element has none before: say what the sequence begins with, `prev({of_text}, {steps}, 0.0)`, or ask, \
                     `if is_first() {{ .. }} else {{ .. prev({of_text}) .. }}`"
                );
                return self.mistake(name.span(), message);
            }
        };
        Found::Lag(Lag { local: name.clone(), steps, earlier: Earlier::Value { of, initial } })
    }

    fn steps(&mut self, steps: Option<&Expr>, usage: &str) -> Option<usize> {
        let Some(steps) = steps else { return Some(1) };
        if let Expr::Lit(lit) = steps
            && let Lit::Int(int) = &lit.lit
            && let Ok(steps @ 1..) = int.base10_parse()
        {
            return Some(steps);
        }
        self.mistakes
            .push(Error::new_spanned(steps, format!("how many elements before is written out, from 1: {usage}")));
        None
    }

    /// Finds the name of a lag like `wanted`, or gives it one.
    fn name(&mut self, wanted: Lag, span: Span) -> Ident {
        if let Some(known) = self.lags.iter().find(|known| known.is_like(&wanted)) {
            return Ident::new(&known.local.to_string(), span);
        }
        let same = |known: &&Lag| known.steps == wanted.steps && known.of() == wanted.of();
        let number = match self.lags.iter().filter(same).count() {
            0 => String::new(),
            count => format!("n{count}"),
        };
        let of = wanted.of().map(text).unwrap_or_default();
        let local = Ident::new(&format!("__before_{}{number}_{of}", wanted.steps), span);
        self.lags.push(Lag { local: local.clone(), ..wanted });
        local
    }
}

impl VisitMut for Before<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        visit_mut::visit_expr_mut(self, expr);
        let Expr::Call(call) = expr else { return };
        let Some(name) = word(call).cloned() else { return };
        let span = name.span();
        let found = if name == "prev" {
            self.value(call, &name)
        } else if !self.in_plate {
            self.mistake(
                span,
                "`is_first` asks whether an element of a plate is its first: it stands in a plate".to_owned(),
            )
        } else {
            match self
                .steps(call.args.first(), "`is_first()` asks for the first element, `is_first(2)` for the first two")
            {
                Some(steps) => Found::Lag(Lag { local: name, steps, earlier: Earlier::IsFirst }),
                None => Found::Mistake,
            }
        };
        match found {
            Found::Lag(lag) => {
                let local = self.name(lag, span);
                *expr = parse_quote!(#local);
            }
            Found::Mistake => *expr = parse_quote!(0.0),
            Found::Elsewhere => {}
        }
    }
}

impl Lag {
    /// Names what it is the earlier value of; `None` if it only tells whether there is one.
    pub fn of(&self) -> Option<&Ident> {
        match &self.earlier {
            Earlier::Value { of, .. } => Some(of),
            Earlier::IsFirst => None,
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        let initial = |lag: &Self| match &lag.earlier {
            Earlier::Value { initial: Initial::Value(initial), .. } => Some(source(initial)),
            _ => None,
        };
        self.steps == other.steps && self.of() == other.of() && initial(self) == initial(other)
    }
}

/// Names the function of `call`, if it is one of the language for sequences.
fn word(call: &ExprCall) -> Option<&Ident> {
    let Expr::Path(path) = &*call.func else { return None };
    path.path.get_ident().filter(|name| *name == "prev" || *name == "is_first")
}

/// Tells whether `is_first` is asked in the statement itself, not in a plate inside.
fn asks_first(statement: &Statement) -> bool {
    struct Asks(bool);
    impl<'ast> Visit<'ast> for Asks {
        fn visit_expr_call(&mut self, call: &'ast ExprCall) {
            self.0 |= word(call).is_some_and(|name| name == "is_first");
            visit::visit_expr_call(self, call);
        }
    }
    let expr = match statement {
        Statement::Variable(v) => v.definition.as_ref(),
        Statement::Let(l) => Some(&l.expr),
        Statement::Factor(expr) => Some(expr),
        _ => None,
    };
    let mut asks = Asks(false);
    expr.into_iter().for_each(|expr| asks.visit_expr(expr));
    asks.0
}
