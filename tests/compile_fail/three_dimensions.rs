use hierarch::prelude::*;

model! {
    pub Table {
        global b[2][3][4] ~ Normal(0.0, 1.0);
        observe x ~ Normal(b[0][0][0], 1.0);
    }
}

model! {
    pub Matrices {
        global flat[3] ~ LkjCholesky(1.0);
        global effect[3][j in 0..3] ~ ZeroSumNormal(j as f64);
        observe x ~ Normal(flat[0] + effect[0][0], 1.0);
    }
}

model! {
    pub Sum {
        global x ~ Normal(0.0, 1.0);
        target += x;
    }
}

fn main() {}
