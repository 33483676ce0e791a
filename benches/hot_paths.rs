//! The hot paths of `resonance`: the gradient of its density, its simulator, a training step, inference on new data, and its
//! refinement; and the simulator of `lensing`.

#[allow(dead_code)]
#[path = "../examples/lensing/model.rs"]
mod lensing;
#[path = "../examples/resonance/model.rs"]
mod model;
#[allow(dead_code)]
#[path = "../examples/resonance/statistic.rs"]
mod statistic;

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Instant;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use hierarch::model::Density;
use hierarch::nn::{
    Activation, Architecture, Batch, Encoder, Family, PlateShape, Rows, Settings, Shape, Trainer, TrainingSource, Trunk,
};
use hierarch::prelude::*;
use lensing::Lensing;
use model::{Resonance, ResonanceGlobals};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;
use statistic::{Classified, ClassifiedGlobals};

fn density(c: &mut Criterion) {
    let model = Resonance::default();
    let globals = ResonanceGlobals { fraction: 0.2, mass: 1.0 };
    let sets = model.simulate(1).at(&globals).size("events", 100).seed(1).run().expect("the model can be simulated");
    let mut density = Density::new(&model, &sets[0].data).expect("simulated data are good data");
    let mut gradient = [0.0; 2];
    let mut group = c.benchmark_group("density");
    group.throughput(Throughput::Elements(100));
    group.bench_function("resonance_100", |b| b.iter(|| density.gradient(black_box(&[-1.4, 1.0]), &mut gradient)));
    // A user's own distribution; and a second model, which what is inlined by chance does not survive.
    let (model, globals) = (Classified::default(), ClassifiedGlobals { fraction: 0.2, mass: 1.0 });
    let sets = model.simulate(1).at(&globals).size("events", 100).seed(1).run().expect("the model can be simulated");
    let mut density = Density::new(&model, &sets[0].data).expect("simulated data are good data");
    group.bench_function("statistic_100", |b| b.iter(|| density.gradient(black_box(&[-1.4, 1.0]), &mut gradient)));
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
    // Of one lens each, with as many subhaloes as the prior has.
    let model = Lensing::default();
    group.throughput(Throughput::Elements(64));
    group.bench_function("lens_images_64", |b| {
        b.iter(|| {
            seed += 1;
            model.simulate(64).size("lenses", 1).seed(seed).run().expect("the model can be simulated")
        })
    });
    group.finish();
}

/// Data sets that were drawn beforehand, so that a step is timed without simulation.
struct Drawn {
    batch: Batch,
    targets: Vec<f32>,
}

impl Drawn {
    fn new() -> Self {
        let sets =
            Resonance::default().simulate(512).size("events", 100).seed(1).run().expect("the model can be simulated");
        let features = sets.iter().flat_map(|s| s.data.events.x.iter().map(|x| *x as f32)).collect();
        let rows = Rows { width: 1, features, offsets: (0..=512).map(|set| 100 * set).collect(), children: vec![] };
        let batch = Batch { sets: 512, plates: vec![rows], ..Batch::default() };
        Self { batch, targets: sets.iter().map(|s| s.globals.fraction as f32).collect() }
    }

    fn shape() -> Shape {
        Shape { width: 0, plates: vec![PlateShape { width: 1, children: vec![], image: None }], targets: 1 }
    }
}

impl TrainingSource for Drawn {
    type Error = Infallible;

    fn draw(&self, _: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), Infallible> {
        let first = first % (self.batch.sets + 1 - sets);
        let dims = self.targets.len() / self.batch.sets;
        Ok((self.batch.slice(first..first + sets), self.targets[dims * first..dims * (first + sets)].to_vec()))
    }
}

/// Images of 64 x 64 of a Gaussian spot with noise, 25 in each data set: the spots' size is common, and so is the mean of
/// their places.
mod spots {
    use super::*;

    pub const SETS: usize = 8;
    const IMAGES: usize = 25;
    const SIDE: usize = 64;

    pub fn draw() -> Drawn {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
        let (mut features, mut targets) = (Vec::new(), Vec::new());
        let sets = 64;
        for _ in 0..sets {
            let (size, mean) = (random.random_range(3.0..9.0), random.random_range(24.0..40.0));
            targets.extend([size, mean]);
            for _ in 0..IMAGES {
                let place: f32 = mean + random.random_range(-8.0..8.0);
                for pixel in 0..SIDE * SIDE {
                    let (line, column) = ((pixel / SIDE) as f32 - 31.5, (pixel % SIDE) as f32 - place);
                    let spot = (-0.5 * (line * line + column * column) / (size * size)).exp();
                    features.push(10.0 * spot + random.random_range(0.0..2.0));
                }
            }
        }
        let offsets = (0..=sets * IMAGES).collect();
        let images = Rows { width: SIDE * SIDE, features, offsets, children: vec![] };
        let offsets = (0..=sets).map(|set| IMAGES * set).collect();
        let plate = Rows { offsets, children: vec![images], ..Rows::default() };
        Drawn { batch: Batch { sets, plates: vec![plate], ..Batch::default() }, targets }
    }

