//! A model, lowered to what the emitters need: each variable with its kind, each plate with the variables whose
//! derivatives its elements carry.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::{Attribute, Expr, Pat, Visibility};

use crate::ast::{Initial, Missing, Param, Quantity, Role, Shape, Size};
use crate::definition::Definition;
use crate::field::Field;
use crate::kind::Kind;
use crate::names::{bound, identifiers};
use crate::predictor::{Fit, Predictor};
use crate::value::Value;

pub use crate::kind::Free;

#[derive(Clone)]
pub struct Tree {
    pub attributes: Vec<Attribute>,
    pub visibility: Visibility,
    pub name: Ident,
    pub params: Vec<Param>,
    /// The statements outside plates, and the plates.
    pub root: Vec<Step>,
    /// Whether an observation is drawn by a function, so that there is no likelihood.
    pub implicit: bool,
    /// By name, everything that expressions may mention.
    pub symbols: BTreeMap<String, Symbol>,
    /// The names of positions in vectors.
    pub positions: BTreeSet<String>,
    /// The `let`s that have no part in the density.
    pub quantities: BTreeMap<String, Quantity>,
    /// The positions of sums over plates, with the plates: only quantities have such.
    pub elements: BTreeMap<String, Ident>,
}

#[derive(Clone)]
// A model has a few dozen steps, so the difference in size costs nothing.
#[allow(clippy::large_enum_variant)]
pub enum Step {
    Variable(Variable),
    Let {
        pat: Pat,
        expr: Expr,
    },
    /// A number that is added to the log density.
    Factor(Expr),
    Plate(Plate),
    Lag(Lag),
}

/// What the elements of a plate read of those before them, bound to a name.
#[derive(Clone)]
pub struct Lag {
    pub local: Ident,
    /// How many elements before.
    pub steps: usize,
    pub earlier: Earlier,
    /// What stands for it where there is no such element.
    pub initial: Initial,
}

#[derive(Clone)]
// There are a few of them.
#[allow(clippy::large_enum_variant)]
pub enum Earlier {
    /// Whether there is no such element.
    IsFirst,
    Variable(Variable),
    /// A `let`, with its length if it is a vector.
    Let {
        name: Ident,
        len: Option<Expr>,
    },
}

impl Lag {
    /// Names what it is the earlier value of; `None` if it only tells whether there is one.
    pub fn of(&self) -> Option<&Ident> {
        match &self.earlier {
            Earlier::IsFirst => None,
            Earlier::Variable(v) => Some(&v.name),
            Earlier::Let { name, .. } => Some(name),
        }
    }

    pub fn initial(&self) -> Option<&Expr> {
        match &self.initial {
            Initial::Value(initial) => Some(initial),
            Initial::Unread | Initial::Missing => None,
        }
    }

    /// Returns the variable that is continuous, latent, and read before.
    pub fn latent(&self) -> Option<&Variable> {
        match &self.earlier {
            Earlier::Variable(v) if v.continuous_latent() => Some(v),
            _ => None,
        }
    }

    /// Returns the variable that is summed out, and read before.
    pub fn summed(&self) -> Option<&Variable> {
        match &self.earlier {
            Earlier::Variable(v) if v.discrete_latent() => Some(v),
            _ => None,
        }
    }

    /// Tells whether the elements must run in order, since what is read is only known then.
    pub fn is_carried(&self) -> bool {
        matches!(self.earlier, Earlier::Let { .. })
    }
}

impl Tree {
    /// Splits the steps outside plates into those that the globals determine, and those that need a data set.
    pub fn by_data(&self) -> (Vec<&Step>, Vec<&Step>) {
        let mut of_data: Vec<Ident> = Vec::new();
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for step in &self.root {
            let needs = match step {
                Step::Variable(v) => v.in_data(),
                Step::Let { .. } | Step::Factor(_) | Step::Lag(_) => {
                    step.mentions().iter().any(|name| of_data.contains(name))
                }
                Step::Plate(_) => true,
            };
            match step {
                Step::Variable(v) if needs => of_data.push(v.name.clone()),
                // A quantity may go through it.
                Step::Plate(plate) => of_data.push(plate.name.clone()),
                Step::Let { pat, .. } if needs => of_data.extend(bound(pat)),
                _ => {}
            }
            if needs { with.push(step) } else { without.push(step) }
        }
        (without, with)
    }

