//! Vectors that a `let` of one plate binds and another plate reads by an index, against the same vectors as two numbers.

use hierarch::model::{Density, log_density, unconstrain};
use hierarch::prelude::*;
use hierarch_tests::seed;

hierarch::model! {
    pub Together {
        global s ~ HalfNormal(1.0);
        global t ~ Normal(0.0, 1.0);
        plate subjects(1..=4) {
            local u ~ Normal(0.0, s);
            let both = [u, 2.0 * u + t];
            let scaled = both.map(|x| 0.5 * x);
        }
        plate rows(1..=9) {
            given i: index(subjects);
            given k ~ Categorical([0.5, 0.5]);
            observe y ~ Normal(both[i][k], 1.0);
            observe z ~ Normal(scaled[i][1], (0.1 * both[i][0]).exp());
        }
    }
}

hierarch::model! {
    pub Apart {
        global s ~ HalfNormal(1.0);
        global t ~ Normal(0.0, 1.0);
        plate subjects(1..=4) {
            local u ~ Normal(0.0, s);
            let second = 2.0 * u + t;
        }
        plate rows(1..=9) {
            given i: index(subjects);
            given k ~ Categorical([0.5, 0.5]);
            observe y ~ Normal(if k == 1 { second[i] } else { u[i] }, 1.0);
            observe z ~ Normal(0.5 * second[i], (0.1 * u[i]).exp());
        }
    }
}

#[test]
fn a_vector_of_a_let_is_read_by_another_plate() {
    let (together, apart) = (Together::default(), Apart::default());
    let simulation = together.simulate(1).seed(seed(1)).run().unwrap().remove(0);
    let (globals, locals, data) = (&simulation.globals, &simulation.locals, &simulation.data);
    let rows = data.rows.clone();
    let other = ApartData {
        subjects: ApartSubjects { size: data.subjects.size },
        rows: ApartRows { i: rows.i, k: rows.k, y: rows.y, z: rows.z },
    };
    let q = unconstrain(&together, globals, Some((locals, data)));
    let of = |density: &mut dyn FnMut(&mut [f64]) -> f64| {
        let mut gradient = vec![0.0; q.len()];
        (density(&mut gradient), gradient)
    };
    let (value, gradient) = of(&mut |g| Density::new(&together, data).unwrap().gradient(&q, g));
    let (wanted, slopes) = of(&mut |g| Density::new(&apart, &other).unwrap().gradient(&q, g));
    assert!((value - wanted).abs() < 1e-10, "{value} {wanted}");
    for (a, b) in gradient.iter().zip(&slopes) {
        assert!((a - b).abs() < 1e-10, "{gradient:?} {slopes:?}");
    }
    let known = log_density(&together, globals, locals, data).unwrap();
    let same = log_density(
        &apart,
        &ApartGlobals { s: globals.s, t: globals.t },
        &ApartLocals { subjects: ApartSubjectsLocals { u: locals.subjects.u.clone() }, rows: Default::default() },
        &other,
    );
    assert!((known - same.unwrap()).abs() < 1e-10);
    // Half of the second number is the mean of `z`.
    let chains = together.nuts(data).warmup(50).draws(20).chains(1).seed(3).run().unwrap();
    let draws = chains.as_draws();
    let (both, scaled) = (draws.get("both[0][1]").unwrap(), draws.get("scaled[0][1]").unwrap());
    assert!(both.iter().zip(scaled).all(|(b, s)| (0.5 * b - s).abs() < 1e-12));
}
