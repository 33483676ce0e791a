//! Rectangles and bent arrows of plate diagrams.

pub(super) type Point = (f64, f64);

/// A rectangle by its centre and half its sides.
#[derive(Clone, Copy, Default)]
pub(super) struct Rect {
    pub(super) centre: Point,
    pub(super) half: Point,
}

impl Rect {
    pub(super) fn holds(&self, p: Point, margin: f64) -> bool {
        (p.0 - self.centre.0).abs() < self.half.0 + margin && (p.1 - self.centre.1).abs() < self.half.1 + margin
    }
}

/// A quadratic Bézier curve.
#[derive(Clone, Copy)]
pub(super) struct Curve(pub(super) [Point; 3]);

impl Curve {
    /// Creates a curve from `a` to `b`, bent to its left by `bend` times its length.
    pub(super) fn bent(a: Point, b: Point, bend: f64) -> Self {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        Self([a, ((a.0 + b.0) / 2.0 + 2.0 * bend * dy, (a.1 + b.1) / 2.0 - 2.0 * bend * dx), b])
    }

    /// Returns the polar form: the point at `t` for s = t, and the middle control point of the piece from s to t.
    pub(super) fn blossom(&self, s: f64, t: f64) -> Point {
        let mix = |a: Point, b: Point, t: f64| (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1));
        let [a, b, c] = self.0;
        mix(mix(a, b, s), mix(b, c, s), t)
    }

    /// Returns the ends of `n` pieces.
    pub(super) fn points(&self, n: u32) -> impl Iterator<Item = Point> {
        (0..=n).map(move |i| f64::from(i) / f64::from(n)).map(|t| self.blossom(t, t))
    }
}

/// Whether two segments cross.
pub(super) fn cross(a: &[Point], b: &[Point]) -> bool {
    let turn = |p: Point, q: Point, r: Point| (q.0 - p.0) * (r.1 - p.1) - (q.1 - p.1) * (r.0 - p.0);
    turn(a[0], a[1], b[0]) * turn(a[0], a[1], b[1]) < 0.0 && turn(b[0], b[1], a[0]) * turn(b[0], b[1], a[1]) < 0.0
}
