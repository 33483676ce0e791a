//! Three tasks of the benchmark of simulation-based inference: posteriors that are learned from a bank, with the defaults, beside
//! exact ones. `benches/sbibm/run` runs it and compares the draws.
//!
//! `cargo bench -p hierarch-benches --bench sbibm -- FOLDER [--simulations N] [--seconds S] [--seed K] [--rounds R] [TASK ..]` writes
//! for each task the simulations (`two_moons.simulations.csv`: the unknown numbers, then the data), the observations, and for each of the
//! benchmark's first five observations 10,000 draws of the learned and of the exact posterior; and prints a line of JSON. With rounds,
//! each observation has simulations and networks of its own, as many and for as long.

mod models;

use std::collections::BTreeSet;
use std::error::Error;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2};
use std::path::{Path, PathBuf};
use std::time::Instant;

use hierarch::distributions::{Draw, Normal};
use hierarch::prelude::*;
use hierarch::simulate::{Stream, stream};
use models::*;
use rand::RngExt;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Draws of a posterior.
const DRAWS: usize = 10_000;

/// The observations of the benchmark (MIT licence, Copyright 2020 Lueckmann, Boelts, Greenberg, Goncalves, Macke).
const TWO_MOONS: [[f64; 2]; 5] = [
    [-0.6396706, 0.16234657],
    [-0.5676688, -0.33194834],
    [0.0030109584, -0.6457662],
    [-0.25049388, 0.633055],
    [-0.66463584, -0.42604533],
];
const GAUSSIAN_MIXTURE: [[f64; 2]; 5] = [
    [-9.472713, -1.4950509],
    [-2.940192, -8.682056],
    [7.1683364, -3.0470583],
    [-8.047317, -0.021793246],
    [8.879822, 8.088118],
];
const SLCP: [[[f64; 2]; 4]; 5] = [
    [[2.3718784, 0.49947417], [9.931435, 1.7136912], [-10.436423, -1.9067793], [-1.2343777, -0.09735]],
    [[-0.66452104, -2.9279308], [-16.49147, 4.06107], [4.232153, -4.652277], [-4.9924355, -1.5655216]],
    [[3.5023372, 5.254722], [8.685451, 9.995327], [0.40782332, -5.7111573], [10.605566, 12.695774]],
    [[-1.6371447, -0.037302777], [-1.5622597, 0.031204943], [-3.683134, 0.09953671], [-1.7389069, 0.0309663]],
    [[-8.801672, 8.726709], [-10.484016, 6.857725], [-6.769688, 7.574161], [3.804308, 2.7593615]],
];

/// What is asked for on the command line.
struct Asked {
    folder: PathBuf,
    simulations: usize,
    seconds: f64,
    seed: u64,
    /// The rounds for each observation; none where one estimator is for all.
    rounds: usize,
    tasks: Vec<String>,
}

fn main() -> Result<()> {
    // `cargo bench` says `--bench` at the end.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let Some(folder) = arguments.next() else {
        println!("not timed by `cargo bench`: see benches/sbibm/run");
        return Ok(());
    };
    let mut asked =
        Asked { folder: folder.into(), simulations: 10_000, seconds: 150.0, seed: 1, rounds: 0, tasks: Vec::new() };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} has no value"));
        match argument.as_str() {
            "--simulations" => asked.simulations = value()?.parse()?,
            "--seconds" => asked.seconds = value()?.parse()?,
            "--seed" => asked.seed = value()?.parse()?,
            "--rounds" => asked.rounds = value()?.parse()?,
            task => asked.tasks.push(task.to_owned()),
        }
    }
    std::fs::create_dir_all(&asked.folder)?;
    run(
        &asked,
        "two_moons",
        &TwoMoons {},
        TWO_MOONS.map(|[x, y]| TwoMoonsData { x, y }),
        |globals| vec![globals.a, globals.b],
        |data| vec![data.x, data.y],
        |data, rng| Ok(reject(rng, |rng| moons_of(data, rng), 1.0)),
    )?;
    run(
        &asked,
        "slcp",
        &Slcp {},
        SLCP.map(|x| SlcpData { points: SlcpPoints { x: x.to_vec() } }),
        |globals| globals.theta.to_vec(),
        |data| data.points.x.iter().flatten().copied().collect(),
        slcp_of,
    )?;
    run(
        &asked,
        "gaussian_mixture",
        &GaussianMixture {},
        GAUSSIAN_MIXTURE.map(|[x, y]| GaussianMixtureData { x, y }),
        |globals| globals.theta.to_vec(),
        |data| vec![data.x, data.y],
        |data, rng| Ok(reject(rng, |rng| centre_of(data, rng), 10.0)),
    )
}

