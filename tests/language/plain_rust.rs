//! Models written as a user writes them who knows other tools and a little Rust: whole literals, casts, functions of `f64`, names in
//! capitals and words of Rust as names, matrices as params, and arrays that are read by position.

use hierarch::model::{DataError, Density, SimulateError, check};
use hierarch::prelude::*;

/// The log density of a normal number.
fn normal(x: f64, mean: f64, sd: f64) -> f64 {
    -0.5 * ((x - mean) / sd).powi(2) - sd.ln() - 0.5 * std::f64::consts::TAU.ln()
}

/// Asserts that the density of `data` is `expected` of its unconstrained numbers, and its gradient the slope of that.
fn assert_density<M: Likelihood>(model: &M, data: &M::Data, q: &[f64], expected: impl Fn(&[f64]) -> f64) {
    let mut density = Density::new(model, data).unwrap();
    let mut gradient = vec![0.0; q.len()];
    let value = density.gradient(q, &mut gradient);
    assert!((value - expected(q)).abs() < 1e-9 * value.abs().max(1.0), "{value}, not {}", expected(q));
    for i in 0..q.len() {
        let at = |d: f64| {
            let mut q = q.to_vec();
            q[i] += d;
            expected(&q)
        };
        let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
        assert!((gradient[i] - slope).abs() < 1e-5 * slope.abs().max(1.0), "{}, not {slope}", gradient[i]);
    }
}

fn assert_samples<M: Likelihood>(model: &M, data: &M::Data) {
    let chains = model.nuts(data).chains(2).warmup(200).draws(100).seed(1).run().unwrap();
    assert!(chains.summary().to_string().contains("mean"));
}

fn half<T: Real>(x: T) -> T {
    let mut sum = 0.25 * x + (1.0 - 0.75 * x) / 4.0 - 0.25;
    sum += 0.4375 * x;
    sum
}

model! {
    pub Whole {
        param n: u64 = 3;
        global m ~ Normal(0, 2);
        let x = 2 * m;
        let (a, b) = if m > 0 { (x, 1) } else { (0, 2 + x / 2) };
        let h = half(x);
        plate events(1..=40) {
            given k: u64;
            given c: usize;
            given late: bool;
            local w ~ Binomial(2, 0.25);
            let all = [m, 1].map(|v| 2 * v);
            let mean = k as f64 * m + c as f64 - n as f64 + 2 as f64 * late as f64 + w as f64 + all[1] + a - h;
            observe y ~ Normal(mean - 1 / 2, f64::max(f64::exp(b / 4), 1) + f64::from(n) * (1 - f64::sqrt(1)));
        }
    }
}

/// The sum over the values of `w`.
fn whole(m: f64, data: &WholeEvents) -> f64 {
    let x = 2.0 * m;
    let (a, b) = if m > 0.0 { (x, 1.0) } else { (0.0, 2.0 + x / 2.0) };
    let element = |i: usize| {
        let late = if data.late[i] { 1.0 } else { 0.0 };
        let mean = |w: f64| data.k[i] as f64 * m + data.c[i] as f64 - 3.0 + 2.0 * late + w + 2.0 + a - 0.5 * x - 0.5;
        let p = [0.5625, 0.375, 0.0625];
        let term = |w: usize| p[w] * normal(data.y[i], mean(w as f64), (b / 4.0_f64).exp().max(1.0)).exp();
        (0..3).map(term).sum::<f64>().ln()
    };
    normal(m, 0.0, 2.0) + (0..data.y.len()).map(element).sum::<f64>()
}

#[test]
fn whole_literals_casts_and_functions_of_numbers() {
    let model = Whole::default();
    let events = WholeEvents {
        k: vec![0, 1, 2, 3, 1],
        c: vec![1, 0, 4, 2, 2],
        late: vec![true, false, true, false, false],
        y: vec![0.5, 1.0, 7.0, 3.0, 0.1],
    };
    let data = WholeData { events };
    for m in [0.7, -0.4] {
        assert_density(&model, &data, &[m], |q| whole(q[0], &data.events));
    }
    assert_samples(&model, &data);
    // Simulations run on the same words.
    let globals = WholeGlobals { m: 0.7 };
    let sets = model.simulate(400).at(&globals).same_design_as(&data).seed(3).run().unwrap();
    let mean = sets.iter().map(|s| s.data.events.y[2]).sum::<f64>() / 400.0;
    // k m + c - n + 2 + E[w] + 2 + a - x / 2 - 1/2
    let expected = 2.0 * 0.7 + 4.0 - 3.0 + 2.0 + 0.5 + 2.0 + 1.4 - 0.7 - 0.5;
    assert!((mean - expected).abs() < 0.4, "{mean}, not {expected}");
}

