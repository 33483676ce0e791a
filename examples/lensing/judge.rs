//! What the posterior says of simulated sets of lenses whose truths are known.

use hierarch::draws::Inferred;
use hierarch::estimators::JointEstimator;
use hierarch::simulate::Simulation;
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::model::{Lensing, LensingData, LensingLenses};

/// How many images of a set are seen, where the posterior of the globals is looked at.
pub const IMAGES: [usize; 5] = [1, 2, 5, 10, 25];
/// How many lenses of a set are looked at, each with all images and with its own alone.
const LENSES: usize = 10;
/// The globals and the locals of a lens, with the standard deviations of their priors.
pub const GLOBALS: [(&str, f64); 2] = [("beta", 0.6 / SQRT_12), ("sigma_sub", 20.0 / SQRT_12)];
pub const LOCALS: [(&str, f64); 4] =
    [("theta_x", 0.2), ("theta_y", 0.2), ("theta_e", 1.0 / SQRT_12), ("q", 0.49 / SQRT_12)];
/// Of a uniform distribution, its width over its standard deviation.
const SQRT_12: f64 = 3.464_101_615_137_754_6;

/// How narrow the posterior is, and how far off, over all test sets; in units of the standard deviations of the priors.
pub struct Judged {
    /// For each number of images and each global: the mean standard deviation, and the root mean square error.
    pub globals: Vec<(usize, [Width; 2])>,
    /// For each local: with all images of the set, and with its own alone.
    pub locals: [(Width, Width); 4],
}

/// A mean standard deviation and a root mean square error.
#[derive(Clone, Copy, Debug, Default)]
pub struct Width {
    pub sd: f64,
    pub error: f64,
}

impl Width {
    /// Over pairs of a standard deviation and an error.
    fn over(each: impl Iterator<Item = (f64, f64)>) -> Self {
        let (mut sd, mut square, mut count) = (0.0, 0.0, 0.0);
        for (one, error) in each {
            sd += one;
            square += error * error;
            count += 1.0;
        }
        Self { sd: sd / count, error: f64::sqrt(square / count) }
    }
}

/// The first images of a set.
pub fn first(data: &LensingData, images: usize) -> LensingData {
    LensingData { lenses: LensingLenses { image: data.lenses.image[..images].to_vec() } }
}

/// One image of a set, by itself.
pub fn alone(data: &LensingData, image: usize) -> LensingData {
    LensingData { lenses: LensingLenses { image: vec![data.lenses.image[image]] } }
}

/// (standard deviation, error) of everything, for one test set.
struct One {
    globals: Vec<[(f64, f64); 2]>,
    /// Of each lens, with all images and with its own alone.
    locals: Vec<[[(f64, f64); 2]; 4]>,
}

impl Judged {
    /// Conditions on the test sets, each with at least as many images as the last of [`IMAGES`].
    pub fn new(estimator: &JointEstimator<Lensing>, tests: &[Simulation<Lensing>]) -> Result<Self, String> {
        let each = tests.par_iter().map(|test| One::new(estimator, test)).collect::<Result<Vec<_>, _>>()?;
        let globals = IMAGES.iter().enumerate().map(|(at, images)| {
            (*images, std::array::from_fn(|k| Width::over(each.iter().map(|one| one.globals[at][k]))))
        });
        let local =
            |k: usize, of: usize| Width::over(each.iter().flat_map(|one| &one.locals).map(move |lens| lens[k][of]));
        Ok(Self { globals: globals.collect(), locals: std::array::from_fn(|k| (local(k, 0), local(k, 1))) })
    }

    /// The standard deviation of a local with the hierarchy over that without.
    pub fn ratio(&self, local: usize) -> f64 {
        let (with, without) = self.locals[local];
        with.sd / without.sd
    }

