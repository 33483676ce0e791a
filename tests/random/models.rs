// Written by `cargo run --release -p hierarch-tests --bin random_models`.

use super::check::*;

pub mod m0 {
    use super::*;

    model! {
        pub M0 {
            nuisance g1 ~ Uniform(0.0, 1.0);
            global g2[2][3] ~ Normal(0.0, 1.5);
            global g3 ~ Uniform(-1.0, 2.0);
            global g4[2][3] ~ Normal(0.0, 1.0);
            plate p5(8..=21) {
                given x6 ~ Categorical([0.3, 0.3, 0.4]);
                given x7 ~ Normal(0.0, 1.0);
                let v8 = (match x6 { 0 => (match x6 { 0 => (0.3 + 0.3), _ => g3 }), _ => ((-x7)).sin() });
                local z9 ~ Bernoulli(g1);
                let (v10, v11) = if z9 { ((match x6 { 0 => -1.0, _ => 0.5 }), (0.5 * 1.0)) } else { ((g1).tanh(), (0.5 * 1.0)) };
                observe y12 ~ Beta(0.8 + 0.5, v11 + 0.5);
                observe y13 ~ ZeroInflated(y12, Poisson(0.8));
                factor -0.1 * ((0.2 / (0.5 + v11))) * ((0.2 / (0.5 + v11)));
            }
            plate p14(3..=17) {
                given i15: index(p5);
                given x16 ~ Categorical([0.3, 0.3, 0.4]);
                given x17 ~ Categorical([0.3, 0.3, 0.4]);
                given x18 ~ Categorical([0.3, 0.3, 0.4]);
                let v19 = (((match x18 { 0 => g4[1][1], _ => v8[i15] }) * (-0.7).tanh()) + ((0.3 + g2[0][0]) + (-g1)));
                let v20 = ((g1).softplus() + 0.1);
                plate p21(3) {
                    given x22 ~ Bernoulli(0.5);
                    given x23 ~ Categorical([0.3, 0.3, 0.4]);
                    given x24 ~ Categorical([0.5, 0.5]);
                    local h25[2] ~ Normal(0.1, v20);
                    local h26 ~ LogNormal(0.3 * ((g2[0][0] + g3)).tanh(), 0.4);
                    local z27 ~ Bernoulli((1.0 - g1));
                    observe y28 ~ Normal(((if x22 { g4[0][2] } else { 0.0 }) + (if z27 { g4[0][2] } else { 0.0 })), 0.8);
                }
                local z29 ~ Bernoulli((0.5).sigmoid());
                local z30 ~ Categorical([0.2, 0.3, 0.5]);
                let v31 = (0.4 * ((0.3 - g3)).tanh()).exp();
                observe y32: Option ~ NegativeBinomial((v20).sqrt(), (1.0 + g1));
                observe y33 ~ NegativeBinomial(0.8, (v20).sqrt());
            }
        }
    }

    model! {
        pub M0Drawn {
            nuisance g1 ~ Uniform(0.0, 1.0);
            global g2[2][3] ~ Normal(0.0, 1.5);
            global g3 ~ Uniform(-1.0, 2.0);
            global g4[2][3] ~ Normal(0.0, 1.0);
            plate p5(8..=21) {
                given x6 ~ Categorical([0.3, 0.3, 0.4]);
                given x7 ~ Normal(0.0, 1.0);
                let v8 = (match x6 { 0 => (match x6 { 0 => (0.3 + 0.3), _ => g3 }), _ => ((-x7)).sin() });
                local z9 ~ Bernoulli(g1);
                let (v10, v11) = if z9 { ((match x6 { 0 => -1.0, _ => 0.5 }), (0.5 * 1.0)) } else { ((g1).tanh(), (0.5 * 1.0)) };
                observe y12 ~ Beta(0.8 + 0.5, v11 + 0.5);
                observe y13 ~ ZeroInflated(y12, Poisson(0.8));
            }
            plate p14(3..=17) {
                given i15: index(p5);
                given x16 ~ Categorical([0.3, 0.3, 0.4]);
                given x17 ~ Categorical([0.3, 0.3, 0.4]);
                given x18 ~ Categorical([0.3, 0.3, 0.4]);
                let v19 = (((match x18 { 0 => g4[1][1], _ => v8[i15] }) * (-0.7).tanh()) + ((0.3 + g2[0][0]) + (-g1)));
                let v20 = ((g1).softplus() + 0.1);
                plate p21(3) {
                    given x22 ~ Bernoulli(0.5);
                    given x23 ~ Categorical([0.3, 0.3, 0.4]);
                    given x24 ~ Categorical([0.5, 0.5]);
                    local h25[2] ~ Normal(0.1, v20);
                    local h26 ~ LogNormal(0.3 * ((g2[0][0] + g3)).tanh(), 0.4);
                    local z27 ~ Bernoulli((1.0 - g1));
                    observe y28 ~ Normal(((if x22 { g4[0][2] } else { 0.0 }) + (if z27 { g4[0][2] } else { 0.0 })), 0.8);
                }
                local z29 ~ Bernoulli((0.5).sigmoid());
                local z30 ~ Categorical([0.2, 0.3, 0.5]);
                let v31 = (0.4 * ((0.3 - g3)).tanh()).exp();
                observe y32: Option ~ NegativeBinomial((v20).sqrt(), (1.0 + g1));
                observe y33 ~ NegativeBinomial(0.8, (v20).sqrt());
            }
        }
    }

