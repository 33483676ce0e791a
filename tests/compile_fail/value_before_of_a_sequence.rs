use hierarch::prelude::*;

model! {
    pub Example {
        global phi ~ Uniform(-1.0, 1.0);
        global level[10] ~ Normal(0.0, 1.0);
        plate times(100) {
            local z ~ Normal(phi, 1.0);
            observe x ~ Normal(phi * x[t - 1] + z[t - 1], 1.0);
        }
        observe y[t in 0..100] ~ Normal(y[t - 1], 1.0);
    }
}

fn main() {}
