//! The visible part of a chart's plane, and the parts of lines inside it.

use std::ops::Range;

/// The visible part of a chart's plane.
#[derive(Clone)]
pub(super) struct Window {
    pub x: Range<f64>,
    pub y: Range<f64>,
    pub log: (bool, bool),
}

impl Window {
    pub(super) fn has_x(&self, x: f64) -> bool {
        (self.x.start..=self.x.end).contains(&x)
    }

    pub(super) fn has(&self, p: (f64, f64)) -> bool {
        self.has_x(p.0) && (self.y.start..=self.y.end).contains(&p.1)
    }

    pub(super) fn clamp_y(&self, y: f64) -> f64 {
        y.max(self.y.start).min(self.y.end)
    }

    /// Returns the pieces of a line that are inside; each segment is cut by the algorithm of Liang & Barsky (1984).
    pub(super) fn clip(&self, line: &[(f64, f64)]) -> Vec<Vec<(f64, f64)>> {
        let scale = |v: f64, log: bool| if log { v.log10() } else { v };
        let back = |v: f64, log: bool| if log { 10f64.powf(v) } else { v };
        let scaled = |p: (f64, f64)| (scale(p.0, self.log.0), scale(p.1, self.log.1));
        let (low, high) = (scaled((self.x.start, self.y.start)), scaled((self.x.end, self.y.end)));
        let mut pieces: Vec<Vec<(f64, f64)>> = vec![];
        let shown: Vec<_> = line.iter().copied().map(scaled).filter(|p| p.0.is_finite() && p.1.is_finite()).collect();
        let mut joined = false;
        for ends in shown.windows(2) {
            let (a, d) = (ends[0], (ends[1].0 - ends[0].0, ends[1].1 - ends[0].1));
            let (mut enter, mut leave) = (0f64, 1f64);
            for (p, q) in [(-d.0, a.0 - low.0), (d.0, high.0 - a.0), (-d.1, a.1 - low.1), (d.1, high.1 - a.1)] {
                match p {
                    0.0 if q < 0.0 => leave = -1.0,
                    p if p < 0.0 => enter = enter.max(q / p),
                    p if p > 0.0 => leave = leave.min(q / p),
                    _ => {}
                }
            }
            if enter > leave {
                joined = false;
                continue;
            }
            let at = |t: f64| {
                let inside = |v: f64, r: &Range<f64>| v.max(r.start).min(r.end);
                let (x, y) = (back(a.0 + t * d.0, self.log.0), back(a.1 + t * d.1, self.log.1));
                (inside(x, &self.x), inside(y, &self.y))
            };
            match pieces.last_mut() {
                Some(piece) if joined && enter == 0.0 => piece.push(at(leave)),
                _ => pieces.push(vec![at(enter), at(leave)]),
            }
            joined = leave == 1.0;
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_lines_at_the_window() {
        let window = Window { x: 0.0..1.0, y: 0.0..1.0, log: (false, false) };
        let cut = window.clip(&[(-1.0, 0.5), (0.5, 0.5), (0.5, 2.0), (0.75, 2.0), (0.75, 0.0), (f64::NAN, 0.0)]);
        assert_eq!(cut, [vec![(0.0, 0.5), (0.5, 0.5), (0.5, 1.0)], vec![(0.75, 1.0), (0.75, 0.0)]]);
    }
}
