//! Covariances as functions of a distance.

use std::f64::consts::PI;
use std::ops::{Add, Mul};

use crate::autodiff::{Dual, Lanes, Real, WithLanes, with_lanes};

/// The most arguments of a function of distance.
const MOST: usize = 3;
/// How many distances are worked on at a time.
pub const CHUNK: usize = 8;

/// A covariance as a function of the distance r of two elements, or a sum or product of such. The arguments of all functions in it
/// stand one after the other.
///
/// | in `model!` | the covariance |
/// | --- | --- |
/// | `SquaredExponential(amplitude, length)` | amplitude^2 exp(-r^2 / (2 length^2)) |
/// | `Matern12(amplitude, length)` | amplitude^2 exp(-r / length) |
/// | `Matern32(amplitude, length)` | amplitude^2 (1 + s) exp(-s) with s = sqrt(3) r / length |
/// | `Matern52(amplitude, length)` | amplitude^2 (1 + s + s^2 / 3) exp(-s) with s = sqrt(5) r / length |
/// | `Periodic(amplitude, length, period)` | amplitude^2 exp(-2 sin(pi r / period)^2 / length^2) |
///
/// ```
/// use hierarch_core::fields::Kernel;
///
/// let slow_and_fast = Kernel::squared_exponential() + Kernel::matern32() * Kernel::periodic();
/// assert_eq!(slow_and_fast.arguments(), 7);
/// ```
#[derive(Clone, Debug)]
pub struct Kernel(Node);

#[derive(Clone, Debug)]
enum Node {
    Leaf(Leaf),
    Sum(Box<Node>, Box<Node>),
    Product(Box<Node>, Box<Node>),
}

/// A function of distance. Its values are column `column` of a table, and its derivatives by its arguments are the columns after it.
#[derive(Clone, Copy, Debug)]
struct Leaf {
    shape: Shape,
    column: usize,
    argument: usize,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    SquaredExponential,
    Matern12,
    Matern32,
    Matern52,
    Periodic,
}

impl Shape {
    fn arguments(self) -> usize {
        if matches!(self, Self::Periodic) { 3 } else { 2 }
    }

    #[inline(always)]
    fn covariance<T: Real>(self, r: T, [amplitude, length, period]: [T; MOST]) -> T {
        let variance = amplitude.square();
        match self {
            Self::SquaredExponential => variance * ((r / length).square() * -0.5).exp(),
            Self::Matern12 => variance * (-(r / length)).exp(),
            Self::Matern32 => {
                let s = r / length * 3.0_f64.sqrt();
                variance * (s + 1.0) * (-s).exp()
            }
            Self::Matern52 => {
                let s = r / length * 5.0_f64.sqrt();
                variance * (s + s.square() / 3.0 + 1.0) * (-s).exp()
            }
            Self::Periodic => variance * (((r * PI / period).sin() / length).square() * -2.0).exp(),
        }
    }
}

/// Fills the columns of one function of distance.
struct Fill<'a> {
    shape: Shape,
    arguments: [f64; MOST],
    distances: &'a [f64],
    columns: &'a mut [f64],
}

impl WithLanes for Fill<'_> {
    type Output = ();
    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { shape, arguments, distances, columns } = self;
        let rows = distances.len();
        let mut known = [Dual::<V, MOST>::constant(V::splat(0.0)); MOST];
        for k in 0..MOST {
            known[k] = Dual::variable(V::splat(arguments[k]), k);
        }
        let mut at = 0;
        while at < rows {
            let covariance = shape.covariance(Dual::constant(V::load(&distances[at..])), known);
            covariance.value.store(&mut columns[at..]);
            for k in 0..shape.arguments() {
                covariance.partials[k].store(&mut columns[(k + 1) * rows + at..]);
            }
            at += V::WIDTH;
        }
    }
}

impl Kernel {
    fn leaf(shape: Shape) -> Self {
        Self(Node::Leaf(Leaf { shape, column: 0, argument: 0 }))
    }

    /// Creates amplitude^2 exp(-r^2 / (2 length^2)).
    pub fn squared_exponential() -> Self {
        Self::leaf(Shape::SquaredExponential)
    }

    /// Creates amplitude^2 exp(-r / length).
    pub fn matern12() -> Self {
        Self::leaf(Shape::Matern12)
    }

    /// Creates amplitude^2 (1 + s) exp(-s) with s = sqrt(3) r / length.
    pub fn matern32() -> Self {
        Self::leaf(Shape::Matern32)
    }

    /// Creates amplitude^2 (1 + s + s^2 / 3) exp(-s) with s = sqrt(5) r / length.
    pub fn matern52() -> Self {
        Self::leaf(Shape::Matern52)
    }

    /// Creates amplitude^2 exp(-2 sin(pi r / period)^2 / length^2).
    pub fn periodic() -> Self {
        Self::leaf(Shape::Periodic)
    }

    /// Returns how many arguments all functions in it have.
    pub fn arguments(&self) -> usize {
        self.0.leaves().iter().map(|leaf| leaf.shape.arguments()).sum()
    }