    fn program(g: &M0DrawnGlobals, l: &<M0Drawn as Model>::Locals, d: &M0Data) -> f64 {
        let mut lp = 0.0;
        let g1 = g.g1;
        { let x = g1; lp += uniform(x, 0.0, 1.0); }
        let g2 = &g.g2;
        g2.iter().flatten().for_each(|x| lp += normal(*x, 0.0, 1.5));
        let g3 = g.g3;
        { let x = g3; lp += uniform(x, -1.0, 2.0); }
        let g4 = &g.g4;
        g4.iter().flatten().for_each(|x| lp += normal(*x, 0.0, 1.0));
        let mut all_v8 = Vec::new();
        let mut all_x7 = Vec::new();
        for at_p5 in 0..d.p5.len() {
        let x6 = d.p5.x6[at_p5];
        let x7 = d.p5.x7[at_p5];
        all_x7.push(x7);
        let v8 = (match x6 { 0 => (match x6 { 0 => (0.3 + 0.3), _ => g3 }), _ => ((-x7)).sin() });
        all_v8.push(v8);
        let mut of_z9 = Vec::new();
        for value in 0..2 { let z9 = value == 1; let mut lp = bernoulli(z9, g1);
        let (v10, v11) = if z9 { ((match x6 { 0 => -1.0, _ => 0.5 }), (0.5 * 1.0)) } else { ((g1).tanh(), (0.5 * 1.0)) };
        let y12 = d.p5.y12[at_p5];
        { let y = y12; lp += beta(y, 0.8 + 0.5, v11 + 0.5); }
        let y13 = d.p5.y13[at_p5];
        { let y = y13; lp += zero_inflated(y, y12, 0.8); }
        lp += -0.1 * ((0.2 / (0.5 + v11))) * ((0.2 / (0.5 + v11)));
        of_z9.push(lp); }
        lp += log_sum(&of_z9);
        }
        let x7 = all_x7;
        let v8 = all_v8;
        let mut all_v20 = Vec::new();
        let mut all_v19 = Vec::new();
        for at_p14 in 0..d.p14.len() {
        let i15 = d.p14.i15[at_p14];
        let x16 = d.p14.x16[at_p14];
        let x17 = d.p14.x17[at_p14];
        let x18 = d.p14.x18[at_p14];
        let v19 = (((match x18 { 0 => g4[1][1], _ => v8[i15] }) * (-0.7).tanh()) + ((0.3 + g2[0][0]) + (-g1)));
        all_v19.push(v19);
        let v20 = ((g1).softplus() + 0.1);
        all_v20.push(v20);
        for at_p21 in d.p14.p21.offsets[at_p14]..d.p14.p21.offsets[at_p14 + 1] {
        let x22 = d.p14.p21.x22[at_p21];
        let x23 = d.p14.p21.x23[at_p21];
        let x24 = d.p14.p21.x24[at_p21];
        let h25 = &l.p14.p21.h25[at_p21];
        for &x in h25 { lp += normal(x, 0.1, v20); }
        let h26 = l.p14.p21.h26[at_p21];
        { let x = h26; lp += log_normal(x, 0.3 * ((g2[0][0] + g3)).tanh(), 0.4); }
        let mut of_z27 = Vec::new();
        for value in 0..2 { let z27 = value == 1; let mut lp = bernoulli(z27, (1.0 - g1));
        let y28 = d.p14.p21.y28[at_p21];
        { let y = y28; lp += normal(y, ((if x22 { g4[0][2] } else { 0.0 }) + (if z27 { g4[0][2] } else { 0.0 })), 0.8); }
        of_z27.push(lp); }
        lp += log_sum(&of_z27);
        }
        let mut of_z29 = Vec::new();
        for value in 0..2 { let z29 = value == 1; let mut lp = bernoulli(z29, (0.5).sigmoid());
        let mut of_z30 = Vec::new();
        for value in 0..3 { let z30 = value; let mut lp = ([0.2, 0.3, 0.5][z30] as f64).ln();
        let v31 = (0.4 * ((0.3 - g3)).tanh()).exp();
        if let Some(y) = d.p14.y32[at_p14] { lp += negative_binomial(y, (v20).sqrt(), (1.0 + g1)); }
        let y33 = d.p14.y33[at_p14];
        { let y = y33; lp += negative_binomial(y, 0.8, (v20).sqrt()); }
        of_z30.push(lp); }
        lp += log_sum(&of_z30);
        of_z29.push(lp); }
        lp += log_sum(&of_z29);
        }
        let v19 = all_v19;
        let v20 = all_v20;
        lp
    }

    pub fn run(seed: u64) -> Result<(), String> {
        let checked = check(&M0Drawn::default(), &M0::default(), program, &["y32"], seed)?;
        Ok(())
    }
}

pub mod m1 {
    use super::*;

    model! {
        pub M1 {
            global g1 ~ Beta(1.5 + 1.0, 2.0);
            global g2 ~ Normal((-0.7 - 0.9), (0.7 + 1.0));
            global g3[3] ~ Logistic(g1, 0.5 * 0.7);
            plate p4(21) {
                given x5 ~ Categorical([0.3, 0.3, 0.4]);
                given x6[4] ~ Normal(0.0, 1.0);
                local h7 ~ Gamma(5.0, 5.0);
                local h8[2] ~ Normal(0.1, 0.8);
                let v9 = h7;
                let v10 = [(-x6[2]), g2];
                local z11 ~ Bernoulli((g2).sigmoid());
                observe y12 ~ Bernoulli((1.0 - (0.1 + 0.8 * ((g2).normal_cdf()))));
                observe y13: Option ~ Normal((((-h7.ln()) + (g2).tanh()) + ((0.1 - g1) + (if y12 { h8[0] } else { g2 }))), (0.5 * h7));
            }
        }
    }