    /// Tells whether `name` is that of a variable with a category.
    pub fn is_category(&self, name: &Ident) -> bool {
        let all = variables(&self.root).chain(all_plates(&self.root).into_iter().flat_map(Plate::variables));
        all.into_iter().any(|v| v.name == *name && v.kind == Kind::Category && v.shape.is_none())
    }

    /// Tells whether `plate` is in another plate.
    pub fn is_nested(&self, plate: &Plate) -> bool {
        !plates(&self.root).any(|p| p.name == plate.name)
    }
}

impl Step {
    /// Lists every identifier in its expressions, those of the plates in it among them.
    pub fn mentions(&self) -> Vec<Ident> {
        match self {
            Self::Variable(v) => v.mentions(),
            Self::Let { expr, .. } | Self::Factor(expr) => identifiers(expr),
            Self::Plate(p) => {
                let size = match &p.size {
                    Size::Random(_, size) => identifiers(size),
                    _ => Vec::new(),
                };
                size.into_iter().chain(p.steps.iter().flat_map(Self::mentions)).collect()
            }
            Self::Lag(lag) => {
                lag.of().cloned().into_iter().chain(lag.initial().map(identifiers).unwrap_or_default()).collect()
            }
        }
    }
}

/// What a name stands for, as far as derivatives and scopes go.
#[derive(Clone, Default)]
pub struct Symbol {
    /// The plate it is declared in; `None` if it is declared outside plates.
    pub plate: Option<String>,
    /// The continuous latent variables that its value depends on.
    pub latents: BTreeSet<String>,
    /// Whether it is summed out in the density, or depends on one that is.
    pub summed: bool,
    /// Whether its value depends on a discrete variable that is summed out, and not only the distribution that it has.
    pub of_discrete: bool,
    /// The length of a vector; `None` if it is a single value, or is bound by a `let`.
    pub shape: Option<TokenStream>,
    /// The length of a vector that a `let` binds, where it is written out.
    pub listed: Option<Expr>,
    /// `None` if it is no variable.
    pub role: Option<Role>,
    /// What kind of value it has.
    pub value: Value,
    /// Whether it is a length that is a field of the model.
    pub is_size: bool,
    /// Whether it is a param that code borrows as it is, in plain numbers: a matrix or a `Vec`.
    pub plain: bool,
}

#[derive(Clone)]
pub struct Variable {
    pub docs: Vec<Attribute>,
    pub role: Role,
    pub name: Ident,
    pub kind: Kind,
    /// The length of a vector, with the name of the position if the distribution mentions it.
    pub shape: Option<Shape>,
    /// Rows and columns of a matrix or an image, whose numbers are the vector.
    pub matrix: Option<(Expr, Expr)>,
    /// Whether the whole vector is one draw.
    pub vector: bool,
    /// Whether it is a vector of a distribution of the user's, of which the type of the draws tells whether the vector is one.
    pub own: bool,
    /// Whether each row of a matrix is a draw of a vector.
    pub by_row: bool,
    /// The names of the row and the column of a matrix, where the distribution mentions them.
    pub row_and_column: [Option<Ident>; 2],
    /// How many of the numbers of a vector are free.
    pub free: Free,
    /// Whether a vector that is one draw is other than its unconstrained numbers.
    pub mapped: bool,
    pub index_of: Option<Ident>,
    pub definition: Option<Definition>,
    /// The density over all elements of its plate that it has in the place of a definition.
    pub field: Option<Field>,
    /// The definition as it was written.
    pub source: String,
    /// The first element of the plate in which it has a density: those before are conditioned on.
    pub begins_at: usize,
    /// Whether the length of the vector is known only when the program runs: it depends on a size of the model.
    pub open: bool,
    pub missing: Missing,
    /// What draws in simulations whether a value is missing.
    pub mechanism: Option<Expr>,
    /// This as it was written.
    pub mechanism_source: String,
}

impl Variable {
    /// Lists every identifier in its definition.
    pub fn mentions(&self) -> Vec<Ident> {
        let of_field = self.field.iter().flat_map(Field::expressions).flat_map(|expr| identifiers(&expr));
        self.definition.iter().flat_map(Definition::mentions).chain(of_field).collect()
    }

    /// Tells whether it is a latent variable with derivatives.
    pub fn continuous_latent(&self) -> bool {
        self.latent() && self.kind == Kind::Real
    }

    /// Tells whether it is a latent variable with whole values, which a density sums over.
    pub fn discrete_latent(&self) -> bool {
        self.latent() && self.kind != Kind::Real
    }

    pub fn latent(&self) -> bool {
        self.role.latent()
    }

