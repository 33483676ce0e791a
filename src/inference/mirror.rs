//! Mirrored pictures: exact symmetries of a model, by which a training sees each simulation in more than one way.

use rand::RngExt;

use super::InferenceError;
use super::encode::Encoder;
use super::hierarchy::{Hierarchy, PlateParts};
use crate::model::{Model, Specification};
use crate::nn::{Batch, Rows, Source};
use crate::simulate::{Plan, stream};

/// Simulations that are looked at for an element whose latent variables are those of the real line.
const LOOKS: u64 = 100;

/// Which way a picture is turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    /// The columns are in the other order.
    X,
    /// The lines are.
    Y,
}

/// A declared symmetry: a picture that is mirrored is as likely as it was, where some latent variables of its plate change
/// their sign.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mirror {
    /// `plate.picture`, or the name of a picture outside plates.
    pub(super) picture: String,
    pub(super) axis: Axis,
    pub(super) changes_sign: Vec<String>,
}

impl Mirror {
    fn error(&self, reason: String) -> InferenceError {
        InferenceError::Mirror { picture: self.picture.clone(), reason }
    }

    /// Where the picture is in whole data sets.
    pub(super) fn of_sets(&self, specification: &Specification, encoder: &Encoder) -> Result<Flip, InferenceError> {
        let pictures = encoder.named_pictures(specification);
        match pictures.iter().find(|(name, ..)| *name == self.picture) {
            Some((_, table, size)) => {
                Ok(Flip { table: table.clone(), axis: self.axis, size: *size, signs: Vec::new() })
            }
            None => {
                let known = pictures.iter().map(|(name, ..)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                let known = if known.is_empty() { "none".to_owned() } else { known };
                Err(self.error(format!("the model's data have no picture of that name; there are {known}")))
            }
        }
    }

    /// Where the picture is in an element of a plate that is seen by itself, and which of the numbers of its continuous
    /// locals change their sign; nothing if the picture is that of another plate.
    pub(super) fn of_elements<M: Model>(
        &self,
        model: &M,
        hierarchy: &Hierarchy,
        plate: usize,
        plan: &Plan<'_, M>,
        seed: u64,
    ) -> Result<Option<Flip>, InferenceError> {
        let flip = self.of_sets(&model.specification(), &hierarchy.encoder)?;
        let own = &hierarchy.plates[plate];
        let [path @ .., table] = &flip.table[..] else { return Ok(None) };
        if own.path != path {
            return Ok(None);
        }
        let mut signs = Vec::new();
        for name in &self.changes_sign {
            let range = numbers_of(own, hierarchy, name).ok_or_else(|| {
                self.error(format!("`{name}`, which is to change its sign, is no continuous local of `{}`", own.name))
            })?;
            if !is_real(model, hierarchy, plate, name, plan, seed)? {
                return Err(self.error(format!(
                    "`{name}` cannot change its sign, since its support is not the whole real line: write it as a function \
                     of a local that has one, such as `Normal`"
                )));
            }
            signs.extend(range);
        }
        Ok(Some(Flip { table: vec![*table], signs, ..flip }))
    }
}

/// The numbers of a local among those of its plate's continuous locals.
fn numbers_of(own: &PlateParts, hierarchy: &Hierarchy, name: &str) -> Option<std::ops::Range<usize>> {
    let mut start = 0;
    for (slot, free, _) in &own.continuous {
        if hierarchy.slots[*slot].name == name {
            return Some(start..start + free);
        }
        start += free;
    }
    None
}

/// Whether the unconstrained numbers of a local are the local itself: of a simulated element they are, or are not.
fn is_real<M: Model>(
    model: &M,
    hierarchy: &Hierarchy,
    plate: usize,
    name: &str,
    plan: &Plan<'_, M>,
    seed: u64,
) -> Result<bool, InferenceError> {
    let own = &hierarchy.plates[plate];
    let slot = hierarchy.slots.iter().find(|slot| slot.name == name && slot.plate == own.path);
    let (Some(range), Some(slot)) = (numbers_of(own, hierarchy, name), slot) else { return Ok(false) };
    for place in 0..LOOKS {
        let simulation = model.draw(plan, &mut stream(seed, place))?;
        let latents = hierarchy.latents(model, &simulation);
        let numbers = &latents.plates[plate].numbers;
        if numbers.is_empty() {
            continue;
        }
        let values = hierarchy.values(&simulation.locals, plate, slot.column, range.len());
        return Ok(values == numbers[range]);
    }
    Ok(false)
}

/// A picture that is mirrored in the data of a training.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Flip {
    /// Where its table is.
    table: Vec<usize>,
    axis: Axis,
    size: (usize, usize),
    /// Where there is one picture in each data set: the numbers of locals that change their sign with it.
    signs: Vec<usize>,
}

impl Flip {
    fn rows<'a>(&self, batch: &'a mut Batch) -> &'a mut Rows {
        let (first, rest) = (self.table[0], &self.table[1..]);
        rest.iter().fold(&mut batch.plates[first], |rows, &child| &mut rows.children[child])
    }

    fn turn(&self, picture: &mut [f32]) {
        let (height, width) = self.size;
        match self.axis {
            Axis::X => picture.chunks_exact_mut(width).for_each(<[f32]>::reverse),
            Axis::Y => {
                for line in 0..height / 2 {
                    let (above, below) = picture.split_at_mut((height - 1 - line) * width);
                    above[line * width..(line + 1) * width].swap_with_slice(&mut below[..width]);
                }
            }
        }
    }
}

/// Data sets of a source, each picture mirrored or not as a coin says.
pub(super) struct Mirrored<'a, S> {
    pub(super) source: &'a S,
    pub(super) flips: &'a [Flip],
    /// Where the numbers of a data set's continuous locals are: they are its targets, or the last but so many of its numbers
    /// outside plates.
    pub(super) known: Option<usize>,
    pub(super) seed: u64,
}

impl<S: Source> Source for Mirrored<'_, S> {
    type Error = S::Error;

    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), S::Error> {
        let (mut batch, mut targets) = self.source.draw(step, first, sets)?;
        // Apart from the streams of the sources.
        let key = step.wrapping_add(2).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let mut rng = stream(self.seed.wrapping_add(key), first as u64);
        for flip in self.flips {
            let rows = flip.rows(&mut batch);
            let width = rows.width;
            let turned: Vec<bool> = (0..rows.rows()).map(|_| rng.random()).collect();
            let pictures = rows.features.chunks_exact_mut(width).zip(&turned).filter(|(_, turned)| **turned);
            pictures.for_each(|(picture, _)| flip.turn(picture));
            let dims = targets.len() / sets.max(1);
            let (numbers, each, start) = match self.known {
                None => (&mut targets, dims, 0),
                Some(known) => (&mut batch.globals, batch.width, batch.width - known),
            };
            for set in (0..sets).filter(|set| !flip.signs.is_empty() && turned[*set]) {
                for sign in &flip.signs {
                    let number = &mut numbers[set * each + start + sign];
                    *number = -*number;
                }
            }
        }
        Ok((batch, targets))
    }
}
