//! Densities over all elements of a plate at once: Gaussian processes, maps of neighbours, random walks, and numbers that sum to
//! zero.
//!
//! In `model!`, `local f ~ RandomWalk(sd);` is one draw for a whole plate, of any number of elements. Its value and its gradient are
//! worked out for the whole column by formulas of its own, in time that is linear in the number of neighbours, or for a Gaussian
//! process cubic in the number of elements.
//!
//! | in a plate | the density |
//! | --- | --- |
//! | `GaussianProcess(x, kernel)` | [`GaussianProcess`]: mean zero, covariances by a kernel of a covariate |
//! | `Icar(edges)`, `ScaledIcar(edges)` | [`Icar`]: differences of neighbours are normal, and each connected part sums to zero |
//! | `Car(edges, alpha, tau)` | [`Car`]: precision tau (D - alpha W) |
//! | `RandomWalk(sd)`, `RandomWalk2(sd)` | [`RandomWalk`]: steps, or changes of steps, are normal |
//! | `ZeroSumNormal(sd)` | [`ZeroSum`]: normal numbers given that they sum to zero |

mod car;
mod dense;
mod gaussian_process;
mod graph;
mod grouped;
mod icar;
mod kernel;
mod random_walk;
mod zero_sum;

use rand::Rng;

use crate::distributions::ParameterError;
pub use car::Car;
pub use gaussian_process::GaussianProcess;
pub use grouped::Grouped;
pub use icar::Icar;
pub use kernel::Kernel;
pub use random_walk::RandomWalk;
pub use zero_sum::ZeroSum;

/// The logarithm of the square root of 2 pi.
const LN_SQRT_2_PI: f64 = 0.918_938_533_204_672_8;

/// A density over the values of all elements of a plate, given a few arguments: numbers that are inferred with it.
///
/// A sampler sees as many free numbers as there are elements. Where the values are restricted, or their free numbers are better
/// sampled, they are functions of these; the density of the free numbers is normalised, too.
///
/// ```
/// use hierarch_core::fields::{Field, State, ZeroSum};
///
/// let (field, sd, free) = (ZeroSum::new(3), [0.5], [0.2, -0.4, 0.8]);
/// let (mut values, mut buffer) = ([0.0; 3], vec![0.0; field.buffer()]);
/// let log_density = field.forward(&sd, &free, &mut values, &mut buffer);
/// assert!((values[1] - -0.6).abs() < 1e-12 && values.iter().sum::<f64>().abs() < 1e-12);
///
/// // What depends on the values, here with the derivatives 1, 0, 0, is carried to the free numbers.
/// let (mut by_free, mut by_sd) = ([0.0; 3], [0.0]);
/// let state = State { free: &free, values: &values, buffer: &mut buffer, adjoint: &[1.0, 0.0, 0.0] };
/// field.backward(&sd, state, &mut by_free, &mut by_sd);
/// let less = field.forward(&[0.5 - 1e-6], &free, &mut values, &mut buffer);
/// assert!(((log_density - less) / 1e-6 - by_sd[0]).abs() < 1e-4);
/// ```
pub trait Field: std::fmt::Debug + Send + Sync {
    /// Says what does not fit the elements of the plate; `None` if all does.
    fn misfit(&self) -> Option<&str> {
        None
    }

    /// Checks the arguments.
    ///
    /// # Errors
    /// The first that is not valid.
    fn check(&self, arguments: &[f64]) -> Result<(), ParameterError>;

    /// Draws the values of all elements, the first of which are `known`.
    ///
    /// # Errors
    /// An argument is not valid; some elements are known and not all, and the others cannot be drawn given these.
    fn draw(&self, arguments: &[f64], known: &[f64], rng: &mut dyn Rng) -> Result<Vec<f64>, ParameterError>;

    /// Returns the log density of the values.
    fn log_density(&self, arguments: &[f64], values: &[f64]) -> f64;

    /// Writes the values at the free numbers, and returns what the log density of the free numbers has more than that of the
    /// values.
    fn constrain(&self, arguments: &[f64], free: &[f64], values: &mut [f64]) -> f64 {
        let _ = arguments;
        values.copy_from_slice(free);
        0.0
    }

