//! Dark matter subhaloes in images of strong gravitational lenses (arXiv 2306.12584, section 4.3): how many there are
//! and how their masses are distributed, from up to 25 images.
//!
//! `cargo run --release --example lensing`

#[allow(dead_code, reason = "each example uses a part of it")]
#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, reason = "the smooth lens is for those who share the model")]
mod model;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use common::{Options, Output, Result, report};
use hierarch::plot;
use hierarch::prelude::*;
use model::Lensing;
use serde_json::json;

/// Simulates images of lenses.
#[derive(Parser, Debug)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    report(run(&Arguments::parse()))
}

fn run(Arguments { options }: &Arguments) -> Result<()> {
    let model = Lensing::default();
    let out = Output::new("lensing", options);
    out.picture("plates", &plot::plate_diagram(&model.specification()))?;

    let images = if options.quick { 2_000 } else { 20_000 };
    let start = Instant::now();
    let sets = model.simulate(images).size("lenses", 1).seed(options.seed).run()?;
    let speed = images as f64 / start.elapsed().as_secs_f64();
    let subhaloes: usize = sets.iter().map(|set| set.locals.lenses.subhaloes.mass.len()).sum();
    let subhaloes = subhaloes as f64 / images as f64;
    println!("{images} images of {subhaloes:.1} subhaloes on average: {speed:.0} a second");
    out.summary(&json!({ "images": images, "subhaloes_per_image": subhaloes, "images_per_second": speed }))
}
