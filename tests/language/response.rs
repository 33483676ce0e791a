//! Products of matrices that are known, such as the response of a detector, and of unknowns: against sums that are written out.

use hierarch::prelude::*;
use hierarch_tests::density::{check_equal, check_gradient_at};

const RESPONSE: [[f64; 2]; 3] = [[0.7, 0.1], [0.2, 0.6], [0.1, 0.2]];

model! {
    pub Written {
        global spectrum[2] ~ Gamma(mean = 30.0, sd = 10.0);
        observe n[i in 0..3] ~ Poisson(RESPONSE[i][0] * spectrum[0] + RESPONSE[i][1] * spectrum[1]);
        observe m[i in 0..3] ~ Poisson(RESPONSE[i][0] * spectrum[0] + RESPONSE[i][1] * spectrum[1]);
        observe total ~ Poisson(0.9 * spectrum[0] + 0.8 * spectrum[1]);
        plate runs(1..=5) {
            given bin: usize;
            local gain ~ Normal(1.0, 0.1);
            observe k ~ Normal(gain * (RESPONSE[bin][0] * spectrum[0] + RESPONSE[bin][1] * spectrum[1]), 2.0);
            observe each[i in 0..3] ~ Normal(RESPONSE[i][0] * spectrum[0] + RESPONSE[i][1] * gain, 1.0);
        }
    }
}

model! {
    pub Fixed {
        param response: [[f64; 2]; 3] = RESPONSE;
        param efficiency: [f64; 2] = [0.9, 0.8];
        global spectrum[2] ~ Gamma(mean = 30.0, sd = 10.0);
        let mean = matvec(response, spectrum);
        let constant = matvec(RESPONSE, spectrum);
        observe n[i in 0..3] ~ Poisson(mean[i]);
        observe m[i in 0..3] ~ Poisson(constant[i]);
        observe total ~ Poisson(dot(efficiency, spectrum));
        plate runs(1..=5) {
            given bin: usize;
            local gain ~ Normal(1.0, 0.1);
            observe k ~ Normal(gain * dot(response[bin], spectrum), 2.0);
            let inside = matvec(response, [spectrum[0], gain]);
            observe each[i in 0..3] ~ Normal(inside[i], 1.0);
        }
    }
}

model! {
    pub Open {
        size K;
        size B;
        param response: Vec<Vec<f64>>;
        param efficiency: Vec<f64>;
        global spectrum[K] ~ Gamma(mean = 30.0, sd = 10.0);
        let mean = matvec(response, spectrum);
        observe n[i in 0..B] ~ Poisson(mean[i]);
        observe m[i in 0..B] ~ Poisson(sum(j in 0..K, response[i][j] * spectrum[j]));
        observe total ~ Poisson(dot(efficiency, spectrum));
        plate runs(1..=5) {
            given bin: usize;
            local gain ~ Normal(1.0, 0.1);
            observe k ~ Normal(gain * dot(response[bin], spectrum), 2.0);
            observe each[i in 0..B] ~ Normal(response[i][0] * spectrum[0] + response[i][1] * gain, 1.0);
        }
    }
}

/// Reads data of one model as those of another that observes the same.
fn same<D: DataSet>(data: &WrittenData) -> D {
    serde_json::from_value(serde_json::to_value(data).unwrap()).unwrap()
}

#[test]
fn known_matrices_times_unknowns() {
    let (k, each) = (vec![9.1, 24.5], vec![[21.0, 6.3, 3.1], [20.5, 6.4, 2.2]]);
    let runs = WrittenRuns { bin: vec![2, 0], k, each };
    let data = WrittenData { n: [20, 18, 8], m: [25, 20, 9], total: 51, runs };
    let response = RESPONSE.map(Vec::from).to_vec();
    let open = Open { K: 2, B: 3, response, efficiency: vec![0.9, 0.8] };
    let (written, fixed, q) = (Written::default(), Fixed::default(), [3.4, 3.3, 0.95, 1.1]);
    check_equal(&written, &data, &fixed, &same(&data), &q);
    check_equal(&written, &data, &open, &same(&data), &q);
    check_gradient_at(&fixed, &same(&data), &q);
    // And so are simulations.
    let globals = WrittenGlobals { spectrum: [30.0, 25.0] };
    let simulated = written.simulate(1).at(&globals).same_design_as(&data).seed(1).one().unwrap().data;
    let globals = FixedGlobals { spectrum: [30.0, 25.0] };
    let of_fixed = fixed.simulate(1).at(&globals).same_design_as(&same(&data)).seed(1).one().unwrap().data;
    assert_eq!(serde_json::to_string(&simulated).unwrap(), serde_json::to_string(&of_fixed).unwrap());
}
