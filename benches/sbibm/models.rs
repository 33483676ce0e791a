//! Three tasks of the benchmark of simulation-based inference (Lueckmann et al., arXiv 2101.04653), declared.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2};

use hierarch::prelude::*;

fn moons<T: Real>(a: T, b: T) -> [T; 2] {
    [-(a + b).abs() * FRAC_1_SQRT_2, (b - a) * FRAC_1_SQRT_2]
}

model! {
    /// Two crescents: the simulator does not tell (a, b) from (-b, -a). The radius of the benchmark has the sd 0.01; here the noise of x
    /// and y, which gives the model a density, is a part of it.
    pub TwoMoons {
        global a ~ Uniform(-1.0, 1.0);
        global b ~ Uniform(-1.0, 1.0);
        nuisance angle ~ Uniform(-FRAC_PI_2, FRAC_PI_2);
        nuisance radius ~ Normal(0.1, 0.00995);
        let shift = moons(a, b);
        observe x ~ Normal(shift[0] + 0.25 + radius * angle.cos(), 0.001);
        observe y ~ Normal(shift[1] + radius * angle.sin(), 0.001);
    }
}

model! {
    /// "Simple likelihood, complex posterior": four points of a Normal distribution whose scales and correlation do not tell
    /// the signs of what they are made of.
    pub Slcp {
        global theta[5] ~ Uniform(-3.0, 3.0);
        let scale = [theta[2] * theta[2], theta[3] * theta[3]];
        let correlation = theta[4].tanh();
        let root = [[scale[0], 0.0], [correlation * scale[1], scale[1] * (1.0 - correlation * correlation).sqrt()]];
        plate points(4) {
            observe x[2] ~ MvNormalCholesky([theta[0], theta[1]], root);
        }
    }
}

model! {
    /// A point beside the unknown one, closely or not: a mixture of two Normals.
    pub GaussianMixture {
        global theta[2] ~ Uniform(-10.0, 10.0);
        nuisance close ~ Bernoulli(0.5);
        let sd = if close { 0.1 } else { 1.0 };
        observe x ~ Normal(theta[0], sd);
        observe y ~ Normal(theta[1], sd);
    }
}