    fn program(g: &M1Globals, l: &<M1 as Model>::Locals, d: &M1Data) -> f64 {
        let mut lp = 0.0;
        let g1 = g.g1;
        { let x = g1; lp += beta(x, 1.5 + 1.0, 2.0); }
        let g2 = g.g2;
        { let x = g2; lp += normal(x, (-0.7 - 0.9), (0.7 + 1.0)); }
        let g3 = &g.g3;
        for &x in g3 { lp += logistic(x, g1, 0.5 * 0.7); }
        let mut all_v9 = Vec::new();
        let mut all_h7 = Vec::new();
        for at_p4 in 0..d.p4.len() {
        let x5 = d.p4.x5[at_p4];
        let x6 = &d.p4.x6[at_p4];
        let h7 = l.p4.h7[at_p4];
        { let x = h7; lp += gamma(x, 5.0, 5.0); }
        all_h7.push(h7);
        let h8 = &l.p4.h8[at_p4];
        for &x in h8 { lp += normal(x, 0.1, 0.8); }
        let v9 = h7;
        all_v9.push(v9);
        let v10 = [(-x6[2]), g2];
        let mut of_z11 = Vec::new();
        for value in 0..2 { let z11 = value == 1; let mut lp = bernoulli(z11, (g2).sigmoid());
        let y12 = d.p4.y12[at_p4];
        { let y = y12; lp += bernoulli(y, (1.0 - (0.1 + 0.8 * ((g2).normal_cdf())))); }
        if let Some(y) = d.p4.y13[at_p4] { lp += normal(y, (((-h7.ln()) + (g2).tanh()) + ((0.1 - g1) + (if y12 { h8[0] } else { g2 }))), (0.5 * h7)); }
        of_z11.push(lp); }
        lp += log_sum(&of_z11);
        }
        let h7 = all_h7;
        let v9 = all_v9;
        lp
    }

    pub fn run(seed: u64) -> Result<(), String> {
        let checked = check(&M1::default(), &M1::default(), program, &["y13"], seed)?;
        Ok(())
    }
}

pub mod m2 {
    use super::*;

    model! {
        pub M2 {
            global g1 ~ LogNormal(0.3 * (0.2).tanh(), 0.4);
            global g2 ~ Beta(g1 + 1.0, 2.0);
            global g3[3] ~ Dirichlet([g1 + 1.0; 3]);
            let v4 = ((0.9).sin()).tanh();
            let v5 = (g1).ln();
            observe y6 ~ Weibull((g1 + g1) + 0.5, g1);
            plate p7(8..=21) {
                given x8[4] ~ Normal(0.0, 1.0);
                given x9 ~ Bernoulli(0.5);
                local h10 ~ LogNormal(0.3 * (0.3).tanh(), 0.4);
                local h11 ~ Beta((g1 + h10) + 1.0, 2.0);
                let v12 = (0.4 * ((0.1 + x8[1])).tanh()).exp();
                observe y13: Option ~ Normal((v5), (v12).sqrt());
            }
        }
    }

    fn program(g: &M2Globals, l: &<M2 as Model>::Locals, d: &M2Data) -> f64 {
        let mut lp = 0.0;
        let g1 = g.g1;
        { let x = g1; lp += log_normal(x, 0.3 * (0.2).tanh(), 0.4); }
        let g2 = g.g2;
        { let x = g2; lp += beta(x, g1 + 1.0, 2.0); }
        let g3 = &g.g3;
        lp += dirichlet(g3, g1 + 1.0);
        let v4 = ((0.9).sin()).tanh();
        let v5 = (g1).ln();
        let y6 = d.y6;
        { let y = y6; lp += weibull(y, (g1 + g1) + 0.5, g1); }
        let mut all_h11 = Vec::new();
        let mut all_h10 = Vec::new();
        for at_p7 in 0..d.p7.len() {
        let x8 = &d.p7.x8[at_p7];
        let x9 = d.p7.x9[at_p7];
        let h10 = l.p7.h10[at_p7];
        { let x = h10; lp += log_normal(x, 0.3 * (0.3).tanh(), 0.4); }
        all_h10.push(h10);
        let h11 = l.p7.h11[at_p7];
        { let x = h11; lp += beta(x, (g1 + h10) + 1.0, 2.0); }
        all_h11.push(h11);
        let v12 = (0.4 * ((0.1 + x8[1])).tanh()).exp();
        if let Some(y) = d.p7.y13[at_p7] { lp += normal(y, (v5), (v12).sqrt()); }
        }
        let h10 = all_h10;
        let h11 = all_h11;
        lp
    }

    pub fn run(seed: u64) -> Result<(), String> {
        let checked = check(&M2::default(), &M2::default(), program, &["y13"], seed)?;
        Ok(())
    }
}

pub mod m3 {
    use super::*;

