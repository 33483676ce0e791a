//! Strong gravitational lenses with dark subhaloes (arXiv 2306.12584, section 4.3): how many subhaloes there are, and how
//! their masses are distributed, from images whose likelihood nobody can write down; and what each lens is, which its image
//! alone does not tell as well as all of them do.
//!
//! `cargo run --release --example lensing`, and then for images of your own, with what it has learned,
//! `cargo run --release --example lensing -- --images FOLDER`

#[allow(dead_code, reason = "each example uses a part of it")]
#[path = "../common/mod.rs"]
mod common;
mod curve;
mod figures;
mod images;
mod judge;
mod model;
mod smooth;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use common::{Options, Output, Result, budget, report};
use hierarch::calibration::Calibration;
use hierarch::estimators::JointEstimator;
use hierarch::nn::Trunk;
use hierarch::plot;
use hierarch::prelude::*;
use hierarch::simulate::Simulation;
use judge::{GLOBALS, Judged, LOCALS};
use model::{Lensing, LensingData, LensingGlobals, LensingLenses};
use serde_json::{Value, json};

/// The most images in a set.
const SET: usize = 25;
/// Of whose multiples the fractions are spread evenly, too.
const GOLDEN: f64 = 0.618_033_988_749_894_9;
/// Sets to learn from; how many sets the training of the globals sees, and how many lenses that of the locals. The network of the
/// globals simulates fresh sets, so that more of them go on paying; lenses are learned by heart from about here.
const SETS: usize = 48_000;
const OF_GLOBALS: u64 = 285_000;
const OF_LENSES: u64 = 1_050_000;

/// Infers dark subhaloes from images of strong lenses.
#[derive(Parser, Debug)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// A folder of 1 to 25 images of your own (.npy or .fits, 64 x 64 pixels of 0.1 arcsec, photons with the sky): they are
    /// inferred with the posterior that a run without this option has saved
    #[arg(long)]
    images: Option<PathBuf>,
    /// Sets of images that are simulated to learn from
    #[arg(long)]
    sets: Option<usize>,
    /// Seconds of training. Without this option, the number of data sets is fixed: 17 minutes on two cores with AVX-512
    #[arg(long)]
    train_seconds: Option<f64>,
    /// Instead of all else: trains for a sixteenth, a quarter and all of the time, on as large a part of the simulations, to see
    /// what more of both would bring
    #[arg(long)]
    curve: bool,
}

fn main() -> ExitCode {
    report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let options = &arguments.options;
    let model = Lensing::default();
    let out = Output::new("lensing", options);
    if let Some(folder) = &arguments.images {
        return own_images(&out, &model, folder);
    }
    let started = Instant::now();
    out.figure("plates", &plot::plate_diagram(&model.specification()))?;
    let images_per_second = speed(&model, options)?;
    println!("{images_per_second:.0} images a second are drawn, rendered and exposed");
    let lenses = figures::lenses(&out, &model, options.seed)?;

    let sets = match arguments.sets {
        Some(sets) => sets,
        None if options.quick => {
            if arguments.curve {
                2_560
            } else {
                640
            }
        }
        None => SETS,
    };
    if arguments.curve {
        let seconds = arguments.train_seconds.unwrap_or(if options.quick { 12.0 } else { 480.0 });
        return curve::run(&out, &model, sets, seconds, options);
    }
    let bank = bank(&out, &model, sets, options)?;
    let training = Instant::now();
    let budget = budget(arguments.train_seconds, options, Budget::simulations(OF_GLOBALS + OF_LENSES), 2_000);
    let estimator = train(&model, &bank, budget, options.seed)?;
    let train_seconds = training.elapsed().as_secs_f64();
    estimator.save(out.path("posterior"))?;

    let tests = tests(&model, options)?;
    println!("judging it on {} sets of {SET} images ...", tests.len());
    let judged = Judged::new(&estimator, &tests)?;
    judged.print();
    let calibration =
        estimator.calibrate().simulations(if options.quick { 60 } else { 1000 }).seed(options.seed).run()?;
    println!("\n{}", calibration.summary());

    let smooth = smooth::run(&out, options)?;
    smooth.print();

    // One with as many subhaloes as the prior has on average.
    let one = &tests[tests.len() / 2];
    let posterior = estimator.condition(&one.data)?;
    let globals = estimator.globals().ok_or("the posterior has no globals")?;
    let check = PredictiveCheck::new(&model, &one.data).seed(options.seed);
    let check = check.posterior(posterior.globals().ok_or("the posterior has no globals")?.globals(200, 0))?;
    let figures = figures::posteriors(&out, &estimator, one, &judged)?;
    out.training(globals.history())?;
    let mut report = Report::new(&model)
        .title("Dark subhaloes in strong lenses")
        .data(&one.data)
        .truth(&model, &one.globals)
        .posterior("neural", &posterior)
        .training("the globals", globals.history())
        .warnings("the globals", estimator.warnings())
        .predictive(&check)
        .calibration("neural", &calibration)
        .setting("seed", options.seed)
        .setting("sets to learn from", bank.len())
        .figure("Three lenses, with their subhaloes and as they were without them.", &lenses)
        .timing("training", train_seconds)
        .timing("all", started.elapsed().as_secs_f64());
    for (caption, figure) in &figures {
        report = report.figure(caption, figure);
    }
    out.report(report)?;

    let mut summary = judged.summary();
    let more = json!({
        "images_per_second": images_per_second, "train_seconds": train_seconds, "sets": bank.len(),
        "sbc_p_min": calibration.p_min(), "coverage": coverage(&calibration), "smooth": smooth.summary(),
        "seconds": started.elapsed().as_secs_f64(),
    });
    if let (Value::Object(summary), Value::Object(more)) = (&mut summary, more) {
        summary.extend(more);
    }
    out.summary(&summary)
}

