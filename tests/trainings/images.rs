//! Posteriors from images, against exact ones.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hierarch::distributions::Poisson;
use hierarch::estimators::FileError;
use hierarch::estimators::{InferenceError, JointEstimator, JointNpe};
use hierarch::prelude::*;
use hierarch::simulate::{Stream, draw};
use hierarch_tests::{seed, within};

const SIDE: usize = 16;

/// Mean counts of each pixel: a round spot of 60 photons on a background of one in each pixel.
fn expected(x: f64, width: f64) -> [[f64; SIDE]; SIDE] {
    let peak = 60.0 / (std::f64::consts::TAU * width * width);
    let of = |line: usize, column: usize| {
        let (right, down) = (column as f64 - 7.5 - x, line as f64 - 7.5);
        1.0 + peak * (-0.5 * (right * right + down * down) / (width * width)).exp()
    };
    std::array::from_fn(|line| std::array::from_fn(|column| of(line, column)))
}

fn spot(x: f64, width: f64, rng: &mut Stream) -> [[f32; SIDE]; SIDE] {
    let mut counts = [[0.0; SIDE]; SIDE];
    for (pixel, mean) in counts.iter_mut().flatten().zip(expected(x, width).iter().flatten()) {
        *pixel = draw("pixel", &Poisson::new(*mean), rng).unwrap() as f32;
    }
    counts
}

model! {
    /// Spots of one width.
    pub Spots {
        global width ~ Uniform(1.0, 2.5);
        plate spots(1..=3) {
            local x ~ Normal(0.0, 1.5);
            observe image: [[f32; 16]; 16] ~ spot(x, width);
        }
    }
}

type Image = [[f32; SIDE]; SIDE];

/// Mean and sd of the width, and of the x of each image, by quadrature over both: an image has places on a grid, with the
/// logarithms of their priors.
fn moments(images: &[(&Image, Vec<(f64, f64)>)]) -> Vec<(f64, f64)> {
    let widths: Vec<f64> = (0..50).map(|i| 1.0 + 1.5 * (f64::from(i) + 0.5) / 50.0).collect();
    // For each width and image the sum over x of prior times likelihood, and with x and x^2 before it; in units of e^highest.
    let mut sums = vec![vec![[0.0; 3]; images.len()]; widths.len()];
    let mut terms = vec![vec![Vec::new(); images.len()]; widths.len()];
    for (terms, width) in terms.iter_mut().zip(&widths) {
        for (terms, (image, places)) in terms.iter_mut().zip(images) {
            for (x, log_prior) in places {
                let mean = expected(*x, *width);
                let pixels = image.iter().flatten().zip(mean.iter().flatten());
                let log: f64 = pixels.map(|(count, mean)| f64::from(*count) * mean.ln() - mean).sum();
                terms.push(log + log_prior);
            }
        }
    }
    for i in 0..images.len() {
        let highest = terms.iter().flat_map(|terms| &terms[i]).copied().fold(f64::NEG_INFINITY, f64::max);
        for (sums, terms) in sums.iter_mut().zip(&terms) {
            for (term, (x, _)) in terms[i].iter().zip(&images[i].1) {
                let weight = (term - highest).exp();
                (0..3).for_each(|power| sums[i][power] += weight * x.powi(power as i32));
            }
        }
    }
    let evidence: Vec<f64> = sums.iter().map(|sums| sums.iter().map(|sum| sum[0]).product()).collect();
    let total: f64 = evidence.iter().sum();
    let of_all = |of: &dyn Fn(usize) -> (f64, f64)| {
        let (mut first, mut second) = (0.0, 0.0);
        for (i, evidence) in evidence.iter().enumerate() {
            first += evidence / total * of(i).0;
            second += evidence / total * of(i).1;
        }
        (first, (second - first * first).sqrt())
    };
    let mut all = vec![of_all(&|i| (widths[i], widths[i] * widths[i]))];
    let place =
        |image: usize| of_all(&|i| (sums[i][image][1] / sums[i][image][0], sums[i][image][2] / sums[i][image][0]));
    all.extend((0..images.len()).map(place));
    all
}