    pub fn shape() -> Shape {
        let plate = PlateShape { children: vec![PlateShape::image(SIDE, SIDE)], ..PlateShape::default() };
        Shape { width: 0, plates: vec![plate], targets: 2 }
    }

    /// Of an image, each convolution has 9 times its channels at each place of what it makes.
    pub fn work() -> Work {
        let convolutions = [(32, 1, 16), (16, 16, 32), (8, 32, 64), (4, 64, 96)];
        let each = convolutions.map(|(side, from, to)| (9 * side * side * from * to) as f64);
        let all: f64 = each.iter().sum();
        let layers = Work::layers(&[4 * 4 * 96, 256, 128, 128], false);
        let row = (layers.0 + 2.0 * all, layers.1 + all - each[0]);
        let set = Work::layers(&[&[128][..], &[96; 14]].concat(), false);
        Work { rows: IMAGES * SETS, row, set, sets: SETS }
    }
}

/// Multiplications of one forward pass: of a row, and of a set. The backward pass has as many for the weights, and as many
/// for what each layer reads, where that is not data.
struct Work {
    rows: usize,
    row: (f64, f64),
    set: (f64, f64),
    sets: usize,
}

impl Work {
    /// Of layers of these widths, of which the first reads data or not: forward and weights, and inputs.
    fn layers(widths: &[usize], data: bool) -> (f64, f64) {
        let each: Vec<f64> = widths.windows(2).map(|pair| (pair[0] * pair[1]) as f64).collect();
        (2.0 * each.iter().sum::<f64>(), each[usize::from(data)..].iter().sum())
    }

    fn flops(&self) -> f64 {
        2.0 * (self.rows as f64 * (self.row.0 + self.row.1) + self.sets as f64 * (self.set.0 + self.set.1))
    }
}

/// Multiplications and additions a second of matrix products on all threads at once.
fn peak() -> f64 {
    const SIDE: usize = 512;
    let product = |_| {
        let (a, b, mut c) = (vec![0.5_f32; SIDE * SIDE], vec![0.25_f32; SIDE * SIDE], vec![0.0_f32; SIDE * SIDE]);
        for _ in 0..40 {
            let side = SIDE as isize;
            // SAFETY: all three are SIDE x SIDE, row-major, and `c` is borrowed mutably.
            unsafe {
                gemm::gemm(
                    SIDE,
                    SIDE,
                    SIDE,
                    c.as_mut_ptr(),
                    1,
                    side,
                    false,
                    a.as_ptr(),
                    1,
                    side,
                    b.as_ptr(),
                    1,
                    side,
                    0.0,
                    1.0,
                    false,
                    false,
                    false,
                    gemm::Parallelism::None,
                );
            }
        }
        c[0]
    };
    let threads = rayon::current_num_threads();
    let time = || {
        let start = Instant::now();
        black_box((0..threads).into_par_iter().map(product).sum::<f32>());
        start.elapsed().as_secs_f64()
    };
    let best = (0..5).map(|_| time()).fold(f64::INFINITY, f64::min);
    2.0 * (SIDE.pow(3) * 40 * threads) as f64 / best
}

fn train_step(c: &mut Criterion) {
    let (source, shape) = (Drawn::new(), Drawn::shape());
    let published = Architecture {
        bins: 0,
        element_layers: vec![128, 128, 128],
        activation: Activation::Relu,
        trunk: Trunk::Plain(vec![64, 128, 128, 128]),
        output: Family::Gaussian.into(),
        ..Architecture::default()
    };
    let wide = Trunk::Residual { width: 256, blocks: 3 };
    let default = Architecture { bins: 141, trunk: wide, ..Architecture::default() };
    let work = |rows, row: &[usize], sets, set: &[usize], data| Work {
        rows,
        row: Work::layers(row, true),
        set: Work::layers(set, data),
        sets,
    };
    let features = default.bins + 2;
    let with = |family: Family| Architecture { output: family.into(), ..published.clone() };
    // Multiplications that a flow adds are not counted: they are one in a hundred.
    let published_work = || work(25_600, &[1, 128, 128, 128], 256, &[128, 64, 128, 128, 128, 3], false);
    let cases = [
        ("resonance_256x100", 256, published.clone(), published_work()),
        ("resonance_256x100_maf", 256, with(Family::maf()), published_work()),
        ("resonance_256x100_nsf", 256, with(Family::nsf()), published_work()),
        (
            "default_resonance_512x100",
            512,
            default,
            work(0, &[0, 0], 512, &[features, 256, 256, 256, 256, 256, 256, 256, 18], true),
        ),
    ];
    let mut group = c.benchmark_group("train_step");
    let peak = peak();
    for (name, sets, architecture, work) in cases {
        let settings = Settings {
            batch_size: sets,
            architecture,
            weight_decay: 0.01,
            ..Settings::new(Budget::simulations(u64::MAX))
        };
        time_step(&mut group, name, &shape, &source, &settings, &work, peak);
    }
    let architecture = Architecture::sized(&spots::shape());
    let settings = Settings {
        batch_size: spots::SETS,
        architecture,
        pilot: 64,
        validation: 8,
        ..Settings::new(Budget::simulations(u64::MAX))
    };
    time_step(&mut group, "lensing_8x25", &spots::shape(), &spots::draw(), &settings, &spots::work(), peak);
    group.finish();
}

