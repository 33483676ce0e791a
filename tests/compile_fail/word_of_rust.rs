use hierarch::prelude::*;

model! {
    pub Example {
        global type ~ Normal(0.0, 1.0);
        observe x ~ Normal(0.0, 1.0);
    }
}

fn main() {}
