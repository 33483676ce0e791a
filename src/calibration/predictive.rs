//! Predictive checks (Box 1980; Gelman, Meng & Stern 1996): data replicated from the prior or from a posterior,
//! compared with the observed data.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::data_statistics::frame_statistics;
use crate::draws::Inferred;
use crate::model::Frame;
use crate::model::typed;
use crate::model::{
    AnyData, AnyModel, AnySimulation, AsNumbers, Model, Plate, Role, Specification, component_names, global_names,
    in_element,
};
use crate::progress::Progress;
use crate::simulate::{AnySimulate, SimulateError};

/// The default number of replications.
const REPLICATIONS: usize = 1000;
/// The fewest replications that are informative.
const FEWEST: usize = 20;
/// A statistic with a p-value below this gives a warning.
const SMALL: f64 = 0.01;
/// Separates replications from simulations of a user with the same seed.
const APART: u64 = 0x7265_706c_6963_6174;

/// Why data could not be replicated.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum PredictiveError {
    /// The model cannot be simulated with these globals, or the data do not fit it.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// Too few replications.
    #[error("{0} replications are too few: at least {FEWEST} are needed, and 1000 for p-values of a hundredth")]
    Few(usize),
    /// The draws are of globals alone.
    #[error(
        "the draws contain no locals of these data: take draws of `nuts()` or `joint_npe()` for the same data, or \
         replicate other elements with `posterior`"
    )]
    NoLocals,
    /// There is nothing to replicate from.
    #[error("there are no draws of the globals to replicate from")]
    NoDraws,
    /// A global has no value in the draws.
    #[error(
        "`{name}` is {value} in draw {draw}, and data cannot be replicated without it: take draws of all globals, nuisance \
         parameters among them"
    )]
    Global {
        /// The global.
        name: String,
        /// Its value.
        value: f64,
        /// The draw, counted from 0.
        draw: usize,
    },
    /// Two statistics have the same name.
    #[error("there is another statistic named `{0}`: give yours a name of its own")]
    Twice(String),
    /// A statistic of the data is NaN or infinite.
    #[error("the statistic `{name}` of the data is {value}: let it be a number for these data")]
    Statistic {
        /// The statistic.
        name: String,
        /// Its value.
        value: f64,
    },
}

hierarch_core::debug_as_message!(PredictiveError);

type Statistic<'a> = Box<dyn Fn(&dyn AnyData) -> f64 + Sync + 'a>;

/// A predictive check to run: which statistics are compared, of which data.
///
/// The statistics are the plain ones of [`data_statistics`](super::data_statistics) and those of the user. A
/// replication has the sizes and covariates of the data, except for sizes that are random
/// ([`Simulate::replicate`](crate::simulate::Simulate::replicate)). Its globals are a draw. Its locals depend on the
/// method: [`posterior`](PredictiveCheck::posterior) draws them again given the globals, for other elements of the same
/// population, and so checks the population and the elements together;
/// [`posterior_elements`](PredictiveCheck::posterior_elements) takes them from the same draw, for the same elements
/// observed again.
///
/// ```
/// use hierarch::calibration::{Compared, Predictive, PredictiveCheck, PredictiveError};
/// use hierarch::prelude::*;
///
/// model! {
///     pub Flux {
///         global rate ~ Gamma(2.0, 1.0);
///         plate events(1..=100) {
///             observe energy ~ Exponential(rate);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Flux::default();
/// let data = FluxData { events: FluxEvents { energy: vec![0.7, 0.1, 1.9, 0.4, 0.2, 0.3, 0.9, 25.0] } };
/// let chains = model.nuts(&data).run()?;
/// let check = PredictiveCheck::new(&model, &data)
///     .statistic("energies above 5", |data| data.events.energy.iter().filter(|e| **e > 5.0).count() as f64);
/// println!("{}", check.prior()?);
/// // Or from `posterior.globals(1000, 0)`, or those of a refined estimator.
/// let predictive: Predictive = check.posterior(chains.globals())?;
/// println!("{predictive}");
/// let largest: &Compared = predictive.get("largest energy").unwrap();
/// assert!(largest.observed == 25.0 && largest.p_value() < 0.1);
/// assert!(matches!(check.replications(5).prior(), Err(PredictiveError::Few(5))));
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is replicated before `posterior` or `prior`"]
pub struct PredictiveCheck<'a, M: Model> {
    any: AnyCheck<'a>,
    model: PhantomData<fn() -> M>,
}

