use hierarch::prelude::*;

model! {
    pub Example {
        global scale ~ half_normal(1.0);
        global width ~ halfnormal(1.0);
        global mean ~ norm(0.0, 1.0);
        global angle ~ vonmises(0.0, 1.0);
        global other ~ half_nomal(1.0);
        plate events(10) {
            observe x ~ normal(mean, scale);
        }
    }
}

fn main() {}
