//! What is wrong with a model that can be parsed, each mistake at the token where it is.

mod data_let;
mod definition;
mod expression;
mod field;
mod missing;
mod quantity;
mod scope;
mod sequence;
mod size;
mod sum;
mod variable;

use std::collections::BTreeSet;

use syn::{Ident, Result};

use crate::ast::{Let, Model, Plate, Size, Statement, has_observation};
use crate::names::bound;
use scope::{Checker, What};

/// Checks a model.
///
/// # Errors
/// All its mistakes at once.
pub fn check(model: &Model) -> Result<()> {
    let mut checker = Checker::new(&model.body);
    let factor = model.body.iter().any(|statement| matches!(statement, Statement::Factor(_)));
    if !factor && !has_observation(&model.body) {
        checker.report(
            &model.name,
            "this model observes nothing: say what is seen, as in `observe x ~ Normal(mean, 1.0);`",
        );
    }
    let mut indexed = BTreeSet::new();
    collect_indexed(&model.body, &mut indexed);
    checker.needed_plates(&model.body, &indexed);
    checker.body(&model.body);
    checker.mechanisms(&model.body);
    checker.columns();
    checker.finish()
}

fn collect_indexed(body: &[Statement], found: &mut BTreeSet<String>) {
    for statement in body {
        match statement {
            Statement::Variable(v) => found.extend(v.index_of.iter().map(Ident::to_string)),
            Statement::Plate(p) => collect_indexed(&p.body, found),
            _ => {}
        }
    }
}

impl Checker {
    /// Checks that each plate is seen: by an observation in it, by an index to it, or by the function of an implicit observation.
    fn needed_plates(&mut self, body: &[Statement], indexed: &BTreeSet<String>) {
        for statement in body {
            let Statement::Plate(p) = statement else { continue };
            if !has_observation(&p.body) && !indexed.contains(&p.name.to_string()) && !self.implicit {
                let message = format!(
                    "nothing of the plate `{}` is seen: observe something in it, or index it from a plate that does",
                    p.name
                );
                self.report(&p.name, message);
            }
            self.needed_plates(&p.body, indexed);
        }
    }

    fn body(&mut self, body: &[Statement]) {
        for statement in body {
            match statement {
                Statement::Param(p) => {
                    let (word, what) = match &p.of_data {
                        Some(expr) => {
                            self.data_let(expr);
                            ("data let", What::Param)
                        }
                        None if p.is_size => ("size", What::Length),
                        None => ("param", What::Param),
                    };
                    if !self.path.is_empty() {
                        self.report(
                            &p.name,
                            format!("a `{word}` is a field of the model: declare it outside the plates"),
                        );
                    }
                    self.declare(&p.name, what, false);
                }
                Statement::Variable(v) => self.variable(v),
                Statement::Let(Let { pat, expr, quantity: None }) => {
                    let summed = self.expression(expr, &[]);
                    let has_value = self.all_have_values(expr);
                    for name in bound(pat) {
                        self.declare(&name, What::Let, summed);
                        if has_value {
                            self.has_value(&name);
                        }
                    }
                }
                Statement::Let(Let { pat, expr, quantity: Some(quantity) }) => self.quantity(pat, expr, *quantity),
                Statement::Factor(expr) => {
                    self.expression(expr, &[]);
                }
                Statement::Plate(p) => self.plate(p),
                Statement::Lag(lag) => self.lag(lag, body),
            }
        }
    }

    fn plate(&mut self, p: &Plate) {
        if ["globals", "locals", "data"].contains(&p.name.to_string().as_str()) {
            self.report(&p.name, format!("`{}` would name a type of the generated code: choose another name", p.name));
        }
        self.declare(&p.name, What::Plate, false);
        match &p.size {
            Size::Fixed(size) => self.size(p, &[size]),
            Size::Range(low, high) => self.size(p, &[low, high]),
            Size::Random(_, distribution) => self.random_size(p, distribution),
        }
        self.path.push(p.name.to_string());
        if let Size::Random(name, _) = &p.size {
            self.declare(name, What::Size, false);
        }
        let around = (std::mem::take(&mut self.fields), std::mem::take(&mut self.drawn_in_turn));
        self.body(&p.body);
        self.mechanisms(&p.body);
        self.carried(&p.body);
        self.no_sequence(&p.body);
        (self.fields, self.drawn_in_turn) = around;
        self.path.pop();
    }
}
