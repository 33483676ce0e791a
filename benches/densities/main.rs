//! The gradient of each model's density, and NUTS with it, on data in a folder: for `benches/peers/densities.py`.
//!
//! `cargo bench -p hierarch-benches --bench densities -- --data FOLDER [NAME ..]` prints a line of JSON for each model: microseconds of a gradient on one thread; the least effective
//! sample size, and with it seconds, of 2 chains of 1000 + 1000 draws; and means and sds of the globals. With `--simulate` in the
//! place of `--data` it writes data sets of the sizes that are compared.

mod models;

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use hierarch::draws::diagnostics::ess_bulk;
use hierarch::model::Density;
use hierarch::prelude::*;
use models::*;

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo bench` says `--bench` at the end.
    let mut arguments = std::env::args().skip(1).filter(|a| a != "--bench");
    let task = arguments.next();
    let Some(folder) = arguments.next() else { return Ok(()) };
    if task.as_deref() == Some("--simulate") {
        return simulate(Path::new(&folder));
    }
    let wanted: Vec<String> = arguments.collect();
    let folder = Path::new(&folder);
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    if is_wanted("diamonds") {
        run("diamonds", &Diamonds::default(), &DiamondsData::from_csv(folder.join("diamonds.csv"))?)?;
    }
    if is_wanted("nes") {
        run("nes", &Nes::default(), &NesData::from_csv(folder.join("nes.csv"))?)?;
    }
    if is_wanted("nes_logistic") {
        run("nes_logistic", &NesLogistic::default(), &NesLogisticData::from_csv(folder.join("nes_logistic.csv"))?)?;
    }
    if is_wanted("radon") {
        run("radon", &Radon::default(), &RadonData::from_csv(folder.join("radon.csv"))?)?;
    }
    if is_wanted("irt_2pl") {
        run("irt_2pl", &Irt::default(), &IrtData::from_csv(folder.join("irt_2pl.csv"))?)?;
    }
    if is_wanted("mixture") {
        run("mixture", &Mixture2::default(), &Mixture2Data::from_csv(folder.join("mixture.csv"))?)?;
    }
    if is_wanted("groups_10000") {
        run("groups_10000", &Groups::default(), &GroupsData::from_csv(folder.join("groups_10000.csv"))?)?;
    }
    Ok(())
}

/// Writes simulated data.
fn simulate(folder: &Path) -> Result<(), Box<dyn Error>> {
    let csv = |name: &str| folder.join(format!("{name}.csv"));
    Diamonds::default().simulate(1).size("rows", 5000).one()?.data.to_csv(csv("diamonds"))?;
    Nes::default().simulate(1).size("rows", 710).one()?.data.to_csv(csv("nes"))?;
    NesLogistic::default().simulate(1).size("rows", 710).one()?.data.to_csv(csv("nes_logistic"))?;
    let (radon, irt, mixture, groups) = (Radon::default(), Irt::default(), Mixture2::default(), Groups::default());
    let truth = RadonGlobals { mu: 1.3, tau: 0.3, slope: [-0.7, 0.4], sigma: 0.8 };
    let set = radon.simulate(1).at(&truth).size("counties", 386).size("houses", 12_573).one()?;
    set.data.to_csv(csv("radon"))?;
    let truth = IrtGlobals { spread: 0.5 };
    let set = irt.simulate(1).at(&truth).size("subjects", 100).size("items", 20).size("answers", 2000).one()?;
    set.data.to_csv(csv("irt_2pl"))?;
    let truth = Mixture2Globals { weight: 0.4, low: -1.5, gap: 3.0, sigma: [1.0, 0.7] };
    mixture.simulate(1).at(&truth).size("events", 1000).one()?.data.to_csv(csv("mixture"))?;
    let truth = GroupsGlobals { mean: [0.5, 0.2], sd: [0.4, 0.3] };
    let set = groups.simulate(1).at(&truth).size("groups", 10_000).size("rows", 20).one()?;
    Ok(set.data.to_csv(csv("groups_10000"))?)
}

fn run<M: Likelihood>(name: &str, model: &M, data: &M::Data) -> Result<(), Box<dyn Error>> {
    let mut density = Density::new(model, data)?;
    eprint!("{name}: {} unknowns\n{}", density.dimension(), density.plan());
    let q: Vec<f64> = (0..density.dimension()).map(|i| 0.1 * (i as f64).sin()).collect();
    let mut gradient = vec![0.0; q.len()];
    let (mut best, started) = (f64::INFINITY, Instant::now());
    while started.elapsed().as_secs_f64() < 1.0 {
        let (calls, round) = (20, Instant::now());
        (0..calls).for_each(|_| {
            black_box(density.gradient(black_box(&q), &mut gradient));
        });
        best = best.min(1e6 * round.elapsed().as_secs_f64() / f64::from(calls));
    }
    let started = Instant::now();
    let chains = model.nuts(data).seed(1).chains(2).warmup(1000).draws(1000).run()?;
    let seconds = started.elapsed().as_secs_f64();
    let summary = chains.summary();
    let ess = summary.rows.iter().map(|row| Ok(ess_bulk(&chains.by_chain(&row.name)?)));
    let ess = ess.collect::<Result<Vec<f64>, Box<dyn Error>>>()?.into_iter().fold(f64::INFINITY, f64::min);
    let globals: Vec<String> =
        summary.rows.iter().take(12).map(|r| format!("\"{}\": [{}, {}]", r.name, r.mean, r.sd)).collect();
    println!(
        "{{\"name\": \"{name}\", \"us\": {best:.3}, \"ess\": {ess:.1}, \"seconds\": {seconds:.4}, \"rhat\": {:.4}, \"globals\": {{{}}}}}",
        chains.rhat_max(),
        globals.join(", ")
    );
    Ok(())
}
