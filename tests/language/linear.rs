//! Linear predictors that the density takes out of the elements of a plate: each way to write one, against finite differences and
//! against the walk over plain numbers; and what `Density::plan` says of it.

use hierarch::model::{Density, log_density, log_jacobian_of_all, log_prior, unconstrain};
use hierarch::prelude::*;
use hierarch_tests::density::{check_gradient, check_gradient_at, check_jacobian};
use hierarch_tests::slope;

/// The density and its gradient are right, and its plan is `plan`.
pub(crate) fn check<M: Likelihood + Generative>(model: &M, plan: &str) {
    check_gradient(model, 10);
    check_jacobian(model);
    let set = model.simulate(1).one().unwrap();
    assert_eq!(Density::new(model, &set.data).unwrap().plan().to_string(), plan);
}

model! {
    /// An inner product, a sum that is written out, a `let` on the way, and what is no sum.
    pub Poisson3 {
        param shift: f64 = 0.3;
        global a ~ Normal(0.0, 0.3);
        global b[3] ~ Normal(0.0, 0.3);
        global c ~ HalfNormal(0.3);
        let twice = 2.0 * c;
        plate rows(9) {
            given x[3] ~ Normal(0.0, 1.0);
            given t ~ Uniform(0.5, 2.0);
            let centred = t - shift;
            let line = a + twice * centred - c / t;
            let curved = (c * t).sin();
            observe n ~ PoissonLog(line + dot(b, x) + curved);
        }
    }
}

model! {
    /// Covariates that a `let` gathers.
    pub Gathered {
        global beta[3] ~ Normal(0, 0.5);
        global sd ~ LogNormal(0.0, 0.3);
        plate rows(9) {
            given u ~ Normal(0, 1);
            given v ~ Normal(0, 1);
            let row = [1.0, u, u * v];
            observe y ~ Normal(dot(beta, row), sd);
            observe n ~ PoissonLog(dot(row, beta));
        }
    }
}

model! {
    /// Covariates that are numbers of their own, branches on data, a category, and data of another plate.
    pub Branches {
        global a ~ Normal(0.0, 1.0);
        global b ~ Normal(0.0, 1.0);
        global site_effect[3] ~ Normal(0.0, 0.5);
        plate regions(4) {
            given height ~ Normal(0.0, 1.0);
            local level ~ Normal(0.0, 0.5);
        }
        plate rows(11) {
            given region: index(regions);
            given treated ~ Bernoulli(0.5);
            given site ~ Categorical([0.3, 0.3, 0.4]);
            given dose ~ Uniform(0.0, 1.0);
            let effect = if treated { b * dose } else { 0.0 };
            let base = match site { 0 => a, 1 => -a, _ => 0.5 };
            observe y ~ BernoulliLogit(effect + base + a * height[region] + level[region] + site_effect[site]);
        }
    }
}

model! {
    /// Groups that hold their rows, with coefficients that are the same in all of them; a latent variable with a linear mean.
    pub Nested {
        global beta[4] ~ Normal(0.0, 0.5);
        global gamma[3] ~ Normal(0.0, 0.5);
        global tau ~ HalfNormal(1.0);
        plate schools(5) {
            given size[3] ~ Normal(0.0, 1.0);
            local level ~ Normal(dot(size, gamma), tau);
            plate pupils(1..=6) {
                given x[4] ~ Normal(0.0, 1.0);
                observe passed ~ BernoulliLogit(level + dot(x, beta));
            }
        }
    }
}

model! {
    /// Groups with predictors of their own, whose locals other plates read by an index: element by element, and in least squares.
    pub Levels {
        global beta[3] ~ Normal(0.0, 0.5);
        global gamma[3] ~ Normal(0.0, 0.5);
        global tau ~ HalfNormal(1.0);
        plate regions(4) {
            given u[3] ~ Normal(0.0, 1.0);
            local level ~ Normal(dot(u, gamma), tau);
            local scale ~ LogNormal(0.1 * dot(u, beta), 0.2);
            observe visits ~ PoissonLog(dot(u, gamma));
        }
        plate rows(11) {
            given region: index(regions);
            given x[3] ~ Normal(0.0, 1.0);
            observe passed ~ BernoulliLogit(level[region] + scale[region] * x[0] + dot(x, beta));
        }
        plate weights(9) {
            given place: index(regions);
            observe weight ~ Normal(level[place], 0.5);
        }
    }
}

