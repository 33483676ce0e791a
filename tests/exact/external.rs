//! Simulators that are programs of their own: numbers, faults, and the processes.

use std::process::Command;
use std::time::{Duration, Instant};

use hierarch::external::{ExternalError, Program};
use hierarch::model::Density;
use hierarch::prelude::*;
use hierarch::simulate::{SimulateError, stream};
use hierarch_margins::{seed, within};
use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const SIMULATOR: &str = env!("CARGO_BIN_EXE_simulator");

model! {
    /// Everything that a program may draw.
    pub Outside {
        param simulator: External;
        param counter: External;
        global mu ~ Normal(0.0, 0.5);
        observe control: f64 ~ first(simulator, mu);
        plate elements(0..=20) {
            given yes ~ Bernoulli(0.5);
            local mass ~ Normal(mu, 1.0);
            observe x: [f64; 4] ~ external(simulator, [mass, 0.5]);
            observe image: [[f32; 2]; 2] ~ external(simulator, (mass, yes));
            observe counts: [u64; 4] ~ external(counter, [5.0, 0.25]);
        }
    }
}

model! {
    /// Of masses above 2, a sixth of all, a program has faults.
    pub Faulty {
        param simulator: External;
        global mass ~ Normal(1.0, 1.0);
        observe x: [f64; 4] ~ external(simulator, (mass, 0.0));
    }
}

model! {
    /// A function that cannot draw everywhere.
    pub Roots {
        global a ~ Normal(0.0, 1.0);
        observe root: f64 ~ root_of(a);
        observe count: u64 ~ rounded(a);
    }
}

fn root_of(a: f64, _: &mut Stream) -> Result<f64, String> {
    if a < 0.0 { Err(format!("{a:.1} has no root")) } else { Ok(a.sqrt()) }
}

fn rounded(a: f64, _: &mut Stream) -> u64 {
    a.round() as u64
}

/// A function of Rust between the model and the program, which fails where the program does.
fn first(simulator: &External, mu: f64, rng: &mut Stream) -> Result<f64, ExternalError> {
    external::<[f64; 4]>(simulator, [mu, 1.0], rng).map(|x| x[0])
}

fn spawn(fault: &str) -> Result<External, ExternalError> {
    External::spawn([SIMULATOR, fault])
}

fn faulty(fault: &str) -> Faulty {
    Faulty { simulator: spawn(fault).unwrap() }
}

/// The simulator's numbers, computed here.
fn numbers(sum: f64, seed: u64) -> [f64; 4] {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    [(); 4].map(|()| sum + rng.random::<f64>())
}

#[test]
fn a_program_is_handed_parameters_and_seed_and_its_numbers_come_back() {
    let simulator = spawn("none").unwrap();
    let (mut rng, mut same) = (stream(3, 4), stream(3, 4));
    let x: [f64; 4] = external(&simulator, [1.5, 2.0], &mut rng).unwrap();
    assert_eq!(x, numbers(3.5, same.next_u64()));
    let image: [[f32; 2]; 2] = external(&simulator, (0.5, true), &mut rng).unwrap();
    let as_f32 = numbers(1.5, same.next_u64()).map(|x| x as f32);
    assert_eq!(image.as_flattened(), as_f32);
    assert_eq!(rng, same);
    // Numbers of single precision, whole numbers, and any number of parameters.
    let x: [f64; 4] = external(&spawn("single").unwrap(), (1.0, 2_u64), &mut rng).unwrap();
    assert_eq!(x, numbers(3.0, same.next_u64()).map(|x| f64::from(x as f32)));
    let counts: [usize; 4] = external(&spawn("whole").unwrap(), [vec![1.5, 3.0]], &mut rng).unwrap();
    assert_eq!(counts, numbers(4.5, same.next_u64()).map(|x| x as usize));
    let any = spawn("any number").unwrap();
    for count in [1, 3, 1000] {
        let x: [f64; 4] = external(&any, vec![0.25; count], &mut rng).unwrap();
        assert_eq!(x, numbers(0.25 * count as f64, same.next_u64()));
    }
}

#[test]
fn the_numbers_do_not_depend_on_threads_and_workers() {
    let run = |threads: usize, workers: usize| {
        let program = |fault: &str| Program::new([SIMULATOR, fault]).workers(workers).spawn().unwrap();
        let model = Outside { simulator: program("none"), counter: program("whole") };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| model.simulate(40).seed(5).run().unwrap())
    };
    let first = run(1, 1);
    for (threads, workers) in [(1, 4), (4, 1), (4, 3)] {
        assert!(run(threads, workers) == first, "{threads} threads, {workers} workers");
    }
    let rows = || first.iter().flat_map(|set| set.data.elements.rows().collect::<Vec<_>>());
    assert!(rows().count() > 100 && rows().all(|row| row.counts.iter().all(|&count| count == 5 || count == 6)));
}