    /// For `summary.json`.
    pub fn summary(&self) -> Value {
        let of = |f: &dyn Fn(usize) -> f64| -> Value {
            LOCALS.iter().enumerate().map(|(k, (name, _))| ((*name).to_owned(), json!(f(k)))).collect()
        };
        let global = |(images, [beta, sigma_sub]): &(usize, [Width; 2])| {
            json!({
                "images": images, "beta": beta.sd, "sigma_sub": sigma_sub.sd,
                "beta_error": beta.error, "sigma_sub_error": sigma_sub.error,
            })
        };
        json!({
            "global_sd": self.globals.iter().map(global).collect::<Vec<_>>(),
            "local_sd_ratio": of(&|k| self.ratio(k)),
            "local_sd": of(&|k| self.locals[k].0.sd),
            "local_error": of(&|k| self.locals[k].0.error),
            "local_error_alone": of(&|k| self.locals[k].1.error),
        })
    }

    /// Two tables.
    pub fn print(&self) {
        println!(
            "\nglobals, in units of the prior's standard deviation: mean standard deviation (root mean square error)"
        );
        println!("{:>6}  {:>15}  {:>15}", "images", GLOBALS[0].0, GLOBALS[1].0);
        for (images, widths) in &self.globals {
            let text = |w: &Width| format!("{:.3} ({:.3})", w.sd, w.error);
            println!("{images:>6}  {:>15}  {:>15}", text(&widths[0]), text(&widths[1]));
        }
        println!("\nlocals of a lens among 25, and by its own image alone, in the same units");
        println!("{:>8}  {:>15}  {:>15}  {:>12}", "", "among 25", "alone", "sd ratio");
        for (k, (name, _)) in LOCALS.iter().enumerate() {
            let (with, without) = self.locals[k];
            let text = |w: Width| format!("{:.3} ({:.3})", w.sd, w.error);
            println!("{name:>8}  {:>15}  {:>15}  {:>12.3}", text(with), text(without), self.ratio(k));
        }
    }
}

impl One {
    fn new(estimator: &JointEstimator<Lensing>, test: &Simulation<Lensing>) -> Result<Self, String> {
        let condition = |data: &LensingData| estimator.condition(data).map_err(|error| error.to_string());
        let truth = [test.globals.beta, test.globals.sigma_sub];
        let global = |images: usize| {
            let posterior = condition(&first(&test.data, images))?;
            let posterior = posterior.globals().ok_or("the posterior has no globals")?;
            let [beta, sigma_sub] = [0, 1].map(|k| {
                let (name, prior) = GLOBALS[k];
                scaled(posterior, name, truth[k], prior)
            });
            Ok([beta?, sigma_sub?])
        };
        let together = condition(&test.data)?;
        let lenses = &test.locals.lenses;
        let lens = |lens: usize| {
            let truths = [lenses.theta_x[lens], lenses.theta_y[lens], lenses.theta_e[lens], lenses.q[lens]];
            let single = condition(&alone(&test.data, lens))?;
            let mut each = [[(0.0, 0.0); 2]; 4];
            for (each, ((name, prior), truth)) in each.iter_mut().zip(LOCALS.iter().zip(truths)) {
                for (each, (posterior, at)) in each.iter_mut().zip([(&together, lens), (&single, 0)]) {
                    let name = format!("{name}[{at}]");
                    *each = scaled(posterior, &name, truth, *prior)?;
                }
            }
            Ok(each)
        };
        Ok(Self {
            globals: IMAGES.into_iter().map(global).collect::<Result<_, String>>()?,
            locals: (0..LENSES.min(test.data.lenses.image.len())).map(lens).collect::<Result<_, String>>()?,
        })
    }
}

/// Standard deviation and error of a number in units of the prior's standard deviation.
fn scaled(posterior: &impl Inferred, name: &str, truth: f64, prior: f64) -> Result<(f64, f64), String> {
    let moments = posterior.mean(name).and_then(|mean| Ok((mean, posterior.sd(name)?)));
    let (mean, sd) = moments.map_err(|error| error.to_string())?;
    Ok((sd / prior, (mean - truth) / prior))
}
