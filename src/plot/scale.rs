//! Axes: the positions of their numbers, and how these are written.

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use std::ops::Range;

/// A linear or logarithmic axis with round numbers on it.
#[derive(Clone)]
pub(super) struct Scale {
    range: Range<f64>,
    log: bool,
    ticks: Vec<f64>,
}

impl Scale {
    /// Creates an axis with about `most` numbers. `range` is not empty, and positive if `log`.
    pub fn new(range: &Range<f64>, log: bool, most: usize) -> Self {
        let decades = (range.end / range.start).log10();
        let ticks = match most {
            0 => vec![],
            _ if log && decades >= 0.7 => log_ticks(range, decades, most.max(3)),
            _ => linear_ticks(range, most.max(3)),
        };
        Self { range: range.clone(), log, ticks }
    }

    /// Returns the axis without numbers.
    pub fn bare(&self) -> Self {
        Self { ticks: vec![], ..self.clone() }
    }

    /// Returns the numbers as text.
    pub fn labels(&self) -> Vec<String> {
        self.ticks.iter().map(self.labeller()).collect()
    }

    /// Writes a number like the others on this axis: with as many decimals, and as a power of ten where it would have
    /// many zeros.
    pub fn labeller(&self) -> impl Fn(&f64) -> String + 'static {
        let sizes = || self.ticks.iter().map(|t| t.abs()).filter(|t| *t > 0.0);
        let (least, most) = sizes().fold((f64::INFINITY, 0f64), |(l, m), t| (l.min(t), m.max(t)));
        let spread = self.log && most > 99.0 * least;
        let own_power = spread && !(least >= 1e-3 && most < 1e5);
        let power = if most == 0.0 || (1e-3..1e5).contains(&most) { 0 } else { most.log10().floor() as i32 };
        let unit = 10f64.powi(power);
        let step = self.ticks.windows(2).map(|t| t[1] - t[0]).fold(most, f64::min);
        let exact = |d: &usize| {
            let off = |t: &f64| (t / unit - format!("{:.*}", *d, t / unit).parse().unwrap_or(0.0)).abs();
            self.ticks.iter().all(|t| off(t) < 1e-3 * step / unit)
        };
        let decimals = (0..12).find(exact).unwrap_or(12);
        move |v| {
            if own_power {
                let power = v.log10().floor() as i32;
                let mantissa = (v / 10f64.powi(power)).round();
                let (mantissa, power) = if mantissa >= 10.0 { (1.0, power + 1) } else { (mantissa, power) };
                let factor = if mantissa == 1.0 { String::new() } else { format!("{mantissa}×") };
                return format!("{factor}10{}", superscript(power));
            }
            if spread {
                return format!("{v}");
            }
            let text = format!("{:.decimals$}", v / unit).replace('-', "\u{2212}");
            if text.chars().all(|c| "\u{2212}0.".contains(c)) {
                "0".to_string()
            } else if power == 0 {
                text
            } else {
                format!("{text}×10{}", superscript(power))
            }
        }
    }
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn linear_ticks(range: &Range<f64>, most: usize) -> Vec<f64> {
    let rough = (range.end - range.start) / most as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = power * [1.0, 2.0, 5.0, 10.0].into_iter().find(|m| m * power >= rough * 0.999).unwrap_or(10.0);
    let (first, last) = ((range.start / step - 1e-6).ceil(), (range.end / step + 1e-6).floor());
    let count = (last - first).clamp(0.0, 100.0) as usize;
    (0..=count).map(|i| (first + i as f64) * step).filter(|t| t.is_finite()).collect()
}

/// Powers of ten, all or at equal steps; between them 2 and 5 where there is space.
fn log_ticks(range: &Range<f64>, decades: f64, most: usize) -> Vec<f64> {
    let stride = (decades / most as f64).ceil().max(1.0) as usize;
    let mantissas: &[f64] = if 3.0 * decades <= most as f64 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let (first, last) = (range.start.log10().floor() as i32, range.end.log10().ceil() as i32);
    let powers = (first..=last).step_by(stride);
    // Parsed, so that 0.2 is the number that is written so.
    let ticks = powers.flat_map(|p| mantissas.iter().filter_map(move |m| format!("{m}e{p}").parse().ok()));
    ticks.filter(|t| (range.start * 0.999..=range.end * 1.001).contains(t)).collect()
}

impl Ranged for Scale {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let at = |v: f64| if self.log { v.log10() } else { v };
        let share = (at(*value) - at(self.range.start)) / (at(self.range.end) - at(self.range.start));
        limit.0 + (share * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { vec![] } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

fn superscript(power: i32) -> String {
    let digit = |c: char| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        c => char::from_u32(c as u32 - '0' as u32 + 0x2070).unwrap_or(c),
    };
    power.to_string().chars().map(digit).collect()
}

/// The range of the finite `values`, with `pad` of its length added at both ends; never empty.
pub(super) fn span(values: impl IntoIterator<Item = f64>, log: bool, pad: f64) -> Range<f64> {
    let shown = values.into_iter().filter(|v| v.is_finite() && v.abs() < 1e300 && (!log || *v > 1e-300));
    let (low, high) = shown.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    // Too close to represent numbers between them.
    let same = high - low <= 1e-12 * low.abs().max(high.abs());
    match (low <= high, log) {
        (false, true) => 1.0..10.0,
        (false, false) => 0.0..1.0,
        (true, true) => {
            let factor = if same { 2.0 } else { (high / low).powf(pad) };
            low / factor..high * factor
        }
        (true, false) => {
            let margin = if same { 0.5 * low.abs().max(1e-6) } else { pad * (high - low) };
            low - margin..high + margin
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64, log: bool) -> Vec<String> {
        Scale::new(&(low..high), log, 5).labels()
    }

    #[test]
    fn writes_round_numbers_alike() {
        assert_eq!(labels(91.12, 91.29, false), ["91.15", "91.20", "91.25"]);
        assert_eq!(labels(-0.3, 1.1, false), ["0", "0.5", "1.0"]);
        assert_eq!(labels(-500.0, 500.0, false), ["−400", "−200", "0", "200", "400"]);
        assert_eq!(labels(0.0, 4e-5, false), ["0", "1×10⁻⁵", "2×10⁻⁵", "3×10⁻⁵", "4×10⁻⁵"]);
        assert_eq!(labels(1e6, 1e6 + 3.0, false), ["1.000000×10⁶", "1.000001×10⁶", "1.000002×10⁶", "1.000003×10⁶"]);
        assert_eq!(labels(0.05, 1.0, true), ["0.05", "0.10", "0.20", "0.50", "1.00"]);
        assert_eq!(labels(1.0, 1000.0, true), ["1", "10", "100", "1000"]);
        assert_eq!(labels(300.0, 2e6, true), ["10³", "10⁴", "10⁵", "10⁶"]);
        assert_eq!(labels(1e-20, 1.0, true).len(), 6);
        assert_eq!(labels(20.0, 30.0, true), ["20", "22", "24", "26", "28", "30"]);
    }

    #[test]
    fn spans_what_can_be_shown() {
        assert_eq!(span([f64::NAN, -1.0, 3.0, f64::INFINITY], false, 0.25), -2.0..4.0);
        assert_eq!(span([-1.0, 10.0, 1000.0], true, 0.0), 10.0..1000.0);
        assert_eq!(span([], false, 0.1), 0.0..1.0);
        assert_eq!(span([5.0], true, 0.1), 2.5..10.0);
    }
}
