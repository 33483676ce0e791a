use hierarch::prelude::*;

pub struct Parabola<T> {
    radius: T,
}

model! {
    pub Example {
        global mean ~ Gaussian(mu = 0.0, sigma = 1.0);
        global radius ~ Parabola(radius = 1.0);
        observe x ~ Normal(mean, sd = radius);
        observe image: [f32; 4] ~ render(brightness = mean);
    }
}

fn main() {}
