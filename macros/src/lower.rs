//! From a model as it is written to its tree.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Ident;
use quote::ToTokens;
use syn::{Error, Type, parse_quote};

use crate::ast::{self, Let, Model, Param, Shape, Size, Statement};
use crate::builtin::Draws;
use crate::definition::{Definition, has_implicit};
use crate::kind::{Kind, image, is_lifted};
use crate::names::identifiers;
use crate::numbers::Numbers;
use crate::reads::mark_reads;
use crate::tree::{Free, Plate, Step, Symbol, Tree, Variable, plates, plates_mut, variables};
use crate::value::Value;

/// Lowers a model, and lists the mistakes that show once it is known what is a number. A model with mistakes has a tree too, of
/// which types can be made.
pub fn lower(model: Model) -> (Tree, Vec<Error>) {
    let implicit = has_implicit(&model.body);
    let mut names = Names { implicit, ..Names::default() };
    let mut root = names.lower(model.body, None);
    let Names { params, symbols, positions, mistakes, .. } = names;
    mark_data(&mut root);
    mark_reads(&mut root, &symbols);
    let Model { attributes, visibility, name, .. } = model;
    (Tree { attributes, visibility, name, params, root, implicit, symbols, positions }, mistakes)
}

/// What has been declared so far.
#[derive(Default)]
struct Names {
    implicit: bool,
    params: Vec<Param>,
    symbols: BTreeMap<String, Symbol>,
    positions: BTreeSet<String>,
    mistakes: Vec<Error>,
}

impl Names {
    /// Lowers the statements of the model, or of `plate`, in order.
    fn lower(&mut self, body: Vec<Statement>, plate: Option<&str>) -> Vec<Step> {
        body.into_iter().filter_map(|statement| self.statement(statement, plate)).collect()
    }

    /// Lowers one statement; `None` if it is a param, which is no step.
    fn statement(&mut self, statement: Statement, plate: Option<&str>) -> Option<Step> {
        match statement {
            Statement::Param(param) => {
                let value = Value::of(&param.ty);
                let plain = value != Value::Other && !is_lifted(&param.ty);
                self.declare(&param.name, Symbol { value, plain, ..Symbol::default() });
                self.params.push(param);
                None
            }
            Statement::Variable(variable) => {
                let variable = self.variable(variable);
                let symbol = Symbol { plate: plate.map(str::to_owned), ..self.symbol(&variable) };
                self.declare(&variable.name, symbol);
                Some(Step::Variable(variable))
            }
            Statement::Let(Let { pat, mut expr }) => {
                let (latents, summed) = self.dependence(&identifiers(&expr));
                let symbol = Symbol { plate: plate.map(str::to_owned), latents, summed, ..Symbol::default() };
                for (name, value) in self.numbers(|numbers| numbers.binding(&pat, &mut expr)) {
                    self.declare(&name, Symbol { value, ..symbol.clone() });
                }
                Some(Step::Let { pat, expr })
            }
            Statement::Factor(mut expr) => {
                self.numbers(|numbers| numbers.real(&mut expr));
                Some(Step::Factor(expr))
            }
            Statement::Plate(plate) => Some(Step::Plate(self.plate(plate))),
        }
    }

    fn plate(&mut self, plate: ast::Plate) -> Plate {
        let ast::Plate { attributes, name, mut size, size_source, body } = plate;
        let text = name.to_string();
        if let Size::Random(count, distribution) = &mut size {
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
        if !variable.latent() {
            latents.clear();
            summed = false;
        } else if variable.continuous_latent() {
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
        let value = match Value::of_variable(variable.kind, variable.shape.is_some()) {
            rows if matrix => Value::array(rows, true),
            value => value,
        };
        Symbol { latents, summed, shape, role: Some(variable.role), value, ..Symbol::default() }
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
        if let Some(definition) = &mut variable.definition {
            self.numbers(|numbers| numbers.definition(definition));
        }
        let positions = variable.shape.iter().chain(&variable.columns).filter_map(|s| s.position.as_ref());
        self.positions.extend(positions.map(Ident::to_string));
        lower_variable(variable)
    }
}

fn lower_variable(variable: ast::Variable) -> Variable {
    let ast::Variable { attributes, role, name, shape, columns, ty, index_of, definition, source } = variable;
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
    Variable {
        docs: attributes,
        role,
        name,
        kind,
        shape: array.or(shape),
        matrix,
        row_and_column,
        vector,
        free: match draws {
            Some(Draws::Simplex | Draws::ZeroSum) => Free::OneLess,
            Some(Draws::CorrelationFactor) => Free::LowerTriangle,
            _ => Free::All,
        },
        mapped: vector && !definition.as_ref().is_some_and(Definition::is_over_all_numbers),
        index_of,
        definition,
        source,
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
