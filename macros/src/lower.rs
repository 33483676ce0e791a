//! From a model as it is written to its tree.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Ident;
use quote::ToTokens;
use syn::{Error, Expr, Pat, Type, parse_quote};

use crate::any_length;
use crate::ast::{self, Initial, Let, Missing, Model, Param, Quantity, Role, Shape, Size, Statement};
use crate::builtin::Draws;
use crate::definition::{Definition, has_implicit};
use crate::field::{self, Field};
use crate::kind::{Kind, image, is_lifted};
use crate::names::{bound, identifiers};
use crate::numbers::Numbers;
use crate::reads::{mark_reads, several_numbers};
use crate::sums;
use crate::tree::{Earlier, Free, Lag, Plate, Step, Symbol, Tree, Variable, plates, plates_mut, variables};
use crate::value::Value;

/// Lowers a model, and lists the mistakes that show once it is known what is a number. A model with mistakes has a tree too, of
/// which types can be made.
pub fn lower(model: Model) -> (Tree, Vec<Error>) {
    let implicit = has_implicit(&model.body);
    let mut names = Names { implicit, sizes: sizes(&model.body), ..Names::default() };
    names.look_ahead(&model.body);
    let mut root = names.lower(model.body, None);
    let Names { params, symbols, positions, quantities, elements, mut mistakes, .. } = names;
    mark_data(&mut root);
    mark_reads(&mut root, &symbols);
    mistakes.extend(several_numbers(&root, &symbols));
    let Model { attributes, visibility, name, .. } = model;
    (Tree { attributes, visibility, name, params, root, implicit, symbols, positions, quantities, elements }, mistakes)
}

/// Lists the lengths that are fields of the model.
fn sizes(body: &[Statement]) -> BTreeSet<String> {
    let size = |statement: &Statement| match statement {
        Statement::Param(param) if param.is_size => Some(param.name.to_string()),
        _ => None,
    };
    body.iter().filter_map(size).collect()
}

/// What has been declared so far.
#[derive(Default)]
struct Names {
    implicit: bool,
    params: Vec<Param>,
    /// The lengths that are fields of the model.
    sizes: BTreeSet<String>,
    symbols: BTreeMap<String, Symbol>,
    positions: BTreeSet<String>,
    quantities: BTreeMap<String, Quantity>,
    elements: BTreeMap<String, Ident>,
    mistakes: Vec<Error>,
    /// All variables of plates, also those that are declared later: a `prev` may read them before.
    ahead: BTreeMap<String, Variable>,
}

impl Names {
    /// Lowers the statements of the model, or of `plate`, in order.
    fn lower(&mut self, body: Vec<Statement>, plate: Option<&str>) -> Vec<Step> {
        let mut steps: Vec<Step> = body.into_iter().filter_map(|statement| self.statement(statement, plate)).collect();
        for step in &mut steps {
            if let Step::Variable(Variable { name, mechanism: Some(mechanism), .. }) = step {
                self.mechanism(name, mechanism);
            }
        }
        steps
    }

    /// Checks that whether a value is missing depends on what is always known: otherwise it says something of what is not.
    fn mechanism(&mut self, name: &Ident, mechanism: &mut Expr) {
        self.numbers(|numbers| numbers.definition(mechanism));
        let mentioned = identifiers(mechanism);
        let unknown = mentioned.iter().find(|of| {
            let (latents, summed) = self.dependence(&[(*of).clone()]);
            summed || !latents.is_empty() || self.ahead.get(&of.to_string()).is_some_and(Variable::is_optional)
        });
        if let Some(of) = unknown {
            let message = format!(
                "`{of}` is not always known, so that which values of `{name}` are missing says something of it: let `{name}` be \
                 missing by what is, or observe whether it is, `observe seen ~ Bernoulli(..);`, which has its part in the density"
            );
            self.mistakes.push(Error::new(of.span(), message));
        }
    }