model! {
    pub Capitals {
        param SCALE: f64 = 2.0;
        param N: usize = 3;
        global A ~ Normal(0.0, 1.0);
        global R0 ~ HalfNormal(1.0);
        let B = A * R0;
        plate Events(N) {
            given T: f64;
            local Z ~ Normal(B, 1.0);
            let (MU, SD) = (Z * T + A, SCALE * R0);
            observe Y ~ Normal(MU, SD);
        }
    }
}

#[test]
fn names_in_capitals() {
    let model = Capitals::default();
    let data = CapitalsData { Events: CapitalsEvents { T: vec![0.5, 1.0, -2.0], Y: vec![0.3, -0.2, 1.5] } };
    let events = &data.Events;
    assert_density(&model, &data, &[0.4, -0.3, 0.1, 0.2, 0.3], |q| {
        let (a, log_r) = (q[0], q[1]);
        let r = log_r.exp();
        let prior = normal(a, 0.0, 1.0) + normal(r, 0.0, 1.0) + std::f64::consts::LN_2 + log_r;
        let element =
            |i: usize| normal(q[2 + i], a * r, 1.0) + normal(events.Y[i], q[2 + i] * events.T[i] + a, 2.0 * r);
        prior + (0..3).map(element).sum::<f64>()
    });
    assert_samples(&model, &data);
    let set = model.simulate(1).same_design_as(&data).size(Capitals::EVENTS, 3).seed(1).one().unwrap();
    assert_eq!((set.data.Events.T, set.globals.R0 > 0.0), (vec![0.5, 1.0, -2.0], true));
    assert_eq!(model.specification().variables[0].name, "A");
}

model! {
    pub Words {
        param r#in: f64 = 0.5;
        global r#type ~ Normal(0.0, 1.0);
        let r#fn = r#type * 2.0;
        plate r#loop(2) {
            given r#use: bool;
            local r#mod ~ Normal(r#fn, r#in);
            observe r#match ~ Normal(if r#use { r#type } else { r#mod }, 1.0);
        }
        plate readers(1..=5) {
            given r#for: index(r#loop);
            observe z ~ Normal(r#mod[r#for], 1.0);
        }
    }
}

