//! Vectors of a distribution of the user's: one draw, or a draw for each number, as the type of the draws says.

use hierarch::distributions::{Distribution, Draw, Normal, Support};
use hierarch::model::{Density, log_prior};
use hierarch::prelude::*;
use hierarch_tests::density::{check_gradient, check_score, check_statements};
use hierarch_tests::{agrees, seed};
use rand::{Rng, RngExt};

/// A point of the plane whose distance is log-normal, in any direction.
pub struct Ring<T> {
    radius: T,
    width: T,
}

impl<T: Real> Ring<T> {
    pub fn new(radius: T, width: T) -> Self {
        Self { radius, width }
    }
}

impl<T: Real> Distribution<T> for Ring<T> {
    type Value = [T; 2];

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Real
    }

    #[inline(always)]
    fn log_density(&self, [x, y]: [T; 2]) -> T {
        let log_distance = (x.square() + y.square()).ln() * 0.5;
        let density = Normal::new(self.radius.ln(), self.width).log_density(log_distance);
        density - log_distance * 2.0 - std::f64::consts::TAU.ln()
    }
}

impl Draw for Ring<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> [f64; 2] {
        let distance = Normal::new(self.radius.ln(), self.width).draw(rng).exp();
        let angle: f64 = rng.random_range(0.0..std::f64::consts::TAU);
        [distance * angle.cos(), distance * angle.sin()]
    }
}

/// The exponentials of a path with normal steps, of any length; the `drawn` numbers need not be those of the model.
pub struct Path<T> {
    sd: T,
    drawn: usize,
}

impl<T: Real> Path<T> {
    pub fn new(sd: T, drawn: usize) -> Self {
        Self { sd, drawn }
    }
}

impl<T: Real> Distribution<T> for Path<T> {
    type Value = Vec<T>;

    fn support(&self) -> Support<T> {
        Support::Above(T::from(0.0))
    }

    fn log_density(&self, x: Vec<T>) -> T {
        let (mut before, mut sum) = (T::from(0.0), T::from(0.0));
        for log in x.into_iter().map(|x| x.ln()) {
            sum += Normal::new(before, self.sd).log_density(log) - log;
            before = log;
        }
        sum
    }
}

impl Draw for Path<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f64> {
        let mut at = 0.0;
        let mut step = || {
            at = Normal::new(at, self.sd).draw(rng);
            f64::exp(at)
        };
        (0..self.drawn).map(|_| step()).collect()
    }
}

/// A number, which is the normal one.
pub struct One<T> {
    sd: T,
}

impl<T: Real> One<T> {
    pub fn new(sd: T) -> Self {
        Self { sd }
    }
}

impl<T: Real> Distribution<T> for One<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Real
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        Normal::new(T::from(0.0), self.sd).log_density(x)
    }
}

impl Draw for One<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        Normal::new(0.0, self.sd).draw(rng)
    }
}

/// Parts of a whole, which is not what a latent vector of one's own can be; uniform for three.
pub struct Parts<T>(T);

impl<T: Real> Parts<T> {
    pub fn new(x: T) -> Self {
        Self(x)
    }
}

impl<T: Real> Distribution<T> for Parts<T> {
    type Value = [T; 3];

    fn support(&self) -> Support<T> {
        Support::Simplex
    }

    fn log_density(&self, _: [T; 3]) -> T {
        self.0
    }
}

impl Draw for Parts<f64> {
    fn draw<R: Rng + ?Sized>(&self, _: &mut R) -> [f64; 3] {
        [0.2, 0.3, 0.5]
    }
}

model! {
    /// Vectors of a constant length.
    pub Constant {
        global r ~ LogNormal(0.0, 0.5);
        global x[2] ~ Ring(r, 0.2);
        global one[2] ~ One(r);
        global typed: [f64; 2] ~ One(r);
        global path[3] ~ Path(r, 3usize);
        plate rows(1..=10) {
            local near ~ Bernoulli(0.3);
            local place[2] ~ Ring(r, 0.1);
            observe seen[2] ~ if near { Ring(place[0].abs(), 0.3) } else { Ring(x[0].abs() + path[1], 0.3) };
            observe other[2] ~ One(path[2]);
            observe third[3] ~ Path(r + typed[0].abs() + one[1].square(), 3usize);
        }
    }
}