/// A predictive check of a model of any type.
struct AnyCheck<'a> {
    model: &'a dyn AnyModel,
    data: &'a dyn AnyData,
    statistics: Vec<(String, Statistic<'a>)>,
    replications: usize,
    seed: u64,
}

impl<'a, M: Model> PredictiveCheck<'a, M> {
    /// Creates a check of `model` against `data`, with 1000 replications from seed 0.
    pub fn new(model: &'a M, data: &'a M::Data) -> Self {
        let any = AnyCheck { model, data, statistics: Vec::new(), replications: REPLICATIONS, seed: 0 };
        Self { any, model: PhantomData }
    }

    /// Adds a statistic of your own. A replication where it is NaN is left out of the comparison.
    pub fn statistic(mut self, name: &str, statistic: impl Fn(&M::Data) -> f64 + Sync + 'a) -> Self {
        self.any.statistics.push((name.to_owned(), Box::new(move |data| statistic(typed(data)))));
        self
    }

    /// Sets the number of replicated data sets, at least 20.
    pub fn replications(mut self, replications: usize) -> Self {
        self.any.replications = replications;
        self
    }

    /// Sets the seed of the replications; they are the same on any number of threads.
    pub fn seed(mut self, seed: u64) -> Self {
        self.any.seed = seed;
        self
    }

    /// Replicates the data from draws of a posterior's `globals`. The draws used are spread evenly over all of them; if
    /// there are fewer draws than replications, each is used more than once. Locals are drawn again: other elements of
    /// the same population.
    ///
    /// The data are used twice, for the posterior and for the comparison. For a right model these p-values are
    /// therefore not uniform but closer to 1: a small one is stronger evidence than it seems, a large one is weaker.
    ///
    /// # Errors
    /// No draws; globals without a value; fewer than 20 replications; an error of a simulation or a statistic.
    pub fn posterior(&self, globals: impl IntoIterator<Item = M::Globals>) -> Result<Predictive, PredictiveError> {
        self.any.posterior(&globals.into_iter().map(|globals| globals.to_numbers()).collect::<Vec<_>>())
    }

    /// Replicates the data from draws of a `posterior` of globals and locals: the same elements, observed again. All
    /// sizes are then those of the data. Locals that the posterior does not contain, such as discrete ones that are
    /// summed out, are drawn.
    ///
    /// The posterior of an element's locals follows its own data, so that these p-values are still closer to 1 than
    /// those of [`posterior`](PredictiveCheck::posterior). But they show faults within elements alone, which those may
    /// not.
    ///
    /// # Errors
    /// Those of [`posterior`](PredictiveCheck::posterior), and draws without any local.
    pub fn posterior_elements<P: Inferred + ?Sized>(&self, posterior: &P) -> Result<Predictive, PredictiveError> {
        self.any.enough()?;
        self.any.posterior_elements(&posterior.names(), &posterior.thinned(self.any.replications))
    }

    /// Replicates the data from the prior. If the model is right, the p-value of a continuous statistic is below any
    /// level with the probability of that level.
    ///
    /// # Errors
    /// Those of [`posterior`](PredictiveCheck::posterior).
    pub fn prior(&self) -> Result<Predictive, PredictiveError> {
        self.any.prior()
    }
}

impl<'a> AnyCheck<'a> {
    fn posterior(&self, globals: &[Vec<f64>]) -> Result<Predictive, PredictiveError> {
        let places = self.places(globals.len())?;
        self.complete(&places, |draw| globals[draw].clone())?;
        let simulate = self.simulate(true);
        let fixed = simulate.fixed()?;
        self.run("posterior", &|i| simulate.draw(&fixed.at(&*self.model.globals(&globals[places[i]])), i))
    }

