//! Data and draws as Parquet and Arrow, written and read again. Other tools read them in `read_by_polars.py`.

use std::path::Path;

use hierarch::io::{read_arrow, read_parquet, write_arrow, write_parquet};
use hierarch::model::DataSet;
use hierarch::prelude::*;

#[allow(dead_code, unused_imports)]
#[path = "../../tests/shared/models.rs"]
mod models;
use models::{Counting, Deep, Groups, Levels};

model! {
    /// Each kind of number, at three levels and outside plates.
    Kinds {
        global p ~ Uniform(0.0, 1.0);
        given offset: f64;
        observe pair[2] ~ Normal(p, 1.0);
        plate trials(1..=10) {
            given group: usize;
            given flags: [bool; 2];
            observe hit ~ Bernoulli(p);
            plate tries(0..=10) {
                observe count ~ Poisson(p);
                plate parts(0..=10) {
                    observe part[3] ~ Normal(p, 1.0);
                }
            }
        }
    }
}

model! {
    /// Two plates at the top, and one that only an index names.
    Several {
        global mu ~ Normal(0.0, 1.0);
        plate subjects(1..=5) {
            local ability ~ Normal(mu, 1.0);
        }
        plate answers(1..=9) {
            given subject: index(subjects);
            observe y ~ Normal(ability[subject], 1.0);
        }
        plate others(1..=5) {
            observe z ~ Normal(mu, 1.0);
        }
    }
}

model! {
    /// Observations that may be missing, at both levels.
    Gaps {
        global p ~ Uniform(0.0, 1.0);
        plate trials(1..=10) {
            observe hit: Option ~ Bernoulli(p);
            observe pair[2]: Option ~ Normal(p, 1.0);
            plate tries(0..=10) {
                observe count: Option ~ Poisson(p);
            }
        }
    }
}

fn kinds() -> KindsData {
    KindsData {
        offset: 0.25,
        pair: [1.5, -1e-300],
        trials: KindsTrials {
            group: vec![0, 7],
            flags: vec![[true, false], [false, false]],
            hit: vec![true, false],
            tries: KindsTries {
                offsets: vec![0, 2, 3],
                count: vec![0, 12, 3],
                parts: KindsParts { offsets: vec![0, 1, 1, 3], part: vec![[0.1, 0.2, 0.3], [1.0; 3], [0.5; 3]] },
            },
        },
    }
}

fn both<D: DataSet>(model: &D::Model, data: &D) {
    let folder = tempfile::tempdir().unwrap();
    let [parquet, arrow] = ["new/data.parquet", "data.arrow"].map(|name| folder.path().join(name));
    write_parquet(data, &parquet).unwrap();
    write_arrow(data, &arrow).unwrap();
    assert_eq!(read_parquet::<D>(model, &parquet, &[]).unwrap(), *data);
    assert_eq!(read_arrow::<D>(model, &arrow, &[]).unwrap(), *data);
}

#[test]
fn data_sets_are_read_back() {
    both(&Kinds::default(), &kinds());
    let answers = SeveralAnswers { subject: vec![0, 2, 2], y: vec![0.5, 0.25, 1.0] };
    let data =
        SeveralData { subjects: SeveralSubjects { size: 4 }, answers, others: SeveralOthers { z: vec![1.0, 2.0] } };
    both(&Several::default(), &data);
    let tries = GapsTries { offsets: vec![0, 2, 3], count: vec![None, Some(4), Some(1)] };
    let pair = vec![[Some(1.5), None], [None, None]];
    both(&Gaps::default(), &GapsData { trials: GapsTrials { hit: vec![None, Some(true)], pair, tries } });
    macro_rules! simulated {
        ($($model:ident),*) => {$(
            let model = $model::default();
            for set in model.simulate(20).seed(1).run().unwrap() {
                both(&model, &set.data);
            }
        )*};
    }
    simulated!(Counting, Deep, Groups, Levels);
}

fn refused<D: DataSet>(model: &D::Model, path: &Path, columns: &[(&str, &str)], said: &str) {
    let error = read_parquet::<D>(model, path, columns).unwrap_err().to_string();
    assert!(error.contains(said), "{error}");
}

model! {
    Flat {
        global mu ~ Normal(0.0, 1.0);
        plate trials(1..=10) {
            given group: bool;
            observe x ~ Normal(mu, 1.0);
        }
    }
}

#[test]
fn tables_of_other_data_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.parquet");
    write_parquet(&kinds(), &path).unwrap();
    let model = Flat::default();
    refused::<FlatData>(
        &model,
        &path,
        &[("group", "hit")],
        "has no column `x`; its columns are `offset`, `pair`, `group`",
    );
    refused::<FlatData>(&model, &path, &[("y", "count"), ("group", "hit")], "there is no variable `y`");
    refused::<FlatData>(&model, &path, &[("x", "count"), ("group", "hit")], "`x` is of the type List");
    refused::<FlatData>(&model, &path, &[("x", "offset")], "`group` holds 7, and not true or false");
    let read: FlatData = read_parquet(&model, &path, &[("x", "offset"), ("group", "hit")]).unwrap();
    assert_eq!(read.trials, FlatTrials { group: vec![true, false], x: vec![0.25; 2] });
    refused::<KindsData>(
        &Kinds::default(),
        &path,
        &[("offset", "group")],
        "all rows must have the same value; row 1 has another",
    );
    refused::<KindsData>(&Kinds::default(), &path, &[("hit", "count")], "`hit` is of the type List");
    refused::<KindsData>(&Kinds::default(), &path, &[("count", "group")], "and not of lists");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    refused::<FlatData>(&model, &path, &[], "no file of Parquet");
    std::fs::remove_file(&path).unwrap();
    refused::<FlatData>(&model, &path, &[], "data.parquet: ");
}

#[test]
fn draws_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let [parquet, arrow] = ["draws.parquet", "draws.arrow"].map(|name| folder.path().join(name));
    let model = Groups::default();
    let data = model.simulate(1).seed(1).one().unwrap().data;
    let chains = model.nuts(&data).chains(2).draws(100).run().unwrap();
    let draws = chains.as_draws();
    draws.to_parquet(&parquet).unwrap();
    draws.to_arrow(&arrow).unwrap();
    assert_eq!(Draws::from_parquet(&parquet).unwrap(), *draws);
    assert_eq!(Draws::from_arrow(&arrow).unwrap(), *draws);
}
