//! The elements of a model's plates, one by one, as networks read them.
//!
//! Given the globals, the locals around an element and the element's own part of the data, its locals are independent
//! of all else. So the posterior factorises from the outside in,
//!
//! ```text
//! p(globals, locals | data) = p(globals | data) x product over elements of p(locals of i | part of i, what is around i),
//! ```
//!
//! and a network for a plate reads one element: as numbers outside plates, the globals, the latent variables and data
//! of the elements around it, and its own data; as plates, its nested plates, and the rows of other plates that name it
//! by index. If rows name elements of several plates, the latent variables of these depend on each other: then the
//! product is over each plate's own posterior.

use super::encode::DataEncoder;
use super::link::Link;
use super::units::{Target, Units, push_targets};
use crate::model::Frame;
use crate::model::{
    AnyData, AnyGlobals, AnyLocals, AnyModel, AnySimulation, LocalSlot, LocalValues, Specification, local_ranges,
};
use crate::nn::{Numbers, Packed, PackedRows, PlateShape, Rows, Shape};

/// The elements of every plate, and what is inferred of them.
#[derive(Clone, Debug)]
pub(super) struct Hierarchy {
    pub(super) encoder: DataEncoder,
    pub(super) units: Units,
    pub(super) globals: Vec<Target>,
    pub(super) slots: Vec<LocalSlot>,
    /// All plates in the data, from the outside in.
    pub(super) plates: Vec<PlateParts>,
    /// The count of numbers outside plates in the data, and the images there, which are the last of its tables.
    outside: usize,
    images: Vec<PlateShape>,
    /// Whether what is around an element is read; if not, each element is inferred alone.
    pub(super) context: bool,
}

/// One plate.
#[derive(Clone, Debug)]
pub(super) struct PlateParts {
    pub(super) name: String,
    /// Its path in the frames.
    pub(super) path: Vec<usize>,
    /// The plates around it, and itself, from the outside in.
    chain: Vec<usize>,
    /// Its continuous locals: the slot, and the links of its unconstrained numbers.
    pub(super) continuous: Vec<(usize, Vec<Link>)>,
    /// Its discrete locals of finite support: the slot and the number of categories.
    pub(super) discrete: Vec<(usize, usize)>,
    /// The columns that name elements of plates declared before, and these plates.
    references: Vec<(usize, usize)>,
    /// Whether its size is random, and so a part of what is around its elements.
    random: bool,
    width: usize,
    children: Vec<PlateShape>,
}

impl PlateParts {
    /// Returns the number of its elements in the frame of a data set.
    pub(super) fn size(&self, data: &Frame<'_>) -> usize {
        at(data, &self.path).size
    }

    /// Returns the count of unconstrained numbers of an element's continuous locals.
    pub(super) fn numbers(&self) -> usize {
        self.continuous.iter().map(|(_, links)| links.len()).sum()
    }
}

/// An element, and the elements that it is in.
pub(super) struct LocalPlace {
    plate: usize,
    /// The data set that the element is in.
    set: usize,
    /// For each plate of the chain, from the outside in, the element that contains this one; the last is the element
    /// itself.
    elements: Vec<usize>,
}

/// The latent variables of some data sets, or of some draws for one data set, as networks read them.
#[derive(Clone, Debug, Default)]
pub(super) struct Latents {
    /// The number of draws for each data set.
    pub(super) draws: usize,
    /// Data sets x draws x numbers of the globals.
    pub(super) globals: Vec<f32>,
    pub(super) plates: Vec<PlateLatents>,
}

/// The latent variables of one plate: element after element, and draw after draw for each.
#[derive(Clone, Debug, Default)]
pub(super) struct PlateLatents {
    pub(super) numbers: Vec<f32>,
    pub(super) categories: Vec<f32>,
}

/// One data set, or several with their elements one after another, as the networks of elements read them.
#[derive(Clone, Debug)]
pub(super) struct EncodedData {
    pub(super) data: Packed,
    /// For each plate its references: for each of its elements, the element that it names, among those of the same data
    /// set.
    pub(super) references: Vec<Vec<Numbers>>,
}

impl EncodedData {
    /// Returns the same data in as little memory as possible.
    pub(super) fn pack(self) -> EncodedData {
        let pack = |references: Vec<Numbers>| references.into_iter().map(Numbers::pack).collect();
        Self { data: self.data.pack(), references: self.references.into_iter().map(pack).collect() }
    }

