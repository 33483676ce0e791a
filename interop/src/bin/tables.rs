//! Writes data and draws as Parquet, Arrow and CSV to a folder, or reads what `read_by_polars.py` has written there.

use std::path::Path;

use hierarch::io::{read_arrow, read_parquet, write_arrow, write_parquet};
use hierarch::prelude::*;

model! {
    /// A plate inside another, with vectors, truths, counts and categories.
    Radon {
        global mu ~ Normal(1.0, 1.0);
        global tau ~ HalfNormal(1.0);
        global share[3] ~ Dirichlet([2.0, 2.0, 2.0]);
        plate county(1..=100) {
            given uranium: f64;
            given place: [f64; 2];
            local intercept ~ Normal(mu + uranium, tau);
            observe kind ~ Categorical(share);
            plate houses(0..=50) {
                given floor: bool;
                observe radon ~ Normal(intercept + if floor { -0.5 } else { 0.0 }, 0.5);
                observe count ~ Poisson(3.0);
            }
        }
    }
}

fn data() -> RadonData {
    RadonData {
        county: RadonCounty {
            uranium: vec![-0.7, 0.25, 1.0],
            place: vec![[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]],
            kind: vec![0, 2, 1],
            houses: RadonHouses {
                offsets: vec![0, 2, 2, 5],
                floor: vec![true, false, true, false, false],
                radon: vec![0.5, 1.25, 2.0, 2.5, 3.0],
                count: vec![0, 3, 7, 1, 2],
            },
        },
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, what, folder] = arguments.as_slice() else { return Err("say `write` or `read`, and a folder".into()) };
    let (folder, model, data) = (Path::new(folder), Radon::default(), data());
    let draws = Draws::new([("mu", vec![0.5, 1.5, -2.0, 1e-300]), ("share[1]", vec![0.25, 0.5, 0.125, 1.0])]);
    if what == "write" {
        write_parquet(&data, folder.join("data.parquet"))?;
        write_arrow(&data, folder.join("data.arrow"))?;
        draws.to_csv(folder.join("draws.csv"))?;
        draws.to_parquet(folder.join("draws.parquet"))?;
        draws.to_arrow(folder.join("draws.arrow"))?;
        let chains = model.nuts(&data).chains(2).draws(100).run()?;
        chains.as_draws().to_parquet(folder.join("chains.parquet"))?;
        chains.as_draws().to_csv(folder.join("chains.csv"))?;
        return Ok(());
    }
    for by in ["polars", "pandas"] {
        let found: RadonData = read_parquet(&model, folder.join(format!("{by}.parquet")), &[])?;
        assert_eq!(found, data, "{by}");
        let found: RadonData = read_arrow(&model, folder.join(format!("{by}.arrow")), &[("radon", "ln_radon")])?;
        assert_eq!(found, data, "{by}");
        assert_eq!(Draws::from_csv(folder.join(format!("{by}.csv")))?, draws, "{by}");
        assert_eq!(Draws::from_parquet(folder.join(format!("{by}.draws.parquet")))?, draws, "{by}");
    }
    Ok(())
}
