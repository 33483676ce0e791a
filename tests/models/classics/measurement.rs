//! What is measured with errors, on scales without units, or not at all.

use hierarch::prelude::*;

use super::exact::{all_known, grid, normal, over_normal, sample, sample_closely, under_normal};

model! {
    /// Rates of divorce by ages at marriage, both with errors that are known.
    pub Divorce {
        global a ~ Normal(0, 0.5);
        global b ~ Normal(0, 1);
        global sigma ~ Exponential(1);
        plate states(1..=50) {
            given age_error: f64;
            given divorce_error: f64;
            local age ~ Normal(0, 1);
            local z ~ Normal(0, 1);
            let divorce = a + b * age + sigma * z;
            observe age_seen ~ Normal(age, age_error);
            observe divorce_seen ~ Normal(divorce, divorce_error);
        }
    }
}

/// What is seen of a state is normal in two dimensions.
#[test]
fn divorce() {
    let (age, divorce) = ([-1.2, 0.3, 0.9, -0.4, 1.7, -0.8], [1.6, 0.2, -0.7, 0.1, -1.1, 0.4]);
    let (age_error, divorce_error) = ([0.3, 0.2, 0.5, 0.4, 0.2, 0.3], [0.5, 0.3, 0.4, 0.2, 0.6, 0.3]);
    let over = grid([(-2.0, 2.0), (-4.0, 3.0), (0.0, 4.0)], 70, |[a, b, sigma]| {
        let row = |i: usize| {
            let variance = 1.0 + age_error[i] * age_error[i];
            let left = sigma * sigma + divorce_error[i] * divorce_error[i] + b * b * (1.0 - 1.0 / variance);
            normal(age[i], 0.0, variance.sqrt()) + normal(divorce[i], a + b * age[i] / variance, left.sqrt())
        };
        normal(a, 0.0, 0.5) + normal(b, 0.0, 1.0) - sigma + (0..6).map(row).sum::<f64>()
    });
    let states = DivorceStates {
        age_error: age_error.to_vec(),
        divorce_error: divorce_error.to_vec(),
        age_seen: age.to_vec(),
        divorce_seen: divorce.to_vec(),
    };
    all_known(&sample_closely::<Divorce>(&DivorceData { states }), &["a", "b", "sigma"], &over.axes());
}

model! {
    /// A covariate that is missing in some rows, which are a plate of their own.
    pub Missing {
        param sigma: f64 = 0.5;
        global m ~ Normal(0, 1);
        global a ~ Normal(0, 1);
        global b ~ Normal(0, 1);
        plate whole(1..=50) {
            observe x ~ Normal(m, 1);
            observe y ~ Normal(a + b * x, sigma);
        }
        plate holed(1..=50) {
            local x_unseen ~ Normal(m, 1);
            observe y_alone ~ Normal(a + b * x_unseen, sigma);
        }
    }
}

model! {
    /// The same in one plate, where `x` is anything in the rows that lack it.
    pub MissingInPlace {
        param sigma: f64 = 0.5;
        global m ~ Normal(0, 1);
        global a ~ Normal(0, 1);
        global b ~ Normal(0, 1);
        plate rows(1..=50) {
            given x: f64;
            given seen: bool;
            local unseen ~ Normal(m, 1);
            let at = if seen { x } else { unseen };
            factor if seen { -0.5 * (x - m).square() } else { 0.0 };
            observe y ~ Normal(a + b * at, sigma);
        }
    }
}

#[test]
fn missing_covariates() {
    let (x, y) = ([-0.3, 1.2, 0.4, 2.0, 0.9], [0.2, 1.9, 0.6, 2.2, 1.7]);
    let alone = [0.1, 1.4, 3.0];
    let over = grid([(-1.5, 2.5), (-2.0, 2.0), (-2.0, 3.0)], 60, |[m, a, b]| {
        let prior = normal(m, 0.0, 1.0) + normal(a, 0.0, 1.0) + normal(b, 0.0, 1.0);
        let wide = (0.25 + b * b).sqrt();
        prior
            + x.iter().zip(&y).map(|(x, y)| normal(*x, m, 1.0) + normal(*y, a + b * x, 0.5)).sum::<f64>()
            + alone.iter().map(|y| normal(*y, a + b * m, wide)).sum::<f64>()
    });
    let unseen = over.mixed(|[m, a, b]| {
        let precision = 1.0 + b * b / 0.25;
        ((m + b * (3.0 - a) / 0.25) / precision, precision.sqrt().recip())
    });
    let [m, a, b] = over.axes();
    let whole = MissingWhole { x: x.to_vec(), y: y.to_vec() };
    let data = MissingData { whole, holed: MissingHoled { y_alone: alone.to_vec() } };
    all_known(&sample::<Missing>(&data), &["m", "a", "b", "x_unseen[2]"], &[m, a, b, unseen]);

    let rows = MissingInPlaceRows {
        x: [&x[..], &[0.0; 3]].concat(),
        seen: (0..8).map(|i| i < 5).collect(),
        y: [&y[..], &alone].concat(),
    };
    let chains = sample::<MissingInPlace>(&MissingInPlaceData { rows });
    all_known(&chains, &["m", "a", "b", "at[7]"], &[m, a, b, unseen]);
}