    model! {
        pub M3 {
            global g1[2] ~ Ordered(Normal(0.0, 1.0));
            nuisance g2 ~ LogNormal(0.3 * ((0.9 + 0.3)).tanh(), 0.4);
            nuisance g3[34] ~ Normal(0.2, g2);
            let v4 = (dot(g1, g1)).tanh();
            let v5 = (v4 - dot(g1, g1) - dot(g3, g3));
            observe y6 ~ Binomial(4, (0.1 + 0.8 * 0.6));
            plate p7(3..=17) {
                given x8 ~ Normal(0.0, 1.0);
                local h9 ~ Uniform(-1.0, 2.0);
                local h10 ~ StudentT(5.0, x8, g2);
                let v11 = [(v4).tanh(), -0.7];
                let v12 = [(-0.4 + v5), (v4 - 2.0)];
                plate p13(1..=9) {
                    given x14 ~ Normal(0.0, 1.0);
                    local h15 ~ Gamma(5.0, 5.0);
                    local h16 ~ Uniform(0.0, 1.0);
                    let v17 = ((if x14 < 0.3 { h16 } else { g1[0] })).sigmoid();
                    observe y18 ~ Normal((x14 + v4 + dot(v12, v11) + v5), g2);
                }
                local z19 ~ Bernoulli(0.2);
                observe y20 ~ Normal((x8), g2);
            }
            plate p21(8..=21) {
                given i22: index(p7);
                given x23 ~ Normal(0.0, 1.0);
                given x24[3] ~ Normal(0.0, 1.0);
                local h25[2] ~ Normal(0.1, ((h10[i22]).softplus() + 0.1));
                local h26 ~ Beta((0.4 * (-0.4).tanh()).exp() + 1.0, 2.0);
                let v27 = (((h26 * 0.3) + v4) + (if x23 < 0.3 { (if x23 < 0.3 { h10[i22] } else { g2.ln() }) } else { (h26 - g3[12]) }));
                observe y28 ~ Binomial(4, (0.1 + 0.8 * ((x23).normal_cdf())));
                observe y29 ~ Beta(g2 + 0.5, ((g2.ln()).softplus() + 0.1) + 0.5);
            }
        }
    }

    model! {
        pub M3Taped {
            size LENGTH = 2;
            global ordered[LENGTH] ~ Ordered(Normal(0.0, 1.0));
            global g1[2] ~ Ordered(Normal(0.0, 1.0));
            nuisance g2 ~ LogNormal(0.3 * ((0.9 + 0.3)).tanh(), 0.4);
            nuisance g3[34] ~ Normal(0.2, g2);
            let v4 = (dot(g1, g1)).tanh();
            let v5 = (v4 - dot(g1, g1) - dot(g3, g3));
            observe y6 ~ Binomial(4, (0.1 + 0.8 * 0.6));
            plate p7(3..=17) {
                given x8 ~ Normal(0.0, 1.0);
                local h9 ~ Uniform(-1.0, 2.0);
                local h10 ~ StudentT(5.0, x8, g2);
                let v11 = [(v4).tanh(), -0.7];
                let v12 = [(-0.4 + v5), (v4 - 2.0)];
                plate p13(1..=9) {
                    given x14 ~ Normal(0.0, 1.0);
                    local h15 ~ Gamma(5.0, 5.0);
                    local h16 ~ Uniform(0.0, 1.0);
                    let v17 = ((if x14 < 0.3 { h16 } else { g1[0] })).sigmoid();
                    observe y18 ~ Normal((x14 + v4 + dot(v12, v11) + v5), g2);
                }
                local z19 ~ Bernoulli(0.2);
                observe y20 ~ Normal((x8), g2);
            }
            plate p21(8..=21) {
                given i22: index(p7);
                given x23 ~ Normal(0.0, 1.0);
                given x24[3] ~ Normal(0.0, 1.0);
                local h25[2] ~ Normal(0.1, ((h10[i22]).softplus() + 0.1));
                local h26 ~ Beta((0.4 * (-0.4).tanh()).exp() + 1.0, 2.0);
                let v27 = (((h26 * 0.3) + v4) + (if x23 < 0.3 { (if x23 < 0.3 { h10[i22] } else { g2.ln() }) } else { (h26 - g3[12]) }));
                observe y28 ~ Binomial(4, (0.1 + 0.8 * ((x23).normal_cdf())));
                observe y29 ~ Beta(g2 + 0.5, ((g2.ln()).softplus() + 0.1) + 0.5);
            }
        }
    }

