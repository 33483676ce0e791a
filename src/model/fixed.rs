//! What is held fixed while a model is drawn.

use rand::RngExt;

use super::erased_data::{AnyData, AnyGlobals};
use super::{Plate, PlateSize, SimulateError, Specification, Stream, UnknownName};

/// What is held fixed while some model is drawn: globals, sizes of plates, covariates.
#[derive(Clone, Debug)]
pub(crate) struct Fixed<'a> {
    pub(super) globals: Option<&'a dyn AnyGlobals>,
    /// Locals by name: the numbers of all elements, those of one side by side.
    pub(super) locals: &'a [(String, Vec<f64>)],
    /// For each plate, those inside after the one around, the size asked for.
    pub(super) sizes: Vec<Option<usize>>,
    /// A data set and whether it is followed element by element, or drawn from.
    pub(super) covariates: Option<(&'a dyn AnyData, bool)>,
    /// For each plate whether it is drawn anew although data are followed.
    pub(super) anew: Vec<bool>,
    /// For each plate a size that it has, whatever the model says.
    pub(super) forced: Vec<Option<usize>>,
}

impl<'a> Fixed<'a> {
    /// What is held fixed of a model. `covariates` is a data set and whether it is followed element by element, or drawn
    /// from.
    ///
    /// # Errors
    /// A plate that the model does not have.
    pub(crate) fn new(
        specification: &Specification,
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
        let mut plates = Vec::new();
        flatten(&specification.plates, &mut plates);
        let known: Vec<&str> = plates.iter().map(|plate| plate.name.as_str()).collect();
        let mut asked = vec![None; plates.len()];
        for (name, size) in sizes {
            asked[UnknownName::find("plate", name, &known)?] = Some(*size);
        }
        let (anew, forced) = (vec![false; plates.len()], vec![None; plates.len()]);
        Ok(Self { globals, locals: &[], sizes: asked, covariates, anew, forced })
    }

    /// The same, but for plates of random size, with all inside them: these are drawn anew although data are followed.
    pub(crate) fn with_random_sizes(mut self, specification: &Specification) -> Self {
        fn visit(plates: &[Plate], inside: bool, anew: &mut Vec<bool>) {
            for plate in plates {
                let random = inside || matches!(plate.size, PlateSize::Random { .. });
                anew.push(random);
                visit(&plate.plates, random, anew);
            }
        }
        self.anew.clear();
        visit(&specification.plates, false, &mut self.anew);
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
    pub(crate) fn with_single_element(mut self, specification: &Specification, plate: &str) -> Self {
        fn count(plate: &Plate) -> usize {
            1 + plate.plates.iter().map(count).sum::<usize>()
        }
        let mut first = 0;
        for top in &specification.plates {
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
    pub(super) fn kept(&self, plate: usize, name: &str, element: usize, width: usize) -> Option<&[f64]> {
        if self.anew[plate] {
            return None;
        }
        let (_, values) = self.locals.iter().find(|(known, _)| known == name)?;
        values.get(element * width..(element + 1) * width)
    }

    /// The row that an element of a plate takes its covariates from, its own or any: of the data set that covariates come
    /// from, `rows` of which has elements of the plate.
    pub(super) fn row(
        &self,
        plate: usize,
        element: usize,
        rows: impl FnOnce() -> usize,
        rng: &mut Stream,
    ) -> Option<usize> {
        match self.covariates? {
            (_, true) if !self.anew[plate] => Some(element),
            _ => {
                let rows = rows();
                (rows > 0).then(|| rng.random_range(0..rows))
            }
        }
    }

    pub(super) fn size(
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
