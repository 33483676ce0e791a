//! Groups around a mean.

use super::Posterior;
use hierarch::prelude::*;

model! {
    /// The effects of coaching in eight schools, as deviations in units of their spread.
    pub Schools {
        global mu ~ Normal(0, 5);
        global tau ~ HalfCauchy(5);
        plate schools(8) {
            given sigma: f64;
            local theta_trans ~ Normal(0, 1);
            let theta = theta_trans * tau + mu;
            observe y ~ Normal(theta, sigma);
        }
    }
}

#[test]
#[ignore = "long: many draws"]
fn posteriordb_eight_schools_noncentered() {
    let posterior = Posterior::read("eight_schools-eight_schools_noncentered");
    let schools = SchoolsSchools { sigma: posterior.get("sigma"), y: posterior.get("y") };
    // With larger steps a chain may stay for dozens of draws where tau is above 40.
    posterior.check(Schools::default().nuts(&SchoolsData { schools }).target_accept(0.99));
}
