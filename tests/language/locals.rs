//! Local variables as columns, where their numbers are, and their maps to unconstrained numbers and back.

use hierarch::model::{Column, Frame, LocalSet, Values};
use hierarch::model::{
    LocalSlot, LocalValues, check_locals, constrain, global_slots, local_ranges, local_slots, log_density,
    log_jacobian_of_all, names, unconstrain,
};
use hierarch::prelude::*;
use hierarch::simulate::Stream;
use hierarch_tests::models::*;

fn render(radius: f64, count: f64, spots: LensesSpotsLocals, _: &mut Stream) -> [[f32; 3]; 2] {
    assert_eq!(spots.offsets, [0, spots.size.len()]);
    let size = spots.size.iter().sum::<f64>() as f32;
    [[radius as f32, count as f32, size], [0.0, 1.0, spots.size.len() as f32]]
}

fn star(flux: f64, tries: f64, tint: usize, _: &mut Stream) -> [f32; 2] {
    [flux as f32 + tries as f32, tint as f32]
}

model! {
    /// No likelihood: supports that depend on what is around them, discrete locals before continuous ones, simplices, a plate
    /// that is only simulated before one that is seen, and one in which nothing is latent.
    pub Lenses {
        param most: u64 = 4;
        global scale ~ HalfNormal(1.0);
        global top ~ Uniform(0.5, 2.0);
        global mix[3] ~ Dirichlet([2.0, 2.0, 2.0]);
        plate images(1..=5) {
            given blue: bool ~ Bernoulli(0.5);
            given looks: u64 ~ Poisson(3.0);
            local count ~ Poisson(3.0);
            local radius ~ Uniform(0.0, top);
            local edge ~ Uniform(radius, top + 1.0);
            local share[3] ~ Dirichlet([1.0, 2.0, 3.0]);
            local pair[2] ~ MvNormal([0.0, 1.0], [[1.0, 0.3], [0.3, 0.5]]);
            local seen ~ Binomial(looks as f64, 0.5);
            local either ~ if blue { Categorical([0.5, 0.5]) } else { Categorical([0.1, 0.9]) };
            local other ~ if blue { Categorical([0.5, 0.5]) } else { Categorical([0.2, 0.3, 0.5]) };
            plate spots(k ~ Poisson(2.0)) {
                local size ~ Pareto(1.0, 2.0);
            }
            observe image: [[f32; 3]; 2] ~ render(radius, count, spots);
            plate stars(0..=4) {
                local tries ~ Binomial(most as f64, 0.5);
                local flux ~ Uniform(0.0, edge * share[0]);
                local at[i in 0..2] ~ Uniform(-radius, scale + i as f64);
                local tint ~ Categorical([0.2, 0.3, 0.5]);
                local deep ~ LogNormal(if tries > 1.0 { 1.0 } else { 0.0 }, scale);
                observe pixel: [f32; 2] ~ star(flux, tries, tint);
            }
            plate frames(2) {
                observe dark: [f32; 2] ~ star(radius, count, other);
            }
        }
        plate controls(1..=3) {
            local on ~ Bernoulli(0.5);
            local level ~ Beta(2.0, 2.0);
            observe c ~ Normal(if on { level } else { 0.0 }, scale);
        }
    }
}

/// The frame holds what the struct holds, in the tree of the data's frame.
fn check_frame(locals: &Frame<'_>, data: &Frame<'_>, json: &serde_json::Value) {
    assert_eq!((locals.name, locals.plates.len()), (data.name, data.plates.len()));
    for column in &locals.columns {
        assert_eq!(column.values.len(), data.size * column.width);
        let mut numbers = Vec::new();
        flatten(&json[column.name], &mut numbers);
        assert_eq!(numbers, (0..column.values.len()).map(|i| column.values.get(i)).collect::<Vec<_>>());
    }
    for (locals, data) in locals.plates.iter().zip(&data.plates) {
        check_frame(locals, data, &json[locals.name]);
    }
}

fn flatten(json: &serde_json::Value, numbers: &mut Vec<f64>) {
    match json {
        serde_json::Value::Array(all) => all.iter().for_each(|one| flatten(one, numbers)),
        serde_json::Value::Bool(x) => numbers.push(f64::from(u8::from(*x))),
        other => numbers.push(other.as_f64().unwrap()),
    }
}

fn at<'a, 'b>(frame: &'a Frame<'b>, plate: &[usize]) -> &'a Frame<'b> {
    plate.iter().fold(frame, |frame, &i| &frame.plates[i])
}

