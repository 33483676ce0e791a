use hierarch::prelude::*;

model! {
    pub Example {
        global angle ~ Triangular(0.0, 1.0);
        global fixed ~ Dirac(0.0);
        plate events(10) {
            observe x ~ Gaussian(angle, fixed);
            observe n ~ ZeroInflatedPoisson(0.5, 3.0);
        }
    }
}

fn main() {}
