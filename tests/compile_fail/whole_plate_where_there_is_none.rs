use hierarch::prelude::*;

const EDGES: &[(usize, usize)] = &[(0, 1)];

model! {
    pub Example {
        global walk ~ RandomWalk(1.0);
        plate rows(10) {
            local w ~ RandomWalk(1.0);
            observe y ~ Icar(EDGES);
            observe z ~ Normal(w + walk + prev(z, 1, 0.0), 1.0);
        }
    }
}

fn main() {}
