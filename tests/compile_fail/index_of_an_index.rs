use hierarch::prelude::*;

model! {
    pub Example {
        plate topics(3) {
            local level ~ Normal(0.0, 1.0);
        }
        plate items(5) {
            given topic: index(topics);
            local ease ~ Normal(level[topic], 1.0);
        }
        plate answers(10) {
            given item: index(items);
            observe y ~ Normal(ease[item] + level[topic[item]], 1.0);
        }
    }
}

fn main() {}
