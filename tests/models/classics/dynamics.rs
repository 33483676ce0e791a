//! Differential equations of textbooks.

use hierarch::prelude::*;
use statrs::function::gamma::ln_gamma;

use super::exact::{all_known, grid, sample};

/// Those who can be infected, and those who are: Kermack and McKendrick, of a school of 763 boys.
fn sir<T: Real>(_: T, [susceptible, infected]: [T; 2], [beta, gamma]: [T; 2]) -> [T; 2] {
    let new = beta * susceptible * infected / 763.0;
    [-new, new - gamma * infected]
}

const DAYS: [f64; 14] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0];

model! {
    /// Boys in bed with influenza (British Medical Journal, 4 March 1978).
    pub Influenza {
        global beta ~ Truncated(Normal(2, 1), low = 0);
        global gamma ~ Truncated(Normal(0.4, 0.5), low = 0);
        global phi_inv ~ Exponential(5);
        let school = ode(sir, [762, 1], DAYS, [beta, gamma], Tolerance::default());
        plate days(14) {
            given day: usize;
            observe in_bed ~ NegativeBinomial(mean = school[day][1], shape = 1 / phi_inv);
        }
    }
}

/// The infected at the end of each day, by the classical method of Runge and Kutta with short steps.
fn infected(beta: f64, gamma: f64) -> Vec<f64> {
    const STEPS: usize = 40;
    let h = 1.0 / STEPS as f64;
    let mut y = [762.0, 1.0];
    let slope = |y: [f64; 2]| sir(0.0, y, [beta, gamma]);
    let moved = |y: [f64; 2], by: f64, k: [f64; 2]| [y[0] + by * k[0], y[1] + by * k[1]];
    let mut day = || {
        for _ in 0..STEPS {
            let a = slope(y);
            let b = slope(moved(y, 0.5 * h, a));
            let c = slope(moved(y, 0.5 * h, b));
            let d = slope(moved(y, h, c));
            y = std::array::from_fn(|i| y[i] + h / 6.0 * (a[i] + 2.0 * b[i] + 2.0 * c[i] + d[i]));
        }
        y[1]
    };
    DAYS.iter().map(|_| day()).collect()
}

#[test]
fn influenza_in_a_school() {
    let in_bed = vec![3, 8, 26, 76, 225, 298, 258, 233, 189, 128, 68, 29, 14, 4];
    let over = grid([(1.3, 2.3), (0.25, 0.95), (0.0, 1.4)], 36, |[beta, gamma, phi_inv]| {
        let shape = 1.0 / phi_inv;
        let day = |(mean, k): (f64, &u64)| {
            let k = *k as f64;
            ln_gamma(k + shape) - ln_gamma(shape)
                + shape * (shape / (shape + mean)).ln()
                + k * (mean / (shape + mean)).ln()
        };
        let prior = -0.5 * (beta - 2.0).powi(2) - 0.5 * ((gamma - 0.4) / 0.5).powi(2) - 5.0 * phi_inv;
        prior + infected(beta, gamma).into_iter().zip(&in_bed).map(day).sum::<f64>()
    });
    let days = InfluenzaDays { day: (0..14).collect(), in_bed: in_bed.clone() };
    all_known(&sample::<Influenza>(&InfluenzaData { days }), &["beta", "gamma", "phi_inv"], &over.axes());
}
