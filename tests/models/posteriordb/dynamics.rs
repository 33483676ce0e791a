//! Differential equations.

use super::Posterior;
use hierarch::prelude::*;

/// Hares and lynxes: Lotka and Volterra.
fn lotka<T: Real>(_: T, [hares, lynxes]: [T; 2], theta: [T; 4]) -> [T; 2] {
    [(theta[0] - theta[1] * lynxes) * hares, (theta[3] * hares - theta[2]) * lynxes]
}

const MEAN: [f64; 4] = [1.0, 0.05, 1.0, 0.05];
const SD: [f64; 4] = [0.5, 0.05, 0.5, 0.05];

model! {
    /// Pelts that the Hudson's Bay Company bought from 1900 to 1920.
    pub LynxHare {
        param years: [f64; 20];
        global theta[i in 0..4] ~ Truncated(Normal(MEAN[i], SD[i]), low = 0);
        global z_init[2] ~ LogNormal(median = 10, sigma = 1);
        global sigma[2] ~ LogNormal(-1, 1);
        let z = ode(lotka, z_init, years, theta, Tolerance::default());
        observe y_init[k in 0..2] ~ LogNormal(z_init[k].ln(), sigma[k]);
        plate pelts(20) {
            given year: usize;
            observe y[k in 0..2] ~ LogNormal(z[year][k].ln(), sigma[k]);
        }
    }
}

#[test]
#[ignore = "long: many draws"]
fn posteriordb_lotka_volterra() {
    let posterior = Posterior::read("hudson_lynx_hare-lotka_volterra");
    let pelts = LynxHarePelts { year: (0..20).collect(), y: posterior.get("y") };
    let data = LynxHareData { y_init: posterior.get("y_init"), pelts };
    posterior.check(LynxHare { years: posterior.get("ts") }.nuts(&data));
}

/// A drug that is absorbed at a rate `k_a`, and eliminated at one that saturates (Michaelis and Menten).
fn elimination<T: Real>(t: T, [c]: [T; 1], [k_a, k_m, v_m, dose, volume]: [T; 5]) -> [T; 1] {
    [(-k_a * t).exp() * dose * k_a / volume - v_m / volume * c / (k_m + c)]
}

model! {
    /// The concentration of a drug over time.
    pub OneCompartment {
        param dose: f64;
        param volume: f64;
        global k_a ~ HalfCauchy(1);
        global k_m ~ HalfCauchy(1);
        global v_m ~ HalfCauchy(1);
        global sigma ~ HalfCauchy(1);
        given times[20]: f64;
        let c = ode(elimination, [0], times, [k_a, k_m, v_m, dose, volume], Tolerance::default());
        observe c_hat[i in 0..20] ~ LogNormal(c[i][0].ln(), sigma);
    }
}

#[test]
#[ignore = "long: many draws"]
fn posteriordb_one_comp_mm_elim_abs() {
    let posterior = Posterior::read("one_comp_mm_elim_abs-one_comp_mm_elim_abs");
    let model = OneCompartment { dose: posterior.get("D"), volume: posterior.get("V") };
    let data = OneCompartmentData { times: posterior.get("times"), c_hat: posterior.get("C_hat") };
    // At 0.8 one draw in 200 diverges, and chains stay away from large k_m.
    posterior.check_but(model.nuts(&data).target_accept(0.99), &["k_m", "v_m"]);
}
