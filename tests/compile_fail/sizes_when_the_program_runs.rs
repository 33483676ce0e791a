use hierarch::prelude::*;

model! {
    pub Outside {
        size K: usize;
        observe y ~ Normal(0.0, 1.0);
    }
}

model! {
    pub Inside {
        plate rows(1..=5) {
            size K;
            observe y ~ Normal(0.0, 1.0);
        }
    }
}

model! {
    pub Data {
        size K;
        size L;
        global beta[K] ~ Normal(0.0, 1.0);
        observe path: [f64; K] ~ walk(beta);
        plate rows(1..=5) {
            given x[L];
            observe y ~ Normal(dot(x, beta), 1.0);
        }
    }
}

fn walk(beta: &[f64], _: &mut Stream) -> Vec<f64> {
    beta.to_vec()
}

model! {
    pub Distributions {
        size K;
        global mu[K] ~ Normal(0.0, 1.0);
        plate rows(1..=5) {
            observe y ~ Mixture(mu, [Normal(0.0, 1.0), Normal(1.0, 1.0)]);
        }
    }
}

model! {
    pub Beside {
        size K;
        global weights[K] ~ Dirichlet([1.0; K]);
        global change ~ DiscreteUniform(0, 10);
        plate times(1..=20) {
            given t: f64;
            local level ~ Normal(prev(level, 1, 0.0), 1.0);
            observe y ~ Normal(level + if t < change { 0.0 } else { 1.0 }, 1.0);
        }
        plate places(1..=20) {
            local smooth ~ RandomWalk(1.0);
            let reached = root(|x| x - weights[0], 0.0, 1.0);
            observe z ~ Normal(smooth + reached, 1.0);
        }
    }
}

fn main() {}