    pub fn is_global(&self) -> bool {
        matches!(self.role, Role::Global | Role::Nuisance)
    }

    /// Tells whether it is part of the data.
    pub fn in_data(&self) -> bool {
        matches!(self.role, Role::Observe | Role::Given)
    }

    /// Tells whether values of it may be missing.
    pub fn is_optional(&self) -> bool {
        self.missing != Missing::Never
    }

    /// Tells whether values of it that are missing are inferred.
    pub fn is_inferred(&self) -> bool {
        self.missing == Missing::Inferred
    }

    pub fn is_implicit(&self) -> bool {
        self.definition.as_ref().is_some_and(Definition::is_implicit)
    }

    /// Emits how many numbers there are in one value.
    pub fn len(&self) -> TokenStream {
        self.shape.as_ref().map_or(quote!(1usize), |s| {
            let len = &s.len;
            quote!((#len))
        })
    }

    /// Emits how many unconstrained numbers one value has.
    pub fn free(&self) -> TokenStream {
        if self.discrete_latent() {
            return quote!(0usize);
        }
        let len = self.len();
        match (self.free, &self.matrix) {
            (Free::All, _) => len,
            (Free::OneLess, Some((rows, _))) => quote!((#len - (#rows))),
            (Free::OneLess, None) => quote!((#len - 1)),
            (Free::WithDiagonal, Some((rows, _))) => quote!((((#rows) * (#rows) + (#rows)) / 2)),
            (Free::LowerTriangle, Some((rows, _))) => quote!((((#rows) * (#rows) - (#rows)) / 2)),
            // An error says that it is no matrix.
            (Free::LowerTriangle | Free::WithDiagonal, None) => quote!(0usize),
        }
    }

    /// Returns the rows and the columns of a matrix of which each row is a draw of a vector.
    pub fn rows(&self) -> Option<(&Expr, &Expr)> {
        self.matrix.as_ref().filter(|_| self.by_row).map(|(rows, columns)| (rows, columns))
    }

    /// Names the row of such a matrix.
    pub fn row(&self) -> Ident {
        self.row_and_column[0].clone().unwrap_or_else(|| format_ident!("__row"))
    }

    /// Emits what binds the row and the column of the number at `position` of a matrix.
    pub fn bind_row_and_column(&self, position: &Ident) -> TokenStream {
        let Some((_, columns)) = &self.matrix else { return TokenStream::new() };
        let [row, column] = &self.row_and_column;
        let row = row.iter().map(|row| quote!(let #row = #position / (#columns);));
        let column = column.iter().map(|column| quote!(let #column = #position % (#columns);));
        quote!(#(#row)* #(#column)*)
    }

    /// Emits the numbers `flat` of a matrix as its rows; of a vector, as they are.
    pub fn in_rows(&self, flat: TokenStream) -> TokenStream {
        match (&self.matrix, self.kind) {
            (Some((rows, columns)), Kind::Real) => {
                let len = self.len();
                quote!(::hierarch::__private::in_rows::<_, { #len }, { #columns }, { #rows }>(#flat))
            }
            _ => flat,
        }
    }

    /// Emits the type of one number in a column.
    pub fn number(&self) -> TokenStream {
        let number = self.kind.rust();
        if self.is_optional() { quote!(::core::option::Option<#number>) } else { number }
    }

    /// Emits the type of a column with a value for each element.
    pub fn column(&self) -> TokenStream {
        let (number, value) = (self.number(), self.rust());
        if self.open { quote!(::hierarch::model::Vectors<#number>) } else { quote!(::std::vec::Vec<#value>) }
    }

    /// Emits the type of one value.
    pub fn rust(&self) -> TokenStream {
        let number = self.number();
        match (self.open, &self.matrix) {
            (true, None) => return quote!(::std::vec::Vec<#number>),
            (true, Some(_)) => return quote!(::hierarch::model::Vectors<#number>),
            (false, _) => {}
        }
        match (&self.matrix, &self.shape) {
            (Some((rows, columns)), _) => quote!([[#number; #columns]; #rows]),
            (None, Some(Shape { len, .. })) => quote!([#number; #len]),
            (None, None) => number,
        }
    }
}

#[derive(Clone)]
pub struct Plate {
    pub docs: Vec<Attribute>,
    pub name: Ident,
    pub size: Size,
    /// The distribution of a random size as it was written; empty for others.
    pub size_source: String,
    pub steps: Vec<Step>,
    /// Whether its elements are in the data; if not, they are latent through and through and only simulated.
    pub in_data: bool,
    /// Whether it has a column in the data of its own.
    pub has_columns: bool,
    /// The variables of the code around it whose derivatives its elements carry.
    pub outer: Vec<String>,
    /// Its variables that other plates read by index.
    pub exports: Vec<Export>,
    /// Variables of other plates that its elements read by index.
    pub gathers: Vec<Gather>,
    /// Whether a position of the unconstrained space belongs to one of its elements, or an element reads by index.
    pub scatters: bool,
    /// Sums that the density works out for all elements at once.
    pub predictors: Vec<Predictor>,
    /// Normal observations that it works out without the elements.
    pub fits: Vec<Fit>,
    /// The length of the vector of globals that it stands for; `None` if it is a plate of the model.
    pub vector: Option<Expr>,
}

impl Plate {
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        variables(&self.steps)
    }

    pub fn plates(&self) -> impl Iterator<Item = &Plate> {
        plates(&self.steps)
    }

    /// Lists what its elements read of those before them.
    pub fn lags(&self) -> impl Iterator<Item = &Lag> {
        self.steps.iter().filter_map(|s| if let Step::Lag(lag) = s { Some(lag) } else { None })
    }

    /// Tells whether the density must run its elements in order.
    pub fn is_carried(&self) -> bool {
        self.lags().any(Lag::is_carried)
    }

    /// Tells whether what elements read of the `let`s of those before them depends on nothing that has a derivative for each
    /// element, so that it can keep its few derivatives as it goes along.
    pub fn carries_derivatives(&self) -> bool {
        let own = self.variables().any(Variable::continuous_latent) || self.lags().any(|lag| lag.latent().is_some());
        self.is_carried() && !own && self.gathers.iter().all(|g| g.data)
    }

    /// Returns the discrete local that depends on its value before.
    pub fn chain(&self) -> Option<&Variable> {
        self.lags().find_map(Lag::summed)
    }

    /// Lists the names of what its elements read of those before them, each once.
    pub fn read_before(&self) -> Vec<&Ident> {
        let mut names: Vec<&Ident> = Vec::new();
        for name in self.lags().filter_map(Lag::of) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Tells whether its elements, or those of a plate in it, use the variable `name`.
    pub fn mentions(&self, name: &Ident) -> bool {
        self.steps.iter().any(|step| step.mentions().contains(name))
    }

    /// Tells whether its elements say nothing of the density, and carry nothing back that others found out.
    pub fn is_idle(&self) -> bool {
        let speaks = |v: &Variable| v.latent() || v.role == Role::Observe;
        let factor = self.steps.iter().any(|step| matches!(step, Step::Factor(_)));
        !matches!(self.size, Size::Random(..))
            && !factor
            && self.exports.iter().all(|export| export.data)
            && !self.variables().any(speaks)
            && self.plates().all(Plate::is_idle)
    }
}

#[derive(Clone)]
pub struct Export {
    pub name: Ident,
    /// The length of a vector; `None` if it is a single value.
    pub len: Option<Expr>,
    /// Whether it is data rather than latent.
    pub data: bool,
}

#[derive(Clone)]
pub struct Gather {
    pub values: Ident,
    pub index: Ident,
    /// The plate that `values` belongs to.
    pub plate: String,
    /// The length of a vector; `None` if it is a single value.
    pub len: Option<Expr>,
    /// Whether `values` are data rather than latent.
    pub data: bool,
}

impl Gather {
    /// Names the value that an element reads.
    pub fn local(&self) -> Ident {
        format_ident!("__{}_of_{}", self.values, self.index)
    }
}

/// Lists the variables among `steps`, without those in plates.
pub fn variables(steps: &[Step]) -> impl Iterator<Item = &Variable> {
    steps.iter().filter_map(|s| if let Step::Variable(v) = s { Some(v) } else { None })
}

/// Lists the plates among `steps`, without those in plates.
pub fn plates(steps: &[Step]) -> impl Iterator<Item = &Plate> {
    steps.iter().filter_map(|s| if let Step::Plate(p) = s { Some(p) } else { None })
}

pub fn plates_mut(steps: &mut [Step]) -> impl Iterator<Item = &mut Plate> {
    steps.iter_mut().filter_map(|s| if let Step::Plate(p) = s { Some(p) } else { None })
}

/// Lists the plates among `steps` with those inside them, from the outside in, in the order of the declaration.
pub fn all_plates(steps: &[Step]) -> Vec<&Plate> {
    plates(steps).flat_map(|p| std::iter::once(p).chain(all_plates(&p.steps))).collect()
}
