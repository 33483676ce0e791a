//! Trainings: threads, interruptions, patience, and what they tell of themselves.

use std::collections::BTreeMap;
use std::convert::Infallible;

use super::models::{Conjugate, Mixed};
use super::{mixed_network, small};
use crate::{Batch, Network, Settings, TrainError, Trainer, TrainingSource, VALIDATION, train};

#[test]
fn threads_do_not_change_a_bit() {
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(mixed_network)
    };
    let (one, two) = (with_threads(1), with_threads(2));
    assert_eq!(one.weights, two.weights);
    assert_eq!(one.history.last().map(|record| record.validation), two.history.last().map(|record| record.validation));
}

#[test]
fn an_interrupted_training_ends_with_the_same_weights() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("training.safetensors");
    let (shape, settings) = (Mixed::shape(), Settings { patience: Some(50), weight_decay: 0.1, ..small(4096) });
    let straight = train(&shape, &Mixed, &settings, |_| ()).unwrap();
    let mut trainer = Trainer::new(&shape, &Mixed, &settings).unwrap();
    for _ in 0..3 {
        // Interrupted again and again.
        for _ in 0..4 {
            trainer.step().unwrap();
        }
        trainer.save(&path, &BTreeMap::from([("who".to_owned(), "a test".to_owned())])).unwrap();
        let (resumed, metadata) = Trainer::resume(&shape, &Mixed, &settings, &path).unwrap();
        assert_eq!(metadata["who"], "a test");
        trainer = resumed;
    }
    while !trainer.done() {
        trainer.step().unwrap();
    }
    let resumed = trainer.finish();
    assert_eq!(resumed.weights, straight.weights);
    let losses = |network: &Network| network.history.iter().map(|r| (r.sets, r.loss, r.validation)).collect::<Vec<_>>();
    assert_eq!(losses(&resumed), losses(&straight));

    let other = Settings { learning_rate: 0.1, ..settings.clone() };
    let error = Trainer::resume(&shape, &Mixed, &other, &path).err().unwrap();
    assert!(error.to_string().contains("other settings"), "{error}");
    assert!(matches!(
        Trainer::resume(&Conjugate::shape(), &Conjugate, &settings, &path),
        Err(TrainError::Checkpoint(_))
    ));
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(Trainer::resume(&shape, &Mixed, &settings, &path), Err(TrainError::Checkpoint(_))));
}

#[test]
fn a_weight_decay_that_is_no_share_is_refused() {
    for weight_decay in [f64::NAN, -0.1, f64::INFINITY] {
        let settings = Settings { weight_decay, ..small(1_000) };
        let error = train(&Conjugate::shape(), &Conjugate, &settings, |_| ()).unwrap_err().to_string();
        assert!(error.contains("the weight decay is"), "{error}");
    }
}

/// Until it has converged, a training goes on from its checkpoint as if it had not been interrupted: on the plateau of the
/// learning rate, and while it falls.
#[test]
fn a_training_until_it_has_converged_resumes() {
    let settings = Settings { budget: crate::Budget::until_converged(60_000), ..small(0) };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("training");
    let shape = Conjugate::shape();
    let straight = train(&shape, &Conjugate, &settings, |_| ()).unwrap();
    let seen = straight.history.last().unwrap().sets;
    assert!((60_000..60_500).contains(&seen), "{seen}");
    let mut trainer = Trainer::new(&shape, &Conjugate, &settings).unwrap();
    let mut steps = 0;
    while !trainer.done() {
        trainer.step().unwrap();
        steps += 1;
        if steps % 70 == 0 {
            trainer.save(&path, &BTreeMap::new()).unwrap();
            trainer = Trainer::resume(&shape, &Conjugate, &settings, &path).unwrap().0;
        }
    }
    assert_eq!(trainer.finish().weights, straight.weights);
}

/// A few data sets, seen again and again, are learned by heart: the loss on others rises, and training stops.
#[test]
fn what_is_learned_by_heart_stops_the_training() {
    struct Few;
    impl TrainingSource for Few {
        type Error = Infallible;
        fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), Infallible> {
            let step = if step < u64::MAX - 1 { 0 } else { step };
            Conjugate.draw(step, first, sets)
        }
    }
    let settings = Settings { patience: Some(2), validation: 4096, ..small(200_000) };
    let network = train(&Conjugate::shape(), &Few, &settings, |_| ()).unwrap();
    let history = network.history();
    assert!(history.len() < 20, "{history:?}");
    let (best, last) = (&history[history.len() - 3], &history[history.len() - 1]);
    assert!(last.validation > best.validation && last.loss < last.validation, "{history:?}");
    let held_out = (0..4096).step_by(64).flat_map(|first| {
        let (batch, targets) = Conjugate.draw(VALIDATION, first, 64).unwrap();
        network.losses(&batch, &targets).unwrap()
    });
    assert!((held_out.sum::<f64>() / 4096.0 - best.validation).abs() < 1e-6, "{history:?}");
}

#[test]
fn progress_and_history_tell_how_it_went() {
    let mut seen = Vec::new();
    let network = train(&Conjugate::shape(), &Conjugate, &small(20_000), |progress| seen.push(*progress)).unwrap();
    // 20,000 sets are 79 whole steps of 256.
    assert_eq!(seen.len(), 79);
    assert_eq!(seen.last().map(|progress| (progress.sets, progress.fraction)), Some((79 * 256, 1.0)));
    let history = network.history();
    assert_eq!(history.last().map(|record| record.step), Some(79));
    assert!(history.len() >= 15 && history[history.len() - 1].validation < history[0].validation);
}

#[test]
fn a_bad_simulation_is_named() {
    struct Broken(f32);
    impl TrainingSource for Broken {
        type Error = Infallible;
        fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), Infallible> {
            let (mut batch, mut targets) = Conjugate.draw(step, first, sets)?;
            if (step, first) == (3, 160) {
                let rows = &mut batch.plates[0];
                rows.features[rows.offsets[7]] = self.0;
                targets[9] += self.0;
            }
            Ok((batch, targets))
        }
    }
    let error = train(&Conjugate::shape(), &Broken(f32::NAN), &small(5_000), |_| ()).unwrap_err().to_string();
    assert!(error.contains("step 3, data sets from 160 on: data set 167, plate 0, row 0"), "{error}");
    train(&Conjugate::shape(), &Broken(0.0), &small(5_000), |_| ()).unwrap();
    let unusable = Settings { chunks: 0, ..small(5_000) };
    assert!(matches!(train(&Conjugate::shape(), &Conjugate, &unusable, |_| ()), Err(TrainError::Settings(_))));
}
