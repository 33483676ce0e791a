use hierarch::prelude::*;

fn decay<T: Real>(_: T, [y]: [T; 1], rate: T) -> [T; 1] {
    [-rate * y]
}

model! {
    pub Decay {
        global rate ~ HalfNormal(1.0);
        let z = ode(decay, rate, [1.0, 2.0], rate, Tolerance::default());
        observe y ~ Normal(z[1][0], 0.1);
    }
}

fn main() {}