#[test]
fn words_of_rust_as_names() {
    let model = Words::default();
    let data = WordsData {
        r#loop: WordsLoop { r#use: vec![true, false], r#match: vec![0.1, 0.7] },
        readers: WordsReaders { r#for: vec![1, 0, 1], z: vec![0.2, 0.4, -1.0] },
    };
    assert_density(&model, &data, &[0.3, 0.8, -0.4], |q| {
        let locals = &q[1..];
        let mut sum = normal(q[0], 0.0, 1.0) + normal(0.1, q[0], 1.0) + normal(0.7, locals[1], 1.0);
        sum += locals.iter().map(|x| normal(*x, 2.0 * q[0], 0.5)).sum::<f64>();
        sum + normal(0.2, locals[1], 1.0) + normal(0.4, locals[0], 1.0) + normal(-1.0, locals[1], 1.0)
    });
    assert_samples(&model, &data);
    let chains = model.nuts(&data).chains(2).warmup(100).draws(50).seed(1).run().unwrap();
    assert!(chains.mean("type").unwrap().is_finite());
    let text = serde_json::to_string(&data).unwrap();
    assert!(text.contains(r#""match":[0.1,0.7]"#), "{text}");
    let folder = tempfile::tempdir().unwrap();
    data.to_csv(folder.path().join("words")).unwrap();
    assert_eq!(WordsData::from_csv(folder.path().join("words")).unwrap(), data);
    let globals = WordsGlobals { r#type: 1.0 };
    let set = model.simulate(1).at(&globals).same_design_as(&data).seed(1).one().unwrap();
    assert_eq!(set.data.r#loop.r#use, [true, false]);
    let names = [&model.specification().variables[0].name, &model.specification().plates[0].name].map(String::clone);
    assert_eq!(names, ["type", "loop"]);
}

model! {
    pub Matrices {
        param effect: [[f64; 2]; 3] = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
        param cov: [[f64; 2]; 2] = [[1.0, 0.5], [0.5, 2.0]];
        param table: Vec<Vec<f64>> = vec![vec![0.5, 0.0], vec![0.25, 2.0], vec![1.0, 1.0]];
        param rows: Vec<[f64; 2]> = vec![[1.0, 2.0], [3.0, 4.0]];
        global m[2] ~ MvNormal(rows[0], cov);
        let first = effect[0];
        plate events(1..=10) {
            given k: usize;
            let slope = effect[k][1] + table[k][0] * m[1];
            observe y ~ Normal(m[0] * slope + first[1] + 2 * table[1][k - k], effect[k][0]);
            observe z[2] ~ MvNormal(m, cov);
        }
    }
}

#[test]
fn matrices_as_params() {
    let model = Matrices::default();
    let events =
        MatricesEvents { k: vec![2, 0, 1], y: vec![0.5, 1.0, 2.0], z: vec![[0.1, 0.2], [1.0, -0.5], [0.3, 0.3]] };
    let data = MatricesData { events };
    let events = &data.events;
    let two = |x: [f64; 2], mean: [f64; 2]| {
        // The inverse of [[1, 0.5], [0.5, 2]] is [[2, -0.5], [-0.5, 1]] / 1.75.
        let (a, b) = (x[0] - mean[0], x[1] - mean[1]);
        -0.5 * (2.0 * a * a - a * b + b * b) / 1.75 - 0.5 * 1.75_f64.ln() - std::f64::consts::TAU.ln()
    };
    assert_density(&model, &data, &[0.4, 0.3], |q| {
        let m = [q[0], q[1]];
        let element = |i: usize| {
            let (k, effect) = (events.k[i], &model.effect);
            let slope = effect[k][1] + model.table[k][0] * m[1];
            normal(events.y[i], m[0] * slope + 2.0 + 0.5, effect[k][0]) + two(events.z[i], m)
        };
        two(m, [1.0, 2.0]) + (0..3).map(element).sum::<f64>()
    });
    assert_samples(&model, &data);
    let set = model.simulate(1).same_design_as(&data).seed(1).one().unwrap();
    assert!(set.data.events.y.iter().all(|y| y.is_finite()));
}

model! {
    pub Loadings {
        param load: [[f64; 2]; 3] = [[1.0, 0.5], [0.0, 2.0], [-1.0, 0.25]];
        param factor: [[f64; 2]; 2] = [[1.0, 0.0], [0.6, 0.8]];
        global tau[2] ~ HalfNormal(1.0);
        global f[2] ~ MvNormalCholesky([0.0, 0.0], diag(tau) * factor);
        let mean = matvec(load, f);
        plate events(1..=10) {
            given k: usize;
            observe y ~ Normal(mean[k] + dot(load[k], f).exp(), 1.0);
        }
    }
}

model! {
    pub LoadingsOfAnyLength {
        size K;
        param load: Vec<Vec<f64>>;
        param factor: Vec<Vec<f64>>;
        param concentration: Vec<Vec<f64>>;
        global tau[K] ~ HalfNormal(1.0);
        global f[K] ~ MvNormalCholesky([0.0; K], diag(tau) * factor);
        global share[K] ~ Dirichlet(concentration[1]);
        let mean = matvec(load, f);
        plate events(1..=10) {
            given k: usize;
            observe y ~ Normal(mean[k] + dot(load[k], f).exp(), 1.0);
        }
    }
}

#[test]
fn matrices_of_the_params_in_products() {
    let (model, k, y) = (Loadings::default(), vec![2, 0, 1], vec![0.5, 1.0, 2.0]);
    let density = |q: &[f64]| {
        let (tau, f) = ([q[0].exp(), q[1].exp()], [q[2], q[3]]);
        // The inverse of the factor, of [[1, 0], [0.6, 0.8]].
        let z = [f[0] / tau[0], (f[1] / tau[1] - 0.6 * f[0] / tau[0]) / 0.8];
        let of_tau = |t: f64| normal(t, 0.0, 1.0) + 2.0_f64.ln() + t.ln();
        let prior = of_tau(tau[0]) + of_tau(tau[1]) + normal(z[0], 0.0, 1.0) + normal(z[1], 0.0, 1.0);
        let inner = |k: usize| model.load[k][0] * f[0] + model.load[k][1] * f[1];
        let elements = k.iter().zip(&y).map(|(&k, y)| normal(*y, inner(k) + inner(k).exp(), 1.0));
        prior - (tau[0] * tau[1] * 0.8).ln() + elements.sum::<f64>()
    };
    let q = [0.2, -0.3, 0.4, 0.3];
    let data = LoadingsData { events: LoadingsEvents { k: k.clone(), y: y.clone() } };
    assert_density(&model, &data, &q, density);

    let rows = |matrix: &[[f64; 2]]| matrix.iter().map(|row| row.to_vec()).collect::<Vec<_>>();
    let concentration = vec![vec![2.0, 3.0], vec![1.0, 1.0]];
    let mut open = LoadingsOfAnyLength { K: 2, load: rows(&model.load), factor: rows(&model.factor), concentration };
    let events = LoadingsOfAnyLengthEvents { k: k.clone(), y: y.clone() };
    let data = LoadingsOfAnyLengthData { events };
    // A uniform share of two, and the Jacobian of its map.
    let share = |q: f64| -q.exp().ln_1p() - (-q).exp().ln_1p();
    assert_density(&open, &data, &[q[0], q[1], q[2], q[3], 0.4], |q| density(q) + share(q[4]));
    assert!(open.simulate(1).same_design_as(&data).seed(1).one().is_ok());

    // A row of another length has no inner product with the unknowns.
    open.load[2].push(1.0);
    let value = Density::new(&open, &data).unwrap().gradient(&[0.1; 5], &mut [0.0; 5]);
    assert!(value.is_nan(), "{value}");
}

fn squared<T: Real>(x: T) -> T {
    x * x
}

model! {
    /// What a function returns is known as a number only by where it stands.
    pub Returned {
        global m ~ Normal(0, 2);
        let s = squared(m);
        plate events(1..=4) {
            let r = (1 + s).ln() + (2 * s / 3 + 1).powf(2);
            observe y ~ Normal(2 * s - 1 / 2 + r, 1 + s);
            factor 1 - 2 * s;
        }
    }
}

#[test]
fn whole_literals_beside_what_a_function_returns() {
    let y = vec![0.5, 1.0, -2.0];
    let data = ReturnedData { events: ReturnedEvents { y: y.clone() } };
    assert_density(&Returned::default(), &data, &[0.7], |q| {
        let s = q[0] * q[0];
        let mean = 2.0 * s - 0.5 + (1.0 + s).ln() + (2.0 * s / 3.0 + 1.0).powi(2);
        normal(q[0], 0.0, 2.0) + y.iter().map(|y| normal(*y, mean, 1.0 + s) + 1.0 - 2.0 * s).sum::<f64>()
    });
}

model! {
    pub Positions {
        param more: Vec<f64> = vec![1.0, 2.0, 3.0];
        global mu[3] ~ Normal(0.0, 1.0);
        let effect = [0.0, 1.0, mu[0]];
        plate subjects(4) { given age: f64; }
        plate events(1..=20) {
            given group: usize;
            given subject: index(subjects);
            let own = [1.0, 2.0, 3.0, 4.0];
            let unlike = if mu[1] > 0.0 { effect[group] } else { 1.0 };
            let chosen = [0, 1].map(|c| more[group + c - 1] * mu[2]);
            observe y ~ Normal(effect[group] + own[subject] + chosen[1] + unlike + mu[group], 1.0);
        }
    }
}

fn positions(group: Vec<usize>, subject: Vec<usize>) -> PositionsData {
    let y = vec![0.5; group.len()];
    PositionsData { subjects: PositionsSubjects { age: vec![0.0; 4] }, events: PositionsEvents { group, subject, y } }
}

#[test]
fn a_position_outside_of_an_array_is_an_error_of_the_data() {
    let model = Positions::default();
    let good = positions(vec![1, 2, 1], vec![0, 3, 1]);
    assert_density(&model, &good, &[0.3, 0.6, -0.2], |q| {
        let effect = [0.0, 1.0, q[0]];
        let element = |i: usize| {
            let (g, s) = (good.events.group[i], good.events.subject[i]);
            normal(0.5, effect[g] + (s + 1) as f64 + model.more[g] * q[2] + effect[g] + q[g], 1.0)
        };
        q.iter().map(|x| normal(*x, 0.0, 1.0)).sum::<f64>() + (0..3).map(element).sum::<f64>()
    });
    assert_samples(&model, &good);
    let parts =
        ["`group` of element 1 of the plate `events`", "`more[group + c - 1]`", "position 3 of `more`", "which has 3"];
    let bad = positions(vec![1, 3], vec![0, 1]);
    let all = [
        check(&model, &bad).unwrap_err().to_string(),
        Density::new(&model, &bad).err().unwrap().to_string(),
        model.nuts(&bad).run().err().unwrap().to_string(),
        model.simulate(1).same_design_as(&bad).one().err().unwrap().to_string(),
        model.simulate(1).covariates_from(&positions(vec![3], vec![0])).one().err().unwrap().to_string(),
    ];
    for error in all {
        assert!(parts[1..].iter().all(|part| error.contains(part)), "{error}");
    }
    assert!(matches!(check(&model, &bad), Err(DataError::Position { position: 3, size: 3, array: "more", .. })));
    assert!(check(&model, &bad).unwrap_err().to_string().contains(parts[0]));
    // Before the first.
    let error = check(&model, &positions(vec![2, 0], vec![0, 1])).unwrap_err();
    assert!(error.to_string().contains("position -1 of `more`, which has 3"), "{error}");
}

model! {
    pub Kinds {
        global mu[2] ~ Normal(0.0, 1.0);
        plate events(1..=20) {
            local kind ~ Categorical([0.2, 0.3, 0.5]);
            let means = [mu[0], mu[1]];
            observe y ~ Normal(means[kind], 1.0);
        }
    }
}

model! {
    pub Lengths {
        param means: Vec<f64> = vec![0.0, 1.0];
        global mu ~ Normal(0.0, 1.0);
        observe y[i in 0..3] ~ Normal(mu + means[i], 1.0);
    }
}

#[test]
fn so_is_one_by_a_discrete_local_and_by_the_position_in_a_vector() {
    let data = KindsData { events: KindsEvents { y: vec![0.1, 0.2] } };
    let errors = [
        check(&Kinds::default(), &data).unwrap_err().to_string(),
        Kinds::default().simulate(200).run().err().unwrap().to_string(),
    ];
    for error in errors {
        let parts =
            ["`kind` of element 0 of the plate `events`", "`means[kind]`", "position 2 of `means`, which has 2"];
        assert!(parts[1..].iter().all(|part| error.contains(part)), "{error}");
    }
    let data = LengthsData { y: [0.0; 3] };
    let error = check(&Lengths::default(), &data).unwrap_err();
    assert!(error.to_string().contains("`i` is out of range: `means[i]` reads position 2 of `means`"), "{error}");
    assert!(matches!(Lengths::default().simulate(1).one(), Err(SimulateError::Position(_))));
    let long = Lengths { means: vec![0.0, 1.0, 2.0] };
    assert!(check(&long, &data).is_ok() && long.simulate(1).one().is_ok());
}

fn path<T: Real>(phi: T, step: [T; 4]) -> [T; 4] {
    let mut at = T::from(0.0);
    step.map(|s| {
        at = phi * at + s;
        at
    })
}

// What the message about sequences says to write.
model! {
    pub Latent {
        global phi ~ Uniform(-1, 1);
        global step[4] ~ Normal(0, 1);
        let x = path(phi, step);
        plate seen(1..=9) {
            given t: usize;
            observe y ~ Normal(x[t], 0.5);
        }
    }
}

model! {
    pub Lagged {
        global phi ~ Uniform(-1, 1);
        plate times(1..=9) {
            given before: f64;
            observe x ~ Normal(phi * before, 1);
        }
    }
}

// What the message about discrete globals says to write.
model! {
    pub Once {
        global mu ~ Normal(0, 1);
        plate once(1) {
            local heads ~ Bernoulli(0.25);
            plate events(1..=9) {
                observe y ~ Normal(if heads { mu } else { 0 }, 1);
            }
        }
    }
}

// What the message about `ZeroInflatedPoisson` says to write, and how the zeros come about.
model! {
    pub Zeros {
        global rate ~ Exponential(1);
        plate events(1..=9) {
            observe y ~ ZeroInflated(0.25, Poisson(rate));
        }
    }
}

model! {
    pub ZerosByHand {
        global rate ~ Exponential(1);
        plate events(1..=9) {
            local zero ~ Bernoulli(0.25);
            observe y ~ Poisson(if zero { 0.0 } else { rate });
        }
    }
}

#[test]
fn what_messages_say_to_write_is_right() {
    let logit = |q: f64| {
        let u = 1.0 / (1.0 + (-q).exp());
        // Uniform(-1, 1): half the density, twice the slope.
        (2.0 * u - 1.0, (u * (1.0 - u)).ln())
    };
    let data = LatentData { seen: LatentSeen { t: vec![0, 2, 3], y: vec![0.1, 0.5, 1.0] } };
    let q = [0.3, 0.1, -0.2, 0.5, 0.7];
    assert_density(&Latent::default(), &data, &q, |q| {
        let (phi, term) = logit(q[0]);
        let x = path(phi, [q[1], q[2], q[3], q[4]]);
        let prior = term + q[1..].iter().map(|s| normal(*s, 0.0, 1.0)).sum::<f64>();
        prior + normal(0.1, x[0], 0.5) + normal(0.5, x[2], 0.5) + normal(1.0, x[3], 0.5)
    });
    let data = LaggedData { times: LaggedTimes { before: vec![0.0, 0.4], x: vec![0.4, 0.9] } };
    assert_density(&Lagged::default(), &data, &[0.3], |q| {
        let (phi, term) = logit(q[0]);
        term + normal(0.4, 0.0, 1.0) + normal(0.9, phi * 0.4, 1.0)
    });
    let y = vec![0.4, 0.9];
    let data = OnceData { once: OnceOnce { events: OnceEvents { offsets: vec![0, 2], y } } };
    assert_density(&Once::default(), &data, &[0.3], |q| {
        let of = |mean: f64| (normal(0.4, mean, 1.0) + normal(0.9, mean, 1.0)).exp();
        normal(q[0], 0.0, 1.0) + (0.25 * of(q[0]) + 0.75 * of(0.0)).ln()
    });
    let zeros = |q: &[f64]| {
        let rate = q[0].exp();
        let zero = 0.25 + 0.75 * (-rate).exp();
        q[0] - rate + zero.ln() + 0.75_f64.ln() + 2.0 * q[0] - rate - 2.0_f64.ln()
    };
    let data = ZerosData { events: ZerosEvents { y: vec![0, 2] } };
    assert_density(&Zeros::default(), &data, &[0.3], zeros);
    let data = ZerosByHandData { events: ZerosByHandEvents { y: vec![0, 2] } };
    assert_density(&ZerosByHand::default(), &data, &[0.3], zeros);
    assert!(Zeros::default().simulate(5).run().is_ok() && Once::default().simulate(5).run().is_ok());
}

/// A distribution of the user's own wins over what the library says of its name.
pub mod own {
    use hierarch::distributions::{Distribution, Draw, Support};
    use hierarch::prelude::*;
    use hierarch::rand::Rng;

    pub struct Halfway<T> {
        place: T,
    }

    impl<T: Real> Halfway<T> {
        pub fn new(place: T) -> Self {
            Self { place }
        }
    }

    impl<T: Real> Distribution<T> for Halfway<T> {
        type Value = T;
        fn support(&self) -> Support<T> {
            Support::Real
        }
        fn log_density(&self, x: T) -> T {
            let z = x - self.place;
            -z - (-z).exp()
        }
    }

    impl Draw for Halfway<f64> {
        fn draw<R: Rng + ?Sized>(&self, _: &mut R) -> f64 {
            self.place + 0.5
        }
    }
}

mod inside {
    use super::own::*;

    hierarch::model! {
        pub Peaks {
            global place ~ Normal(0.0, 1.0);
            plate years(1..=9) {
                observe flood ~ Halfway(place);
            }
        }
    }
}

#[test]
fn a_type_of_the_user_s_own_may_have_a_name_that_the_library_knows_of_elsewhere() {
    let data = inside::PeaksData { years: inside::PeaksYears { flood: vec![0.4] } };
    assert_density(&inside::Peaks::default(), &data, &[0.1], |q| {
        let z: f64 = 0.4 - q[0];
        normal(q[0], 0.0, 1.0) - z - (-z).exp()
    });
}

/// A model in a private module, of which not everything is used.
mod quiet {
    #![deny(dead_code)]

    hierarch::model! {
        pub Quiet {
            size K;
            global mu[K] ~ Normal(0.0, 1.0);
            plate groups(1..=3) {
                local u ~ Normal(0.0, 1.0);
                plate rows(1..=9) {
                    given x[K]: f64;
                    observe y ~ Normal(u + dot(x, mu), 1.0);
                }
            }
        }
    }
}

#[test]
fn what_is_not_used_of_a_model_is_no_warning() {
    assert_eq!(quiet::Quiet { K: 2 }.specification().plates.len(), 1);
}
