use hierarch::prelude::*;

model! {
    pub Example {
        global mean ~ Rounded(Normal(0.0, 5.0), 0.5);
        plate events(10) {
            local t ~ Censored(Normal(mean, 1.0), 0.0, 4.0);
            observe x ~ Normal(t, 1.0);
        }
    }
}

fn main() {}
