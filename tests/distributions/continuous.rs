//! The distributions of numbers that need not be whole, each at some choices of its parameters.

use super::*;

pub fn continuous() -> Vec<Case> {
    let mut c = vec![];
    family!(c, "Normal", generic, [[0.0, 1.0], [-3.2, 0.04], [1e3, 25.0]], whole [],
        |p| Normal::new(p[0], p[1]), points [p[0], p[0] + 30.0 * p[1], p[0] - 12.0 * p[1]],
        |x| peer::Normal::new(p[0], p[1]).unwrap().ln_pdf(x));
    family!(c, "HalfNormal", generic, [[1.0], [0.03]], whole [],
        |p| HalfNormal::new(p[0]), points [1e-9 * p[0], 20.0 * p[0]],
        |x| LN_2 + peer::Normal::new(0.0, p[0]).unwrap().ln_pdf(x));
    family!(c, "LogNormal", generic, [[0.0, 1.0], [2.0, 0.3], [-1.0, 3.0]], whole [],
        |p| LogNormal::new(p[0], p[1]), points [1e-4, 300.0],
        |x| peer::LogNormal::new(p[0], p[1]).unwrap().ln_pdf(x));
    family!(c, "Cauchy", generic, [[0.0, 1.0], [91.0, 1.5]], whole [],
        |p| Cauchy::new(p[0], p[1]), points [p[0], 1e5, -1e5],
        |x| peer::Cauchy::new(p[0], p[1]).unwrap().ln_pdf(x));
    family!(c, "HalfCauchy", generic, [[1.0], [25.0]], whole [],
        |p| HalfCauchy::new(p[0]), points [1e-9, 1e5],
        |x| LN_2 + peer::Cauchy::new(0.0, p[0]).unwrap().ln_pdf(x));
    family!(c, "StudentT", generic, [[3.0, 0.5, 2.0], [0.7, -1.0, 0.1], [63.9, 0.0, 1.0], [64.1, 0.0, 1.0], [1e5, 4.0, 1.0]], whole [],
    |p| StudentT::new(p[0], p[1], p[2]), points [p[1] + 40.0 * p[2], p[1] - 7.0 * p[2]],
    |x| {
        let (d, z) = (p[0], (x - p[1]) / p[2]);
        ln_gamma(0.5 * (d + 1.0)) - ln_gamma(0.5 * d) - 0.5 * (PI * d).ln() - p[2].ln()
            - 0.5 * (d + 1.0) * (z * z / d).ln_1p()
    });
    family!(c, "Laplace", generic, [[0.0, 1.0], [3.0, 0.2]], whole [],
        |p| Laplace::new(p[0], p[1]), points [p[0] + 200.0 * p[1], p[0] - 200.0 * p[1]],
        |x| peer::Laplace::new(p[0], p[1]).unwrap().ln_pdf(x));
    family!(c, "Logistic", generic, [[0.0, 1.0], [-2.0, 0.3]], whole [],
        |p| Logistic::new(p[0], p[1]), points [p[0], p[0] + 200.0 * p[1], p[0] - 200.0 * p[1]],
        |x| -(4.0 * p[1] * (0.5 * (x - p[0]) / p[1]).cosh().powi(2)).ln());
    family!(c, "Uniform", generic, [[0.0, 1.0], [-7.0, 12.5]], whole [],
        |p| Uniform::new(p[0], p[1]), points [p[0], p[1]],
        |x| peer::Uniform::new(p[0], p[1]).unwrap().ln_pdf(x));
    family!(c, "LogUniform", generic, [[0.1, 10.0], [1e-6, 1e6]], whole [],
        |p| LogUniform::new(p[0], p[1]), points [p[0], p[1]],
        |x| -x.ln() - (p[1] / p[0]).ln().ln());
    family!(c, "Beta", generic, [[2.0, 5.0], [0.3, 1.5], [1.0, 1.0], [40.0, 60.0]], whole [],
        |p| Beta::new(p[0], p[1]), points [1e-12, 1.0 - 1e-9],
        |x| peer::Beta::new(p[0], p[1]).unwrap().ln_pdf(x));
    family!(c, "Gamma", generic, [[2.5, 3.0], [1.0, 0.2], [0.1, 1.0], [300.0, 10.0]], whole [],
        |p| Gamma::new(p[0], p[1]), points [1e-12, 100.0],
        |x| p[0] * p[1].ln() - ln_gamma(p[0]) + (p[0] - 1.0) * x.ln() - p[1] * x);
    family!(c, "InverseGamma", generic, [[3.0, 0.5], [0.8, 2.0], [50.0, 100.0]], whole [],
        |p| InverseGamma::new(p[0], p[1]), points [0.01, 1e6],
        |x| p[0] * p[1].ln() - ln_gamma(p[0]) - (p[0] + 1.0) * x.ln() - p[1] / x);
    family!(c, "Exponential", generic, [[1.0], [40.0]], whole [],
        |p| Exponential::new(p[0]), points [1e-12, 700.0],
        |x| peer::Exp::new(p[0]).unwrap().ln_pdf(x));
    family!(c, "Weibull", generic, [[0.7, 3.0], [1.0, 1.0], [4.0, 0.5]], whole [],
        |p| Weibull::new(p[0], p[1]), points [1e-6, 3.0 * p[1]],
        |x| peer::Weibull::new(p[0], p[1]).unwrap().ln_pdf(x));
    family!(c, "Pareto", generic, [[1.0, 2.5], [20.0, 0.9]], whole [],
        |p| Pareto::new(p[0], p[1]), points [1e9],
        |x| peer::Pareto::new(p[0], p[1]).unwrap().ln_pdf(x));
    family!(c, "PowerLaw", generic, [[-2.35, 0.1, 120.0], [-1.0, 2.0, 50.0], [1.5, 1e-3, 4.0], [-1.00001, 1.0, 9.0]], whole [],
    |p| PowerLaw::new(p[0], p[1], p[2]), points [p[1], p[2]],
    |x| {
        let power = p[0] + 1.0;
        let norm = if power == 0.0 { (p[2] / p[1]).ln() } else { p[1].powf(power) * (power * (p[2] / p[1]).ln()).exp_m1() / power };
        p[0] * x.ln() - norm.ln()
    });
    family!(c, "TruncatedExponential", generic, [[0.03, 60.0, 120.0], [0.0, 1.0, 4.0], [-2.0, -1.0, 3.0], [1e-7, 0.0, 2.0], [90.0, 0.0, 10.0]], whole [],
    |p| TruncatedExponential::new(p[0], p[1], p[2]), points [p[1], p[2]],
    |x| {
        let width = p[2] - p[1];
        let norm = if p[0] == 0.0 { width } else { -(-p[0] * width).exp_m1() / p[0] };
        -p[0] * (x - p[1]) - norm.ln()
    });
    family!(c, "TruncatedNormal", generic, [
        [0.0, 1.0, -1.0, 2.0], [0.2, 0.5, 0.0, INFINITY], [0.0, 1.0, NEG_INFINITY, 0.4], [1.0, 3.0, NEG_INFINITY, INFINITY],
        [0.0, 1.0, 2.0, 2.3], [0.0, 1.0, 3.0, INFINITY], [4.0, 2.0, -5.0, -2.0], [0.0, 1.0, -0.2, 0.1], [0.0, 1.0, 0.4, 1.1],
        [0.0, 1.0, -6.0, 0.5], [1.0, 0.1, 0.9, 4.0],
    ], whole [],
    |p| TruncatedNormal::new(p[0], p[1], p[2], p[3]), points [p[2].max(-1e9), p[3].min(1e9)],
    |x| {
        peer::Normal::new(p[0], p[1]).unwrap().ln_pdf(x) - normal_mass((p[2] - p[0]) / p[1], (p[3] - p[0]) / p[1]).ln()
    });
    family!(c, "TruncatedCauchy", generic, [
        [91.2, 1.2, 60.0, 120.0], [0.0, 1.0, 30.0, 31.0], [0.0, 1.0, NEG_INFINITY, -50.0], [0.0, 2.0, 1.0, INFINITY],
        [0.5, 2.0, NEG_INFINITY, INFINITY],
    ], whole [],
    |p| Truncated::new(Cauchy::new(p[0], p[1]), p[2], p[3]), points [p[2].max(-1e9), p[3].min(1e9)],
    |x| {
        let angle = |x: f64| ((x - p[0]) / p[1]).atan();
        -(p[1] * (1.0 + ((x - p[0]) / p[1]).powi(2))).ln() - (angle(p[3]) - angle(p[2])).ln()
    });
    family!(c, "Truncated(Exponential)", generic, [[2.0, -1.0, 3.0], [5.0, 2.0, INFINITY]], whole [],
    |p| Truncated::new(Exponential::new(p[0]), p[1], p[2]), points [p[1].max(0.0)],
    |x| {
        let low = p[1].max(0.0);
        let mass = -(-p[0] * (p[2] - low)).exp_m1();
        p[0].ln() - p[0] * (x - low) - mass.ln()
    });
    family!(c, "Truncated(LogNormal)", generic, [[0.0, 1.0, 0.0, 1.0], [0.5, 0.5, 8.0, 30.0]], whole [],
    |p| Truncated::new(LogNormal::new(p[0], p[1]), p[2], p[3]), points [p[3]],
    |x| {
        let z = |x: f64| (x.ln() - p[0]) / p[1];
        peer::LogNormal::new(p[0], p[1]).unwrap().ln_pdf(x) - normal_mass(z(p[2]), z(p[3])).ln()
    });
    family!(c, "Truncated(Mixture)", generic, [[0.3, 0.0, 1.0, 4.0, 0.5]], whole [],
    |p| Truncated::new(
        Mixture::new([p[0], -p[0] + 1.0], [Normal::new(p[1], p[2]), Normal::new(p[3], p[4])]), T::from(-1.0), T::from(4.0)),
    points [-1.0, 4.0],
    |x| {
        let (a, b) = (peer::Normal::new(p[1], p[2]).unwrap(), peer::Normal::new(p[3], p[4]).unwrap());
        let between = |mean: f64, sd: f64| normal_mass((-1.0 - mean) / sd, (4.0 - mean) / sd);
        let mass = p[0] * between(p[1], p[2]) + (1.0 - p[0]) * between(p[3], p[4]);
        (p[0] * a.pdf(x) + (1.0 - p[0]) * b.pdf(x)).ln() - mass.ln()
    });
    family!(c, "Mixture(Normal)", generic, [[0.2, -1.0, 0.5, 3.0, 2.0]], whole [],
    |p| Mixture::new([p[0], -p[0] + 1.0], [Normal::new(p[1], p[2]), Normal::new(p[3], p[4])]), points [40.0, -30.0],
    |x| log_sum_exp(&[
        p[0].ln() + peer::Normal::new(p[1], p[2]).unwrap().ln_pdf(x),
        (1.0 - p[0]).ln() + peer::Normal::new(p[3], p[4]).unwrap().ln_pdf(x),
    ]));
    family!(c, "Mixture(Exponential)", generic, [[0.25, 0.1, 3.0]], whole [],
    |p| Mixture::new([p[0], p[0] * 2.0, -p[0] * 3.0 + 1.0], [Exponential::new(p[1]), Exponential::new(p[2]), Exponential::new(p[1] + p[2])]),
    points [50.0],
    |x| {
        let term = |w: f64, rate: f64| w.ln() + rate.ln() - rate * x;
        log_sum_exp(&[term(p[0], p[1]), term(2.0 * p[0], p[2]), term(1.0 - 3.0 * p[0], p[1] + p[2])])
    });
    family!(c, "HalfStudentT", generic, [[3.0, 2.0], [0.7, 0.1], [1e5, 4.0]], whole [],
    |p| HalfStudentT::new(p[0], p[1]), points [1e-9 * p[1], 40.0 * p[1]],
    |x| {
        let (d, z) = (p[0], x / p[1]);
        LN_2 + ln_gamma(0.5 * (d + 1.0)) - ln_gamma(0.5 * d) - 0.5 * (PI * d).ln() - p[1].ln()
            - 0.5 * (d + 1.0) * (z * z / d).ln_1p()
    });
    family!(c, "SkewNormal", none, [[0.0, 1.0, 3.0], [-3.2, 0.04, -0.5], [1e3, 25.0, 40.0]], whole [],
        |p| SkewNormal::new(p[0], p[1], p[2]), points [p[0] + 6.0 * p[1], p[0] - 0.5 * p[1]],
        |x| LN_2 + peer::Normal::new(p[0], p[1]).unwrap().ln_pdf(x)
            + normal_mass(NEG_INFINITY, p[2] * (x - p[0]) / p[1]).ln());
    family!(c, "ExpModNormal", generic, [[0.0, 1.0, 1.0], [5.0, 0.1, 0.3], [-2.0, 10.0, 5.0]], whole [],
    |p| ExpModNormal::new(p[0], p[1], p[2]), points [p[0] - 8.0 * p[1], p[0] + 12.0 * p[1]],
    |x| {
        // The integral over the exponential number.
        let off = x - p[0];
        let first = (off - 12.0 * p[1]).max(0.0);
        let last = (first + 40.0 / p[2]).min(off.max(0.0) + 12.0 * p[1]);
        let normal = |y: f64| (-0.5 * ((off - y) / p[1]).powi(2)).exp() / ((2.0 * PI).sqrt() * p[1]);
        integrate(|y| p[2] * (-p[2] * y).exp() * normal(y), first, last).ln()
    });
    family!(c, "AsymmetricLaplace", generic, [[0.0, 1.0, 2.0], [3.0, 0.2, 0.5]], whole [],
    |p| AsymmetricLaplace::new(p[0], p[1], p[2]), points [p[0] + 200.0 * p[1], p[0] - 30.0 * p[1]],
    |x| {
        let (up, down) = (p[2] / p[1], 1.0 / (p[2] * p[1]));
        let tail = if x < p[0] { down * (x - p[0]) } else { -up * (x - p[0]) };
        (up * down / (up + down)).ln() + tail
    });
    family!(c, "InverseGaussian", generic, [[1.0, 1.0], [0.5, 40.0], [20.0, 0.3]], whole [],
        |p| InverseGaussian::new(p[0], p[1]), points [1e-3, 200.0],
        |x| 0.5 * (p[1] / (2.0 * PI * x.powi(3))).ln() - p[1] * (x - p[0]).powi(2) / (2.0 * p[0] * p[0] * x));
    family!(c, "Gumbel", generic, [[0.0, 1.0], [-5.0, 0.03]], whole [],
    |p| Gumbel::new(p[0], p[1]), points [p[0] + 200.0 * p[1], p[0] - 5.0 * p[1]],
    |x| {
        let t = ((p[0] - x) / p[1]).exp();
        (t / p[1]).ln() - t
    });
    family!(c, "GeneralizedExtremeValue", generic, [[0.0, 1.0, 0.0], [10.0, 2.0, 0.3], [-1.0, 0.5, -0.4], [0.0, 1.0, 1.5]], whole [],
    |p| GeneralizedExtremeValue::new(p[0], p[1], p[2]), points [p[0] + 0.5 * p[1], p[0] + 2.4 * p[1]],
    |x| {
        let z = (x - p[0]) / p[1];
        let t = if p[2] == 0.0 { (-z).exp() } else { (1.0 + p[2] * z).powf(-1.0 / p[2]) };
        (t.powf(p[2] + 1.0) / p[1]).ln() - t
    });
    family!(c, "Frechet", generic, [[2.0, 3.0], [0.7, 0.1], [8.0, 50.0]], whole [],
    |p| Frechet::new(p[0], p[1]), points [0.3 * p[1], 100.0 * p[1]],
    |x| {
        let t = (x / p[1]).powf(-p[0]);
        (p[0] / x * t).ln() - t
    });
    family!(c, "GeneralizedPareto", generic, [[0.0, 1.0, 0.0], [10.0, 2.0, 0.5], [-1.0, 0.5, -0.4], [0.0, 3.0, 2.0]], whole [],
    |p| GeneralizedPareto::new(p[0], p[1], p[2]), points [p[0] + 0.1 * p[1], p[0] + 2.4 * p[1]],
    |x| {
        let z = (x - p[0]) / p[1];
        let above = if p[2] == 0.0 { (-z).exp() } else { (1.0 + p[2] * z).powf(-1.0 / p[2]) };
        (above.powf(p[2] + 1.0) / p[1]).ln()
    });
    family!(c, "VonMises", none, [[0.0, 1.0], [2.0, 0.0], [-3.0, 0.4], [1.0, 50.0], [3.1, 1e4]], whole [],
    |p| VonMises::new(p[0], p[1]), points [PI, -PI, p[0]],
    |x| {
        let norm = integrate(|angle| (p[1] * (angle.cos() - 1.0)).exp(), -PI, PI);
        p[1] * ((x - p[0]).cos() - 1.0) - norm.ln()
    });
    family!(c, "BetaProportion", generic, [[0.3, 10.0], [0.1, 4.0], [0.02, 30.0], [0.5, 1000.0]], whole [],
        |p| BetaProportion::new(p[0], p[1]), points [1e-12, 0.999],
        |x| peer::Beta::new(p[0] * p[1], (1.0 - p[0]) * p[1]).unwrap().ln_pdf(x));
    family!(c, "Kumaraswamy", generic, [[2.0, 5.0], [0.3, 1.4], [1.0, 1.0], [40.0, 3.0]], whole [],
        |p| Kumaraswamy::new(p[0], p[1]), points [1e-12, 0.999],
        |x| (p[0] * p[1]).ln() + (p[0] - 1.0) * x.ln() + (p[1] - 1.0) * (-(p[0] * x.ln()).exp_m1()).ln());
    family!(c, "LogitNormal", generic, [[0.0, 1.0], [-4.0, 0.3], [-20.0, 5.0]], whole [],
        |p| LogitNormal::new(p[0], p[1]), points [1e-12, 0.999],
        |x| peer::Normal::new(p[0], p[1]).unwrap().ln_pdf((x / (1.0 - x)).ln()) - (x * (1.0 - x)).ln());
    family!(c, "ChiSquared", generic, [[1.0], [5.0], [300.0]], whole [],
        |p| ChiSquared::new(p[0]), points [1e-9, 400.0],
        |x| peer::ChiSquared::new(p[0]).unwrap().ln_pdf(x));
    family!(c, "InverseChiSquared", generic, [[2.5], [40.0]], whole [],
        |p| InverseChiSquared::new(p[0]), points [1e-3, 1e6],
        |x| -0.5 * p[0] * LN_2 - ln_gamma(0.5 * p[0]) - (0.5 * p[0] + 1.0) * x.ln() - 0.5 / x);
    family!(c, "ScaledInverseChiSquared", generic, [[4.0, 0.5], [60.0, 10.0]], whole [],
    |p| ScaledInverseChiSquared::new(p[0], p[1]), points [1e-2, 1e6],
    |x| {
        let half = 0.5 * p[0];
        half * half.ln() - ln_gamma(half) + p[0] * p[1].ln() - (half + 1.0) * x.ln() - half * p[1] * p[1] / x
    });
    family!(c, "Rayleigh", generic, [[1.0], [0.02]], whole [],
        |p| Rayleigh::new(p[0]), points [1e-9, 20.0 * p[0]],
        |x| (x / (p[0] * p[0])).ln() - x * x / (2.0 * p[0] * p[0]));
    family!(c, "LogLogistic", generic, [[3.0, 2.0], [0.6, 10.0], [1.0, 1.0]], whole [],
    |p| LogLogistic::new(p[0], p[1]), points [1e-6, 1e6],
    |x| {
        let power = (x / p[1]).powf(p[0]);
        (p[0] / x * power).ln() - 2.0 * power.ln_1p()
    });
    family!(c, "Truncated(Gamma)", generic, [[2.5, 3.0, 0.2, 1.5], [0.4, 1.0, 1.0, INFINITY], [40.0, 2.0, 26.0, 40.0]], whole [],
    |p| Truncated::new(Gamma::new(p[0], p[1]), p[2], p[3]), points [p[2]],
    |x| {
        let density = |x: f64| (p[0] * p[1].ln() - ln_gamma(p[0]) + (p[0] - 1.0) * x.ln() - p[1] * x).exp();
        density(x).ln() - integrate(density, p[2], p[3].min(100.0)).ln()
    });
    family!(c, "Truncated(StudentT)", generic, [[3.0, 0.5, 2.0, -1.0, 40.0], [0.7, -1.0, 0.1, -0.9, -0.5]], whole [],
    |p| Truncated::new(StudentT::new(p[0], p[1], p[2]), p[3], p[4]), points [p[3], p[4]],
    |x| {
        let density = |x: f64| (1.0 + ((x - p[1]) / p[2]).powi(2) / p[0]).powf(-0.5 * (p[0] + 1.0));
        density(x).ln() - integrate(density, p[3], p[4]).ln()
    });
    c
}
