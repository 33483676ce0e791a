use hierarch::prelude::*;

model! {
    pub Example {
        global s ~ HalfNormal(1.0);
        let once = if is_first() { 1.0 } else { prev(s, 1, 0.0) };
        plate days(1..=10) {
            local no_beginning ~ Normal(prev(no_beginning), 1.0);
            local no_steps ~ Normal(prev(no_steps, 0, 0.0), 1.0);
            local no_name ~ Normal(prev(s + 1.0, 1, 0.0), 1.0);
            local outside ~ Normal(prev(s, 1, 0.0), 1.0);
            local bounded ~ Uniform(0.0, s);
            local of_bounded ~ Normal(prev(bounded, 1, 0.5), 1.0);
            local state ~ Categorical([[0.5, 0.5], [0.1, 0.9]][prev(state, 2, 0)]);
            local other ~ Bernoulli(0.5);
            let level = if other { 1.0 } else { 0.5 * prev(level, 1, 0.0) };
            factor 0.1 * prev(y);
            observe y ~ Normal(level, 1.0);
        }
    }
}

model! {
    pub Read {
        global s ~ HalfNormal(1.0);
        plate days(1..=10) {
            let level = 0.5 * prev(level, 1, 1.0);
            local x ~ Normal(level, s);
        }
        plate rows(1..=10) {
            given day: index(days);
            observe y ~ Normal(x[day], 1.0);
        }
    }
}

fn main() {}
