//! A variable: its role where it stands, its type, its shape, and the plate that it is an index of.

use quote::ToTokens;
use syn::Type;

use super::scope::{Checker, What};
use crate::ast::{Missing, Role, Shape, Variable};
use crate::definition::Definition;
use crate::kind::{Kind, number};

impl Checker {
    pub fn variable(&mut self, v: &Variable) {
        self.role(v);
        v.shape.iter().chain(&v.columns).for_each(|shape| self.shape(shape));
        if let Some(columns) = v.columns.as_ref().filter(|_| !matches!(v.role, Role::Global | Role::Nuisance)) {
            let message = format!(
                "only a global has two dimensions: put `{}` into a plate of fixed size for the second, or write it as a vector",
                v.name
            );
            self.report(&columns.len, message);
        }
        let what = match &v.index_of {
            Some(plate) => {
                self.index_of(plate);
                if v.role != Role::Given {
                    self.report(&v.name, "only a covariate can be an index: `given subject: index(subjects);`");
                }
                What::Index(plate.to_string())
            }
            None => What::Variable(v.role, Kind::of(v.ty.as_ref(), read(v).as_ref())),
        };
        if let Some(ty) = &v.ty {
            self.ty(v, ty);
        }
        if v.role == Role::Given && !self.path.is_empty() {
            self.covariate(v);
        }
        self.defined = Some(v.name.clone());
        let summed = v.definition.as_ref().is_some_and(|expr| self.definition(v, expr));
        self.defined = None;
        if v.missing != Missing::Never {
            self.missing(v, summed);
        }
        // A draw has a number of it, whatever values of a discrete variable it is a sum over.
        let has_value = matches!(what, What::Variable(role, Kind::Real) if role.latent());
        let summed = match &what {
            What::Variable(role, kind) if role.latent() => summed || *kind != Kind::Real,
            What::Variable(_, kind) => v.missing == Missing::Inferred && *kind != Kind::Real,
            _ => false,
        };
        self.declare(&v.name, what, summed);
        if has_value {
            self.has_value(&v.name);
        }
    }

    /// Checks that a local stands in a plate, and a global outside plates.
    fn role(&mut self, v: &Variable) {
        match (v.role, self.path.is_empty()) {
            (Role::Local, true) => {
                let message = format!(
                    "a `local` belongs to an element of a plate: put `{0}` into one, or write `global {0}`",
                    v.name
                );
                self.report(&v.name, message);
            }
            (Role::Global | Role::Nuisance, false) => {
                let word = v.role.keyword();
                let message = format!(
                    "a `{word}` is shared by the whole data set: declare `{0}` outside the plates, or write `local {0}`",
                    v.name
                );
                self.report(&v.name, message);
            }
            _ => {}
        }
    }

    fn shape(&mut self, shape: &Shape) {
        self.constant(&shape.len);
        if let Some(position) = &shape.position
            && self.known.contains_key(&position.to_string())
        {
            self.report(position, format!("`{position}` is declared already: give the position a name of its own"));
        }
    }

    fn ty(&mut self, v: &Variable, ty: &Type) {
        let text = number(ty).to_token_stream().to_string();
        let allowed: &[&str] = if v.role == Role::Observe {
            &["f64", "u64", "bool", "usize", "f32"]
        } else {
            &["f64", "u64", "bool", "usize"]
        };
        if !allowed.contains(&text.as_str()) {
            self.report(ty, format!("a variable is one of `{}`, or an array of it", allowed.join("`, `")));
        }
        let Type::Array(array) = ty else { return };
        if let (Some(draws), false) = (read(v).and_then(|d| d.draws()), v.shape.is_some())
            && !draws.is_vector()
            && !matches!(&*array.elem, Type::Array(_))
        {
            let (name, len) = (&v.name, array.len.to_token_stream());
            let message = format!(
                "the type `[{text}; {len}]` says that one draw is a vector, and this distribution draws a number: for {len} draws of it \
                 write `{name}[{len}] ~ ..`"
            );
            return self.report(ty, message);
        }
        if let Type::Array(inner) = &*array.elem {
            let drawn = read(v).is_some_and(|d| d.is_implicit());
            if !drawn || text != "f32" || matches!(&*inner.elem, Type::Array(_)) {
                self.report(
                    ty,
                    format!(
                        "two dimensions make an image, which a function draws: `observe {}: [[f32; 64]; 64] ~ render(...)`; \
                         for other tables put the variable into a plate of fixed size",
                        v.name
                    ),
                );
            }
        }
        if v.shape.is_some() {
            self.report(
                ty,
                format!(
                    "the length stands twice: write `{}: {}` or leave the brackets behind the name out",
                    v.name, text
                ),
            );
        }
    }
}

pub fn read(v: &Variable) -> Option<Definition> {
    v.definition.as_ref().and_then(|d| Definition::read(d).ok())
}
