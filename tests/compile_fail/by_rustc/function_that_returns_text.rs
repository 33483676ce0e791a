use hierarch::prelude::*;

fn render(mass: f64, _: &mut Stream) -> String {
    mass.to_string()
}

model! {
    Lensing {
        global mass ~ Normal(0.0, 1.0);
        observe image: [f32; 16] ~ render(mass);
    }
}

fn main() {}
