//! Normal observations that the density collapses: each way to write them, against finite differences and the walk over plain
//! numbers; at offsets of 1e7 sds and with columns that are nearly the same, against sums in twice the digits.

use crate::linear::check;
use hierarch::model::{Density, constrain, log_density, log_jacobian_of_all, unconstrain};
use hierarch::prelude::*;
use hierarch_tests::density::{check_gradient, check_jacobian};
use hierarch_tests::seed;

model! {
    /// Numbers with one mean and one sd; and their logarithms.
    pub Alike {
        global mean ~ Normal(0.0, 1.0);
        global sd ~ HalfNormal(1.0);
        plate events(20) {
            observe x ~ Normal(mean, sd);
        }
        plate sizes(20) {
            observe s ~ LogNormal(mean, 2.0 * sd);
        }
    }
}

model! {
    /// A regression with known errors, another with a known part of the sd, a third with a branch.
    pub Regressions {
        param error: f64 = 0.4;
        global a ~ Normal(0.0, 1.0);
        global b[2] ~ Normal(0.0, 1.0);
        global sd ~ HalfNormal(1.0);
        plate known(15) {
            given x[2] ~ Normal(0.0, 1.0);
            observe y ~ Normal(a + dot(x, b), error);
        }
        plate scaled(15) {
            given t ~ Normal(0.0, 1.0);
            given e ~ Uniform(0.5, 2.0);
            let line = a + b[0] * t.square() + 0.5;
            observe z ~ Normal(line, sd * e);
        }
        plate arms(15) {
            given treated ~ Bernoulli(0.5);
            observe w ~ Normal(if treated { a + b[1] } else { a }, sd);
        }
    }
}

model! {
    /// Effects that are read by one index, by two, and of a vector; one of them twice.
    pub Effects {
        global mu ~ Normal(0.0, 1.0);
        global tau ~ HalfNormal(1.0);
        global sd ~ HalfNormal(1.0);
        global month[3] ~ Normal(0.0, 1.0);
        plate counties(4) {
            local raw ~ Normal(0.0, 1.0);
            local slope ~ Normal(0.0, 1.0);
            let alpha = mu + tau * raw;
        }
        plate houses(60) {
            given county: index(counties);
            given when ~ Categorical([0.2, 0.4, 0.4]);
            given floor ~ Bernoulli(0.4);
            given t ~ Normal(0.0, 1.0);
            let down = floor as f64;
            observe y ~ Normal(alpha[county] + slope[county] * t + mu * down + month[when], sd);
        }
        plate pairs(40) {
            given first: index(counties);
            given second: index(counties);
            observe difference ~ Normal(alpha[first] - alpha[second], sd);
        }
    }
}

#[test]
fn few_rows_are_as_probable_as_all() {
    check(
        &Alike::default(),
        "events: 20 normal observations as 1 rows of 1 columns (least squares)\n\
         sizes: 20 normal observations as 1 rows of 1 columns (least squares)\n",
    );
    check(
        &Regressions::default(),
        "known: 15 normal observations as 3 rows of 3 columns (least squares)\n\
         scaled: 15 normal observations as 2 rows of 2 columns (least squares)\n\
         arms: 15 normal observations as 2 rows of 2 columns (least squares)\n",
    );
    check_gradient(&Effects::default(), 10);
    check_jacobian(&Effects::default());
    check(
        &Around::default(),
        "own: elements as they are\n\
         rows: elements as they are\n\
         mixed: elements as they are\n\
         flips: elements as they are\n\
         silent: elements as they are\n\
         parts: 12 normal observations as 4 rows of 1 columns (least squares)\n\
         read: elements as they are\n\
         readers: 9 normal observations as 5 rows of 1 columns (least squares)\n",
    );
    check_gradient(&Regimes::default(), 10);
    let set = Regimes::default().simulate(1).one().unwrap();
    assert_eq!(
        Density::new(&Regimes::default(), &set.data).unwrap().plan().to_string(),
        "towns: elements as they are\n\
         houses: elements as they are\n\
         streets: elements as they are\n\
         trees: 9 normal observations as 3 rows of 1 columns (least squares)\n"
    );
    check_gradient(&Inside::default(), 10);
    check_jacobian(&Inside::default());
}