    /// Writes free numbers that have these values.
    fn unconstrain(&self, arguments: &[f64], values: &[f64], free: &mut [f64]) {
        let _ = arguments;
        free.copy_from_slice(values);
    }

    /// Returns how many numbers [`Field::forward`] leaves for [`Field::backward`].
    fn buffer(&self) -> usize {
        0
    }

    /// Writes the values at the free numbers, and returns the log density of the free numbers.
    fn forward(&self, arguments: &[f64], free: &[f64], values: &mut [f64], buffer: &mut [f64]) -> f64 {
        let _ = buffer;
        let log_slope = self.constrain(arguments, free, values);
        self.log_density(arguments, values) + log_slope
    }

    /// Adds the derivatives of the log density of the free numbers, and of something else that has the derivatives `adjoint` with
    /// respect to the values: those with respect to the free numbers to `by_free`, and those with respect to the arguments to
    /// `by_arguments`. The state is what [`Field::forward`] took and left.
    fn backward(&self, arguments: &[f64], state: State<'_>, by_free: &mut [f64], by_arguments: &mut [f64]);
}

/// What [`Field::backward`] works with; see there.
#[derive(Debug)]
pub struct State<'a> {
    /// The free numbers.
    pub free: &'a [f64],
    /// The values.
    pub values: &'a [f64],
    /// What [`Field::forward`] left.
    pub buffer: &'a mut [f64],
    /// The derivatives of something else with respect to the values.
    pub adjoint: &'a [f64],
}

/// Returns the log density of normal numbers with the mean zero, given the sum of their squares.
fn log_normal(count: f64, squares: f64, sd: f64) -> f64 {
    -count * (sd.ln() + LN_SQRT_2_PI) - 0.5 * squares / (sd * sd)
}

