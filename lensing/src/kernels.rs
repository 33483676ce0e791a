//! The deflection of many NFW subhaloes at many pixels, in f32 and a register of pixels at a time.
//!
//! A halo deflects by 4 kappa_s h(x) times the vector from its centre, with h(x) = (ln(x / 2) + G(x)) / x^2 as in
//! [`Nfw`]. Here h is two sums of powers, one on either side of the scale radius, of which each pixel takes its own:
//!
//! - inside, h = a(x^2) + b(x^2) ln(x), the form of its series at the centre, without the cancellation of ln(x / 2) and
//!   G;
//! - outside, h = z^2 (ln(x / 2) + z c(z)) with z = 1 / x, where z c(z) = G is smooth up to infinity.
//!
//! The coefficients minimise the largest error relative to h, found by reweighted least squares in 40 digits. With all
//! rounding, the relative error of h is below 1.2e-6 at any distance and across the scale radius (8e-7 where a product
//! and a sum are rounded once); the error of ln is below 2e-7 of the larger of itself and one.

use pulp::{Simd, WithSimd};

use hierarch_core::simd::dispatch;

use super::Nfw;

/// Pixels that are processed together: a whole number of registers of any machine.
pub(super) const RUN: usize = 64;

/// One number for each pixel of a run.
pub(super) type Run = [f32; RUN];

/// Adds the deflections by haloes at positions, in arcsec: x and y of each pixel.
#[inline]
pub(super) fn add_nfw_deflections(haloes: &[Nfw<f64>], positions: &[Run; 2], deflections: &mut [Run; 2]) {
    dispatch(Add { haloes, positions, deflections });
}

struct Add<'a> {
    haloes: &'a [Nfw<f64>],
    positions: &'a [Run; 2],
    deflections: &'a mut [Run; 2],
}

impl WithSimd for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let [x, y] = self.positions.each_ref().map(|run| S::as_simd_f32s(run).0);
        let [by_x, by_y] = self.deflections.each_mut().map(|run| S::as_mut_simd_f32s(run).0);
        let splat = |x: f64| simd.splat_f32s(x as f32);
        for halo in self.haloes {
            let [center_x, center_y] = halo.center.map(splat);
            let scale = splat(halo.scale_radius.powi(-2));
            let strength = splat(4.0 * halo.scale_convergence);
            for (((x, y), by_x), by_y) in x.iter().zip(y).zip(by_x.iter_mut()).zip(by_y.iter_mut()) {
                let (dx, dy) = (simd.sub_f32s(*x, center_x), simd.sub_f32s(*y, center_y));
                let x2 = simd.mul_f32s(scale, simd.mul_add_e_f32s(dx, dx, simd.mul_f32s(dy, dy)));
                let factor = simd.mul_f32s(strength, h(simd, x2));
                *by_x = simd.mul_add_e_f32s(factor, dx, *by_x);
                *by_y = simd.mul_add_e_f32s(factor, dy, *by_y);
            }
        }
    }
}

/// Returns (ln(x / 2) + G(x)) / x^2, from x^2.
#[inline(always)]
fn h<S: Simd>(simd: S, x2: S::f32s) -> S::f32s {
    const A: [f32; 5] = [0.096_576_05, 0.043_477_73, 0.069_159_105, 0.091_492_99, 0.006_147_039];
    const B: [f32; 4] = [-0.499_999_64, -0.374_093_17, -0.276_529_28, -0.091_462_396];
    const C: [f32; 9] = [
        -std::f32::consts::LN_2,
        1.570_768_4,
        -0.999_237_1,
        0.777_632_3,
        -0.625_540_14,
        0.458_505_18,
        -0.262_982_43,
        0.097_832_46,
        -0.016_978_612,
    ];
    // At the centre h is infinite, and it is multiplied by zero.
    let x2 = simd.max_f32s(x2, simd.splat_f32s(1e-30));
    let log = simd.mul_f32s(simd.splat_f32s(0.5), ln(simd, x2));
    let inside = simd.mul_add_e_f32s(polynomial(simd, x2, B), log, polynomial(simd, x2, A));
    let z = simd.div_f32s(simd.splat_f32s(1.0), simd.sqrt_f32s(x2));
    let outside = simd.mul_f32s(simd.mul_f32s(z, z), simd.add_f32s(log, polynomial(simd, z, C)));
    simd.select_f32s(simd.less_than_f32s(x2, simd.splat_f32s(1.0)), inside, outside)
}

