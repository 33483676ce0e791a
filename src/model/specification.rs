//! The declaration of a model, as data: names, shapes, supports and plates.
//!
//! `model!` emits one [`Specification`] for each model. Tables, images, the files of a saved posterior and the errors
//! about data all read it, so that none of them needs the model's types.

use serde::{Deserialize, Serialize};

use crate::hash::{NOTHING, fnv};

/// A whole model: its parameters, the variables outside plates, and its plates.
///
/// ```
/// use hierarch::model::{Kind, Plate, PlateSize, Role, Specification, Variable};
/// use hierarch::prelude::*;
///
/// model! {
///     pub Coins {
///         global bias ~ Beta(1.0, 1.0);
///         plate tosses(1..=100) {
///             observe heads ~ Bernoulli(bias);
///         }
///     }
/// }
///
/// # fn main() {
/// let specification: Specification = Coins::default().specification();
/// let bias: &Variable = &specification.variables[0];
/// assert_eq!((bias.name.as_str(), bias.role, bias.kind), ("bias", Role::Global, Kind::Real));
/// let tosses: &Plate = &specification.plates[0];
/// assert_eq!(tosses.size, PlateSize::Range(1, 100));
/// let heads: &Variable = &tosses.variables[0];
/// assert_eq!((heads.role, heads.kind), (Role::Observed, Kind::Bool));
/// assert_eq!(heads.definition, "Bernoulli(bias)");
/// assert_eq!(heads.parents, ["bias"]);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Specification {
    /// The name that follows `model!`.
    pub name: String,
    /// The `param` fields with their values when the specification was made, as text.
    pub params: Vec<(String, String)>,
    /// Variables outside all plates, in the order of the declaration.
    pub variables: Vec<Variable>,
    /// Plates outside all plates, in the order of the declaration.
    pub plates: Vec<Plate>,
}

/// Functions that the code of `model!` calls: the calls are short, and the functions are compiled once, here.
fn texts(of: &[&str]) -> Vec<String> {
    of.iter().map(|&text| text.to_owned()).collect()
}

impl Specification {
    /// Returns a global other than `name` whose prior depends on it, directly or through a `let`; `None` if there is none.
    pub(crate) fn global_that_depends_on(&self, name: &str) -> Option<&str> {
        let mut depends = vec![name];
        for variable in &self.variables {
            if variable.parents.iter().any(|parent| depends.contains(&parent.as_str())) {
                if matches!(variable.role, Role::Global | Role::Nuisance) {
                    return Some(&variable.name);
                }
                depends.push(&variable.name);
            }
        }
        None
    }

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

    /// Returns those of `plates` that are in the model's data: with an observation or a covariate of their own or
    /// inside them, or read by an index. The others are only simulated.
    pub fn data_plates<'a>(&'a self, plates: &'a [Plate]) -> impl Iterator<Item = &'a Plate> {
        plates.iter().filter(|p| self.in_data(p))
    }

    /// Returns whether values of some observation may be missing.
    pub(crate) fn has_missing(&self) -> bool {
        fn any(variables: &[Variable], plates: &[Plate]) -> bool {
            variables.iter().any(|v| v.missing != Missing::Never)
                || plates.iter().any(|plate| any(&plate.variables, &plate.plates))
        }
        any(&self.variables, &self.plates)
    }

    fn in_data(&self, plate: &Plate) -> bool {
        fn indexed(plates: &[Plate], name: &str) -> bool {
            plates.iter().any(|p| p.variables.iter().any(|v| v.is_index_of(name)) || indexed(&p.plates, name))
        }
        plate.variables.iter().any(Variable::in_data)
            || plate.plates.iter().any(|p| self.in_data(p))
            || indexed(&self.plates, &plate.name)
    }

    /// Returns a short text that identifies the model with its params: an FNV-1a hash of the whole specification.
    /// Another model almost surely has another text.
    pub fn fingerprint(&self) -> String {
        // Texts of before values could be missing stay what they were.
        let text = format!("{self:?}").replace(", missing: Never, mechanism: \"\"", "");
        format!("{:016x}", fnv(NOTHING, text.bytes().map(u64::from)))
    }
}

/// A set of elements that are conditionally independent given the variables outside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plate {
    /// Its name in the declaration.
    pub name: String,
    /// The number of elements that it may have.
    pub size: PlateSize,
    /// The variables of one element.
    pub variables: Vec<Variable>,
    /// The plates inside one element.
    pub plates: Vec<Plate>,
}

impl Plate {
    #[doc(hidden)]
    pub fn declared(name: &str, size: PlateSize, variables: Vec<Variable>, plates: Vec<Plate>) -> Self {
        Self { name: name.to_owned(), size, variables, plates }
    }

    /// Returns whether its elements are in order: some depend on those before them, by `prev` or `is_first`.
    pub fn is_sequence(&self) -> bool {
        fn definitions<'a>(plate: &'a Plate, all: &mut Vec<&'a str>) {
            all.extend(plate.variables.iter().map(|v| v.definition.as_str()));
            plate.plates.iter().for_each(|inner| definitions(inner, all));
        }
        let mut all = Vec::new();
        definitions(self, &mut all);
        let read = |v: &Variable| all.iter().any(|text| calls(text, "prev", &v.name));
        self.variables.iter().any(|v| read(v) || calls(&v.definition, "is_first", ""))
    }
}

