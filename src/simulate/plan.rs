//! What is held fixed while a model is drawn.

use std::marker::PhantomData;

use rand::RngExt;

use super::{SimulateError, Stream};
use crate::distributions::Draw;
use crate::model::erased::typed;
use crate::model::{AnyData, AnyGlobals, AnyModel, Model, Plate, PlateSize};

/// What is held fixed while some model is drawn: globals, sizes of plates, covariates.
#[derive(Clone, Debug)]
pub(crate) struct Fixed<'a> {
    globals: Option<&'a dyn AnyGlobals>,
    /// Locals by name: the numbers of all elements, those of one side by side.
    locals: &'a [(String, Vec<f64>)],
    /// For each plate, those inside after the one around, the size asked for.
    sizes: Vec<Option<usize>>,
    /// A data set and whether it is followed element by element, or drawn from.
    covariates: Option<(&'a dyn AnyData, bool)>,
    /// For each plate whether it is drawn anew although data are followed.
    anew: Vec<bool>,
    /// For each plate a size that it has, whatever the model says.
    forced: Vec<Option<usize>>,
}

impl<'a> Fixed<'a> {
    /// What is held fixed of a model. `covariates` is a data set and whether it is followed element by element, or drawn
    /// from.
    ///
    /// # Errors
    /// A plate that the model does not have.
    pub(crate) fn new(
        model: &dyn AnyModel,
        sizes: &[(String, usize)],
        globals: Option<&'a dyn AnyGlobals>,
        covariates: Option<(&'a dyn AnyData, bool)>,
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
    pub(crate) fn with_random_sizes(mut self, model: &dyn AnyModel) -> Self {
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
    pub(crate) fn at<'b>(&'b self, globals: &'b dyn AnyGlobals) -> Fixed<'b> {
        self.at_all(globals, &[])
    }

    /// The same at some values of the globals, and of locals by name: the numbers of all elements, those of one side by side.
    pub(crate) fn at_all<'b>(&'b self, globals: &'b dyn AnyGlobals, locals: &'b [(String, Vec<f64>)]) -> Fixed<'b> {
        Fixed { globals: Some(globals), locals, ..self.clone() }
    }

    /// The same without any element of a plate: what is drawn are the globals, and what is observed outside plates.
    pub(crate) fn without_elements(self) -> Self {
        Self { forced: vec![Some(0); self.sizes.len()], ..self }
    }

    /// The same with one element of a plate at the top, and the plates inside it as the model has them.
    pub(crate) fn with_single_element(mut self, model: &dyn AnyModel, plate: &str) -> Self {
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

    /// The numbers of a local of an element, where it is fixed.
    fn kept(&self, plate: usize, name: &str, element: usize, width: usize) -> Option<&[f64]> {
        if self.anew[plate] {
            return None;
        }
        let (_, values) = self.locals.iter().find(|(known, _)| known == name)?;
        values.get(element * width..(element + 1) * width)
    }

    /// The row that an element of a plate takes its covariates from, its own or any: of the data set that covariates come
    /// from, `rows` of which has elements of the plate.
    fn row(&self, plate: usize, element: usize, rows: impl FnOnce() -> usize, rng: &mut Stream) -> Option<usize> {
        match self.covariates? {
            (_, true) if !self.anew[plate] => Some(element),
            _ => {
                let rows = rows();
                (rows > 0).then(|| rng.random_range(0..rows))
            }
        }
    }

    fn size(
        &self,
        plate: usize,
        name: &'static str,
        (low, high): (usize, usize),
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
}

/// What is held fixed while a model is drawn, in the model's types: what the code that `model!` makes asks for.
#[derive(Debug)]
pub struct Plan<'a, M: Model> {
    fixed: &'a Fixed<'a>,
    model: PhantomData<fn() -> M>,
}

impl<'a, M: Model> Plan<'a, M> {
    pub(crate) fn of(fixed: &'a Fixed<'a>) -> Self {
        Self { fixed, model: PhantomData }
    }

    /// The globals, where they are fixed.
    pub fn globals(&self) -> Option<&'a M::Globals> {
        self.fixed.globals.map(|globals| typed(globals))
    }

    /// The value of a local of an element, where it is fixed.
    #[inline]
    pub fn kept<const N: usize>(&self, plate: usize, name: &str, element: usize) -> Option<[f64; N]> {
        if self.fixed.locals.is_empty() {
            return None;
        }
        self.fixed.kept(plate, name, element, N)?.try_into().ok()
    }

    /// The data whose sizes, indices and covariates are followed in a plate.
    pub fn like_in(&self, plate: usize) -> Option<&'a M::Data> {
        self.fixed.covariates.filter(|c| c.1 && !self.fixed.anew[plate]).map(|c| typed(c.0))
    }

    /// The data that covariates come from.
    pub fn covariates(&self) -> Option<&'a M::Data> {
        self.fixed.covariates.map(|c| typed(c.0))
    }

    /// The row that an element of a plate takes its covariates from: its own, or any.
    pub fn row(
        &self,
        plate: usize,
        element: usize,
        len: impl Fn(&M::Data) -> usize,
        rng: &mut Stream,
    ) -> Option<(usize, &'a M::Data)> {
        let data = self.covariates()?;
        Some((self.fixed.row(plate, element, || len(data), rng)?, data))
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
        self.fixed.size(plate, name, (low, high), like, rng)
    }

    /// The size of a plate of random size, where something says which.
    pub fn random_size(&self, plate: usize, like: Option<usize>) -> Option<usize> {
        self.fixed.forced[plate].or(like).or(self.fixed.sizes[plate])
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
