//! Mirrored images: exact symmetries of a model, by which a training sees each simulation in more than one way.

use rand::RngExt;

use super::encode::DataEncoder;
use super::hierarchy::Hierarchy;
use super::link::Link;
use super::local_task::EMPTY;
use super::{InferenceError, RequestError};
use crate::model::{AnyModel, Specification};
use crate::model::{Purpose, stream_for};
use crate::nn::{Batch, Rows, TrainingSource};
use crate::simulate::{Fixed, SimulateError, stream};

/// Which way an image is mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    /// The order of the columns is reversed.
    X,
    /// The order of the rows is reversed.
    Y,
}

impl Axis {
    fn turn(self, image: &mut [f32], (height, width): (usize, usize)) {
        match self {
            Axis::X => image.chunks_exact_mut(width).for_each(<[f32]>::reverse),
            Axis::Y => {
                for row in 0..height / 2 {
                    let (above, below) = image.split_at_mut((height - 1 - row) * width);
                    above[row * width..(row + 1) * width].swap_with_slice(&mut below[..width]);
                }
            }
        }
    }
}

/// A declared symmetry: a mirrored image is as likely as the original if some latent variables of its plate change
/// their sign.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mirror {
    /// `plate.image`, or the name of an image outside plates.
    pub(super) image: String,
    pub(super) axis: Axis,
    pub(super) changes_sign: Vec<String>,
}

impl Mirror {
    fn error(&self, reason: String) -> InferenceError {
        RequestError::Mirror { image: self.image.clone(), reason }.into()
    }

    /// Returns the path of the image's plate; the image's table there, its height and its width.
    fn place(
        &self,
        specification: &Specification,
        encoder: &DataEncoder,
    ) -> Result<(Vec<usize>, Image), InferenceError> {
        let mut images = encoder.named_images(specification);
        let Some(at) = images.iter().position(|(name, ..)| *name == self.image) else {
            let known = list(images.iter().map(|(name, ..)| name.as_str()));
            return Err(self.error(format!("the model's data have no image of that name; there are {known}")));
        };
        let (_, mut path, size) = images.swap_remove(at);
        let table = path.pop().unwrap_or(0);
        Ok((path, (table, size)))
    }

    /// Returns which of the numbers of the continuous locals of its plate change their sign.
    fn signs(
        &self,
        model: &dyn AnyModel,
        hierarchy: &Hierarchy,
        plate: Option<usize>,
        fixed: &Fixed<'_>,
        seed: u64,
    ) -> Result<Vec<(usize, Link)>, InferenceError> {
        let mut signs = Vec::new();
        for name in &self.changes_sign {
            let changes = format!("`{name}`, which is to change its sign,");
            let Some(plate) = plate else {
                return Err(self.error(format!("{changes} is no local of its plate: the image is outside plates")));
            };
            let own = &hierarchy.plates[plate];
            let named = |slot: usize| hierarchy.slots[slot].name.as_str();
            let Some(at) = own.continuous.iter().position(|(slot, ..)| named(*slot) == name) else {
                let known = list(own.continuous.iter().map(|(slot, ..)| named(*slot)));
                let plate = &own.name;
                return Err(self.error(format!("{changes} is no continuous local of `{plate}`; there are {known}")));
            };
            let slot = &hierarchy.slots[own.continuous[at].0];
            if slot.width > 1 {
                return Err(self.error(format!(
                    "{changes} has {} components, and only one of them can: make that a local of its own",
                    slot.width
                )));
            }
            let number: usize = own.continuous[..at].iter().map(|(_, links)| links.len()).sum();
            let link = own.continuous[at].1[0];
            if !is_real(model, hierarchy, plate, (slot.column, number, link), fixed, seed)? {
                return Err(self.error(format!(
                    "`{name}` cannot change its sign, since its support is not the whole real line: write it as a function \
                     of a local that has one, such as `Normal`"
                )));
            }
            add_new(&mut signs, [(number, link)]);
        }
        Ok(signs)
    }
}

