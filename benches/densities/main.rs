//! The gradients of ordinary models, on simulated data of the sizes that `benches/peers/densities.py` compares; and for that script,
//! on data in a folder, with NUTS:
//!
//! `cargo bench -p hierarch-benches --bench densities -- --data FOLDER [NAME ..]` prints a line of JSON for each model: microseconds
//! of a gradient on one thread; the least effective sample size, and with it seconds, of 2 chains of 1000 + 1000 draws; and means and
//! sds of the first variables. With `--simulate` in the place of `--data` it writes the simulated data; `--count NAME` computes one
//! gradient in a function of its own, for `benches/instructions.sh`.

mod models;
#[path = "../../examples/resonance/model.rs"]
mod resonance;

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use criterion::Criterion;
use hierarch::draws::diagnostics::ess_bulk;
use hierarch::model::Density;
use hierarch::prelude::*;
use models::*;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    // `cargo bench` says `--bench` at the end.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match arguments.as_slice() {
        [task, name] if task == "--count" => count(name),
        [task, folder, ..] if task == "--simulate" => simulate(Path::new(folder)),
        [task, folder, wanted @ ..] if task == "--data" => {
            let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
            run_all(Path::new(folder), &is_wanted)
        }
        _ => bench(),
    }
}

fn run_all(folder: &Path, is_wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    let csv = |name: &str| folder.join(format!("{name}.csv"));
    if is_wanted("diamonds") {
        run("diamonds", &Diamonds::default(), &DiamondsData::from_csv(csv("diamonds"))?)?;
    }
    if is_wanted("nes") {
        run("nes", &Nes::default(), &NesData::from_csv(csv("nes"))?)?;
    }
    if is_wanted("nes_logistic") {
        run("nes_logistic", &NesLogistic::default(), &NesLogisticData::from_csv(csv("nes_logistic"))?)?;
    }
    if is_wanted("radon") {
        run("radon", &Radon::default(), &RadonData::from_csv(csv("radon"))?)?;
    }
    if is_wanted("irt_2pl") {
        run("irt_2pl", &Irt::default(), &IrtData::from_csv(csv("irt_2pl"))?)?;
    }
    if is_wanted("mixture") {
        run("mixture", &Mixture2::default(), &Mixture2Data::from_csv(csv("mixture"))?)?;
    }
    if is_wanted("groups_10000") {
        run("groups_10000", &Groups::default(), &GroupsData::from_csv(csv("groups_10000"))?)?;
    }
    Ok(())
}

fn diamonds() -> Result<DiamondsData> {
    Ok(Diamonds::default().simulate(1).size("rows", 5000).one()?.data)
}

fn nes() -> Result<NesData> {
    Ok(Nes::default().simulate(1).size("rows", 710).one()?.data)
}

fn nes_logistic() -> Result<NesLogisticData> {
    Ok(NesLogistic::default().simulate(1).size("rows", 710).one()?.data)
}

fn radon() -> Result<RadonData> {
    let truth = RadonGlobals { mu: 1.3, tau: 0.3, slope: [-0.7, 0.4], sigma: 0.8 };
    Ok(Radon::default().simulate(1).at(&truth).size("counties", 386).size("houses", 12_573).one()?.data)
}

fn irt_2pl() -> Result<IrtData> {
    let (model, truth) = (Irt::default(), IrtGlobals { spread: 0.5 });
    Ok(model.simulate(1).at(&truth).size("subjects", 100).size("items", 20).size("answers", 2000).one()?.data)
}

fn mixture() -> Result<Mixture2Data> {
    let truth = Mixture2Globals { weight: 0.4, low: -1.5, gap: 3.0, sigma: [1.0, 0.7] };
    Ok(Mixture2::default().simulate(1).at(&truth).size("events", 1000).one()?.data)
}

fn groups_10000() -> Result<GroupsData> {
    let truth = GroupsGlobals { mean: [0.5, 0.2], sd: [0.4, 0.3] };
    Ok(Groups::default().simulate(1).at(&truth).size("groups", 10_000).size("rows", 20).one()?.data)
}

