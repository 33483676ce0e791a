//! The draws of chains in a store that grows, which ArviZ can open while the chains run.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::SampleError;
use super::checkpoint::{DrawStore, Run};
use crate::draws::{Layout, Placed, Plates, SampleStats, by_draw, of_data, of_stats, said};
use crate::model::{AnyData, AnyModel, Role};
use crate::zarr::{Array, Growing, Numbers};

/// The groups of the draws, and of what is said of each.
const POSTERIOR: &str = "posterior";
const STATS: &str = "sample_stats";

/// A store of the draws of chains.
#[derive(Debug)]
pub(super) struct ZarrStore {
    growing: Growing,
    placed: Vec<Placed>,
    /// For each number whether it is one that the posterior is of; the draws of others are NaN.
    inferred: Vec<bool>,
}

impl ZarrStore {
    /// The file of what a store has no place for: where each chain is, its random numbers and what it has learned.
    pub(super) const STATES: &'static str = ".hierarch-chains";

    /// Prepares a store in the folder `path`; `inferred` names the numbers that the chains are the posterior of, `None` for all.
    ///
    /// # Errors
    /// Something else has that name, or two things in a group have the same name.
    pub(super) fn new(
        path: &Path,
        (model, data): (&dyn AnyModel, &dyn AnyData),
        chains: usize,
        inferred: Option<&[String]>,
    ) -> Result<Self, SampleError> {
        let failed = |what: String| SampleError::Checkpoint { path: path.to_owned(), what };
        let is_begun = path.join(Self::STATES).exists();
        if !is_begun && path.join(".zgroup").exists() {
            let what = "it is a store that chains do not go on from: take another name, or remove it";
            return Err(failed(what.to_owned()));
        }
        let (specification, frame) = (model.specification(), data.frame());
        let mut names = model.names(Some(data));
        names.extend(model.derived_names(data));
        let placed = Layout::new(&specification, &frame).place(&names);
        let plates = Plates::of(&frame, &HashMap::new());
        let array = |variable: &Placed| {
            by_draw(&variable.name, (chains, 0), (&variable.dims, &variable.shape), Numbers::Real(Vec::new()))
        };
        let is_covariate = |role| matches!(role, Role::Given | Role::Index);
        let mut groups = Vec::new();
        for (name, arrays) in [
            (POSTERIOR, placed.iter().map(array).collect()),
            (STATS, of_stats(&SampleStats::default(), chains)),
            ("observed_data", of_data(&specification, &frame, &|role| role == Role::Observed)),
            ("constant_data", of_data(&specification, &frame, &is_covariate)),
        ] {
            let group = plates.group(name, said(&specification), arrays).map_err(|error| failed(error.to_string()))?;
            if !group.arrays.is_empty() {
                groups.push(group);
            }
        }
        let growing = Growing::new(path, said(&specification), groups, chains, is_begun)
            .map_err(|(_, error)| failed(error.to_string()))?;
        let inferred = names.iter().map(|name| inferred.is_none_or(|inferred| inferred.contains(name))).collect();
        Ok(Self { growing, placed, inferred })
    }
}

impl DrawStore for ZarrStore {
    fn begin(&self, draws: usize) -> Result<(), (PathBuf, io::Error)> {
        self.growing.begin(draws)
    }

    fn describe(&self, draws: usize) -> Result<(), (PathBuf, io::Error)> {
        self.growing.describe(draws)
    }

    fn write(&self, chain: usize, range: (usize, usize), run: &Run) -> Result<(), (PathBuf, io::Error)> {
        let SampleStats { diverging, energy, lp, tree_depth, n_steps, step_size, acceptance_rate } = &run.stats;
        let whole = |x: &[u64]| Numbers::Whole(x.iter().map(|&x| x as i64).collect());
        self.growing.write(chain, range, &|group, array: &Array, draws: Range<usize>| {
            if group == POSTERIOR {
                let variable = self.placed.iter().find(|variable| variable.name == array.name)?;
                let of_draw = |draw: usize| {
                    variable.at.iter().map(move |&at| if self.inferred[at] { run.columns[at][draw] } else { f64::NAN })
                };
                return Some(Numbers::Real(draws.flat_map(of_draw).collect()));
            }
            Some(match array.name.as_str() {
                "diverging" => Numbers::Bool(diverging[draws].to_vec()),
                "energy" => Numbers::Real(energy[draws].to_vec()),
                "lp" => Numbers::Real(lp[draws].to_vec()),
                "tree_depth" => whole(&tree_depth[draws]),
                "n_steps" => whole(&n_steps[draws]),
                "step_size" => Numbers::Real(step_size[draws].to_vec()),
                "acceptance_rate" => Numbers::Real(acceptance_rate[draws].to_vec()),
                _ => return None,
            })
        })
    }

    fn read(&self, chain: usize, draws: usize, run: &mut Run) -> Result<(), (PathBuf, io::Error)> {
        // The first file that cannot be read.
        let failed = RefCell::new(None);
        let bytes = |group, name: &str, width| match self.growing.read((group, name), chain, (draws, width)) {
            Ok(bytes) => bytes,
            Err(error) => {
                failed.borrow_mut().get_or_insert(error);
                Vec::new()
            }
        };
        let eights = |bytes: Vec<u8>| bytes.as_chunks::<8>().0.to_vec();
        let real = |name| eights(bytes(STATS, name, 1)).into_iter().map(f64::from_le_bytes).collect::<Vec<f64>>();
        let whole = |name| eights(bytes(STATS, name, 1)).into_iter().map(u64::from_le_bytes).collect();
        run.stats = SampleStats {
            diverging: bytes(STATS, "diverging", 1).into_iter().map(|byte| byte != 0).collect(),
            energy: real("energy"),
            lp: real("lp"),
            tree_depth: whole("tree_depth"),
            n_steps: whole("n_steps"),
            step_size: real("step_size"),
            acceptance_rate: real("acceptance_rate"),
        };
        run.energies = run.stats.energy.clone();
        run.columns = if draws == 0 { Vec::new() } else { vec![Vec::with_capacity(draws); self.inferred.len()] };
        for variable in self.placed.iter().filter(|_| draws > 0) {
            let numbers = eights(bytes(POSTERIOR, &variable.name, variable.at.len()));
            for (i, number) in numbers.into_iter().enumerate() {
                run.columns[variable.at[i % variable.at.len()]].push(f64::from_le_bytes(number));
            }
        }
        failed.into_inner().map_or(Ok(()), Err)
    }
}
