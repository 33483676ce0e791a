use hierarch::prelude::*;

model! {
    pub Coins {
        global bias ~ Beta(1.0, 1.0);
        plate tosses(1..=100) {
            observe heads ~ Bernoulli(bais);
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = Coins::default();
    let data = model.simulate(1).at(&CoinsGlobals { bias: 0.5 }).size(Coins::TOSSES, 10).one()?.data;
    println!("{}", data.tosses.heads.len() + CoinsTosses { heads: vec![true] }.heads.len());
    println!("{}", model.nuts(&data).run()?.mean(Coins::BIAS)?);
    Ok(())
}
