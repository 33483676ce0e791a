//! Posteriors in the form that ArviZ reads: `InferenceData`, as a store of Zarr.

mod error;

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::calibration::Calibration;
use crate::draws::{
    Draws, Inferred, Layout, Plates, Prediction, SampleStats, by_draw, frames_below, log_likelihood, of_data, of_draws,
    of_stats, said, unconstrained,
};
use crate::model::{AnyData, AnyModel, DataSet, Frame, Generative, LocalSet, Model, Name, Plate, Role, Simulable};
use crate::model::{AsNumbers, Kind, Specification, UnknownName, component_names, global_names, in_element};
use crate::simulate::{Simulate, Simulated};
use crate::zarr::{Array, Group, Numbers, write_store};
pub use error::SaveError;

/// A posterior with its data, in the groups that ArviZ has: [`save`](InferenceData::save) writes it as a store of Zarr, which
/// `xarray.open_datatree`, ArviZ 1.x (`arviz.from_zarr`) and ArviZ 0.2x open.
///
/// | group | what it holds |
/// | --- | --- |
/// | `posterior` | the draws: of Markov chains all of them, of any other posterior independent ones, in one chain |
/// | `sample_stats` | of NUTS: `diverging`, `energy`, `lp`, `tree_depth`, `n_steps`, `step_size`, `acceptance_rate` |
/// | `unconstrained_posterior` | the same draws as the unconstrained numbers in which the sampler moves |
/// | `log_likelihood` | where the draws have all latent variables: that of each element at each draw, as [`Chains::log_likelihood`](crate::sampling::Chains::log_likelihood) has it |
/// | `observed_data`, `constant_data` | observations; covariates and indices |
/// | `prior`, `prior_predictive` | see [`prior`](InferenceData::prior) |
/// | `posterior_predictive` | see [`posterior_predictive`](InferenceData::posterior_predictive) |
/// | `prior_sbc` | see [`calibration`](InferenceData::calibration) |
///
/// A variable of a plate has the plate as its dimension, whose coordinates are the elements, counted from 0 or by
/// [`labels`](InferenceData::labels). A plate inside another is one long dimension, and the coordinate `<outer>_of_<plate>` says to which
/// element of the outer one each belongs. The components of a vector `mu` are along `mu_dim_0`. The log likelihood of a plate
/// has the name of its observation; where the plate has several, which are one term together, it is `<plate>_rows`.
///
/// ```
/// use hierarch::prelude::*;
///
/// model! {
///     pub Schools {
///         global mu ~ Normal(0.0, 5.0);
///         global tau ~ HalfNormal(5.0);
///         plate schools(1..=20) {
///             given sigma: f64;
///             local theta ~ Normal(mu, tau);
///             observe y ~ Normal(theta, sigma);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("schools.zarr");
/// let model = Schools::default();
/// let schools = SchoolsSchools { sigma: vec![15.0, 10.0, 16.0], y: vec![28.0, 8.0, -3.0] };
/// let data = SchoolsData { schools };
/// let chains = model.nuts(&data).target_accept(0.95).run()?;
/// chains.save(&model, &data, &path)?; // or, with more groups and with names of the schools:
///
/// InferenceData::new(&model, &data, &chains)
///     .labels(Schools::SCHOOLS, ["Choate", "Deerfield", "Phillips"])
///     .prior(500, 1)?
///     .posterior_predictive(1)?
///     .save(&path)?;
/// assert!(path.join("posterior/theta/.zarray").exists());
/// # Ok(())
/// # }
/// ```
///
/// In Python, `data = arviz.from_zarr("schools.zarr")`, then `arviz.summary(data)`, `arviz.loo(data)`, and the plots. ArviZ 0.2x with
/// zarr 3 has `arviz.InferenceData.from_datatree(xarray.open_datatree("schools.zarr", engine="zarr"))` in place of the first.
#[must_use = "nothing is written before `save`"]
pub struct InferenceData<'a, M: Model> {
    model: &'a M,
    data: &'a M::Data,
    posterior: Draws,
    chains: usize,
    stats: Option<SampleStats>,
    about: Vec<(String, Value)>,
    labels: HashMap<String, Vec<String>>,
    rows: bool,
    /// Numbers by name for a group, of how many chains.
    more: Vec<(&'static str, Draws, usize)>,
    ranks: Vec<(String, Vec<f64>)>,
}