model! {
    /// Vectors of a length that is known when the program runs.
    pub AnyLength {
        size K;
        global r ~ LogNormal(0.0, 0.5);
        global path[K] ~ Path(r, K);
        global beta[K] ~ One(r);
        plate rows(1..=10) {
            given u[K] ~ Normal(0.0, 1.0);
            local v[K] ~ One(r);
            observe y[K] ~ Path(0.5 + 0.2 * (path[0].ln() + dot(u, beta)).tanh(), K);
            observe z[K] ~ One(path[1]);
            observe w[2] ~ Ring((0.1 * v[0]).exp(), 0.2);
        }
    }
}

fn check<M: Likelihood + Generative>(model: &M, sizes: &[(&str, usize)]) {
    check_gradient(model, 10);
    check_score(model, sizes, 4000);
    check_statements(model);
}

#[test]
fn own_vectors_have_densities_and_draws() {
    check(&Constant::default(), &[("rows", 3)]);
    check(&AnyLength { K: 3 }, &[("rows", 3)]);
    let of = ConstantGlobals { r: 0.7, x: [0.3, -0.4], one: [0.1, 0.2], typed: [0.5, -0.5], path: [1.5, 0.8, 2.0] };
    let numbers: f64 = [0.1, 0.2, 0.5, -0.5].map(|x| Normal::new(0.0, 0.7).log_density(x)).iter().sum();
    let expected = hierarch::distributions::LogNormal::new(0.0, 0.5).log_density(0.7)
        + Ring::new(0.7, 0.2).log_density(of.x)
        + numbers
        + Path::new(0.7, 3).log_density(of.path.to_vec());
    assert!((log_prior(&Constant::default(), &of) - expected).abs() < 1e-12);
}

model! {
    /// A prior alone: uniform directions at a log-normal distance, and a walk in logarithms.
    pub Alone {
        global x[2] ~ Ring(2.0, 0.1);
        let distance = (x[0] * x[0] + x[1] * x[1]).sqrt();
        global path[2] ~ Path(0.5, 2usize);
        let last = path[1].ln();
        factor 0;
    }
}

#[test]
fn chains_find_the_moments_of_own_vectors() {
    let chains = Alone::default().nuts(&AloneData {}).draws(4000).seed(seed(5)).run().unwrap();
    agrees(&chains, "distance", 2.0 * 0.005_f64.exp(), 2.0 * 0.1, 5.0);
    agrees(&chains, "last", 0.0, 0.5 * 2.0_f64.sqrt(), 5.0);
}

model! {
    pub Whole {
        global parts[3] ~ Parts(0.7);
        observe y ~ Normal(parts[0], 1.0);
    }
}

model! {
    /// Each row of the data says parts, which a vector that is observed may.
    pub Seen {
        global a ~ Normal(0.0, 1.0);
        observe parts[3] ~ Parts(a);
    }
}

model! {
    pub Longer {
        global path[3] ~ Path(0.5, 4usize);
        observe y ~ Normal(path[0], 1.0);
    }
}

#[test]
fn what_an_own_vector_cannot_be_is_said() {
    let error = Whole::default().simulate(1).one().unwrap_err().to_string();
    assert!(error.contains("`parts` cannot be drawn") && error.contains("`factor`"), "{error}");
    let error = Whole::default().nuts(&WholeData { y: 0.5 }).run().unwrap_err().to_string();
    assert!(error.contains("the support of `parts` is positive numbers whose sum is 1"), "{error}");
    let error = Longer::default().simulate(1).one().unwrap_err().to_string();
    assert_eq!(error, "`path` has 3 numbers in the model, and its distribution drew 4");
    let set = Seen::default().simulate(1).one().unwrap();
    assert_eq!(set.data.parts, [0.2, 0.3, 0.5]);
    let error = Density::new(&Seen::default(), &SeenData { parts: [0.2, 0.3, 0.6] }).unwrap_err().to_string();
    assert!(error.contains("parts"), "{error}");
}
