//! x
#[allow(dead_code)]
#[path = "../common/mod.rs"]
mod common;
mod judge;
#[allow(dead_code)]
mod model;
use hierarch::prelude::*;
use model::*;
use std::time::Instant;
fn main() -> common::Result<()> {
    let arg = |i: usize, d: f64| std::env::args().nth(i).map_or(d, |s| s.parse().unwrap());
    let (sets, locals, globals, per, tests) =
        (arg(1, 2000.0) as usize, arg(2, 60.0), arg(3, 60.0), arg(4, 32.0) as usize, arg(5, 100.0) as usize);
    let model = Lensing::default();
    let start = Instant::now();
    let bank = model.simulate(sets).seed(1).bank("/tmp/lensbank")?;
    println!("bank {sets} sets in {:.1} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let posterior = model
        .joint_npe()
        .bank(&bank)
        .seed(1)
        .global_settings(|s| {
            s.sets = per;
        })
        .train(Budget::seconds(locals + globals))?;
    println!("trained in {:.1} s", start.elapsed().as_secs_f64());
    let g = posterior.globals().unwrap();
    for r in g.history().iter().step_by(6) {
        println!("{r:?}");
    }
    println!("{:?}", posterior.warnings());
    posterior.save("/tmp/lenspost")?;
    let tests = model.simulate(tests).seed(77).size("lenses", 25).run()?;
    let start = Instant::now();
    judge::Judged::new(&posterior, &tests)?.print();
    println!("judged in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}