    fn posterior_elements(&self, names: &[String], draws: &[Vec<f64>]) -> Result<Predictive, PredictiveError> {
        let specification = self.model.specification();
        let at: HashMap<&str, usize> = names.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
        let globals: Vec<Option<&Vec<f64>>> =
            global_names(&specification).iter().map(|name| at.get(name.as_str()).map(|i| &draws[*i])).collect();
        let locals = local_columns(&specification, &self.data.frame(), &at);
        if locals.is_empty() {
            return Err(PredictiveError::NoLocals);
        }
        let count = draws.iter().map(Vec::len).min().unwrap_or(0);
        let places = self.places(count)?;
        let numbers = |draw: usize| globals.iter().map(|c| c.map_or(f64::NAN, |c| c[draw])).collect::<Vec<f64>>();
        self.complete(&places, numbers)?;
        let simulate = self.simulate(false);
        let fixed = simulate.fixed()?;
        self.run("posterior of the elements", &|i| {
            let draw = places[i];
            let of = |(name, columns): &(String, Vec<usize>)| {
                (name.clone(), columns.iter().map(|column| draws[*column][draw]).collect())
            };
            let locals: Vec<(String, Vec<f64>)> = locals.iter().map(of).collect();
            simulate.draw(&fixed.at_all(&*self.model.globals(&numbers(draw)), &locals), i)
        })
    }

    fn prior(&self) -> Result<Predictive, PredictiveError> {
        let simulate = self.simulate(true);
        let fixed = simulate.fixed()?;
        self.run("prior", &|i| simulate.draw(&fixed, i))
    }

    /// Returns a simulation with the sizes of the data, or with new ones where these are random.
    fn simulate(&self, random_sizes: bool) -> AnySimulate<'a> {
        let mut simulate = AnySimulate::new(self.model, self.replications);
        simulate.source.seed = self.seed ^ APART;
        simulate.follow(self.data, random_sizes);
        simulate
    }

    /// Returns which draw each replication uses: those in the middle of equal runs of draws, one run for each
    /// replication.
    fn places(&self, draws: usize) -> Result<Vec<usize>, PredictiveError> {
        self.enough()?;
        if draws == 0 {
            return Err(PredictiveError::NoDraws);
        }
        Ok((0..self.replications).map(|i| (2 * i + 1) * draws / (2 * self.replications)).collect())
    }

    /// Checks that all globals have values in the draws that are used.
    fn complete(&self, places: &[usize], numbers: impl Fn(usize) -> Vec<f64>) -> Result<(), PredictiveError> {
        for draw in places {
            let numbers = numbers(*draw);
            if let Some(at) = numbers.iter().position(|x| !x.is_finite()) {
                let name = global_names(&self.model.specification()).swap_remove(at);
                return Err(PredictiveError::Global { name, value: numbers[at], draw: *draw });
            }
        }
        Ok(())
    }

    fn enough(&self) -> Result<(), PredictiveError> {
        if self.replications < FEWEST { Err(PredictiveError::Few(self.replications)) } else { Ok(()) }
    }

    /// Compares the data with replications, each given by its position.
    fn run(
        &self,
        source: &'static str,
        replicate: &(dyn Fn(usize) -> Result<Box<dyn AnySimulation>, SimulateError> + Sync),
    ) -> Result<Predictive, PredictiveError> {
        self.enough()?;
        let mut compared: Vec<Compared> = self
            .values(self.data)
            .into_iter()
            .map(|(name, observed)| Compared { name, observed, replications: Vec::with_capacity(self.replications) })
            .collect();
        let twice = |(i, c): &(usize, &Compared)| compared[..*i].iter().any(|other| other.name == c.name);
        if let Some((_, wrong)) = compared.iter().enumerate().find(twice) {
            return Err(PredictiveError::Twice(wrong.name.clone()));
        }
        if let Some(wrong) = compared.iter().find(|c| !c.observed.is_finite()) {
            return Err(PredictiveError::Statistic { name: wrong.name.clone(), value: wrong.observed });
        }
        let (progress, done) = (Progress::new("replicating", self.replications as u64), AtomicU64::new(0));
        let values = |i: usize| {
            let replication = replicate(i)?;
            progress.set(done.fetch_add(1, Ordering::Relaxed) + 1, String::new);
            Ok(self.values(replication.data()))
        };
        let replicated = (0..self.replications).into_par_iter().map(values);
        for values in replicated.collect::<Result<Vec<_>, SimulateError>>()? {
            // A column without elements has no statistics.
            for one in &mut compared {
                let value = values.iter().find(|(name, _)| *name == one.name).map(|(_, value)| *value);
                one.replications.extend(value.filter(|value| !value.is_nan()));
            }
        }
        Ok(Predictive { source, replications: self.replications, compared })
    }

    /// Returns a statistic of the data for each name.
    fn values(&self, data: &dyn AnyData) -> Vec<(String, f64)> {
        let own = self.statistics.iter().map(|(name, statistic)| (name.clone(), statistic(data)));
        frame_statistics(&data.frame()).into_iter().chain(own).collect()
    }
}

