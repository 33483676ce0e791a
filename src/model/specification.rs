//! What a model says, as data: names, shapes, supports and plates.
//!
//! `model!` emits one [`Specification`] for each model. Tables, images, the files of a saved posterior and the errors
//! about data all read it, so that none of them needs the model's types.

use serde::{Deserialize, Serialize};

use crate::hash::{NOTHING, fnv};

/// A whole model: its parameters, the variables outside plates, and its plates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Specification {
    /// The name that follows `model!`.
    pub name: String,
    /// `param` fields with the values they had when the specification was made, as text.
    pub params: Vec<(String, String)>,
    /// Variables outside all plates, in the order of the declaration.
    pub variables: Vec<Variable>,
    /// Plates outside all plates, in the order of the declaration.
    pub plates: Vec<Plate>,
}

/// What the code that `model!` makes calls: it is short there, and compiled here.
fn texts(of: &[&str]) -> Vec<String> {
    of.iter().map(|&text| text.to_owned()).collect()
}

impl Specification {
    #[doc(hidden)]
    pub fn declared(
        name: &str,
        params: &[(&str, &dyn std::fmt::Debug)],
        variables: Vec<Variable>,
        plates: Vec<Plate>,
    ) -> Self {
        let params = params.iter().map(|(name, value)| ((*name).to_owned(), format!("{value:?}"))).collect();
        Self { name: name.to_owned(), params, variables, plates }
    }

    /// Those of some plates of the model that are in its data: with an observation or a covariate of their own or inside
    /// them, or read by an index. The others are only ever simulated.
    pub fn data_plates<'a>(&'a self, plates: &'a [Plate]) -> impl Iterator<Item = &'a Plate> {
        plates.iter().filter(|p| self.in_data(p))
    }

    fn in_data(&self, plate: &Plate) -> bool {
        fn indexed(plates: &[Plate], name: &str) -> bool {
            plates.iter().any(|p| p.variables.iter().any(|v| v.is_index_of(name)) || indexed(&p.plates, name))
        }
        plate.variables.iter().any(Variable::in_data)
            || plate.plates.iter().any(|p| self.in_data(p))
            || indexed(&self.plates, &plate.name)
    }

    /// A short text that is the same for the same model with the same params, and almost surely another for any other
    /// (FNV-1a of all that the specification says).
    pub fn fingerprint(&self) -> String {
        format!("{:016x}", fnv(NOTHING, format!("{self:?}").bytes().map(u64::from)))
    }
}

/// A set of elements that are conditionally independent given what is outside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plate {
    /// Its name in the declaration.
    pub name: String,
    /// How many elements it may have.
    pub size: PlateSize,
    /// Variables of one element.
    pub variables: Vec<Variable>,
    /// Plates inside one element.
    pub plates: Vec<Plate>,
}

impl Plate {
    #[doc(hidden)]
    pub fn declared(name: &str, size: PlateSize, variables: Vec<Variable>, plates: Vec<Plate>) -> Self {
        Self { name: name.to_owned(), size, variables, plates }
    }
}

/// The sizes a plate may have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PlateSize {
    /// Always this many.
    Fixed(usize),
    /// Any number from the first to the last, both included.
    Range(usize, usize),
    /// Drawn from a distribution, written as in the declaration, such as `Poisson(rate)`.
    Random {
        /// The name given to the size.
        name: String,
        /// The distribution, as written.
        distribution: String,
        /// The names of the variables that its arguments use.
        parents: Vec<String>,
    },
}

impl PlateSize {
    #[doc(hidden)]
    pub fn declared(name: &str, distribution: &str, parents: &[&str]) -> Self {
        Self::Random { name: name.to_owned(), distribution: distribution.to_owned(), parents: texts(parents) }
    }

    /// Whether data may hold a plate of `size` elements.
    pub fn allows(&self, size: usize) -> bool {
        match self {
            Self::Fixed(n) => size == *n,
            Self::Range(low, high) => (*low..=*high).contains(&size),
            Self::Random { .. } => true,
        }
    }
}

/// What a variable is to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Shared by the whole data set and of interest.
    Global,
    /// Shared by the whole data set, of no interest of its own.
    Nuisance,
    /// Latent, one for each element of its plate.
    Local,
    /// Seen.
    Observed,
    /// A covariate: seen, and not modelled.
    Given,
    /// A covariate that says to which element of another plate this element belongs.
    Index,
    /// A named function of other variables (`let`).
    Derived,
}

/// What the values of a variable are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Real numbers (`f64`).
    Real,
    /// Whole numbers from 0 (`u64`).
    Count,
    /// `true` or `false`.
    Bool,
    /// One of the categories 0, 1, ... (`usize`).
    Category,
    /// The output of an implicit observation (`f32`).
    Pixels,
}

/// One variable of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name in the declaration.
    pub name: String,
    /// What it is to the model.
    pub role: Role,
    /// What its values are.
    pub kind: Kind,
    /// Its shape: empty for a scalar, `[3]` for a vector of three.
    pub shape: Vec<usize>,
    /// How it comes about, as written: the distribution, the expression of a `let`, or the plate of an index; empty for a
    /// covariate without a distribution.
    pub definition: String,
    /// The names of the variables that its definition uses, in the order of first use.
    pub parents: Vec<String>,
    /// Whether it is observed and a function draws it, so that it has no density.
    pub implicit: bool,
    /// The plate whose elements it names, if it is an index.
    pub index_of: Option<String>,
}

impl Variable {
    #[doc(hidden)]
    pub fn declared(name: &str, role: Role, kind: Kind, shape: &[usize], definition: &str, parents: &[&str]) -> Self {
        let (name, definition, parents) = (name.to_owned(), definition.to_owned(), texts(parents));
        Self { name, role, kind, shape: shape.to_vec(), definition, parents, implicit: false, index_of: None }
    }

    #[doc(hidden)]
    pub fn drawn_by_a_function(self) -> Self {
        Self { implicit: true, ..self }
    }

    #[doc(hidden)]
    pub fn naming_elements_of(self, plate: &str) -> Self {
        Self { index_of: Some(plate.to_owned()), ..self }
    }

    /// The number of scalars in it.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it is part of the data.
    pub fn in_data(&self) -> bool {
        matches!(self.role, Role::Observed | Role::Given | Role::Index)
    }

    /// Whether it names elements of a plate.
    pub fn is_index_of(&self, plate: &str) -> bool {
        self.index_of.as_deref() == Some(plate)
    }

    /// Whether it has no scalars.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl PlateSize {
    /// The largest size, where there is one.
    pub fn largest(&self) -> Option<usize> {
        match self {
            Self::Fixed(n) | Self::Range(_, n) => Some(*n),
            Self::Random { .. } => None,
        }
    }
}