/// Rows of one group become no more than there are unknowns in them, however many there are.
#[test]
fn groups_in_a_plate_are_few_rows() {
    let model = Grouped::default();
    let data = model.simulate(1).size("groups", 30).size("rows", 100).one().unwrap().data;
    let plan = Density::new(&model, &data).unwrap().plan().to_string();
    assert_eq!(
        plan,
        "groups: elements as they are\nrows: 3000 normal observations as 60 rows of 2 columns (least squares)\n"
    );
}

model! {
    /// Observations of a plate in another: of its locals, parts of vectors, data and `let`s; by an index, a category and a branch too.
    pub Inside {
        global mu ~ Normal(0.0, 1.0);
        global tau ~ HalfNormal(1.0);
        global sd ~ HalfNormal(1.0);
        global month[3] ~ Normal(0.0, 1.0);
        global kind_effect[2] ~ Normal(0.0, 1.0);
        plate items(3) { local difficulty ~ Normal(0.0, tau); }
        plate counties(4) {
            local raw ~ Normal(0.0, 1.0);
            local slope[2] ~ Normal(0.0, 1.0);
            given uranium ~ Normal(0.0, 1.0);
            given kind ~ Categorical([0.3, 0.7]);
            given rural ~ Bernoulli(0.5);
            let alpha = mu + tau * raw;
            observe size ~ Normal(alpha, sd);
            plate houses(0..=9) {
                given item: index(items);
                given when ~ Categorical([0.2, 0.4, 0.4]);
                given floor ~ Bernoulli(0.4);
                given t ~ Normal(0.0, 1.0);
                let line = alpha + slope[0] * t + kind_effect[kind] - difficulty[item];
                observe y ~ Normal(line + month[when] + mu * uranium + (if floor { slope[1] } else { 0.5 }) * t, sd);
                observe z: Option ~ LogNormal(if rural { alpha } else { raw.exp() }, sd * t.square());
            }
            plate roads(0..=3) {
                given e ~ Uniform(0.5, 1.5);
                observe w ~ Normal(mu * e, 2.0 * sd);
                observe v ~ Normal(e * uranium, sd);
            }
        }
    }
}

model! {
    /// A plate around that depends on a discrete global, which is summed out, and one that does not.
    pub Regimes {
        global mu ~ Normal(0.0, 1.0);
        global sd ~ HalfNormal(1.0);
        global regime ~ Categorical([0.3, 0.7]);
        plate towns(3) {
            local level ~ Normal(mu, 1.0);
            observe size ~ Normal(if regime == 0 { level } else { 2.0 * level }, sd);
            plate houses(3) { observe y ~ Normal(level, sd); }
        }
        plate streets(3) {
            local width ~ Normal(mu, 1.0);
            plate trees(3) { observe z ~ Normal(width, sd); }
        }
    }
}

model! {
    /// A line for each group.
    pub Grouped {
        global sd ~ HalfNormal(1.0);
        plate groups(1..=30) {
            local a ~ Normal(0.0, 1.0);
            local b ~ Normal(0.0, 1.0);
            plate rows(1..=100) {
                given t ~ Normal(0.0, 1.0);
                observe y ~ Normal(a + b * t, sd);
            }
        }
    }
}

model! {
    /// What a plate around does that leaves its elements as they are: an sd of each, a discrete local; and one that says nothing of
    /// its own.
    pub Around {
        global mu ~ Normal(0.0, 1.0);
        global sd ~ HalfNormal(1.0);
        plate own(4) {
            local s ~ HalfNormal(1.0);
            plate rows(3) { observe y ~ Normal(mu, s); }
        }
        plate mixed(4) {
            local heads ~ Bernoulli(0.3);
            plate flips(3) { observe z ~ Normal(if heads { mu } else { 0.0 }, sd); }
        }
        plate silent(4) {
            given u ~ Normal(0.0, 1.0);
            plate parts(3) { observe w ~ Normal(mu.exp() * u, sd); }
        }
        plate read(4) {
            given t ~ Normal(0.0, 1.0);
            let line = mu * t.square();
        }
        plate readers(9) {
            given at: index(read);
            observe v ~ Normal(line[at], sd);
        }
    }
}

model! {
    /// A line, of which one may shift the data, and two columns that are nearly the same.
    pub Line {
        global a ~ Normal(0.0, 1e9);
        global b[3] ~ Normal(0.0, 1.0);
        global sd ~ HalfNormal(1.0);
        plate rows(0..=2000) {
            given x[3] ~ Normal(0.0, 1.0);
            observe y ~ Normal(a + dot(x, b), sd);
        }
    }
}

