use hierarch::prelude::*;

fn render(mu: f64, _: &mut Stream) -> [f32; 4] {
    [mu as f32; 4]
}

model! {
    pub Example {
        global mu ~ Normal(0.0, 1.0);
        plate rows(1..=10) {
            observe image: Option<[f32; 4]> ~ render(mu);
        }
    }
}

fn main() {}