/// The locals that the draws contain completely, each with the columns of its numbers: element after element,
/// components side by side.
fn local_columns(
    specification: &Specification,
    data: &Frame<'_>,
    at: &HashMap<&str, usize>,
) -> Vec<(String, Vec<usize>)> {
    fn visit(
        all: &Specification,
        plates: &[Plate],
        frame: &Frame<'_>,
        at: &HashMap<&str, usize>,
        found: &mut Vec<(String, Vec<usize>)>,
    ) {
        for (plate, data) in all.data_plates(plates).zip(&frame.plates) {
            for variable in plate.variables.iter().filter(|v| v.role == Role::Local) {
                let components = component_names(variable);
                let column = |i: usize, name: &String| at.get(in_element(variable, name, i).as_str()).copied();
                let columns: Option<Vec<usize>> =
                    (0..data.size).flat_map(|i| components.iter().map(move |name| column(i, name))).collect();
                found.extend(columns.map(|columns| (variable.name.clone(), columns)));
            }
            visit(all, &plate.plates, data, at, found);
        }
    }
    let mut found = Vec::new();
    visit(specification, &specification.plates, data, at, &mut found);
    found.retain(|(_, columns)| !columns.is_empty());
    found
}

/// The result of a predictive check.
///
/// `Display` writes a table with a row for each statistic: its value in the data, mean and standard deviation over the
/// replications, and the p-value; and a line for each statistic that the model does not explain.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictive {
    source: &'static str,
    replications: usize,
    compared: Vec<Compared>,
}

impl Predictive {
    /// Returns what the data were replicated from: `prior`, `posterior` (locals drawn again) or `posterior of the
    /// elements`.
    pub fn source(&self) -> &str {
        self.source
    }

    /// Returns the number of replicated data sets.
    pub fn replications(&self) -> usize {
        self.replications
    }

    /// Returns the statistics.
    pub fn compared(&self) -> &[Compared] {
        &self.compared
    }

    /// Returns the statistic `name`; `None` if there is none of that name.
    pub fn get(&self, name: &str) -> Option<&Compared> {
        self.compared.iter().find(|c| c.name == name)
    }

    /// Returns, in words, the statistics in which the data differ from the replications: those with a p-value below
    /// 0.01. One in a hundred is so by chance.
    pub fn warnings(&self) -> Vec<String> {
        let told = |c: &&Compared| c.p_value() < SMALL;
        let say = |c: &Compared| {
            let below = c.replications.iter().filter(|x| **x < c.observed).count();
            let above = c.replications.iter().filter(|x| **x > c.observed).count();
            let (side, share) = if below > above { ("above", below) } else { ("below", above) };
            let (of, value) = (c.replications.len(), number(c.observed, c.sd()));
            let (name, source) = (&c.name, self.source);
            let p = p_text(c.p_value());
            format!(
                "`{name}` of the data, {value}, lies {side} that of {share} of {of} replications from the {source} (p {p}): \
                 the model does not explain it"
            )
        };
        self.compared.iter().filter(told).map(say).collect()
    }
}