    fn program(g: &M3Globals, l: &<M3 as Model>::Locals, d: &M3Data) -> f64 {
        let mut lp = 0.0;
        let g1 = &g.g1;
        g1.iter().for_each(|x| lp += normal(*x, 0.0, 1.0));
        lp += ln_gamma(2 as f64 + 1.0);
        let g2 = g.g2;
        { let x = g2; lp += log_normal(x, 0.3 * ((0.9 + 0.3)).tanh(), 0.4); }
        let g3 = &g.g3;
        g3.iter().for_each(|x| lp += normal(*x, 0.2, g2));
        let v4 = (dot(g1, g1)).tanh();
        let v5 = (v4 - dot(g1, g1) - dot(g3, g3));
        let y6 = d.y6;
        { let y = y6; lp += binomial(y, 4, (0.1 + 0.8 * 0.6)); }
        let mut all_h10 = Vec::new();
        let mut all_h9 = Vec::new();
        let mut all_x8 = Vec::new();
        for at_p7 in 0..d.p7.len() {
        let x8 = d.p7.x8[at_p7];
        all_x8.push(x8);
        let h9 = l.p7.h9[at_p7];
        { let x = h9; lp += uniform(x, -1.0, 2.0); }
        all_h9.push(h9);
        let h10 = l.p7.h10[at_p7];
        { let x = h10; lp += student_t(x, 5.0, x8, g2); }
        all_h10.push(h10);
        let v11 = [(v4).tanh(), -0.7];
        let v12 = [(-0.4 + v5), (v4 - 2.0)];
        for at_p13 in d.p7.p13.offsets[at_p7]..d.p7.p13.offsets[at_p7 + 1] {
        let x14 = d.p7.p13.x14[at_p13];
        let h15 = l.p7.p13.h15[at_p13];
        { let x = h15; lp += gamma(x, 5.0, 5.0); }
        let h16 = l.p7.p13.h16[at_p13];
        { let x = h16; lp += uniform(x, 0.0, 1.0); }
        let v17 = ((if x14 < 0.3 { h16 } else { g1[0] })).sigmoid();
        let y18 = d.p7.p13.y18[at_p13];
        { let y = y18; lp += normal(y, (x14 + v4 + dot(v12, v11) + v5), g2); }
        }
        let mut of_z19 = Vec::new();
        for value in 0..2 { let z19 = value == 1; let mut lp = bernoulli(z19, 0.2);
        let y20 = d.p7.y20[at_p7];
        { let y = y20; lp += normal(y, (x8), g2); }
        of_z19.push(lp); }
        lp += log_sum(&of_z19);
        }
        let x8 = all_x8;
        let h9 = all_h9;
        let h10 = all_h10;
        let mut all_h26 = Vec::new();
        let mut all_x23 = Vec::new();
        for at_p21 in 0..d.p21.len() {
        let i22 = d.p21.i22[at_p21];
        let x23 = d.p21.x23[at_p21];
        all_x23.push(x23);
        let x24 = &d.p21.x24[at_p21];
        let h25 = &l.p21.h25[at_p21];
        for &x in h25 { lp += normal(x, 0.1, ((h10[i22]).softplus() + 0.1)); }
        let h26 = l.p21.h26[at_p21];
        { let x = h26; lp += beta(x, (0.4 * (-0.4).tanh()).exp() + 1.0, 2.0); }
        all_h26.push(h26);
        let v27 = (((h26 * 0.3) + v4) + (if x23 < 0.3 { (if x23 < 0.3 { h10[i22] } else { g2.ln() }) } else { (h26 - g3[12]) }));
        let y28 = d.p21.y28[at_p21];
        { let y = y28; lp += binomial(y, 4, (0.1 + 0.8 * ((x23).normal_cdf()))); }
        let y29 = d.p21.y29[at_p21];
        { let y = y29; lp += beta(y, g2 + 0.5, ((g2.ln()).softplus() + 0.1) + 0.5); }
        }
        let x23 = all_x23;
        let h26 = all_h26;
        lp
    }

    pub fn run(seed: u64) -> Result<(), String> {
        let checked = check(&M3::default(), &M3::default(), program, &[], seed)?;
        on_tape(&M3Taped::default(), &checked)?;
        Ok(())
    }
}

pub mod m4 {
    use super::*;

    model! {
        pub M4 {
            global g1 ~ HalfNormal(1.5);
            global g2 ~ TruncatedNormal(0.0, 1.0, (0.9).tanh() - 2.0, (0.9).tanh() + 1.5);
            plate p3(1..=9) {
                given x4 ~ Normal(0.0, 1.0);
                local h5 ~ Uniform(0.0, 1.0);
                local h6 ~ Gamma(5.0, 5.0);
                let v7 = (((if x4 < 0.3 { x4 } else { g1.ln() })).softplus() + 0.1);
                observe y8: Option ~ PoissonLog(0.3 * ((((0.3 / (0.5 + h6)) + (g2 - h5)) + (-1.0 - (h6).ln()))));
            }
            plate p9(1) {
                given i10: index(p3);
                given x11[2] ~ Normal(0.0, 1.0);
                local h12 ~ Beta(2.0, 3.0);
                local h13[2] ~ Normal(0.1, (g1).sqrt());
                let v14 = ((h13[0]).sin()).sigmoid();
                local z15 ~ Categorical([0.2, 0.3, 0.5]);
                let v16 = [(0.5 + 0.5), (h5[i10] + v7[i10].ln())];
                plate p17(3) {
                    local h18 ~ TruncatedNormal(0.0, 1.0, (v14).tanh() - 2.0, (v14).tanh() + 1.5);
                    let v19 = dot(x11, h13);
                    local z20 ~ Categorical([0.2, 0.3, 0.5]);
                    observe y21 ~ LogNormal(((h18 + (g1).ln())).sin(), g1);
                }
                observe y22 ~ Exponential(g1);
            }
        }
    }