fn at_mut<'a, 'b>(frame: &'a mut Frame<'b>, plate: &[usize]) -> &'a mut Frame<'b> {
    plate.iter().fold(frame, |frame, &i| &mut frame.plates[i])
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(1.0)
}

/// The logarithm of |det| by elimination with pivots.
fn log_determinant(mut rows: Vec<Vec<f64>>) -> f64 {
    let mut sum = 0.0;
    for k in 0..rows.len() {
        let pivot = (k..rows.len()).max_by(|&a, &b| rows[a][k].abs().total_cmp(&rows[b][k].abs())).unwrap();
        rows.swap(k, pivot);
        sum += rows[k][k].abs().ln();
        for i in k + 1..rows.len() {
            let factor = rows[i][k] / rows[k][k];
            let (above, below) = rows.split_at_mut(i);
            below[0].iter_mut().zip(&above[k]).for_each(|(x, y)| *x -= factor * y);
        }
    }
    sum
}

fn check_locals_of<M: Generative>(model: &M, plates: &[(&str, usize)], given: Option<&M::Data>) {
    let (globals, locals) = (global_slots(model), local_slots(model));
    let mut simulate = model.simulate(10).seed(5);
    for (plate, size) in plates {
        simulate = simulate.size(plate, *size);
    }
    if let Some(data) = given {
        simulate = simulate.covariates_from(data);
    }
    for s in &simulate.run().unwrap() {
        let (frame, data) = (s.locals.frame(), s.data.frame());
        check_frame(&frame, &data, &serde_json::to_value(&s.locals).unwrap());
        check_locals::<M>(&s.locals, &s.data).unwrap();
        assert_eq!(M::Locals::from_frame(frame.clone()).unwrap().frame(), frame);

        // Every column is described once.
        let mut columns = 0;
        count_columns(&frame, &mut columns);
        assert_eq!(locals.len(), columns);
        for local in &locals {
            let column = &at(&frame, &local.plate).columns[local.column];
            assert_eq!((column.name, column.width), (local.name.as_str(), local.width));
            let continuous = matches!(local.values, LocalValues::Continuous { .. });
            assert_eq!(matches!(column.values, Values::Real(_)), continuous);
            if let LocalValues::Discrete { categories: Some(k) } = local.values {
                assert!((0..column.values.len()).all(|i| column.values.get(i) < k as f64), "{local:?} {column:?}");
            }
        }

        // The positions agree with the names and the values, and tile the numbers.
        let q = unconstrain(model, &s.globals, Some((&s.locals, &s.data)));
        let (names, mut values) = (names(model, Some(&s.data)), Vec::new());
        constrain(model, Some(&s.data), &q, &mut values);
        assert_eq!((q.len(), names.len()), (model.dimension(&s.data), values.len()));
        let ranges = local_ranges(&globals, &locals, &data);
        let (mut free, mut value) = globals.last().map_or((0, 0), |g| (g.free.end, g.values.end));
        let mut rebuilt = frame.clone();
        for (local, range) in locals.iter().zip(&ranges) {
            let LocalValues::Continuous { free: numbers, .. } = local.values else {
                assert!(range.is_none());
                continue;
            };
            let range = range.as_ref().unwrap();
            assert_eq!((range.free.start, range.values.start), (free, value));
            assert_eq!(range.free.len(), numbers * range.elements);
            (free, value) = (range.free.end, range.values.end);
            let known = &at(&frame, &local.plate).columns[local.column];
            let mut column = vec![f64::NAN; known.values.len()];
            for i in 0..range.elements {
                for c in 0..local.width {
                    let place = range.values.start + c * range.elements + i;
                    let component = if local.width > 1 { format!("[{c}]") } else { String::new() };
                    assert_eq!(names[place], format!("{}[{i}]{component}", local.name));
                    column[i * local.width + c] = values[place];
                    let x = known.values.get(i * local.width + c);
                    assert!(near(values[place], x), "{}: {} {x}", names[place], values[place]);
                }
            }
            let of = &mut at_mut(&mut rebuilt, &local.plate).columns[local.column];
            of.values = Values::Real(column.into());
        }
        assert_eq!((free, value), (q.len(), values.len()));

        // A step of an unconstrained number moves the component and the element that the ranges say, of this local alone
        // those, and nothing that is declared before it.
        for (local, range) in locals.iter().zip(&ranges) {
            let (Some(range), LocalValues::Continuous { free: numbers, .. }) = (range, local.values) else { continue };
            for (c, i) in (0..numbers).flat_map(|c| (0..range.elements).map(move |i| (c, i))) {
                let mut moved = q.clone();
                moved[range.free.start + c * range.elements + i] += 0.1;
                let mut now = Vec::new();
                constrain(model, Some(&s.data), &moved, &mut now);
                let place = range.values.start + c * range.elements + i;
                assert!(now[place] != values[place], "{} does not move", names[place]);
                assert_eq!(now[..range.values.start], values[..range.values.start]);
                for other in range.values.clone().filter(|p| (p - range.values.start) % range.elements != i) {
                    assert_eq!(now[other], values[other], "{} moves with {}", names[other], names[place]);
                }
            }
        }

        // There and back.
        let rebuilt = M::Locals::from_frame(rebuilt).unwrap();
        let again = unconstrain(model, &s.globals, Some((&rebuilt, &s.data)));
        assert!(q.iter().zip(&again).all(|(a, b)| (a - b).abs() < 1e-6 * a.abs().max(1.0)), "{q:?} {again:?}");

        // The Jacobian by finite differences. The last component of a simplex is no number of its own.
        let mut own: Vec<usize> = Vec::new();
        globals.iter().for_each(|g| own.extend(g.values.clone().take(g.free.len())));
        ranges.iter().flatten().for_each(|r| own.extend(r.values.clone().take(r.free.len())));
        let columns: Vec<Vec<f64>> = (0..q.len())
            .map(|i| {
                let h = 1e-4;
                let at = |d: f64| {
                    let (mut q, mut values) = (q.clone(), Vec::new());
                    q[i] += d;
                    constrain(model, Some(&s.data), &q, &mut values);
                    values
                };
                let (above, below, far, back) = (at(h), at(-h), at(2.0 * h), at(-2.0 * h));
                own.iter().map(|&p| (8.0 * (above[p] - below[p]) - (far[p] - back[p])) / (12.0 * h)).collect()
            })
            .collect();
        let (numeric, exact) = (log_determinant(columns), log_jacobian_of_all(model, &s.data, &q));
        assert!((numeric - exact).abs() < 1e-6 * exact.abs().max(1.0), "{numeric} {exact}");
    }
}