    /// Appends the data sets of `other`.
    pub(super) fn append(&mut self, other: &EncodedData) {
        self.data.append(&other.data);
        let pairs = self.references.iter_mut().flatten().zip(other.references.iter().flatten());
        pairs.for_each(|(all, more)| all.append(more));
    }
}

impl Latents {
    /// Returns a number that is infinite or NaN, if there is one.
    pub(super) fn not_finite(&self) -> Option<f32> {
        let locals = self.plates.iter().flat_map(|plate| &plate.numbers);
        self.globals.iter().chain(locals).copied().find(|x| !x.is_finite())
    }

    /// Appends the latent variables of other data sets.
    pub(super) fn append(&mut self, other: &Latents) {
        self.globals.extend_from_slice(&other.globals);
        for (all, more) in self.plates.iter_mut().zip(&other.plates) {
            all.numbers.extend_from_slice(&more.numbers);
            all.categories.extend_from_slice(&more.categories);
        }
    }
}

impl Hierarchy {
    pub(super) fn new(model: &dyn AnyModel, context: bool, units: Units) -> Self {
        let specification = model.specification();
        let encoder = DataEncoder::new(&specification, &units);
        let (outside, mut shapes) = encoder.shape();
        let (globals, slots) = (units.targets(model, model.global_slots()), model.local_slots());
        let mut plates = Vec::new();
        let images = shapes.split_off(shapes.len() - encoder.images());
        add_plates(&specification, &specification.plates, &shapes, &[], &[], (&slots, &units), &mut plates);
        // Index columns name elements of plates at the top.
        let indices: Vec<Vec<(usize, usize)>> = plates
            .iter()
            .map(|plate: &PlateParts| {
                let top = |name: &str| plates.iter().position(|p| p.path.len() == 1 && p.name == name);
                let own = find(&specification, &plate.path);
                let columns = own.variables.iter().filter(|v| v.in_data()).enumerate();
                columns.filter_map(|(c, v)| Some((c, top(v.index_of.as_deref()?)?))).collect()
            })
            .collect();
        for (plate, indices) in indices.iter().enumerate() {
            // The modelling language lets rows read locals only of plates declared before.
            plates[plate].references = indices.iter().filter(|(_, named)| *named < plate).copied().collect();
        }
        Self { encoder, units, globals, slots, plates, outside, images, context }
    }

    /// Returns the shape of what the network for the locals of a plate reads, with `known` numbers of the element's own
    /// locals at the end of the numbers outside plates.
    pub(super) fn shape(&self, plate: usize, known: usize) -> (usize, Vec<PlateShape>) {
        let own = &self.plates[plate];
        let latents = |plate: usize| self.plates[plate].numbers() + self.plates[plate].discrete.len();
        let mut width = self.outside + known + own.chain.iter().map(|&plate| self.plates[plate].width).sum::<usize>();
        if self.context {
            width += self.globals.iter().map(|g| g.free.len()).sum::<usize>();
            width += own.chain[..own.chain.len() - 1].iter().map(|&plate| latents(plate)).sum::<usize>();
            width += self.named(plate).into_iter().map(latents).sum::<usize>();
        }
        width += own.chain.iter().filter(|&&plate| self.plates[plate].random).count();
        let around = own.chain[..own.chain.len() - 1].iter().flat_map(|&around| &self.plates[around].children);
        let images = around.filter(|child| child.image.is_some()).chain(&self.images);
        (width, own.children.iter().chain(images).cloned().collect())
    }

    /// Returns, for each plate, the columns that name elements of plates declared before, and these plates.
    pub(super) fn references(&self) -> impl Iterator<Item = &Vec<(usize, usize)>> {
        self.plates.iter().map(|plate| &plate.references)
    }

    /// Says which locals the posterior takes as independent of each other though they are not; `None` if there are none.
    pub(super) fn crossed(&self) -> Option<String> {
        let has_locals = |plate: usize| self.plates[plate].numbers() + self.plates[plate].discrete.len() > 0;
        self.plates.iter().find_map(|rows| {
            let mut named: Vec<usize> = rows.references.iter().map(|r| r.1).filter(|plate| has_locals(*plate)).collect();
            named.sort_unstable();
            named.dedup();
            let names: Vec<String> = named.iter().map(|plate| format!("`{}`", self.plates[*plate].name)).collect();
            (self.context && names.len() > 1).then(|| {
                format!(
                    "elements of {} are joined by `{}`, so that their locals depend on each other; this posterior takes them \
                     as independent given the globals, so that their correlations are missing and their widths may be wrong: \
                     sample with `nuts()`",
                    names.join(" and "),
                    rows.name
                )
            })
        })
    }