    fn program(g: &M4Globals, l: &<M4 as Model>::Locals, d: &M4Data) -> f64 {
        let mut lp = 0.0;
        let g1 = g.g1;
        { let x = g1; lp += half_normal(x, 1.5); }
        let g2 = g.g2;
        { let x = g2; lp += truncated_normal(x, 0.0, 1.0, (0.9).tanh() - 2.0, (0.9).tanh() + 1.5); }
        let mut all_v7 = Vec::new();
        let mut all_h6 = Vec::new();
        let mut all_h5 = Vec::new();
        let mut all_x4 = Vec::new();
        for at_p3 in 0..d.p3.len() {
        let x4 = d.p3.x4[at_p3];
        all_x4.push(x4);
        let h5 = l.p3.h5[at_p3];
        { let x = h5; lp += uniform(x, 0.0, 1.0); }
        all_h5.push(h5);
        let h6 = l.p3.h6[at_p3];
        { let x = h6; lp += gamma(x, 5.0, 5.0); }
        all_h6.push(h6);
        let v7 = (((if x4 < 0.3 { x4 } else { g1.ln() })).softplus() + 0.1);
        all_v7.push(v7);
        if let Some(y) = d.p3.y8[at_p3] { lp += poisson(y, (0.3 * ((((0.3 / (0.5 + h6)) + (g2 - h5)) + (-1.0 - (h6).ln())))).exp()); }
        }
        let x4 = all_x4;
        let h5 = all_h5;
        let h6 = all_h6;
        let v7 = all_v7;
        let mut all_v14 = Vec::new();
        let mut all_h12 = Vec::new();
        for at_p9 in 0..d.p9.len() {
        let i10 = d.p9.i10[at_p9];
        let x11 = &d.p9.x11[at_p9];
        let h12 = l.p9.h12[at_p9];
        { let x = h12; lp += beta(x, 2.0, 3.0); }
        all_h12.push(h12);
        let h13 = &l.p9.h13[at_p9];
        for &x in h13 { lp += normal(x, 0.1, (g1).sqrt()); }
        let v14 = ((h13[0]).sin()).sigmoid();
        all_v14.push(v14);
        let mut of_z15 = Vec::new();
        for value in 0..3 { let z15 = value; let mut lp = ([0.2, 0.3, 0.5][z15] as f64).ln();
        let v16 = [(0.5 + 0.5), (h5[i10] + v7[i10].ln())];
        for at_p17 in d.p9.p17.offsets[at_p9]..d.p9.p17.offsets[at_p9 + 1] {
        let h18 = l.p9.p17.h18[at_p17];
        { let x = h18; lp += truncated_normal(x, 0.0, 1.0, (v14).tanh() - 2.0, (v14).tanh() + 1.5); }
        let v19 = dot(x11, h13);
        let mut of_z20 = Vec::new();
        for value in 0..3 { let z20 = value; let mut lp = ([0.2, 0.3, 0.5][z20] as f64).ln();
        let y21 = d.p9.p17.y21[at_p17];
        { let y = y21; lp += log_normal(y, ((h18 + (g1).ln())).sin(), g1); }
        of_z20.push(lp); }
        lp += log_sum(&of_z20);
        }
        let y22 = d.p9.y22[at_p9];
        { let y = y22; lp += exponential(y, g1); }
        of_z15.push(lp); }
        lp += log_sum(&of_z15);
        }
        let h12 = all_h12;
        let v14 = all_v14;
        lp
    }

    pub fn run(seed: u64) -> Result<(), String> {
        let checked = check(&M4::default(), &M4::default(), program, &["y8"], seed)?;
        Ok(())
    }
}

pub mod m5 {
    use super::*;

    model! {
        pub M5 {
            global g1[4] ~ Ordered(Normal(0.0, 1.0));
            global g2 ~ Normal(0.0, 1.0);
            global g3[i in 0..4] ~ Normal(g1[i], 0.8);
            global g4 ~ Normal(0.0, 1.0);
            global z5 ~ Bernoulli((-0.4).sigmoid());
            let (v6, v7) = if z5 { ((g4 * 1.5), 0.7) } else { ((0.3).tanh(), 0.7) };
            plate p8(8..=21) {
                given x9 ~ Categorical([0.5, 0.5]);
                given x10 ~ Normal(0.0, 1.0);
                given x11 ~ Uniform(0.5, 2.0);
                let v12 = (((if z5 { x11.ln() } else { v6 })).tanh() - (dot(g1, g1) * (0.5 * g1[x9])));
                let v13 = [dot(g1, g3), (v12 - -0.4)];
                local z14 ~ Bernoulli((1.0 - 0.2));
                observe y15 ~ Normal(dot(g1, g1), (x11 * v7));
            }
        }
    }

    fn program(g: &M5Globals, l: &<M5 as Model>::Locals, d: &M5Data) -> f64 {
        let mut lp = 0.0;
        let g1 = &g.g1;
        g1.iter().for_each(|x| lp += normal(*x, 0.0, 1.0));
        lp += ln_gamma(4 as f64 + 1.0);
        let g2 = g.g2;
        { let x = g2; lp += normal(x, 0.0, 1.0); }
        let g3 = &g.g3;
        for i in 0..4 { lp += normal(g3[i], g1[i], 0.8); }
        let g4 = g.g4;
        { let x = g4; lp += normal(x, 0.0, 1.0); }
        let mut of_z5 = Vec::new();
        for value in [false, true] { let z5 = value; let mut lp = lp + bernoulli(value, (-0.4).sigmoid());
        let (v6, v7) = if z5 { ((g4 * 1.5), 0.7) } else { ((0.3).tanh(), 0.7) };
        let mut all_v12 = Vec::new();
        let mut all_x10 = Vec::new();
        for at_p8 in 0..d.p8.len() {
        let x9 = d.p8.x9[at_p8];
        let x10 = d.p8.x10[at_p8];
        all_x10.push(x10);
        let x11 = d.p8.x11[at_p8];
        let v12 = (((if z5 { x11.ln() } else { v6 })).tanh() - (dot(g1, g1) * (0.5 * g1[x9])));
        all_v12.push(v12);
        let v13 = [dot(g1, g3), (v12 - -0.4)];
        let mut of_z14 = Vec::new();
        for value in 0..2 { let z14 = value == 1; let mut lp = bernoulli(z14, (1.0 - 0.2));
        let y15 = d.p8.y15[at_p8];
        { let y = y15; lp += normal(y, dot(g1, g1), (x11 * v7)); }
        of_z14.push(lp); }
        lp += log_sum(&of_z14);
        }
        let x10 = all_x10;
        let v12 = all_v12;
        of_z5.push(lp); }
        lp = log_sum(&of_z5);
        lp
    }

    pub fn run(seed: u64) -> Result<(), String> {
        let checked = check(&M5::default(), &M5::default(), program, &[], seed)?;
        Ok(())
    }
}

pub mod m6 {
    use super::*;

