//! Tables, and what serde reads.

use std::fs;
use std::sync::OnceLock;

use hierarch::draws::Summary;
use hierarch::model::{Specification, check, check_locals};
use hierarch::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::edit::edit;
use super::folder;
use super::models::{Events, EventsData, Nested, NestedData, Rated, RatedData};

/// Reads tables of one of the models: a single table, or with separators of records (0x1e) a folder.
pub(super) fn csv(input: &[u8]) {
    let Some((model, input)) = input.split_first() else { return };
    let folder = folder();
    let tables: Vec<&[u8]> = input.split(|byte| *byte == 0x1e).collect();
    let path = if let [table] = tables[..] {
        let path = folder.join("table.csv");
        fs::write(&path, table).expect("room for a table");
        path
    } else {
        let names = [["outside", "groups", "hits"], ["outside", "answers", "people"], ["outside", "events", "n"]];
        for (name, table) in names[usize::from(*model) % 3].iter().zip(tables) {
            fs::write(folder.join(format!("{name}.csv")), table).expect("room for a table");
        }
        folder
    };
    match model % 3 {
        0 => drop(NestedData::from_csv(&path).and_then(|data| check(&Nested::default(), &data))),
        1 => drop(RatedData::from_csv(&path).and_then(|data| check(&Rated::default(), &data))),
        _ => drop(EventsData::from_csv(&path).and_then(|data| check(&Events::default(), &data))),
    }
}

/// Reads values by serde, and uses what was read.
pub(super) fn serde(input: &[u8]) {
    let Some((kind, input)) = input.split_first() else { return };
    match kind % 6 {
        0 => read(input, || simulated(&Nested::default()), |set| use_simulation(&Nested::default(), set)),
        1 => read(input, || simulated(&Rated::default()), |set| use_simulation(&Rated::default(), set)),
        2 => read(input, chains, |chains| {
            let _ = (chains.to_string(), chains.warnings(), chains.summary().to_string(), chains.rhat_max());
            let _ = (chains.globals().count(), chains.by_chain("rate").map(|chains| chains.len()));
            use_draws(&chains.as_draws());
        }),
        3 => read(input, || Draws::new([("mass", vec![1.0, 2.0, 2.5]), ("width", vec![0.1, 0.2, 0.3])]), use_draws),
        4 => read::<Summary>(input, || chains().summary(), |summary| drop(summary.to_string())),
        _ => read::<Specification>(input, || Nested::default().specification(), |of| drop(of.fingerprint())),
    }
}

fn simulated<M: Generative>(model: &M) -> Simulation<M> {
    model.simulate(1).seed(1).one().expect("a simulation")
}

fn chains() -> Chains<Events> {
    static CHAINS: OnceLock<Chains<Events>> = OnceLock::new();
    let sample = || {
        let model = Events::default();
        model.nuts(&simulated(&model).data).chains(2).warmup(50).draws(6).run().expect("chains")
    };
    CHAINS.get_or_init(sample).clone()
}

fn use_simulation<M: Model>(model: &M, set: &Simulation<M>) {
    let _ = (check(model, &set.data), check_locals::<M>(&set.locals, &set.data));
}

fn use_draws(draws: &Draws) {
    let _ = (draws.summary().to_string(), draws.sample(3, 1), draws.quantile("mass", 0.3), draws.mean("rate"));
}

/// Reads the input as JSON or, if it is none, as changes of the value that `right` returns.
fn read<T: Serialize + DeserializeOwned>(input: &[u8], right: impl Fn() -> T, with: impl Fn(&T)) {
    let text = if input.first().is_some_and(|first| b"{[\"".contains(first)) {
        String::from_utf8_lossy(input).into_owned()
    } else {
        let mut value: Value = serde_json::to_value(right()).expect("a value that JSON can say");
        edit(&mut value, input);
        value.to_string()
    };
    if let Ok(value) = serde_json::from_str(&text) {
        with(&value);
    }
}
