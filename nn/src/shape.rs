//! The shape of data sets: how many numbers there are in each of their tables.

use serde::{Deserialize, Serialize};

/// What a network reads and what it infers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Numbers observed outside plates.
    pub width: usize,
    /// The plates.
    pub plates: Vec<PlateShape>,
    /// How many numbers are inferred: the globals, in unconstrained space.
    pub targets: usize,
}

/// What a network reads of one plate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlateShape {
    /// Numbers in a row: continuous ones, counts, codes of categories, or 0 and 1. Which of these they are is seen from a
    /// pilot sample.
    pub width: usize,
    /// Nested plates.
    pub children: Vec<PlateShape>,
    /// Where rows are images, the height and the width of each. A row is then the pixels of an image, line after line, and
    /// nothing else, and there is one row for each parent.
    #[serde(default)]
    pub image: Option<(usize, usize)>,
}

impl PlateShape {
    /// Returns the shape of a plate that is an image of `height` lines and `width` columns for each parent. An image stands in
    /// a table of its own, as a plate of one row.
    pub fn image(height: usize, width: usize) -> PlateShape {
        PlateShape { width: height * width, children: Vec::new(), image: Some((height, width)) }
    }

    /// Returns the heights and widths of the images among `plates`, in the order in which networks read them.
    pub(super) fn images(plates: &[PlateShape]) -> Vec<(usize, usize)> {
        plates.iter().flat_map(|plate| plate.image.into_iter().chain(Self::images(&plate.children))).collect()
    }

    /// Checks the shapes of the images in this plate and inside it; `place` is the name of the plate in errors.
    pub(super) fn check(&self, place: &str) -> Result<(), String> {
        match self.image {
            Some((height, width))
                if height.checked_mul(width) != Some(self.width) || self.width == 0 || !self.children.is_empty() =>
            {
                Err(format!(
                    "{place} is of images of {height} x {width} pixels, and has rows of {} numbers and {} nested plates: \
                     make it by `PlateShape::image`, of at least one pixel",
                    self.width,
                    self.children.len()
                ))
            }
            _ => {
                let mut children = self.children.iter().enumerate();
                children.try_for_each(|(index, child)| child.check(&format!("{place}.{index}")))
            }
        }
    }
}
