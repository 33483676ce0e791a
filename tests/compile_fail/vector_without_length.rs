use hierarch::prelude::*;

model! {
    pub Example {
        global share ~ Dirichlet([1.0, 1.0, 1.0]);
        observe y ~ Categorical(share);
    }
}

fn main() {}
