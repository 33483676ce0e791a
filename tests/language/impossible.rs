//! Data that no parameters make possible: what the check of the data and the samplers say of them.

use hierarch::model::Density;
use hierarch::prelude::*;
use hierarch::sampling::ProfileLikelihood;

hierarch::model! {
    pub Shares {
        global a ~ Gamma(4.0, 1.0);
        plate rows(1..=5) {
            observe p[3] ~ Dirichlet([a, 1.0, 1.0]);
        }
    }
}

hierarch::model! {
    pub Counted {
        global q[3] ~ Dirichlet([1.0, 1.0, 1.0]);
        plate rows(1..=5) {
            observe k[3]: u64 ~ Multinomial(10.0, q);
        }
    }
}

hierarch::model! {
    pub Exposed {
        global rate ~ Gamma(2.0, 1.0);
        plate rows(1..=5) {
            given exposure: f64;
            observe n ~ Poisson(exposure * rate);
        }
    }
}

hierarch::model! {
    pub Surveyed {
        global mu ~ Normal(0.0, 1.0);
        plate rows(1..=5) {
            given weight: f64;
            observe y ~ Weighted(Normal(mu, 1.0), weight);
        }
    }
}

hierarch::model! {
    pub Bounded {
        global mu ~ Normal(0.0, 1.0);
        plate rows(1..=5) {
            local c ~ Bernoulli(0.5);
            observe y ~ Normal(mu, if c { -1.0 } else { mu - mu });
        }
    }
}

fn said<M: Likelihood + Sync>(model: &M, data: &M::Data) -> String
where
    M::Data: Sync,
{
    model.nuts(data).chains(1).draws(10).run().err().map_or("no error".to_owned(), |error| error.to_string())
}

fn shares(p: Vec<[f64; 3]>) -> SharesData {
    SharesData { rows: SharesRows { p } }
}

/// Parts that are rounded to six decimals are off by one in the last one of their sum.
#[test]
fn rounded_shares_are_data() {
    let rounded = [[0.2, 0.3, 0.499_999_9], [0.333_333, 0.333_333, 0.333_333], [0.166_667, 0.166_667, 0.666_667]];
    for p in rounded {
        let data = shares(vec![p]);
        let density = |data| Density::new(&Shares::default(), data).unwrap().gradient(&[0.3], &mut [0.0]);
        let sum: f64 = p.iter().sum();
        let (found, exact) = (density(&data), density(&shares(vec![p.map(|x| x / sum)])));
        assert!((found - exact).abs() < 1e-11, "{found} {exact}");
    }
    let off = said(&Shares::default(), &shares(vec![[0.2, 0.3, 0.5], [0.25, 0.25, 0.25]]));
    let wanted = "the sum of `p` of element 1 of the plate `rows` is 0.75, outside the support of its distribution: positive \
                  numbers whose sum is 1";
    assert_eq!(off, wanted);
}

#[test]
fn what_is_impossible_as_a_whole_is_said_of_the_data() {
    let zero = said(&Shares::default(), &shares(vec![[0.2, 0.3, 0.5], [0.0, 0.4, 0.6]]));
    assert!(zero.starts_with("the smallest part of `p` of element 1 of the plate `rows` is 0, outside"), "{zero}");
    let data = CountedData { rows: CountedRows { k: vec![[3, 3, 4], [3, 4, 2]] } };
    let short = "the sum of `k` of element 1 of the plate `rows` is 9, outside the support of its distribution: whole numbers whose \
                 sum is 10";
    assert_eq!(said(&Counted::default(), &data), short);
    assert_eq!(Density::new(&Counted::default(), &data).err().map(|e| e.to_string()).as_deref(), Some(short));
}

#[test]
fn a_sampler_that_cannot_start_names_the_parameter() {
    let exposed = ExposedData { rows: ExposedRows { exposure: vec![1.0, -2.0], n: vec![3, 4] } };
    let said_of = said(&Exposed::default(), &exposed);
    assert!(
        said_of.contains("`n` of element 1 of the plate `rows`, which is 4, under `Poisson(exposure * rate)` is"),
        "{said_of}"
    );
    assert!(said_of.contains("Poisson: the rate is -"), "{said_of}");
    let most =
        ProfileLikelihood::new(&Exposed::default(), ["rate"]).unwrap().maximum(&exposed).unwrap_err().to_string();
    assert!(most.contains("Poisson: the rate is -"), "{most}");

    let data = SurveyedData { rows: SurveyedRows { weight: vec![1.0, 2.0, -3.0], y: vec![0.1, 0.2, 0.3] } };
    let said_of = said(&Surveyed::default(), &data);
    assert!(said_of.contains("`y` of element 2 of the plate `rows`, which is 0.3,"), "{said_of}");
    assert!(said_of.contains("Weighted: the weight is -3.0, but must be zero or more"), "{said_of}");

    // Each value of what is summed out is impossible.
    let data = BoundedData { rows: BoundedRows { y: vec![0.5] } };
    let said_of = said(&Bounded::default(), &data);
    assert!(said_of.contains("`y` of element 0 of the plate `rows`, which is 0.5,"), "{said_of}");
    assert!(said_of.contains("Normal: the standard deviation is"), "{said_of}");
}

hierarch::model! {
    pub Steep {
        global slope ~ Normal(5.0, 0.1);
        plate rows(1..=5) {
            given x: f64;
            observe hit ~ Bernoulli(1.0 / (1.0 + (-slope * x).exp()));
        }
    }
}

#[test]
fn a_sampler_that_has_no_gradient_says_so() {
    // The probability is zero and that of what was observed one, but the exponential is infinite.
    let data = SteepData { rows: SteepRows { x: vec![1e6, -1e6], hit: vec![true, false] } };
    let said_of = said(&Steep::default(), &data);
    assert!(said_of.contains("finite, but its gradient was not") && said_of.contains("`x.sigmoid()`"), "{said_of}");
}