/// Images that are drawn from the prior, rendered and exposed each second.
fn speed(model: &Lensing, options: &Options) -> Result<f64> {
    let started = Instant::now();
    let sets = model.simulate(if options.quick { 40 } else { 200 }).seed(options.seed).size("lenses", SET).run()?;
    Ok((sets.len() * SET) as f64 / started.elapsed().as_secs_f64())
}

/// So many sets to learn from. A larger bank goes on from a smaller one.
pub fn bank(out: &Output, model: &Lensing, sets: usize, options: &Options) -> Result<Bank<Lensing>> {
    Ok(model.simulate(sets).seed(options.seed).bank(out.path(&format!("bank-{}", options.seed)))?)
}

/// Sets to judge a posterior on, whose globals are spread evenly over their prior. A lens is a hundred times less certain, in
/// variance, where there are many subhaloes than where there are none: with globals left to chance, by how much the hierarchy
/// narrows a lens would follow from how many sets happen to have more than ten subhaloes per arcsec^2.
pub fn tests(model: &Lensing, options: &Options) -> Result<Vec<Simulation<Lensing>>> {
    let sets: u32 = if options.quick { 20 } else { 200 };
    let test = |set: u32| -> Result<Simulation<Lensing>> {
        let even = (f64::from(set) + 0.5) / f64::from(sets);
        let globals = LensingGlobals { beta: -2.5 + 0.6 * (f64::from(set) * GOLDEN).fract(), sigma_sub: 20.0 * even };
        let seed = (options.seed ^ 0x7465_7374).wrapping_add(u64::from(set) << 32);
        let mut simulated = model.simulate(1).seed(seed).at(&globals).size("lenses", SET).run()?;
        simulated.pop().ok_or_else(|| "nothing was simulated".into())
    };
    (0..sets).map(test).collect()
}

/// Learns from a bank.
pub fn train(model: &Lensing, bank: &Bank<Lensing>, budget: Budget, seed: u64) -> Result<JointEstimator<Lensing>> {
    println!("training from {} sets of images ({budget}) ...", bank.len());
    // Of equal times, the globals need more.
    let share = match budget {
        Budget::Simulations(_) => OF_GLOBALS as f64 / (OF_GLOBALS + OF_LENSES) as f64,
        _ => 0.72,
    };
    // The image of a mirrored lens is the mirrored image: galaxy and source are symmetric, and subhaloes are as likely
    // anywhere in their ring. Turned by a right angle, an image has the major axis along y, which no lens of the model has.
    let joint = model
        .joint_npe()
        .local_bank(bank)
        .seed(seed)
        .mirror_x("lenses.image", &["theta_x"])
        .mirror_y("lenses.image", &["theta_y"])
        .local_network(of_lenses())
        .local_training(in_small_steps())
        .global_training(TrainingConfig { batch_size: Some(32), ..Default::default() })
        .share_of_globals(share);
    Ok(joint.train(budget)?)
}

/// How a lens is learned from its image: in smaller steps than numbers are, and with wider layers after those that read it. After
/// equal times they have learned more; but what they have seen more than about five times they learn by heart.
pub fn in_small_steps() -> TrainingConfig {
    TrainingConfig { batch_size: Some(64), ..Default::default() }
}

/// The sizes of the networks of lenses.
pub fn of_lenses() -> NetworkConfig {
    NetworkConfig { trunk: Some(Trunk::Residual { width: 192, blocks: 4 }), ..Default::default() }
}

/// How often regions of 68 % and 95 % hold the truth: of highest density of everything together, and central intervals of
/// each global and each local.
fn coverage(calibration: &Calibration) -> Value {
    let of = calibration.coverage(&[0.68, 0.95]).into_iter();
    of.map(|(name, shares)| (name, json!(shares.iter().map(|c| c.share).collect::<Vec<_>>()))).collect()
}

/// What is believed of a person's own images.
fn own_images(out: &Output, model: &Lensing, folder: &std::path::Path) -> Result<()> {
    let images::Images { names, photons: image } = images::read_folder(folder)?;
    let estimator = JointEstimator::load(model, out.path("posterior")).map_err(|error| {
        format!("{error}\nrun the example without `--images` first: that trains and saves a posterior")
    })?;
    let data = LensingData { lenses: LensingLenses { image } };
    let started = Instant::now();
    let posterior = estimator.condition(&data)?;
    let summary = posterior.summary();
    println!("{} images, inferred in {:.1} ms", names.len(), 1e3 * started.elapsed().as_secs_f64());
    for (i, name) in names.iter().enumerate() {
        println!("[{i}]: {name}");
    }
    println!("{summary}");
    let rows = |names: &[(&str, f64)], at: &str| -> Value {
        let row = |name: &str| common::mean_and_sd(&summary, &format!("{name}{at}"));
        names.iter().map(|(name, _)| ((*name).to_owned(), row(name))).collect()
    };
    let lenses: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(i, name)| json!({ "image": name, "posterior": rows(&LOCALS, &format!("[{i}]")) }))
        .collect();
    out.json("images.json", &json!({ "globals": rows(&GLOBALS, ""), "lenses": lenses }))
}
