//! Differences of two counts, which are whole numbers of either sign.

use hierarch::prelude::*;
use hierarch_tests::density::{check_gradient, check_score, check_statements};
use hierarch_tests::seed;

model! {
    /// Matches of teams, by the difference of goals, and how many more of them than chance says end in a draw.
    pub Goals {
        global home ~ Normal(0.2, 0.2);
        global sd ~ HalfNormal(0.5);
        global drawn ~ Beta(2.0, 8.0);
        plate teams(6) {
            local strength ~ Normal(0.0, sd);
        }
        plate matches(1..=40) {
            given host: index(teams);
            given guest: index(teams);
            let better = strength[host] - strength[guest];
            observe score: Option ~ Skellam(f64::exp(home + better), f64::exp(-better));
            observe other ~ ZeroInflated(drawn, Skellam(mu2 = 1.0, mu1 = f64::exp(home)));
        }
    }
}

#[test]
fn densities_of_differences_are_those_of_their_draws() {
    let model = Goals::default();
    check_gradient(&model, 10);
    check_score(&model, &[("matches", 30)], 2000);
    check_statements(&model);
}

#[test]
fn differences_are_whole_numbers_of_either_sign() {
    let (model, folder) = (Goals::default(), tempfile::tempdir().unwrap());
    let data = model.simulate(1).seed(seed(1)).one().unwrap().data;
    assert!(data.matches.other.iter().all(|x| x.fract() == 0.0) && data.matches.other.iter().any(|x| *x < 0.0));
    data.to_csv(folder.path()).unwrap();
    assert_eq!(GoalsData::from_csv(folder.path()).unwrap(), data);
    let text = serde_json::to_string(&data).unwrap();
    assert_eq!(serde_json::from_str::<GoalsData>(&text).unwrap(), data);
    let score = model.specification().plates[1].variables.iter().find(|v| v.name == "score").unwrap().clone();
    assert_eq!(
        (score.kind, score.parents),
        (hierarch::model::Kind::Real, vec!["home".to_owned(), "better".to_owned()])
    );

    let mut half = data.clone();
    half.matches.other[1] = 0.5;
    let error = model.nuts(&half).run().err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.starts_with("`other` of element 1 of the plate `matches` is 0.5, outside the support"), "{error}");
    assert!(error.ends_with("whole numbers"), "{error}");

    let chains = model.nuts(&data).draws(100).seed(seed(2)).run().unwrap();
    let predicted = Prediction::new(&model, &data).seed(seed(3)).from(&chains).unwrap();
    assert!(predicted.get("score[0]").unwrap().iter().all(|x| x.fract() == 0.0));
}