/// Writes simulated data.
fn simulate(folder: &Path) -> Result<()> {
    let csv = |name: &str| folder.join(format!("{name}.csv"));
    diamonds()?.to_csv(csv("diamonds"))?;
    nes()?.to_csv(csv("nes"))?;
    nes_logistic()?.to_csv(csv("nes_logistic"))?;
    radon()?.to_csv(csv("radon"))?;
    irt_2pl()?.to_csv(csv("irt_2pl"))?;
    mixture()?.to_csv(csv("mixture"))?;
    Ok(groups_10000()?.to_csv(csv("groups_10000"))?)
}

/// Times the gradients.
fn bench() -> Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    time(&mut criterion, "diamonds", &Diamonds::default(), &diamonds()?)?;
    time(&mut criterion, "nes", &Nes::default(), &nes()?)?;
    time(&mut criterion, "nes_logistic", &NesLogistic::default(), &nes_logistic()?)?;
    time(&mut criterion, "radon", &Radon::default(), &radon()?)?;
    time(&mut criterion, "irt_2pl", &Irt::default(), &irt_2pl()?)?;
    time(&mut criterion, "mixture", &Mixture2::default(), &mixture()?)?;
    time(&mut criterion, "groups_10000", &Groups::default(), &groups_10000()?)?;
    criterion.final_summary();
    Ok(())
}

fn time<M: Likelihood>(criterion: &mut Criterion, name: &str, model: &M, data: &M::Data) -> Result<()> {
    let mut density = Density::new(model, data)?;
    let (q, mut gradient) = (position(density.dimension()), vec![0.0; density.dimension()]);
    criterion.bench_function(&format!("density/{name}"), |b| {
        b.iter(|| density.gradient(black_box(&q), &mut gradient));
    });
    Ok(())
}

/// Computes one gradient of the model `name`, after one that fills buffers.
fn count(name: &str) -> Result<()> {
    match name {
        "resonance" => {
            let model = resonance::Resonance::default();
            let truth = resonance::ResonanceGlobals { fraction: 0.2, mass: 1.0 };
            count_of(&model, &model.simulate(1).at(&truth).size("events", 100).one()?.data)
        }
        "diamonds" => count_of(&Diamonds::default(), &diamonds()?),
        "nes" => count_of(&Nes::default(), &nes()?),
        "nes_logistic" => count_of(&NesLogistic::default(), &nes_logistic()?),
        "radon" => count_of(&Radon::default(), &radon()?),
        "irt_2pl" => count_of(&Irt::default(), &irt_2pl()?),
        "mixture" => count_of(&Mixture2::default(), &mixture()?),
        "groups_10000" => count_of(&Groups::default(), &groups_10000()?),
        other => Err(format!("there is no model `{other}`").into()),
    }
}

fn count_of<M: Likelihood>(model: &M, data: &M::Data) -> Result<()> {
    let mut density = Density::new(model, data)?;
    let (q, mut gradient) = (position(density.dimension()), vec![0.0; density.dimension()]);
    density.gradient(&q, &mut gradient);
    counted(&mut || density.gradient(&q, &mut gradient));
    Ok(())
}

#[inline(never)]
fn counted(f: &mut dyn FnMut() -> f64) {
    black_box(f());
}

/// Somewhere near the middle of everything.
fn position(dimension: usize) -> Vec<f64> {
    (0..dimension).map(|i| 0.1 * (i as f64).sin()).collect()
}

fn run<M: Likelihood>(name: &str, model: &M, data: &M::Data) -> Result<()> {
    let mut density = Density::new(model, data)?;
    eprint!("{name}: {} unknowns\n{}", density.dimension(), density.plan());
    let q = position(density.dimension());
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
    let ess = ess.collect::<Result<Vec<f64>>>()?.into_iter().fold(f64::INFINITY, f64::min);
    let globals: Vec<String> =
        summary.rows.iter().take(12).map(|r| format!("\"{}\": [{}, {}]", r.name, r.mean, r.sd)).collect();
    println!(
        "{{\"name\": \"{name}\", \"us\": {best:.3}, \"ess\": {ess:.1}, \"seconds\": {seconds:.4}, \"rhat\": {:.4}, \"globals\": {{{}}}}}",
        chains.rhat_max(),
        globals.join(", ")
    );
    Ok(())
}