model! {
    /// A predictor in a mixture that is summed out, and in a plate that a discrete local of the plate around decides on.
    pub Summed {
        global a[3] ~ Normal(0.0, 1.0);
        global sigma ~ HalfNormal(1.0);
        global weight ~ Beta(2.0, 2.0);
        plate groups(4) {
            local kind ~ Bernoulli(weight);
            plate rows(3) {
                given x[3] ~ Normal(0.0, 1.0);
                let mean = dot(x, a);
                observe y ~ Normal(if kind { mean } else { 0.5 * mean }, sigma);
            }
        }
        plate events(7) {
            given x2[3] ~ Normal(0.0, 1.0);
            local outlier ~ Bernoulli(0.2);
            observe z ~ Normal(dot(x2, a), if outlier { 3.0 } else { sigma });
        }
    }
}

model! {
    /// Vectors of globals that are long: read in inner products, by an index, in what collapses and in what does not.
    pub Long {
        global tau ~ HalfNormal(1.0);
        global b[40] ~ Normal(0.5, tau);
        global share ~ Beta(2.0, 2.0);
        global effect[50] ~ StudentT(5.0, share, tau);
        global short[2] ~ Normal(0.0, 1.0);
        global sd ~ HalfNormal(1.0);
        plate rows(30) {
            given x[40] ~ Normal(0.0, 0.2);
            given site ~ Categorical([0.02; 50]);
            observe n ~ PoissonLog(0.1 * dot(x, b) + effect[site].tanh());
        }
        plate others(20) {
            given kind ~ Categorical([0.02; 50]);
            observe y ~ Normal(effect[kind] + short[0], sd);
        }
        plate regression(60) {
            given z[40] ~ Normal(0.0, 1.0);
            observe w ~ Normal(short[1] + dot(z, b), sd);
        }
    }
}

/// The gradient of a prior alone, too, which has no plates of data.
#[test]
fn long_vectors_of_globals_are_plates() {
    let model = Long::default();
    check_gradient(&model, 5);
    check_jacobian(&model);
    let set = model.simulate(1).one().unwrap();
    let q = unconstrain(&model, &set.globals, Some((&set.locals, &set.data)));
    let mut density = Density::new(&model, &set.data).unwrap();
    let (mut gradient, mut unused) = (vec![0.0; q.len()], vec![0.0; q.len()]);
    let prior = density.prior_gradient(&q, &mut gradient);
    assert!((prior - log_jacobian_of_all(&model, &set.data, &q) - log_prior(&model, &set.globals)).abs() < 1e-10);
    for (i, by) in gradient.iter().enumerate() {
        let slope = slope(&q, i, 1e-3, |q| density.prior_gradient(q, &mut unused));
        assert!((by - slope).abs() < 1e-7 * by.abs().max(1.0), "component {i}: {by} {slope}");
    }
}

#[derive(Clone, Copy)]
struct Pair<T>(T, T);

impl<T: Real> Pair<T> {
    fn sum(self) -> T {
        self.0 + self.1
    }
}

fn pair<T: Real>(x: T, y: T) -> Pair<T> {
    Pair(x, y)
}

model! {
    /// What looks like a sum and is none: branches on data between whole numbers, vectors, tuples and types of one's own.
    pub NoSums {
        global a[3] ~ Normal(0.0, 1.0);
        global b[3] ~ Normal(0.0, 1.0);
        global c ~ HalfNormal(1.0);
        plate rows(12) {
            given treated ~ Bernoulli(0.5);
            given level ~ Categorical([0.3, 0.3, 0.4]);
            given x ~ Normal(0.0, 1.0);
            let position = if treated { 1 } else { 2 };
            let all = if treated { a } else { b };
            let (low, high) = if treated { (a[0], b[1]) } else { (b[0], a[1]) };
            let own = if treated { pair(a[0], x) } else { pair(c, c) };
            let last = match level { 0 => 0, 1 => 2, _ => 1 };
            let shift = if position == 1 { x } else { 0.0 };
            observe y ~ Normal(all[position] + low * x - high + own.sum() + a[last] + shift, c);
        }
    }
}

#[test]
fn what_looks_like_a_sum_stays() {
    check_gradient(&NoSums::default(), 10);
    check_jacobian(&NoSums::default());
}

#[test]
fn predictors_are_what_they_stand_for() {
    check(
        &Gathered::default(),
        "rows: 9 normal observations as 3 rows of 3 columns (least squares)\n\
         rows: a linear predictor of 9 rows and 3 columns, then element by element\n",
    );
    check(&Poisson3::default(), "rows: a linear predictor of 9 rows and 6 columns, then element by element\n");
    check(
        &Branches::default(),
        "regions: elements as they are\nrows: a linear predictor of 11 rows and 4 columns, then element by element\n",
    );
    check(
        &Nested::default(),
        "schools: a linear predictor of 5 rows and 3 columns, then element by element\n\
         pupils: a linear predictor of 16 rows and 4 columns, then element by element\n",
    );
    check(
        &Levels::default(),
        "regions: a linear predictor of 4 rows and 3 columns, then element by element\n\
         regions: a linear predictor of 4 rows and 3 columns, then element by element\n\
         regions: a linear predictor of 4 rows and 3 columns, then element by element\n\
         rows: a linear predictor of 11 rows and 3 columns, then element by element\n\
         weights: 9 normal observations as 5 rows of 1 columns (least squares)\n",
    );
    check(
        &Summed::default(),
        "groups: elements as they are\nrows: a linear predictor of 12 rows and 3 columns, then element by element\n\
         events: a linear predictor of 7 rows and 3 columns, then element by element\n",
    );
}

