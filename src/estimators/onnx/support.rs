//! The supports of globals, and the maps to them and back in a graph.

use super::links::Columns;
use super::matrices::MatrixWriter;
use crate::distributions::Support;
use crate::estimators::RequestError;
use crate::estimators::units::Target;
use crate::model::walk::{Scalar, Vector};
use crate::model::{AnyModel, Slot, Walk};
use crate::nn::onnx::{OnnxGraph, Value};

/// The largest distance of the sum of a vector from what it must be, relative to its size: that of `Support::unconstrain_vector`.
const TOLERANCE: f64 = 1e-8;

/// The support of a number or a vector of numbers, with their positions among those of all globals that are inferred.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    support: Support<f64>,
    pub(super) free: Vec<usize>,
    pub(super) values: Vec<usize>,
}

/// Finds the supports of globals at unconstrained numbers that are all alike; positions are those of the model.
struct Supports {
    at: f64,
    found: Vec<(&'static str, Piece)>,
    /// A vector whose map is not that of its support.
    own: Option<&'static str>,
}

impl Walk for Supports {
    fn latent(&mut self, name: &'static str, slot: Slot, distribution: &dyn Scalar, _: Option<f64>) -> f64 {
        let support = distribution.support();
        self.found.push((name, Piece { support, free: vec![slot.free], values: vec![slot.value] }));
        support.constrain(self.at).0
    }

    fn latent_vector(
        &mut self,
        name: &'static str,
        slot: Slot,
        distribution: &dyn Vector,
        _: Option<&[f64]>,
        value: &mut [f64],
    ) {
        let support = distribution.support();
        let free = support.free(value.len());
        let q = vec![self.at; free];
        let mut usual = vec![f64::NAN; value.len()];
        support.constrain_vector(&q, &mut usual);
        distribution.constrain(&q, value);
        if usual != value {
            self.own = Some(name);
        }
        let free = (0..free).map(|c| slot.component(c).free).collect();
        let values = (0..value.len()).map(|c| slot.component(c).value).collect();
        self.found.push((name, Piece { support, free, values }));
    }

    fn sum_out(&mut self, _: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        body(self, 0);
    }
}

/// Returns the supports of the globals `targets`.
///
/// # Errors
/// A support that a graph cannot have.
pub(super) fn pieces(model: &dyn AnyModel, targets: &[Target]) -> Result<Vec<Piece>, RequestError> {
    let look = |at: f64| {
        let mut supports = Supports { at, found: Vec::new(), own: None };
        model.walk(None, None, None, &mut supports);
        supports
    };
    let (here, there) = (look(0.3), look(-0.7));
    let free: Vec<usize> = targets.iter().flat_map(|t| t.free.clone()).collect();
    let values: Vec<usize> = targets.iter().flat_map(|t| t.values.clone()).collect();
    let place = |all: &[usize], of: &[usize]| of.iter().filter_map(|at| all.iter().position(|x| x == at)).collect();
    let mut pieces = Vec::new();
    for target in targets {
        let refused = |what: &str, instead| {
            Err(RequestError::NotExported { what: format!("`{}`, {what},", target.name), instead })
        };
        let own = |found: &(&'static str, Piece)| (found.0 == target.name).then(|| found.1.clone());
        let found: Vec<Piece> = here.found.iter().filter_map(own).collect();
        if found != there.found.iter().filter_map(own).collect::<Vec<_>>() {
            return refused(
                "whose bounds depend on another global",
                "declare a global with constant bounds, and write this one as a `let` of both",
            );
        }
        if here.own == Some(target.name.as_str()) || found.iter().any(|piece| piece.support == Support::UnitVector) {
            return refused(
                "a direction or a vector with a map of its own",
                "train a posterior of the other globals, by `npe().globals(..)`, or condition in Rust",
            );
        }
        let placed = |piece: &Piece| Piece {
            support: piece.support,
            free: place(&free, &piece.free),
            values: place(&values, &piece.values),
        };
        pieces.extend(found.iter().map(placed));
    }
    Ok(pieces)
}

/// The supports of all globals that are inferred.
pub(super) struct SupportWriter<'a> {
    pub(super) graph: &'a OnnxGraph,
    pub(super) pieces: &'a [Piece],
}

/// Numbers of globals that are alike: their bounds, and their positions.
#[derive(Default)]
struct Alike {
    low: Vec<f64>,
    high: Vec<f64>,
    free: Vec<usize>,
    values: Vec<usize>,
}

/// What lies between the numbers that are mapped one by one.
#[derive(Clone, Copy, PartialEq)]
enum Bounds {
    None,
    Below,
    Above,
    Both,
}

impl SupportWriter<'_> {
    /// Returns the numbers that are mapped one by one and have such bounds.
    fn alike(&self, bounds: Bounds) -> Alike {
        let mut alike = Alike::default();
        for piece in self.pieces {
            let (own, low, high) = match piece.support {
                Support::Above(low) => (Bounds::Below, low, f64::INFINITY),
                Support::Below(high) => (Bounds::Above, f64::NEG_INFINITY, high),
                Support::Interval(low, high) => (Bounds::Both, low, high),
                Support::Real | Support::Whole(..) => (Bounds::None, f64::NEG_INFINITY, f64::INFINITY),
                _ => continue,
            };
            if own == bounds {
                alike.low.extend(piece.free.iter().map(|_| low));
                alike.high.extend(piece.free.iter().map(|_| high));
                alike.free.extend(&piece.free);
                alike.values.extend(&piece.values);
            }
        }
        alike
    }