/// Those of the spots of a data set.
fn exact(data: &SpotsData) -> Vec<(f64, f64)> {
    let places = (0..200).map(|i| -6.0 + 12.0 * (f64::from(i) + 0.5) / 200.0);
    let places: Vec<(f64, f64)> = places.map(|x| (x, -0.5 * (x / 1.5).powi(2))).collect();
    moments(&data.spots.image.iter().map(|image| (image, places.clone())).collect::<Vec<_>>())
}

/// Means within a quarter of an sd and sds within 10 % on average, after 150 000 data sets. What is left is what has not been
/// learned yet: after 60 000 it is 0.25 sd and 16 %, after a million (in larger steps) 0.14 sd and 4 %.
#[test]
#[ignore = "long: a training to a stated accuracy"]
fn widths_and_places_of_spots_are_those_of_the_exact_posterior() {
    let model = Spots::default();
    let training = TrainingConfig { batch_size: Some(64), learning_rate: Some(3e-3), ..Default::default() };
    let joint = model.joint_npe().seed(seed(1)).global_training(training.clone()).local_training(training);
    let joint = joint.train(Budget::simulations(150_000)).unwrap();
    let sets = model.simulate(40).size("spots", 2).seed(seed(3)).run().unwrap();
    let (mut shifts, mut ratios) = ([0.0; 2], [0.0; 2]);
    for set in &sets {
        let posterior = joint.condition(&set.data).unwrap();
        for (name, (mean, sd)) in ["width", "x[0]", "x[1]"].into_iter().zip(exact(&set.data)) {
            let (of, count) = if name == "width" { (0, 40.0) } else { (1, 80.0) };
            shifts[of] += ((posterior.mean(name).unwrap() - mean) / sd).abs() / count;
            ratios[of] += posterior.sd(name).unwrap() / sd / count;
        }
    }
    println!("width, x: shifts {shifts:.3?} sd, ratios of sds {ratios:.3?}");
    shifts.iter().for_each(|shift| within!(*shift, 0.25));
    ratios.iter().for_each(|ratio| within!((ratio - 1.0).abs(), 0.1));
}

/// What a network learns from images and their mirror images is symmetric on average, if not exactly; and it is what there
/// is to learn, which places of the wrong sign would hide.
#[test]
fn mirrored_images_are_as_likely() {
    let model = Spots::default();
    let train = |joint: JointNpe<'_, Spots>| joint.seed(seed(1)).train(Budget::simulations(20_000));
    let joint = train(model.joint_npe().mirror_x("spots.image", &["x"]).mirror_y("spots.image", &[])).unwrap();
    let sets = model.simulate(40).size("spots", 1).seed(seed(3)).run().unwrap();
    let (mut bias, mut shift) = (0.0, 0.0);
    for set in &sets {
        let mut mirrored = set.data.clone();
        mirrored.spots.image[0].iter_mut().for_each(|line| line.reverse());
        let x = |data: &SpotsData| {
            let posterior = joint.condition(data).unwrap();
            (posterior.mean("x[0]").unwrap(), posterior.sd("x[0]").unwrap())
        };
        let ((mean, sd), (other, _)) = (x(&set.data), x(&mirrored));
        bias += (mean + other) / sd / 40.0;
        let (exact_mean, exact_sd) = exact(&set.data)[1];
        shift += ((mean - exact_mean) / exact_sd).abs() / 40.0;
    }
    println!("bias {bias:.3} sd, shift {shift:.3} sd");
    within!(bias.abs(), 0.5, "{bias}");
    within!(shift, 1.0, "{shift}");
    let error = |joint: JointNpe<'_, Spots>| train(joint).unwrap_err().to_string();
    let text = error(model.joint_npe().mirror_x("spots.photo", &["x"]));
    assert!(text.contains("`spots.photo`") && text.contains("there are `spots.image`"), "{text}");
    let text = error(model.joint_npe().mirror_x("spots.image", &["y"]));
    assert!(
        text.contains("`y`, which is to change its sign, is no continuous local of `spots`; there are `x`"),
        "{text}"
    );
}