/// Returns the natural logarithm of normal positive numbers.
#[inline(always)]
fn ln<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // (ln(1 + f) - f) / f^2 for 1 + f in [sqrt(1/2), sqrt(2)).
    const Q: [f32; 7] =
        [-0.500_005_84, 0.333_352_63, -0.249_614_64, 0.198_882_79, -0.173_260_1, 0.163_356_32, -0.100_345_49];
    const SQRT_HALF: u32 = std::f32::consts::FRAC_1_SQRT_2.to_bits();
    const SHIFT: f32 = (1 << 23) as f32;
    // x = 2^e m with m in [sqrt(1/2), sqrt(2)). The bits of x and of sqrt(1/2) differ by e in the exponent and by the
    // part of m in the rest; counted from one instead of zero, the exponent is never negative.
    let bits = simd.add_u32s(simd.transmute_u32s_f32s(x), simd.splat_u32s(1f32.to_bits() - SQRT_HALF));
    let exponent = simd.wrapping_dyn_shr_u32s(bits, simd.splat_u32s(23));
    // A whole number added to the low bits of 2^23 is added to its value.
    let exponent = simd.transmute_f32s_u32s(simd.or_u32s(exponent, simd.splat_u32s(SHIFT.to_bits())));
    let e = simd.sub_f32s(exponent, simd.splat_f32s(SHIFT + 127.0));
    let rest = simd.and_u32s(bits, simd.splat_u32s((1 << 23) - 1));
    let m = simd.transmute_f32s_u32s(simd.add_u32s(rest, simd.splat_u32s(SQRT_HALF)));
    let f = simd.sub_f32s(m, simd.splat_f32s(1.0));
    let ln_m = simd.mul_add_e_f32s(polynomial(simd, f, Q), simd.mul_f32s(f, f), f);
    simd.mul_add_e_f32s(e, simd.splat_f32s(std::f32::consts::LN_2), ln_m)
}

/// Returns c\[0\] + c\[1\] x + c\[2\] x^2 + ...
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(simd: S, x: S::f32s, c: [f32; N]) -> S::f32s {
    let sum = simd.splat_f32s(c[N - 1]);
    c[..N - 1].iter().rev().fold(sum, |sum, c| simd.mul_add_e_f32s(sum, x, simd.splat_f32s(*c)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Deflector;

    /// Applies a kernel to each number of a run.
    struct Map<'a> {
        run: &'a mut Run,
        log: bool,
    }

    impl WithSimd for Map<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            for x in S::as_mut_simd_f32s(self.run).0 {
                *x = if self.log { ln(simd, *x) } else { h(simd, *x) };
            }
        }
    }

    /// Calls a check with x and the kernel's value, at numbers from exp(low) to exp(high): on the registers of this
    /// machine, and on single numbers, as on a machine without any.
    fn each(log: bool, low: f64, high: f64, check: impl Fn(f64, f64)) {
        let count = 16_384 * RUN;
        for first in (0..count).step_by(RUN) {
            let x: Run = std::array::from_fn(|i| (low + (high - low) * (first + i) as f64 / count as f64).exp() as f32);
            let (mut wide, mut single) = (x, x);
            dispatch(Map { run: &mut wide, log });
            Map { run: &mut single, log }.with_simd(pulp::Scalar);
            for run in [wide, single] {
                x.iter().zip(&run).for_each(|(x, y)| check(f64::from(*x), f64::from(*y)));
            }
        }
    }

    #[test]
    fn ln_is_that_of_the_standard_library() {
        for (low, high) in [(-87.0, 88.0), (-1.0, 1.0)] {
            each(true, low, high, |x, log| {
                let exact = x.ln();
                assert!((log - exact).abs() < 2e-7 * exact.abs().max(1.0), "ln({x:e}) = {log}, not {exact}");
            });
        }
    }

    #[test]
    fn h_is_that_of_the_halo() {
        // A halo with 4 kappa_s = 1 and a scale radius of one deflects by h(x) x.
        let halo = Nfw { center: [0.0; 2], scale_radius: 1.0, scale_convergence: 0.25 };
        // From 1e-5 to 1e5 scale radii, and denser near one.
        for (low, high) in [(-23.0, 23.0), (-0.2, 0.2)] {
            each(false, low, high, |x2, h| {
                let x = x2.sqrt();
                let exact = halo.deflection([x, 0.0])[0] / x;
                assert!((h / exact - 1.0).abs() < 1.2e-6, "h({x}) = {h}, not {exact}");
            });
        }
    }

    #[test]
    fn a_pixel_at_the_centre_of_a_halo_is_not_deflected_by_it() {
        let halo = Nfw { center: [0.3, -1.0], scale_radius: 0.01, scale_convergence: 1.0 };
        let positions = [[0.3; RUN], [-1.0; RUN]];
        let mut deflections = [[1.0; RUN], [2.0; RUN]];
        add_nfw_deflections(&[halo], &positions, &mut deflections);
        assert_eq!(deflections, [[1.0; RUN], [2.0; RUN]]);
    }
}
