//! Small models, and the reader of models.

use hierarch::prelude::*;

model! {
    /// Plates in plates, the inner ones of random size.
    pub Nested {
        global mean ~ Normal(0.0, 1.0);
        global width ~ Uniform(0.5, 2.0);
        observe control ~ Normal(mean, 1.0);
        plate groups(1..=3) {
            given shift ~ Normal(0.0, 1.0);
            local inner ~ Normal(mean + shift, width);
            plate hits(n ~ Poisson(2.0)) {
                observe y ~ Normal(inner, 1.0);
            }
        }
    }
}

model! {
    /// Rows that name elements of another plate, which is not in the data by itself.
    pub Rated {
        global spread ~ HalfNormal(1.0);
        plate people(1..=3) {
            local skill ~ Normal(0.0, spread);
            local lucky ~ Bernoulli(0.5);
        }
        plate answers(1..=4) {
            given person: index(people);
            observe right ~ Bernoulli(0.5);
            observe score ~ Normal(skill[person], 1.0);
        }
    }
}

model! {
    /// One plate, whose elements are all that is seen.
    pub Events {
        global rate ~ Gamma(2.0, 1.0);
        plate events(1..=5) {
            observe energy ~ Exponential(rate);
        }
    }
}

fn render(brightness: f64, rng: &mut Stream) -> [[f32; 6]; 5] {
    use hierarch::distributions::{Draw, Normal};
    [(); 5].map(|()| [(); 6].map(|()| Normal::new(brightness, 1.0).draw(rng) as f32))
}

model! {
    /// An image.
    pub Picture {
        global brightness ~ Normal(0.0, 1.0);
        observe image: [[f32; 6]; 5] ~ render(brightness);
    }
}

/// Expands the tokens of a model.
pub(super) fn expand(input: &[u8]) {
    /// The compiler refuses what is nested deeper before a macro sees it.
    const DEEPEST: usize = 32;
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut depth = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' | b'<' => depth += 1,
            b')' | b']' | b'}' | b'>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return;
        }
    }
    if let Ok(tokens) = text.parse::<proc_macro2::TokenStream>() {
        hierarch_expand::expand(tokens);
    }
}