impl<'a, M: Model> InferenceData<'a, M> {
    /// Takes the draws of a posterior of `model` given `data`. Those of weighted draws are drawn again by their weights, with
    /// replacement, so that all count the same, as ArviZ takes them to.
    pub fn new<P: Inferred + ?Sized>(model: &'a M, data: &'a M::Data, posterior: &P) -> Self {
        let (chains, count) = {
            let draws = posterior.as_draws();
            (draws.chains().max(1), draws.columns().first().map_or(0, Vec::len))
        };
        let columns = posterior.thinned(count);
        let draws = Draws::new(posterior.names().into_iter().zip(columns)).of_chains(chains);
        let stats = posterior.stats().filter(|stats| count > 0 && stats.are_of(count)).cloned();
        let mut about = Vec::new();
        if !posterior.about().is_empty() {
            about.push(("about".to_owned(), json!(posterior.about())));
        }
        if !posterior.warnings().is_empty() {
            about.push(("warnings".to_owned(), json!(posterior.warnings().join("\n"))));
        }
        let (labels, more, ranks) = (HashMap::new(), Vec::new(), Vec::new());
        Self { model, data, posterior: draws, chains, stats, about, labels, rows: true, more, ranks }
    }

    /// Names the elements of `plate`, in their order.
    pub fn labels<L: Into<String>>(mut self, plate: impl Into<Name>, labels: impl IntoIterator<Item = L>) -> Self {
        let plate = plate.into().as_str().to_owned();
        self.labels.insert(plate, labels.into_iter().map(Into::into).collect());
        self
    }

    /// Leaves out the log likelihood of each element, which is as large as the number of elements times that of the draws.
    pub fn without_log_likelihood(mut self) -> Self {
        self.rows = false;
        self
    }

    /// Adds `draws` draws of the prior, and the data that each predicts, with the covariates, indices and sizes of the data:
    /// `prior` and `prior_predictive`.
    ///
    /// # Errors
    /// A simulation cannot be drawn.
    pub fn prior(mut self, draws: usize, seed: u64) -> Result<Self, SaveError>
    where
        M: Generative,
    {
        let specification = self.model.specification();
        let sets = Simulate::new(self.model, draws).same_design_as(self.data).seed(seed).run()?;
        let names = |frame: &Frame<'_>, role| {
            [
                if role == Role::Local { global_names(&specification) } else { Vec::new() },
                numbers_by_name(&specification, frame, role).into_iter().map(|(name, _)| name).collect(),
            ]
            .concat()
        };
        let (mut latent, mut seen) = (Vec::new(), Vec::new());
        for set in &sets {
            let locals = numbers_by_name(&specification, &LocalSet::frame(&set.locals), Role::Local);
            let numbers = set.globals.to_numbers().into_iter().chain(locals.into_iter().map(|(_, x)| x));
            latent.push(numbers.collect::<Vec<f64>>());
            let observed = numbers_by_name(&specification, &DataSet::frame(&set.data), Role::Observed);
            seen.push(observed.into_iter().map(|(_, x)| x).collect::<Vec<f64>>());
        }
        let Some(first) = sets.first() else { return Err(SaveError::NoDraws) };
        let (locals, observed) =
            (names(&LocalSet::frame(&first.locals), Role::Local), names(&DataSet::frame(&first.data), Role::Observed));
        self.more.push(("prior", by_name(locals, &latent), 1));
        self.more.push(("prior_predictive", by_name(observed, &seen), 1));
        Ok(self)
    }

    /// Adds what each draw of the posterior predicts in the place of the data: `posterior_predictive`. Elements keep their locals;
    /// discrete ones are drawn anew.
    ///
    /// # Errors
    /// A draw lacks a global; a simulation cannot be drawn.
    pub fn posterior_predictive(mut self, seed: u64) -> Result<Self, SaveError>
    where
        M: Simulable,
    {
        let specification = self.model.specification();
        let count = self.posterior.columns().first().map_or(0, Vec::len);
        let known = self.posterior.names();
        let of_draws = |plate: &Plate| {
            let locals = plate.variables.iter().filter(|v| v.role == Role::Local && v.kind == Kind::Real);
            let first = |v| component_names(v).first().map(|component| in_element(v, component, 0));
            locals.filter_map(first).any(|name| known.contains(&name))
        };
        let mut prediction = Prediction::new(self.model, self.data).draws(count).seed(seed);
        let mut plates: Vec<&Plate> = specification.plates.iter().collect();
        while let Some(plate) = plates.pop() {
            plates.extend(&plate.plates);
            if of_draws(plate) {
                prediction = prediction.same(&plate.name);
            }
        }
        let predicted = prediction.from(&self.posterior)?;
        self.more.push(("posterior_predictive", predicted, self.chains));
        Ok(self)
    }

    /// Adds the ranks of a calibration of the estimator that the posterior is of: `prior_sbc`, for `arviz.plot_ecdf_pit`. They are the
    /// shares of draws below the true value, one for each simulation.
    pub fn calibration(mut self, calibration: &Calibration) -> Self {
        let share = |rank: &usize, draws: usize| (*rank as f64 + 0.5) / (draws as f64 + 1.0);
        let ranks = calibration.ranks().into_iter();
        self.ranks = ranks.map(|r| (r.name, r.ranks.iter().map(|rank| share(rank, r.draws)).collect())).collect();
        self
    }

    /// Writes the store: the folder `path`, such as `run.zarr`. It is written whole or not at all, in the place of a store that is there.
    ///
    /// # Errors
    /// A file cannot be written; the data do not fit the model or the draws; labels that are not as many as the elements; a name that
    /// stands twice; a log likelihood that is not finite.
    pub fn save(self, path: impl AsRef<Path>) -> Result<(), SaveError> {
        let Self { model, data, posterior, chains, stats, about, labels, rows, more, ranks } = self;
        let saved = Saved { model, data, labels, chains };
        let groups = saved.groups(&posterior, (stats, about), rows, &more, &ranks)?;
        let said = said(&saved.model.specification());
        write_store(path.as_ref(), &said, &groups).map_err(|(path, source)| SaveError::File { path, source })
    }
}

