//! Which expressions are numbers, as far as the names in them tell: there `2` is written `2.0`, so that `2 * x` works, and what
//! only plain numbers can do is a mistake.

use std::collections::BTreeMap;

use proc_macro2::Ident;
use syn::{
    BinOp, Block, Error, Expr, ExprBinary, ExprCall, ExprClosure, ExprMatch, ExprMethodCall, Lit, LitFloat, Member,
    Pat, Stmt, UnOp, parse_quote,
};

use crate::builtin;
use crate::float::{
    float_function, is_of_real, is_of_real_alone, of_float, plain_function, without_derivative, write_real,
};
use crate::names::{borrowed, bound, identifiers, is_capital, is_dot, of_matrices};
use crate::solvers::{self, Solver};
use crate::sums;
use crate::tree::Symbol;
use crate::value::Value::{self, Array, Literal, Other, Real, Tuple};
use crate::wrong_numbers::{no_arithmetic, no_power, whole, wrong_argument};

/// Writes whole numbers as numbers where the names in `symbols` tell that they are such.
pub struct Numbers<'a> {
    symbols: &'a BTreeMap<String, Symbol>,
    /// Whether nothing but simulations may run on an expression, on plain numbers.
    implicit: bool,
    /// What the expression at hand binds itself, the innermost last.
    inner: Vec<(String, Value)>,
    /// Each once, though an expression may be looked at twice.
    pub mistakes: Vec<Error>,
}

impl<'a> Numbers<'a> {
    pub fn new(symbols: &'a BTreeMap<String, Symbol>, implicit: bool) -> Self {
        Self { symbols, implicit, inner: Vec::new(), mistakes: Vec::new() }
    }

    /// Writes the expression of a `let`; lists what it binds.
    pub fn binding(&mut self, pat: &Pat, expr: &mut Expr) -> Vec<(Ident, Value)> {
        let value = self.expr(expr, &Other);
        let mut all = Vec::new();
        bind(pat, value, &mut |name, value| all.push((name.clone(), value)));
        all
    }

    /// Writes an expression that is a real number.
    pub fn real(&mut self, expr: &mut Expr) {
        self.expr(expr, &Real);
        write_real(expr);
    }

    /// Writes what a sequence begins with: a number, or an array of numbers.
    pub fn initial(&mut self, expr: &mut Expr) -> Value {
        let wanted = if matches!(expr, Expr::Array(_) | Expr::Repeat(_)) { Value::array(Real, true) } else { Real };
        self.expr(expr, &wanted)
    }

    /// Finds what value `expr` has.
    pub fn value(&mut self, expr: &Expr) -> Value {
        self.expr(&mut expr.clone(), &Other)
    }

