//! The hot paths of `resonance`: the gradient of its density and its simulator.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hierarch::model::Density;
use hierarch::prelude::*;

model! {
    /// A narrow resonance of unknown mass on a smooth background.
    pub Resonance {
        param width: f64 = 0.1;
        global fraction ~ Uniform(0.0, 1.0);
        global mass ~ Normal(1.0, 2.0);
        plate events(1..=200) {
            local signal ~ Bernoulli(fraction);
            let (mean, sd) = if signal { (mass, width) } else { (0.0, 1.0) };
            observe x ~ Normal(mean, sd);
        }
    }
}

fn density(c: &mut Criterion) {
    let model = Resonance::default();
    let globals = ResonanceGlobals { fraction: 0.2, mass: 1.0 };
    let sets = model.simulate(1).at(&globals).size("events", 100).seed(1).run().expect("the model can be simulated");
    let mut density = Density::new(&model, &sets[0].data).expect("simulated data are good data");
    let mut gradient = [0.0; 2];
    let mut group = c.benchmark_group("density");
    group.throughput(Throughput::Elements(100));
    group.bench_function("resonance_100", |b| b.iter(|| density.gradient(black_box(&[-1.4, 1.0]), &mut gradient)));
    group.finish();
}

fn simulate(c: &mut Criterion) {
    let model = Resonance::default();
    let mut group = c.benchmark_group("simulate");
    group.throughput(Throughput::Elements(100_000));
    let mut seed = 0;
    group.bench_function("resonance_1000x100", |b| {
        b.iter(|| {
            seed += 1;
            model.simulate(1000).size("events", 100).seed(seed).run().expect("the model can be simulated")
        })
    });
    group.finish();
}

criterion_group!(benches, density, simulate);
criterion_main!(benches);