fn count_columns(frame: &Frame<'_>, columns: &mut usize) {
    *columns += frame.columns.len();
    frame.plates.iter().for_each(|plate| count_columns(plate, columns));
}

macro_rules! models {
    ($($name:ident: $model:expr, $plates:expr $(, $given:expr)?;)*) => {$(
        #[test]
        fn $name() {
            let given = [$(&$given)?];
            check_locals_of(&$model, &$plates, given.first().copied());
        }
    )*};
}

models! {
    resonance: Resonance::default(), [("events", 20)];
    resonance_by_hand: ResonanceByHand::default(), [("events", 20)];
    eight_schools: EightSchools::default(), [("schools", 6)],
        EightSchoolsData { schools: EightSchoolsSchools { sigma: vec![1.0, 2.0], y: vec![0.0; 2] } };
    eight_schools_centred: EightSchoolsCentred::default(), [("schools", 6)],
        EightSchoolsCentredData { schools: EightSchoolsCentredSchools { sigma: vec![1.0, 2.0], y: vec![0.0; 2] } };
    radon: Radon::default(), [("counties", 4), ("houses", 5)];
    radon_long: RadonLong::default(), [("counties", 4), ("houses", 21)];
    item_response: ItemResponse::default(), [("subjects", 5), ("items", 3), ("answers", 40)];
    sessions: Sessions::default(), [("people", 3), ("days", 4)];
    detectors: Detectors::default(), [("shots", 11)];
    counting: Counting::default(), [];
    groups: Groups::default(), [("sites", 4), ("samples", 30)];
    changepoint: Changepoint::default(), [("ticks", 20)];
    own: UserNetwork::default(), [];
    peak: Peak::default(), [("events", 30)];
    deep: Deep::default(), [("schools", 2), ("classes", 3), ("pupils", 4)];
    levels: Levels::default(), [("regions", 2), ("towns", 2), ("people", 3)];
    exams: Exams::default(), [("schools", 2), ("students", 4), ("answers", 20)];
    siblings: Siblings::default(), [("outer", 2), ("left", 2)];
    regression: Regression::default(), [("rows", 10)];
    chain: Chain::default(), [("a", 2), ("b", 2), ("d", 3)];
    scaled: Scaled { scale: 2.0 }, [("rows", 4)];
    trials: Trials::default(), [("subjects", 2), ("sessions", 3), ("trials", 2)];
    reread: Reread::default(), [("a", 3), ("b", 4), ("c", 2)];
    lenses: Lenses::default(), [("images", 3)];
}

