//! The log likelihood of each element of a plate, by a walk over the model's statements at each draw.

use rayon::prelude::*;

use super::Draws;
use super::at_draw::{AtDraw, free_numbers};
use super::log_likelihood::{LogLikelihood, LogLikelihoodError};
use crate::autodiff::LogSum;
use crate::model::walk::{Scalar, Vector};
use crate::model::{AnyData, AnyModel, Frame, Place, Plate, PlateSize, Role, Slot, Specification, UnknownName, Walk};

/// The number of draws that are walked over before their numbers are sorted by row.
const BLOCK: usize = 256;

/// See [`Chains::log_likelihood`](crate::sampling::Chains::log_likelihood).
pub(crate) fn log_likelihood(
    model: &dyn AnyModel,
    data: &dyn AnyData,
    draws: &Draws,
    plate: &str,
) -> Result<LogLikelihood, LogLikelihoodError> {
    let rows = rows(&model.specification(), &data.frame(), plate)?;
    model.check(data)?;
    let columns = columns(model, data, draws)?;
    let count = draws.columns().first().map_or(0, Vec::len);
    let mut values = vec![0.0; rows * count];
    let mut block = vec![0.0; rows * BLOCK.min(count)];
    for start in (0..count).step_by(BLOCK) {
        let block = &mut block[..rows * BLOCK.min(count - start)];
        block.par_chunks_mut(rows).enumerate().for_each(|(i, rows)| {
            rows.fill(0.0);
            let mut visitor = Pointwise { plate, at: AtDraw { columns, draw: start + i }, rows, branches: Vec::new() };
            model.walk(Some(data), None, None, &mut visitor);
        });
        values.par_chunks_mut(count).enumerate().for_each(|(row, values)| {
            let of_row = block.iter().skip(row).step_by(rows);
            values[start..].iter_mut().zip(of_row).for_each(|(value, x)| *value = *x);
        });
    }
    let known = columns.iter().all(|column| column.iter().all(|x| x.is_finite()));
    LogLikelihood::new(values, count, draws.chains().max(1), known)
}

/// Returns the columns of the latent variables, in the order of the model's values.
pub(super) fn columns<'a>(
    model: &dyn AnyModel,
    data: &dyn AnyData,
    draws: &'a Draws,
) -> Result<&'a [Vec<f64>], LogLikelihoodError> {
    let mut names = model.names(Some(data));
    let latent = names.len();
    names.extend(model.derived_names(data));
    let of = |names: &[String], at: usize| names.get(at).map_or("nothing".to_owned(), |name| format!("`{name}`"));
    match (0..names.len().max(draws.names().len())).find(|&i| names.get(i) != draws.names().get(i)) {
        Some(at) => Err(LogLikelihoodError::OtherData { at, found: of(draws.names(), at), needed: of(&names, at) }),
        None => Ok(&draws.columns()[..latent]),
    }
}

/// Returns the unconstrained numbers of each draw.
///
/// # Errors
/// The draws are of other data or of another model.
pub(crate) fn free_rows(
    model: &dyn AnyModel,
    data: &dyn AnyData,
    draws: &Draws,
) -> Result<Vec<Vec<f64>>, LogLikelihoodError> {
    columns(model, data, draws).map(|columns| free_numbers(model, data, columns))
}

/// Returns the number of elements of a plate that has a likelihood.
fn rows(specification: &Specification, frame: &Frame<'_>, name: &str) -> Result<usize, LogLikelihoodError> {
    let (mut plates, mut frames) = (Vec::new(), Vec::new());
    plates_in_data(specification, &specification.plates, &mut plates);
    frames_below(frame, &mut frames);
    let known: Vec<&str> = plates.iter().map(|plate| plate.name.as_str()).collect();
    let plate = plates[UnknownName::find("plate", name, &known)?];
    let name = || name.to_owned();
    if let Some(variable) = plate.variables.iter().find(|v| v.role == Role::Observed && v.implicit) {
        return Err(LogLikelihoodError::Implicit { plate: name(), variable: variable.name.clone() });
    }
    if !is_observed(specification, plate) {
        let mut inside = Vec::new();
        plates_in_data(specification, &plate.plates, &mut inside);
        let inside = inside.iter().any(|plate| is_observed(specification, plate));
        return Err(LogLikelihoodError::NoObservation { plate: name(), inside });
    }
    match frames.iter().find(|frame| frame.name == plate.name).map_or(0, |frame| frame.size) {
        0 => Err(LogLikelihoodError::NoRows { plate: name() }),
        rows => Ok(rows),
    }
}

