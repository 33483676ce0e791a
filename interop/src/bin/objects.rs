//! Fills a bank in a folder or an object store, learns from it, and saves what was learned there, as `object_store.py` asks.

use std::path::Path;
use std::time::Duration;

use hierarch::distributions::{Draw, Normal};
use hierarch::io::read_column;
use hierarch::prelude::*;
use hierarch::shards::{Items, Shards};

fn pair(mean: f64, rng: &mut Stream) -> [f64; 2] {
    if std::env::var_os("HIERARCH_SLOW").is_some() {
        std::thread::sleep(Duration::from_millis(20));
    }
    [(); 2].map(|()| Normal::new(mean, 1.0).draw(rng))
}

model! {
    /// Without a likelihood, in plates of random size.
    Hidden {
        global mean ~ Normal(0.0, 1.0);
        plate groups(n ~ Poisson(3.0)) {
            local own ~ Normal(mean, 1.0);
            observe x: [f64; 2] ~ pair(own);
        }
    }
}

model! {
    Tides {
        global mean ~ Normal(0.0, 1.0);
        plate ports(1..=3) {
            local level ~ Normal(mean, 1.0);
            observe height ~ Normal(level, 0.5);
        }
    }
}

/// Three files, which the shards of an array do not respect.
const SETS: usize = 2_500;

type Done = Result<(), Box<dyn std::error::Error>>;

/// Learns from the bank, and reads again what it has written; prints what is believed of a data set, to the bit.
fn learn(model: &Hidden, bank: &Bank<Hidden>, folder: &Path) -> Done {
    let data = model.simulate(1).seed(9).one()?.data;
    let budget = Budget::simulations(2_000);
    let path = folder.join("posterior.safetensors");
    let checkpoint = folder.join("training.safetensors");
    model.npe().seed(1).bank(bank).checkpoint(&checkpoint).train(budget)?.save(&path)?;
    // The training is at its end in its checkpoint.
    let again = model.npe().seed(1).bank(bank).checkpoint(&checkpoint).train(budget)?;
    let posterior = PosteriorEstimator::load(model, &path)?.condition(&data)?;
    assert_eq!(posterior.sample(5, 1), again.condition(&data)?.sample(5, 1));
    println!("{:?}", posterior.sample(5, 1));
    let tides = Tides::default();
    let ports = tides.simulate(1).seed(9).one()?.data;
    // Several files, of which there are all or none: whoever reads while they are replaced finds the old ones or the new ones.
    let joint = folder.join("joint");
    let train = |seed| tides.joint_npe().seed(seed).train(budget);
    let both = [train(1)?, train(2)?];
    let draws = |joint: &JointEstimator<Tides>| Ok::<_, InferenceError>(joint.condition(&ports)?.sample(5, 1));
    let known = [draws(&both[0])?, draws(&both[1])?];
    both[0].save(&joint)?;
    std::thread::scope(|scope| {
        let written = scope.spawn(|| (1..10).try_for_each(|i| both[i % 2].save(&joint)));
        while !written.is_finished() {
            assert!(known.contains(&draws(&JointEstimator::load(&tides, &joint)?)?));
        }
        written.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })?;
    assert_eq!(draws(&JointEstimator::load(&tides, &joint)?)?, known[1]);
    println!("{known:?}");
    let chains = || tides.nuts(&ports).seed(1).warmup(100).draws(50).checkpoint(folder.join("run.chains")).run();
    let (first, second) = (chains()?, chains()?);
    assert_eq!(first.as_draws().get("mean")?, second.as_draws().get("mean")?);
    println!("{:?}", first.as_draws().get("mean")?);
    Ok(())
}

/// Writes and reads an object of many parts, and tables.
fn others(folder: &Path) -> Done {
    let large = || Items::new("a large one", 1);
    let numbers: Vec<u64> = (0..4_000_000).map(|i| u64::MAX - i).collect();
    large().shard(Shard::new(0, 1)?).run(folder.join("large"), |_| Ok(numbers.clone()))?;
    assert_eq!(large().merge::<Vec<u64>>(folder.join("large"))?, [numbers]);
    let data = Tides::default().simulate(1).seed(9).one()?.data;
    let table = folder.join("ports.csv");
    data.to_csv(&table)?;
    assert_eq!(TidesData::from_csv(&table)?, data);
    println!("{:?}", read_column(&table, "height")?);
    Ok(())
}

fn main() -> Done {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, what, folder] = arguments.as_slice() else {
        return Err("say `run`, `missing`, `fill`, `learn`, `others` or `load`, and a folder".into());
    };
    let folder = Path::new(folder);
    let model = Hidden::default();
    let simulations = model.simulate(SETS).seed(1);
    let bank = folder.join("bank");
    match what.as_str() {
        "run" => println!("{}", simulations.shard(Shard::from_env()?).bank(&bank)?.missing()),
        "missing" => println!("{}", Shards::open(&bank)?.missing()),
        "fill" => println!("{}", simulations.bank(&bank)?.len()),
        "learn" => learn(&model, &simulations.bank(&bank)?, folder)?,
        "others" => others(folder)?,
        _ => drop(PosteriorEstimator::load(&model, folder.join("posterior.safetensors"))?),
    }
    Ok(())
}
