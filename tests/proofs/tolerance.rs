//! The test behind `assert_calibrated!`: it fails what is right as often as it says, and finds what is wrong.

use hierarch::calibration::{Miscalibrated, Ranks, Tolerance};
use hierarch::distributions::{Binomial, Draw, Normal};
use hierarch::simulate::{Stream, stream};
use hierarch_tests::within;
use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal as NormalCurve};

/// Ranks of true values that lie `shift` sd above a normal posterior, the right width of which is `width` times its own.
fn ranks_of(rng: &mut Stream, simulations: usize, draws: usize, shift: f64, width: f64) -> Ranks {
    let standard = NormalCurve::standard();
    let rank = |_| {
        let z = Normal::new(shift, width).draw(rng);
        Binomial::new(draws as f64, standard.cdf(z)).draw(rng) as usize
    };
    Ranks { name: "mu".to_owned(), ranks: (0..simulations).map(rank).collect(), draws }
}

/// Of each of so many seeds the probability of ranks as far out, at the edge of the tolerance.
fn p_values(seeds: u64, tolerance: &Tolerance<'_>, ranks: impl Fn(&mut Stream) -> Ranks + Sync) -> Vec<f64> {
    let p_value = |seed: u64| match tolerance.check(&[ranks(&mut stream(seed, 1))]) {
        Ok(()) => 1.0,
        // Shift and width share the false alarms.
        Err(Miscalibrated::Off(findings)) => 2.0 * findings.off[0].shift_p.min(findings.off[0].width_p),
        Err(error) => panic!("{error}"),
    };
    (0..seeds).into_par_iter().map(p_value).collect()
}

/// How many are below a level.
fn below(p_values: &[f64], level: f64) -> usize {
    p_values.iter().filter(|p| **p < level).count()
}

/// A posterior at a corner of the tolerance fails as often as is stated, or less; one that is right, with no tolerance,
/// too; with few draws and simulations, and with many. Of two tests with the share a / 2 each, a (1 - a / 4) fail. Bounds are
/// 4.5 binomial errors wide.
#[test]
fn false_alarms_are_as_many_as_stated() {
    let seeds = 2_000;
    for (simulations, draws, shift, width, side) in
        [(200, 20, 0.0, 0.0, 1.0), (200, 100, 0.1, 0.05, -1.0), (1000, 50, 0.0, 0.0, 1.0), (1000, 50, 0.1, 0.05, 1.0)]
    {
        let tolerance = Tolerance { width, shift, false_alarm: 0.5, ..Tolerance::default() };
        let ratio = (1.0 + width).powf(side);
        let found = p_values(seeds, &tolerance, |rng| ranks_of(rng, simulations, draws, side * shift, ratio));
        for false_alarm in [1e-2, 1e-3] {
            let (found, expected) = (below(&found, false_alarm) as f64, seeds as f64 * false_alarm);
            println!("{simulations} x {draws}, {shift}, {width}, side {side}: {found}, stated {expected}");
            within!((found - expected).abs(), 4.5 * expected.sqrt(), "{simulations} x {draws}: {found}, {expected}");
        }
    }
}

/// What `simulations` says is enough is enough: what is to be caught is found 19 times in 20, by shift or width, to 4.5
/// binomial errors.
#[test]
fn power_is_as_stated() {
    let seeds = 300;
    for (catch_width, catch_shift, width, shift) in [(0.2, 0.4, 0.05, 0.1), (0.2, 0.4, 0.0, 0.0), (1.0, 1.0, 0.05, 0.1)]
    {
        let tolerance = Tolerance { width, shift, catch_width, catch_shift, ..Tolerance::default() };
        let simulations = tolerance.simulations(100, 1);
        let power = |shift: f64, ratio: f64| {
            let found = p_values(seeds, &tolerance, |rng| ranks_of(rng, simulations, 100, shift, ratio));
            below(&found, 1e-6) as f64 / seeds as f64
        };
        let found = [
            power(catch_shift, 1.0),
            power(-catch_shift, 1.0),
            power(0.0, 1.0 + catch_width),
            power(0.0, (1.0 + catch_width).recip()),
        ];
        println!("{simulations} simulations: {found:?}");
        let least = found.into_iter().fold(1.0, f64::min);
        within!(1.0 - least, 0.05 + 4.5 * (0.0475 / seeds as f64).sqrt(), "{simulations} simulations: {found:?}");
    }
}

/// The table of the documentation.
#[test]
#[ignore = "a table, not a test"]
fn table_of_power() {
    println!("| tolerance | false alarms | 10 % of width, 0.2 sd | found | with 1000: width | with 1000: shift |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for (width, shift) in [(0.05, 0.1), (0.0, 0.0)] {
        for false_alarm in [1e-3, 1e-6] {
            let of = |catch_width: f64, catch_shift: f64| Tolerance {
                width,
                shift,
                false_alarm,
                catch_width,
                catch_shift,
                ..Tolerance::default()
            };
            let needed = of(0.1, 0.2).simulations(400, 1);
            let power = |shift: f64, ratio: f64| {
                let found = p_values(400, &of(0.1, 0.2), |rng| ranks_of(rng, needed, 400, shift, ratio));
                below(&found, false_alarm) as f64 / 400.0
            };
            let found = [power(0.2, 1.0), power(0.0, 1.0 / 0.9), power(0.0, 1.0 / 1.1)].into_iter().fold(1.0, f64::min);
            // The least deviation that 1000 simulations find.
            let least = |of: &dyn Fn(f64) -> Tolerance<'static>, high: f64| {
                let (mut low, mut high) = (0.101, high);
                for _ in 0..30 {
                    let middle = 0.5 * (low + high);
                    if of(middle).simulations(400, 1) > 1000 { low = middle } else { high = middle }
                }
                high
            };
            let widths = least(&|catch| of(catch, 10.0), 10.0);
            let shifts = least(&|catch| of(10.0, catch), 10.0);
            println!(
                "| {} %, {shift} sd | {false_alarm:e} | {needed} | {found:.3} | {:.0} % | {shifts:.2} sd |",
                100.0 * width,
                100.0 * widths
            );
        }
    }
}
