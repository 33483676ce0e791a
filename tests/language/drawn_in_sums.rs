//! Quantities of continuous locals whose distributions depend on what is summed out, against the draws of the locals.

use hierarch::prelude::*;

hierarch::model! {
    pub Mixed {
        global mu ~ Normal(2.0, 0.1);
        plate rows(1..=5) {
            local c ~ Bernoulli(0.5);
            local th ~ Normal(if c { mu } else { 0.0 }, 1.0);
            let twice = 2.0 * th;
            observe y ~ Normal(th, 1.0);
            quantity half = th / 2.0;
            quantity again ~ Normal(twice, 1e-3);
        }
        quantity total = sum(i in rows, th[i]);
    }
}

#[test]
fn a_continuous_local_under_a_sum_has_quantities() {
    let data = MixedData { rows: MixedRows { y: vec![0.3, 2.0, -0.5] } };
    let chains = Mixed::default().nuts(&data).warmup(100).draws(50).chains(2).seed(1).run().unwrap();
    let draws = chains.as_draws();
    let get = |name: &str| draws.get(name).unwrap().to_vec();
    let total = get("total");
    let mut sums = vec![0.0; total.len()];
    for i in 0..3 {
        let (th, half, again) = (get(&format!("th[{i}]")), get(&format!("half[{i}]")), get(&format!("again[{i}]")));
        for (k, th) in th.iter().enumerate() {
            sums[k] += th;
            assert!((th / 2.0 - half[k]).abs() < 1e-12 && (2.0 * th - again[k]).abs() < 1e-2);
        }
    }
    assert!(sums.iter().zip(&total).all(|(a, b)| (a - b).abs() < 1e-12));
    let names = draws.names();
    assert_eq!(names.iter().filter(|name| name.starts_with("half")).count(), 3, "{names:?}");
}