    model! {
        pub M6 {
            nuisance g1[2] ~ Ordered(Normal(0.0, 1.0));
            nuisance g2 ~ LogNormal(0.3 * (0.9).tanh(), 0.4);
            global g3 ~ StudentT(5.0, (0.9 / (0.5 + g2)), g2);
            let v4 = ((g3).tanh()).sin();
            plate p5(3..=17) {
                given x6 ~ Normal(0.0, 1.0);
                local h7 ~ Uniform(0.0, 1.0);
                let v8 = [(g1[1] + h7), (-x6)];
                let v9 = ((g2.ln()).tanh() + x6);
                let v10 = ((-0.3) + (g3 + g3));
                observe y11 ~ Gamma(0.8, g2);
                observe y12 ~ ZeroInflated(h7, Poisson(g2));
            }
        }
    }

    model! {
        pub M6Taped {
            size LENGTH = 2;
            global ordered[LENGTH] ~ Ordered(Normal(0.0, 1.0));
            nuisance g1[2] ~ Ordered(Normal(0.0, 1.0));
            nuisance g2 ~ LogNormal(0.3 * (0.9).tanh(), 0.4);
            global g3 ~ StudentT(5.0, (0.9 / (0.5 + g2)), g2);
            let v4 = ((g3).tanh()).sin();
            plate p5(3..=17) {
                given x6 ~ Normal(0.0, 1.0);
                local h7 ~ Uniform(0.0, 1.0);
                let v8 = [(g1[1] + h7), (-x6)];
                let v9 = ((g2.ln()).tanh() + x6);
                let v10 = ((-0.3) + (g3 + g3));
                observe y11 ~ Gamma(0.8, g2);
                observe y12 ~ ZeroInflated(h7, Poisson(g2));
            }
        }
    }

    fn program(g: &M6Globals, l: &<M6 as Model>::Locals, d: &M6Data) -> f64 {
        let mut lp = 0.0;
        let g1 = &g.g1;
        g1.iter().for_each(|x| lp += normal(*x, 0.0, 1.0));
        lp += ln_gamma(2 as f64 + 1.0);
        let g2 = g.g2;
        { let x = g2; lp += log_normal(x, 0.3 * (0.9).tanh(), 0.4); }
        let g3 = g.g3;
        { let x = g3; lp += student_t(x, 5.0, (0.9 / (0.5 + g2)), g2); }
        let v4 = ((g3).tanh()).sin();
        let mut all_v9 = Vec::new();
        let mut all_h7 = Vec::new();
        let mut all_x6 = Vec::new();
        for at_p5 in 0..d.p5.len() {
        let x6 = d.p5.x6[at_p5];
        all_x6.push(x6);
        let h7 = l.p5.h7[at_p5];
        { let x = h7; lp += uniform(x, 0.0, 1.0); }
        all_h7.push(h7);
        let v8 = [(g1[1] + h7), (-x6)];
        let v9 = ((g2.ln()).tanh() + x6);
        all_v9.push(v9);
        let v10 = ((-0.3) + (g3 + g3));
        let y11 = d.p5.y11[at_p5];
        { let y = y11; lp += gamma(y, 0.8, g2); }
        let y12 = d.p5.y12[at_p5];
        { let y = y12; lp += zero_inflated(y, h7, g2); }
        }
        let x6 = all_x6;
        let h7 = all_h7;
        let v9 = all_v9;
        lp
    }

    pub fn run(seed: u64) -> Result<(), String> {
        let checked = check(&M6::default(), &M6::default(), program, &[], seed)?;
        on_tape(&M6Taped::default(), &checked)?;
        Ok(())
    }
}

pub mod m7 {
    use super::*;

    model! {
        pub M7 {
            global g1 ~ Logistic((-0.9), 0.5 * ((-0.4).softplus() + 0.1));
            nuisance g2[i in 0..4] ~ Normal(0.1 * (i as f64), 1.5);
            global g3[2][3] ~ Normal(0.0, 1.0);
            let v4 = (g3[1][2] + g1);
            let v5 = [dot(g2, g2), (-g1)];
            plate p6(5) {
                given x7[3] ~ Normal(0.0, 1.0);
                given x8 ~ Uniform(0.5, 2.0);
                given x9[2] ~ Normal(0.0, 1.0);
                local h10[2] ~ Normal(0.1, (0.5 * x8));
                local z11 ~ Binomial(2, (1.0 - 0.2));
                observe y12 ~ Normal((dot(x9, h10)), x8);
                factor -0.1 * ((if y12 < 0.3 { (-0.4 * 2.0) } else { dot(x7, x7) })) * ((if y12 < 0.3 { (-0.4 * 2.0) } else { dot(x7, x7) }));
            }
            plate p13(1..=9) {
                given x14 ~ Bernoulli(0.5);
                local h15[2] ~ Normal(0.1, 1.0);
                let v16 = 0.2;
                local z17 ~ Bernoulli(v16);
                local z18 ~ Binomial(2, (g1).sigmoid());
                let v19 = [(z18).sin(), dot(g2, g2)];
                observe y20 ~ BernoulliLogit((v4));
                observe y21 ~ Binomial(4, v16);
            }
        }
    }

    model! {
        pub M7Drawn {
            global g1 ~ Logistic((-0.9), 0.5 * ((-0.4).softplus() + 0.1));
            nuisance g2[i in 0..4] ~ Normal(0.1 * (i as f64), 1.5);
            global g3[2][3] ~ Normal(0.0, 1.0);
            let v4 = (g3[1][2] + g1);
            let v5 = [dot(g2, g2), (-g1)];
            plate p6(5) {
                given x7[3] ~ Normal(0.0, 1.0);
                given x8 ~ Uniform(0.5, 2.0);
                given x9[2] ~ Normal(0.0, 1.0);
                local h10[2] ~ Normal(0.1, (0.5 * x8));
                local z11 ~ Binomial(2, (1.0 - 0.2));
                observe y12 ~ Normal((dot(x9, h10)), x8);
            }
            plate p13(1..=9) {
                given x14 ~ Bernoulli(0.5);
                local h15[2] ~ Normal(0.1, 1.0);
                let v16 = 0.2;
                local z17 ~ Bernoulli(v16);
                local z18 ~ Binomial(2, (g1).sigmoid());
                let v19 = [(z18).sin(), dot(g2, g2)];
                observe y20 ~ BernoulliLogit((v4));
                observe y21 ~ Binomial(4, v16);
            }
        }
    }

