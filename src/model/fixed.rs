//! What is held fixed while a model is drawn.

use std::sync::Arc;

use rand::RngExt;

use super::erased_data::{AnyData, AnyGlobals};
use super::{Plate, PlateSize, SimulateError, Skipped, Specification, Stream, UnknownName};

/// Which values of observations that may be missing are so in simulations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum MissingValues {
    None,
    /// Those that a mechanism of the model says.
    ByModel,
    /// Those that are missing in the data that covariates follow.
    AsInData,
    /// Those that a mechanism of the model says; of other observations each with a probability that is drawn for each simulation and
    /// observation, and is this one on average.
    Share(f64),
}

/// What is held fixed while any model is drawn: globals, sizes of plates, covariates.
#[derive(Clone, Debug)]
pub(crate) struct Fixed<'a> {
    pub(super) globals: Option<&'a dyn AnyGlobals>,
    /// Locals by name, each with the numbers of all elements; those of one element are adjacent.
    pub(super) locals: &'a [(String, Vec<f64>)],
    /// The requested size of each plate; inner plates follow the plate around them.
    pub(super) sizes: Vec<Option<usize>>,
    /// A data set, and whether covariates follow it element by element or are drawn from its rows.
    pub(super) covariates: Option<(&'a dyn AnyData, bool)>,
    /// For each plate, whether it is drawn anew even if data are followed.
    pub(super) anew: Vec<bool>,
    /// For each plate, a size that overrides the model's.
    pub(super) forced: Vec<Option<usize>>,
    /// For each plate, how many elements of each sequence are observed as in the data that covariates follow.
    pub(super) seen: Vec<usize>,
    /// Which values of observations are missing.
    pub(super) missing: MissingValues,
    /// Whether a draw ends when it has the globals.
    pub(super) only_globals: bool,
    /// The simulations that were drawn again, of this and of all that is cloned from it.
    pub(crate) skipped: Arc<Skipped>,
}

/// Lists the names of all plates, those inside after the one around.
fn plate_names(specification: &Specification) -> Vec<&str> {
    fn flatten<'p>(plates: &'p [Plate], all: &mut Vec<&'p str>) {
        for plate in plates {
            all.push(&plate.name);
            flatten(&plate.plates, all);
        }
    }
    let mut names = Vec::new();
    flatten(&specification.plates, &mut names);
    names
}

impl<'a> Fixed<'a> {
    /// Fixes the `sizes` of plates, the `globals` and the `covariates`: a data set, and whether covariates follow it
    /// element by element or are drawn from its rows.
    ///
    /// # Errors
    /// The model has no plate of a name in `sizes`.
    pub(crate) fn new(
        specification: &Specification,
        sizes: &[(String, usize)],
        globals: Option<&'a dyn AnyGlobals>,
        covariates: Option<(&'a dyn AnyData, bool)>,
    ) -> Result<Self, SimulateError> {
        let known = plate_names(specification);
        let plates = known.len();
        let mut asked = vec![None; plates];
        for (name, size) in sizes {
            asked[UnknownName::find("plate", name, &known)?] = Some(*size);
        }
        let (anew, forced, seen) = (vec![false; plates], vec![None; plates], vec![0; plates]);
        let (missing, skipped) = (MissingValues::None, Arc::default());
        let only_globals = false;
        Ok(Self { globals, locals: &[], sizes: asked, covariates, anew, forced, seen, missing, only_globals, skipped })
    }

    /// Says which values of observations are missing.
    pub(crate) fn with_missing(self, missing: MissingValues) -> Self {
        Self { missing, ..self }
    }

    /// Draws the share of an observation's values that are missing: from Beta(1, (1 - m) / m) with the mean m, so that any share is
    /// possible.
    pub(super) fn share_missing(&self, rng: &mut Stream) -> Option<f64> {
        match self.missing {
            MissingValues::Share(mean) if mean > 0.0 && mean < 1.0 => {
                let uniform: f64 = rng.random();
                Some(1.0 - uniform.powf(mean / (1.0 - mean)))
            }
            MissingValues::Share(mean) => Some(mean),
            MissingValues::None | MissingValues::ByModel | MissingValues::AsInData => None,
        }
    }

    /// Returns whether mechanisms of the model say what is missing in the plate, or outside plates.
    pub(super) fn has_mechanisms(&self, plate: Option<usize>) -> bool {
        self.missing != MissingValues::None && self.pattern(plate).is_none()
    }

    /// Returns the data whose missing values are missing in the plate, or outside plates, too.
    pub(super) fn pattern(&self, plate: Option<usize>) -> Option<&'a dyn AnyData> {
        let anew = plate.is_some_and(|plate| self.anew[plate]);
        let (data, follow) = self.covariates.filter(|_| self.missing == MissingValues::AsInData && !anew)?;
        follow.then_some(data)
    }

    /// Observes the first `elements` of each sequence in `plate` as in the data that covariates follow.
    ///
    /// # Errors
    /// The model has no such plate.
    pub(crate) fn after(
        mut self,
        specification: &Specification,
        plate: &str,
        elements: usize,
    ) -> Result<Self, UnknownName> {
        let at = UnknownName::find("plate", plate, &plate_names(specification))?;
        self.seen[at] = elements;
        Ok(self)
    }

    /// Draws plates of random size, with everything inside them, anew even if data are followed.
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

    /// Also fixes the globals.
    pub(crate) fn at<'b>(&'b self, globals: &'b dyn AnyGlobals) -> Fixed<'b> {
        self.at_all(globals, &[])
    }

    /// Also fixes the globals, and locals by name: the numbers of all elements, those of one element adjacent.
    pub(crate) fn at_all<'b>(&'b self, globals: &'b dyn AnyGlobals, locals: &'b [(String, Vec<f64>)]) -> Fixed<'b> {
        Fixed { globals: Some(globals), locals, ..self.clone() }
    }

    /// Draws no element of any plate: only the globals and the observations outside plates.
    pub(crate) fn without_elements(self) -> Self {
        Self { forced: vec![Some(0); self.sizes.len()], ..self }
    }

    /// Draws one element of the top-level plate `plate`, and the plates inside it as the model declares them.
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

    /// Returns the `width` numbers of the local `name` in `element` of `plate`, if it is fixed.
    pub(super) fn kept(&self, plate: usize, name: &str, element: usize, width: usize) -> Option<&'a [f64]> {
        if self.anew[plate] {
            return None;
        }
        let (_, values) = self.locals.iter().find(|(known, _)| known == name)?;
        values.get(element * width..(element + 1) * width)
    }

    /// Returns the row from which `element` of `plate` takes its covariates, its own or a random one. `rows` returns
    /// the number of the plate's rows in the data set that covariates are taken from.
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
