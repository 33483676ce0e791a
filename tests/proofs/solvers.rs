//! Differential equations, roots and integrals in models. The solvers alone are tested in `core/`.

use hierarch::model::Density;
use hierarch::prelude::*;
use hierarch_tests::density::{check_gradient, check_gradient_at, check_jacobian, check_score};
use hierarch_tests::{seed, within};

/// Tight, since the tests take differences.
fn tight() -> Tolerance {
    Tolerance::default().relative(1e-12).absolute(1e-12)
}

fn decay<T: Real>(_: T, [y]: [T; 1], rate: T) -> [T; 1] {
    [-rate * y]
}

/// A drug that is taken at time zero and eliminated at a rate that saturates.
fn drug<T: Real>(t: T, [c]: [T; 1], (k, most, half): (T, T, T)) -> [T; 1] {
    [(-k * t).exp() * k - most * c / (half + c)]
}

hierarch::model! {
    /// One solution for each element, with rates of its group.
    pub Patients {
        global k ~ LogNormal(0, 0.5);
        global mean ~ Normal(0, 0.5);
        global sd ~ HalfNormal(1);
        plate patients(1..=8) {
            local most ~ LogNormal(mean, 0.3);
            given dose ~ Uniform(0.5, 2);
            plate visits(1..=5) {
                given t ~ Uniform(0.1, 10);
                let [[c]] = ode(drug, [dose], [t], (k, most, 1.0), tight());
                observe y ~ LogNormal(c.ln(), sd);
            }
        }
    }
}

hierarch::model! {
    /// Closures, whole numbers, times of the params and a start of its own; a solver in an argument.
    pub Closures {
        param times: Vec<f64> = vec![0.5, 1.0, 2.0];
        param start: f64 = 0.25;
        global rate ~ LogNormal(0, 0.5);
        global a ~ Uniform(0, 2);
        let path = ode_stiff(|t, [y], k| [-k * (2 * y - t.cos())], (start, [1]), times, rate, tight());
        let x = root(|x| x * x + a * x - 2, 0, 10);
        let area = integral(|u| (-a * 2 * u).exp(), 0, x);
        let tail = integral(|u| (-rate * u * u).exp(), x, f64::INFINITY);
        plate rows(1..=30) {
            given k ~ Categorical([1.0 / 3.0; 3]);
            given u ~ Uniform(0.5, 2);
            let own = integral(|v| (-v * rate * u).exp(), 0, u);
            observe y ~ Normal(2 * path[k][0] + x + area + tail, 0.5 + own);
            observe z ~ Normal(root(|v| v.exp() - u * a - 1, -1, 4), 1);
        }
    }
}

hierarch::model! {
    /// What is summed out decides on the equation.
    pub Mixed {
        global rate[2] ~ HalfNormal(1);
        plate rows(1..=30) {
            given t ~ Uniform(0.1, 3);
            local fast ~ Bernoulli(0.4);
            let y = ode(decay, [1], [t, 2 * t], if fast { rate[0] } else { rate[1] }, tight());
            observe x ~ Normal(y[1][0], 0.1);
        }
    }
}

hierarch::model! {
    /// The solution of another plate's element, read by an index.
    pub Crossed {
        global mean ~ Normal(0, 0.5);
        plate batches(1..=20) {
            local rate ~ LogNormal(mean, 0.3);
            let [[left]] = ode(decay, [1], [2], rate, tight());
        }
        plate rows(1..=100) {
            given batch: index(batches);
            observe y ~ Normal(left[batch], 0.1);
        }
    }
}

#[test]
fn densities_with_solvers_are_those_of_their_simulations() {
    check_gradient(&Patients::default(), 3);
    check_jacobian(&Patients::default());
    check_score(&Patients::default(), &[("patients", 4), ("visits", 3)], 700);
    check_gradient(&Closures::default(), 5);
    check_jacobian(&Closures::default());
    check_score(&Closures::default(), &[("rows", 10)], 700);
    check_gradient(&Mixed::default(), 5);
    check_score(&Mixed::default(), &[("rows", 10)], 700);
}

#[test]
fn a_solution_is_read_by_an_index() {
    let rows = CrossedRows { batch: vec![0, 2, 1, 2, 2, 0], y: vec![0.1, 0.2, 0.0, 0.3, 0.1, 0.2] };
    let data = CrossedData { rows, batches: CrossedBatches { size: 3 } };
    check_gradient_at(&Crossed::default(), &data, &[0.1, -0.3, 0.2, 0.4]);
}

/// With a rate that is the same for all, y is normal with the mean e^(-rate t): the posterior of a closed form.
#[test]
fn a_solution_and_its_closed_form_have_one_density() {
    hierarch::model! {
        pub Solved {
            global rate ~ HalfNormal(1);
            plate rows(1..=10) {
                given t: f64;
                observe x ~ Normal(ode(decay, [3], [t], rate, tight())[0][0], 0.1);
            }
        }
    }
    hierarch::model! {
        pub Closed {
            global rate ~ HalfNormal(1);
            plate rows(1..=10) {
                given t: f64;
                observe x ~ Normal(3 * (-rate * t).exp(), 0.1);
            }
        }
    }
    let (t, x) = (vec![0.0, 1.0, 2.5, -0.5, 7.0], vec![3.1, 2.0, 0.9, 3.5, 0.1]);
    let solved = SolvedData { rows: SolvedRows { t: t.clone(), x: x.clone() } };
    let closed = ClosedData { rows: ClosedRows { t, x } };
    for q in [-2.0, -0.7, 0.3] {
        let ([mut a], [mut b]) = ([0.0], [0.0]);
        let left = Density::new(&Solved::default(), &solved).unwrap().gradient(&[q], std::slice::from_mut(&mut a));
        let right = Density::new(&Closed::default(), &closed).unwrap().gradient(&[q], std::slice::from_mut(&mut b));
        within!((left - right).abs(), 1e-8 * right.abs().max(1.0), "{left}, not {right}");
        within!((a - b).abs(), 1e-8 * b.abs().max(1.0), "{a}, not {b}");
    }
}

#[test]
fn predictions_solve_at_other_times() {
    let model = Mixed::default();
    let data = model.simulate(1).size(Mixed::ROWS, 30).seed(seed(1)).one().unwrap().data;
    let chains = model.nuts(&data).warmup(200).draws(50).seed(seed(1)).run().unwrap();
    let later = MixedData { rows: MixedRows { t: vec![0.0, 50.0], x: vec![0.0; 2] } };
    let predicted = Prediction::new(&model, &later).from(&chains).unwrap();
    within!((predicted.mean("x[0]").unwrap() - 1.0).abs(), 0.1);
}

/// What has no solution is an error that says why.
#[test]
fn an_equation_without_a_solution_is_named() {
    fn blow_up<T: Real>(_: T, [y]: [T; 1], rate: T) -> [T; 1] {
        [rate * y * y]
    }
    hierarch::model! {
        pub Blows {
            global rate ~ Uniform(2, 3);
            let [[y]] = ode(blow_up, [1], [4], rate, Tolerance::default());
            observe x[3] ~ Normal(y, 1);
        }
    }
    let error = Blows::default().nuts(&BlowsData { x: [1.0; 3] }).run().map(|_| ()).unwrap_err().to_string();
    let why = "; `ode` gave up at time 0.";
    assert!(error.contains(why) && error.ends_with("the solution may be infinite there"), "{error}");
    assert!(error.contains("Normal: the mean is NaN, but must be finite"), "{error}");
    let error = Blows::default().simulate(1).run().map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("`x` cannot be drawn: Normal: the mean is NaN"), "{error}");
}
