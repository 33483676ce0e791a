//! The distributions of whole numbers, each at some choices of its parameters.

use super::*;

pub fn discrete() -> Vec<Case> {
    let mut c = vec![];
    family!(c, "Bernoulli", generic, [[0.3], [0.97]], whole [],
        |p| Bernoulli::new(p[0]), points [0.0, 1.0],
        |x| peer::Bernoulli::new(p[0]).unwrap().ln_pmf(x as u64));
    family!(c, "BernoulliLogit", generic, [[0.0], [-2.0], [5.0]], whole [],
        |p| BernoulliLogit::new(p[0]), points [0.0, 1.0],
        |x| if x == 1.0 { -(-p[0]).exp().ln_1p() } else { -p[0].exp().ln_1p() });
    family!(c, "Binomial", generic, [[1.0, 0.4], [20.0, 0.05], [400.0, 0.7]], whole [0],
        |p| Binomial::new(p[0], p[1]), points [0.0, p[0]],
        |x| peer::Binomial::new(p[1], p[0] as u64).unwrap().ln_pmf(x as u64));
    family!(c, "BinomialLogit", generic, [[20.0, -3.0], [400.0, 0.8], [3.0, 0.0]], whole [0],
        |p| BinomialLogit::new(p[0], p[1]), points [0.0, p[0]],
        |x| peer::Binomial::new(1.0 / (1.0 + (-p[1]).exp()), p[0] as u64).unwrap().ln_pmf(x as u64));
    family!(c, "Poisson", generic, [[0.4], [11.9], [12.1], [340.0], [1e6]], whole [],
        |p| Poisson::new(p[0]), points [0.0, 1.0, 40.0],
        |x| peer::Poisson::new(p[0]).unwrap().ln_pmf(x as u64));
    family!(c, "PoissonLog", generic, [[-1.0], [3.0]], whole [],
        |p| PoissonLog::new(p[0]), points [0.0, 1.0, 40.0],
        |x| peer::Poisson::new(p[0].exp()).unwrap().ln_pmf(x as u64));
    family!(c, "NegativeBinomial", generic, [[12.0, 3.0], [1.5, 0.3], [100.0, 500.0]], whole [],
        |p| NegativeBinomial::new(p[0], p[1]), points [0.0, 1.0, 60.0],
        |x| peer::NegativeBinomial::new(p[1], p[1] / (p[0] + p[1])).unwrap().ln_pmf(x as u64));
    family!(c, "Geometric", generic, [[0.3], [0.01], [0.95]], whole [],
        |p| Geometric::new(p[0]), points [0.0, 1.0, 300.0],
        |x| peer::Geometric::new(p[0]).unwrap().ln_pmf(x as u64 + 1));
    family!(c, "Categorical", none, [[0.1, 0.6, 0.3], [0.25, 0.25, 0.5]], whole [],
        |p| Categorical::new([p[0], p[1], p[2]]), points [0.0, 1.0, 2.0],
        |x| p[x as usize].ln());
    family!(c, "CategoricalLogit", none, [[0.1, 2.0, -1.0, 0.4]], whole [],
        |p| CategoricalLogit::new([p[0], p[1], p[2], p[3]]), points [0.0, 1.0, 2.0, 3.0],
        |x| p[x as usize] - log_sum_exp(p));
    family!(c, "Truncated(Geometric)", generic, [[0.2, 2.0, 6.5], [0.02, 0.5, INFINITY], [0.5, 9.0, INFINITY]], whole [1, 2],
    |p| Truncated::new(Geometric::new(p[0]), p[1], p[2]), points [p[1].ceil()],
    |x| {
        let (p, low, high) = (p[0], p[1].ceil(), p[2].floor());
        let terms = (low as u32..=high.min(3000.0) as u32).map(|k| p * (1.0 - p).powi(k as i32));
        p.ln() + x * (1.0 - p).ln() - terms.sum::<f64>().ln()
    });
    family!(c, "Mixture(Poisson)", generic, [[0.2, 1.0, 9.0]], whole [],
    |p| Mixture::new([p[0], -p[0] + 1.0], [Poisson::new(p[1]), Poisson::new(p[2])]), points [0.0],
    |x| {
        let pmf = |rate: f64| peer::Poisson::new(rate).unwrap().pmf(x as u64);
        (p[0] * pmf(p[1]) + (1.0 - p[0]) * pmf(p[2])).ln()
    });
    family!(c, "BernoulliProbit", none, [[0.0], [-2.0], [4.0]], whole [],
        |p| BernoulliProbit::new(p[0]), points [0.0, 1.0],
        |x| normal_mass(NEG_INFINITY, if x == 1.0 { p[0] } else { -p[0] }).ln());
    family!(c, "BernoulliCloglog", none, [[0.0], [-3.0], [1.5]], whole [],
        |p| BernoulliCloglog::new(p[0]), points [0.0, 1.0],
        |x| if x == 1.0 { (1.0 - (-p[0].exp()).exp()).ln() } else { -p[0].exp() });
    family!(c, "OrderedLogistic", none, [[0.3, -1.0, 0.5, 2.0], [-8.0, -2.0, 3.0, 3.5], [9.0, -1.0, 0.0, 9.5]], whole [],
    |p| OrderedLogistic::new(p[0], [p[1], p[2], p[3]]), points [0.0, 1.0, 2.0, 3.0],
    |x| {
        let bounds = [NEG_INFINITY, p[1], p[2], p[3], INFINITY];
        let (a, b) = (bounds[x as usize] - p[0], bounds[x as usize + 1] - p[0]);
        let below = |x: f64| 1.0 / (1.0 + (-x).exp());
        (if a > 0.0 { below(-a) - below(-b) } else { below(b) - below(a) }).ln()
    });
    family!(c, "OrderedProbit", none, [[0.3, -1.0, 0.5, 2.0], [4.0, -2.0, 0.0, 0.7]], whole [],
    |p| OrderedProbit::new(p[0], [p[1], p[2], p[3]]), points [0.0, 1.0, 2.0, 3.0],
    |x| {
        let bounds = [NEG_INFINITY, p[1], p[2], p[3], INFINITY];
        normal_mass(bounds[x as usize] - p[0], bounds[x as usize + 1] - p[0]).ln()
    });
    family!(c, "DiscreteUniform", generic, [[0.0, 3.0], [5.0, 1000.0]], whole [0, 1],
        |p| DiscreteUniform::new(p[0], p[1]), points [p[0], p[1]],
        |x| peer::DiscreteUniform::new(p[0] as i64, p[1] as i64).unwrap().ln_pmf(x as i64));
    family!(c, "BetaBinomial", none, [[10.0, 2.0, 3.0], [400.0, 0.05, 0.1], [20.0, 5000.0, 3000.0]], whole [0],
    |p| BetaBinomial::new(p[0], p[1], p[2]), points [0.0, p[0]],
    |x| {
        let rising = |a: f64, n: f64| (0..n as usize).map(|i| (a + i as f64).ln()).sum::<f64>();
        let choose = rising(1.0, p[0]) - rising(1.0, x) - rising(1.0, p[0] - x);
        choose + rising(p[1], x) + rising(p[2], p[0] - x) - rising(p[1] + p[2], p[0])
    });
    family!(c, "Hypergeometric", none, [[10.0, 7.0, 20.0], [50.0, 300.0, 1000.0], [15.0, 12.0, 20.0]], whole [0, 1, 2],
        |p| Hypergeometric::new(p[0], p[1], p[2]), points [],
        |x| peer::Hypergeometric::new(p[2] as u64, p[1] as u64, p[0] as u64).unwrap().ln_pmf(x as u64));
    family!(c, "NegativeBinomialLog", generic, [[2.5, 3.0], [0.4, 0.3], [4.6, 500.0]], whole [],
        |p| NegativeBinomialLog::new(p[0], p[1]), points [0.0, 1.0, 60.0],
        |x| peer::NegativeBinomial::new(p[1], p[1] / (p[0].exp() + p[1])).unwrap().ln_pmf(x as u64));
    family!(c, "ZeroInflated(Poisson)", generic, [[0.3, 2.0], [0.95, 40.0]], whole [],
    |p| ZeroInflated::new(p[0], Poisson::new(p[1])), points [0.0, 1.0],
    |x| {
        let counted = (1.0 - p[0]) * peer::Poisson::new(p[1]).unwrap().pmf(x as u64);
        (if x == 0.0 { p[0] + counted } else { counted }).ln()
    });
    family!(c, "ZeroInflated(Geometric)", generic, [[0.3, 0.2]], whole [],
    |p| ZeroInflated::new(p[0], Geometric::new(p[1])), points [0.0, 1.0, 50.0],
    |x| {
        let counted = (1.0 - p[0]) * p[1] * (1.0 - p[1]).powf(x);
        (if x == 0.0 { p[0] + counted } else { counted }).ln()
    });
    family!(c, "ZeroInflated(Binomial)", generic, [[0.2, 10.0, 0.4]], whole [1],
    |p| ZeroInflated::new(p[0], Binomial::new(p[1], p[2])), points [0.0, 10.0],
    |x| {
        let counted = (1.0 - p[0]) * peer::Binomial::new(p[2], p[1] as u64).unwrap().pmf(x as u64);
        (if x == 0.0 { p[0] + counted } else { counted }).ln()
    });
    family!(c, "Hurdle(Poisson)", generic, [[0.4, 2.0], [0.1, 30.0], [0.4, 1e-3]], whole [],
    |p| Hurdle::new(p[0], Poisson::new(p[1])), points [0.0, 1.0, 2.0],
    |x| {
        let counted = (1.0 - p[0]) * peer::Poisson::new(p[1]).unwrap().pmf(x as u64) / -(-p[1]).exp_m1();
        (if x == 0.0 { p[0] } else { counted }).ln()
    });
    family!(c, "Hurdle(Geometric)", generic, [[0.5, 0.1], [0.2, 0.99]], whole [],
        |p| Hurdle::new(p[0], Geometric::new(p[1])), points [0.0, 1.0, 2.0],
        // A geometric number above zero is one more than another.
        |x| if x == 0.0 { p[0].ln() } else { (1.0 - p[0]).ln() + p[1].ln() + (x - 1.0) * (1.0 - p[1]).ln() });
    family!(c, "Hurdle(BetaBinomial)", none, [[0.5, 5.0, 0.3, 2.0]], whole [1],
    |p| Hurdle::new(p[0], BetaBinomial::new(p[1], p[2], p[3])), points [0.0, 1.0, 5.0],
    |x| {
        let rising = |a: f64, n: f64| (0..n as usize).map(|i| a + i as f64).product::<f64>();
        let of = |k: f64| {
            let choose = rising(1.0, p[1]) / rising(1.0, k) / rising(1.0, p[1] - k);
            choose * rising(p[2], k) * rising(p[3], p[1] - k) / rising(p[2] + p[3], p[1])
        };
        let above = (1..=5).map(|k| of(f64::from(k))).sum::<f64>();
        (if x == 0.0 { p[0] } else { (1.0 - p[0]) * of(x) / above }).ln()
    });
    family!(c, "Truncated(Poisson)", generic, [[1.2, 1.0, INFINITY], [40.0, 0.0, 25.0], [3.0, 9.0, INFINITY]], whole [1, 2],
    |p| Truncated::new(Poisson::new(p[0]), p[1], p[2]), points [p[1]],
    |x| {
        let pmf = |k: u64| peer::Poisson::new(p[0]).unwrap().pmf(k);
        pmf(x as u64).ln() - (p[1] as u64..=p[2].min(200.0) as u64).map(pmf).sum::<f64>().ln()
    });
    family!(c, "Truncated(Binomial)", generic, [[20.0, 0.05, 1.0, 7.0], [30.0, 0.6, 20.0, INFINITY]], whole [0, 2, 3],
    |p| Truncated::new(Binomial::new(p[0], p[1]), p[2], p[3]), points [p[2]],
    |x| {
        let pmf = |k: u64| peer::Binomial::new(p[1], p[0] as u64).unwrap().pmf(k);
        pmf(x as u64).ln() - (p[2] as u64..=p[3].min(p[0]) as u64).map(pmf).sum::<f64>().ln()
    });
    family!(c, "Truncated(NegativeBinomial)", generic, [[12.0, 3.0, 1.0, INFINITY], [1.5, 0.3, 0.0, 6.0]], whole [2, 3],
    |p| Truncated::new(NegativeBinomial::new(p[0], p[1]), p[2], p[3]), points [p[2]],
    |x| {
        let pmf = |k: u64| peer::NegativeBinomial::new(p[1], p[1] / (p[0] + p[1])).unwrap().pmf(k);
        pmf(x as u64).ln() - (p[2] as u64..=p[3].min(400.0) as u64).map(pmf).sum::<f64>().ln()
    });
    family!(c, "Censored(Poisson)", none, [[4.2, 1.0, 8.0], [30.0, 0.0, 25.0], [3.0, NEG_INFINITY, 5.0], [3.0, 2.0, INFINITY]], whole [1, 2],
    |p| Censored::new(Poisson::new(p[0]), p[1], p[2]), points [p[1].max(0.0), p[2].min(50.0)],
    |x| {
        let sum = |first: u64, last: u64| (first..=last).map(|k| peer::Poisson::new(p[0]).unwrap().pmf(k)).sum::<f64>().ln();
        let k = x as u64;
        if x == p[1] { sum(0, k) } else if x == p[2] { sum(k, 300) } else { sum(k, k) }
    });
    family!(c, "Censored(Binomial)", none, [[20.0, 0.05, 1.0, 7.0], [30.0, 0.6, 15.0, INFINITY]], whole [0, 2, 3],
    |p| Censored::new(Binomial::new(p[0], p[1]), p[2], p[3]), points [p[2], p[3].min(p[0])],
    |x| {
        let pmf = |k: u64| peer::Binomial::new(p[1], p[0] as u64).unwrap().pmf(k);
        let sum = |first: u64, last: u64| (first..=last).map(pmf).sum::<f64>().ln();
        let (k, n) = (x as u64, p[0] as u64);
        if x == p[2] { sum(0, k) } else if x == p[3] { sum(k, n) } else { sum(k, k) }
    });
    c.extend(grouped::cases());
    c.extend(skellam::cases());
    c
}