model! {
    /// Spots at places of two coordinates, and images of which nothing is inferred.
    pub Placed {
        observe outside: [[f32; 16]; 16] ~ spot(0.0, 1.0);
        plate spots(0..=2) {
            local place[2] ~ Normal(0.0, 1.0);
            local x ~ Normal(0.0, 1.0);
            observe image: [[f32; 16]; 16] ~ spot(place[0] + x, 1.0);
        }
        plate blanks(1..=2) {
            observe blank: [[f32; 16]; 16] ~ spot(0.0, 1.0);
        }
    }
}

#[test]
fn what_cannot_change_its_sign_is_an_error() {
    let model = Placed::default();
    let error = |image: &str, name: &str, size: usize| {
        let joint = model.joint_npe().mirror_x(image, &[name]).size("spots", size).size("blanks", 1);
        joint.train(Budget::simulations(1000)).unwrap_err().to_string()
    };
    let text = error("spots.image", "place", 1);
    assert!(text.contains("`place`, which is to change its sign, has 2 components"), "{text}");
    let text = error("blanks.blank", "x", 1);
    assert!(
        text.contains("`x`, which is to change its sign, is no continuous local of `blanks`; there are none"),
        "{text}"
    );
    let text = error("outside", "x", 1);
    assert!(text.contains("`x`, which") && text.contains("the image is outside plates"), "{text}");
    let text = error("spots.image", "x", 0);
    assert!(text.contains("the plate `spots` had no element"), "{text}");
}

/// Data sets drawn of [`Late`]; of which number the drawing takes longer than trainings go without a checkpoint, and from
/// which on it fails.
static DRAWN: AtomicU64 = AtomicU64::new(0);
static SLOW: AtomicU64 = AtomicU64::new(u64::MAX);
static FAILS: AtomicU64 = AtomicU64::new(u64::MAX);

fn late(x: f64, rng: &mut Stream) -> [[f32; SIDE]; SIDE] {
    let drawn = DRAWN.fetch_add(1, Relaxed);
    if drawn == SLOW.load(Relaxed) {
        std::thread::sleep(Duration::from_millis(10_500));
    }
    if drawn >= FAILS.load(Relaxed) {
        return [[f32::NAN; SIDE]; SIDE];
    }
    spot(x, 1.5, rng)
}

model! {
    /// One spot, whose prior is learned.
    pub Late {
        global scale ~ Uniform(0.5, 1.5);
        plate spots(1..=1) {
            local x ~ Normal(0.0, scale);
            observe image: [[f32; 16]; 16] ~ late(x);
        }
    }
}

/// The network of the globals starts from that of the locals, and its training is stopped, after a checkpoint, in the middle.
#[test]
fn a_joint_training_goes_on_where_it_was_stopped() {
    let model = Late::default();
    let folder = tempfile::tempdir().unwrap();
    let train = |path: &str, rate: f64| {
        let small =
            || TrainingConfig { pilot: Some(256), validation: Some(128), batch_size: Some(64), ..Default::default() };
        let joint = model.joint_npe().seed(seed(1)).global_training(small());
        let joint = joint
            .local_training(TrainingConfig { learning_rate: Some(rate), ..small() })
            .mirror_x("spots.image", &["x"]);
        joint.checkpoints(folder.path().join(path)).train(Budget::simulations(1024))
    };
    let whole = train("whole", 1e-3).unwrap();
    // The last 1024 are those of the steps of the globals.
    let drawn = DRAWN.swap(0, Relaxed);
    SLOW.store(drawn - 600, Relaxed);
    FAILS.store(drawn - 400, Relaxed);
    let error = train("stopped", 1e-3).unwrap_err();
    assert!(error.to_string().contains("NaN"), "{error}");
    FAILS.store(u64::MAX, Relaxed);
    DRAWN.store(drawn, Relaxed);
    let resumed = train("stopped", 1e-3).unwrap();
    // The simulations that units are taken from, those that know the simulator again, a look at `x`, and two samples for
    // validation; then whole steps, fewer than the sixteen there are. How many depends on how far the drawing was ahead of
    // the step after which the state was saved, so on the machine.
    let steps = DRAWN.load(Relaxed) - drawn - (256 + 2 * 8 + 1 + 2 * 128);
    assert!(steps.is_multiple_of(64) && (64..16 * 64).contains(&steps), "{steps}");
    let data = model.simulate(1).seed(seed(2)).one().unwrap().data;
    let draws = |joint: &JointEstimator<Late>| joint.condition(&data).unwrap().sample(50, 1);
    assert_eq!(draws(&resumed), draws(&whole));

    // Other locals are another start.
    std::fs::remove_file(folder.path().join("stopped/spots.training.safetensors")).unwrap();
    let error = train("stopped", 2e-3).unwrap_err();
    assert!(matches!(error, InferenceError::File(FileError::OtherTraining { .. })), "{error}");
}