/// Returns the values of a field of which only a whole can be drawn, if all its `elements` are `known`.
///
/// # Errors
/// Some of them are known, and not all.
fn all_known(field: &'static str, known: &[f64], elements: usize) -> Result<Option<Vec<f64>>, ParameterError> {
    match known.len() {
        all if all == elements => Ok(Some(known.to_vec())),
        0 => Ok(None),
        some => Err(ParameterError {
            distribution: field,
            parameter: "the number of elements that keep their values",
            value: format!("{some} of {elements}"),
            requirement: "none or all, since the others cannot be drawn given these",
        }),
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::Xoshiro256PlusPlus;

    use super::*;
    use crate::linear::Cholesky;

    const EDGES: [(usize, usize); 7] = [(0, 1), (1, 2), (2, 3), (3, 0), (1, 3), (4, 5), (5, 6)];

    fn places() -> Vec<[f64; 2]> {
        (0..8).map(|i| [(i as f64 * 1.7).sin() * 2.0, 0.4 * i as f64]).collect()
    }

    /// Fields of 8 elements, with arguments.
    fn fields() -> Vec<(Box<dyn Field>, Vec<f64>)> {
        let all = Kernel::squared_exponential() + Kernel::matern32() * Kernel::periodic() + Kernel::matern52();
        let car: Vec<_> = EDGES.into_iter().chain([(6, 7)]).collect();
        vec![
            (Box::new(Icar::new(&EDGES, 8)), vec![]),
            (Box::new(Icar::scaled(&EDGES, 8)), vec![]),
            (Box::new(Car::new(&car, 8)), vec![0.7, 1.8]),
            (Box::new(Grouped::new(&[0, 3, 3, 8], |_, n| RandomWalk::of_order_2(n))), vec![0.6]),
            (
                Box::new(Grouped::new(&[0, 3, 8], |from, n| {
                    GaussianProcess::new(&places()[from..from + n], Kernel::matern32())
                })),
                vec![1.2, 0.8],
            ),
            (Box::new(RandomWalk::of_order_1(8)), vec![0.6]),
            (Box::new(RandomWalk::of_order_2(8)), vec![0.6]),
            (Box::new(ZeroSum::new(8)), vec![1.4]),
            (Box::new(GaussianProcess::new(&places(), Kernel::matern12())), vec![1.2, 0.8]),
            (Box::new(GaussianProcess::new(&places(), all)), vec![0.7, 1.9, 1.3, 2.0, 0.9, 0.6, 1.5, 0.4, 0.7]),
        ]
    }

    fn free() -> Vec<f64> {
        (0..8).map(|i| (i as f64 * 2.3 + 0.4).cos()).collect()
    }

    /// Something else that depends on the values.
    fn rest(values: &[f64]) -> f64 {
        values.iter().enumerate().map(|(i, x)| (0.3 * i as f64 + x).sin()).sum()
    }

    fn whole(field: &dyn Field, arguments: &[f64], free: &[f64]) -> f64 {
        let (mut values, mut buffer) = (vec![0.0; free.len()], vec![0.0; field.buffer()]);
        field.forward(arguments, free, &mut values, &mut buffer) + rest(&values)
    }

    #[test]
    fn derivatives_are_those_of_differences() {
        for (field, arguments) in fields() {
            let (free, mut values, mut buffer) = (free(), vec![0.0; 8], vec![0.0; field.buffer()]);
            field.forward(&arguments, &free, &mut values, &mut buffer);
            let adjoint: Vec<f64> = values.iter().enumerate().map(|(i, x)| (0.3 * i as f64 + x).cos()).collect();
            let (mut by_free, mut by_arguments) = (vec![1.0; 8], vec![1.0; arguments.len()]);
            let state = State { free: &free, values: &values, buffer: &mut buffer, adjoint: &adjoint };
            field.backward(&arguments, state, &mut by_free, &mut by_arguments);
            let difference = |change: &dyn Fn(f64) -> f64| (change(1e-5) - change(-1e-5)) / 2e-5;
            for at in 0..8 {
                let expected = difference(&|step| {
                    let mut free = free.clone();
                    free[at] += step;
                    whole(&*field, &arguments, &free)
                });
                assert!((by_free[at] - 1.0 - expected).abs() < 1e-6, "{field:?}: {at}: {} {expected}", by_free[at]);
            }
            for at in 0..arguments.len() {
                let expected = difference(&|step| {
                    let mut arguments = arguments.clone();
                    arguments[at] += step;
                    whole(&*field, &arguments, &free)
                });
                assert!((by_arguments[at] - 1.0 - expected).abs() < 1e-6, "{field:?}: argument {at}");
            }
        }
    }

    #[test]
    fn values_and_free_numbers_are_of_one_density() {
        for (field, arguments) in fields() {
            let (free, mut values, mut buffer) = (free(), vec![0.0; 8], vec![0.0; field.buffer()]);
            let log_density = field.forward(&arguments, &free, &mut values, &mut buffer);
            let mut same = vec![0.0; 8];
            let more = field.constrain(&arguments, &free, &mut same);
            assert_eq!(same, values);
            assert!((field.log_density(&arguments, &values) + more - log_density).abs() < 1e-8, "{field:?}");
            let mut back = vec![0.0; 8];
            field.unconstrain(&arguments, &values, &mut back);
            field.constrain(&arguments, &back, &mut same);
            assert!(same.iter().zip(&values).all(|(a, b)| (a - b).abs() < 1e-9), "{field:?}");
        }
    }

    /// The log density at a point of proper fields is that of a normal distribution with the covariance of many draws; of others,
    /// the mean of the quadratic form over draws is the number of their dimensions.
    #[test]
    fn draws_have_the_covariance_of_the_density() {
        const DRAWS: usize = 10_000;
        for (field, arguments) in fields() {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(11);
            let mut covariance = [0.0; 64];
            let (mut sum, peak) = (0.0, field.log_density(&arguments, &[0.0; 8]));
            for _ in 0..DRAWS {
                let x = field.draw(&arguments, &[], &mut rng).unwrap();
                sum += 2.0 * (peak - field.log_density(&arguments, &x));
                (0..64).for_each(|at| covariance[at] += x[at / 8] * x[at % 8] / DRAWS as f64);
            }
            let dimensions = sum / DRAWS as f64;
            let whole = dimensions.round();
            assert!((dimensions - whole).abs() < 5.0 * (2.0 * whole / DRAWS as f64).sqrt(), "{field:?}: {dimensions}");
            let Some(root) = Cholesky::new(covariance.to_vec(), 8).filter(|_| whole == 8.0) else { continue };
            let expected = -root.log_determinant() - 8.0 * LN_SQRT_2_PI;
            assert!((expected - peak).abs() < 0.1, "{field:?}: {expected} {peak}");
        }
    }

    /// A draw given the first elements, of a process on many places: its mean is that of a regression.
    #[test]
    fn a_process_goes_on_from_what_is_known() {
        let process = GaussianProcess::new(&[[0.0], [1.0], [1.6]], Kernel::squared_exponential());
        let k = |r: f64| 4.0 * (-0.5 * (r / 1.2_f64).powi(2)).exp();
        let cholesky = Cholesky::new(vec![k(0.0), 0.0, k(1.0), k(0.0)], 2).unwrap();
        let mut weights = vec![k(1.6), k(0.6)];
        cholesky.solve(&mut weights);
        let mean = 0.8 * weights[0] - 1.5 * weights[1];
        let sd = (k(0.0) - weights[0] * k(1.6) - weights[1] * k(0.6)).sqrt();
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
        let draws: Vec<f64> =
            (0..10_000).map(|_| process.draw(&[2.0, 1.2], &[0.8, -1.5], &mut rng).unwrap()[2]).collect();
        let found = draws.iter().sum::<f64>() / 1e4;
        let spread = (draws.iter().map(|x| (x - found).powi(2)).sum::<f64>() / 1e4).sqrt();
        assert!((found - mean).abs() < 5.0 * sd / 100.0, "{found} {mean}");
        assert!((spread / sd - 1.0).abs() < 0.04, "{spread} {sd}");
    }

    /// A plate may have no elements, or one.
    #[test]
    fn plates_without_elements_have_the_density_one() {
        let of = |n: usize| -> Vec<(Box<dyn Field>, Vec<f64>)> {
            vec![
                (Box::new(Icar::new(&[], n)), vec![]),
                (Box::new(Icar::scaled(&[], n)), vec![]),
                (Box::new(Car::new(&[], n)), vec![0.5, 2.0]),
                (Box::new(RandomWalk::of_order_2(n)), vec![2.0]),
                (Box::new(ZeroSum::new(n)), vec![2.0]),
                (Box::new(GaussianProcess::new(&vec![[1.0]; n], Kernel::matern12())), vec![2.0, 1.0]),
            ]
        };
        for (field, arguments) in of(0) {
            let mut buffer = vec![0.0; field.buffer()];
            assert_eq!(field.forward(&arguments, &[], &mut [], &mut buffer), 0.0, "{field:?}");
            let (state, mut by) =
                (State { free: &[], values: &[], buffer: &mut buffer, adjoint: &[] }, vec![0.0; arguments.len()]);
            field.backward(&arguments, state, &mut [], &mut by);
            assert!(by.iter().all(|by| *by == 0.0), "{field:?}: {by:?}");
        }
        let normal = |x: f64, sd: f64| log_normal(1.0, x * x, sd);
        // What is zero says nothing; its free number is standard normal.
        let expected =
            [normal(0.6, 1.0), normal(0.6, 1.0), f64::NAN, normal(0.6, 2.0), normal(0.6, 1.0), normal(0.6, 1.0)];
        for ((field, arguments), expected) in of(1).into_iter().zip(expected) {
            let found = field.forward(&arguments, &[0.6], &mut [0.0], &mut vec![0.0; field.buffer()]);
            assert!((found - expected).abs() < 1e-12 || field.misfit().is_some(), "{field:?}: {found}");
        }
    }

    #[test]
    fn a_map_that_does_not_fit_says_so() {
        let said = |field: &dyn Field| field.misfit().unwrap_or_default().to_owned();
        assert_eq!(
            said(&Icar::new(&[(0, 1), (3, 2)], 3)),
            "edge 1 joins elements 3 and 2, but there are 3, counted from 0"
        );
        assert_eq!(said(&Icar::new(&[(1, 1)], 3)), "edge 0 joins element 1 with itself: leave it out");
        assert!(said(&Car::new(&[(0, 1)], 3)).starts_with("element 2 has no neighbour"));
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
        assert!(Icar::new(&EDGES, 8).draw(&[], &[0.0; 3], &mut rng).is_err());
        assert!(RandomWalk::of_order_1(3).draw(&[-1.0], &[], &mut rng).is_err());
    }
}