/// What is saved of any model.
struct Saved<'a> {
    model: &'a dyn AnyModel,
    data: &'a dyn AnyData,
    labels: HashMap<String, Vec<String>>,
    chains: usize,
}

impl Saved<'_> {
    fn groups(
        &self,
        posterior: &Draws,
        (stats, about): (Option<SampleStats>, Vec<(String, Value)>),
        rows: bool,
        more: &[(&'static str, Draws, usize)],
        ranks: &[(String, Vec<f64>)],
    ) -> Result<Vec<Group>, SaveError> {
        self.model.check(self.data)?;
        if posterior.columns().first().is_none_or(Vec::is_empty) {
            return Err(SaveError::NoDraws);
        }
        let (specification, frame) = (self.model.specification(), self.data.frame());
        let plates = self.plates(&specification, &frame)?;
        let layout = Layout::new(&specification, &frame);
        let said = said(&specification);
        let mut groups = Vec::new();
        let arrays = |draws: &Draws, chains| of_draws(&layout.place(draws.names()), draws.columns(), chains);
        groups.push(plates.group("posterior", [said.clone(), about].concat(), arrays(posterior, self.chains))?);
        if let Some(stats) = stats {
            groups.push(plates.group("sample_stats", said.clone(), of_stats(&stats, self.chains))?);
        }
        if let Some(all) = self.with_derived(posterior) {
            let (placed, columns) = unconstrained(self.model, self.data, &all)?;
            let numbers = of_draws(&placed, &columns, self.chains);
            groups.push(plates.group("unconstrained_posterior", said.clone(), numbers)?);
            if rows {
                let arrays = self.rows(&specification, &frame, &all)?;
                groups.push(plates.group("log_likelihood", said.clone(), arrays)?);
            }
        }
        for (name, draws, chains) in more {
            groups.push(plates.group(name, said.clone(), arrays(draws, *chains))?);
        }
        let is_covariate = |role| matches!(role, Role::Given | Role::Index);
        for (name, arrays) in [
            ("observed_data", of_data(&specification, &frame, &|role| role == Role::Observed)),
            ("constant_data", of_data(&specification, &frame, &is_covariate)),
        ] {
            groups.push(plates.group(name, said.clone(), arrays)?);
        }
        let rank = |(name, shares): &(String, Vec<f64>)| {
            by_draw(name, (1, shares.len()), (&[], &[]), Numbers::Real(shares.clone()))
        };
        groups.push(plates.group("prior_sbc", said, ranks.iter().map(rank).collect())?);
        groups.retain(|group| !group.arrays.is_empty());
        Ok(groups)
    }

    fn plates(&self, specification: &Specification, frame: &Frame<'_>) -> Result<Plates, SaveError> {
        let (mut known, mut frames) = (Vec::new(), Vec::new());
        plate_names(specification, &specification.plates, &mut known);
        frames_below(frame, &mut frames);
        for (plate, labels) in &self.labels {
            UnknownName::find("plate", plate, &known)?;
            let elements = frames.iter().find(|frame| frame.name == plate).map_or(0, |frame| frame.size);
            if labels.len() != elements {
                return Err(SaveError::Labels { plate: plate.clone(), elements, labels: labels.len() });
            }
        }
        Ok(Plates::of(frame, &self.labels))
    }

    /// Returns the draws in the order in which log likelihoods read them, if they have all latent variables. `let`s may be missing,
    /// since nothing is read of them.
    fn with_derived(&self, draws: &Draws) -> Option<Draws> {
        let latent = self.model.names(Some(self.data));
        let count = draws.columns().first().map_or(0, Vec::len);
        let columns = latent.iter().map(|name| draws.get(name).ok().map(<[f64]>::to_vec));
        let mut columns: Vec<Vec<f64>> = columns.collect::<Option<_>>()?;
        if columns.iter().flatten().any(|x| !x.is_finite()) {
            return None;
        }
        let derived = self.model.derived_names(self.data);
        columns.extend(derived.iter().map(|_| vec![f64::NAN; count]));
        Some(Draws::new(latent.into_iter().chain(derived).zip(columns)).of_chains(self.chains))
    }

    /// The log likelihood of each element of the plates that have one.
    fn rows(&self, specification: &Specification, frame: &Frame<'_>, draws: &Draws) -> Result<Vec<Array>, SaveError> {
        let mut frames = Vec::new();
        frames_below(frame, &mut frames);
        let mut observed = Vec::new();
        observed_plates(specification, &specification.plates, &mut observed);
        let mut arrays = Vec::new();
        for (plate, name) in observed {
            let Some(frame) = frames.iter().find(|frame| frame.name == plate && frame.size > 0) else { continue };
            let rows = log_likelihood(self.model, self.data, draws, plate)?;
            let by_draws = (0..rows.draws()).flat_map(|draw| (0..rows.rows()).map(move |row| (row, draw)));
            let numbers = Numbers::Real(by_draws.map(|(row, draw)| rows.row(row)[draw]).collect());
            let dims = ([plate.to_owned()], [frame.size]);
            arrays.push(by_draw(&name, (self.chains, rows.draws()), (&dims.0, &dims.1), numbers));
        }
        Ok(arrays)
    }
}

fn plate_names<'a>(specification: &'a Specification, plates: &'a [Plate], all: &mut Vec<&'a str>) {
    for plate in specification.data_plates(plates) {
        all.push(&plate.name);
        plate_names(specification, &plate.plates, all);
    }
}