/// A statistic of the data and of their replications.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// Its name.
    pub name: String,
    /// Its value in the data.
    pub observed: f64,
    /// Its value in each replication that has one.
    pub replications: Vec<f64>,
}

impl Compared {
    /// Returns the two-sided p-value of the observed value's rank among the replications. It is twice the share,
    /// counting the observed value itself, of values at least as extreme on the side where fewer are. It is at most 1,
    /// and never below 2 / (replications + 1).
    pub fn p_value(&self) -> f64 {
        let count = |as_extreme: &dyn Fn(&f64) -> bool| self.replications.iter().filter(|x| as_extreme(x)).count() + 1;
        let fewer = count(&|x| *x <= self.observed).min(count(&|x| *x >= self.observed));
        (2.0 * fewer as f64 / (self.replications.len() + 1) as f64).min(1.0)
    }

    /// Returns the mean over the replications; NaN without any.
    pub fn mean(&self) -> f64 {
        self.replications.iter().sum::<f64>() / self.replications.len() as f64
    }

    /// Returns the standard deviation over the replications, with denominator n - 1.
    pub fn sd(&self) -> f64 {
        let mean = self.mean();
        let squares: f64 = self.replications.iter().map(|x| (x - mean).powi(2)).sum();
        (squares / (self.replications.len() as f64 - 1.0)).sqrt()
    }
}

/// Formats `x` to the precision that the scatter of the replications suggests.
pub(crate) fn number(x: f64, sd: f64) -> String {
    if x.fract() == 0.0 && x.abs() < 1e7 { format!("{x}") } else { crate::draws::to_scale(x, sd) }
}

/// Formats a p-value.
pub(crate) fn p_text(p: f64) -> String {
    if p >= 0.995 {
        "1".to_owned()
    } else if p >= 0.01 {
        format!("{p:.2}")
    } else if p >= 1e-3 {
        format!("{p:.4}")
    } else {
        format!("{p:.1e}")
    }
}

