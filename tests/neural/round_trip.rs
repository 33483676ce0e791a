//! What is saved loads: every kind of file with every option, the files of earlier versions among them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hierarch::dfdx::prelude::{Cpu, DeviceBuildExt, Linear, Tanh};
use hierarch::estimators::{ElementNetworks, EventRatio, Npe};
use hierarch::nn::{Activation, Encoder, Family, Trunk};
use hierarch::prelude::*;

model! {
    /// Numbers and a count outside and inside plates, covariates, locals that are numbers and truth values.
    Shelf {
        param scale: f64 = 0.5;
        global mean ~ Normal(0.0, 1.0);
        global sd ~ HalfNormal(1.0);
        observe weather ~ Normal(mean, 1.0);
        plate boxes(1..=4) {
            given t ~ Normal(0.0, 1.0);
            local own ~ Normal(mean, sd);
            local open ~ Bernoulli(0.4);
            observe n ~ Poisson((0.3 * own).exp());
            observe x ~ Normal(own * t + if open { 1.0 } else { 0.0 }, scale);
        }
    }
}

model! {
    /// Rows in their order, and a ratio of each.
    Row {
        global mean ~ Normal(0.0, 1.0);
        plate events(1..=6) { observe x ~ Normal(mean, 1.0); }
    }
}

fn shelf() -> ShelfData {
    let (t, n, x) = (vec![0.5, -1.0, 0.1], vec![1, 0, 4], vec![0.2, -0.7, 1.3]);
    ShelfData { weather: 0.4, boxes: ShelfBoxes { t, n, x } }
}

fn row() -> RowData {
    RowData { events: RowEvents { x: vec![0.3, -0.2, 1.9] } }
}

fn small() -> NetworkConfig {
    let trunk = Some(Trunk::Residual { width: 4, blocks: 1 });
    NetworkConfig { bins: Some(3), element_layers: Some(vec![4, 4]), trunk, ..NetworkConfig::default() }
}

fn quick() -> TrainingConfig {
    TrainingConfig {
        batch_size: Some(64),
        chunks: Some(2),
        pilot: Some(64),
        validation: Some(64),
        ..TrainingConfig::default()
    }
}

const BUDGET: u64 = 256;

type Own = (Linear<3, 8>, Tanh, Linear<8, 4>);

fn own_networks() -> ElementNetworks {
    ElementNetworks::default().plate::<_, 3, 4>("boxes", Cpu::default().build_module::<Own, f32>())
}

/// What is in a file, or a folder: how it is made, and what is read from it.
struct Case {
    name: &'static str,
    save: Box<dyn Fn(&Path)>,
    /// Returns numbers that what was read gives for the data above, and saves it again.
    load: Box<Load>,
}

type Load = dyn Fn(&Path, &Path) -> Vec<f64>;

fn case(name: &'static str, save: impl Fn(&Path) + 'static, load: impl Fn(&Path, &Path) -> Vec<f64> + 'static) -> Case {
    Case { name, save: Box::new(save), load: Box::new(load) }
}

fn draws<M: Model>(estimator: &PosteriorEstimator<M>, data: &M::Data) -> Vec<f64> {
    let posterior = estimator.condition(data).unwrap();
    let warnings = estimator.warnings().len() as f64;
    posterior.sample(3, 7).iter().flatten().copied().chain([warnings, estimator.history().len() as f64]).collect()
}

