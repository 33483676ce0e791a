//! Experiments.
mod models;
#[path = "../../examples/resonance/model.rs"]
mod resonance;
use hierarch::nn::Trunk;
use hierarch::prelude::*;
use models::*;
use std::time::Instant;
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

model! { pub Rate { global rate ~ Gamma(2.0, 1.0); plate days(1..=30) { observe n ~ Poisson(rate); } } }
model! { pub One { global mu ~ Normal(0.0, 3.0); global sd ~ LogNormal(0.0, 0.5); plate events(1..=20) { observe y ~ Normal(mu, sd); } } }
fn var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
fn num(name: &str, default: f64) -> f64 {
    var(name).map_or(default, |v| v.parse().unwrap())
}

fn run<M: Generative>(name: &str, model: &M, observed: &[M::Data], dims: usize) -> Result<()>
where
    M::Data: Sync,
{
    let sims = num("SIMS", 10_000.0) as usize;

    let folder = std::env::temp_dir().join(format!("sbibm_{name}_{sims}_{}", var("EDGE").unwrap_or_default()));
    let bank = model.simulate(sims).seed(1).bank(&folder)?;
    let family = match var("FAMILY").as_deref() {
        Some("nsf") => Some(Family::Nsf {
            steps: num("STEPS", 2.0) as usize,
            width: num("WIDTH", 48.0) as usize,
            bins: num("BINS", 10.0) as usize,
        }),
        Some("mix") => Some(Family::Mixture { components: 16 }),
        _ => None,
    };
    let trunk = var("TRUNK").map(|t| {
        let (w, b) = t.split_once('x').unwrap();
        Trunk::Residual { width: w.parse().unwrap(), blocks: b.parse().unwrap() }
    });
    let network = NetworkConfig { family, trunk, bins: var("SOFT").map(|v| v.parse().unwrap()), ..Default::default() };
    let training = TrainingConfig {
        batch_size: var("BATCH").map(|v| v.parse().unwrap()),
        learning_rate: var("LR").map(|v| v.parse().unwrap()),
        weight_decay: var("WD").map(|v| v.parse().unwrap()),
        patience: var("PATIENCE").map(|v| v.parse().unwrap()),
        ..Default::default()
    };
    let start = Instant::now();
    let budget = match var("SETS") {
        Some(s) if var("CONV").is_some() => Budget::until_converged(s.parse()?),
        Some(s) => Budget::simulations(s.parse()?),
        None => Budget::seconds(num("SECONDS", 60.0)),
    };
    let mut npe = model.npe().seed(num("SEED", 1.0) as u64).network(network).training(training);
    if var("FRESH").is_none() {
        npe = npe.bank(&bank);
    }
    if let Some(n) = var("ENSEMBLE") {
        npe = npe.ensemble(n.parse()?);
    }
    let estimator = npe.train(budget)?;
    for record in estimator.history() {
        eprintln!(
            "  {:8} sets {:7.1} s loss {:.4} held out {:.4}",
            record.sets, record.seconds, record.loss, record.validation
        );
    }
    eprintln!("{name}: {:.1} s, {:?}", start.elapsed().as_secs_f64(), estimator.warnings());
    // Held-out loss on fresh simulations.
    let fresh = model.simulate(4000).seed(77).run()?;
    let mut sum = 0.0;
    for s in &fresh {
        sum -= estimator.condition(&s.data)?.log_density(&s.globals);
    }
    eprintln!("{name}: fresh loss {:.4}", sum / 4000.0);
    let out = std::path::PathBuf::from(var("OUT").unwrap_or("/tmp/sbibm_out".into()));
    std::fs::create_dir_all(&out)?;
    for (i, data) in observed.iter().enumerate() {
        let draws = estimator.condition(data)?.sample(10_000, 5);
        let mut text = String::new();
        for k in 0..10_000 {
            for d in 0..dims {
                text.push_str(&format!("{}{}", draws[d][k], if d + 1 < dims { "," } else { "\n" }));
            }
        }
        std::fs::write(out.join(format!("{name}_{}.csv", i + 1)), text)?;
    }
    Ok(())
}

fn main() -> Result<()> {
    if var("TASK").as_deref() == Some("resonance") {
        return run("resonance", &resonance::Resonance::default(), &[], 0);
    }
    if var("TASK").as_deref() == Some("rate") {
        return run("rate", &Rate::default(), &[], 0);
    }
    if var("TASK").as_deref() == Some("one") {
        return run("one", &One::default(), &[], 0);
    }
    let wanted = var("TASK").unwrap_or("two_moons,slcp,gaussian_mixture".into());
    if wanted.contains("two_moons") {
        let x = [
            [-0.6396706, 0.16234657],
            [-0.5676688, -0.33194834],
            [0.0030109584, -0.6457662],
            [-0.25049388, 0.633055],
            [-0.66463584, -0.42604533],
        ];
        let data: Vec<_> = x.into_iter().map(|[x, y]| TwoMoonsData { x, y }).collect();
        run("two_moons", &TwoMoons::default(), &data, 2)?;
    }
    if wanted.contains("slcp") {
        let x = [
            [2.3718784, 0.49947417, 9.931435, 1.7136912, -10.436423, -1.9067793, -1.2343777, -0.09735],
            [-0.66452104, -2.9279308, -16.49147, 4.06107, 4.232153, -4.652277, -4.9924355, -1.5655216],
            [3.5023372, 5.254722, 8.685451, 9.995327, 0.40782332, -5.7111573, 10.605566, 12.695774],
            [-1.6371447, -0.037302777, -1.5622597, 0.031204943, -3.683134, 0.09953671, -1.7389069, 0.0309663],
            [-8.801672, 8.726709, -10.484016, 6.857725, -6.769688, 7.574161, 3.804308, 2.7593615],
        ];
        let data: Vec<_> = x
            .into_iter()
            .map(|x: [f64; 8]| SlcpData { points: SlcpPoints { x: x.chunks(2).map(|c| [c[0], c[1]]).collect() } })
            .collect();
        run("slcp", &Slcp::default(), &data, 5)?;
    }
    if wanted.contains("gaussian_mixture") {
        let x = [
            [-9.472713, -1.4950509],
            [-2.940192, -8.682056],
            [7.1683364, -3.0470583],
            [-8.047317, -0.021793246],
            [8.879822, 8.088118],
        ];
        let data: Vec<_> = x.into_iter().map(|[x, y]| GaussianMixtureData { x, y }).collect();
        run("gaussian_mixture", &GaussianMixture::default(), &data, 2)?;
    }
    Ok(())
}