/// A sum in twice the digits.
#[derive(Clone, Copy, Default)]
struct Sum(f64, f64);

impl Sum {
    fn add(&mut self, x: f64) {
        let high = self.0 + x;
        let back = high - self.0;
        self.1 += (self.0 - (high - back)) + (x - back);
        self.0 = high;
    }

    fn add_product(&mut self, x: f64, y: f64) {
        let product = x * y;
        self.add(product);
        self.add(x.mul_add(y, -product));
    }
}

/// The log likelihood is that of a sum over all rows in twice the digits, to 1e-12 of the sum of the terms' sizes, wherever the
/// data are.
#[test]
fn offsets_and_nearly_equal_columns_lose_nothing() {
    for (offset, apart) in [(0.0, 1.0), (1e7, 1.0), (-1e9, 1.0), (0.0, 1e-6), (1e7, 1e-6)] {
        let model = Line::default();
        let truth = LineGlobals { a: 0.0, b: [0.5, -0.3, 0.2], sd: 1.0 };
        let mut set = model.simulate(1).seed(seed(5)).at(&truth).size("rows", 2000).one().unwrap();
        let rows = &mut set.data.rows;
        rows.x.iter_mut().for_each(|x| x[2] = x[1] + apart * x[2]);
        rows.y.iter_mut().for_each(|y| *y += offset);
        let none = LineData { rows: LineRows { x: Vec::new(), y: Vec::new() } };
        let mut density = Density::new(&model, &set.data).unwrap();
        let mut prior = Density::new(&model, &none).unwrap();
        // Around the truth, by some sds of the posterior.
        for k in 0..20 {
            let near = |scale: f64, at: usize| scale * (1.7 * (k * 5 + at) as f64).sin();
            let q =
                [offset + near(0.05, 0), 0.5 + near(0.05, 1), -0.3 + near(1.0, 2), 0.2 - near(1.0, 2), near(0.05, 3)];
            let mut gradient = [0.0; 5];
            let got = density.gradient(&q, &mut gradient) - prior.gradient(&q, &mut [0.0; 5]);
            let mut values = Vec::new();
            constrain(&model, Some(&set.data), &q, &mut values);
            let (mut squares, mut slope) = (Sum::default(), Sum::default());
            let sd = values[4];
            for (x, y) in set.data.rows.x.iter().zip(&set.data.rows.y) {
                let mut residual = Sum(*y, 0.0);
                residual.add(-values[0]);
                x.iter().zip(&values[1..4]).for_each(|(x, b)| residual.add_product(-*x, *b));
                let r = residual.0 + residual.1;
                squares.add_product(r, r);
                slope.add_product(r, x[1]);
            }
            let n = 2000.0;
            let (misfit, rest) =
                (0.5 * (squares.0 + squares.1) / (sd * sd), n * (sd.ln() + 0.5 * std::f64::consts::TAU.ln()));
            let size = misfit + n * (sd.ln().abs() + 1.0);
            assert!(
                (got + misfit + rest).abs() < 1e-12 * size.max(1.0) * if offset == 0.0 { 1.0 } else { 10.0 },
                "offset {offset}, apart {apart}: {got}, not {}",
                -misfit - rest
            );
            let slope = (slope.0 + slope.1) / (sd * sd) - q[2];
            assert!((gradient[2] - slope).abs() < 1e-9 * slope.abs().max(n), "{} {slope}", gradient[2]);
        }
    }
}

/// The constants are kept: the density is the one that the walk over plain numbers gives.
#[test]
fn evidences_and_ratios_stay_right() {
    let model = Effects::default();
    for set in model.simulate(5).seed(seed(1)).run().unwrap() {
        let walked = log_density(&model, &set.globals, &set.locals, &set.data).unwrap();
        let q = unconstrain(&model, &set.globals, Some((&set.locals, &set.data)));
        let mut density = Density::new(&model, &set.data).unwrap();
        let value = density.gradient(&q, &mut vec![0.0; q.len()]);
        let jacobian = log_jacobian_of_all(&model, &set.data, &q);
        assert!((value - jacobian - walked).abs() < 1e-9 * walked.abs(), "{value} - {jacobian} is not {walked}");
    }
}
