//! Networks that learn from a program: simulations that fail are counted, and files know the program by its version.

use hierarch::external::Program;
use hierarch::prelude::*;

model! {
    /// The program fails at masses above 2, a sixth of all.
    Pulls {
        param simulator: External;
        global mass ~ Normal(1.0, 1.0);
        plate elements(1..=5) {
            observe x: [f64; 4] ~ external(simulator, [mass, 0.5]);
        }
    }
}

#[test]
fn networks_learn_from_a_program() {
    let of_version = |version: &str, most: f64| {
        let program = Program::new([env!("CARGO_BIN_EXE_simulator"), "fails", version]).failures(most);
        Pulls { simulator: program.spawn().unwrap() }
    };
    let model = of_version("1", 0.3);
    let folder = tempfile::tempdir().unwrap();
    let bank = model.simulate(1000).seed(1).bank(folder.path().join("bank")).unwrap();
    assert!(model.simulate(1000).seed(1).bank(folder.path().join("bank")).unwrap().len() == bank.len());
    let estimator = model.npe().bank(&bank).train(Budget::simulations(1000)).unwrap();
    let path = folder.path().join("posterior.safetensors");
    estimator.save(&path).unwrap();
    assert!(PosteriorEstimator::load(&model, &path).is_ok());
    assert!(estimator.calibrate().simulations(20).run().is_ok());

    let fresh = model.npe().train(Budget::simulations(1000)).unwrap();
    let warnings = format!("{:?}", fresh.warnings());
    assert!(
        warnings.contains("simulations could not be drawn") && warnings.contains("the mass is above 2"),
        "{warnings}"
    );
    // Another version is another simulator.
    let other = of_version("2", 0.3);
    assert!(PosteriorEstimator::load(&other, &path).is_err());
    assert!(other.simulate(1000).seed(1).bank(folder.path().join("bank")).is_err());
    // And more failures than may be end a training.
    let message = of_version("1", 0.05).npe().train(Budget::simulations(5000)).unwrap_err().to_string();
    assert!(message.contains("failed, a share above 0.05"), "{message}");
}