    /// Returns how many columns the table has.
    pub(super) fn columns(&self) -> usize {
        self.arguments() + self.0.leaves().len()
    }

    /// Fills the table: values and derivatives of all functions in it, a row for each distance. There are as many as a multiple of
    /// [`CHUNK`].
    pub(super) fn fill(&self, arguments: &[f64], distances: &[f64], table: &mut [f64]) {
        for leaf in self.0.leaves() {
            let mut own = [1.0; MOST];
            let count = leaf.shape.arguments();
            own[..count].copy_from_slice(&arguments[leaf.argument..][..count]);
            let columns = &mut table[leaf.column * distances.len()..][..(count + 1) * distances.len()];
            with_lanes(Fill { shape: leaf.shape, arguments: own, distances, columns });
        }
    }

    /// Writes the covariances, from the table.
    pub(super) fn covariances(&self, table: &[f64], covariances: &mut [f64]) {
        let rows = covariances.len();
        for (chunk, to) in covariances.as_chunks_mut::<CHUNK>().0.iter_mut().enumerate() {
            *to = self.0.value(table, rows, chunk * CHUNK);
        }
    }

    /// Adds the derivatives with respect to the arguments, from those with respect to the covariances.
    pub(super) fn carry(&self, table: &[f64], adjoint: &[f64], by_arguments: &mut [f64]) {
        for (chunk, of) in adjoint.as_chunks::<CHUNK>().0.iter().enumerate() {
            self.0.carry(table, (adjoint.len(), chunk * CHUNK), of, by_arguments);
        }
    }
}

impl Node {
    fn leaves(&self) -> Vec<Leaf> {
        match self {
            Self::Leaf(leaf) => vec![*leaf],
            Self::Sum(a, b) | Self::Product(a, b) => [a.leaves(), b.leaves()].concat(),
        }
    }

    /// Moves its columns and arguments behind those of another.
    fn behind(self, other: &Self) -> Self {
        let (leaves, mut columns, mut arguments) = (other.leaves(), 0, 0);
        for leaf in leaves {
            columns += leaf.shape.arguments() + 1;
            arguments += leaf.shape.arguments();
        }
        self.moved(columns, arguments)
    }

    fn moved(self, columns: usize, arguments: usize) -> Self {
        let inner = |node: Box<Self>| Box::new(node.moved(columns, arguments));
        match self {
            Self::Leaf(leaf) => {
                Self::Leaf(Leaf { column: leaf.column + columns, argument: leaf.argument + arguments, ..leaf })
            }
            Self::Sum(a, b) => Self::Sum(inner(a), inner(b)),
            Self::Product(a, b) => Self::Product(inner(a), inner(b)),
        }
    }

    fn value(&self, table: &[f64], rows: usize, at: usize) -> [f64; CHUNK] {
        match self {
            Self::Leaf(leaf) => chunk(table, leaf.column * rows + at),
            Self::Sum(a, b) => both(&a.value(table, rows, at), &b.value(table, rows, at), |a, b| a + b),
            Self::Product(a, b) => both(&a.value(table, rows, at), &b.value(table, rows, at), |a, b| a * b),
        }
    }

    fn carry(&self, table: &[f64], place: (usize, usize), adjoint: &[f64; CHUNK], by_arguments: &mut [f64]) {
        let (rows, at) = place;
        match self {
            Self::Leaf(leaf) => {
                for k in 0..leaf.shape.arguments() {
                    let slope = chunk(table, (leaf.column + k + 1) * rows + at);
                    by_arguments[leaf.argument + k] += both(&slope, adjoint, |a, b| a * b).iter().sum::<f64>();
                }
            }
            Self::Sum(a, b) => {
                a.carry(table, place, adjoint, by_arguments);
                b.carry(table, place, adjoint, by_arguments);
            }
            Self::Product(a, b) => {
                let (of_a, of_b) = (a.value(table, rows, at), b.value(table, rows, at));
                a.carry(table, place, &both(adjoint, &of_b, |x, y| x * y), by_arguments);
                b.carry(table, place, &both(adjoint, &of_a, |x, y| x * y), by_arguments);
            }
        }
    }
}

fn chunk(table: &[f64], from: usize) -> [f64; CHUNK] {
    let mut numbers = [0.0; CHUNK];
    numbers.copy_from_slice(&table[from..from + CHUNK]);
    numbers
}

fn both(a: &[f64; CHUNK], b: &[f64; CHUNK], f: impl Fn(f64, f64) -> f64) -> [f64; CHUNK] {
    let mut numbers = *a;
    numbers.iter_mut().zip(b).for_each(|(a, b)| *a = f(*a, *b));
    numbers
}

impl Add for Kernel {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let other = other.0.behind(&self.0);
        Self(Node::Sum(Box::new(self.0), Box::new(other)))
    }
}

impl Mul for Kernel {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let other = other.0.behind(&self.0);
        Self(Node::Product(Box::new(self.0), Box::new(other)))
    }
}
