//! Functions of numbers that ONNX has no operator for, or `onnxruntime` none for f64.

use std::f64::consts::{FRAC_PI_2, LN_2, PI};

use super::graph::{NumberType, OnnxGraph, Value};

/// ln(2 Q(sqrt(2) x)) + x^2 - ln(t), where Q is the upper tail of the standard normal distribution and t is 2 / (2 + x), as a
/// polynomial in 2 t - 1: a Chebyshev series of high-precision values, right to 1e-14 for every x that is not negative.
const TAIL: [f64; 23] = [
    -0.6717940840566906,
    0.6726432239778217,
    0.04734330684142489,
    -0.04689561024571166,
    -0.00987268934319109,
    0.008824938935263605,
    0.0017589331171176884,
    -0.002345817040411264,
    -0.00014624252395767715,
    0.0006737090513593518,
    -9.376035760297014e-05,
    -0.00017442596999566427,
    7.149530982602198e-05,
    3.206559421540822e-05,
    -3.0421097531594203e-05,
    -4.0637851031393504e-07,
    8.952692300720023e-06,
    -2.352944696447295e-06,
    -1.7128780471140371e-06,
    8.549461192071435e-07,
    1.5975482569412025e-07,
    -1.1818313828393028e-07,
    7.992047577730608e-10,
];

/// Numerators and denominators of the quantile of the normal distribution in its middle, its tail, and far out: algorithm AS 241
/// (Wichura 1988), right to 1e-16.
const QUANTILE: [[[f64; 8]; 2]; 3] = [
    [
        [
            3.3871328727963665,
            133.14166789178438,
            1971.5909503065513,
            13731.69376550946,
            45921.95393154987,
            67265.7709270087,
            33430.57558358813,
            2509.0809287301227,
        ],
        [
            1.0,
            42.31333070160091,
            687.1870074920579,
            5394.196021424751,
            21213.794301586597,
            39307.89580009271,
            28729.085735721943,
            5226.495278852854,
        ],
    ],
    [
        [
            1.4234371107496835,
            4.630337846156546,
            5.769497221460691,
            3.6478483247632045,
            1.2704582524523684,
            0.2417807251774506,
            0.022723844989269184,
            0.0007745450142783414,
        ],
        [
            1.0,
            2.053191626637759,
            1.6763848301838038,
            0.6897673349851,
            0.14810397642748008,
            0.015198666563616457,
            0.0005475938084995345,
            1.0507500716444169e-09,
        ],
    ],
    [
        [
            6.657904643501103,
            5.463784911164114,
            1.7848265399172913,
            0.29656057182850487,
            0.026532189526576124,
            0.0012426609473880784,
            2.7115555687434876e-05,
            2.0103343992922881e-07,
        ],
        [
            1.0,
            0.599832206555888,
            0.1369298809227358,
            0.014875361290850615,
            0.0007868691311456133,
            1.8463183175100548e-05,
            1.421511758316446e-07,
            2.0442631033899397e-15,
        ],
    ],
];

impl OnnxGraph {
    /// Adds |x|.
    pub fn abs(&self, x: &Value) -> Value {
        self.op("Abs", &[x])
    }

    /// Adds `size` with the sign of `sign`; 0 where that is 0.
    pub fn with_sign(&self, size: &Value, sign: &Value) -> Value {
        let sign = self.op("Sign", &[sign]);
        self.mul(size, &sign)
    }

    fn polynomial(&self, coefficients: &[f64], x: &Value) -> Value {
        let mut coefficients = coefficients.iter().rev();
        let mut sum = self.double(coefficients.next().copied().unwrap_or(0.0));
        for coefficient in coefficients {
            let product = self.mul(&sum, x);
            let coefficient = self.double(*coefficient);
            sum = self.add(&product, &coefficient);
        }
        sum
    }

