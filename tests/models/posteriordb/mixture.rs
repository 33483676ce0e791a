//! Mixtures.

use super::Posterior;
use hierarch::prelude::*;

model! {
    /// Two normal components, told apart by the order of their means.
    pub TwoNormals {
        global mu[2] ~ Ordered(Normal(0, 2));
        global sigma[2] ~ HalfNormal(2);
        global theta ~ Beta(5, 5);
        plate points(1..=1000) {
            observe y ~ Mixture([theta, 1 - theta], [Normal(mu[0], sigma[0]), Normal(mu[1], sigma[1])]);
        }
    }
}

#[test]
#[ignore = "long: many draws"]
fn posteriordb_low_dim_gauss_mix() {
    let posterior = Posterior::read("low_dim_gauss_mix-low_dim_gauss_mix");
    let points = TwoNormalsPoints { y: posterior.get("y") };
    posterior.check(TwoNormals::default().nuts(&TwoNormalsData { points }));
}
