//! The camera: light that is conserved, Einstein rings where they belong, and the same counts as the sums in f64.

#[path = "../examples/lensing/model.rs"]
mod model;

use hierarch::lensing::*;
use hierarch::model::Density;
use hierarch::prelude::*;
use hierarch::simulate::stream;
use model::*;

#[test]
fn lensing_draws() {
    let model = Lensing::default();
    let t = std::time::Instant::now();
    let sets = model.simulate(64).size("lenses", 1).seed(1).run().unwrap();
    println!("{:?}", t.elapsed());
    println!("{}", sets[0].locals.lenses.subhaloes.mass.len());
}

#[test]
fn smooth_gradient() {
    let model = SmoothLens::default();
    let sets = model.simulate(1).size("lenses", 1).seed(1).run().unwrap();
    let mut density = Density::new(&model, &sets[0].data).unwrap();
    let q = vec![0.1; 4];
    let mut g = vec![0.0; 4];
    let t = std::time::Instant::now();
    for _ in 0..100 {
        density.gradient(&q, &mut g);
    }
    println!("{:?} {g:?}", t.elapsed() / 100);
}

#[test]
fn smooth_gradient_plate() {
    let model = SmoothPlate::default();
    let sets = model.simulate(1).size("lenses", 1).seed(1).run().unwrap();
    let mut density = Density::new(&model, &sets[0].data).unwrap();
    let q = vec![0.1; 4];
    let mut g = vec![0.0; 4];
    let t = std::time::Instant::now();
    for _ in 0..100 {
        density.gradient(&q, &mut g);
    }
    println!("{:?} {g:?}", t.elapsed() / 100);
}