/// Each local of a model that has all kinds of them, as it is declared.
#[test]
fn slots_say_what_the_declaration_says() {
    let continuous = |free, bounded| LocalValues::Continuous { free, bounded };
    let discrete = |categories| LocalValues::Discrete { categories };
    let expected: [(&str, &[usize], usize, LocalValues); 15] = [
        ("count", &[0], 1, discrete(None)),
        ("radius", &[0], 1, continuous(1, true)),
        ("edge", &[0], 1, continuous(1, true)),
        ("share", &[0], 3, continuous(2, false)),
        ("pair", &[0], 2, continuous(2, false)),
        ("seen", &[0], 1, discrete(None)),
        ("either", &[0], 1, discrete(Some(2))),
        ("other", &[0], 1, discrete(None)),
        ("tries", &[0, 0], 1, discrete(Some(5))),
        ("flux", &[0, 0], 1, continuous(1, true)),
        ("at", &[0, 0], 2, continuous(2, true)),
        ("tint", &[0, 0], 1, discrete(Some(3))),
        ("deep", &[0, 0], 1, continuous(1, false)),
        ("on", &[1], 1, discrete(Some(2))),
        ("level", &[1], 1, continuous(1, true)),
    ];
    let mut columns = std::collections::BTreeMap::new();
    let expected: Vec<LocalSlot> = expected
        .into_iter()
        .map(|(name, plate, width, values)| {
            let next = columns.entry(plate).or_insert(0);
            let slot = LocalSlot { name: name.to_owned(), plate: plate.to_vec(), column: *next, width, values };
            *next += 1;
            slot
        })
        .collect();
    assert_eq!(local_slots(&Lenses::default()), expected);
}

/// What is only ever simulated is no part of the frame, and empty in locals that are made from one.
#[test]
fn plates_that_are_not_in_the_data_are_left_out() {
    let s = &Lenses::default().simulate(20).size("images", 3).seed(1).one().unwrap();
    let frame = s.locals.frame();
    assert_eq!(frame.plates[0].plates.iter().map(|p| p.name).collect::<Vec<_>>(), ["stars", "frames"]);
    assert!(!s.locals.images.spots.size.is_empty());
    let json = serde_json::to_string(&s.data).unwrap();
    assert_eq!(serde_json::from_str::<LensesData>(&json).unwrap(), s.data);
    let cut = json.replacen("[[[", "[[[0.5,", 1);
    let error = serde_json::from_str::<LensesData>(&cut).unwrap_err().to_string();
    assert!(error.contains("invalid length 4, expected an array of 3"), "{error}");
    // Which spots are whose: what the function that draws an image was given of them.
    let spots = &s.locals.images.spots;
    assert_eq!(spots.offsets.len(), 3 + 1);
    for (image, own) in s.data.images.image.iter().zip(spots.offsets.windows(2)) {
        let own = &spots.size[own[0]..own[1]];
        assert_eq!(image[1][2], own.len() as f32);
        assert_eq!(image[0][2], own.iter().sum::<f64>() as f32);
    }
    let again = LensesLocals::from_frame(frame).unwrap();
    assert!(again.images.spots.size.is_empty());
    assert_eq!(again.images.stars, s.locals.images.stars);
    assert_eq!(again.images.share, s.locals.images.share);
}

#[test]
fn columns_that_do_not_fit_say_so() {
    let model = Sessions::default();
    let s = &model.simulate(1).size("people", 3).size("days", 2).one().unwrap();
    let mut frame = s.locals.frame();
    frame.plates[0].columns[1] = Column::of("bias", &s.locals.people.kind);
    let error = SessionsLocals::from_frame(frame).unwrap_err().to_string();
    assert!(error.contains("the column `bias` of width 1 is of another type"), "{error}");
    let mut frame = s.locals.frame();
    frame.plates[0].plates[0].columns.pop();
    let error = SessionsLocals::from_frame(frame).unwrap_err().to_string();
    assert!(error.contains("the plate `days` has too few columns"), "{error}");

    let mut locals = s.locals.clone();
    locals.people.days.mood.pop();
    let error = log_density(&model, &s.globals, &locals, &s.data).unwrap_err().to_string();
    assert!(error.contains("the local `mood` has 5 elements, but the plate `days` has 6 in the data"), "{error}");
}