    /// Lowers one statement; `None` if it is a param, which is no step.
    fn statement(&mut self, statement: Statement, plate: Option<&str>) -> Option<Step> {
        match statement {
            Statement::Param(param) => {
                let value = Value::of(&param.ty);
                let plain = value != Value::Other && !is_lifted(&param.ty);
                self.declare(&param.name, Symbol { value, plain, is_size: param.is_size, ..Symbol::default() });
                self.params.push(param);
                None
            }
            Statement::Variable(variable) => {
                let variable = self.variable(variable);
                let symbol = Symbol { plate: plate.map(str::to_owned), ..self.symbol(&variable) };
                self.declare(&variable.name, symbol);
                Some(Step::Variable(variable))
            }
            Statement::Let(Let { pat, mut expr, quantity }) => {
                self.quantities
                    .extend(quantity.iter().flat_map(|q| bound(&pat).into_iter().map(|n| (n.to_string(), *q))));
                self.sums(&mut expr);
                let mentions = identifiers(&expr);
                let (latents, summed) = self.dependence(&mentions);
                let known = mentions.iter().filter_map(|name| self.symbols.get(&name.to_string()));
                let of_discrete = known.into_iter().any(|symbol| symbol.of_discrete);
                let plate = plate.map(str::to_owned);
                let symbol = Symbol { plate, latents, summed, of_discrete, ..Symbol::default() };
                let values = match quantity {
                    Some(Quantity::Drawn) => {
                        self.numbers(|numbers| numbers.definition(&mut expr));
                        bound(&pat).into_iter().map(|name| (name, Value::Real)).collect()
                    }
                    _ => self.numbers(|numbers| numbers.binding(&pat, &mut expr)),
                };
                let len = matches!(pat, Pat::Ident(_)).then(|| self.length(&expr)).flatten();
                for (name, value) in values {
                    let listed = len.clone().filter(|_| value == Value::array(Value::Real, true));
                    self.declare(&name, Symbol { value, listed, ..symbol.clone() });
                }
                Some(Step::Let { pat, expr })
            }
            Statement::Factor(mut expr) => {
                self.sums(&mut expr);
                self.numbers(|numbers| numbers.real(&mut expr));
                Some(Step::Factor(expr))
            }
            Statement::Plate(plate) => Some(Step::Plate(self.plate(plate))),
            Statement::Lag(lag) => {
                let lag = self.lag(lag);
                let symbol = Symbol { plate: plate.map(str::to_owned), ..lag_symbol(&lag) };
                self.declare(&lag.local, symbol);
                Some(Step::Lag(lag))
            }
        }
    }

    fn look_ahead(&mut self, body: &[Statement]) {
        for statement in body {
            match statement {
                Statement::Variable(v) => {
                    self.ahead.insert(v.name.to_string(), self.lowered(ast::Variable::clone(v)));
                }
                Statement::Plate(p) => self.look_ahead(&p.body),
                _ => {}
            }
        }
    }

    fn lag(&mut self, lag: ast::Lag) -> Lag {
        let ast::Lag { local, steps, earlier } = lag;
        let (name, mut initial) = match earlier {
            ast::Earlier::IsFirst => return Lag { local, steps, earlier: Earlier::IsFirst, initial: Initial::Unread },
            ast::Earlier::Value { of, initial } => (of, initial),
        };
        if let Initial::Value(initial) = &mut initial {
            let whole = self.ahead.get(&name.to_string()).is_some_and(|v| v.kind.structural());
            match whole {
                true => self.numbers(|numbers| numbers.value(initial)),
                false => self.numbers(|numbers| numbers.initial(initial)),
            };
        }
        let earlier = match self.ahead.get(&name.to_string()) {
            Some(v) => Earlier::Variable(v.clone()),
            None => {
                let len = match &initial {
                    Initial::Value(initial) => self.length(initial),
                    _ => None,
                };
                Earlier::Let { name, len }
            }
        };
        Lag { local, steps, earlier, initial }
    }

