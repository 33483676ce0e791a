use hierarch::prelude::*;

model! {
    pub Example {
        global mean ~ Normal(loc = 0.0, scale = 1.0);
        global width ~ HalfNormal { sd: 1.0 };
        global shift ~ Normal;
        plate events(10) {
            observe x ~ Truncated(Normal(mean, sigma = width), 0.0, 1.0);
        }
    }
}

fn main() {}