fn add_new<T: PartialEq>(to: &mut Vec<T>, more: impl IntoIterator<Item = T>) {
    for one in more {
        if !to.contains(&one) {
            to.push(one);
        }
    }
}

/// Lists names, for an error message.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names = names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.is_empty() { "none".to_owned() } else { names }
}

/// Returns whether the unconstrained number of a local, given by its column and its number, is the local itself, as
/// checked on a simulated element.
fn is_real(
    model: &dyn AnyModel,
    hierarchy: &Hierarchy,
    plate: usize,
    (column, number, link): (usize, usize, Link),
    fixed: &Fixed<'_>,
    seed: u64,
) -> Result<bool, InferenceError> {
    for place in 0..EMPTY {
        let simulation = model.draw(fixed, &mut stream(seed, place))?;
        let latents = hierarchy.latents(model, &*simulation);
        if let Some(found) = latents.plates[plate].numbers.get(number) {
            let value = f64::from(hierarchy.values(&simulation.locals().frame(), plate, column, 1)[0]);
            // To the digits of f32.
            return Ok((link.forward(value) - f64::from(*found)).abs() < 1e-4 * f64::from(found.abs()).max(1.0));
        }
    }
    Err(SimulateError::NoElements { plate: hierarchy.plates[plate].name.clone() }.into())
}

/// A table among those of a plate, and the height and width of its images.
type Image = (usize, (usize, usize));

/// Images of one plate that are mirrored in the data of a training: for each row of the plate, all of them or none.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Flip {
    /// The path of the plate; empty outside plates.
    plate: Vec<usize>,
    images: Vec<Image>,
    axis: Axis,
    /// Outside plates: the numbers of locals that change their sign with the images, and their links.
    signs: Vec<(usize, Link)>,
}

impl Flip {
    /// Returns the images that `mirrors` mirror in whole data sets.
    pub(super) fn of_sets(
        mirrors: &[Mirror],
        specification: &Specification,
        encoder: &DataEncoder,
    ) -> Result<Vec<Flip>, InferenceError> {
        let mut flips = Vec::new();
        for mirror in mirrors {
            let (plate, image) = mirror.place(specification, encoder)?;
            Flip { plate, images: vec![image], axis: mirror.axis, signs: Vec::new() }.add_to(&mut flips);
        }
        Ok(flips)
    }

    /// Returns, for each plate of a hierarchy, the images that `mirrors` mirror in its elements, each of which is read
    /// by itself, as if outside plates.
    pub(super) fn of_elements(
        mirrors: &[Mirror],
        model: &dyn AnyModel,
        hierarchy: &Hierarchy,
        fixed: &Fixed<'_>,
        seed: u64,
    ) -> Result<Vec<Vec<Flip>>, InferenceError> {
        let mut flips = vec![Vec::new(); hierarchy.plates.len()];
        for mirror in mirrors {
            let (path, image) = mirror.place(&model.specification(), &hierarchy.encoder)?;
            let plate = hierarchy.plates.iter().position(|own| own.path == path);
            let signs = mirror.signs(model, hierarchy, plate, fixed, seed)?;
            if let Some(plate) = plate {
                Flip { plate: Vec::new(), images: vec![image], axis: mirror.axis, signs }.add_to(&mut flips[plate]);
            }
        }
        Ok(flips)
    }

    /// Adds these images to `flips`. Images of one plate are mirrored together: a local that changes its sign with each
    /// of them would otherwise have no definite sign.
    fn add_to(self, flips: &mut Vec<Flip>) {
        match flips.iter_mut().find(|flip| flip.plate == self.plate && flip.axis == self.axis) {
            Some(flip) => {
                // What is declared twice is mirrored once.
                add_new(&mut flip.images, self.images);
                add_new(&mut flip.signs, self.signs);
            }
            None => flips.push(self),
        }
    }

    fn tables<'a>(&self, batch: &'a mut Batch) -> &'a mut [Rows] {
        self.plate.iter().fold(&mut batch.plates, |tables, &at| &mut tables[at].children)
    }
}

