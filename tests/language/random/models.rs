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
                let v6 = (0.5).tanh();
                local z7 ~ Bernoulli(g1);
                let v8 = (1.0 + (0.1 + 0.8 * ((g4[1][1]).normal_cdf())));
                plate p9(3) {
                    let b10 = prev(s11, 2, 0.5);
                    given s11 ~ Normal(0.0, 1.0);
                    given x12 ~ Normal(0.0, 1.0);
                    local h13 ~ TruncatedNormal(0.0, 1.0, (g1).tanh() - 2.0, (g1).tanh() + 1.5);
                    local h14 ~ LogNormal(0.3 * (g1).tanh(), 0.4);
                    let v15 = (if s11 < 0.3 { (if z7 { (0.3 + -0.7) } else { (1.2 / (0.5 + v8)) }) } else { (0.5 * g4[1][1]) });
                    let v16 = (h14 + (if z7 { v8 } else { h14 }));
                    observe y17 ~ Binomial(4, (0.3).sigmoid());
                }
                observe y18 ~ PoissonLog(0.3 * ((g2[1][0] - g2[0][0])));
                observe y19 ~ Normal((if z7 { 0.3 } else { 0.5 }), 0.8);
            }
            plate p20(8..=21) {
                given i21: index(p5);
                given i22: index(p5);
                local h23[2] ~ Normal(0.1, (1.0 + 0.7));
                let v24 = 1.0;
                local z25 ~ Categorical([0.2, 0.3, 0.5]);
                observe y26 ~ Normal((dot(h23, h23)), 0.8);
            }
        }
    }

    fn program(g: &M0Globals, l: &<M0 as Model>::Locals, d: &M0Data) -> f64 {
        let mut lp = 0.0;
        let g1 = g.g1;
        { let x = g1; lp += uniform(x, 0.0, 1.0); }
        let g2 = &g.g2;
        g2.iter().flatten().for_each(|x| lp += normal(*x, 0.0, 1.5));
        let g3 = g.g3;
        { let x = g3; lp += uniform(x, -1.0, 2.0); }
        let g4 = &g.g4;
        g4.iter().flatten().for_each(|x| lp += normal(*x, 0.0, 1.0));
        let mut all_v6 = Vec::new();
        for at_p5 in 0..d.p5.len() {
        let v6 = (0.5).tanh();
        all_v6.push(v6);
        let mut of_z7 = Vec::new();
        for value in 0..2 { let z7 = value == 1; let mut lp = bernoulli(z7, g1);
        let v8 = (1.0 + (0.1 + 0.8 * ((g4[1][1]).normal_cdf())));
        let mut past_s11: Vec<f64> = Vec::new();
        for at_p9 in d.p5.p9.offsets[at_p5]..d.p5.p9.offsets[at_p5 + 1] {
        let b10 = if past_s11.len() < 2 { 0.5 } else { past_s11[past_s11.len() - 2] };
        let s11 = d.p5.p9.s11[at_p9];
        { let x = s11; lp += 0.0; }
        let x12 = d.p5.p9.x12[at_p9];
        let h13 = l.p5.p9.h13[at_p9];
        { let x = h13; lp += truncated_normal(x, 0.0, 1.0, (g1).tanh() - 2.0, (g1).tanh() + 1.5); }
        let h14 = l.p5.p9.h14[at_p9];
        { let x = h14; lp += log_normal(x, 0.3 * (g1).tanh(), 0.4); }
        let v15 = (if s11 < 0.3 { (if z7 { (0.3 + -0.7) } else { (1.2 / (0.5 + v8)) }) } else { (0.5 * g4[1][1]) });
        let v16 = (h14 + (if z7 { v8 } else { h14 }));
        let y17 = d.p5.p9.y17[at_p9];
        { let y = y17; lp += binomial(y, 4, (0.3).sigmoid()); }
        past_s11.push(s11);
        }
        let y18 = d.p5.y18[at_p5];
        { let y = y18; lp += poisson(y, (0.3 * ((g2[1][0] - g2[0][0]))).exp()); }
        let y19 = d.p5.y19[at_p5];
        { let y = y19; lp += normal(y, (if z7 { 0.3 } else { 0.5 }), 0.8); }
        of_z7.push(lp); }
        lp += log_sum(&of_z7);
        }
        let v6 = all_v6;
        let mut all_v24 = Vec::new();
        let mut all_h23 = Vec::new();
        for at_p20 in 0..d.p20.len() {
        let i21 = d.p20.i21[at_p20];
        let i22 = d.p20.i22[at_p20];
        let h23 = &l.p20.h23[at_p20];
        for &x in h23 { lp += normal(x, 0.1, (1.0 + 0.7)); }
        all_h23.push(*h23);
        let v24 = 1.0;
        all_v24.push(v24);
        let mut of_z25 = Vec::new();
        for value in 0..3 { let z25 = value; let mut lp = ([0.2, 0.3, 0.5][z25] as f64).ln();
        let y26 = d.p20.y26[at_p20];
        { let y = y26; lp += normal(y, (dot(h23, h23)), 0.8); }
        of_z25.push(lp); }
        lp += log_sum(&of_z25);
        }
        let h23 = all_h23;
        let v24 = all_v24;
        lp
    }

    #[test]
    fn density_is_that_of_a_plain_program() -> Result<(), String> {
        let checked = check(&M0::default(), &M0::default(), program, &[], seed(1000))?;
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
                given x6[3] ~ Normal(0.0, 1.0);
                given x7 ~ Categorical([0.5, 0.5]);
                let v8 = (0.1 + 0.8 * (((0.1).tanh()).normal_cdf()));
                let v9 = [(-g3[2]), g2];
                local z10 ~ Bernoulli((g2).sigmoid());
                observe y11 ~ Bernoulli(((match x7 { 0 => 1.5, _ => g2 })).sigmoid());
                observe y12 ~ CategoricalLogit([0.1, (g2 - g2), -0.2]);
            }
        }
    }

    model! {
        pub M1Taped {
            size LENGTH = 2;
            global ordered[LENGTH] ~ Ordered(Normal(0.0, 1.0));
            global g1 ~ Beta(1.5 + 1.0, 2.0);
            global g2 ~ Normal((-0.7 - 0.9), (0.7 + 1.0));
            global g3[3] ~ Logistic(g1, 0.5 * 0.7);
            plate p4(21) {
                given x5 ~ Categorical([0.3, 0.3, 0.4]);
                given x6[3] ~ Normal(0.0, 1.0);
                given x7 ~ Categorical([0.5, 0.5]);
                let v8 = (0.1 + 0.8 * (((0.1).tanh()).normal_cdf()));
                let v9 = [(-g3[2]), g2];
                local z10 ~ Bernoulli((g2).sigmoid());
                observe y11 ~ Bernoulli(((match x7 { 0 => 1.5, _ => g2 })).sigmoid());
                observe y12 ~ CategoricalLogit([0.1, (g2 - g2), -0.2]);
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
        let mut all_v8 = Vec::new();
        let mut all_x7 = Vec::new();
        let mut all_x6 = Vec::new();
        let mut all_x5 = Vec::new();
        for at_p4 in 0..d.p4.len() {
        let x5 = d.p4.x5[at_p4];
        all_x5.push(x5);
        let x6 = &d.p4.x6[at_p4];
        all_x6.push(*x6);
        let x7 = d.p4.x7[at_p4];
        all_x7.push(x7);
        let v8 = (0.1 + 0.8 * (((0.1).tanh()).normal_cdf()));
        all_v8.push(v8);
        let v9 = [(-g3[2]), g2];
        let mut of_z10 = Vec::new();
        for value in 0..2 { let z10 = value == 1; let mut lp = bernoulli(z10, (g2).sigmoid());
        let y11 = d.p4.y11[at_p4];
        { let y = y11; lp += bernoulli(y, ((match x7 { 0 => 1.5, _ => g2 })).sigmoid()); }
        let y12 = d.p4.y12[at_p4];
        { let y = y12; lp += categorical_logit(y, [0.1, (g2 - g2), -0.2]); }
        of_z10.push(lp); }
        lp += log_sum(&of_z10);
        }
        let x5 = all_x5;
        let x6 = all_x6;
        let x7 = all_x7;
        let v8 = all_v8;
        lp
    }

    #[test]
    fn density_is_that_of_a_plain_program() -> Result<(), String> {
        let checked = check(&M1::default(), &M1::default(), program, &[], seed(1000))?;
        on_tape(&M1Taped::default(), &checked)?;
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
                given x8 ~ Bernoulli(0.5);
                given x9[3] ~ Normal(0.0, 1.0);
                let v10 = (0.4 * (g1.ln()).tanh()).exp();
                let v11 = [2.0, (g2).tanh()];
                local z12 ~ Bernoulli(g2);
                observe y13: Option ~ Normal((0.5 * v4 + v5), v10);
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
        let mut all_v10 = Vec::new();
        let mut all_x9 = Vec::new();
        let mut all_x8 = Vec::new();
        for at_p7 in 0..d.p7.len() {
        let x8 = d.p7.x8[at_p7];
        all_x8.push(x8);
        let x9 = &d.p7.x9[at_p7];
        all_x9.push(*x9);
        let v10 = (0.4 * (g1.ln()).tanh()).exp();
        all_v10.push(v10);
        let v11 = [2.0, (g2).tanh()];
        let mut of_z12 = Vec::new();
        for value in 0..2 { let z12 = value == 1; let mut lp = bernoulli(z12, g2);
        if let Some(y) = d.p7.y13[at_p7] { lp += normal(y, (0.5 * v4 + v5), v10); }
        of_z12.push(lp); }
        lp += log_sum(&of_z12);
        }
        let x8 = all_x8;
        let x9 = all_x9;
        let v10 = all_v10;
        lp
    }

    #[test]
    fn density_is_that_of_a_plain_program() -> Result<(), String> {
        let checked = check(&M2::default(), &M2::default(), program, &["y13"], seed(1000))?;
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
                given x8 ~ Uniform(0.5, 2.0);
                given x9 ~ Normal(0.0, 1.0);
                given x10 ~ Normal(0.0, 1.0);
                plate p11(1..=9) {
                    local h12[2] ~ Normal(0.1, x8);
                    observe y13 ~ BernoulliLogit(((0.3 - v5) + ((0.5 * -0.4) - 0.3)));
                }
                let v14 = ((if x10 < 0.3 { -0.4 } else { 0.5 })).sigmoid();
            }
            plate p15(3..=17) {
                given x16 ~ Normal(0.0, 1.0);
                given x17 ~ Uniform(0.5, 2.0);
                local h18[2] ~ Normal(0.1, (g2 + x17));
                local h19[2] ~ Normal(0.1, (0.5 * g2));
                let v20 = ((g1[0]).softplus() + 0.1);
                let v21 = (0.5 * x17);
                observe y22 ~ Logistic((x16 * v5 + x16), g2);
                observe y23 ~ BernoulliLogit((dot(h18, g1) - x16));
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
                given x8 ~ Uniform(0.5, 2.0);
                given x9 ~ Normal(0.0, 1.0);
                given x10 ~ Normal(0.0, 1.0);
                plate p11(1..=9) {
                    local h12[2] ~ Normal(0.1, x8);
                    observe y13 ~ BernoulliLogit(((0.3 - v5) + ((0.5 * -0.4) - 0.3)));
                }
                let v14 = ((if x10 < 0.3 { -0.4 } else { 0.5 })).sigmoid();
            }
            plate p15(3..=17) {
                given x16 ~ Normal(0.0, 1.0);
                given x17 ~ Uniform(0.5, 2.0);
                local h18[2] ~ Normal(0.1, (g2 + x17));
                local h19[2] ~ Normal(0.1, (0.5 * g2));
                let v20 = ((g1[0]).softplus() + 0.1);
                let v21 = (0.5 * x17);
                observe y22 ~ Logistic((x16 * v5 + x16), g2);
                observe y23 ~ BernoulliLogit((dot(h18, g1) - x16));
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
        let mut all_x10 = Vec::new();
        let mut all_x9 = Vec::new();
        let mut all_x8 = Vec::new();
        for at_p7 in 0..d.p7.len() {
        let x8 = d.p7.x8[at_p7];
        all_x8.push(x8);
        let x9 = d.p7.x9[at_p7];
        all_x9.push(x9);
        let x10 = d.p7.x10[at_p7];
        all_x10.push(x10);
        for at_p11 in d.p7.p11.offsets[at_p7]..d.p7.p11.offsets[at_p7 + 1] {
        let h12 = &l.p7.p11.h12[at_p11];
        for &x in h12 { lp += normal(x, 0.1, x8); }
        let y13 = d.p7.p11.y13[at_p11];
        { let y = y13; lp += bernoulli_logit(y, ((0.3 - v5) + ((0.5 * -0.4) - 0.3))); }
        }
        let v14 = ((if x10 < 0.3 { -0.4 } else { 0.5 })).sigmoid();
        }
        let x8 = all_x8;
        let x9 = all_x9;
        let x10 = all_x10;
        let mut all_v21 = Vec::new();
        let mut all_v20 = Vec::new();
        let mut all_h19 = Vec::new();
        let mut all_h18 = Vec::new();
        let mut all_x17 = Vec::new();
        let mut all_x16 = Vec::new();
        for at_p15 in 0..d.p15.len() {
        let x16 = d.p15.x16[at_p15];
        all_x16.push(x16);
        let x17 = d.p15.x17[at_p15];
        all_x17.push(x17);
        let h18 = &l.p15.h18[at_p15];
        for &x in h18 { lp += normal(x, 0.1, (g2 + x17)); }
        all_h18.push(*h18);
        let h19 = &l.p15.h19[at_p15];
        for &x in h19 { lp += normal(x, 0.1, (0.5 * g2)); }
        all_h19.push(*h19);
        let v20 = ((g1[0]).softplus() + 0.1);
        all_v20.push(v20);
        let v21 = (0.5 * x17);
        all_v21.push(v21);
        let y22 = d.p15.y22[at_p15];
        { let y = y22; lp += logistic(y, (x16 * v5 + x16), g2); }
        let y23 = d.p15.y23[at_p15];
        { let y = y23; lp += bernoulli_logit(y, (dot(h18, g1) - x16)); }
        }
        let x16 = all_x16;
        let x17 = all_x17;
        let h18 = all_h18;
        let h19 = all_h19;
        let v20 = all_v20;
        let v21 = all_v21;
        lp
    }

    #[test]
    fn density_is_that_of_a_plain_program() -> Result<(), String> {
        let checked = check(&M3::default(), &M3::default(), program, &[], seed(1000))?;
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
                given x4 ~ Categorical([0.3, 0.3, 0.4]);
                given x5 ~ Bernoulli(0.5);
                given x6 ~ Normal(0.0, 1.0);
                local h7 ~ Beta(g1 + 1.0, 2.0);
                let v8 = ((0.2).softplus() + 0.1);
                let v9 = (g2 + g2 + 0.2);
                observe y10 ~ Logistic(0.2, g1);
            }
            plate p11(1..=9) {
                given x12 ~ Categorical([0.5, 0.5]);
                given x13 ~ Uniform(0.5, 2.0);
                given x14 ~ Normal(0.0, 1.0);
                local h15 ~ Normal(0.0, 1.0);
                local h16[2] ~ Normal(0.1, (1.0 + 0.2));
                let v17 = (0.5 * h15 - x14 * g2 - dot(h16, h16));
                let v18 = (v17 * (x14 - 0.5) + ((h16[0] + 2.0) + (x13.ln() - 0.5)));
                plate p19(1..=4) {
                    given i20: index(p3);
                    given x21 ~ Uniform(0.5, 2.0);
                    given x22 ~ Categorical([0.5, 0.5]);
                    local h23 ~ Normal(0.0, 1.0);
                    local h24 ~ Uniform(0.0, 1.0);
                    local z25 ~ Bernoulli(h7[i20]);
                    observe y26 ~ Normal((v9[i20] * (x14 - 0.5) + v9[i20] * (x6[i20] - 0.5) + h15), g1);
                }
                local z27 ~ Binomial(2, 0.2);
                let v28 = 0.6;
                observe y29 ~ Binomial(4, (0.1 + 0.8 * v28));
            }
        }
    }

    model! {
        pub M4Taped {
            size LENGTH = 2;
            global ordered[LENGTH] ~ Ordered(Normal(0.0, 1.0));
            global g1 ~ HalfNormal(1.5);
            global g2 ~ TruncatedNormal(0.0, 1.0, (0.9).tanh() - 2.0, (0.9).tanh() + 1.5);
            plate p3(1..=9) {
                given x4 ~ Categorical([0.3, 0.3, 0.4]);
                given x5 ~ Bernoulli(0.5);
                given x6 ~ Normal(0.0, 1.0);
                local h7 ~ Beta(g1 + 1.0, 2.0);
                let v8 = ((0.2).softplus() + 0.1);
                let v9 = (g2 + g2 + 0.2);
                observe y10 ~ Logistic(0.2, g1);
            }
            plate p11(1..=9) {
                given x12 ~ Categorical([0.5, 0.5]);
                given x13 ~ Uniform(0.5, 2.0);
                given x14 ~ Normal(0.0, 1.0);
                local h15 ~ Normal(0.0, 1.0);
                local h16[2] ~ Normal(0.1, (1.0 + 0.2));
                let v17 = (0.5 * h15 - x14 * g2 - dot(h16, h16));
                let v18 = (v17 * (x14 - 0.5) + ((h16[0] + 2.0) + (x13.ln() - 0.5)));
                plate p19(1..=4) {
                    given i20: index(p3);
                    given x21 ~ Uniform(0.5, 2.0);
                    given x22 ~ Categorical([0.5, 0.5]);
                    local h23 ~ Normal(0.0, 1.0);
                    local h24 ~ Uniform(0.0, 1.0);
                    local z25 ~ Bernoulli(h7[i20]);
                    observe y26 ~ Normal((v9[i20] * (x14 - 0.5) + v9[i20] * (x6[i20] - 0.5) + h15), g1);
                }
                local z27 ~ Binomial(2, 0.2);
                let v28 = 0.6;
                observe y29 ~ Binomial(4, (0.1 + 0.8 * v28));
            }
        }
    }

    fn program(g: &M4Globals, l: &<M4 as Model>::Locals, d: &M4Data) -> f64 {
        let mut lp = 0.0;
        let g1 = g.g1;
        { let x = g1; lp += half_normal(x, 1.5); }
        let g2 = g.g2;
        { let x = g2; lp += truncated_normal(x, 0.0, 1.0, (0.9).tanh() - 2.0, (0.9).tanh() + 1.5); }
        let mut all_v9 = Vec::new();
        let mut all_v8 = Vec::new();
        let mut all_h7 = Vec::new();
        let mut all_x6 = Vec::new();
        let mut all_x5 = Vec::new();
        let mut all_x4 = Vec::new();
        for at_p3 in 0..d.p3.len() {
        let x4 = d.p3.x4[at_p3];
        all_x4.push(x4);
        let x5 = d.p3.x5[at_p3];
        all_x5.push(x5);
        let x6 = d.p3.x6[at_p3];
        all_x6.push(x6);
        let h7 = l.p3.h7[at_p3];
        { let x = h7; lp += beta(x, g1 + 1.0, 2.0); }
        all_h7.push(h7);
        let v8 = ((0.2).softplus() + 0.1);
        all_v8.push(v8);
        let v9 = (g2 + g2 + 0.2);
        all_v9.push(v9);
        let y10 = d.p3.y10[at_p3];
        { let y = y10; lp += logistic(y, 0.2, g1); }
        }
        let x4 = all_x4;
        let x5 = all_x5;
        let x6 = all_x6;
        let h7 = all_h7;
        let v8 = all_v8;
        let v9 = all_v9;
        let mut all_v18 = Vec::new();
        let mut all_v17 = Vec::new();
        let mut all_h16 = Vec::new();
        let mut all_h15 = Vec::new();
        let mut all_x14 = Vec::new();
        let mut all_x13 = Vec::new();
        let mut all_x12 = Vec::new();
        for at_p11 in 0..d.p11.len() {
        let x12 = d.p11.x12[at_p11];
        all_x12.push(x12);
        let x13 = d.p11.x13[at_p11];
        all_x13.push(x13);
        let x14 = d.p11.x14[at_p11];
        all_x14.push(x14);
        let h15 = l.p11.h15[at_p11];
        { let x = h15; lp += normal(x, 0.0, 1.0); }
        all_h15.push(h15);
        let h16 = &l.p11.h16[at_p11];
        for &x in h16 { lp += normal(x, 0.1, (1.0 + 0.2)); }
        all_h16.push(*h16);
        let v17 = (0.5 * h15 - x14 * g2 - dot(h16, h16));
        all_v17.push(v17);
        let v18 = (v17 * (x14 - 0.5) + ((h16[0] + 2.0) + (x13.ln() - 0.5)));
        all_v18.push(v18);
        for at_p19 in d.p11.p19.offsets[at_p11]..d.p11.p19.offsets[at_p11 + 1] {
        let i20 = d.p11.p19.i20[at_p19];
        let x21 = d.p11.p19.x21[at_p19];
        let x22 = d.p11.p19.x22[at_p19];
        let h23 = l.p11.p19.h23[at_p19];
        { let x = h23; lp += normal(x, 0.0, 1.0); }
        let h24 = l.p11.p19.h24[at_p19];
        { let x = h24; lp += uniform(x, 0.0, 1.0); }
        let mut of_z25 = Vec::new();
        for value in 0..2 { let z25 = value == 1; let mut lp = bernoulli(z25, h7[i20]);
        let y26 = d.p11.p19.y26[at_p19];
        { let y = y26; lp += normal(y, (v9[i20] * (x14 - 0.5) + v9[i20] * (x6[i20] - 0.5) + h15), g1); }
        of_z25.push(lp); }
        lp += log_sum(&of_z25);
        }
        let mut of_z27 = Vec::new();
        for value in 0..3 { let z27 = value as f64; let mut lp = binomial(z27 as u64, 2, 0.2);
        let v28 = 0.6;
        let y29 = d.p11.y29[at_p11];
        { let y = y29; lp += binomial(y, 4, (0.1 + 0.8 * v28)); }
        of_z27.push(lp); }
        lp += log_sum(&of_z27);
        }
        let x12 = all_x12;
        let x13 = all_x13;
        let x14 = all_x14;
        let h15 = all_h15;
        let h16 = all_h16;
        let v17 = all_v17;
        let v18 = all_v18;
        lp
    }

    #[test]
    fn density_is_that_of_a_plain_program() -> Result<(), String> {
        let checked = check(&M4::default(), &M4::default(), program, &[], seed(1000))?;
        on_tape(&M4Taped::default(), &checked)?;
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
                local z9 ~ Bernoulli((1.0 - 0.6));
                observe y10 ~ BernoulliLogit((g2 + v6));
                observe y11[2] ~ Normal((g2 - dot(g1, g1) - (-(g3[0] + v7.ln()))), v7);
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
        for at_p8 in 0..d.p8.len() {
        let mut of_z9 = Vec::new();
        for value in 0..2 { let z9 = value == 1; let mut lp = bernoulli(z9, (1.0 - 0.6));
        let y10 = d.p8.y10[at_p8];
        { let y = y10; lp += bernoulli_logit(y, (g2 + v6)); }
        for &y in &d.p8.y11[at_p8] { lp += normal(y, (g2 - dot(g1, g1) - (-(g3[0] + v7.ln()))), v7); }
        let y11 = &d.p8.y11[at_p8];
        of_z9.push(lp); }
        lp += log_sum(&of_z9);
        }
        of_z5.push(lp); }
        lp = log_sum(&of_z5);
        lp
    }

    #[test]
    fn density_is_that_of_a_plain_program() -> Result<(), String> {
        let checked = check(&M5::default(), &M5::default(), program, &[], seed(1000))?;
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
                given x6 ~ Categorical([0.3, 0.3, 0.4]);
                local h7 ~ StudentT(5.0, (g1[1] + -0.4), (1.0 + 0.6));
                let v8 = ((g2.ln()).tanh() + (match x6 { 0 => v4, _ => 0.3 }));
                let v9 = ((-0.3) + 0.1);
                plate p10(1..=4) {
                    let b11 = prev(s12, 1, -1.0);
                    observe s12 ~ Normal((((h7 - 0.3) - (-0.4 + h7))).tanh(), (1.0 + 0.2));
                    given x13[4] ~ Normal(0.0, 1.0);
                    given x14 ~ Bernoulli(0.5);
                    let v15 = [(--0.4), (0.5 * s12)];
                    observe y16[2] ~ Normal((x13[x6] + h7 + v4 + dot(g1, g1)), g2);
                    factor -0.1 * (((0.5 * g2)).ln()) * (((0.5 * g2)).ln());
                }
                let v17 = g2;
                observe y18 ~ Bernoulli(((v4).tanh()).sigmoid());
            }
        }
    }

    model! {
        pub M6Drawn {
            nuisance g1[2] ~ Ordered(Normal(0.0, 1.0));
            nuisance g2 ~ LogNormal(0.3 * (0.9).tanh(), 0.4);
            global g3 ~ StudentT(5.0, (0.9 / (0.5 + g2)), g2);
            let v4 = ((g3).tanh()).sin();
            plate p5(3..=17) {
                given x6 ~ Categorical([0.3, 0.3, 0.4]);
                local h7 ~ StudentT(5.0, (g1[1] + -0.4), (1.0 + 0.6));
                let v8 = ((g2.ln()).tanh() + (match x6 { 0 => v4, _ => 0.3 }));
                let v9 = ((-0.3) + 0.1);
                plate p10(1..=4) {
                    let b11 = prev(s12, 1, -1.0);
                    observe s12 ~ Normal((((h7 - 0.3) - (-0.4 + h7))).tanh(), (1.0 + 0.2));
                    given x13[4] ~ Normal(0.0, 1.0);
                    given x14 ~ Bernoulli(0.5);
                    let v15 = [(--0.4), (0.5 * s12)];
                    observe y16[2] ~ Normal((x13[x6] + h7 + v4 + dot(g1, g1)), g2);
                }
                let v17 = g2;
                observe y18 ~ Bernoulli(((v4).tanh()).sigmoid());
            }
        }
    }

    fn program(g: &M6DrawnGlobals, l: &<M6Drawn as Model>::Locals, d: &M6Data) -> f64 {
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
        let mut all_v8 = Vec::new();
        let mut all_h7 = Vec::new();
        let mut all_x6 = Vec::new();
        for at_p5 in 0..d.p5.len() {
        let x6 = d.p5.x6[at_p5];
        all_x6.push(x6);
        let h7 = l.p5.h7[at_p5];
        { let x = h7; lp += student_t(x, 5.0, (g1[1] + -0.4), (1.0 + 0.6)); }
        all_h7.push(h7);
        let v8 = ((g2.ln()).tanh() + (match x6 { 0 => v4, _ => 0.3 }));
        all_v8.push(v8);
        let v9 = ((-0.3) + 0.1);
        all_v9.push(v9);
        let mut past_s12: Vec<f64> = Vec::new();
        for at_p10 in d.p5.p10.offsets[at_p5]..d.p5.p10.offsets[at_p5 + 1] {
        let b11 = if past_s12.len() < 1 { -1.0 } else { past_s12[past_s12.len() - 1] };
        let s12 = d.p5.p10.s12[at_p10];
        { let x = s12; lp += normal(x, (((h7 - 0.3) - (-0.4 + h7))).tanh(), (1.0 + 0.2)); }
        let x13 = &d.p5.p10.x13[at_p10];
        let x14 = d.p5.p10.x14[at_p10];
        let v15 = [(--0.4), (0.5 * s12)];
        for &y in &d.p5.p10.y16[at_p10] { lp += normal(y, (x13[x6] + h7 + v4 + dot(g1, g1)), g2); }
        let y16 = &d.p5.p10.y16[at_p10];
        lp += -0.1 * (((0.5 * g2)).ln()) * (((0.5 * g2)).ln());
        past_s12.push(s12);
        }
        let v17 = g2;
        let y18 = d.p5.y18[at_p5];
        { let y = y18; lp += bernoulli(y, ((v4).tanh()).sigmoid()); }
        }
        let x6 = all_x6;
        let h7 = all_h7;
        let v8 = all_v8;
        let v9 = all_v9;
        lp
    }

    #[test]
    fn density_is_that_of_a_plain_program() -> Result<(), String> {
        let checked = check(&M6Drawn::default(), &M6::default(), program, &[], seed(1000))?;
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
                given x7 ~ Uniform(0.5, 2.0);
                local h8 ~ Normal(g3[0][0], x7);
                local h9 ~ Normal(0.0, 1.0);
                let v10 = (g1 + dot(g2, g2) + g1);
                let v11 = (0.4 * (dot(v5, v5)).tanh()).exp();
                local z12 ~ Bernoulli((0.1 + 0.8 * 0.2));
                let (v13, v14) = if z12 { (dot(v5, v5), (1.0 + 0.2)) } else { (g2[2], (0.4 * (-0.4).tanh()).exp()) };
                plate p15(1..=9) {
                    local h16[2] ~ Normal(0.1, (v14 + x7));
                    local h17 ~ Beta(v14 + 1.0, 2.0);
                    let v18 = (((v11).ln() - (if z12 { g1 } else { v10 })) + ((v11 + v14)).ln());
                    let v19 = (0.1 + 0.8 * (1.0 - h17));
                    local z20 ~ Bernoulli((0.1 + 0.8 * h17));
                    let v21 = (x7).sqrt();
                    observe y22: Option ~ Mixture([h17, 1.0 - h17], [Normal((g3[1][2] - v4 - (if z12 { g3[1][2] } else { 0.0 }) - 0.5 * h9), v11), Normal(0.0, 2.0)]);
                }
                observe y23 ~ Exponential(0.8);
                factor -0.1 * (dot(v5, v5)) * (dot(v5, v5));
            }
            plate p24(8..=21) {
                given x25 ~ Normal(0.0, 1.0);
                given x26 ~ Uniform(0.5, 2.0);
                local h27 ~ TruncatedNormal(0.0, 1.0, (0.1).tanh() - 2.0, (0.1).tanh() + 1.5);
                local h28 ~ Gamma(5.0, 5.0);
                let v29 = 0.8;
                let v30 = (if x25 < 0.3 { (-0.4 * (if x25 < 0.3 { 1.2 } else { v29.ln() })) } else { (0.3 + g2[3]) });
                let v31 = (h27);
                observe y32: Option ~ Normal((dot(v5, v5) + dot(g2, g2) + dot(v5, v5)), 0.8);
                observe y33 ~ Normal((0.5 * g1 - v30 * (x25 - 0.5) - g3[0][0]), 0.8);
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
                given x7 ~ Uniform(0.5, 2.0);
                local h8 ~ Normal(g3[0][0], x7);
                local h9 ~ Normal(0.0, 1.0);
                let v10 = (g1 + dot(g2, g2) + g1);
                let v11 = (0.4 * (dot(v5, v5)).tanh()).exp();
                local z12 ~ Bernoulli((0.1 + 0.8 * 0.2));
                let (v13, v14) = if z12 { (dot(v5, v5), (1.0 + 0.2)) } else { (g2[2], (0.4 * (-0.4).tanh()).exp()) };
                plate p15(1..=9) {
                    local h16[2] ~ Normal(0.1, (v14 + x7));
                    local h17 ~ Beta(v14 + 1.0, 2.0);
                    let v18 = (((v11).ln() - (if z12 { g1 } else { v10 })) + ((v11 + v14)).ln());
                    let v19 = (0.1 + 0.8 * (1.0 - h17));
                    local z20 ~ Bernoulli((0.1 + 0.8 * h17));
                    let v21 = (x7).sqrt();
                    observe y22: Option ~ Mixture([h17, 1.0 - h17], [Normal((g3[1][2] - v4 - (if z12 { g3[1][2] } else { 0.0 }) - 0.5 * h9), v11), Normal(0.0, 2.0)]);
                }
                observe y23 ~ Exponential(0.8);
            }
            plate p24(8..=21) {
                given x25 ~ Normal(0.0, 1.0);
                given x26 ~ Uniform(0.5, 2.0);
                local h27 ~ TruncatedNormal(0.0, 1.0, (0.1).tanh() - 2.0, (0.1).tanh() + 1.5);
                local h28 ~ Gamma(5.0, 5.0);
                let v29 = 0.8;
                let v30 = (if x25 < 0.3 { (-0.4 * (if x25 < 0.3 { 1.2 } else { v29.ln() })) } else { (0.3 + g2[3]) });
                let v31 = (h27);
                observe y32: Option ~ Normal((dot(v5, v5) + dot(g2, g2) + dot(v5, v5)), 0.8);
                observe y33 ~ Normal((0.5 * g1 - v30 * (x25 - 0.5) - g3[0][0]), 0.8);
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
        let mut all_v11 = Vec::new();
        let mut all_v10 = Vec::new();
        let mut all_h9 = Vec::new();
        let mut all_h8 = Vec::new();
        let mut all_x7 = Vec::new();
        for at_p6 in 0..d.p6.len() {
        let x7 = d.p6.x7[at_p6];
        all_x7.push(x7);
        let h8 = l.p6.h8[at_p6];
        { let x = h8; lp += normal(x, g3[0][0], x7); }
        all_h8.push(h8);
        let h9 = l.p6.h9[at_p6];
        { let x = h9; lp += normal(x, 0.0, 1.0); }
        all_h9.push(h9);
        let v10 = (g1 + dot(g2, g2) + g1);
        all_v10.push(v10);
        let v11 = (0.4 * (dot(v5, v5)).tanh()).exp();
        all_v11.push(v11);
        let mut of_z12 = Vec::new();
        for value in 0..2 { let z12 = value == 1; let mut lp = bernoulli(z12, (0.1 + 0.8 * 0.2));
        let (v13, v14) = if z12 { (dot(v5, v5), (1.0 + 0.2)) } else { (g2[2], (0.4 * (-0.4).tanh()).exp()) };
        for at_p15 in d.p6.p15.offsets[at_p6]..d.p6.p15.offsets[at_p6 + 1] {
        let h16 = &l.p6.p15.h16[at_p15];
        for &x in h16 { lp += normal(x, 0.1, (v14 + x7)); }
        let h17 = l.p6.p15.h17[at_p15];
        { let x = h17; lp += beta(x, v14 + 1.0, 2.0); }
        let v18 = (((v11).ln() - (if z12 { g1 } else { v10 })) + ((v11 + v14)).ln());
        let v19 = (0.1 + 0.8 * (1.0 - h17));
        let mut of_z20 = Vec::new();
        for value in 0..2 { let z20 = value == 1; let mut lp = bernoulli(z20, (0.1 + 0.8 * h17));
        let v21 = (x7).sqrt();
        if let Some(y) = d.p6.p15.y22[at_p15] { lp += log_sum(&[(h17).ln() + normal(y, (g3[1][2] - v4 - (if z12 { g3[1][2] } else { 0.0 }) - 0.5 * h9), v11), (1.0 - h17).ln() + normal(y, 0.0, 2.0)]); }
        of_z20.push(lp); }
        lp += log_sum(&of_z20);
        }
        let y23 = d.p6.y23[at_p6];
        { let y = y23; lp += exponential(y, 0.8); }
        lp += -0.1 * (dot(v5, v5)) * (dot(v5, v5));
        of_z12.push(lp); }
        lp += log_sum(&of_z12);
        }
        let x7 = all_x7;
        let h8 = all_h8;
        let h9 = all_h9;
        let v10 = all_v10;
        let v11 = all_v11;
        let mut all_v30 = Vec::new();
        let mut all_v29 = Vec::new();
        let mut all_h28 = Vec::new();
        let mut all_h27 = Vec::new();
        let mut all_x26 = Vec::new();
        let mut all_x25 = Vec::new();
        for at_p24 in 0..d.p24.len() {
        let x25 = d.p24.x25[at_p24];
        all_x25.push(x25);
        let x26 = d.p24.x26[at_p24];
        all_x26.push(x26);
        let h27 = l.p24.h27[at_p24];
        { let x = h27; lp += truncated_normal(x, 0.0, 1.0, (0.1).tanh() - 2.0, (0.1).tanh() + 1.5); }
        all_h27.push(h27);
        let h28 = l.p24.h28[at_p24];
        { let x = h28; lp += gamma(x, 5.0, 5.0); }
        all_h28.push(h28);
        let v29 = 0.8;
        all_v29.push(v29);
        let v30 = (if x25 < 0.3 { (-0.4 * (if x25 < 0.3 { 1.2 } else { v29.ln() })) } else { (0.3 + g2[3]) });
        all_v30.push(v30);
        let v31 = (h27);
        if let Some(y) = d.p24.y32[at_p24] { lp += normal(y, (dot(v5, v5) + dot(g2, g2) + dot(v5, v5)), 0.8); }
        let y33 = d.p24.y33[at_p24];
        { let y = y33; lp += normal(y, (0.5 * g1 - v30 * (x25 - 0.5) - g3[0][0]), 0.8); }
        }
        let x25 = all_x25;
        let x26 = all_x26;
        let h27 = all_h27;
        let h28 = all_h28;
        let v29 = all_v29;
        let v30 = all_v30;
        lp
    }

    #[test]
    fn density_is_that_of_a_plain_program() -> Result<(), String> {
        let checked = check(&M7Drawn::default(), &M7::default(), program, &["y22", "y32"], seed(1000))?;
        Ok(())
    }
}