#[test]
fn what_else_has_a_density_has_it() {
    let model = Outside { simulator: spawn("none").unwrap(), counter: spawn("whole").unwrap() };
    let data = model.simulate(1).size(Outside::ELEMENTS, 3).one().unwrap().data;
    let mut density = Density::explicit(&model, &data).unwrap();
    let zeros = vec![0.0; density.dimension()];
    // Four normal densities at their means, one of which has the standard deviation 0.5.
    let expected = -2.0 * std::f64::consts::TAU.ln() - 0.5_f64.ln();
    assert!((density.gradient(&zeros, &mut zeros.clone()) - expected).abs() < 1e-9);
}

#[test]
fn failures_are_skipped_until_they_are_too_many() {
    for (fault, why) in [
        ("fails", "the mass is above 2"),
        ("nan", "returned NaN at position 2 where a finite number is due"),
        ("crashes", "(exit status: 5)"),
    ] {
        let simulator = Program::new([SIMULATOR, fault]).failures(1.0).spawn().unwrap();
        let model = Faulty { simulator };
        let sets = model.simulate(40).run().unwrap();
        assert!(sets.iter().all(|set| set.globals.mass <= 2.0), "{fault}");
        // At one value, all fail.
        let at = FaultyGlobals { mass: 2.5 };
        let error = model.simulate(1).at(&at).one().unwrap_err();
        let message = error.to_string();
        assert!(matches!(error, SimulateError::Failed { variable: "x", .. }), "{message}");
        for part in ["`x` could not be drawn at the globals mass: 2.5: ", why, "mass = 2.5, shape = 0, seed = "] {
            assert!(message.contains(part), "{message}");
        }
        assert!(fault != "crashes" || message.contains("it said:\nbad mass 2.5"), "{message}");
    }
    let model = faulty("fails");
    for error in [
        model.simulate(2000).run().unwrap_err(),
        // In a row, and soon.
        model.simulate(1).at(&FaultyGlobals { mass: 3.0 }).one().unwrap_err(),
    ] {
        let message = error.to_string();
        for part in ["simulations of `", "failed, a share above 0.05, which `Program::failures` sets; the last: "] {
            assert!(message.contains(part), "{message}");
        }
    }
    assert!(model.simulate(1).at(&FaultyGlobals { mass: 1.0 }).one().is_ok());
}

#[test]
fn an_error_of_a_function_is_skipped_too() {
    let sets = Roots::default().simulate(500).seed(1).run().unwrap();
    assert!(
        sets.iter().all(|set| set.data.root == set.globals.a.sqrt() && set.data.count == set.globals.a.round() as u64)
    );
    let error = Roots::default().simulate(1).at(&RootsGlobals { a: -2.0 }).one().unwrap_err().to_string();
    assert_eq!(error, "`root` could not be drawn at the globals a: -2.0: -2.0 has no root");
}