/// Returns whether a definition has a call of `function` whose first argument is `name`.
fn calls(definition: &str, function: &str, name: &str) -> bool {
    let call = format!("{function}({name}");
    definition.match_indices(&call).any(|(at, _)| {
        let of_name = |c: char| c.is_alphanumeric() || c == '_';
        let (before, after) = (&definition[..at], &definition[at + call.len()..]);
        !before.ends_with(of_name) && (name.is_empty() || !after.starts_with(of_name))
    })
}

/// The sizes a plate may have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum PlateSize {
    /// A fixed number of elements.
    Fixed(usize),
    /// Any number of elements from the first to the second, both included.
    Range(usize, usize),
    /// A number of elements that is drawn from a distribution.
    Random {
        /// The name of the size in the declaration.
        name: String,
        /// The distribution, as written in the declaration, such as `Poisson(rate)`.
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

    /// Returns whether data may hold a plate of `size` elements.
    pub fn allows(&self, size: usize) -> bool {
        match self {
            Self::Fixed(n) => size == *n,
            Self::Range(low, high) => (*low..=*high).contains(&size),
            Self::Random { .. } => true,
        }
    }
}

/// The role of a variable in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Role {
    /// Latent, shared by the whole data set, and of interest.
    Global,
    /// Latent, shared by the whole data set, and of no interest of its own (a nuisance parameter).
    Nuisance,
    /// Latent, one for each element of its plate.
    Local,
    /// Observed.
    Observed,
    /// A covariate: part of the data, but not modelled.
    Given,
    /// A covariate that is the position of the element of another plate to which this element belongs.
    Index,
    /// A named function of other variables (`let`).
    Derived,
    /// What a `factor` adds to the log density.
    Factor,
}

/// The type of a variable's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
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
    /// Its role in the model.
    pub role: Role,
    /// The type of its values.
    pub kind: Kind,
    /// Its shape: empty for a scalar, `[3]` for a vector of three.
    pub shape: Vec<usize>,
    /// Its definition, as written: the distribution, the expression of a `let`, or the plate of an index; empty for a
    /// covariate without a distribution.
    pub definition: String,
    /// The names of the variables that its definition uses, in the order of first use.
    pub parents: Vec<String>,
    /// Whether it is an implicit observation: drawn by a function, and so without a density.
    pub implicit: bool,
    /// The plate that it is an index into; `None` if it is not an index.
    pub index_of: Option<String>,
    /// Whether values of it may be missing in the data, and what the density makes of those.
    #[serde(default)]
    pub missing: Missing,
    /// What draws in simulations whether a value is missing, as written in the declaration; empty if nothing does.
    #[serde(default)]
    pub mechanism: String,
}

/// Whether values of an observation may be missing in the data, and what the density makes of those that are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Missing {
    /// All are there.
    #[default]
    Never,
    /// Nothing depends on them, so that they are left out.
    LeftOut,
    /// Others depend on them, so that they are inferred.
    Inferred,
    /// Others depend on them, and they are counts, categories or truth values, which are summed out.
    SummedOut,
}

impl Variable {
    #[doc(hidden)]
    pub fn declared(name: &str, role: Role, kind: Kind, shape: &[usize], definition: &str, parents: &[&str]) -> Self {
        let (name, definition, parents) = (name.to_owned(), definition.to_owned(), texts(parents));
        let (shape, missing, mechanism) = (shape.to_vec(), Missing::Never, String::new());
        Self { name, role, kind, shape, definition, parents, implicit: false, index_of: None, missing, mechanism }
    }

    #[doc(hidden)]
    pub fn that_may_be_missing(self, missing: Missing, mechanism: &str) -> Self {
        Self { missing, mechanism: mechanism.to_owned(), ..self }
    }

    #[doc(hidden)]
    pub fn drawn_by_a_function(self) -> Self {
        Self { implicit: true, ..self }
    }

    #[doc(hidden)]
    pub fn naming_elements_of(self, plate: &str) -> Self {
        Self { index_of: Some(plate.to_owned()), ..self }
    }

    /// Returns whether the values of all elements of its plate are one draw, as those of `RandomWalk(sd)` are.
    pub fn is_of_a_plate(&self) -> bool {
        const NAMES: [&str; 7] =
            ["GaussianProcess", "Icar", "ScaledIcar", "Car", "RandomWalk", "RandomWalk2", "ZeroSumNormal"];
        let name = self.definition.split('(').next().unwrap_or_default();
        // A vector of such numbers is one of each element.
        self.role == Role::Local && self.shape.is_empty() && NAMES.contains(&name)
    }

    /// Returns the number of scalars in it.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns whether it is part of the data.
    pub fn in_data(&self) -> bool {
        matches!(self.role, Role::Observed | Role::Given | Role::Index)
    }

    /// Returns whether it is an index into `plate`.
    pub fn is_index_of(&self, plate: &str) -> bool {
        self.index_of.as_deref() == Some(plate)
    }

    /// Returns whether it has no scalars.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl PlateSize {
    /// Returns the largest size; `None` if there is no bound.
    pub fn largest(&self) -> Option<usize> {
        match self {
            Self::Fixed(n) | Self::Range(_, n) => Some(*n),
            Self::Random { .. } => None,
        }
    }
}