/// Learns one task, if it is asked for, and writes its files.
fn run<M: Generative>(
    asked: &Asked,
    name: &str,
    model: &M,
    observed: [M::Data; 5],
    unknown: fn(&M::Globals) -> Vec<f64>,
    numbers: fn(&M::Data) -> Vec<f64>,
    exact: impl Fn(&M::Data, &mut Stream) -> Result<Vec<Vec<f64>>>,
) -> Result<()> {
    if !asked.tasks.is_empty() && asked.tasks.iter().all(|task| task != name) {
        return Ok(());
    }
    let file = |what: &str| asked.folder.join(format!("{name}.{what}.csv"));
    let simulate = model.simulate(asked.simulations).seed(asked.seed);
    let row = |globals: &M::Globals, data: &M::Data| [unknown(globals), numbers(data)].concat();
    write(&file("simulations"), simulate.clone().run()?.iter().map(|s| row(&s.globals, &s.data)))?;
    write(&file("observations"), observed.iter().map(numbers))?;
    let (start, budget) = (Instant::now(), Budget::seconds(asked.seconds));
    let posteriors: Vec<Posterior<M>> = if asked.rounds > 0 {
        let rounds = model.npe().seed(asked.seed).rounds(asked.rounds).simulations(asked.simulations);
        let folder = asked.folder.join(format!("{name}.rounds"));
        observed
            .iter()
            .map(|data| rounds.clone().for_data(data, &folder, budget))
            .collect::<std::result::Result<_, _>>()?
    } else {
        let bank = simulate.bank(asked.folder.join(format!("{name}.bank")))?;
        let estimator = model.npe().bank(&bank).seed(asked.seed).train(budget)?;
        observed.iter().map(|data| estimator.condition(data)).collect::<std::result::Result<_, _>>()?
    };
    let seconds = start.elapsed().as_secs_f64();
    for (index, (data, posterior)) in observed.iter().zip(&posteriors).enumerate() {
        let globals = posterior.globals(DRAWS, asked.seed);
        write(&file(&format!("{index}.learned")), globals.iter().map(unknown))?;
        let mut rng = stream(asked.seed, index as u64);
        write(&file(&format!("{index}.exact")), exact(data, &mut rng)?.into_iter())?;
    }
    println!(r#"{{"task": "{name}", "simulations": {}, "seconds": {seconds:.1}}}"#, asked.simulations);
    let warnings: BTreeSet<String> = posteriors.iter().flat_map(Inferred::warnings).collect();
    warnings.iter().for_each(|warning| eprintln!("{name}: {warning}"));
    Ok(())
}

fn write(path: &Path, rows: impl Iterator<Item = Vec<f64>>) -> Result<()> {
    let line = |row: Vec<f64>| row.iter().map(f64::to_string).collect::<Vec<_>>().join(",") + "\n";
    Ok(std::fs::write(path, rows.map(line).collect::<String>())?)
}

/// Draws within the prior, which is uniform between -`bound` and `bound`.
fn reject(rng: &mut Stream, draw: impl Fn(&mut Stream) -> [f64; 2], bound: f64) -> Vec<Vec<f64>> {
    let draws = std::iter::repeat_with(|| draw(rng));
    draws.filter(|draw| draw.iter().all(|x| x.abs() < bound)).map(|draw| draw.to_vec()).take(DRAWS).collect()
}

/// Returns a point whose crescent, at the angle and radius that are drawn, is at the data: |a + b| and b - a are what is left.
fn moons_of(data: &TwoMoonsData, rng: &mut Stream) -> [f64; 2] {
    loop {
        let (angle, radius) = (rng.random_range(-FRAC_PI_2..FRAC_PI_2), Normal::new(0.1, 0.01).draw(rng));
        let sum = 0.25 + radius * angle.cos() - data.x;
        let difference = data.y - radius * angle.sin();
        if sum >= 0.0 {
            let sum = if rng.random() { sum } else { -sum };
            return [(sum - difference) * FRAC_1_SQRT_2, (sum + difference) * FRAC_1_SQRT_2];
        }
    }
}

fn centre_of(data: &GaussianMixtureData, rng: &mut Stream) -> [f64; 2] {
    let sd = if rng.random() { 0.1 } else { 1.0 };
    [data.x, data.y].map(|x| Normal::new(x, sd).draw(rng))
}

/// Draws by NUTS. The signs of the two roots of scales, which the density does not tell, are drawn.
fn slcp_of(data: &SlcpData, rng: &mut Stream) -> Result<Vec<Vec<f64>>> {
    let chains = Slcp {}.nuts(data).chains(4).draws(10_000).warmup(2_000).seed(1).run()?;
    let columns = chains.sample(DRAWS, 1);
    let mut sign = |x: f64| if rng.random() { x } else { -x };
    let row = |i: usize| (0..5).map(|k| columns[k][i]).collect::<Vec<f64>>();
    let flip = |mut row: Vec<f64>| {
        row[2..4].iter_mut().for_each(|x| *x = sign(*x));
        row
    };
    Ok((0..DRAWS).map(row).map(flip).collect())
}