model! {
    /// Answers of yes or no and counts, of which many are alike; a mixture of such; and a plate that others read, which must stay.
    pub Alike {
        global effect[5] ~ Normal(0.0, 1.0);
        global level[4] ~ Normal(0.0, 1.0);
        global rate ~ Gamma(2.0, 1.0);
        global weight ~ Beta(2.0, 2.0);
        plate answers(1..=2000) {
            given item ~ Categorical([0.2; 5]);
            given group ~ Categorical([0.25; 4]);
            observe yes ~ BernoulliLogit(effect[item] + level[group]);
        }
        plate counts(1..=500) {
            observe n ~ Poisson(rate);
        }
        plate trials(1..=400) {
            local expert ~ Bernoulli(weight);
            observe right ~ Binomial(5.0, if expert { 0.9 } else { 0.5 });
        }
        plate kinds(6) { given wild ~ Bernoulli(0.5); }
        plate animals(1..=100) {
            given kind: index(kinds);
            observe seen ~ Bernoulli(if wild[kind] { weight } else { 0.5 });
        }
    }
}

model! {
    /// Answers of yes or no inside of subjects, and of those that an index says; a mixture above some of them.
    pub AlikeInside {
        global effect[3] ~ Normal(0.0, 1.0);
        global spread ~ HalfNormal(1.0);
        plate subjects(7) {
            local ability ~ Normal(0.0, spread);
            given age ~ Normal(0.0, 1.0);
            plate trials(1..=50) {
                given kind ~ Categorical([0.3, 0.3, 0.4]);
                observe yes ~ BernoulliLogit(ability + 0.1 * age + effect[kind]);
            }
        }
        plate parties(6) {
            local left ~ Bernoulli(0.4);
            plate votes(0..=40) {
                observe votes_for: Option ~ Bernoulli(if left { 0.8 } else { 0.3 });
            }
        }
        plate letters(1..=500) {
            given subject: index(subjects);
            observe count ~ Binomial(2, (0.5 * ability[subject] + effect[1]).sigmoid());
        }
    }
}

/// The density of a data set is that of a walk over all its elements, constants included, and its plan has the `lines`.
fn check_plan_of<M: Likelihood>(model: &M, set: &Simulation<M>, lines: &[&str]) {
    let q = unconstrain(model, &set.globals, Some((&set.locals, &set.data)));
    check_gradient_at(model, &set.data, &q);
    let mut density = Density::new(model, &set.data).unwrap();
    let value = density.gradient(&q, &mut vec![0.0; q.len()]);
    let walked = log_density(model, &set.globals, &set.locals, &set.data).unwrap();
    let jacobian = log_jacobian_of_all(model, &set.data, &q);
    assert!((value - jacobian - walked).abs() < 1e-9 * walked.abs(), "{value} - {jacobian} is not {walked}");
    let plan = density.plan().to_string();
    for line in lines {
        assert!(plan.contains(line), "{plan}");
    }
}

#[test]
fn alike_elements_inside_others_are_run_once() {
    let model = AlikeInside::default();
    check_gradient(&model, 5);
    let set = model.simulate(1).seed(4).size("trials", 50).size("votes", 40).size("letters", 500).one().unwrap();
    check_plan_of(
        &model,
        &set,
        &[
            "trials: 350 elements as 41 that differ",
            "votes: 240 elements as 12 that differ",
            "letters: 500 elements as 21 that differ",
        ],
    );
}

/// Elements that are alike are run once; the density is what it was, constants included.
#[test]
fn alike_elements_are_run_once() {
    let model = Alike::default();
    check_gradient(&model, 3);
    let sizes = [("answers", 2000), ("counts", 500), ("trials", 400), ("animals", 100)];
    let set = sizes.iter().fold(model.simulate(1).seed(4), |s, (plate, size)| s.size(plate, *size)).one().unwrap();
    check_plan_of(
        &model,
        &set,
        &[
            "answers: 2000 elements as 40 that differ",
            "trials: 400 elements as 6 that differ",
            "kinds: elements as they are",
        ],
    );
}