    fn vectors(&self) -> impl Iterator<Item = &Piece> {
        let is_number = |support| {
            matches!(
                support,
                Support::Real | Support::Whole(..) | Support::Above(_) | Support::Below(_) | Support::Interval(..)
            )
        };
        self.pieces.iter().filter(move |piece| !is_number(piece.support))
    }

    /// Adds the values at unconstrained numbers, draws x those.
    pub(super) fn constrain(&self, q: &Value) -> Value {
        let graph = self.graph;
        let mut parts = Vec::new();
        for bounds in [Bounds::None, Bounds::Below, Bounds::Above, Bounds::Both] {
            let alike = self.alike(bounds);
            if alike.free.is_empty() {
                continue;
            }
            let q = graph.columns(q, &alike.free);
            let (low, high) = (graph.row(&alike.low), graph.row(&alike.high));
            let x = match bounds {
                Bounds::None => q,
                Bounds::Below => graph.add(&low, &graph.op("Exp", &[&q])),
                Bounds::Above => graph.sub(&high, &graph.op("Exp", &[&q])),
                Bounds::Both => {
                    let widths: Vec<f64> = alike.high.iter().zip(&alike.low).map(|(high, low)| high - low).collect();
                    graph.add(&low, &graph.mul(&graph.row(&widths), &graph.logistic(&q)))
                }
            };
            let (lowest, highest) = alike.ends();
            // A value that is rounded to its bound has no density.
            let x = if bounds == Bounds::None { x } else { graph.op("Max", &[&x, &graph.row(&lowest)]) };
            let x = if bounds == Bounds::None { x } else { graph.op("Min", &[&x, &graph.row(&highest)]) };
            parts.push(Columns { columns: x, places: alike.values });
        }
        for piece in self.vectors() {
            let q: Vec<Value> = piece.free.iter().map(|at| graph.columns(q, &[*at])).collect();
            let x = match piece.support {
                Support::Simplex => break_stick(graph, &q).0,
                Support::ZeroSum => vec![graph.matmul(&graph.concat(&q, 1), &rotation(graph, piece, false))],
                Support::Ordered(low, high) => ordered(graph, &q, (low, high)).0,
                support => MatrixWriter { graph, support, rows: piece.values.len().isqrt() }.constrain(&q).0,
            };
            parts.push(Columns { columns: graph.concat(&x, 1), places: piece.values.clone() });
        }
        Columns::join(graph, parts)
    }

