//! What is held fixed while a model is drawn.

use rand::RngExt;

use super::{SimulateError, Stream};
use crate::distributions::Draw;
use crate::model::{Model, Plate, PlateSize};

/// What is held fixed while a model is drawn: globals, sizes of plates, covariates.
#[derive(Debug)]
pub struct Plan<'a, M: Model> {
    globals: Option<&'a M::Globals>,
    /// Locals by name: the numbers of all elements, those of one side by side.
    locals: &'a [(String, Vec<f64>)],
    /// For each plate, those inside after the one around, the size asked for.
    sizes: Vec<Option<usize>>,
    covariates: Option<(&'a M::Data, bool)>,
    /// For each plate whether it is drawn anew although data are followed.
    anew: Vec<bool>,
    /// For each plate a size that it has, whatever the model says.
    forced: Vec<Option<usize>>,
}

impl<'a, M: Model> Plan<'a, M> {
    /// A plan for a model. `covariates` is a data set and whether it is followed element by element, or drawn from.
    ///
    /// # Errors
    /// A plate that the model does not have, or a size that it does not allow.
    pub fn new(
        model: &M,
        sizes: &[(String, usize)],
        globals: Option<&'a M::Globals>,
        covariates: Option<(&'a M::Data, bool)>,
    ) -> Result<Self, SimulateError> {
        fn flatten<'p>(plates: &'p [Plate], all: &mut Vec<&'p Plate>) {
            for plate in plates {
                all.push(plate);
                flatten(&plate.plates, all);
            }
        }
        let specification = model.specification();
        let mut plates = Vec::new();
        flatten(&specification.plates, &mut plates);
        let mut asked = vec![None; plates.len()];
        for (name, size) in sizes {
            let Some(i) = plates.iter().position(|p| p.name == *name) else {
                let known = plates.iter().map(|p| format!("`{}`", p.name)).collect::<Vec<_>>().join(", ");
                return Err(SimulateError::UnknownPlate { plate: name.clone(), known });
            };
            asked[i] = Some(*size);
        }
        let (anew, forced) = (vec![false; plates.len()], vec![None; plates.len()]);
        Ok(Self { globals, locals: &[], sizes: asked, covariates, anew, forced })
    }

    /// The same, but for plates of random size, with all inside them: these are drawn anew although data are followed.
    pub(crate) fn with_random_sizes(mut self, model: &M) -> Self {
        fn visit(plates: &[Plate], inside: bool, anew: &mut Vec<bool>) {
            for plate in plates {
                let random = inside || matches!(plate.size, PlateSize::Random { .. });
                anew.push(random);
                visit(&plate.plates, random, anew);
            }
        }
        self.anew.clear();
        visit(&model.specification().plates, false, &mut self.anew);
        self
    }

    /// The same at some values of the globals.
    pub(crate) fn at<'b>(&'b self, globals: &'b M::Globals) -> Plan<'b, M> {
        self.at_all(globals, &[])
    }

    /// The same at some values of the globals, and of locals by name: the numbers of all elements, those of one side by side.
    pub(crate) fn at_all<'b>(&'b self, globals: &'b M::Globals, locals: &'b [(String, Vec<f64>)]) -> Plan<'b, M> {
        Plan {
            globals: Some(globals),
            locals,
            sizes: self.sizes.clone(),
            covariates: self.covariates,
            anew: self.anew.clone(),
            forced: self.forced.clone(),
        }
    }

    /// The same without any element of a plate: what is drawn are the globals, and what is observed outside plates.
    pub(crate) fn without_elements(self) -> Self {
        Self { forced: vec![Some(0); self.sizes.len()], ..self }
    }

    /// The globals, where they are fixed.
    pub fn globals(&self) -> Option<&'a M::Globals> {
        self.globals
    }

    /// The value of a local of an element, where it is fixed.
    pub fn kept<const N: usize>(&self, plate: usize, name: &str, element: usize) -> Option<[f64; N]> {
        if self.locals.is_empty() || self.anew[plate] {
            return None;
        }
        let (_, values) = self.locals.iter().find(|(known, _)| known == name)?;
        values.get(element * N..(element + 1) * N)?.try_into().ok()
    }

    /// The data whose sizes, indices and covariates are followed in a plate.
    pub fn like_in(&self, plate: usize) -> Option<&'a M::Data> {
        self.covariates.filter(|c| c.1 && !self.anew[plate]).map(|c| c.0)
    }

    /// The data that covariates come from.
    pub fn covariates(&self) -> Option<&'a M::Data> {
        self.covariates.map(|c| c.0)
    }

    /// The row that an element of a plate takes its covariates from: its own, or any.
    pub fn row(
        &self,
        plate: usize,
        element: usize,
        len: impl Fn(&M::Data) -> usize,
        rng: &mut Stream,
    ) -> Option<(usize, &'a M::Data)> {
        match self.covariates? {
            (data, true) if !self.anew[plate] => Some((element, data)),
            (data, _) => {
                let rows = len(data);
                (rows > 0).then(|| (rng.random_range(0..rows), data))
            }
        }
    }

    /// The same with one element of a plate at the top, and the plates inside it as the model has them.
    pub(crate) fn but_one(mut self, model: &M, plate: &str) -> Self {
        fn count(plate: &Plate) -> usize {
            1 + plate.plates.iter().map(count).sum::<usize>()
        }
        let mut first = 0;
        for top in &model.specification().plates {
            let next = first + count(top);
            if top.name == plate {
                self.forced[first] = Some(1);
                self.forced[first + 1..next].fill(None);
            }
            first = next;
        }
        self
    }

    /// The size of a plate that may have `low` to `high` elements. Where nothing says which, half of the sizes are uniform
    /// and half log-uniform, so that a network sees many of every order of magnitude and of the largest.
    ///
    /// # Errors
    /// The size asked for is not allowed.
    pub fn size(
        &self,
        plate: usize,
        name: &'static str,
        low: usize,
        high: usize,
        like: Option<usize>,
        rng: &mut Stream,
    ) -> Result<usize, SimulateError> {
        if let Some(size) = self.forced[plate] {
            return Ok(size);
        }
        match like.or(self.sizes[plate]) {
            Some(size) if (low..=high).contains(&size) => Ok(size),
            Some(size) => Err(SimulateError::PlateSize { plate: name, size, low, high }),
            None if low >= high => Ok(low),
            None => {
                if rng.random() {
                    return Ok(rng.random_range(low..=high));
                }
                let (a, b) = ((low.max(1) as f64).ln(), (high as f64 + 1.0).ln());
                let size = (a + (b - a) * rng.random::<f64>()).exp() as usize;
                Ok(size.clamp(low, high))
            }
        }
    }

    /// The size of a plate of random size, where something says which.
    pub fn random_size(&self, plate: usize, like: Option<usize>) -> Option<usize> {
        self.forced[plate].or(like).or(self.sizes[plate])
    }
}

/// Draws a variable.
///
/// # Errors
/// A parameter of its distribution makes no sense.
#[inline(always)]
pub fn draw<D: Draw>(variable: &'static str, distribution: &D, rng: &mut Stream) -> Result<D::Value, SimulateError> {
    match distribution.check() {
        Ok(()) => Ok(distribution.draw(rng)),
        Err(error) => Err(SimulateError::Parameter { variable, error }),
    }
}

/// Draws an element of a plate.
///
/// # Errors
/// The plate is empty.
pub fn draw_index(variable: &'static str, size: usize, rng: &mut Stream) -> Result<usize, SimulateError> {
    if size == 0 { Err(SimulateError::EmptyIndex { variable }) } else { Ok(rng.random_range(0..size)) }
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