    /// Finds the length of a vector that is written out, or is a variable.
    fn length(&self, initial: &Expr) -> Option<Expr> {
        match initial {
            Expr::Paren(inner) => self.length(&inner.expr),
            Expr::Group(inner) => self.length(&inner.expr),
            Expr::Array(array) => {
                let len = array.elems.len();
                Some(parse_quote!(#len))
            }
            Expr::Repeat(repeat) => Some((*repeat.len).clone()),
            Expr::Path(path) => {
                let symbol = self.symbols.get(&path.path.get_ident()?.to_string())?;
                symbol.listed.clone().or_else(|| syn::parse2(symbol.shape.clone()?).ok())
            }
            Expr::MethodCall(call) if call.method == "map" => self.length(&call.receiver),
            _ => None,
        }
    }

    fn plate(&mut self, plate: ast::Plate) -> Plate {
        let ast::Plate { attributes, name, mut size, size_source, body } = plate;
        let text = name.to_string();
        if let Size::Random(count, distribution) = &mut size {
            self.sums(distribution);
            self.numbers(|numbers| numbers.definition(distribution));
            self.declare(count, Symbol { plate: Some(text.clone()), value: Value::Real, ..Symbol::default() });
        }
        Plate {
            docs: attributes,
            name,
            size,
            size_source,
            steps: self.lower(body, Some(&text)),
            in_data: false,
            has_columns: false,
            outer: Vec::new(),
            exports: Vec::new(),
            gathers: Vec::new(),
            scatters: false,
            predictors: Vec::new(),
            fits: Vec::new(),
            vector: None,
        }
    }

    /// Describes `variable` as if it were outside plates.
    fn symbol(&self, variable: &Variable) -> Symbol {
        let mentions = variable.definition.as_ref().map_or(Vec::new(), Definition::mentions);
        let (mut latents, mut summed) = self.dependence(&mentions);
        let latent = variable.latent() || variable.is_local_where_missing();
        if !latent {
            latents.clear();
            summed = false;
        } else if variable.kind == Kind::Real {
            if variable.definition.as_ref().is_some_and(Definition::has_fixed_support) {
                latents.clear();
            }
            latents.insert(variable.name.to_string());
        } else {
            summed = true;
        }
        // A matrix is read as any Rust array.
        let matrix = variable.matrix.is_some() && variable.kind == Kind::Real;
        let shape = variable.shape.as_ref().filter(|_| !matrix).map(|s| s.len.to_token_stream());
        let row = match Value::of_variable(variable.kind, variable.shape.is_some()) {
            Value::Array { of, .. } if variable.open => Value::Array { of, fixed: false },
            value => value,
        };
        let value = if matrix { Value::array(row, !variable.open) } else { row };
        let role = if variable.is_local_where_missing() { Role::Local } else { variable.role };
        let of_discrete = latent && variable.kind != Kind::Real;
        Symbol { latents, summed, of_discrete, shape, role: Some(role), value, ..Symbol::default() }
    }

    /// Writes the sums in `expr` that are inner products as such, and notes the positions of the others.
    fn sums(&mut self, expr: &mut Expr) {
        let mistakes = sums::lower(expr, &self.symbols, &mut self.positions);
        self.mistakes.extend(mistakes);
        self.elements.extend(sums::plates(expr).into_iter().map(|(at, plate)| (at.to_string(), plate)));
    }

    /// Runs `f` with what is known of numbers so far, and keeps the mistakes that it finds.
    fn numbers<R>(&mut self, f: impl FnOnce(&mut Numbers) -> R) -> R {
        let mut numbers = Numbers::new(&self.symbols, self.implicit);
        let result = f(&mut numbers);
        let mistakes = numbers.mistakes;
        self.mistakes.extend(mistakes);
        result
    }

    fn declare(&mut self, name: &Ident, symbol: Symbol) {
        self.symbols.insert(name.to_string(), symbol);
    }

    /// Finds the continuous latent variables behind what is mentioned, and whether any of it is summed out.
    fn dependence(&self, mentions: &[Ident]) -> (BTreeSet<String>, bool) {
        let known: Vec<&Symbol> = mentions.iter().filter_map(|m| self.symbols.get(&m.to_string())).collect();
        (known.iter().flat_map(|s| s.latents.clone()).collect(), known.iter().any(|s| s.summed))
    }

    fn variable(&mut self, mut variable: ast::Variable) -> Variable {
        if let Some(mut field) = field::call(&variable).and_then(|call| Field::read(call).ok()) {
            field.arguments.iter_mut().for_each(|argument| self.numbers(|numbers| numbers.real(argument)));
            variable.definition = None;
            return Variable { field: Some(field), ..self.lowered(variable) };
        }
        if let Some(definition) = &mut variable.definition {
            self.sums(definition);
            self.numbers(|numbers| numbers.definition(definition));
            let shape = [variable.shape.as_ref(), variable.columns.as_ref()].into_iter().flatten();
            let lens: Vec<&Expr> = shape.map(|shape| &shape.len).collect();
            let own = lens.iter().flat_map(identifiers).any(|name| self.sizes.contains(&name.to_string()));
            let mistakes = any_length::distributions(&self.symbols, &self.sizes, own.then_some(&lens), definition);
            self.mistakes.extend(mistakes);
        }
        let positions = variable.shape.iter().chain(&variable.columns).filter_map(|s| s.position.as_ref());
        self.positions.extend(positions.map(Ident::to_string));
        self.lowered(variable)
    }

    fn lowered(&self, variable: ast::Variable) -> Variable {
        let lowered = lower_variable(variable);
        let lens = lowered.shape.iter().flat_map(|shape| identifiers(&shape.len));
        let open = lens.into_iter().any(|name| self.sizes.contains(&name.to_string()));
        Variable { open, ..lowered }
    }
}

/// Describes what stands for the earlier value of something.
fn lag_symbol(lag: &Lag) -> Symbol {
    let own = || BTreeSet::from([lag.local.to_string()]);
    match &lag.earlier {
        Earlier::IsFirst => Symbol::default(),
        Earlier::Let { len, .. } => {
            let value = len.as_ref().map_or(Value::Real, |_| Value::array(Value::Real, true));
            let shape = len.as_ref().map(ToTokens::to_token_stream);
            Symbol { latents: own(), shape, value, ..Symbol::default() }
        }
        Earlier::Variable(v) => Symbol {
            latents: if v.continuous_latent() || v.is_inferred() { own() } else { BTreeSet::new() },
            summed: v.discrete_latent() || v.is_summed_where_missing(),
            of_discrete: v.discrete_latent() || v.is_summed_where_missing(),
            shape: v.shape.as_ref().map(|s| s.len.to_token_stream()),
            value: Value::of_variable(v.kind, v.shape.is_some()),
            ..Symbol::default()
        },
    }
}

fn lower_variable(variable: ast::Variable) -> Variable {
    let ast::Variable {
        attributes,
        role,
        name,
        shape,
        columns,
        ty,
        index_of,
        definition,
        source,
        begins_at,
        missing,
        mechanism,
        mechanism_source,
    } = variable;
    let definition = definition.as_ref().and_then(|d| Definition::read(d).ok());
    let draws = definition.as_ref().and_then(Definition::draws);
    let kind = if index_of.is_some() { Kind::Category } else { Kind::of(ty.as_ref(), definition.as_ref()) };
    let row_and_column = match (&shape, &columns) {
        (Some(rows), Some(columns)) => [rows.position.clone(), columns.position.clone()],
        _ => [None, None],
    };
    let matrix = match (shape.as_ref(), columns) {
        (Some(rows), Some(columns)) => Some((rows.len.clone(), columns.len)),
        _ => ty.as_ref().and_then(image).map(|(rows, columns)| (rows.clone(), columns.clone())),
    };
    let array = match (&matrix, &ty) {
        (Some((rows, columns)), _) => Some(Shape { position: None, len: parse_quote!(((#rows) * (#columns))) }),
        (None, Some(Type::Array(array))) => Some(Shape { position: None, len: array.len.clone() }),
        _ => None,
    };
    // `x: [f64; 3] ~ Own(..)` is one draw of a vector; `x[3] ~ Own(..)` is three draws of a number.
    let vector = (array.is_some() && shape.is_none()) || draws.is_some_and(Draws::is_vector);
    let by_row =
        matrix.is_some() && shape.is_some() && draws.is_some_and(|draws| draws.is_vector() && !draws.is_matrix());
    let own = matrix.is_none()
        && (array.is_some() || shape.as_ref().is_some_and(|shape| shape.position.is_none()))
        && missing == Missing::Never
        && definition.as_ref().is_some_and(Definition::is_own);
    Variable {
        docs: attributes,
        role,
        name,
        kind,
        shape: array.or(shape),
        matrix,
        row_and_column,
        vector,
        own,
        by_row,
        free: match draws {
            Some(Draws::Simplex | Draws::ZeroSum) => Free::OneLess,
            Some(Draws::CorrelationFactor) => Free::LowerTriangle,
            Some(Draws::Covariance) => Free::WithDiagonal,
            _ => Free::All,
        },
        mapped: vector
            && (!definition.as_ref().is_some_and(Definition::is_over_all_numbers)
                || draws.is_some_and(Draws::is_matrix)),
        index_of,
        definition,
        field: None,
        source,
        begins_at,
        open: false,
        missing: match missing {
            Missing::Inferred if kind != Kind::Real => Missing::SummedOut,
            missing => missing,
        },
        mechanism,
        mechanism_source,
    }
}

/// Marks each plate that is in the data: with a column there, around one that is, or read by index.
fn mark_data(root: &mut [Step]) {
    let mut indexed = BTreeSet::new();
    collect_indexed(root, &mut indexed);
    mark_data_of(root, &indexed);
}

fn collect_indexed(steps: &[Step], indexed: &mut BTreeSet<String>) {
    indexed.extend(variables(steps).filter_map(|v| v.index_of.as_ref().map(Ident::to_string)));
    plates(steps).for_each(|p| collect_indexed(&p.steps, indexed));
}

fn mark_data_of(steps: &mut [Step], indexed: &BTreeSet<String>) {
    for plate in plates_mut(steps) {
        mark_data_of(&mut plate.steps, indexed);
        let has_columns = plate.variables().any(Variable::in_data);
        plate.has_columns = has_columns;
        let in_data = has_columns || plate.plates().any(|p| p.in_data);
        plate.in_data = in_data || indexed.contains(&plate.name.to_string());
    }
}
