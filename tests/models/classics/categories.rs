//! Categories that nobody saw: the topics of words, and the truth behind what raters say. Posteriors are sums over all that they may
//! be, of conjugate ones.

use hierarch::prelude::*;
use statrs::function::gamma::ln_gamma;

use super::exact::{all_known, sample};

/// Probabilities with a Dirichlet prior, and where their counts are.
struct Block {
    prior: Vec<f64>,
    counts: Vec<f64>,
}

impl Block {
    fn new(prior: impl Into<Vec<f64>>) -> Self {
        let prior = prior.into();
        Self { counts: prior.clone(), prior }
    }

    /// The logarithm of the probability of what was counted.
    fn log_evidence(&self) -> f64 {
        let of = |a: &[f64]| a.iter().map(|a| ln_gamma(*a)).sum::<f64>() - ln_gamma(a.iter().sum());
        of(&self.counts) - of(&self.prior)
    }

    /// The mean and the mean square of a probability.
    fn moments(&self, category: usize) -> (f64, f64) {
        let (a, n) = (self.counts[category], self.counts.iter().sum::<f64>());
        (a / n, a * (a + 1.0) / (n * (n + 1.0)))
    }
}

/// The means and the sds of the probabilities `of`, pairs of a block and a category, over all `categories` of `n` things that nobody
/// saw; `blocks` counts what they make of the data.
fn summed<const N: usize>(
    categories: usize,
    n: u32,
    of: [(usize, usize); N],
    blocks: impl Fn(&[usize]) -> Vec<Block>,
) -> [(f64, f64); N] {
    let mut sums = [(0.0, 0.0); N];
    let mut total = 0.0;
    for all in 0..categories.pow(n) {
        let hidden: Vec<usize> = (0..n).map(|i| all / categories.pow(i) % categories).collect();
        let blocks = blocks(&hidden);
        let weight = blocks.iter().map(Block::log_evidence).sum::<f64>().exp();
        total += weight;
        for (sum, (block, category)) in sums.iter_mut().zip(of) {
            let (mean, square) = blocks[block].moments(category);
            *sum = (sum.0 + weight * mean, sum.1 + weight * square);
        }
    }
    sums.map(|(mean, square)| (mean / total, (square / total - (mean / total).powi(2)).sqrt()))
}

model! {
    /// Latent Dirichlet allocation: each word of a document is of one of its topics.
    pub Topics {
        global words[k in 0..2][3] ~ Dirichlet(if k == 0 { [4.0, 2.0, 1.0] } else { [1.0, 2.0, 4.0] });
        plate documents(1..=20) {
            local share[2] ~ Dirichlet([1.5; 2]);
            plate text(1..=30) {
                local topic ~ Categorical(share);
                observe word ~ Categorical(words[topic]);
            }
        }
    }
}

#[test]
fn topics() {
    let word = vec![0, 0, 1, 0, 2, 2, 2, 1, 2, 0, 0, 2];
    let exact = summed(2, 12, [(0, 0), (1, 2), (2, 0), (3, 0)], |topics| {
        let mut blocks = vec![Block::new([4.0, 2.0, 1.0]), Block::new([1.0, 2.0, 4.0])];
        blocks.extend([(); 2].map(|()| Block::new([1.5; 2])));
        for (at, (topic, word)) in topics.iter().zip(&word).enumerate() {
            blocks[*topic].counts[*word] += 1.0;
            blocks[2 + usize::from(at >= 5)].counts[*topic] += 1.0;
        }
        blocks
    });
    let text = TopicsText { offsets: vec![0, 5, 12], word: word.clone() };
    let chains = sample::<Topics>(&TopicsData { documents: TopicsDocuments { text } });
    all_known(&chains, &["words[0][0]", "words[1][2]", "share[0][0]", "share[1][0]"], &exact);
}

model! {
    /// The raters of Dawid and Skene: each has probabilities of what he says of a thing of each kind.
    pub Raters {
        global kinds[3] ~ Dirichlet([2.0; 3]);
        plate raters(1..=10) {
            local a[3] ~ Dirichlet([4.0, 1.0, 1.0]);
            local b[3] ~ Dirichlet([1.0, 4.0, 1.0]);
            local c[3] ~ Dirichlet([1.0, 1.0, 4.0]);
        }
        plate things(1..=50) {
            local kind ~ Categorical(kinds);
            plate answers(1..=10) {
                given by: index(raters);
                observe said ~ Categorical([a[by], b[by], c[by]][kind]);
            }
        }
    }
}

#[test]
fn raters() {
    let (by, said) = ([0, 1, 2, 0, 1, 0, 2, 1, 2, 0, 1, 2], [0, 0, 0, 1, 1, 2, 2, 1, 2, 0, 1, 0]);
    let offsets = vec![0, 3, 5, 7, 9, 12];
    let exact = summed(3, 5, [(0, 0), (1, 0), (2, 0), (3 + 2, 1), (2 * 3 + 3, 2)], |kinds| {
        let mut blocks = vec![Block::new([2.0; 3])];
        for _ in 0..3 {
            blocks.extend([[4.0, 1.0, 1.0], [1.0, 4.0, 1.0], [1.0, 1.0, 4.0]].map(Block::new));
        }
        for (thing, kind) in kinds.iter().enumerate() {
            blocks[0].counts[*kind] += 1.0;
            for answer in offsets[thing]..offsets[thing + 1] {
                blocks[1 + 3 * by[answer] + kind].counts[said[answer]] += 1.0;
            }
        }
        blocks
    });
    let answers = RatersAnswers { offsets: offsets.clone(), by: by.to_vec(), said: said.to_vec() };
    let data = RatersData { raters: RatersRaters { size: 3 }, things: RatersThings { answers } };
    all_known(&sample::<Raters>(&data), &["kinds[0]", "a[0][0]", "b[0][0]", "b[1][1]", "c[2][2]"], &exact);
}
