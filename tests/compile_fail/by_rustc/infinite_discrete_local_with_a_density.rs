use hierarch::model::Density;
use hierarch::prelude::*;
use hierarch::simulate::Stream;

fn render(brightness: f64, _: &mut Stream) -> [f32; 4] {
    [brightness as f32; 4]
}

model! {
    pub Lensing {
        global rate ~ Gamma(2.0, 1.0);
        plate images(1..=25) {
            local clumps ~ Poisson(rate);
            local mass ~ Gamma(1.0 + clumps, 1.0);
            observe image: [f32; 4] ~ render(mass);
        }
    }
}

fn main() {
    let model = Lensing::default();
    let simulations = model.simulate(1).run().unwrap();
    let _ = Density::explicit(&model, &simulations[0].data);
}
