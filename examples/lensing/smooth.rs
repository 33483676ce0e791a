//! A check that subhaloes do not allow: without them the likelihood of an image is known. What is learned from images, as in
//! the experiment, stands beside NUTS with the density of the pixels.

use hierarch::draws::{Summary, diagnostics::quantile};
use hierarch::estimators::JointEstimator;
use hierarch::plot::{self, Axes, Figure, Mark, Series};
use hierarch::prelude::*;
use hierarch::sampling::importance_sample;
use hierarch::simulate::{Simulation, Stream};
use hierarch_lensing::Sie;
use serde_json::{Value, json};

use crate::common::{Options, Output, Result, budget};
use crate::judge::LOCALS;
use crate::model::{Image, Setup, SmoothLens, galaxy};

/// A hundredth of the experiment's exposure, in seconds: at the full one a posterior is a hundredth of the prior wide, and how
/// well it was learned would be hidden behind how far a network resolves an image.
const EXPOSURE: f64 = 16.1;
/// How many images the training sees.
const IMAGES: u64 = 650_000;
/// Draws of which importance weights make the exact posterior.
const REFINED: usize = 20_000;

fn photograph(setup: &Setup, lens: Sie<f64>, rng: &mut Stream) -> Image {
    setup.photograph(&lens, &[], rng)
}

model! {
    /// [`SmoothLens`] as the experiment has its images: drawn by a function of which nothing else is known.
    pub SmoothImages {
        param setup: Setup = Setup::exposed(EXPOSURE);
        plate lenses(1) {
            local theta_x ~ Normal(0.0, 0.2);
            local theta_y ~ Normal(0.0, 0.2);
            local theta_e ~ Uniform(1.5, 2.5);
            local q ~ Uniform(0.5, 0.99);
            observe image: [[f32; 64]; 64] ~ photograph(setup, galaxy(theta_x, theta_y, theta_e, q));
        }
    }
}

/// Mean and standard deviation of a local.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    mean: f64,
    sd: f64,
}

impl Moments {
    /// How far the mean is off an exact one, in its standard deviations, and how many of these the standard deviation is.
    fn beside(self, exact: Moments) -> (f64, f64) {
        ((self.mean - exact.mean) / exact.sd, self.sd / exact.sd)
    }
}

/// Posteriors of one lens, local by local.
struct Compared {
    truth: [f64; 4],
    nuts: [Moments; 4],
    /// The largest of the four of NUTS.
    r_hat: f64,
    learned: [Moments; 4],
    /// The same, refined by importance weights with the density of the pixels.
    refined: [Moments; 4],
    k_hat: f64,
}

/// The posteriors of all lenses that were looked at.
pub struct Smooth(Vec<Compared>);

pub fn run(out: &Output, options: &Options) -> Result<Smooth> {
    let budget = budget(None, options, Budget::simulations(IMAGES), 4_000);
    println!("\nlearning from images without subhaloes ({budget}) ...");
    let images = SmoothImages::default();
    let npe = images.joint_npe().seed(options.seed);
    let npe = npe.local_network(super::of_lenses()).local_training(super::in_small_steps());
    let estimator = npe.train(budget)?;
    estimator.save(out.path("smooth"))?;
    let count = if options.quick { 2 } else { 20 };
    let tests = images.simulate(count).seed(options.seed ^ 0x736d_6f6f).run()?;
    println!("NUTS for {count} images ...");
    let compared = tests.iter().map(|test| compare(&estimator, test, options));
    let smooth = Smooth(compared.collect::<Result<_>>()?);
    out.figure("smooth", &smooth.figure()?)?;
    Ok(smooth)
}

fn compare(
    estimator: &JointEstimator<SmoothImages>,
    test: &Simulation<SmoothImages>,
    options: &Options,
) -> Result<Compared> {
    let exact = SmoothLens { setup: Setup::exposed(EXPOSURE) };
    let pixels = exact.setup.pixels(&test.data.lenses.image);
    let posterior = estimator.condition(&test.data)?;
    let refined = importance_sample(&exact, &pixels, &posterior, REFINED, options.seed)?;
    // From anywhere in the prior, chains are caught by wrong positions of the ring. A lens can have two right ones, between which
    // no chain finds a way: of many chains that start at draws, the shares that are in each are those of the posterior.
    let nuts = exact.nuts(&pixels).seed(options.seed).start_from(&refined).chains(12).draws(700).run()?.summary();
    let moments = |summary: &Summary| -> Result<[Moments; 4]> {
        let mut all = [Moments::default(); 4];
        for (moments, (name, _)) in all.iter_mut().zip(LOCALS) {
            let row = summary.rows.iter().find(|row| row.name == format!("{name}[0]"));
            let row = row.ok_or_else(|| format!("the posterior says nothing of `{name}[0]`"))?;
            *moments = Moments { mean: row.mean, sd: row.sd };
        }
        Ok(all)
    };
    let lens = &test.locals.lenses;
    Ok(Compared {
        truth: [lens.theta_x[0], lens.theta_y[0], lens.theta_e[0], lens.q[0]],
        nuts: moments(&nuts)?,
        r_hat: nuts.rows.iter().filter_map(|row| row.rhat).fold(1.0, f64::max),
        learned: moments(&posterior.summary())?,
        refined: moments(&refined.summary())?,
        k_hat: refined.k_hat(),
    })
}