    /// Writes what stands after `~`.
    pub fn definition(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Paren(paren) => self.definition(&mut paren.expr),
            Expr::Group(group) => self.definition(&mut group.expr),
            Expr::Block(block) => self.definition_block(&mut block.block),
            Expr::If(choice) => {
                self.expr(&mut choice.cond, &Other);
                self.definition_block(&mut choice.then_branch);
                choice.else_branch.iter_mut().for_each(|(_, no)| self.definition(no));
            }
            Expr::Match(choice) => {
                self.expr(&mut choice.expr, &Other);
                for arm in &mut choice.arms {
                    self.within(|numbers| {
                        numbers.hide(&arm.pat);
                        numbers.definition(&mut arm.body);
                    });
                }
            }
            Expr::Call(call) if is_named(&call.func) => self.arguments(call),
            other => {
                self.expr(other, &Other);
            }
        }
    }

    fn definition_block(&mut self, block: &mut Block) {
        if let [Stmt::Expr(expr, None)] = block.stmts.as_mut_slice() {
            self.definition(expr);
        }
    }

    /// Writes the arguments of a distribution, and reports vectors and distributions in the place of numbers, and numbers in that of
    /// distributions.
    fn arguments(&mut self, call: &mut ExprCall) {
        let of = builtin::of(call);
        for (at, argument) in call.args.iter_mut().enumerate() {
            self.argument(argument);
            if of.is_some_and(|of| of.takes_a_number(at)) {
                write_real(argument);
            }
            if let Some(mistake) = of.and_then(|of| wrong_argument(argument, &self.value(argument), of, at)) {
                self.report(mistake);
            }
        }
    }

    /// Writes an argument of a distribution. A literal of its own is read as a number anyway.
    fn argument(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Lit(_) => {}
            Expr::Array(array) => array.elems.iter_mut().for_each(|e| self.argument(e)),
            Expr::Repeat(_) => {
                self.expr(expr, &Value::array(Real, true));
            }
            Expr::Call(call) if is_named(&call.func) => self.arguments(call),
            other => {
                self.expr(other, &Real);
            }
        }
    }

    fn report(&mut self, mistake: Error) {
        let key = |error: &Error| (error.to_string(), format!("{:?}", error.span()));
        if !self.mistakes.iter().any(|known| key(known) == key(&mistake)) {
            self.mistakes.push(mistake);
        }
    }

    fn within<R>(&mut self, f: impl FnOnce(&mut Self) -> R) -> R {
        let depth = self.inner.len();
        let result = f(self);
        self.inner.truncate(depth);
        result
    }

    /// Marks the names that `pat` binds as unknown.
    fn hide(&mut self, pat: &Pat) {
        self.inner.extend(bound(pat).iter().map(|name| (name.to_string(), Other)));
    }

    fn look_up(&self, name: &Ident) -> Value {
        let text = name.to_string();
        let inner = self.inner.iter().rev().find(|(known, _)| *known == text).map(|(_, value)| value);
        inner.or_else(|| self.symbols.get(&text).map(|s| &s.value)).cloned().unwrap_or_default()
    }

    /// Writes `expr`, which stands where a `wanted` value does; finds which it has.
    fn expr(&mut self, expr: &mut Expr, wanted: &Value) -> Value {
        match expr {
            Expr::Lit(lit) => match &lit.lit {
                Lit::Float(_) => Real,
                Lit::Int(int) if int.suffix().is_empty() => {
                    if *wanted != Real {
                        return Literal;
                    }
                    lit.lit = Lit::Float(LitFloat::new(&format!("{}.0", int.base10_digits()), int.span()));
                    Real
                }
                _ => Other,
            },
            Expr::Path(path) => match path.path.get_ident() {
                Some(name) => self.look_up(name),
                None if path.path.segments.iter().any(|s| s.ident == "f64") => Real,
                None => Other,
            },
            Expr::Paren(paren) => self.expr(&mut paren.expr, wanted),
            Expr::Group(group) => self.expr(&mut group.expr, wanted),
            Expr::Unary(unary) => match unary.op {
                UnOp::Neg(_) => self.expr(&mut unary.expr, wanted),
                _ => self.expr(&mut unary.expr, &Other),
            },
            Expr::Binary(binary) => self.binary(binary, wanted),
            Expr::Cast(cast) => {
                let value = self.expr(&mut cast.expr, &Other);
                if Value::of(&cast.ty) == Real {
                    return Real;
                }
                if value == Real && !self.implicit {
                    self.report(whole(&cast.expr));
                }
                Other
            }
            Expr::Index(index) => {
                let base = self.expr(&mut index.expr, &Other);
                let at = self.expr(&mut index.index, &Other);
                match (base, &*index.index) {
                    (_, Expr::Range(_)) => Other,
                    (Array { .. }, inner) if at == Real => {
                        self.report(whole(inner));
                        Other
                    }
                    (Array { of, .. }, _) => *of,
                    // A variable of another plate, by its index.
                    (Real, _) => Real,
                    _ => Other,
                }
            }
            Expr::Field(field) => match (self.expr(&mut field.base, &Other), &field.member) {
                (Tuple(all), Member::Unnamed(at)) => all.get(at.index as usize).cloned().unwrap_or_default(),
                _ => Other,
            },
            Expr::MethodCall(call) => self.method(call),
            Expr::Call(call) if is_dot(call) => {
                let mut open = false;
                call.args.iter_mut().for_each(|a| {
                    open |= matches!(self.expr(a, &Value::array(Real, true)), Array { fixed: false, .. });
                });
                // A row of a matrix is a place, and no value of its own.
                if open {
                    let rows = call.args.iter_mut().filter(|a| matches!(a, Expr::Index(_)));
                    rows.for_each(|row| *row = parse_quote!(&#row));
                }
                // The library's own wins over what else is in scope, since the density knows what it does.
                *call.func = match open {
                    true => parse_quote!(::hierarch::__private::open_product),
                    false => parse_quote!(::hierarch::__private::inner_product),
                };
                Real
            }
            Expr::Call(call) if sums::of(call).is_some() => {
                if let Some(Expr::Closure(closure)) = call.args.last_mut() {
                    self.closure(closure, &[], &Real);
                }
                Real
            }
            Expr::Call(call) => {
                if let Some(solver) = solvers::of(call) {
                    return self.solver(call, solver);
                }
                let wanted = if float_function(&call.func) { Real } else { Other };
                let mut open = false;
                call.args.iter_mut().for_each(|a| {
                    open |= matches!(self.expr(a, &wanted), Array { fixed: false, .. });
                });
                if let Some(function) = of_matrices(&call.func, open) {
                    *call.func = function;
                    if open {
                        call.args.iter_mut().for_each(|a| *a = borrowed(a));
                    }
                    return Other;
                }
                if is_repeat(&call.func) {
                    return Value::array(Real, false);
                }
                if of_float(&call.func).is_some_and(|name| name == "from") {
                    return Real;
                }
                if let Some(mistake) = plain_function(&call.func).filter(|_| !self.implicit) {
                    self.report(mistake);
                }
                wanted
            }
            Expr::Tuple(tuple) => {
                let wanted = |i: usize| match wanted {
                    Tuple(all) => all.get(i).cloned().unwrap_or_default(),
                    _ => Other,
                };
                Tuple(tuple.elems.iter_mut().enumerate().map(|(i, e)| self.expr(e, &wanted(i))).collect())
            }
            Expr::Array(array) => {
                let wanted = element(wanted);
                let found = self.both(array.elems.iter_mut().collect(), &wanted);
                Value::array(found, true)
            }
            Expr::Repeat(repeat) => {
                let value = self.expr(&mut repeat.expr, &element(wanted));
                let is_size = |name: &Ident| self.symbols.get(&name.to_string()).is_some_and(|symbol| symbol.is_size);
                // What it repeats may be no array of the compiler's, and cannot be copied then.
                let is_open = matches!(value, Array { fixed: false, .. });
                if !is_open && !identifiers(&repeat.len).iter().any(is_size) {
                    return Value::array(value, true);
                }
                let (number, len) = (&repeat.expr, &repeat.len);
                *expr = parse_quote!(::hierarch::__private::repeat(#number, #len));
                Value::array(value, false)
            }
            Expr::If(choice) => {
                self.expr(&mut choice.cond, &Other);
                let mut twice = |numbers: &mut Self, wanted: &Value| {
                    let yes = numbers.within(|n| {
                        if let Expr::Let(pattern) = &*choice.cond {
                            n.hide(&pattern.pat);
                        }
                        n.block(&mut choice.then_branch, wanted)
                    });
                    let no = choice.else_branch.as_mut().map(|(_, no)| numbers.expr(no, wanted));
                    no.into_iter().fold(yes, Value::join)
                };
                let found = twice(self, wanted);
                twice(self, &found)
            }
            Expr::Match(choice) => self.choice(choice, wanted),
            Expr::Block(block) => self.block(&mut block.block, wanted),
            Expr::Let(pattern) => {
                self.expr(&mut pattern.expr, &Other);
                Other
            }
            Expr::Closure(closure) => {
                self.closure(closure, &[], &Other);
                Other
            }
            Expr::Reference(reference) => self.expr(&mut reference.expr, &Other),
            _ => Other,
        }
    }

    /// Writes all `parts`, which have one type; finds which.
    fn both(&mut self, parts: Vec<&mut Expr>, wanted: &Value) -> Value {
        self.each(parts, wanted).into_iter().reduce(Value::join).unwrap_or_default()
    }

    /// Writes all `parts`, which have one type; finds what each tells of it.
    fn each(&mut self, mut parts: Vec<&mut Expr>, wanted: &Value) -> Vec<Value> {
        let all: Vec<Value> = parts.iter_mut().map(|part| self.expr(part, wanted)).collect();
        let found = all.iter().cloned().reduce(Value::join).unwrap_or_default();
        // Once more only where that can change something: a sum of thirty terms is thirty deep.
        for (part, _) in parts.iter_mut().zip(&all).filter(|(_, value)| **value != found) {
            self.expr(part, &found);
        }
        all
    }

    fn binary(&mut self, binary: &mut ExprBinary, wanted: &Value) -> Value {
        use BinOp::{
            Add, AddAssign, Div, DivAssign, Eq, Ge, Gt, Le, Lt, Mul, MulAssign, Ne, Rem, RemAssign, Sub, SubAssign,
        };
        let sides = vec![&mut *binary.left, &mut *binary.right];
        match binary.op {
            Add(_) | Sub(_) | Mul(_) | Div(_) | Rem(_) => {
                let all = self.each(sides, &Other);
                // A matrix times what is unknown may be that of a diagonal one.
                if !all.contains(&Other)
                    && let Some(vector) = all.iter().position(|value| matches!(value, Array { .. }))
                {
                    let side = [&binary.left, &binary.right][vector];
                    self.report(no_arithmetic(side, &binary.op));
                    return Real;
                }
                let found = all.into_iter().reduce(Value::join).unwrap_or_default();
                // Whole literals alone are whole, unless a number is wanted.
                if found != Literal || *wanted != Real {
                    return found;
                }
                self.both(vec![&mut binary.left, &mut binary.right], &Real)
            }
            Eq(_) | Ge(_) | Gt(_) | Le(_) | Lt(_) | Ne(_) | AddAssign(_) | SubAssign(_) | MulAssign(_)
            | DivAssign(_) | RemAssign(_) => {
                self.both(sides, &Other);
                Other
            }
            _ => {
                let all: Vec<Value> = sides.into_iter().map(|side| self.expr(side, &Other)).collect();
                if matches!(binary.op, BinOp::BitXor(_)) && all[0] == Real {
                    self.report(no_power(binary));
                }
                Other
            }
        }
    }

    fn method(&mut self, call: &mut ExprMethodCall) -> Value {
        let mut receiver = self.expr(&mut call.receiver, &Other);
        let name = call.method.to_string();
        // What a function of one's own returns is unknown, until it is taken for a number.
        if matches!(receiver, Other | Literal) && is_of_real_alone(&name) {
            write_real(&mut call.receiver);
            receiver = Real;
        }
        if let (Array { of, fixed: true }, "map", Some(Expr::Closure(closure))) =
            (&receiver, name.as_str(), call.args.first_mut())
        {
            return Value::array(self.closure(closure, &[(**of).clone()], &Other), true);
        }
        let wanted = if receiver == Real && name != "powi" { Real } else { Other };
        call.args.iter_mut().for_each(|a| {
            self.expr(a, &wanted);
        });
        if receiver != Real {
            return Other;
        }
        let Some(instead) = without_derivative(&name) else {
            return if is_of_real(&name) && name != "value" { Real } else { Other };
        };
        if !self.implicit {
            let message =
                format!("`{name}` is for plain numbers, and a density runs on numbers with derivatives: {instead}");
            self.report(Error::new(call.method.span(), message));
        }
        Real
    }

    /// Writes a closure whose first arguments have these values, and which returns a `wanted` one; finds what it returns.
    fn closure(&mut self, closure: &mut ExprClosure, arguments: &[Value], wanted: &Value) -> Value {
        self.within(|numbers| {
            closure.inputs.iter().for_each(|pat| numbers.hide(pat));
            for (pat, argument) in closure.inputs.iter().zip(arguments) {
                bind(pat, argument.clone(), &mut |name, value| numbers.inner.push((name.to_string(), value)));
            }
            numbers.expr(&mut closure.body, wanted)
        })
    }

    /// Writes the arguments of a solver; finds what it returns.
    fn solver(&mut self, call: &mut ExprCall, solver: Solver) -> Value {
        let mut arguments = call.args.iter_mut();
        if let Some(Expr::Closure(closure)) = arguments.next() {
            self.closure(closure, &solver.function, &solver.returned);
        }
        arguments.zip(&solver.arguments).for_each(|(argument, wanted)| {
            self.expr(argument, wanted);
        });
        solver.value
    }

    fn choice(&mut self, choice: &mut ExprMatch, wanted: &Value) -> Value {
        self.expr(&mut choice.expr, &Other);
        let mut all = |numbers: &mut Self, wanted: &Value| {
            let arms = choice.arms.iter_mut().map(|arm| {
                numbers.within(|n| {
                    n.hide(&arm.pat);
                    n.expr(&mut arm.body, wanted)
                })
            });
            arms.collect::<Vec<_>>().into_iter().reduce(Value::join).unwrap_or_default()
        };
        let found = all(self, wanted);
        all(self, &found)
    }

    fn block(&mut self, block: &mut Block, wanted: &Value) -> Value {
        self.within(|numbers| {
            let mut last = Other;
            for statement in &mut block.stmts {
                last = Other;
                match statement {
                    Stmt::Local(local) => {
                        let value = local.init.as_mut().map(|init| numbers.expr(&mut init.expr, &Other));
                        let inner = &mut numbers.inner;
                        bind(&local.pat, value.unwrap_or_default(), &mut |name, value| {
                            inner.push((name.to_string(), value))
                        });
                    }
                    Stmt::Expr(expr, None) => last = numbers.expr(expr, wanted),
                    Stmt::Expr(expr, Some(_)) => {
                        numbers.expr(expr, &Other);
                    }
                    _ => {}
                }
            }
            last
        })
    }
}

/// Tells whether `function` is what `[x; K]` has become.
fn is_repeat(function: &Expr) -> bool {
    let Expr::Path(path) = function else { return false };
    path.path.segments.len() == 3 && path.path.segments.last().is_some_and(|segment| segment.ident == "repeat")
}

/// Finds the value of an element of `array`.
fn element(array: &Value) -> Value {
    match array {
        Array { of, .. } => (**of).clone(),
        _ => Other,
    }
}

/// Calls `f` with each name that `pat` binds to a part of `value`.
fn bind(pat: &Pat, value: Value, f: &mut dyn FnMut(&Ident, Value)) {
    match (pat, value) {
        (Pat::Ident(name), value) if name.subpat.is_none() => {
            let known = if value == Literal { Other } else { value };
            f(&name.ident, known);
        }
        (Pat::Paren(paren), value) => bind(&paren.pat, value, f),
        (Pat::Tuple(tuple), Tuple(values)) if tuple.elems.len() == values.len() => {
            tuple.elems.iter().zip(values).for_each(|(pat, value)| bind(pat, value, f));
        }
        (Pat::Slice(slice), Array { of, .. }) => slice.elems.iter().for_each(|pat| bind(pat, (*of).clone(), f)),
        (pat, _) => bound(pat).iter().for_each(|name| f(name, Other)),
    }
}

/// Tells whether `function` names a distribution: `Name` or `Name::constructor`.
fn is_named(function: &Expr) -> bool {
    let Expr::Path(path) = function else { return false };
    path.path.segments.iter().rev().take(2).any(|s| is_capital(&s.ident))
}