impl fmt::Display for Predictive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![["", "data", "replicated", "sd", "p"].map(str::to_owned)];
        rows.extend(self.compared.iter().map(|c| {
            let sd = c.sd();
            let [observed, mean] = [c.observed, c.mean()].map(|x| number(x, sd));
            [c.name.clone(), observed, mean, number(sd, sd), p_text(c.p_value())]
        }));
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 5] = std::array::from_fn(width);
        writeln!(f, "{} predictive check, {} replications", self.source, self.replications)?;
        for row in &rows {
            write!(f, "{:<1$}", row[0], widths[0])?;
            for (cell, width) in row.iter().zip(widths).skip(1) {
                write!(f, "  {cell:>width$}")?;
            }
            writeln!(f)?;
        }
        self.warnings().iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distributions::{Draw, Normal};
    use crate::prelude::*;
    use crate::simulate::stream;
    use hierarch_margins::{seed, within};
    use statrs::distribution::{ChiSquared, ContinuousCDF};

    #[test]
    fn p_values_are_those_of_the_rank() {
        let p_value = |observed: f64, replications: &[f64]| {
            Compared { name: String::new(), observed, replications: replications.to_vec() }.p_value()
        };
        let nine: Vec<f64> = (1..=9).map(f64::from).collect();
        assert_eq!([0.0, 1.5, 4.5, 5.5, 8.5, 20.0].map(|x| p_value(x, &nine)), [0.2, 0.4, 1.0, 1.0, 0.4, 0.2]);
        // A value that is the same in all replications is not unusual.
        assert_eq!(p_value(3.0, &[3.0; 99]), 1.0);
        // Of 1000 equally likely ranks, the right share is below a level.
        let many: Vec<f64> = (1..=999).map(f64::from).collect();
        let below = |level: f64| (0..1000).filter(|i| p_value(f64::from(*i) + 0.5, &many) <= level).count();
        assert_eq!([0.002, 0.01, 0.1, 0.5].map(below), [2, 10, 100, 500]);
    }

    model! {
        /// Counties of houses.
        Houses {
            global mean ~ Normal(0.0, 2.0);
            global spread ~ HalfNormal(1.0);
            plate counties(3..=12) {
                given uranium: f64;
                local level ~ Normal(mean + uranium, spread);
                plate houses(1..=30) {
                    observe radon ~ Normal(level, 1.0);
                }
            }
        }
    }

    /// Four counties, with 3, 1, 8 and 20 houses.
    fn houses(seed: u64) -> HousesData {
        let (uranium, offsets) = (vec![-0.3, 0.4, 0.1, 0.0], vec![0, 3, 4, 12, 32]);
        let counties = HousesCounties { uranium, houses: HousesHouses { offsets, radon: vec![0.0; 32] } };
        let like = HousesData { counties };
        Houses::default().simulate(1).same_design_as(&like).seed(seed).one().unwrap().data
    }

    /// Ten equally likely bins, 600 data sets from the prior: each of three statistics has a false alarm of one in a
    /// million.
    #[test]
    fn prior_p_values_are_uniform() {
        let (model, sets) = (Houses::default(), 600);
        let names = ["mean radon", "sd radon", "largest radon"];
        let mut bins = [[0.0; 10]; 3];
        for set in 0..sets {
            let seed = seed(set);
            let data = houses(seed);
            let check = PredictiveCheck::new(&model, &data).replications(99).seed(seed).prior().unwrap();
            for (bins, name) in bins.iter_mut().zip(names) {
                bins[(check.get(name).unwrap().p_value() * 10.0 - 1e-9) as usize] += 1.0;
            }
            assert_eq!(check.get("houses").unwrap().p_value(), 1.0);
        }
        let expected = sets as f64 / 10.0;
        let most = ChiSquared::new(9.0).unwrap().inverse_cdf(1.0 - 1e-6);
        for (bins, name) in bins.iter().zip(names) {
            let chi_squared: f64 = bins.iter().map(|n| (n - expected).powi(2) / expected).sum();
            within!(chi_squared, most, "{name}: {bins:?}");
        }
    }

    model! {
        Line {
            global mean ~ Normal(0.0, 2.0);
            plate events(1..=200) {
                observe x ~ Normal(mean, 1.0);
            }
        }
    }

    /// Draws of the exact posterior: precision 1/4 + n.
    fn posterior(data: &LineData, seed: u64) -> Vec<LineGlobals> {
        let x = &data.events.x;
        let precision = 0.25 + x.len() as f64;
        let exact = Normal::new(x.iter().sum::<f64>() / precision, precision.sqrt().recip());
        let mut rng = stream(seed, 0);
        (0..500).map(|_| LineGlobals { mean: exact.draw(&mut rng) }).collect()
    }

    fn line(seed: u64) -> LineData {
        Line::default().simulate(1).size("events", 50).seed(seed).one().unwrap().data
    }

    /// Posterior p-values are too large if anything: of 300 right models, at most 35 are below 0.05, the number that a
    /// binomial of that probability reaches one time in a million.
    #[test]
    fn a_right_model_passes() {
        let model = Line::default();
        let mut found = [0; 3];
        for set in 0..300 {
            let seed = seed(set);
            let data = line(seed);
            let check = PredictiveCheck::new(&model, &data).replications(199).seed(seed);
            let check = check.posterior(posterior(&data, seed)).unwrap();
            for (found, name) in found.iter_mut().zip(["mean x", "sd x", "largest x"]) {
                *found += usize::from(check.get(name).unwrap().p_value() <= 0.05);
            }
        }
        // The mean is fitted, and so always explained; the sd is not.
        assert_eq!(found[0], 0, "{found:?}");
        within!(3.5, found[1] as f64, "{found:?}");
        within!(found.into_iter().max().unwrap() as f64, 35.5, "{found:?}");
    }

    #[test]
    fn a_wrong_width_and_an_outlier_are_found() {
        let model = Line::default();
        let mut wide = line(seed(1));
        let mean = wide.events.x.iter().sum::<f64>() / 50.0;
        wide.events.x.iter_mut().for_each(|x| *x = mean + 2.0 * (*x - mean));
        let check = PredictiveCheck::new(&model, &wide).posterior(posterior(&wide, seed(1))).unwrap();
        assert_eq!(check.get("sd x").unwrap().p_value(), 2.0 / 1001.0);
        within!(0.1, check.get("mean x").unwrap().p_value());
        let told = check.warnings();
        assert!(told.iter().any(|w| w.contains("`sd x`") && w.contains("above that of 1000 of 1000")), "{told:?}");

        // The quantiles of the distribution, so that no other quantile is far out by chance.
        let mut outlier = line(seed(2));
        let quantile = |i: usize| statrs::distribution::Normal::standard().inverse_cdf((i as f64 + 0.5) / 50.0);
        outlier.events.x = (0..50).map(quantile).collect();
        outlier.events.x[25] -= 6.0;
        let check = PredictiveCheck::new(&model, &outlier).statistic("second least", |data| {
            let mut x = data.events.x.clone();
            x.sort_by(f64::total_cmp);
            x[1]
        });
        let check = check.posterior(posterior(&outlier, seed(2))).unwrap();
        within!(check.get("least x").unwrap().p_value(), 0.01);
        within!(0.05, check.get("second least").unwrap().p_value());
        assert!(check.to_string().contains("`least x` of the data") && check.to_string().contains("second least"));
    }

    #[test]
    fn threads_do_not_matter() {
        let (model, data) = (Houses::default(), houses(5));
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| PredictiveCheck::new(&model, &data).replications(300).seed(2).prior().unwrap())
        };
        assert_eq!(run(1), run(3));
        let other = PredictiveCheck::new(&model, &data).replications(300).seed(3).prior().unwrap();
        assert_ne!(run(2), other);
    }

    model! {
        /// A random number of events that is itself observed, each with a covariate and marks.
        Counted {
            global rate ~ Gamma(20.0, 1.0);
            plate events(n ~ Poisson(rate)) {
                given weight: f64;
                observe x ~ Normal(weight, 1.0);
                plate marks(2) {
                    given side: bool;
                    observe y ~ Normal(x, 1.0);
                }
            }
        }
    }

    /// A random size is drawn again, whatever the data's, and covariates are then those of random elements.
    #[test]
    fn random_sizes_are_replicated() {
        let model = Counted::default();
        let marks = CountedMarks { offsets: vec![0, 2, 4], side: vec![true; 4], y: vec![2.5; 4] };
        let data = CountedData { events: CountedEvents { weight: vec![2.0, 3.0], x: vec![2.1, 2.9], marks } };
        let at = CountedGlobals { rate: 20.0 };
        let check = PredictiveCheck::new(&model, &data).seed(seed(0)).posterior([at.clone()]).unwrap();
        let events = check.get("events").unwrap();
        // Poisson(20): the mean of 1000 has an error of 0.14.
        within!((events.mean() - 20.0).abs(), 0.7);
        within!(events.p_value(), 0.01);
        for simulation in model.simulate(100).at(&at).replicate(&data).run().unwrap() {
            let CountedEvents { weight, marks, .. } = simulation.data.events;
            assert!(weight.iter().all(|w| [2.0, 3.0].contains(w)) && marks.side.iter().all(|side| *side));
        }
    }

    model! {
        /// Locals of all kinds.
        Kinds {
            global centre ~ Normal(0.0, 1.0);
            plate events(2..=4) {
                local signal ~ Bernoulli(0.5);
                local count ~ Binomial(6, 0.5);
                local pair[2] ~ Normal(centre, 1.0);
                let mean = if signal { 100.0 } else { 0.0 } + count + pair[0] - pair[1];
                observe x ~ Normal(mean, 0.1);
                observe n ~ Poisson(3.0);
            }
        }
    }

    /// Replications of the same elements have their locals, of every kind; locals that the draws do not contain are
    /// drawn.
    #[test]
    fn locals_are_kept() {
        let model = Kinds::default();
        let data = KindsData { events: KindsEvents { x: vec![100.0, 0.0], n: vec![3, 3] } };
        let all = |name: &str, value: f64| (name.to_owned(), vec![value; 40]);
        let named = |draws: &[(String, Vec<f64>)]| Draws::new(draws.iter().cloned());
        let pairs = [("pair[0][0]", 0.5), ("pair[1][0]", 7.0), ("pair[0][1]", 0.25), ("pair[1][1]", 2.0)];
        let mut draws: Vec<_> = pairs.iter().map(|(name, value)| all(name, *value)).collect();
        draws.extend([all("centre", 3.0), all("signal[0]", 1.0), all("signal[1]", 0.0), all("count[0]", 4.0)]);
        let check = PredictiveCheck::new(&model, &data).seed(seed(0)).statistic("first", |data| data.events.x[0]);
        let check = check.statistic("second", |data| data.events.x[1]);
        // One element of `count` is missing: then all are drawn.
        let partly = check.posterior_elements(&named(&draws)).unwrap();
        assert!(partly.get("first").unwrap().sd() > 1.0);
        draws.push(all("count[1]", 2.0));
        let whole = check.posterior_elements(&named(&draws)).unwrap();
        for (name, expected) in [("first", 100.0 + 4.0 + 0.5 - 0.25), ("second", 2.0 + 7.0 - 2.0)] {
            // 1000 replications with an sd of 0.1.
            let found = whole.get(name).unwrap();
            within!((found.mean() - expected).abs(), 0.016, "{name}: {found:?}");
            within!((found.sd() - 0.1).abs(), 0.012, "{name}: {found:?}");
        }
        assert_eq!(whole.source(), "posterior of the elements");
        assert!(matches!(check.posterior_elements(&named(&draws[4..5])), Err(PredictiveError::NoLocals)));
        let without = check.posterior_elements(&named(&[&draws[..4], &draws[5..]].concat())).unwrap_err();
        assert!(without.to_string().contains("`centre` is NaN"), "{without}");
    }

    /// A county that is far off is one of a wide population, or the same county again.
    #[test]
    fn elements_and_population_are_checked_apart() {
        let (model, mut data) = (Houses::default(), houses(seed(8)));
        data.counties.houses.radon[12..].iter_mut().for_each(|x| *x += 12.0);
        let chains = model.nuts(&data).seed(seed(1)).chains(2).run().unwrap();
        let check = PredictiveCheck::new(&model, &data)
            .statistic("fourth county", |data| data.counties.houses.radon[12..].iter().sum::<f64>() / 20.0);
        let (anew, same) = (check.posterior(chains.globals()).unwrap(), check.posterior_elements(&chains).unwrap());
        let of = |found: &Predictive| found.get("fourth county").unwrap().clone();
        // Other counties scatter as widely as this one is off; its own replications scatter as the mean of 20 houses,
        // twice.
        within!(2.0, of(&anew).sd());
        within!(0.2, of(&same).p_value());
        within!((of(&same).sd() - (2.0_f64 / 20.0).sqrt()).abs(), 0.05);
    }

    #[test]
    fn errors_say_what_to_do() {
        let (model, data) = (Line::default(), line(3));
        let check = || PredictiveCheck::new(&model, &data);
        assert!(matches!(check().posterior([]), Err(PredictiveError::NoDraws)));
        assert!(matches!(check().replications(19).prior(), Err(PredictiveError::Few(19))));
        let twice = check().statistic("mean x", |data| data.events.x[0]).prior().unwrap_err();
        assert!(twice.to_string().contains("another statistic named `mean x`"), "{twice}");
        let nan = check().posterior([LineGlobals { mean: 0.0 }, LineGlobals { mean: f64::NAN }]).unwrap_err();
        assert!(nan.to_string().contains("`mean` is NaN in draw 1"), "{nan}");
        let wrong = check().statistic("ratio", |_| f64::NAN).prior().unwrap_err();
        assert!(wrong.to_string().contains("`ratio` of the data is NaN"), "{wrong}");
    }
}
