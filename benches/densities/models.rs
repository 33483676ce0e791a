//! Models as everybody writes them: regressions, random intercepts, item response, a mixture, many groups.

use hierarch::prelude::*;

model! {
    /// Normal regression with 24 covariates.
    pub Diamonds {
        global intercept ~ StudentT(3.0, 8.0, 10.0);
        global b[24] ~ Normal(0.0, 1.0);
        global sigma ~ HalfCauchy(10.0);
        plate rows(1..=10_000) {
            given x[24] ~ Normal(0.0, 1.0);
            observe y ~ Normal(intercept + dot(x, b), sigma);
        }
    }
}

model! {
    /// Normal regression with 9 covariates, the first of them 1.
    pub Nes {
        global beta[9] ~ Normal(0.0, 10.0);
        global sigma ~ HalfNormal(10.0);
        plate rows(1..=10_000) {
            given x[9] ~ Normal(0.0, 1.0);
            observe y ~ Normal(dot(x, beta), sigma);
        }
    }
}

model! {
    /// Logistic regression with the same design.
    pub NesLogistic {
        global beta[9] ~ Normal(0.0, 2.5);
        plate rows(1..=10_000) {
            given x[9] ~ Normal(0.0, 1.0);
            observe y ~ BernoulliLogit(dot(x, beta));
        }
    }
}

model! {
    /// Random intercepts, not centred, and two slopes.
    pub Radon {
        global mu ~ Normal(0.0, 5.0);
        global tau ~ HalfNormal(1.0);
        global slope[2] ~ Normal(0.0, 1.0);
        global sigma ~ HalfNormal(1.0);
        plate counties(1..=1000) {
            local raw ~ Normal(0.0, 1.0);
            let alpha = mu + tau * raw;
        }
        plate houses(1..=20_000) {
            given county: index(counties);
            given floor ~ Normal(0.0, 1.0);
            given uranium ~ Normal(0.0, 1.0);
            observe y ~ Normal(alpha[county] + slope[0] * floor + slope[1] * uranium, sigma);
        }
    }
}

model! {
    /// Item response with two parameters of an item.
    pub Irt {
        global spread ~ HalfNormal(1.0);
        plate subjects(1..=1000) { local ability ~ Normal(0.0, 1.0); }
        plate items(1..=1000) {
            local difficulty ~ Normal(0.0, 1.0);
            local discrimination ~ LogNormal(0.0, spread);
        }
        plate answers(1..=100_000) {
            given subject: index(subjects);
            given item: index(items);
            observe correct ~ BernoulliLogit(discrimination[item] * (ability[subject] - difficulty[item]));
        }
    }
}

model! {
    /// A mixture of two Normals.
    pub Mixture2 {
        global weight ~ Beta(5.0, 5.0);
        global low ~ Normal(-2.0, 1.0);
        global gap ~ HalfNormal(4.0);
        let high = low + gap;
        global sigma[2] ~ HalfNormal(2.0);
        plate events(1..=10_000) {
            local first ~ Bernoulli(weight);
            let (mean, sd) = if first { (low, sigma[0]) } else { (high, sigma[1]) };
            observe y ~ Normal(mean, sd);
        }
    }
}

model! {
    /// Many groups, each with a slope and an intercept.
    pub Groups {
        global mean[2] ~ Normal(0.0, 1.0);
        global sd[2] ~ HalfNormal(0.5);
        plate groups(1..=20_000) {
            local a ~ Normal(mean[0], sd[0]);
            local b ~ Normal(mean[1], sd[1]);
            plate rows(1..=20) {
                given t ~ Normal(0.0, 1.0);
                observe count ~ PoissonLog(a + b * t);
            }
        }
    }
}