fn posterior(
    name: &'static str,
    npe: impl Fn(&'static Shelf) -> Npe<'static, Shelf> + 'static,
    model: &'static Shelf,
) -> Case {
    case(
        name,
        move |path| npe(model).train(Budget::simulations(BUDGET)).unwrap().save(path).unwrap(),
        |from, to| {
            let estimator = PosteriorEstimator::load(&Shelf::default(), from).unwrap();
            estimator.save(to).unwrap();
            draws(&estimator, &shelf())
        },
    )
}

fn cases() -> Vec<Case> {
    let model: &'static Shelf = Box::leak(Box::new(Shelf::default()));
    let with = |network: NetworkConfig| {
        move |model: &'static Shelf| model.npe().seed(1).network(network.clone()).training(quick())
    };
    let plain = with(small());
    let network = |change: &dyn Fn(&mut NetworkConfig)| {
        let mut network = small();
        change(&mut network);
        with(network)
    };
    let mut all = vec![
        posterior("posterior", plain.clone(), model),
        posterior(
            "of some globals",
            {
                let plain = plain.clone();
                move |m| plain(m).globals(["sd"])
            },
            model,
        ),
        posterior(
            "of a size",
            {
                let plain = plain.clone();
                move |m| plain(m).size("boxes", 3)
            },
            model,
        ),
        posterior(
            "ensemble",
            {
                let plain = plain.clone();
                move |m| plain(m).ensemble(2)
            },
            model,
        ),
        posterior("patient", with(small()), model),
        posterior(
            "attention",
            network(&|n| n.encoder = Encoder::Attention { width: 4, heads: 2, blocks: 1, inducing: 2 }),
            model,
        ),
        posterior(
            "histogram",
            |m: &'static Shelf| m.npe().network(NetworkConfig::learned_histogram(6)).training(quick()),
            model,
        ),
        posterior("no bins", network(&|n| n.bins = Some(0)), model),
        posterior("relu", network(&|n| n.activation = Activation::Relu), model),
        posterior("linear", network(&|n| n.activation = Activation::None), model),
        posterior("plain trunk", network(&|n| n.trunk = Some(Trunk::Plain(vec![5, 4]))), model),
    ];
    for (name, family) in [
        ("diagonal", Family::Diagonal),
        ("gaussian", Family::Gaussian),
        ("mixture", Family::Mixture { components: 2 }),
        ("maf", Family::Maf { steps: 2, width: 4 }),
        ("nsf", Family::Nsf { steps: 1, width: 4, bins: 4 }),
    ] {
        all.push(posterior(name, network(&|n| n.family = Some(family)), model));
    }
    all.push(case(
        "own networks",
        |path| {
            let npe = Shelf::default();
            let npe = npe.npe().network(small()).training(quick()).element_networks(own_networks());
            npe.train(Budget::simulations(BUDGET)).unwrap().save(path).unwrap();
        },
        |from, to| {
            let estimator = PosteriorEstimator::load_with(&Shelf::default(), from, own_networks()).unwrap();
            estimator.save(to).unwrap();
            draws(&estimator, &shelf())
        },
    ));
    all.push(case(
        "causal",
        |path| {
            let encoder = Encoder::Causal { width: 4, heads: 2, blocks: 1 };
            let model = Row::default();
            let npe = model.npe().network(NetworkConfig { encoder, ..small() }).training(quick());
            npe.train(Budget::simulations(BUDGET)).unwrap().save(path).unwrap();
        },
        |from, to| {
            let estimator = PosteriorEstimator::load(&Row::default(), from).unwrap();
            estimator.save(to).unwrap();
            draws(&estimator, &row())
        },
    ));
    for (name, all_of_it) in [("ratio", true), ("ratio of some globals up to a factor", false)] {
        all.push(case(
            name,
            move |path| {
                let model = Shelf::default();
                let nre = model.nre().seed(1).others(3).network(small()).training(quick());
                let nre = if all_of_it { nre.balanced(1.0) } else { nre.globals(["mean"]).up_to_a_factor() };
                nre.train(Budget::simulations(BUDGET)).unwrap().save(path).unwrap();
            },
            |from, to| {
                let ratio = RatioEstimator::load(&Shelf::default(), from).unwrap();
                ratio.save(to).unwrap();
                let posterior = ratio.condition(&shelf()).unwrap();
                [0.2, -1.0].map(|mean| posterior.log_ratio(&ShelfGlobals { mean, sd: 0.7 })).to_vec()
            },
        ));
    }
    all.push(case(
        "statistic",
        |path| {
            let model = Shelf::default();
            let statistic = model.test_statistic("mean").seed(1).network(small()).training(quick());
            statistic.train(Budget::simulations(BUDGET)).unwrap().save(path).unwrap();
        },
        |from, to| {
            let statistic = TestStatistic::load(&Shelf::default(), from).unwrap();
            statistic.save(to).unwrap();
            statistic.evaluate_at(&shelf(), &[0.1, 0.6]).unwrap()
        },
    ));
    all.push(case(
        "ratio of events",
        |path| {
            let model = Row::default();
            let nre = model.nre().seed(1).network(small()).training(quick()).per_event("events");
            nre.train(Budget::simulations(BUDGET)).unwrap().save(path).unwrap();
        },
        |from, to| {
            let ratio = EventRatio::load(&Row::default(), from).unwrap();
            ratio.save(to).unwrap();
            let set = Row::default().simulate(1).at(&RowGlobals { mean: 0.3 }).one().unwrap();
            ratio.log_ratios(&row(), &set.globals, &set.locals).unwrap()
        },
    ));
    for (name, together) in [("joint", true), ("joint, each alone", false)] {
        all.push(case(
            name,
            move |folder| {
                let model = Shelf::default();
                let npe = model.joint_npe().seed(1).global_network(small()).local_network(small());
                let npe = npe.global_training(quick()).local_training(quick());
                let npe = if together { npe.size("boxes", 3) } else { npe.without_hierarchy() };
                npe.train(Budget::simulations(2 * BUDGET)).unwrap().save(folder).unwrap();
            },
            |from, to| {
                let joint = JointEstimator::load(&Shelf::default(), from).unwrap();
                joint.save(to).unwrap();
                let drawn = joint.condition(&shelf()).unwrap().sample(3, 7);
                drawn.iter().flatten().copied().chain([joint.warnings().len() as f64]).collect()
            },
        ));
    }
    all.push(case(
        "bank",
        |folder| drop(Shelf::default().simulate(704).size("boxes", 2).seed(3).bank(folder).unwrap()),
        |from, to| {
            // A bank is not saved again; it is read where it lies, and what is learned from it is saved.
            let model = Shelf::default();
            copy(from, to);
            let bank = model.simulate(704).size("boxes", 2).seed(3).bank(from).unwrap();
            // The numbers of the golden file are of a mixture.
            let network = NetworkConfig { family: Some(Family::Mixture { components: 16 }), ..small() };
            let training =
                TrainingConfig { learning_rate: Some(1e-3), weight_decay: Some(0.01), patience: Some(5), ..quick() };
            let npe = model.npe().seed(2).network(network).training(training).bank(&bank);
            let mut data = shelf();
            data.boxes.t.truncate(2);
            data.boxes.n.truncate(2);
            data.boxes.x.truncate(2);
            let estimator = npe.train(Budget::simulations(BUDGET)).unwrap();
            draws(&estimator, &data)
        },
    ));
    all.push(case(
        "training",
        |path| drop(training(path)),
        |from, to| {
            copy(from, to);
            draws(&training(from), &shelf())
        },
    ));
    all.push(case(
        "chains",
        |path| drop(chains(path, 60)),
        |from, to| {
            copy(from, to);
            chains(from, 60)
        },
    ));
    all
}

fn training(path: &Path) -> PosteriorEstimator<Shelf> {
    let model = Shelf::default();
    let npe = model.npe().seed(5).network(small()).training(TrainingConfig { patience: Some(3), ..quick() });
    npe.checkpoint(path).train(Budget::simulations(BUDGET)).unwrap()
}

fn chains(path: &Path, draws: usize) -> Vec<f64> {
    let (model, data) = (Row::default(), row());
    let chains = model.nuts(&data).chains(2).warmup(50).draws(draws).checkpoint(path).run().unwrap();
    chains.by_chain("mean").unwrap().concat()
}

/// Copies a file or a folder of files.
fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
        return;
    }
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// Returns the bytes of a file, or of the files in a folder, by their names.
fn bytes(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    if !path.is_dir() {
        return BTreeMap::from([(PathBuf::new(), std::fs::read(path).unwrap())]);
    }
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.file_name().unwrap().into(), std::fs::read(&path).unwrap())).collect()
}