/// Data sets of a source, in which each image is mirrored or not, at random.
pub(super) struct Mirrored<'a> {
    pub(super) source: &'a dyn TrainingSource<Error = SimulateError>,
    pub(super) flips: &'a [Flip],
    /// Where the numbers of a data set's continuous locals begin: with `None` they are its targets, else they begin
    /// this many numbers before the end of its numbers outside plates.
    pub(super) known: Option<usize>,
    pub(super) seed: u64,
}

impl TrainingSource for Mirrored<'_> {
    type Error = SimulateError;

    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), SimulateError> {
        let (mut batch, mut targets) = self.source.draw(step, first, sets)?;
        let mut rng = stream_for(Purpose::Mirrors, self.seed, step, first as u64);
        for flip @ Flip { images, axis, signs, .. } in self.flips {
            let tables = flip.tables(&mut batch);
            let rows = images.first().map_or(0, |(table, _)| tables[*table].rows());
            let turned: Vec<bool> = (0..rows).map(|_| rng.random()).collect();
            for (table, size) in images {
                let Rows { width, features, .. } = &mut tables[*table];
                let images = features.chunks_exact_mut(*width).zip(&turned).filter(|(_, turned)| **turned);
                images.for_each(|(image, _)| axis.turn(image, *size));
            }
            let dims = targets.len() / sets.max(1);
            let (numbers, each, start) = match self.known {
                None => (&mut targets, dims, 0),
                Some(known) => (&mut batch.globals, batch.width, batch.width - known),
            };
            for set in (0..sets).filter(|set| !signs.is_empty() && turned[*set]) {
                for (sign, link) in signs {
                    let number = &mut numbers[set * each + start + sign];
                    *number = link.forward(-link.inverse(f64::from(*number))) as f32;
                }
            }
        }
        Ok((batch, targets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETS: usize = 64;

    /// A source of the same data sets in every draw.
    struct Same(Batch, Vec<f32>);

    impl TrainingSource for Same {
        type Error = SimulateError;

        fn draw(&self, _: u64, _: usize, _: usize) -> Result<(Batch, Vec<f32>), SimulateError> {
            Ok((self.0.clone(), self.1.clone()))
        }
    }

    /// Rows of numbers, no two of which are the same.
    fn table(width: usize, parents: usize, each: usize, children: Vec<Rows>) -> Rows {
        let offsets = (0..=parents).map(|parent| parent * each).collect();
        Rows { width, features: counted(width * parents * each), offsets, children }
    }

    fn counted(numbers: usize) -> Vec<f32> {
        (1..=numbers).map(|number| number as f32).collect()
    }

    fn flip(plate: &[usize], image: Image, axis: Axis, signs: &[usize]) -> Flip {
        Flip {
            plate: plate.to_vec(),
            images: vec![image],
            axis,
            signs: signs.iter().map(|sign| (*sign, Link::fit(false, &mut []))).collect(),
        }
    }

    /// The image in a row, with its columns or its rows in the other order, pixel by pixel.
    fn mirrored(rows: &Rows, row: usize, (height, width): (usize, usize), (x, y): (bool, bool)) -> Vec<f32> {
        let from = |at: usize, length: usize, turned: bool| if turned { length - 1 - at } else { at };
        let pixels = (0..height).flat_map(|line| (0..width).map(move |column| (line, column)));
        let start = row * height * width;
        pixels
            .map(|(line, column)| rows.features[start + from(line, height, y) * width + from(column, width, x)])
            .collect()
    }

    const WAYS: [(bool, bool); 4] = [(false, false), (true, false), (false, true), (true, true)];

    /// Which way the image in a row was turned.
    fn way(before: &Rows, after: &Rows, row: usize, size: (usize, usize)) -> (bool, bool) {
        let found = mirrored(after, row, size, (false, false));
        WAYS.into_iter().find(|way| mirrored(before, row, size, *way) == found).unwrap()
    }

    /// Elements with two images, of which one is mirrored both ways, and a table of other rows between them: the other
    /// image turns with it, locals change their sign with both, and nothing else changes.
    #[test]
    fn locals_change_their_sign_with_all_images_of_their_element() {
        let (first, second) = ((0, (3, 4)), (2, (2, 5)));
        let mut flips = Vec::new();
        flip(&[], first, Axis::X, &[0]).add_to(&mut flips);
        flip(&[], second, Axis::X, &[0, 2]).add_to(&mut flips);
        flip(&[], first, Axis::Y, &[1]).add_to(&mut flips);
        flip(&[], first, Axis::Y, &[1]).add_to(&mut flips);
        let plates = vec![table(12, SETS, 1, vec![]), table(2, SETS, 3, vec![]), table(10, SETS, 1, vec![])];
        let source = Same(Batch { sets: SETS, width: 4, globals: counted(4 * SETS), plates }, counted(3 * SETS));
        for known in [None, Some(3)] {
            let draw = |seed, step, first| {
                Mirrored { source: &source, flips: &flips, known, seed }.draw(step, first, SETS).unwrap()
            };
            let found = draw(1, 5, 0);
            let (mut batch, mut targets) = (source.0.clone(), source.1.clone());
            let mut seen = [0; 4];
            for set in 0..SETS {
                let (x, y) = way(&source.0.plates[0], &found.0.plates[0], set, first.1);
                for ((table, size), way) in [(first, (x, y)), (second, (x, false))] {
                    let turned = mirrored(&source.0.plates[table], set, size, way);
                    batch.plates[table].features[set * turned.len()..][..turned.len()].copy_from_slice(&turned);
                }
                let numbers = if known.is_some() { &mut batch.globals[4 * set + 1..] } else { &mut targets[3 * set..] };
                for (number, _) in numbers.iter_mut().zip([x, y, x]).filter(|(_, turned)| *turned) {
                    *number = -*number;
                }
                seen[usize::from(x) + 2 * usize::from(y)] += 1;
            }
            assert!(found == (batch, targets));
            // Each way 16 +- 3.5 times.
            assert!(seen.iter().all(|seen| (2..=30).contains(seen)), "{seen:?}");
            assert!(draw(1, 5, 0) == found);
            for (seed, step, first) in [(2, 5, 0), (1, 6, 0), (1, 5, SETS), (1, crate::nn::VALIDATION, 0)] {
                assert!(draw(seed, step, first) != found);
            }
        }
    }

    /// In whole data sets every row of a plate, here a nested one, has a coin of its own.
    #[test]
    fn images_of_a_data_set_are_mirrored_one_by_one() {
        let size = (3, 4);
        let flips = [flip(&[1, 0], (1, size), Axis::Y, &[])];
        let nested = table(1, 2 * SETS, 3, vec![table(1, 6 * SETS, 2, vec![]), table(12, 6 * SETS, 1, vec![])]);
        let plates = vec![table(2, SETS, 2, vec![]), table(0, SETS, 2, vec![nested])];
        let source = Same(Batch { sets: SETS, width: 1, globals: counted(SETS), plates }, counted(SETS));
        let (found, targets) =
            Mirrored { source: &source, flips: &flips, known: None, seed: 1 }.draw(0, 0, SETS).unwrap();
        let images = |batch: &Batch| batch.plates[1].children[0].children[1].clone();
        let ways: Vec<_> = (0..6 * SETS).map(|row| way(&images(&source.0), &images(&found), row, size)).collect();
        assert!(ways.iter().all(|(x, _)| !x));
        // 192 +- 10; and sets of which all six turn, or none, are few: 2 +- 1.4.
        let turned = ways.iter().filter(|(_, y)| *y).count();
        assert!((142..=242).contains(&turned), "{turned}");
        let alike = ways.chunks(6).filter(|set| set.iter().all(|way| way == &set[0])).count();
        assert!(alike < 10, "{alike}");
        let mut batch = found;
        batch.plates[1].children[0].children[1] = images(&source.0);
        assert!(batch == source.0 && targets == source.1);
    }
}