fn time_step<S: TrainingSource<Error = Infallible>>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    shape: &Shape,
    source: &S,
    settings: &Settings,
    work: &Work,
    peak: f64,
) {
    let mut trainer = Trainer::new(shape, source, settings).expect("the settings are good");
    let mut step = || trainer.step().expect("the data are good");
    group.throughput(Throughput::Elements(settings.batch_size as u64));
    group.bench_function(name, |b| b.iter(&mut step));
    let mut times: Vec<f64> = (0..100)
        .map(|_| {
            let start = Instant::now();
            step();
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let speed = work.flops() / times[50];
    println!(
        "{name}: median {:.2} ms, {:.0} GFLOP/s of matrix products, {:.0} % of this machine's peak ({:.0} GFLOP/s)",
        1e3 * times[50],
        1e-9 * speed,
        100.0 * speed / peak,
        1e-9 * peak
    );
}

/// A training step with each of the encoders, where nothing is pooled but what they make of the rows.
fn encoders(c: &mut Criterion) {
    let (source, shape) = (Drawn::new(), Drawn::shape());
    let mut group = c.benchmark_group("encoder_step_256x100");
    for (name, encoder) in
        [("deep_set", Encoder::DeepSet), ("attention", Encoder::ATTENTION), ("causal", Encoder::CAUSAL)]
    {
        let architecture = Architecture { bins: 0, encoder, ..Architecture::default() };
        let settings = Settings { architecture, ..Settings::new(Budget::simulations(u64::MAX)) };
        let mut trainer = Trainer::new(&shape, &source, &settings).expect("the settings are good");
        group.bench_function(name, |b| b.iter(|| trainer.step().expect("the data are good")));
    }
    group.finish();
}

fn condition(c: &mut Criterion) {
    let model = Resonance::default();
    let estimator = model.npe().train(Budget::simulations(5_000)).expect("the model can be learned");
    let data = model.simulate(1).size("events", 100).seed(1).run().expect("the model can be simulated").remove(0).data;
    let mut group = c.benchmark_group("condition");
    group.bench_function("resonance_100", |b| b.iter(|| estimator.condition(black_box(&data)).expect("good data")));
    group.finish();
}

fn importance_sample(c: &mut Criterion) {
    let model = Resonance::default();
    let estimator = model.npe().train(Budget::simulations(50_000)).expect("the model can be learned");
    let truth = ResonanceGlobals { fraction: 0.2, mass: 2.5 };
    let sets = model.simulate(1).at(&truth).size("events", 100).seed(1).run().expect("the model can be simulated");
    let posterior = estimator.condition(&sets[0].data).expect("simulated data are good data");
    let mut group = c.benchmark_group("refine");
    group.throughput(Throughput::Elements(4000));
    let run = || posterior.importance_sample(&model, black_box(&sets[0].data)).expect("the draws are possible");
    group.bench_function("resonance_100", |b| b.iter(run));
    group.finish();
}

/// Draws of two numbers.
fn sample(c: &mut Criterion) {
    let model = Resonance::default();
    let data = model.simulate(1).size("events", 100).seed(1).run().expect("the model can be simulated").remove(0).data;
    let mut group = c.benchmark_group("sample");
    group.throughput(Throughput::Elements(1000));
    for (name, family) in [("maf_1000", Family::maf()), ("nsf_1000", Family::nsf())] {
        let npe = model.npe().network(NetworkConfig { family: Some(family), ..Default::default() });
        let estimator = npe.train(Budget::simulations(5_000)).expect("the model can be learned");
        let posterior = estimator.condition(&data).expect("good data");
        group.bench_function(name, |b| b.iter(|| posterior.sample(black_box(1000), 1)));
    }
    group.finish();
}

criterion_group!(benches, density, simulate, train_step, encoders, condition, sample, importance_sample);
criterion_main!(benches);
