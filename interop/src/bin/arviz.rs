//! Writes stores for ArviZ to a folder, and beside them what this library says of the same draws: see `read_by_arviz.py`.

use std::path::Path;

use hierarch::prelude::*;
use serde_json::{Value, json};

model! {
    /// Radon in the houses of counties: a plate inside another, vectors, a `let`, and two plates that are observed.
    Radon {
        global mu ~ Normal(1.0, 1.0);
        global tau ~ HalfNormal(1.0);
        global beta[2] ~ Normal(0.0, 1.0);
        global share[3] ~ Dirichlet([2.0, 2.0, 2.0]);
        global sigma ~ HalfNormal(1.0);
        let twice = 2.0 * mu;
        plate county(1..=100) {
            given uranium: f64;
            local raw ~ Normal(0.0, 1.0);
            let intercept = mu + beta[0] * uranium + tau * raw;
            plate houses(1..=50) {
                given floor: bool;
                observe radon ~ Normal(intercept + if floor { beta[1] } else { 0.0 }, sigma);
            }
        }
        plate votes(1..=100) {
            observe vote ~ Categorical(share);
        }
    }
}

const COUNTIES: usize = 8;

fn data() -> RadonData {
    let offsets: Vec<usize> = (0..=COUNTIES).map(|i| i * (i + 5) / 2).collect();
    let houses = offsets[COUNTIES];
    let level =
        |i: usize| [0.0, 1.0, -0.5, 0.3, 2.0, 0.1, -1.0, 0.6][offsets.iter().filter(|end| **end <= i).count() - 1];
    let radon = (0..houses).map(|i| 1.0 + level(i) + (i as f64 * 1.3).sin() - 0.3 * f64::from(i % 3 == 0)).collect();
    RadonData {
        county: RadonCounty {
            uranium: (0..COUNTIES).map(|i| (i as f64 * 0.7).sin()).collect(),
            houses: RadonHouses { floor: (0..houses).map(|i| i % 3 == 0).collect(), radon, offsets },
        },
        votes: RadonVotes { vote: vec![0, 1, 1, 2, 0, 1] },
    }
}

model! {
    /// Two numbers that events tell.
    Peak {
        global width ~ Uniform(0.5, 2.0);
        global mass ~ Normal(0.0, 2.0);
        plate events(5..=20) {
            observe x ~ Normal(mass, width);
        }
    }
}

/// What this library says of the numbers of a posterior, in its order.
fn table(posterior: &impl Inferred) -> Value {
    let row = |row: hierarch::draws::SummaryRow| {
        json!({
            "name": row.name, "mean": row.mean, "sd": row.sd, "rhat": row.rhat, "ess_bulk": row.ess_bulk, "ess_tail": row.ess_tail,
        })
    };
    posterior.summary().rows.into_iter().map(row).collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("name a folder to write to")?;
    let folder = Path::new(&folder);
    let (model, data) = (Radon::default(), data());
    if std::env::args().nth(2).is_some() {
        // Long enough to be killed.
        model.nuts(&data).draws(200_000).seed(1).store(folder.join("killed.zarr")).run()?;
        return Ok(());
    }
    let chains = model.nuts(&data).target_accept(0.9).seed(1).run()?;
    InferenceData::new(&model, &data, &chains)
        .labels(Radon::COUNTY, (0..COUNTIES).map(|i| format!("Cöunty {i}")))
        .prior(300, 1)?
        .posterior_predictive(1)?
        .save(folder.join("chains.zarr"))?;
    let loo = |plate: Name| -> Result<Value, Box<dyn std::error::Error>> {
        let loo = chains.log_likelihood(&model, &data, plate)?.loo();
        Ok(json!({ "elpd": loo.elpd, "p": loo.p, "rows": loo.pointwise }))
    };
    let of_chains = json!({
        "table": table(&chains), "divergences": chains.divergences(), "bfmi": chains.bfmi(),
        "loo": { "radon": loo(Radon::HOUSES)?, "vote": loo(Radon::VOTES)? },
        "radon": data.county.houses.radon, "uranium": data.county.uranium, "offsets": data.county.houses.offsets,
    });

    let model = Peak::default();
    let events = model.simulate(1).size(Peak::EVENTS, 15).seed(3).one()?.data;
    let estimator = model.npe().seed(1).train(Budget::simulations(20_000))?;
    let posterior = estimator.condition(&events)?;
    let calibration = estimator.calibrate().simulations(300).draws(100).run()?;
    InferenceData::new(&model, &events, &posterior)
        .calibration(&calibration)
        .posterior_predictive(1)?
        .save(folder.join("neural.zarr"))?;
    let weighted = posterior.importance_sample(&model, &events)?;
    weighted.save(&model, &events, folder.join("weighted.zarr"))?;
    let ratio = model.nre().seed(1).train(Budget::simulations(20_000))?.condition(&events)?;
    ratio.save(&model, &events, folder.join("ratio.zarr"))?;
    let said = json!({
        "chains": of_chains, "neural": table(&posterior), "weighted": table(&weighted), "ratio": table(&ratio),
        "p_values": calibration.ranks().iter().map(|ranks| ranks.p_value()).collect::<Vec<_>>(),
    });
    std::fs::write(folder.join("said.json"), serde_json::to_vec(&said)?)?;
    Ok(())
}
