use hierarch::prelude::*;

model! {
    pub Example {
        global length ~ HalfNormal(1.0);
        global edges ~ Normal(0.0, 1.0);
        plate points(10) {
            given x: f64;
            local u ~ HalfNormal(1.0);
            given late ~ Normal(u, 1.0);
            local a ~ GaussianProcess(x, SquaredExponential(u, length));
            local b ~ GaussianProcess(u, Matern12(1.0, length));
            local c ~ GaussianProcess(x, length);
            local d ~ GaussianProcess(x, Matern32(length));
            local e ~ GaussianProcess(2.0 * x, Matern32(1.0, length));
            local f ~ Icar([(0, 1)]);
            local g ~ Icar(edges);
            local h ~ SquaredExponential(1.0, length);
            local i ~ Truncated(RandomWalk(1.0), 0.0, 1.0);
            local j[2] ~ RandomWalk(1.0);
            given later: f64;
            observe y ~ Normal(a, 1.0);
        }
    }
}

fn main() {}
