//! Models that together use every feature of the language.

use hierarch::distributions::{Distribution, Draw, Support};
use hierarch::prelude::*;

#[path = "../../examples/resonance/model.rs"]
mod resonance;

pub use resonance::*;

model! {
    /// The same with the sum written by hand.
    pub ResonanceByHand {
        param width: f64 = 0.1;
        global fraction ~ Uniform(0.0, 1.0);
        global mass ~ Normal(1.0, 2.0);
        plate events(1..=200) {
            observe x ~ Mixture([fraction, 1.0 - fraction], [Normal(mass, width), Normal(0, 1)]);
        }
    }
}

model! {
    /// Non-centred.
    pub EightSchools {
        global mu ~ Normal(0.0, 5.0);
        global tau ~ HalfCauchy(5.0);
        plate schools(1..=20) {
            given sigma: f64;
            local eta ~ Normal(0.0, 1.0);
            let theta = mu + tau * eta;
            observe y ~ Normal(theta, sigma);
        }
    }
}

model! {
    pub EightSchoolsCentred {
        global mu ~ Normal(0.0, 5.0);
        global tau ~ HalfCauchy(5.0);
        plate schools(1..=20) {
            given sigma: f64;
            local theta ~ Normal(mu, tau);
            observe y ~ Normal(theta, sigma);
        }
    }
}

model! {
    /// Random intercepts, ragged groups, a covariate: nested.
    pub Radon {
        global mu ~ Normal(0.0, 2.0);
        global slope ~ Normal(0.0, 2.0);
        global tau ~ HalfNormal(1.0);
        global sigma ~ HalfNormal(1.0);
        plate counties(1..=100) {
            local intercept ~ Normal(mu, tau);
            plate houses(1..=50) {
                given floor ~ Bernoulli(0.3);
                let shift = if floor { slope } else { 0.0 };
                observe y ~ Normal(intercept + shift, sigma);
            }
        }
    }
}

model! {
    /// The same in long form.
    pub RadonLong {
        global mu ~ Normal(0.0, 2.0);
        global slope ~ Normal(0.0, 2.0);
        global tau ~ HalfNormal(1.0);
        global sigma ~ HalfNormal(1.0);
        plate counties(1..=100) {
            local intercept ~ Normal(mu, tau);
        }
        plate houses(1..=5000) {
            given county: index(counties);
            given floor: f64 ~ Bernoulli(0.3);
            observe y ~ Normal(intercept[county] + slope * floor, sigma);
        }
    }
}

model! {
    /// Two-parameter item response: crossed plates, a `let` read by index.
    pub ItemResponse {
        global spread ~ HalfNormal(1.0);
        plate subjects(1..=200) {
            local ability ~ Normal(0.0, 1.0);
        }
        plate items(1..=50) {
            local raw ~ Normal(0.0, 1.0);
            local discrimination ~ LogNormal(0.0, 0.5);
            let difficulty = spread * raw;
        }
        plate answers(1..=10000) {
            given subject: index(subjects);
            given item: index(items);
            observe correct ~ BernoulliLogit(discrimination[item] * (ability[subject] - difficulty[item]));
        }
    }
}

model! {
    /// A discrete local above a nested plate with locals of its own, and another one inside.
    pub Sessions {
        global rate ~ Beta(2.0, 2.0);
        global level[2] ~ Normal(0.0, 2.0);
        nuisance noise ~ LogNormal(-1.0, 0.5);
        plate people(1..=20) {
            local kind ~ Categorical([rate, 1.0 - rate]);
            local bias ~ Normal(0.0, 0.5);
            observe first ~ Normal(level[kind] + bias, 1.0);
            plate days(1..=10) {
                local mood ~ Normal(bias, 0.3);
                local late ~ Bernoulli(0.25);
                let centre = level[kind] + mood + if late { 0.7 } else { 0.0 };
                observe score ~ Normal(centre, noise);
            }
        }
    }
}

model! {
    /// Several discrete locals in one element, one of them a count.
    pub Detectors {
        global p ~ Beta(2.0, 3.0);
        global q ~ Beta(3.0, 2.0);
        global gain ~ LogNormal(0.0, 0.3);
        plate shots(1..=60) {
            local fired ~ Bernoulli(p);
            local photons ~ Binomial(3, q);
            let signal = if fired { gain * photons } else { 0.0 };
            observe charge ~ Normal(signal, 0.4);
        }
    }
}