/// Adds those of `plates` that are in the data, and all inside them.
pub(super) fn plates_in_data<'a>(specification: &'a Specification, plates: &'a [Plate], all: &mut Vec<&'a Plate>) {
    for plate in specification.data_plates(plates) {
        all.push(plate);
        plates_in_data(specification, &plate.plates, all);
    }
}

/// Adds the frames of all plates below `frame`, from the outside in.
pub(crate) fn frames_below<'a, 'b>(frame: &'a Frame<'b>, all: &mut Vec<&'a Frame<'b>>) {
    for plate in &frame.plates {
        all.push(plate);
        frames_below(plate, all);
    }
}

/// Returns whether an element of `plate` itself is observed: a variable, or how many elements there are inside it.
pub(super) fn is_observed(specification: &Specification, plate: &Plate) -> bool {
    let random = |inner: &Plate| matches!(inner.size, PlateSize::Random { .. });
    plate.variables.iter().any(|v| v.role == Role::Observed) || specification.data_plates(&plate.plates).any(random)
}

/// Sums the log density of each element's observations at one draw.
struct Pointwise<'a> {
    plate: &'a str,
    at: AtDraw<'a>,
    rows: &'a mut [f64],
    /// Inside discrete locals that are summed out: what one value of each contributes, the outermost first.
    branches: Vec<Branch>,
}

/// What is multiplied for one value of a discrete local.
#[derive(Default)]
struct Branch {
    whole: Product,
    /// The factors that are those of a row, in the order of the rows.
    rows: Vec<(usize, Product)>,
}

/// The logarithm of a product, from which factors can be taken out again, zeros too.
#[derive(Clone, Copy, Default)]
struct Product {
    log: f64,
    zeros: i32,
}

impl Product {
    fn of(log: f64) -> Self {
        if log == f64::NEG_INFINITY { Self { log: 0.0, zeros: 1 } } else { Self { log, zeros: 0 } }
    }

    fn times(self, other: Self) -> Self {
        Self { log: self.log + other.log, zeros: self.zeros + other.zeros }
    }

    fn over(self, other: Self) -> Self {
        Self { log: self.log - other.log, zeros: self.zeros - other.zeros }
    }

    fn value(self) -> f64 {
        if self.zeros > 0 && !self.log.is_nan() { f64::NEG_INFINITY } else { self.log }
    }
}

impl Branch {
    fn of_row(&self, row: usize) -> Option<&Product> {
        self.rows.binary_search_by_key(&row, |(at, _)| *at).ok().map(|at| &self.rows[at].1)
    }

    fn add_to_row(&mut self, row: usize, factor: Product) {
        match self.rows.binary_search_by_key(&row, |(at, _)| *at) {
            Ok(at) => self.rows[at].1 = self.rows[at].1.times(factor),
            Err(at) => self.rows.insert(at, (row, factor)),
        }
    }
}

impl Pointwise<'_> {
    /// Visits a factor of the joint density; that of an observation has its place.
    fn factor(&mut self, place: Option<&Place>, log_density: impl FnOnce() -> f64) {
        let own = place.and_then(|place| place.plate).filter(|(plate, _)| *plate == self.plate);
        match (self.branches.last_mut(), own) {
            (None, None) => {}
            (None, Some((_, row))) => self.rows[row] += log_density(),
            (Some(branch), own) => {
                let factor = Product::of(log_density());
                branch.whole = branch.whole.times(factor);
                if let Some((_, row)) = own {
                    branch.add_to_row(row, factor);
                }
            }
        }
    }
}