    /// Adds ln(1 + x), which keeps the digits of a small x (Kahan): 1 + x is rounded, and its logarithm is mended by what the
    /// rounding did.
    pub fn ln_1p(&self, x: &Value) -> Value {
        let one = self.double(1.0);
        let up = self.add(x, &one);
        let rounded = self.sub(&up, &one);
        let is_lost = self.op("Equal", &[&rounded, &self.double(0.0)]);
        let log = self.op("Log", &[&up]);
        let ratio = self.div(x, &rounded);
        let mended = self.mul(&log, &ratio);
        // Of infinity there is no ratio.
        let is_large = self.op("Greater", &[x, &self.double(1e16)]);
        let mended = self.choose(&is_large, &log, &mended);
        self.choose(&is_lost, x, &mended)
    }

    /// Adds ln(1 / (1 + exp(|x|))): the logarithm of the smaller of the two shares that the logistic function makes.
    pub fn ln_smaller_share(&self, x: &Value) -> Value {
        let size = self.abs(x);
        let minus = self.op("Neg", &[&size]);
        let small = self.op("Exp", &[&minus]);
        let log = self.ln_1p(&small);
        self.sub(&minus, &log)
    }

    /// Adds 1 / (1 + exp(-x)).
    pub fn logistic(&self, x: &Value) -> Value {
        let minus = self.op("Neg", &[x]);
        let grown = self.op("Exp", &[&minus]);
        let sum = self.add(&grown, &self.double(1.0));
        self.op("Reciprocal", &[&sum])
    }

    /// Adds ln of the probability of a standard normal number above `z`, which must not be negative.
    pub fn ln_normal_tail(&self, z: &Value) -> Value {
        let x = self.mul(z, &self.double(std::f64::consts::FRAC_1_SQRT_2));
        let two = self.double(2.0);
        let beyond = self.add(&x, &two);
        let t = self.div(&two, &beyond);
        let s = self.mul(&t, &two);
        let s = self.sub(&s, &self.double(1.0));
        let series = self.polynomial(&TAIL, &s);
        let log = self.op("Log", &[&t]);
        let square = self.mul(&x, &x);
        let sum = self.add(&log, &series);
        let sum = self.sub(&sum, &square);
        self.sub(&sum, &self.double(LN_2))
    }

    /// Adds the standard normal number with the probability `tail`, at most a half, above it.
    pub fn normal_quantile(&self, tail: &Value) -> Value {
        let half = self.double(0.5);
        let q = self.sub(&half, tail);
        let log = self.op("Log", &[tail]);
        let minus = self.op("Neg", &[&log]);
        let r = self.op("Sqrt", &[&minus]);
        let square = self.mul(&q, &q);
        let middle = self.sub(&self.double(0.180625), &square);
        let near = self.sub(&r, &self.double(1.6));
        let far = self.sub(&r, &self.double(5.0));
        let mut ratios = Vec::new();
        for (at, [above, below]) in [middle, near, far].iter().zip(QUANTILE) {
            let (above, below) = (self.polynomial(&above, at), self.polynomial(&below, at));
            ratios.push(self.div(&above, &below));
        }
        let middle = self.mul(&ratios[0], &q);
        let is_far = self.op("Greater", &[&r, &self.double(5.0)]);
        let outside = self.choose(&is_far, &ratios[2], &ratios[1]);
        let is_middle = self.op("LessOrEqual", &[&q, &self.double(0.425)]);
        self.choose(&is_middle, &middle, &outside)
    }

    /// Adds 1 / tan(x) for an angle of the first quadrant.
    pub fn cotangent(&self, x: &Value) -> Value {
        let rest = self.sub(&self.double(FRAC_PI_2), x);
        let (above, below) = (self.op("Sin", &[&rest]), self.op("Sin", &[x]));
        self.div(&above, &below)
    }

    /// Adds the probability of a number of Cauchy's distribution above |x|.
    pub fn cauchy_tail(&self, x: &Value) -> Value {
        let size = self.abs(x);
        let inverse = self.op("Reciprocal", &[&size]);
        // To seven digits of what is small, which is all that a network reads.
        let single = self.cast(&inverse, NumberType::Float);
        let angle = self.op("Atan", &[&single]);
        let angle = self.cast(&angle, NumberType::Double);
        self.mul(&angle, &self.double(1.0 / PI))
    }
}