    model! {
        pub M7Taped {
            size LENGTH = 2;
            global ordered[LENGTH] ~ Ordered(Normal(0.0, 1.0));
            global g1 ~ Logistic((-0.9), 0.5 * ((-0.4).softplus() + 0.1));
            nuisance g2[i in 0..4] ~ Normal(0.1 * (i as f64), 1.5);
            global g3[2][3] ~ Normal(0.0, 1.0);
            let v4 = (g3[1][2] + g1);
            let v5 = [dot(g2, g2), (-g1)];
            plate p6(5) {
                given x7[3] ~ Normal(0.0, 1.0);
                given x8 ~ Uniform(0.5, 2.0);
                given x9[2] ~ Normal(0.0, 1.0);
                local h10[2] ~ Normal(0.1, (0.5 * x8));
                local z11 ~ Binomial(2, (1.0 - 0.2));
                observe y12 ~ Normal((dot(x9, h10)), x8);
                factor -0.1 * ((if y12 < 0.3 { (-0.4 * 2.0) } else { dot(x7, x7) })) * ((if y12 < 0.3 { (-0.4 * 2.0) } else { dot(x7, x7) }));
            }
            plate p13(1..=9) {
                given x14 ~ Bernoulli(0.5);
                local h15[2] ~ Normal(0.1, 1.0);
                let v16 = 0.2;
                local z17 ~ Bernoulli(v16);
                local z18 ~ Binomial(2, (g1).sigmoid());
                let v19 = [(z18).sin(), dot(g2, g2)];
                observe y20 ~ BernoulliLogit((v4));
                observe y21 ~ Binomial(4, v16);
            }
        }
    }

    fn program(g: &M7DrawnGlobals, l: &<M7Drawn as Model>::Locals, d: &M7Data) -> f64 {
        let mut lp = 0.0;
        let g1 = g.g1;
        { let x = g1; lp += logistic(x, (-0.9), 0.5 * ((-0.4).softplus() + 0.1)); }
        let g2 = &g.g2;
        for i in 0..4 { lp += normal(g2[i], 0.1 * (i as f64), 1.5); }
        let g3 = &g.g3;
        g3.iter().flatten().for_each(|x| lp += normal(*x, 0.0, 1.0));
        let v4 = (g3[1][2] + g1);
        let v5 = [dot(g2, g2), (-g1)];
        for at_p6 in 0..d.p6.len() {
        let x7 = &d.p6.x7[at_p6];
        let x8 = d.p6.x8[at_p6];
        let x9 = &d.p6.x9[at_p6];
        let h10 = &l.p6.h10[at_p6];
        for &x in h10 { lp += normal(x, 0.1, (0.5 * x8)); }
        let mut of_z11 = Vec::new();
        for value in 0..3 { let z11 = value as f64; let mut lp = binomial(z11 as u64, 2, (1.0 - 0.2));
        let y12 = d.p6.y12[at_p6];
        { let y = y12; lp += normal(y, (dot(x9, h10)), x8); }
        lp += -0.1 * ((if y12 < 0.3 { (-0.4 * 2.0) } else { dot(x7, x7) })) * ((if y12 < 0.3 { (-0.4 * 2.0) } else { dot(x7, x7) }));
        of_z11.push(lp); }
        lp += log_sum(&of_z11);
        }
        let mut all_v16 = Vec::new();
        for at_p13 in 0..d.p13.len() {
        let x14 = d.p13.x14[at_p13];
        let h15 = &l.p13.h15[at_p13];
        for &x in h15 { lp += normal(x, 0.1, 1.0); }
        let v16 = 0.2;
        all_v16.push(v16);
        let mut of_z17 = Vec::new();
        for value in 0..2 { let z17 = value == 1; let mut lp = bernoulli(z17, v16);
        let mut of_z18 = Vec::new();
        for value in 0..3 { let z18 = value as f64; let mut lp = binomial(z18 as u64, 2, (g1).sigmoid());
        let v19 = [(z18).sin(), dot(g2, g2)];
        let y20 = d.p13.y20[at_p13];
        { let y = y20; lp += bernoulli_logit(y, (v4)); }
        let y21 = d.p13.y21[at_p13];
        { let y = y21; lp += binomial(y, 4, v16); }
        of_z18.push(lp); }
        lp += log_sum(&of_z18);
        of_z17.push(lp); }
        lp += log_sum(&of_z17);
        }
        let v16 = all_v16;
        lp
    }

    pub fn run(seed: u64) -> Result<(), String> {
        let checked = check(&M7Drawn::default(), &M7::default(), program, &[], seed)?;
        on_tape(&M7Taped::default(), &checked)?;
        Ok(())
    }
}

pub const ALL: &[(&str, Run)] = &[
    ("m0", m0::run),
    ("m1", m1::run),
    ("m2", m2::run),
    ("m3", m3::run),
    ("m4", m4::run),
    ("m5", m5::run),
    ("m6", m6::run),
    ("m7", m7::run),
];
