//! Mixtures: observations of several kinds, of which it is not known which are of which.

use hierarch::prelude::*;

use super::exact::{all_known, grid, normal, sample};

model! {
    /// Two groups of wavelengths of eyes, told apart by their order.
    pub Eyes {
        global mu[2] ~ Ordered(Normal(0, 5));
        global p ~ Beta(2, 2);
        global sigma ~ LogNormal(0, 0.5);
        plate eyes(1..=50) {
            observe wavelength ~ Mixture([1 - p, p], [Normal(mu[0], sigma), Normal(mu[1], sigma)]);
        }
    }
}

model! {
    /// The same by hand.
    pub EyesByHand {
        global mu[2] ~ Ordered(Normal(0, 5));
        global p ~ Beta(2, 2);
        global sigma ~ LogNormal(0, 0.5);
        plate eyes(1..=50) {
            local group ~ Categorical([1 - p, p]);
            observe wavelength ~ Normal(mu[group], sigma);
        }
    }
}

#[test]
fn eyes() {
    // So far apart that one wide group, which a chain would find too seldom to count, has no weight.
    let wavelength = vec![-2.4, -1.1, -1.9, -2.0, -0.9, -3.1, 9.2, 10.3, 9.9, 8.6];
    let over = grid([(-5.0, 2.0), (6.0, 12.5), (0.0, 1.0), (0.0, 3.5)], 28, |[low, high, p, sigma]| {
        let row = |y: &f64| ((1.0 - p) * normal(*y, low, sigma).exp() + p * normal(*y, high, sigma).exp()).ln();
        let order = if low < high { 0.0 } else { f64::NEG_INFINITY };
        let prior = normal(low, 0.0, 5.0) + normal(high, 0.0, 5.0) + (p * (1.0 - p)).ln() + order;
        prior + normal(sigma.ln(), 0.0, 0.5) - sigma.ln() + wavelength.iter().map(row).sum::<f64>()
    });
    let names = ["mu[0]", "mu[1]", "p", "sigma"];
    let chains = sample::<Eyes>(&EyesData { eyes: EyesEyes { wavelength: wavelength.clone() } });
    all_known(&chains, &names, &over.axes());
    let chains = sample::<EyesByHand>(&EyesByHandData { eyes: EyesByHandEyes { wavelength: wavelength.clone() } });
    all_known(&chains, &names, &over.axes());
}

model! {
    /// A few measurements are ten times as wide.
    pub Outliers {
        param share: f64 = 0.1;
        global mu ~ Normal(0, 5);
        global sigma ~ HalfNormal(1);
        plate rows(1..=50) {
            local outlier ~ Bernoulli(share);
            observe y ~ Normal(mu, if outlier { 10.0 * sigma } else { sigma });
        }
    }
}

#[test]
fn outliers() {
    let y = vec![1.2, 0.8, 1.1, 0.9, 7.0, 1.4, 0.7];
    let over = grid([(-3.0, 6.0), (0.0, 4.5)], 300, |[mu, sigma]| {
        let row = |y: &f64| (0.9 * normal(*y, mu, sigma).exp() + 0.1 * normal(*y, mu, 10.0 * sigma).exp()).ln();
        normal(mu, 0.0, 5.0) + normal(sigma, 0.0, 1.0) + y.iter().map(row).sum::<f64>()
    });
    let chains = sample::<Outliers>(&OutliersData { rows: OutliersRows { y: y.clone() } });
    all_known(&chains, &["mu", "sigma"], &over.axes());
}

model! {
    /// Three tests of an illness that nobody has seen: their errors are found from where they disagree.
    pub Tests {
        global prevalence ~ Beta(1, 1);
        global sensitivity ~ Beta(8, 2);
        global specificity ~ Beta(8, 2);
        plate patients(1..=100) {
            local ill ~ Bernoulli(prevalence);
            observe positive[3] ~ Bernoulli(if ill { sensitivity } else { 1 - specificity });
        }
    }
}

#[test]
fn latent_classes() {
    let counts = [9, 4, 3, 5];
    let over = grid([(0.0, 1.0); 3], 50, |[p, sensitivity, specificity]| {
        let row = |(k, count): (usize, &i32)| {
            let (k, rest) = (k as i32, 3 - k as i32);
            let ill = p * sensitivity.powi(k) * (1.0 - sensitivity).powi(rest);
            let well = (1.0 - p) * (1.0 - specificity).powi(k) * specificity.powi(rest);
            f64::from(*count) * (ill + well).ln()
        };
        let prior = |x: f64| 7.0 * x.ln() + (1.0 - x).ln();
        prior(sensitivity) + prior(specificity) + counts.iter().enumerate().map(row).sum::<f64>()
    });
    let positive = counts.iter().enumerate().flat_map(|(k, count)| vec![[k > 0, k > 1, k > 2]; *count as usize]);
    let data = TestsData { patients: TestsPatients { positive: positive.collect() } };
    all_known(&sample::<Tests>(&data), &["prevalence", "sensitivity", "specificity"], &over.axes());
}
