//! Fills a bank and runs a calibration as one job of an array, as `slurm.py` submits it; or all of it alone.

use std::path::Path;
use std::time::Duration;

use hierarch::calibration::{Calibrate, Calibration, NutsEstimator};
use hierarch::distributions::{Draw, Normal};
use hierarch::prelude::*;
use hierarch::shards::Shards;

/// The jobs of the array that take their time, so that there is some to kill them in.
fn is_slow() -> bool {
    let (slow, job) = (std::env::var("HIERARCH_SLOW"), std::env::var("SLURM_ARRAY_TASK_ID"));
    slow.is_ok_and(|slow| job.is_ok_and(|job| slow.split(' ').any(|one| one == job)))
}

fn pair(mean: f64, rng: &mut Stream) -> [f64; 2] {
    if is_slow() {
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
            observe count ~ Poisson(3.0);
        }
    }
}

model! {
    Tides {
        global mean ~ Normal(0.0, 1.0);
        plate ports(0..=3) {
            local level ~ Normal(mean, 1.0);
            observe height ~ Normal(level, 0.5);
        }
    }
}

const SETS: usize = 30_000;
const SIMULATIONS: usize = 200;

/// Writes all that a calibration says, where each number can be read again.
fn write(calibration: &Calibration, path: &Path) -> std::io::Result<()> {
    std::fs::write(path, format!("{:?}\n{:?}\n{}", calibration.names(), calibration.judged(), calibration.summary()))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, what, folder] = arguments.as_slice() else {
        return Err("say `run`, `missing`, `merge` or `alone`, and a folder".into());
    };
    let folder = Path::new(folder);
    let (bank, calibration) = (folder.join("bank"), folder.join("calibration"));
    let (hidden, tides) = (Hidden::default(), Tides::default());
    let nuts = NutsEstimator::new(&tides).warmup(100).thin(1);
    let simulations = hidden.simulate(SETS).seed(1);
    let calibrate = Calibrate::new(&tides, &nuts).simulations(SIMULATIONS).draws(20).seed(1);
    match what.as_str() {
        "run" => {
            let shard = Shard::from_env()?;
            println!("shard {} of {}", shard.index(), shard.count());
            simulations.shard(shard).bank(&bank)?;
            println!("missing: {}", calibrate.shard(shard).run(&calibration)?.missing());
        }
        "missing" => println!("{}", Shards::open(&bank)?.missing()),
        "merge" => {
            simulations.bank(&bank)?;
            write(&calibrate.merge(&calibration)?, &folder.join("calibration.txt"))?;
        }
        _ => {
            simulations.bank(&bank)?;
            write(&calibrate.run()?, &folder.join("calibration.txt"))?;
        }
    }
    Ok(())
}
