//! The error function, by the rational approximations of fdlibm's `s_erf.c` (Sun Microsystems, 1993, freely granted):
//! within one unit in the last place, where those of statrs are good to ten digits.

/// Coefficients of polynomials, the constant first: numerators and denominators.
const P: [f64; 5] =
    [0.12837916709551256, -0.3250421072470015, -0.02848174957559851, -0.005770270296489442, -2.3763016656650163e-05];
const Q: [f64; 6] = [
    1.0,
    0.39791722395915535,
    0.0650222499887673,
    0.005081306281875766,
    0.00013249473800432164,
    -3.960228278775368e-06,
];
const PA: [f64; 7] = [
    -0.0023621185607526594,
    0.41485611868374833,
    -0.3722078760357013,
    0.31834661990116175,
    -0.11089469428239668,
    0.035478304325618236,
    -0.002166375594868791,
];
const QA: [f64; 7] = [
    1.0,
    0.10642088040084423,
    0.540397917702171,
    0.07182865441419627,
    0.12617121980876164,
    0.01363708391202905,
    0.011984499846799107,
];
const RA: [f64; 8] = [
    -0.009864944034847148,
    -0.6938585727071818,
    -10.558626225323291,
    -62.375332450326006,
    -162.39666946257347,
    -184.60509290671104,
    -81.2874355063066,
    -9.814329344169145,
];
const SA: [f64; 9] = [
    1.0,
    19.651271667439257,
    137.65775414351904,
    434.56587747522923,
    645.3872717332679,
    429.00814002756783,
    108.63500554177944,
    6.570249770319282,
    -0.0604244152148581,
];
const RB: [f64; 7] = [
    -0.0098649429247001,
    -0.799283237680523,
    -17.757954917754752,
    -160.63638485582192,
    -637.5664433683896,
    -1025.0951316110772,
    -483.5191916086514,
];
const SB: [f64; 8] = [
    1.0,
    30.33806074348246,
    325.7925129965739,
    1536.729586084437,
    3199.8582195085955,
    2553.0504064331644,
    474.52854120695537,
    -22.44095244658582,
];

fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

/// erf(1), rounded to few digits so that the remainder keeps its precision.
const ERX: f64 = 0.8450629115104675;

/// (erf(x) - x) / x for |x| < 0.84375.
fn small(x: f64) -> f64 {
    polynomial(&P, x * x) / polynomial(&Q, x * x)
}

/// erfc(x) for x >= 0.84375.
fn tail(x: f64) -> f64 {
    if x < 1.25 {
        let s = x - 1.0;
        return 1.0 - ERX - polynomial(&PA, s) / polynomial(&QA, s);
    }
    if x > 28.0 {
        return 0.0;
    }
    let s = 1.0 / (x * x);
    let ratio =
        if x < 1.0 / 0.35 { polynomial(&RA, s) / polynomial(&SA, s) } else { polynomial(&RB, s) / polynomial(&SB, s) };
    // exp(-x^2) from a part of x whose square is exact, and the remainder.
    let z = f64::from_bits(x.to_bits() & 0xffff_ffff_0000_0000);
    (-z * z - 0.5625).exp() * ((z - x) * (z + x) + ratio).exp() / x
}

/// Returns the error function at `x`.
pub fn erf(x: f64) -> f64 {
    if x.abs() < 0.84375 {
        x + x * small(x)
    } else if x.is_nan() {
        x
    } else {
        (1.0 - tail(x.abs())).copysign(x)
    }
}

/// Returns 1 - erf(x), exact in its tail.
pub fn erfc(x: f64) -> f64 {
    if x.abs() < 0.84375 {
        // Above a quarter, 1 - x alone would round.
        if x < 0.25 { 1.0 - (x + x * small(x)) } else { 0.5 - (x - 0.5 + x * small(x)) }
    } else if x.is_nan() {
        x
    } else if x < 0.0 {
        2.0 - tail(-x)
    } else {
        tail(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agree_with_fifty_digits() {
        // mpmath
        let reference = [
            (1e-10, 1.1283791670955126e-10, 0.999999999887162),
            (0.1, 0.1124629160182849, 0.887537083981715),
            (0.3, 0.3286267594591274, 0.6713732405408726),
            (0.7, 0.6778011938374184, 0.32219880616258156),
            (0.84, 0.7651427114549945, 0.23485728854500548),
            (0.85, 0.7706680576083526, 0.22933194239164748),
            (1.1, 0.8802050695740817, 0.11979493042591827),
            (1.24, 0.9205051842990297, 0.07949481570097033),
            (1.26, 0.9252359418101295, 0.07476405818987052),
            (2.0, 0.9953222650189527, 0.004677734981047266),
            (2.85, 0.9999443437200386, 5.5656279961398957e-05),
            (2.87, 0.9999506729696856, 4.932703031438922e-05),
            (5.0, 0.9999999999984626, 1.537459794428035e-12),
            (20.0, 1.0, 5.395865611607901e-176),
            (26.0, 1.0, 5.663192408856143e-296),
            (-0.2, -0.22270258921047847, 1.2227025892104784),
            (-1.0, -0.8427007929497149, 1.8427007929497148),
            (-3.0, -0.9999779095030014, 1.9999779095030015),
        ];
        for (x, of_erf, of_erfc) in reference {
            let off = |got: f64, want: f64| (got / want - 1.0).abs();
            assert!(off(erf(x), of_erf) < 3e-16, "erf({x}) = {:e}", erf(x));
            assert!(off(erfc(x), of_erfc) < 1e-15, "erfc({x}) = {:e}", erfc(x));
        }
        assert_eq!((erf(0.0), erfc(0.0)), (0.0, 1.0));
        assert_eq!((erf(f64::INFINITY), erfc(f64::INFINITY)), (1.0, 0.0));
        assert_eq!((erf(f64::NEG_INFINITY), erfc(f64::NEG_INFINITY)), (-1.0, 2.0));
        assert!(erf(f64::NAN).is_nan() && erfc(f64::NAN).is_nan());
    }
}
