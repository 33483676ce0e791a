use hierarch::prelude::*;

model! {
    pub Long {
        global beta[3] ~ Normal(0.0, 1.0);
        let beyond = sum(i in 0..4, beta[i]);
        let open = sum(i in 0.., beta[i]);
        let shadow = sum(beta in 0..3, 1.0);
        let other = max(i in beta, beta[i]);
        observe x ~ Normal(beyond + open + shadow + other, 1.0);
    }
}

model! {
    pub Through {
        global mu ~ Normal(0.0, 1.0);
        plate schools(1..=20) {
            local theta ~ Normal(mu, 1.0);
            observe y ~ Normal(theta, 1.0);
            quantity inside = sum(s in schools, theta[s]);
        }
        factor -sum(s in schools, theta[s]).square();
    }
}

model! {
    pub Comma {
        global beta[3] ~ Normal(0.0, 1.0);
        observe x ~ Normal(sum(i in 0..3), 1.0);
    }
}

fn main() {}