    /// Adds the unconstrained numbers of values, points x those, and the logarithm of the Jacobian determinant of the map from
    /// these to the values.
    pub(super) fn unconstrain(&self, x: &Value) -> (Value, Value) {
        let graph = self.graph;
        let mut parts = Vec::new();
        let mut log_jacobian = graph.double(0.0);
        let mut count = |own: &Value| log_jacobian = graph.add(&log_jacobian, own);
        for bounds in [Bounds::None, Bounds::Below, Bounds::Above, Bounds::Both] {
            let alike = self.alike(bounds);
            if alike.free.is_empty() {
                continue;
            }
            let x = graph.columns(x, &alike.values);
            let (low, high) = (graph.row(&alike.low), graph.row(&alike.high));
            let (lowest, highest) = alike.ends();
            let inside = |x: &Value, bound: &Value, nearest: &[f64]| {
                graph.choose(&graph.op("Equal", &[x, bound]), &graph.row(nearest), x)
            };
            let log = |x: &Value| graph.op("Log", &[x]);
            let q = match bounds {
                Bounds::None => x,
                Bounds::Below => log(&graph.sub(&inside(&x, &low, &lowest), &low)),
                Bounds::Above => log(&graph.sub(&high, &inside(&x, &high, &highest))),
                Bounds::Both => {
                    let x = inside(&inside(&x, &low, &lowest), &high, &highest);
                    graph.sub(&log(&graph.sub(&x, &low)), &log(&graph.sub(&high, &x)))
                }
            };
            match bounds {
                Bounds::None => {}
                Bounds::Below | Bounds::Above => count(&graph.sum(&q, 1, false)),
                Bounds::Both => {
                    let widths: f64 = alike.high.iter().zip(&alike.low).map(|(high, low)| (high - low).ln()).sum();
                    let smaller = graph.ln_smaller_share(&q);
                    let slopes = graph.add(&graph.add(&smaller, &smaller), &graph.abs(&q));
                    count(&graph.add(&graph.sum(&slopes, 1, false), &graph.double(widths)));
                }
            }
            parts.push(Columns { columns: q, places: alike.free });
        }
        for piece in self.vectors() {
            let x: Vec<Value> = piece.values.iter().map(|at| graph.columns(x, &[*at])).collect();
            let q = match piece.support {
                Support::Simplex => {
                    let q = mend_stick(graph, &x);
                    count(&graph.reshape(&break_stick(graph, &q).1, &[-1]));
                    graph.concat(&q, 1)
                }
                Support::ZeroSum => {
                    let all = graph.concat(&x, 1);
                    let q = graph.matmul(&all, &rotation(graph, piece, true));
                    let sum = graph.abs(&graph.sum(&all, 1, true));
                    let size = graph.op("Max", &[&graph.sum(&graph.abs(&all), 1, true), &graph.double(1.0)]);
                    let off = graph.op("Greater", &[&sum, &graph.mul(&size, &graph.double(TOLERANCE))]);
                    graph.choose(&off, &graph.double(f64::NAN), &q)
                }
                Support::Ordered(low, high) => {
                    let q = unordered(graph, &x, (low, high));
                    count(&graph.reshape(&ordered(graph, &q, (low, high)).1, &[-1]));
                    graph.concat(&q, 1)
                }
                support => {
                    let matrix = MatrixWriter { graph, support, rows: x.len().isqrt() };
                    let q = matrix.unconstrain(&x);
                    count(&graph.reshape(&matrix.constrain(&q).1, &[-1]));
                    graph.concat(&q, 1)
                }
            };
            parts.push(Columns { columns: q, places: piece.free.clone() });
        }
        (Columns::join(graph, parts), log_jacobian)
    }
}

impl Alike {
    /// Returns the numbers inside that are nearest to the bounds.
    fn ends(&self) -> (Vec<f64>, Vec<f64>) {
        let inside = |bound: &f64| Support::Above(*bound).inside(*bound);
        let below = |bound: &f64| Support::Below(*bound).inside(*bound);
        (self.low.iter().map(inside).collect(), self.high.iter().map(below).collect())
    }
}

/// Adds ln(1 / (1 + exp(-u))) and ln(1 / (1 + exp(u))).
fn ln_shares(graph: &OnnxGraph, u: &Value) -> (Value, Value) {
    let smaller = graph.ln_smaller_share(u);
    let larger = graph.add(&smaller, &graph.abs(u));
    let is_up = graph.op("Greater", &[u, &graph.double(0.0)]);
    (graph.choose(&is_up, &larger, &smaller), graph.choose(&is_up, &smaller, &larger))
}

/// Adds the parts of a whole at unconstrained numbers, and the logarithm of the Jacobian determinant: see
/// [`constrain_simplex`](crate::distributions::constrain_simplex).
fn break_stick(graph: &OnnxGraph, q: &[Value]) -> (Vec<Value>, Value) {
    let (mut log_left, mut log_jacobian) = (graph.double(0.0), graph.double(0.0));
    let mut parts = Vec::new();
    for (k, q_k) in q.iter().enumerate() {
        let (log_part, log_rest) = ln_shares(graph, &graph.sub(q_k, &graph.double(((q.len() - k) as f64).ln())));
        let own = graph.add(&log_left, &log_part);
        parts.push(graph.op("Exp", &[&own]));
        log_jacobian = graph.add(&log_jacobian, &graph.add(&own, &log_rest));
        log_left = graph.add(&log_left, &log_rest);
    }
    parts.push(graph.op("Exp", &[&log_left]));
    (parts, log_jacobian)
}