model! {
    /// A random size, observations outside plates, vectors.
    pub Counting {
        global rate ~ Gamma(20.0, 1.0);
        global centre[2] ~ Normal(0.0, 3.0);
        global share[3] ~ Dirichlet([2.0, 3.0, 4.0]);
        observe control ~ Poisson(2.0 * rate);
        observe votes[3] ~ Multinomial(40, share);
        plate events(n ~ Poisson(rate)) {
            observe place[i in 0..2] ~ Normal(centre[i], 1.0 + 0.5 * share[i]);
            observe colour ~ Categorical(share);
        }
    }
}

model! {
    /// A global vector picked by a covariate, and a covariate of another plate read by index.
    pub Groups {
        global mean[3] ~ Normal(0.0, 2.0);
        global slope ~ Normal(0.0, 1.0);
        plate sites(1..=10) {
            given height: f64 ~ Uniform(0.0, 2.0);
            given coast: bool ~ Bernoulli(0.5);
        }
        plate samples(1..=400) {
            given site: index(sites);
            given group: usize ~ Categorical([0.2, 0.3, 0.5]);
            let bump = if coast[site] { 0.5 } else { 0.0 };
            observe y ~ Normal(mean[group] + slope * height[site] + bump, 0.7);
        }
    }
}

/// A changepoint: a branch on numbers with derivatives.
fn step<T: Real>(t: T, at: T, before: T, after: T) -> T {
    if t < at { before } else { after }
}

const HORIZON: f64 = 10.0;

model! {
    pub Changepoint {
        global at ~ Uniform(0.0, HORIZON);
        global before ~ Exponential(1.0);
        global after ~ Exponential(1.0);
        plate ticks(1..=100) {
            given t: f64 ~ Uniform(0.0, HORIZON);
            observe count ~ Poisson(step(t, at, before, after));
        }
    }
}

/// A user's own distribution: density proportional to 1 - (x / radius)^2.
pub struct Parabola<T> {
    radius: T,
}

impl<T: Real> Parabola<T> {
    pub fn new(radius: T) -> Self {
        Self { radius }
    }
}

impl<T: Real> Distribution<T> for Parabola<T> {
    type Value = T;
    fn support(&self) -> Support<T> {
        Support::Interval(-self.radius, self.radius)
    }
    fn log_density(&self, x: T) -> T {
        (-(x / self.radius).square()).ln_1p() + (self.radius.recip() * 0.75).ln()
    }
}

impl Draw for Parabola<f64> {
    fn draw<R: rand::Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        use rand::RngExt;
        let mut u = [(); 3].map(|_| rng.random_range(-1.0..1.0));
        u.sort_by(f64::total_cmp);
        self.radius * u[1]
    }
}

model! {
    pub UserNetwork {
        param offset: f64 = 0.5;
        param weights: [f64; 2] = [0.25, 0.75];
        global shift ~ Parabola(2.0);
        plate events(30) {
            local jitter ~ Parabola(1.0);
            observe x ~ Normal(shift + weights[1] * jitter + offset, 0.2);
        }
    }
}

model! {
    /// Distributions of different families by a discrete local, truncated ones, a mixture of three.
    pub Peak {
        param low: f64 = 60.0;
        param high: f64 = 120.0;
        global mass ~ Uniform(80.0, 100.0);
        global width ~ LogNormal(0.7, 0.5);
        global fraction ~ Uniform(0.0, 1.0);
        global slope ~ Normal(0.02, 0.02);
        plate events(1..=1000) {
            local signal ~ Bernoulli(fraction);
            observe m ~ if signal { Truncated(Cauchy(mass, width), low, high) } else { TruncatedExponential(slope, low, high) };
        }
    }
}

model! {
    /// Correlated locals by a covariance, three levels of plates.
    pub Deep {
        global centre[2] ~ Normal(0.0, 1.0);
        global sd ~ HalfNormal(1.0);
        plate schools(1..=5) {
            local school ~ Normal(0.0, sd);
            plate classes(1..=4) {
                local pair[2] ~ MvNormal([centre[0] + school, centre[1]], [[1.0, 0.3], [0.3, 0.5]]);
                plate pupils(1..=6) {
                    given age: f64 ~ Uniform(0.0, 1.0);
                    observe mark ~ StudentT(4.0, pair[0] + pair[1] * age, 0.5);
                }
            }
        }
    }
}