/// How a posterior stands beside the exact one, over all lenses.
struct Agreement {
    /// Root mean square difference of the means, in exact standard deviations.
    shift: f64,
    /// Median of the standard deviation over the exact one.
    width: f64,
}

impl Smooth {
    fn agreement(&self, local: usize, of: impl Fn(&Compared) -> [Moments; 4]) -> Agreement {
        let (shifts, mut widths): (Vec<f64>, Vec<f64>) =
            self.0.iter().map(|one| of(one)[local].beside(one.nuts[local])).unzip();
        let shift = (shifts.iter().map(|shift| shift.powi(2)).sum::<f64>() / shifts.len() as f64).sqrt();
        widths.sort_by(f64::total_cmp);
        Agreement { shift, width: quantile(&widths, 0.5) }
    }

    /// Lenses whose chains agree, and those whose weights can be trusted.
    fn sound(&self) -> (usize, usize) {
        let count = |sound: fn(&Compared) -> bool| self.0.iter().filter(|one| sound(one)).count();
        (count(|one| one.r_hat < 1.01), count(|one| one.k_hat < 0.7))
    }

    /// Root mean square of the truths, from the means of NUTS and in its standard deviations: near 1 where these are right.
    fn truth(&self) -> f64 {
        let off =
            |one: &Compared| (0..4).map(|k| ((one.truth[k] - one.nuts[k].mean) / one.nuts[k].sd).powi(2)).sum::<f64>();
        (self.0.iter().map(off).sum::<f64>() / (4 * self.0.len()) as f64).sqrt()
    }

    pub fn print(&self) {
        println!("without subhaloes, beside NUTS on {} images: mean off (in its sd), sd over its sd", self.0.len());
        println!("{:>8}  {:>16}  {:>16}", "", "learned", "and refined");
        for (k, (name, _)) in LOCALS.iter().enumerate() {
            let text = |a: Agreement| format!("{:.2}, {:.2}", a.shift, a.width);
            let (learned, refined) = (self.agreement(k, |one| one.learned), self.agreement(k, |one| one.refined));
            println!("{name:>8}  {:>16}  {:>16}", text(learned), text(refined));
        }
        let (chains, weights) = self.sound();
        println!(
            "chains agree (R-hat below 1.01) for {chains} images, weights can be trusted (k-hat below 0.7) for {weights};"
        );
        println!("truths are off the means of NUTS by {:.2} of its sd, root mean square", self.truth());
    }

    pub fn summary(&self) -> Value {
        let of = |of: &dyn Fn(&Compared) -> [Moments; 4]| -> Value {
            let row = |(k, (name, _)): (usize, &(&str, f64))| {
                let Agreement { shift, width } = self.agreement(k, of);
                ((*name).to_owned(), json!({ "mean_off": shift, "sd_ratio": width }))
            };
            LOCALS.iter().enumerate().map(row).collect()
        };
        json!({
            "images": self.0.len(), "learned": of(&|one| one.learned), "refined": of(&|one| one.refined),
            "r_hat_below_1.01": self.sound().0, "k_hat_below_0.7": self.sound().1, "truth_off": self.truth(),
        })
    }

    /// Each local of each lens, beside what NUTS says of it.
    fn figure(&self) -> Result<Figure> {
        let beside = |of: fn(&Compared) -> [Moments; 4]| -> Vec<(f64, f64)> {
            let each = self.0.iter().flat_map(|one| of(one).into_iter().zip(one.nuts));
            each.map(|(found, exact)| found.beside(exact)).collect()
        };
        let (learned, refined) = (beside(|one| one.learned), beside(|one| one.refined));
        let series = [
            Series::new("learned", Mark::Points, &learned),
            Series::new("refined with the density of the pixels", Mark::Points, &refined),
        ];
        let axes = Axes {
            title: "Locals of lenses without subhaloes",
            x: "mean, from that of NUTS, in its standard deviations",
            y: "standard deviation over that of NUTS",
            log_y: true,
            ..Axes::default()
        };
        Ok(plot::lines(&axes, &series)?)
    }
}