impl Walk for Pointwise<'_> {
    fn latent(&mut self, _: &'static str, slot: Slot, distribution: &dyn Scalar, _: Option<f64>) -> f64 {
        let x = self.at.number(slot);
        self.factor(None, || distribution.log_density(x));
        x
    }

    fn latent_vector(
        &mut self,
        _: &'static str,
        slot: Slot,
        distribution: &dyn Vector,
        _: Option<&[f64]>,
        value: &mut [f64],
    ) {
        self.at.read(slot, value);
        self.factor(None, || distribution.log_density(value));
    }

    fn observe(&mut self, place: &Place, distribution: &dyn Scalar, x: f64) {
        self.factor(Some(place), || distribution.log_density(x));
    }

    fn observe_vector(&mut self, place: &Place, distribution: &dyn Vector, x: &[f64]) {
        self.factor(Some(place), || distribution.log_density(x));
    }

    fn term(&mut self, log_probability: f64) {
        self.factor(None, || log_probability);
    }

    fn branch(&self) -> Option<f64> {
        self.branches.last().map(|branch| branch.whole.value())
    }

    /// A discrete global has the value of the draw.
    fn sum_out_global(&mut self, slot: Slot, categories: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        match self.at.number(slot) {
            value if value.is_nan() => self.sum_out_all(categories, body),
            value => body(self, value as usize),
        }
    }

    /// Multiplies by the sum over the values; what a row has of it is the sum over the sum without the row's observations.
    fn sum_out(&mut self, categories: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        let mut values = Vec::with_capacity(categories);
        for k in 0..categories {
            self.branches.push(Branch::default());
            body(self, k);
            values.extend(self.branches.pop());
        }
        let sum = |log: &dyn Fn(&Branch) -> Product| {
            let mut sum = LogSum::new();
            values.iter().for_each(|branch| sum.push(log(branch).value()));
            Product::of(sum.finish())
        };
        let whole = sum(&|branch| branch.whole);
        let mut rows: Vec<usize> = values.iter().flat_map(|branch| &branch.rows).map(|(row, _)| *row).collect();
        rows.sort_unstable();
        rows.dedup();
        for row in rows {
            let rest = sum(&|branch| branch.of_row(row).map_or(branch.whole, |own| branch.whole.over(*own)));
            let own = whole.over(rest);
            match self.branches.last_mut() {
                None => self.rows[row] += own.value(),
                Some(outer) => outer.add_to_row(row, own),
            }
        }
        if let Some(outer) = self.branches.last_mut() {
            outer.whole = outer.whole.times(whole);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LogLikelihoodError, log_likelihood};
    use crate::autodiff::log_sum_exp;
    use crate::distributions::{Bernoulli, Distribution, Normal, Poisson};
    use crate::model::{Likelihood, log_density, log_prior};
    use crate::prelude::*;
    use crate::sampling::Chains;

    fn few<M: Likelihood>(model: &M, data: &M::Data) -> Chains<M> {
        model.nuts(data).chains(2).warmup(200).draws(150).seed(3).run().unwrap()
    }

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-10 * expected.abs().max(1.0), "{found} {expected}");
    }

    model! {
        /// A mixture, with a vector beside it.
        Peak {
            global fraction ~ Uniform(0.0, 1.0);
            global mass ~ Normal(1.0, 2.0);
            global share[3] ~ Dirichlet([2.0, 3.0, 4.0]);
            observe started ~ Normal(mass, 1.0);
            plate events(1..=200) {
                local signal ~ Bernoulli(fraction);
                let (mean, sd) = if signal { (mass, 0.1) } else { (0.0, 1.0) };
                observe x ~ Normal(mean, sd);
                observe pair[2] ~ Normal(mean, 2.0);
                observe votes[3] ~ Multinomial(5, share);
            }
            plate others(1..=20) {
                observe y ~ Normal(mass, 2.0);
            }
        }
    }

    #[test]
    fn discrete_locals_are_summed_out_and_all_rows_sum_to_the_density() {
        let model = Peak::default();
        let simulate = model.simulate(1).size(Peak::EVENTS, 25).size(Peak::OTHERS, 5);
        let simulate = simulate.at(&PeakGlobals { fraction: 0.3, mass: 1.5, share: [0.2, 0.3, 0.5] });
        let set = simulate.one().unwrap();
        let (data, locals) = (&set.data, &set.locals);
        let chains = few(&model, data);
        let events = chains.log_likelihood(&model, data, Peak::EVENTS).unwrap();
        let others = chains.log_likelihood(&model, data, "others").unwrap();
        assert_eq!((events.rows(), events.draws(), events.chains(), others.rows()), (25, 300, 2, 5));
        for (s, globals) in chains.globals().enumerate() {
            let PeakGlobals { fraction, mass, share } = globals;
            for i in 0..25 {
                let (x, pair, votes) = (data.events.x[i], data.events.pair[i], data.events.votes[i]);
                let of = |mean: f64, sd: f64, p: f64| {
                    let pair: f64 = pair.iter().map(|y| Normal::new(mean, 2.0).log_density(*y)).sum();
                    p.ln() + Normal::new(mean, sd).log_density(x) + pair
                };
                let factorial = |n: u64| (1..=n).map(|k| (k as f64).ln()).sum::<f64>();
                let multinomial: f64 =
                    votes.iter().zip(share).map(|(n, p)| *n as f64 * p.ln() - factorial(*n)).sum::<f64>()
                        + factorial(5);
                let by_hand = log_sum_exp(&[of(mass, 0.1, fraction), of(0.0, 1.0, 1.0 - fraction)]) + multinomial;
                near(events.row(i)[s], by_hand);
            }
            let rows: f64 =
                (0..25).map(|i| events.row(i)[s]).sum::<f64>() + (0..5).map(|i| others.row(i)[s]).sum::<f64>();
            let outside = Normal::new(mass, 1.0).log_density(data.started);
            let whole = log_density(&model, &globals, locals, data).unwrap();
            near(rows + outside + log_prior(&model, &globals), whole);
        }
    }

    model! {
        /// Locals of the element, of the element around it, and of another plate; a random number of elements.
        Rooms {
            global mean ~ Normal(0.0, 2.0);
            global spread ~ HalfNormal(1.0);
            plate regions(3) {
                local level ~ Normal(mean, spread);
                let twice = 2.0 * level;
            }
            plate houses(4) {
                given region: index(regions);
                local own[2] ~ Normal(mean, 1.0);
                let around = twice[region];
                observe height ~ Normal(own[0], 1.0);
                plate rooms(n ~ Poisson(3.0)) {
                    local tilt ~ Normal(0.0, 1.0);
                    observe radon ~ Normal(own[1] + around + tilt, 1.0);
                }
            }
        }
    }

    #[test]
    fn rows_are_given_their_locals_and_those_that_they_read() {
        let model = Rooms::default();
        let rooms = RoomsRooms { offsets: vec![0, 2, 2, 5, 6], radon: vec![0.1, 0.5, 1.0, -1.0, 2.0, 0.3] };
        let houses = RoomsHouses { region: vec![2, 0, 1, 2], height: vec![0.1, -0.4, 0.7, 2.0], rooms };
        let data = RoomsData { regions: RoomsRegions { size: 3 }, houses };
        let chains = few(&model, &data);
        let of = |name: String, s: usize| chains.as_draws().get(name).unwrap()[s];
        let inner = chains.log_likelihood(&model, &data, Rooms::ROOMS).unwrap();
        let outer = chains.log_likelihood(&model, &data, Rooms::HOUSES).unwrap();
        assert_eq!((inner.rows(), outer.rows()), (6, 4));
        let house = [0, 0, 2, 2, 2, 3];
        for s in 0..300 {
            for (i, house) in house.into_iter().enumerate() {
                let region = data.houses.region[house];
                let mean = of(format!("own[{house}][1]"), s)
                    + 2.0 * of(format!("level[{region}]"), s)
                    + of(format!("tilt[{i}]"), s);
                near(inner.row(i)[s], Normal::new(mean, 1.0).log_density(data.houses.rooms.radon[i]));
            }
            for i in 0..4 {
                let height = Normal::new(of(format!("own[{i}][0]"), s), 1.0).log_density(data.houses.height[i]);
                let n = [2, 0, 3, 1][i];
                near(outer.row(i)[s], height + Poisson::new(3.0).log_density(f64::from(n)));
            }
        }
        let none = chains.log_likelihood(&model, &data, Rooms::REGIONS).unwrap_err();
        assert!(matches!(none, LogLikelihoodError::NoObservation { inside: false, .. }), "{none}");
        let mut fewer = data.clone();
        fewer.houses.rooms.offsets = vec![0, 2, 2, 4, 5];
        fewer.houses.rooms.radon.pop();
        let other = chains.log_likelihood(&model, &fewer, Rooms::ROOMS).unwrap_err().to_string();
        assert!(other.contains("is `tilt[5]`, and should be `twice[0]`"), "{other}");
    }

    model! {
        /// A discrete local that the rows of the plate inside share, a continuous one that follows it, and another inside.
        Kinds {
            global weight ~ Beta(2.0, 2.0);
            plate groups(4) {
                local kind ~ Bernoulli(weight);
                local level ~ Normal(if kind { 1.0 } else { -1.0 }, 1.0);
                observe size ~ Normal(if kind { 2.0 } else { 0.0 }, 1.0);
                plate rows(3) {
                    local odd ~ Bernoulli(0.2);
                    observe y ~ Normal(if kind { level } else { -level }, if odd { 3.0 } else { 1.0 });
                }
            }
        }
    }

    /// Rows that share a discrete local are given each other: p(row | the rest) = p(all) / p(the rest).
    #[test]
    fn rows_that_share_a_discrete_local_are_given_the_rest() {
        let model = Kinds::default();
        let data = model.simulate(1).seed(4).one().unwrap().data;
        let chains = few(&model, &data);
        let rows = chains.log_likelihood(&model, &data, Kinds::ROWS).unwrap();
        let groups = chains.log_likelihood(&model, &data, Kinds::GROUPS).unwrap();
        let of = |name: &str, s: usize| chains.as_draws().get(name).unwrap()[s];
        for s in 0..300 {
            for group in 0..4 {
                let level = of(&format!("level[{group}]"), s);
                // The joint density of what is in the group, without one row, or without its size.
                let joint = |without: Option<usize>, size: bool| {
                    let of_kind = |kind: bool| {
                        let weight = of("weight", s);
                        let mut log = if kind { weight } else { 1.0 - weight }.ln();
                        log += Normal::new(if kind { 1.0 } else { -1.0 }, 1.0).log_density(level);
                        if size {
                            let mean = if kind { 2.0 } else { 0.0 };
                            log += Normal::new(mean, 1.0).log_density(data.groups.size[group]);
                        }
                        for i in (3 * group..3 * group + 3).filter(|i| Some(*i) != without) {
                            let (mean, y) = (if kind { level } else { -level }, data.groups.rows.y[i]);
                            let either = [(0.2_f64, 3.0), (0.8, 1.0)];
                            log += log_sum_exp(&either.map(|(p, sd)| p.ln() + Normal::new(mean, sd).log_density(y)));
                        }
                        log
                    };
                    log_sum_exp(&[of_kind(true), of_kind(false)])
                };
                let all = joint(None, true);
                near(groups.row(group)[s], all - joint(None, false));
                for i in 3 * group..3 * group + 3 {
                    near(rows.row(i)[s], all - joint(Some(i), true));
                }
            }
        }
    }

    model! {
        /// An observation that one value of the discrete local forbids.
        Counted {
            global rate ~ Gamma(2.0, 1.0);
            plate sites(1..=10) {
                local present ~ Bernoulli(0.4);
                observe y ~ Poisson(if present { rate } else { 0.0 });
                observe z ~ Poisson(if present { rate } else { 0.0 });
            }
        }
    }

    #[test]
    fn impossible_values_of_a_discrete_local_have_no_weight() {
        let model = Counted::default();
        let data = CountedData { sites: CountedSites { y: vec![0, 2, 0], z: vec![0, 0, 1] } };
        let chains = few(&model, &data);
        let rows = chains.log_likelihood(&model, &data, Counted::SITES).unwrap();
        for (s, globals) in chains.globals().enumerate() {
            let there = |n: f64| Poisson::new(globals.rate).log_density(n);
            let present = Bernoulli::new(0.4).log_density(1.0);
            near(rows.row(0)[s], log_sum_exp(&[0.6_f64.ln(), present + 2.0 * there(0.0)]));
            near(rows.row(1)[s], present + there(2.0) + there(0.0));
        }
    }

    fn photograph(level: f64, _: &mut Stream) -> [f32; 2] {
        [level as f32; 2]
    }

    model! {
        Images {
            global level ~ Normal(0.0, 1.0);
            plate shots(1..=5) {
                observe image: [f32; 2] ~ photograph(level);
            }
            plate rows(0..=5) {
                plate cells(2) {
                    observe y ~ Normal(level, 1.0);
                }
            }
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let model = Images::default();
        let rows = ImagesRows { cells: ImagesCells { offsets: vec![0, 2], y: vec![0.3, 0.1] } };
        let data = ImagesData { shots: ImagesShots { image: vec![[0.0; 2]] }, rows };
        let draws = Draws::new([("level", vec![0.1, f64::NAN])]);
        let error = |plate| log_likelihood(&model, &data, &draws, plate).unwrap_err();
        let text = |plate| error(plate).to_string();
        assert_eq!(text("image"), "there is no plate `image`; there are `shots`, `rows`, `cells`");
        assert_eq!(text("shots"), "`image` of the plate `shots` is drawn by a function, and so has no likelihood");
        assert!(text("rows").contains("take the plate inside it that has"), "{}", text("rows"));
        assert!(matches!(error("cells"), LogLikelihoodError::NotFinite { row: 0, draw: 1, known: false, .. }));
        let other = log_likelihood(&model, &data, &Draws::new([("mean", vec![0.1])]), "cells").unwrap_err().to_string();
        assert!(other.contains("number 0 of a draw is `mean`, and should be `level`"), "{other}");
        let draws = Draws::new([("level", vec![0.1, 0.2])]);
        let rows = log_likelihood(&model, &data, &draws, "cells").unwrap();
        near(rows.row(1)[1], Normal::new(0.2, 1.0).log_density(0.1));
        let empty = ImagesData { shots: data.shots.clone(), rows: ImagesRows::default() };
        let empty = log_likelihood(&model, &empty, &draws, "cells").unwrap_err();
        assert!(matches!(&empty, LogLikelihoodError::NoRows { plate } if plate == "cells"), "{empty}");
    }
}