model! {
    /// Discrete locals on two levels of three, locals on all, a prior chosen by a discrete local.
    pub Levels {
        global centre ~ Normal(0.0, 1.0);
        plate regions(1..=3) {
            local height ~ Normal(centre, 1.0);
            local inverted ~ Bernoulli(0.3);
            plate towns(1..=3) {
                local level ~ Normal(if inverted { -height } else { height }, 0.5);
                local step ~ Categorical([0.2, 0.3, 0.5]);
                plate people(1..=9) {
                    local stride ~ HalfNormal(1.0);
                    observe x ~ Normal(level + step as f64 * stride, 0.7);
                }
            }
        }
    }
}

model! {
    /// An index to a plate that itself reads another by index.
    pub Exams {
        global mean ~ Normal(0.0, 1.0);
        plate schools(1..=5) {
            local quality ~ Normal(mean, 0.5);
        }
        plate students(1..=20) {
            given school: index(schools);
            local talent ~ Normal(quality[school], 1.0);
            let skill = 2.0 * talent;
        }
        plate answers(1..=100) {
            given student: index(students);
            given hard: bool ~ Bernoulli(0.5);
            observe right ~ BernoulliLogit(skill[student] - if hard { 1.0 } else { 0.0 });
        }
    }
}

model! {
    /// Plates side by side on two levels, one of random size, observations outside plates before and after.
    pub Siblings {
        global m ~ Normal(0.0, 1.0);
        observe before ~ Normal(m, 1.0);
        plate outer(1..=4) {
            local u ~ Normal(m, 1.0);
            plate left(1..=3) {
                observe l ~ Normal(u, 1.0);
            }
            plate right(n ~ Poisson(3.0 * u.exp())) {
                observe r ~ Exponential(u.exp());
            }
        }
        plate other(2) {
            observe o ~ Laplace(m, 2.0);
        }
        observe after ~ Logistic(m, 1.0);
    }
}

model! {
    /// A vector of coefficients and one of covariates.
    pub Regression {
        global beta[4] ~ Normal(0, 1);
        global sigma ~ Exponential(1.0);
        plate rows(1..=100) {
            given x[4]: f64 ~ Normal(0.0, 1.0);
            observe y ~ Normal(dot(x, beta), sigma);
        }
    }
}

model! {
    /// A discrete local two plates above what depends on it, with none in between.
    pub Chain {
        global s ~ HalfNormal(1.0);
        plate a(1..=3) {
            local z ~ Bernoulli(0.5);
            local v ~ Normal(if z { s } else { -s }, 1.0);
            plate b(1..=3) {
                let c = if z { s } else { -s };
                local m ~ Normal(v, 1.0);
                observe y ~ Normal(m + s, 1.0);
                plate d(1..=9) {
                    local h ~ Normal(m, 1.0);
                    observe x ~ Normal(c + h, 1.0);
                }
            }
        }
    }
}

model! {
    /// A param without a default.
    pub Scaled {
        param scale: f64;
        global m ~ Normal(0.0, scale);
        plate rows(1..=20) {
            observe x ~ Normal(m, scale);
        }
    }
}

model! {
    /// What is read by index is used in a plate inside.
    pub Trials {
        global s ~ HalfNormal(1.0);
        plate subjects(1..=5) {
            local ability[2] ~ Normal(0.0, s);
        }
        plate sessions(1..=9) {
            given subject: index(subjects);
            let a = ability[subject];
            plate trials(1..=9) {
                observe y ~ Normal(a[0] - a[1], 1.0);
            }
        }
    }
}

model! {
    /// An observation that depends on a discrete local is used again, in its element and by index; names that might be caught.
    pub Reread {
        global f ~ Beta(2.0, 2.0);
        global all[k in 0..3] ~ Normal(k as f64, 1.0);
        plate a(1..=9) {
            local s ~ Bernoulli(f);
            observe hit ~ Bernoulli(if s { 0.9 } else { 0.1 });
            observe x ~ if hit { Normal(all[0], 1.0) } else { Normal(if s { 3.0 } else { -3.0 }, 1.0) };
            observe w ~ Normal(0.5 * x, 1.0);
        }
        plate b(1..=9) {
            given i: index(a);
            given group: usize ~ Categorical([0.2, 0.3, 0.5]);
            observe y ~ Normal(f * x[i], 1.0);
            plate c(1..=3) {
                observe u ~ Normal(all[group], 1.0);
            }
        }
    }
}