#[test]
fn a_program_that_hangs_is_ended_and_another_takes_its_place() {
    let mut commands = vec![vec![SIMULATOR.to_owned(), "hangs".to_owned()]];
    // Behind a shell, which holds the pipes open no longer than the program.
    #[cfg(unix)]
    commands.push(["sh", "-c", &format!("'{SIMULATOR}' hangs; true")].map(str::to_owned).to_vec());
    for command in commands {
        let limit = Duration::from_millis(300);
        let simulator = Program::new(command).time_limit(limit).workers(1).spawn().unwrap();
        let begun = Instant::now();
        let error = external::<[f64; 4]>(&simulator, [1.0, 2.0], &mut stream(0, 0))
            .and_then(|_| external::<[f64; 4]>(&simulator, [3.0, 2.0], &mut stream(0, 0)));
        let message = error.unwrap_err().to_string();
        assert!(message.contains("took longer than 300ms with mass = 3, shape = 2, seed = "), "{message}");
        assert!(message.contains("it said:\na loop without end"), "{message}");
        assert!(external::<[f64; 4]>(&simulator, [1.0, 2.0], &mut stream(0, 0)).is_ok());
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn what_is_no_simulator_is_refused() {
    for (command, parts) in [
        (vec![], vec!["the command of the simulator is empty"]),
        (vec!["no such program"], vec!["`no such program` cannot be started: ", "Is the program installed"]),
        (
            vec![SIMULATOR, "ends at once"],
            vec!["ended before its first simulation (exit status: 3); it said:\nno licence"],
        ),
        (vec![SIMULATOR, "prints"], vec!["wrote \"Simulator ready!\\n\" where a simulator begins with the lines"]),
        (vec![SIMULATOR, "unknown line"], vec!["wrote \"colour red\" where"]),
        (vec![SIMULATOR, "protocol"], vec!["speaks version 2 of the protocol, and this library version 1"]),
    ] {
        let message = External::spawn(command).unwrap_err().to_string();
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
    let program = || Program::new([SIMULATOR, "none"]);
    for (program, part) in [
        (program().workers(0), "the number of workers is 0: give one at least"),
        (program().failures(f64::NAN), "the share of failures is NaN: give a number from 0 to 1"),
        (program().time_limit(Duration::ZERO), "the time limit is 0ns: give a time above zero"),
    ] {
        assert_eq!(program.spawn().unwrap_err().to_string(), part);
    }
}

#[test]
fn replies_that_do_not_fit_are_errors() {
    let ask = |fault: &str, parameters: &[f64]| {
        external::<[f64; 4]>(&spawn(fault).unwrap(), parameters, &mut stream(1, 1)).unwrap_err().to_string()
    };
    for (message, part) in [
        (ask("none", &[1.0]), "takes 2 parameters (mass, shape), and the model hands it 1"),
        (ask("length", &[3.0, 0.0]), "returned 3 numbers, and the observation has 4"),
        (ask("kind", &[3.0, 0.0]), "replied with the kind 7, which is none of the protocol's"),
        (ask("remembers", &[3.0, 0.0]), "at position 1 when it was asked twice with mass = 3, shape = 0, seed = "),
    ] {
        assert!(message.contains(part), "{message}");
    }
    let counts = external::<[u64; 4]>(&spawn("none").unwrap(), [1.0, 2.0], &mut stream(1, 1));
    assert!(counts.unwrap_err().to_string().contains("where a whole number from 0 is due"));
}

#[test]
fn a_program_is_known_by_command_and_version() {
    let spawn = |version: &str| External::spawn([SIMULATOR, "", version]).unwrap();
    let model = Faulty { simulator: spawn("1.5") };
    assert_eq!(model.simulator.version(), "1.5");
    assert!(model.simulator != spawn("1.6") && model.simulator != External::spawn([SIMULATOR]).unwrap());
    let of = |model: &Faulty| model.specification().fingerprint();
    assert!(
        of(&model) == of(&Faulty { simulator: spawn("1.5") }) && of(&model) != of(&Faulty { simulator: spawn("2") })
    );
    // A model of a file starts the program when it is simulated, and only the same version.
    let text = serde_json::to_string(&model).unwrap();
    let read: Faulty = serde_json::from_str(&text).unwrap();
    assert_eq!(read, model);
    assert_eq!(read.simulate(3).run().unwrap(), model.simulate(3).run().unwrap());
    // The version is a part of the command here, so that a file says what nobody else does.
    let other: Faulty = serde_json::from_str(&text.replace("],\"1.5\"]", "],\"1.4\"]")).unwrap();
    let message = other.simulate(1).one().unwrap_err().to_string();
    assert!(message.contains("says that its version is `1.5`, and was `1.4` before"), "{message}");
}

#[test]
#[cfg(unix)]
fn processes_end_with_the_last_model() {
    let runs = |id: f64| Command::new("kill").args(["-0", &id.to_string()]).output().unwrap().status.success();
    let model = Faulty { simulator: Program::new([SIMULATOR, "id"]).workers(1).spawn().unwrap() };
    let another = model.clone();
    let id = model.simulate(1).one().unwrap().data.x[0];
    drop(model);
    assert!(runs(id) && another.simulate(1).one().unwrap().data.x[0] == id);
    drop(another);
    assert!(!runs(id));
}

#[test]
fn the_program_in_c_of_the_documentation() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("simulator");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/c/simulator.c");
    // `.ci/run` needs a compiler; who has none tests the rest.
    let Ok(compiled) = Command::new("cc").arg(source).arg("-lm").arg("-o").arg(&program).output() else { return };
    assert!(compiled.status.success(), "{compiled:?}");
    let simulator = External::spawn([program.to_string_lossy()]).unwrap();
    let mut rng = stream(seed(1), 2);
    let times: Vec<[f64; 10]> = (0..2000).map(|_| external(&simulator, [4.0], &mut rng).unwrap()).collect();
    // Each is exponential with the mean 1/4 and that standard deviation.
    let mean = times.as_flattened().iter().sum::<f64>() / 20_000.0;
    within!((mean - 0.25).abs(), 4.5 * 0.25 / 20_000.0_f64.sqrt());
    let message = external::<[f64; 10]>(&simulator, [-1.0], &mut stream(1, 2)).unwrap_err().to_string();
    let handed = stream(1, 2).next_u64();
    assert!(message.ends_with(&format!("failed with rate = -1, seed = {handed}: the rate is negative")), "{message}");
}
