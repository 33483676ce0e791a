#![allow(missing_docs)]
use hierarch::nn::Encoder;
use hierarch::prelude::*;
use rayon::prelude::*;
use std::time::Instant;

model! {
    pub Nested {
        global theta[3] ~ Normal(0.0, 3.0);
        plate elements(1..=200) {
            plate draws(5) {
                observe x[3] ~ MvNormal(theta, [[2.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 6.0]]);
            }
        }
    }
}
model! {
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

fn exact(x: &[[f64; 3]]) -> ([f64; 3], [f64; 3]) {
    let mut out = ([0.0; 3], [0.0; 3]);
    for k in 0..3 {
        let s2 = 2.0 * (k + 1) as f64;
        let precision = x.len() as f64 / s2 + 1.0 / 9.0;
        out.0[k] = x.iter().map(|x| x[k]).sum::<f64>() / s2 / precision;
        out.1[k] = precision.sqrt().recip();
    }
    out
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let sets: u64 = args[2].parse().unwrap();
    let causal = args.get(3).is_some_and(|a| a == "causal");
    let start = Instant::now();
    if args[1] == "resonance" {
        let model = Resonance::default();
        for globals in [&["fraction"][..], &["fraction", "mass"]] {
            let start = Instant::now();
            let p = model.npe().globals(globals).seed(1).train(Budget::sets(sets)).unwrap();
            let all: Vec<String> = p.history().iter().map(|r| format!("{:.4}", r.validation)).collect();
            println!("{globals:?} {:.1} s: {}", start.elapsed().as_secs_f64(), all.join(" "));
        }
        return;
    }
    let model = Nested::default();
    let p = model.npe().seed(1).settings(|s| {
        if causal {
            s.architecture.encoder = Encoder::Causal { width: 32, heads: 4, blocks: 2 }
        }
    });
    let p = match args.get(4) {
        Some(f) if f == "gauss" => p.settings(|s| s.architecture.family = hierarch::nn::Family::Gaussian),
        _ => p,
    };
    let p = p.settings(|s| {
        for a in &args[5.min(args.len())..] {
            let (k, v) = a.split_once('=').unwrap();
            match k {
                "pilot" => s.pilot = v.parse().unwrap(),
                "lr" => s.learning_rate = v.parse().unwrap(),
                "sets" => s.sets = v.parse().unwrap(),
                "blocks" => {
                    if let hierarch::nn::Trunk::Residual { blocks, .. } = &mut s.architecture.set {
                        *blocks = v.parse().unwrap()
                    }
                }
                "bins" => s.architecture.bins = v.parse().unwrap(),
                "row" => s.architecture.row = vec![v.parse().unwrap(); 2],
                _ => panic!(),
            }
        }
    });
    let p = p.train(Budget::sets(sets)).unwrap();
    let secs = start.elapsed().as_secs_f64();
    println!(
        "trained {sets} in {secs:.1} s, {:.0} sets/s, simulation {:.2}",
        sets as f64 / secs,
        p.history().last().map_or(0.0, |r| r.simulation)
    );
    let all: Vec<String> = p.history().iter().map(|r| format!("{:.4}", r.validation)).collect();
    println!("{}", all.join(" "));
    for n in [1, 2, 5, 10, 20, 50, 100, 200] {
        let drawn = model.simulate(200).size("elements", n).seed(7).run().unwrap();
        let each: Vec<(f64, [f64; 3], [f64; 3])> = drawn
            .par_iter()
            .map(|s| {
                let rows = &s.data.elements.draws.x;
                let (mean, sd) = exact(rows);
                let belief = if causal && n > 1 {
                    p.condition_prefixes(&s.data).unwrap().pop().unwrap()
                } else {
                    p.condition(&s.data).unwrap()
                };
                let mut kl = 0.0;
                let m = 200;
                for i in 0..m {
                    let z: Vec<f64> = (0..3)
                        .map(|k| {
                            let u = (0.5 + i as f64 * [0.8191725134, 0.6710436067, 0.5497004779][k]).fract();
                            std::f64::consts::SQRT_2 * statrs::function::erf::erf_inv(2.0 * u - 1.0)
                        })
                        .collect();
                    for sign in [1.0, -1.0] {
                        let t: [f64; 3] = std::array::from_fn(|k| mean[k] + sign * sd[k] * z[k]);
                        let logp: f64 = (0..3).map(|k| Normal::new(mean[k], sd[k]).log_density(t[k])).sum();
                        kl += (logp - belief.log_density(&NestedGlobals { theta: t })) / (2 * m) as f64;
                    }
                }
                let s = belief.summary();
                (
                    kl,
                    std::array::from_fn(|k| s.rows[k].sd / sd[k] - 1.0),
                    std::array::from_fn(|k| (s.rows[k].mean - mean[k]) / sd[k]),
                )
            })
            .collect();
        let kl = each.iter().map(|e| e.0).sum::<f64>() / 200.0;
        let med = |k: usize| {
            let mut v: Vec<f64> = each.iter().map(|e| e.1[k]).collect();
            v.sort_by(f64::total_cmp);
            v[100]
        };
        let rms = |k: usize| (each.iter().map(|e| e.2[k].powi(2)).sum::<f64>() / 200.0).sqrt();
        println!(
            "n {n:4}  KL {kl:.4}  sd error {:+.4} {:+.4} {:+.4}  mean off (rms) {:.4} {:.4} {:.4}",
            med(0),
            med(1),
            med(2),
            rms(0),
            rms(1),
            rms(2)
        );
    }
}
