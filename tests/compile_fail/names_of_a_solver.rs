use hierarch::prelude::*;

fn decay<T: Real>(_: T, [y]: [T; 1], rate: T) -> [T; 1] {
    [-rate * y]
}

model! {
    pub Decay {
        global rate ~ HalfNormal(1.0);
        // The function is none of the model's names; the others are.
        let z = ode(decay, [start], [1.0, 2.0], ratte, Tolerance::default());
        observe y ~ Normal(z[1][0], 0.1);
    }
}

fn main() {}