/// What is read and saved again has the same bytes, and says the same.
#[test]
fn what_is_saved_loads() {
    let folder = tempfile::tempdir().unwrap();
    for Case { name, save, load } in cases() {
        let [first, second, third] = ["1", "2", "3"].map(|number| folder.path().join(format!("{name} {number}")));
        save(&first);
        let said = load(&first, &second);
        assert!(said.iter().all(|x| x.is_finite()) && !said.is_empty(), "{name}: {said:?}");
        assert_eq!(bytes(&first), bytes(&second), "{name}");
        assert_eq!(load(&second, &third), said, "{name}");
    }
}

/// The files of the version that first wrote each format, in `tests/golden/`, are read by this one, with the same results. To
/// write those of a new format: `HIERARCH_GOLDEN=write cargo test --release -p hierarch-tests --test neural golden`, and say in
/// the change log that the files of the old one are not read any more.
#[test]
fn golden_files_are_read() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let write = std::env::var("HIERARCH_GOLDEN").is_ok_and(|what| what == "write");
    let numbers = golden.join("numbers.json");
    let mut expected: BTreeMap<String, Vec<f64>> =
        std::fs::read(&numbers).map_or_else(|_| BTreeMap::new(), |text| serde_json::from_slice(&text).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let kinds = [
        "posterior",
        "ensemble",
        "nsf",
        "ratio",
        "statistic",
        "ratio of events",
        "joint",
        "bank",
        "training",
        "chains",
    ];
    for Case { name, save, load } in cases().into_iter().filter(|case| kinds.contains(&case.name)) {
        let (file, copied) = (golden.join(name.replace(' ', "_")), folder.path().join(name));
        if write {
            save(&file);
        }
        // What is read may be written to.
        copy(&file, &copied);
        let found = load(&copied, &folder.path().join(format!("{name} again")));
        if write {
            expected.insert(name.to_owned(), found.clone());
        }
        let right = &expected[name];
        assert_eq!(found.len(), right.len(), "{name}");
        for (found, right) in found.iter().zip(right) {
            // Other instruction sets round otherwise; two hundred steps of chains or a training are not run here.
            assert!((found - right).abs() <= 1e-3 * (1.0 + right.abs()), "{name}: {found}, not {right}");
        }
    }
    if write {
        std::fs::write(&numbers, serde_json::to_string_pretty(&expected).unwrap() + "\n").unwrap();
    }
}
