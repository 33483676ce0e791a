use hierarch::prelude::*;
use hierarch::simulate::Stream;

fn render(x: f64, _: &mut Stream) -> [f32; 4] {
    [x as f32; 4]
}

model! {
    pub Lensing {
        global slope ~ Normal(0.0, 1.0);
        plate images(1..=25) {
            observe image: [f32; 4] ~ render(slope);
        }
    }
}

fn main() {
    let model = Lensing::default();
    let simulations = model.simulate(1).run().unwrap();
    let _ = model.nuts(&simulations[0].data).run();
}