model! {
    /// Answers of people to three questions: Rasch's item response.
    pub Items {
        global difficulty[3] ~ Normal(0, 1.5);
        plate people(1..=50) {
            local ability ~ Normal(0, 1);
            observe right[i in 0..3] ~ BernoulliLogit(ability - difficulty[i]);
        }
    }
}

#[test]
fn items() {
    let answers = [[1, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 0], [1, 0, 1], [1, 1, 0], [0, 1, 0]];
    let person = |answers: &[i32; 3], difficulty: &[f64; 3], z: f64| -> f64 {
        let log = |(right, difficulty): (&i32, &f64)| {
            let logit = z - difficulty;
            f64::from(*right) * logit - logit.exp().ln_1p()
        };
        answers.iter().zip(difficulty).map(log).sum()
    };
    let over = grid([(-6.0, 4.0), (-4.0, 5.0), (-3.0, 6.0)], 20, |difficulty| {
        let people = answers.iter().map(|right| over_normal(|z| person(right, &difficulty, z)));
        difficulty.iter().map(|d| normal(*d, 0.0, 1.5)).sum::<f64>() + people.sum::<f64>()
    });
    // Of an ability, which may be negative, by that of a number that is not.
    let ability = over.mixed(|difficulty| {
        let (mean, sd) = under_normal(|z| person(&answers[2], &difficulty, z), |z| z + 10.0);
        (mean - 10.0, sd)
    });
    let mut known = over.axes().to_vec();
    known.push(ability);
    let right = answers.map(|answers| answers.map(|right| right == 1)).to_vec();
    let chains = sample::<Items>(&ItemsData { people: ItemsPeople { right } });
    all_known(&chains, &["difficulty[0]", "difficulty[1]", "difficulty[2]", "ability[2]"], &known);
}

model! {
    /// Moral judgements of trolleys on a scale of four answers.
    pub Trolley {
        global cutpoints[3] ~ Ordered(Normal(0, 1.5));
        global of_contact ~ Normal(0, 0.5);
        plate stories(1..=100) {
            given contact: f64;
            observe answer ~ OrderedLogistic(of_contact * contact, cutpoints);
        }
    }
}

#[test]
fn trolley() {
    let contact: Vec<f64> = (0..16).map(|i| f64::from(i % 2)).collect();
    let answer = vec![0, 0, 2, 0, 1, 1, 3, 2, 2, 1, 3, 1, 1, 0, 3, 2];
    let over = grid([(-4.5, 2.5), (-3.0, 3.0), (-2.0, 5.0), (-2.5, 2.0)], 32, |[c0, c1, c2, b]| {
        if c0 >= c1 || c1 >= c2 {
            return f64::NEG_INFINITY;
        }
        // The four probabilities for each of the two contacts, and how often each was seen.
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let of = |x: f64| {
            let below = [c0, c1, c2].map(|c| sigmoid(c - b * x));
            [below[0], below[1] - below[0], below[2] - below[1], 1.0 - below[2]].map(f64::ln)
        };
        let logs = [of(0.0), of(1.0)];
        let rows = answer.iter().enumerate().map(|(i, k)| logs[i % 2][*k]);
        [c0, c1, c2].iter().map(|c| normal(*c, 0.0, 1.5)).sum::<f64>() + normal(b, 0.0, 0.5) + rows.sum::<f64>()
    });
    let stories = TrolleyStories { contact: contact.clone(), answer: answer.clone() };
    let names = ["cutpoints[0]", "cutpoints[1]", "cutpoints[2]", "of_contact"];
    all_known(&sample::<Trolley>(&TrolleyData { stories }), &names, &over.axes());
}
