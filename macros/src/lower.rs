//! From a model as it is written to its tree.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Ident;
use quote::ToTokens;
use syn::{Type, parse_quote};

use crate::ast::{self, Let, Model, Param, Shape, Size, Statement};
use crate::builtin::Draws;
use crate::definition::{Definition, has_implicit};
use crate::kind::{Kind, image};
use crate::names::{bound, identifiers};
use crate::reads::mark_reads;
use crate::source::source;
use crate::tree::{Plate, Step, Symbol, Tree, Variable, plates, plates_mut, variables};

/// Lowers a model. One with mistakes has a tree too, of which types can be made.
pub fn lower(model: Model) -> Tree {
    let implicit = has_implicit(&model.body);
    let mut names = Names::default();
    let mut root = names.lower(model.body, None);
    let Names { params, symbols } = names;
    mark_data(&mut root);
    mark_reads(&mut root, &symbols);
    let Model { attributes, visibility, name, .. } = model;
    Tree { attributes, visibility, name, params, root, implicit, symbols }
}

/// What has been declared so far.
#[derive(Default)]
struct Names {
    params: Vec<Param>,
    symbols: BTreeMap<String, Symbol>,
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
                self.declare(&param.name, Symbol::default());
                self.params.push(param);
                None
            }
            Statement::Variable(variable) => {
                let variable = lower_variable(variable);
                let symbol = Symbol { plate: plate.map(str::to_owned), ..self.symbol(&variable) };
                self.declare(&variable.name, symbol);
                Some(Step::Variable(variable))
            }
            Statement::Let(Let { pat, expr }) => {
                let (latents, summed) = self.dependence(&identifiers(&expr));
                let symbol = Symbol { plate: plate.map(str::to_owned), latents, summed, ..Symbol::default() };
                bound(&pat).iter().for_each(|name| self.declare(name, symbol.clone()));
                Some(Step::Let { pat, expr })
            }
            Statement::Plate(plate) => Some(Step::Plate(self.plate(plate))),
        }
    }

    fn plate(&mut self, plate: ast::Plate) -> Plate {
        let ast::Plate { attributes, name, size, body } = plate;
        let text = name.to_string();
        if let Size::Random(count, _) = &size {
            self.declare(count, Symbol { plate: Some(text.clone()), ..Symbol::default() });
        }
        Plate {
            docs: attributes,
            name,
            size,
            steps: self.lower(body, Some(&text)),
            in_data: false,
            has_columns: false,
            outer: Vec::new(),
            exports: Vec::new(),
            gathers: Vec::new(),
            scatters: false,
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
        let shape = variable.shape.as_ref().map(|s| s.len.to_token_stream());
        Symbol { plate: None, latents, summed, shape, role: Some(variable.role) }
    }

    fn declare(&mut self, name: &Ident, symbol: Symbol) {
        self.symbols.insert(name.to_string(), symbol);
    }

    /// Finds the continuous latent variables behind what is mentioned, and whether any of it is summed out.
    fn dependence(&self, mentions: &[Ident]) -> (BTreeSet<String>, bool) {
        let known: Vec<&Symbol> = mentions.iter().filter_map(|m| self.symbols.get(&m.to_string())).collect();
        (known.iter().flat_map(|s| s.latents.clone()).collect(), known.iter().any(|s| s.summed))
    }
}

fn lower_variable(variable: ast::Variable) -> Variable {
    let ast::Variable { attributes, role, name, shape, ty, index_of, definition } = variable;
    let source = definition.as_ref().map_or(String::new(), source);
    let definition = definition.as_ref().and_then(|d| Definition::read(d).ok());
    let draws = definition.as_ref().and_then(Definition::draws);
    let kind = if index_of.is_some() { Kind::Category } else { Kind::of(ty.as_ref(), definition.as_ref()) };
    let image = ty.as_ref().and_then(image).map(|(rows, columns)| (rows.clone(), columns.clone()));
    let array = match (&image, &ty) {
        (Some((rows, columns)), _) => Some(Shape { position: None, len: parse_quote!(((#rows) * (#columns))) }),
        (None, Some(Type::Array(array))) => Some(Shape { position: None, len: array.len.clone() }),
        _ => None,
    };
    // `x: [f64; 3] ~ Own(..)` is one draw of a vector; `x[3] ~ Own(..)` is three draws of a number.
    let vector = array.is_some() || draws.is_some_and(Draws::is_vector);
    Variable {
        docs: attributes,
        role,
        name,
        kind,
        shape: shape.or(array),
        image,
        vector,
        simplex: draws == Some(Draws::Simplex),
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
