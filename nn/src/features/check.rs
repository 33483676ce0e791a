//! Whether what a file says of how data are read can have been fitted to data of its shape.

use super::column::Column;
use super::extractor::FeatureExtractor;
use super::plate::{FLAT_WIDTH, PlateFeatures};
use crate::architecture::{Architecture, Encoder};
use crate::checks::{finite, positive, same};
use crate::shape::{PlateShape, Shape};

impl FeatureExtractor {
    /// Checks that this can have been fitted to data of `shape` for a network of `architecture`, and that all of its numbers
    /// can be computed with; the error names what is wrong, and its value.
    pub(crate) fn check(&self, shape: &Shape, architecture: &Architecture) -> Result<(), String> {
        let outside = shape.width > 0;
        let sequential = matches!(architecture.encoder, Encoder::Causal { .. });
        same("reader.outside", &self.outside, &outside)?;
        same("reader.causal", &self.causal, &sequential)?;
        same("the number of reader.targets", &self.targets.len(), &shape.targets)?;
        for (mean, sd) in &self.targets {
            finite("reader.targets", &[*mean])?;
            positive("reader.targets", *sd)?;
        }
        same("the number of reader.levels", &self.levels.len(), &(shape.plates.len() + usize::from(outside)))?;
        let alone = PlateShape { width: shape.width, ..PlateShape::default() };
        let shapes = outside.then_some(&alone).into_iter().chain(&shape.plates);
        for (index, (level, shape)) in self.levels.iter().zip(shapes).enumerate() {
            let place = format!("reader.levels.{index}");
            level.check(shape, 0, &place)?;
            let attends = architecture.encoder != Encoder::DeepSet && (index > 0 || !outside);
            if attends && !level.network {
                return Err(format!("{place}.network is false, where attention reads the rows"));
            }
        }
        match &self.linear {
            Some(_) if !architecture.output.is_posterior() => {
                Err(format!("reader.linear is there, where the network returns {:?}", architecture.output))
            }
            Some(linear) => {
                let moments: Vec<usize> = self.levels.iter().map(|level| level.pooled().1).collect();
                linear.check(&moments, shape.targets)
            }
            None => Ok(()),
        }
    }
}

impl PlateFeatures {
    fn check(&self, shape: &PlateShape, depth: usize, place: &str) -> Result<(), String> {
        same(&format!("the size of {place}.image"), &self.image.as_ref().map(|i| (i.height, i.width)), &shape.image)?;
        if let Some(image) = &self.image {
            let alone = PlateFeatures { image: Some(image.clone()), network: true, ..PlateFeatures::default() };
            return if *self == alone { image.check(place) } else { Err(format!("{place} reads more than images")) };
        }
        same(&format!("the number of {place}.children"), &self.children.len(), &shape.children.len())?;
        for (index, (child, shape)) in self.children.iter().zip(&shape.children).enumerate() {
            child.check(shape, depth + 1, &format!("{place}.children.{index}"))?;
        }
        let width = self.children.iter().map(PlateFeatures::derived).sum::<usize>();
        let (columns, width) = (self.columns.len(), width.checked_add(shape.width));
        same(&format!("the number of {place}.columns"), &Some(columns), &width)?;
        self.columns.iter().try_for_each(|column| column.check(place))?;
        if self.binned > columns {
            return Err(format!("{place}.binned is {}, of {columns} columns", self.binned));
        }
        let read_one_by_one = depth > 0 && self.children.is_empty() && !self.network && self.sizes.is_none();
        if self.flat > 0 && !(read_one_by_one && self.flat <= FLAT_WIDTH && columns > 0) {
            return Err(format!("{place}.flat is {}, where rows are not read one by one", self.flat));
        }
        let scales = [("centre", &self.centre), ("scale", &self.scale), ("root_scale", &self.root_scale)];
        for (name, values) in scales {
            let name = format!("{place}.{name}");
            same(&format!("the length of {name}"), &values.len(), &self.moments_width())?;
            finite(&name, values)?;
        }
        self.sizes.as_ref().map_or(Ok(()), |sizes| sizes.check(place))
    }
}

impl Column {
    fn check(&self, place: &str) -> Result<(), String> {
        finite(&format!("{place}.columns.centre"), &[self.centre])?;
        positive(&format!("{place}.columns.scale"), self.scale)
    }
}
