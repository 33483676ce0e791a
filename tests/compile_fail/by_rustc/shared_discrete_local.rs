use hierarch::model::Density;
use hierarch::prelude::*;
use hierarch::simulate::Stream;

fn render(brightness: f64, _: &mut Stream) -> [f32; 4] {
    [brightness as f32; 4]
}

model! {
    pub Galaxies {
        global share ~ Beta(1.0, 1.0);
        plate images(1..=25) {
            local spiral ~ Bernoulli(share);
            let redder = if spiral { 0.0 } else { 1.0 };
            let brightness = if spiral { 2.0 } else { 1.0 };
            observe colour ~ Normal(redder, 1.0);
            observe image: [f32; 4] ~ render(brightness);
        }
    }
}

fn main() {
    let model = Galaxies::default();
    let simulations = model.simulate(1).run().unwrap();
    let _ = Density::explicit(&model, &simulations[0].data);
}
