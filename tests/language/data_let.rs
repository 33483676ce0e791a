//! What a model keeps of data: worked out once, by hand and by the model, and kept for data that come later.

use hierarch::model::log_density;
use hierarch::prelude::*;

fn scaled(x: &[f64], by: f64) -> Vec<f64> {
    x.iter().map(|x| x * by).collect()
}

model! {
    pub Kept {
        param width: f64 = 2.0;
        data let center = mean(x);
        data let scale = sd(x);
        data let most = max(n);
        data let seen = sum(y) + min(x);
        data let many: usize = x.len();
        data let all: Vec<f64> = scaled(x, scale * width);
        global a ~ Normal(0.0, 10.0);
        plate groups(1..=3) {
            given n ~ Poisson(3.0);
            plate rows(1..=500) {
                given x ~ Normal(100.0, 15.0);
                let z = (x - center) / scale;
                observe y: Option ~ Normal(a * z + all[1] + n / most, width + many as f64);
            }
        }
    }
}

fn data(x: [f64; 4]) -> KeptData {
    let y = vec![Some(1.0), None, Some(3.0), Some(2.0)];
    KeptData { groups: KeptGroups { n: vec![3, 5], rows: KeptRows { offsets: vec![0, 1, 4], x: x.to_vec(), y } } }
}

#[test]
fn columns_become_fields() {
    let first = data([90.0, 100.0, 120.0, 130.0]);
    let model = Kept::for_data(&first).unwrap();
    let scale = (1000.0_f64 / 3.0).sqrt();
    assert_eq!((model.width, model.center, model.most, model.seen, model.many), (2.0, 110.0, 5.0, 96.0, 4));
    assert!((model.scale - scale).abs() < 1e-12 && (model.all[3] - 260.0 * scale).abs() < 1e-9);
    // Later data are standardised as the first were.
    let later = data([110.0, 110.0, 110.0, 110.0 + scale]);
    let density = |a: f64| log_density(&model, &KeptGlobals { a }, &KeptLocals::default(), &later).unwrap();
    let normal =
        |x: f64, mean: f64, sd: f64| -0.5 * ((x - mean) / sd).powi(2) - sd.ln() - 0.5 * std::f64::consts::TAU.ln();
    let at = |y: f64, z: f64, n: f64, a: f64| normal(y, a * z + 200.0 * scale + n / 5.0, 6.0);
    for a in [-1.0, 300.0] {
        let rows = at(1.0, 0.0, 3.0, a) + at(3.0, 0.0, 5.0, a) + at(2.0, 1.0, 5.0, a);
        let (found, expected) = (density(a), normal(a, 0.0, 10.0) + rows);
        assert!((found - expected).abs() < 1e-9 * found.abs(), "{found} {expected}");
    }
    assert_eq!(model.simulate(2).run().unwrap().len(), 2);
}

#[test]
fn tables_are_read_without_it() {
    let (folder, first) = (tempfile::tempdir().unwrap(), data([90.0, 100.0, 120.0, 130.0]));
    first.to_csv(folder.path().join("kept")).unwrap();
    assert_eq!(KeptData::from_csv(folder.path().join("kept")).unwrap(), first);
}

#[test]
fn what_data_do_not_tell_is_an_error() {
    let error = Kept::for_data(&data([90.0, 100.0, 120.0, f64::NAN])).unwrap_err().to_string();
    assert!(error.contains("`data let center` is NaN with these data"), "{error}");
    let empty = KeptRows { offsets: vec![0, 0, 0], x: vec![], y: vec![] };
    let error =
        Kept::for_data(&KeptData { groups: KeptGroups { n: vec![3, 5], rows: empty } }).unwrap_err().to_string();
    assert!(error.contains("too few of them"), "{error}");
}