model! {
    /// One spot, and nothing else, whose place is known to be right of the middle.
    pub Single {
        global width ~ Uniform(1.0, 2.5);
        observe image: [[f32; 16]; 16] ~ spot(0.5, width);
        plate others(1..=2) {
            local x ~ Uniform(0.0, 3.0);
            observe stamp: [[f32; 16]; 16] ~ spot(x, width);
        }
    }
}

#[test]
fn a_image_outside_plates_is_read_and_kept() {
    let model = Single::default();
    let estimator = model.npe().seed(seed(1)).mirror_y("image").train(Budget::simulations(10_000)).unwrap();
    // One data set, whatever the seed: how hard two images are differs more than trainings do.
    let set = model.simulate(1).size("others", 2).seed(2).one().unwrap();
    let posterior = estimator.condition(&set.data).unwrap();
    let part = |range: std::ops::Range<usize>| {
        let mut data = set.data.clone();
        data.others.stamp = data.others.stamp[range].to_vec();
        estimator.summarize(&data).unwrap()
    };
    let mut summary = part(0..1);
    summary.merge(&part(1..2)).unwrap();
    assert_eq!(summary.sizes(), [2]);
    let merged = estimator.condition_on(&summary).unwrap();
    within!((merged.mean("width").unwrap() - posterior.mean("width").unwrap()).abs(), 1e-4);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("single.safetensors");
    estimator.save(&path).unwrap();
    let loaded = PosteriorEstimator::load(&model, &path).unwrap().condition(&set.data).unwrap();
    assert_eq!(loaded.mean("width"), posterior.mean("width"));
    let joint = model.joint_npe().seed(seed(1)).mirror_x("others.stamp", &["x"]).train(Budget::simulations(2_000));
    let text = joint.unwrap_err().to_string();
    assert!(text.contains("`x` cannot change its sign, since its support is not the whole real line"), "{text}");
    let training = TrainingConfig { batch_size: Some(64), learning_rate: Some(3e-3), ..Default::default() };
    let joint = model.joint_npe().seed(seed(1)).local_training(training).train(Budget::simulations(30_000)).unwrap();
    let posterior = joint.condition(&set.data).unwrap();
    let places: Vec<(f64, f64)> = (0..200).map(|i| (3.0 * (f64::from(i) + 0.5) / 200.0, 0.0)).collect();
    let mut images = vec![(&set.data.image, vec![(0.5, 0.0)])];
    images.extend(set.data.others.stamp.iter().map(|stamp| (stamp, places.clone())));
    for (i, (exact_mean, exact_sd)) in moments(&images)[2..].iter().enumerate() {
        let (mean, sd) = (posterior.mean(format!("x[{i}]")).unwrap(), posterior.sd(format!("x[{i}]")).unwrap());
        println!("x[{i}] {mean:.2} +- {sd:.2}, exactly {exact_mean:.2} +- {exact_sd:.2}; prior 1.50 +- 0.87");
        within!((mean - exact_mean).abs(), *exact_sd, "{mean} +- {sd}");
        within!((sd / exact_sd).ln().abs(), 0.7, "{mean} +- {sd}");
    }
}