    /// Returns the continuous locals of plates inside a plate with discrete ones.
    pub(super) fn below_discrete(&self) -> impl Iterator<Item = usize> + '_ {
        let below = |own: &&PlateParts| {
            own.chain[..own.chain.len() - 1].iter().any(|&around| !self.plates[around].discrete.is_empty())
        };
        self.plates.iter().filter(below).flat_map(|own| own.continuous.iter().map(|(slot, ..)| *slot))
    }

    /// Returns the name of a discrete local that is not inferred, since it has infinitely many values or their number
    /// depends on the data, in a plate around others with locals: the locals inside would depend on an unknown value.
    /// `None` if there is no such local.
    pub(super) fn unknown_above(&self) -> Option<&str> {
        let unknown = |(at, slot): &(usize, &LocalSlot)| {
            let here = |own: &&PlateParts| own.path == slot.plate;
            let inside = |own: &&PlateParts| own.path.len() > slot.plate.len() && own.path.starts_with(&slot.plate);
            let inferred =
                |own: &PlateParts| own.continuous.iter().any(|c| c.0 == *at) || own.discrete.iter().any(|d| d.0 == *at);
            let has_locals = |own: &PlateParts| own.numbers() + own.discrete.len() > 0;
            !self.plates.iter().find(here).is_some_and(inferred) && self.plates.iter().filter(inside).any(has_locals)
        };
        self.slots.iter().enumerate().find(unknown).map(|(_, slot)| slot.name.as_str())
    }

    /// Returns the plates whose elements are named by an element or by one around it, and by those in turn.
    fn named(&self, plate: usize) -> Vec<usize> {
        let mut named: Vec<usize> =
            self.plates[plate].chain.iter().flat_map(|&around| &self.plates[around].references).map(|r| r.1).collect();
        let mut at = 0;
        while at < named.len() {
            named.extend(self.plates[named[at]].references.iter().map(|r| r.1));
            at += 1;
        }
        named
    }

    /// Encodes a data set, for networks that read single elements.
    pub(super) fn parts(&self, frame: &Frame<'_>) -> EncodedData {
        let mut batch = self.encoder.batch();
        self.encoder.push(frame, &mut batch);
        let named = |plate: usize, column: usize| -> Numbers {
            let frame = at(frame, &self.plates[plate].path);
            Numbers::Single((0..frame.size).map(|i| frame.columns[column].values.get(i) as f32).collect())
        };
        let references = self
            .plates
            .iter()
            .enumerate()
            .map(|(plate, own)| own.references.iter().map(|(column, _)| named(plate, *column)).collect::<Vec<_>>());
        let references = references.collect();
        EncodedData { data: batch.into(), references }
    }

    /// Returns the latent variables of a simulation, as one draw.
    pub(super) fn latents(&self, model: &dyn AnyModel, simulation: &dyn AnySimulation) -> Latents {
        self.latents_of(model, simulation.globals(), simulation.locals(), simulation.data())
    }

    /// Returns the given latent variables of a data set, as one draw.
    pub(super) fn latents_of(
        &self,
        model: &dyn AnyModel,
        globals: &dyn AnyGlobals,
        locals: &dyn AnyLocals,
        data: &dyn AnyData,
    ) -> Latents {
        let q = model.unconstrain(globals, Some((locals, data)));
        let mut latents = Latents { draws: 1, ..Latents::default() };
        push_targets(&q, &self.globals, &mut latents.globals);
        let (frame, columns) = (data.frame(), locals.frame());
        let ranges = local_ranges(&self.globals, &self.slots, &frame);
        for plate in &self.plates {
            let elements = at(&frame, &plate.path).size;
            let columns = &at(&columns, &plate.path).columns;
            let mut own = PlateLatents::default();
            for element in 0..elements {
                for (slot, links) in &plate.continuous {
                    let Some(range) = &ranges[*slot] else { continue };
                    let q = (0..links.len()).map(|c| q[range.free.start + c * elements + element]);
                    own.numbers.extend(q.zip(links).map(|(q, link)| link.forward(q) as f32));
                }
                let code = |slot: usize| columns[self.slots[slot].column].values.get(element) as f32;
                own.categories.extend(plate.discrete.iter().map(|(slot, _)| code(*slot)));
            }
            latents.plates.push(own);
        }
        latents
    }

    /// Returns the shape of the tables of data sets.
    pub(super) fn data_shape(&self) -> Shape {
        let (width, plates) = self.encoder.shape();
        Shape { width, plates, targets: 0 }
    }

    /// Returns the value of a local of the first element of a plate, a number for each of its components.
    pub(super) fn values(&self, locals: &Frame<'_>, plate: usize, column: usize, width: usize) -> Vec<f32> {
        let values = &at(locals, &self.plates[plate].path).columns[column].values;
        (0..width.min(values.len())).map(|component| values.get(component) as f32).collect()
    }

    /// Checks that networks can read every number of each data set.
    pub(super) fn check(&self, parts: &EncodedData) -> Result<(), crate::nn::Error> {
        let shape = self.data_shape();
        (0..parts.data.sets).try_for_each(|set| {
            let mut batch = self.encoder.batch();
            parts.data.push(set..set + 1, &mut batch);
            batch.check(&shape).map_err(|error| error.after(set))
        })
    }

    /// Checks what a file says: that networks can read the data, that elements which are named exist, that categories do,
    /// and that numbers are finite; the error says what is wrong.
    pub(super) fn check_saved(&self, parts: &EncodedData, latents: &Latents) -> Result<(), String> {
        self.check(parts).map_err(|error| error.to_string())?;
        finite("globals", &latents.globals)?;
        let below = |x: f32, count: usize| x >= 0.0 && x.fract() == 0.0 && (x as usize) < count;
        for (plate, (own, latents)) in self.plates.iter().zip(&latents.plates).enumerate() {
            finite(&format!("locals.{plate}.continuous"), &latents.numbers)?;
            for values in latents.categories.chunks_exact(own.discrete.len().max(1)) {
                if let Some((x, (_, count))) = values.iter().zip(&own.discrete).find(|(x, d)| !below(**x, d.1)) {
                    return Err(format!(
                        "`locals.{plate}.discrete` holds {x}, where {count} categories are counted from 0"
                    ));
                }
            }
            for (at, ((_, named), names)) in own.references.iter().zip(&parts.references[plate]).enumerate() {
                for set in 0..parts.data.sets {
                    let size = parts.data.rows_of(&self.plates[*named].path, set..set + 1).len();
                    let mut rows = parts.data.rows_of(&own.path, set..set + 1).map(|row| names.get(row));
                    if let Some(x) = rows.find(|x| !below(*x, size)) {
                        return Err(format!(
                            "`references.{plate}.{at}` holds {x}, where {size} elements are counted from 0"
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns the rows of a plate's elements.
    fn rows<'a>(&self, parts: &'a EncodedData, plate: usize) -> &'a PackedRows {
        parts.data.plate(&self.plates[plate].path)
    }

    /// Returns the number of elements of a plate.
    pub(super) fn elements(&self, parts: &EncodedData, plate: usize) -> usize {
        self.rows(parts, plate).rows()
    }

    /// Adds an element's own plates and images to the tables `to`, then the images of what is around it.
    pub(super) fn push_inside(
        &self,
        parts: &EncodedData,
        LocalPlace { plate, set, elements }: &LocalPlace,
        to: &mut [Rows],
    ) {
        let chain = &self.plates[*plate].chain;
        let (element, set) = (elements[elements.len() - 1], *set);
        let inside = self.rows(parts, *plate).children.iter().map(|rows| (rows, element));
        let around = chain.iter().zip(elements).take(chain.len() - 1).flat_map(|(&around, &at)| {
            let images = self.rows(parts, around).children.iter().zip(&self.plates[around].children);
            images.filter(|(_, shape)| shape.image.is_some()).map(move |(rows, _)| (rows, at))
        });
        let tables = &parts.data.plates;
        let outside = tables[tables.len() - self.images.len()..].iter().map(|rows| (rows, set));
        inside.chain(around).chain(outside).zip(to).for_each(|((rows, at), to)| rows.push(at..at + 1, to));
    }

    /// Returns the place of an element of a plate.
    pub(super) fn place(&self, parts: &EncodedData, plate: usize, element: usize) -> LocalPlace {
        let mut elements = vec![element];
        for &inner in self.plates[plate].chain.iter().rev() {
            elements.push(self.rows(parts, inner).parent(elements[elements.len() - 1]));
        }
        elements.reverse();
        LocalPlace { plate, set: elements.remove(0), elements }
    }

    /// Adds the numbers in and around an element, for one draw, except its own locals.
    pub(super) fn push_outside(
        &self,
        parts: &EncodedData,
        latents: &Latents,
        LocalPlace { plate, set, elements }: &LocalPlace,
        draw: usize,
        to: &mut Vec<f32>,
    ) {
        let (plate, set) = (*plate, *set);
        let chain = &self.plates[plate].chain;
        if self.context {
            let (numbers, at) = (latents.globals.len() / (parts.data.sets * latents.draws), set * latents.draws + draw);
            to.extend_from_slice(&latents.globals[at * numbers..(at + 1) * numbers]);
        }
        parts.data.push_outside(set, to);
        for (&around, &at) in chain.iter().zip(elements) {
            self.rows(parts, around).push_row(at, to);
            if self.context && around != plate {
                self.push_latents(latents, (around, at, draw), to);
            }
        }
        for (&around, &at) in chain.iter().zip(elements).filter(|(plate, _)| self.plates[**plate].random) {
            let rows = self.rows(parts, around);
            let parent = rows.parent(at);
            to.push(((rows.offsets[parent + 1] - rows.offsets[parent]) as f32).ln_1p());
        }
        if self.context {
            // In the order of `named`.
            let of = |plate: usize, element: usize| {
                let named = self.plates[plate].references.iter().zip(&parts.references[plate]);
                // Plates that are named are at the top.
                named.map(move |((_, named), names)| {
                    (*named, self.rows(parts, *named).offsets[set] + names.get(element) as usize)
                })
            };
            let mut named: Vec<(usize, usize)> =
                chain.iter().zip(elements).flat_map(|(&plate, &element)| of(plate, element)).collect();
            let mut at = 0;
            while at < named.len() {
                let (plate, element) = named[at];
                self.push_latents(latents, (plate, element, draw), to);
                named.extend(of(plate, element));
                at += 1;
            }
        }
    }

    fn push_latents(&self, latents: &Latents, (plate, element, draw): (usize, usize, usize), to: &mut Vec<f32>) {
        let (numbers, discrete) = (self.plates[plate].numbers(), self.plates[plate].discrete.len());
        let (own, at) = (&latents.plates[plate], element * latents.draws + draw);
        to.extend_from_slice(&own.numbers[at * numbers..(at + 1) * numbers]);
        to.extend_from_slice(&own.categories[at * discrete..(at + 1) * discrete]);
    }
}

fn finite(name: &str, numbers: &[f32]) -> Result<(), String> {
    let wrong = numbers.iter().find(|x| !x.is_finite());
    wrong.map_or(Ok(()), |x| Err(format!("`{name}` holds {x}, every number must be finite")))
}

/// Adds a tree of plates, outer plates first.
fn add_plates(
    specification: &Specification,
    plates: &[crate::model::Plate],
    shapes: &[PlateShape],
    path: &[usize],
    chain: &[usize],
    (slots, units): (&[LocalSlot], &Units),
    to: &mut Vec<PlateParts>,
) {
    for (i, (plate, shape)) in specification.data_plates(plates).zip(shapes).enumerate() {
        let path = [path, &[i]].concat();
        let chain = [chain, &[to.len()]].concat();
        let own = || slots.iter().enumerate().filter(|(_, slot)| slot.plate == path);
        to.push(PlateParts {
            name: plate.name.clone(),
            continuous: own()
                .filter_map(|(at, slot)| match slot.values {
                    LocalValues::Continuous { .. } => Some((at, units.locals[at].clone())),
                    LocalValues::Discrete { .. } => None,
                })
                .collect(),
            discrete: own()
                .filter_map(|(at, slot)| match slot.values {
                    LocalValues::Discrete { categories: Some(categories) } if slot.width == 1 => Some((at, categories)),
                    _ => None,
                })
                .collect(),
            references: Vec::new(),
            random: matches!(plate.size, crate::model::PlateSize::Random { .. }),
            width: shape.width,
            children: shape.children.clone(),
            chain: chain.clone(),
            path: path.clone(),
        });
        add_plates(specification, &plate.plates, &shape.children, &path, &chain, (slots, units), to);
    }
}

fn find<'a>(specification: &'a Specification, path: &[usize]) -> &'a crate::model::Plate {
    let plate = |plates: &'a [crate::model::Plate], i: usize| specification.data_plates(plates).nth(i);
    let mut found = plate(&specification.plates, path[0]);
    for &i in &path[1..] {
        found = found.and_then(|outer| plate(&outer.plates, i));
    }
    found.unwrap_or(&specification.plates[0])
}

fn at<'a, 'f>(frame: &'a Frame<'f>, path: &[usize]) -> &'a Frame<'f> {
    path.iter().fold(frame, |frame, &i| &frame.plates[i])
}