/// Adds the unconstrained numbers of parts of a whole; NaN where they are none.
fn mend_stick(graph: &OnnxGraph, x: &[Value]) -> Vec<Value> {
    let sum = graph.sum(&graph.concat(x, 1), 1, true);
    let off = graph.abs(&graph.sub(&sum, &graph.double(1.0)));
    let off = graph.op("Greater", &[&off, &graph.double(TOLERANCE)]);
    // A part of zero counts as the smallest number.
    let least = graph.double(f64::MIN_POSITIVE);
    let log = |part: &Value| {
        let is_none = graph.op("Equal", &[part, &graph.double(0.0)]);
        graph.op("Log", &[&graph.choose(&is_none, &least, part)])
    };
    let mut rest = graph.double(0.0);
    let mut q: Vec<Value> = (0..x.len() - 1)
        .rev()
        .map(|k| {
            rest = graph.add(&rest, &x[k + 1]);
            let ratio = graph.sub(&log(&x[k]), &log(&rest));
            let own = graph.add(&ratio, &graph.double(((x.len() - 1 - k) as f64).ln()));
            graph.choose(&off, &graph.double(f64::NAN), &own)
        })
        .collect();
    q.reverse();
    q
}

/// Adds ordered numbers at unconstrained ones, and the logarithm of the Jacobian determinant.
fn ordered(graph: &OnnxGraph, q: &[Value], (low, high): (f64, f64)) -> (Vec<Value>, Value) {
    let n = q.len();
    let mut log_jacobian = graph.double(0.0);
    let mut x = Vec::with_capacity(n);
    if low.is_finite() && high.is_finite() {
        let width = high - low;
        let (mut log_left, mut at) = (graph.double(width.ln()), graph.double(low));
        for (k, q_k) in q.iter().enumerate() {
            let (log_part, log_rest) = ln_shares(graph, &graph.sub(q_k, &graph.double(((n - k) as f64).ln())));
            let own = graph.add(&log_left, &log_part);
            at = graph.add(&at, &graph.op("Exp", &[&own]));
            log_jacobian = graph.add(&log_jacobian, &graph.add(&own, &log_rest));
            log_left = graph.add(&log_left, &log_rest);
            x.push(at.clone());
        }
        return (x, log_jacobian);
    }
    let downwards = high.is_finite();
    let mut at = graph.double(if downwards { high } else { low });
    let places: Vec<usize> = if downwards { (0..n).rev().collect() } else { (0..n).collect() };
    for k in places {
        if k == 0 && !downwards && !low.is_finite() {
            at = q[0].clone();
        } else {
            let step = graph.op("Exp", &[&q[k]]);
            at = if downwards { graph.sub(&at, &step) } else { graph.add(&at, &step) };
            log_jacobian = graph.add(&log_jacobian, &q[k]);
        }
        x.push(at.clone());
    }
    if downwards {
        x.reverse();
    }
    // One for each row, also where there is one number alone.
    let none = graph.mul(&q[0], &graph.double(0.0));
    (x, graph.add(&log_jacobian, &none))
}

/// Adds the unconstrained numbers of ordered ones; NaN where they are not in order.
fn unordered(graph: &OnnxGraph, x: &[Value], (low, high): (f64, f64)) -> Vec<Value> {
    let log = |a: &Value, b: &Value| graph.op("Log", &[&graph.sub(a, b)]);
    let n = x.len();
    let before = |k: usize| if k == 0 { graph.double(low) } else { x[k - 1].clone() };
    (0..n)
        .map(|k| match (low.is_finite(), high.is_finite()) {
            (true, true) => {
                let ratio = graph.sub(&log(&x[k], &before(k)), &log(&graph.double(high), &x[k]));
                graph.add(&ratio, &graph.double(((n - k) as f64).ln()))
            }
            (false, true) => log(x.get(k + 1).unwrap_or(&graph.double(high)), &x[k]),
            (false, false) if k == 0 => x[0].clone(),
            _ => log(&x[k], &before(k)),
        })
        .collect()
}

/// Returns the rotation from unconstrained numbers to numbers that sum to zero, a row for each unconstrained number, or the way `back`.
fn rotation(graph: &OnnxGraph, piece: &Piece, back: bool) -> Value {
    let (free, n) = (piece.free.len(), piece.values.len());
    let row = |at: usize| {
        let q: Vec<f64> = (0..free).map(|k| f64::from(u8::from(k == at))).collect();
        let mut x = vec![0.0; n];
        Support::<f64>::ZeroSum.constrain_vector(&q, &mut x);
        x
    };
    let rows: Vec<Vec<f64>> = (0..free).map(row).collect();
    if back {
        let turned: Vec<f64> = (0..n).flat_map(|at| rows.iter().map(move |row| row[at])).collect();
        return graph.doubles(&[n, free], &turned);
    }
    graph.doubles(&[free, n], &rows.concat())
}
