//! The exact posterior of the fraction, by quadrature over fraction and mass.

/// Points for the fraction: its posterior is never narrower than a few of their steps.
const FRACTIONS: usize = 200;
/// Masses: six prior standard deviations to either side, in steps of at most the narrowest posterior's width.
const MASSES: usize = 2400;
/// A ratio of densities at which an event might as well be on the background.
const FAR: f64 = 1e-8;

/// The posterior of the fraction.
pub struct Exact {
    /// Its log density at the middles of equal steps from 0 to 1, and at a value that was asked for.
    pub log_density: Vec<f64>,
    pub at_truth: f64,
}

impl Exact {
    /// From events x, with a resonance of standard deviation `width` and unknown mass ~ Normal(1, 2) on a background ~
    /// Normal(0, 1). `truth` is where the density is wanted besides.
    pub fn of_x(x: &[f64], width: f64, truth: f64) -> Self {
        let background = |x: f64| 0.5 * x * x;
        let ratio = |i: usize, mass: f64| (background(x[i]) - 0.5 * ((x[i] - mass) / width).powi(2)).exp() / width;
        Self::new(x.len(), ratio, truth)
    }

    /// From the ratio of the densities under a resonance of a mass and under the background, event by event.
    pub fn new(events: usize, ratio: impl Fn(usize, f64) -> f64, truth: f64) -> Self {
        let middles = (0..FRACTIONS).map(|i| (i as f64 + 0.5) / FRACTIONS as f64);
        let fractions: Vec<f64> = middles.chain([truth]).collect();
        let mut joint = vec![0.0; fractions.len()];
        // log sum over masses of prior times likelihood, each relative to a background alone.
        let mut sums: Vec<(f64, f64)> = vec![(f64::NEG_INFINITY, 0.0); fractions.len()];
        for i in 0..MASSES {
            let mass = 1.0 + 24.0 * ((i as f64 + 0.5) / MASSES as f64 - 0.5);
            let near: Vec<f64> = (0..events).map(|i| ratio(i, mass)).filter(|ratio| *ratio > FAR).collect();
            let far = (events - near.len()) as f64;
            let prior = -0.5 * ((mass - 1.0) / 2.0).powi(2);
            for (joint, fraction) in joint.iter_mut().zip(&fractions) {
                // A product of a few, rather than as many logarithms.
                let (mut log, mut product) = (prior + far * (-fraction).ln_1p(), 1.0_f64);
                for ratio in &near {
                    product *= 1.0 - fraction + fraction * ratio;
                    if !(1e-150..1e150).contains(&product) {
                        log += product.ln();
                        product = 1.0;
                    }
                }
                *joint = log + product.ln();
            }
            for ((highest, sum), joint) in sums.iter_mut().zip(&joint) {
                if *joint > *highest {
                    *sum *= (*highest - joint).exp();
                    *highest = *joint;
                }
                *sum += (joint - *highest).exp();
            }
        }
        let mut log_density: Vec<f64> = sums.into_iter().map(|(highest, sum)| highest + sum.ln()).collect();
        let highest = log_density.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mass = log_density[..FRACTIONS].iter().map(|log| (log - highest).exp()).sum::<f64>() / FRACTIONS as f64;
        log_density.iter_mut().for_each(|log| *log -= highest + mass.ln());
        let at_truth = log_density.pop().unwrap_or(f64::NAN);
        Self { log_density, at_truth }
    }

    /// The middles of the steps, each with the log density there.
    pub fn points(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let n = self.log_density.len() as f64;
        self.log_density.iter().enumerate().map(move |(i, log)| ((i as f64 + 0.5) / n, *log))
    }

    /// Its mean and its standard deviation.
    pub fn mean_and_sd(&self) -> (f64, f64) {
        let n = self.log_density.len() as f64;
        let moment = |f: &dyn Fn(f64) -> f64| self.points().map(|(x, log)| f(x) * log.exp() / n).sum::<f64>();
        let mean = moment(&|x| x);
        (mean, moment(&|x| (x - mean).powi(2)).sqrt())
    }
}
