use hierarch::prelude::*;

fn render(_: f64, _: &mut Stream) -> [f32; 4] {
    [0.0; 4]
}

model! {
    pub Example {
        global on ~ Bernoulli(0.5);
        observe image: [f32; 4] ~ render(if on { 1.0 } else { 0.0 });
    }
}

fn main() {}
