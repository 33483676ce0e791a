use hierarch::prelude::*;

model! {
    pub Effects {
        global b ~ Normal(0.0, 1.0);
        global sd ~ HalfNormal(1.0);
        quantity effect = b / sd;
        quantity length[3] = b;
        observe x ~ Normal(b, sd);
    }
}

model! {
    pub Used {
        global b ~ Normal(0.0, 1.0);
        quantity effect = 2 * b;
        observe x ~ Normal(effect, 1.0);
    }
}

model! {
    pub Mixed {
        global share ~ Beta(1.0, 1.0);
        quantity two ~ Dirichlet([1.0, 1.0]);
        quantity number ~ share;
        plate rows(1..=10) {
            local late ~ Bernoulli(share);
            quantity kind = if late { 1.0 } else { 0.0 };
            observe y ~ Normal(if late { 1.0 } else { 0.0 }, 1.0);
        }
    }
}

model! {
    pub Habits {
        global b ~ Normal(0.0, 1.0);
        observe x ~ Normal(b, 1.0);
        generated quantities { real effect; }
    }
}

model! {
    pub Loops {
        global b ~ Normal(0.0, 1.0);
        for i in 0..3 { observe x ~ Normal(b, 1.0); }
    }
}

model! {
    pub Constants {
        const K: usize = 3;
        global b[K] ~ Normal(0.0, 1.0);
        observe x ~ Normal(b[0], 1.0);
    }
}

fn main() {}