/// The plates with observations that have a density, each with the name of its log likelihood.
fn observed_plates<'a>(specification: &'a Specification, plates: &'a [Plate], all: &mut Vec<(&'a str, String)>) {
    for plate in specification.data_plates(plates) {
        let observed: Vec<_> = plate.variables.iter().filter(|v| v.role == Role::Observed).collect();
        if observed.iter().all(|v| !v.implicit) {
            match observed.as_slice() {
                [] => {}
                [one] => all.push((&plate.name, one.name.clone())),
                _ => all.push((&plate.name, format!("{}_rows", plate.name))),
            }
        }
        observed_plates(specification, &plate.plates, all);
    }
}

/// Returns the numbers of the columns of a role, each with its name: `x`, `x[17]` in a plate, `x[17][1]` for a component there.
fn numbers_by_name(specification: &Specification, frame: &Frame<'_>, role: Role) -> Vec<(String, f64)> {
    fn visit(
        frame: &Frame<'_>,
        plates: &[Plate],
        variables: &[crate::model::Variable],
        role: Role,
        all: &mut Vec<(String, f64)>,
    ) {
        for column in &frame.columns {
            let variable = variables.iter().find(|v| v.name == column.name && v.role == role);
            let components = variable.map(component_names).unwrap_or_default();
            let rows = if components.is_empty() { 0 } else { column.values.len() / column.width.max(1) };
            for i in 0..rows {
                for (c, name) in components.iter().enumerate() {
                    let name = match variable {
                        Some(v) if !frame.name.is_empty() => in_element(v, name, i),
                        _ => name.clone(),
                    };
                    all.push((name, column.get(i * column.width + c)));
                }
            }
        }
        for inner in &frame.plates {
            if let Some(plate) = plates.iter().find(|plate| plate.name == inner.name) {
                visit(inner, &plate.plates, &plate.variables, role, all);
            }
        }
    }
    let mut all = Vec::new();
    visit(frame, &specification.plates, &specification.variables, role, &mut all);
    all
}

fn by_name(names: Vec<String>, rows: &[Vec<f64>]) -> Draws {
    let column = |at: usize| rows.iter().map(|row| row[at]).collect();
    Draws::new(names.into_iter().enumerate().map(|(at, name)| (name, column(at))))
}

/// Saves a posterior for ArviZ; in scope with the prelude.
pub trait SaveExt: Inferred {
    /// Writes the store `path`, such as `run.zarr`, with what is known of the posterior and of the data that it is of: see
    /// [`InferenceData`], which has more groups, and names for elements of plates.
    ///
    /// # Errors
    /// Those of [`InferenceData::save`].
    fn save<M: Model>(&self, model: &M, data: &M::Data, path: impl AsRef<Path>) -> Result<(), SaveError> {
        InferenceData::new(model, data, self).save(path)
    }
}

impl<P: Inferred + ?Sized> SaveExt for P {}
