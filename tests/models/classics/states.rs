//! States that nobody saw: where a rate changes, which sites are inhabited, how wild a day is, what a pupil can do. Each against a sum
//! over all that the states may be.

use hierarch::prelude::*;
use statrs::function::gamma::ln_gamma;

use super::exact::{all_known, gamma, grid, known, normal, sample};

/// The log evidence of counts with a rate from Gamma(2, 1), without what depends on the counts alone, and the rate's posterior.
fn of_rate(counts: &[u64]) -> (f64, (f64, f64)) {
    let (shape, rate) = (2.0 + counts.iter().sum::<u64>() as f64, 1.0 + counts.len() as f64);
    (ln_gamma(shape) - shape * rate.ln(), gamma(shape, rate))
}

model! {
    /// Disasters in mines, which became rarer from a year on.
    pub Disasters {
        global change ~ DiscreteUniform(1, 14);
        global rate[2] ~ Gamma(2, 1);
        plate years(1..=14) {
            given year: u64;
            observe disasters ~ Poisson(rate[if year < change { 0 } else { 1 }]);
        }
    }
}

model! {
    /// The same with two changes, in any order: what is between them.
    pub Spell {
        global begin ~ DiscreteUniform(0, 14);
        global end ~ DiscreteUniform(0, 14);
        global rate[2] ~ Gamma(2, 1);
        plate years(1..=14) {
            given year: u64;
            let inside = year >= begin && year < end;
            observe disasters ~ Poisson(rate[if inside { 1 } else { 0 }]);
        }
    }
}

const DISASTERS: [u64; 14] = [4, 3, 5, 2, 4, 3, 4, 1, 1, 0, 2, 1, 3, 4];

#[test]
fn disasters() {
    let parts = |change: f64| DISASTERS.split_at(change as usize);
    let over = grid([(0.5, 14.5)], 14, |[change]| {
        let (early, late) = parts(change);
        of_rate(early).0 + of_rate(late).0
    });
    let years = DisastersYears { year: (0..14).collect(), disasters: DISASTERS.to_vec() };
    let early = over.mixed(|[change]| of_rate(parts(change).0).1);
    let late = over.mixed(|[change]| of_rate(parts(change).1).1);
    let chains = sample::<Disasters>(&DisastersData { years });
    all_known(&chains, &["change", "rate[0]", "rate[1]"], &[over.axes()[0], early, late]);
}

#[test]
fn a_spell_of_disasters() {
    let parts = |begin: f64, end: f64| {
        let inside = |year: &usize| *year as f64 >= begin && (*year as f64) < end;
        let (of, rest): (Vec<usize>, Vec<usize>) = (0..14).partition(inside);
        [rest, of].map(|years| of_rate(&years.into_iter().map(|year| DISASTERS[year]).collect::<Vec<_>>()))
    };
    let over = grid([(-0.5, 14.5); 2], 15, |[begin, end]| parts(begin, end).iter().map(|part| part.0).sum());
    let years = SpellYears { year: (0..14).collect(), disasters: DISASTERS.to_vec() };
    let chains = sample::<Spell>(&SpellData { years });
    let [begin, end] = over.axes();
    let rates = [0, 1].map(|i| over.mixed(|[begin, end]| parts(begin, end)[i].1));
    all_known(&chains, &["begin", "end", "rate[0]", "rate[1]"], &[begin, end, rates[0], rates[1]]);
}

model! {
    /// Sites that a species colonises, and where it dies out, from season to season: dynamic occupancy, after MacKenzie and others.
    pub Colonies {
        global start ~ Beta(1, 1);
        global colonised ~ Beta(1, 1);
        global extinct ~ Beta(1, 1);
        global seen ~ Beta(2, 2);
        plate sites(1..=50) {
            plate seasons(1..=20) {
                local there ~ Bernoulli(if is_first() { start } else if prev(there) { 1 - extinct } else { colonised });
                plate visits(1..=10) {
                    observe found ~ Bernoulli(if there { seen } else { 0.0 });
                }
            }
        }
    }
}

#[test]
fn colonies() {
    // Of each site the visits of its seasons, and how often it was found.
    let sites: [&[(u32, u32)]; 5] =
        [&[(2, 1), (2, 2), (1, 0)], &[(2, 0), (2, 0), (2, 1)], &[(1, 1), (2, 0), (2, 0)], &[(2, 2)], &[(3, 0), (1, 0)]];
    let over = grid([(0.0, 1.0); 4], 20, |[start, colonised, extinct, seen]| {
        let path = |seasons: &[(u32, u32)], path: usize| {
            let there = |season: usize| path >> season & 1 == 1;
            let one = |season: usize| {
                let (visits, found) = seasons[season];
                let yes = match season {
                    0 => start,
                    _ if there(season - 1) => 1.0 - extinct,
                    _ => colonised,
                };
                match there(season) {
                    true => yes * seen.powi(found as i32) * (1.0 - seen).powi((visits - found) as i32),
                    false if found > 0 => 0.0,
                    false => 1.0 - yes,
                }
            };
            (0..seasons.len()).map(one).product::<f64>()
        };
        let site = |seasons: &&[(u32, u32)]| (0..1 << seasons.len()).map(|p| path(seasons, p)).sum::<f64>().ln();
        (seen * (1.0 - seen)).ln() + sites.iter().map(site).sum::<f64>()
    });
    let (mut of_sites, mut of_seasons, mut all) = (vec![0], vec![0], Vec::new());
    for seasons in sites {
        for (visits, found) in seasons {
            all.extend((0..*visits).map(|visit| visit < *found));
            of_seasons.push(all.len());
        }
        of_sites.push(of_seasons.len() - 1);
    }
    let visits = ColoniesVisits { offsets: of_seasons, found: all };
    let data = ColoniesData { sites: ColoniesSites { seasons: ColoniesSeasons { offsets: of_sites, visits } } };
    all_known(&sample::<Colonies>(&data), &["start", "colonised", "extinct", "seen"], &over.axes());
}

model! {
    /// Returns whose logarithm of the variance is an autoregression: stochastic volatility.
    pub Volatility {
        global phi ~ Uniform(0, 0.95);
        global sd ~ LogNormal(median = 0.6, sigma = 0.3);
        plate days(1..=100) {
            let spread = if is_first() { sd / (1 - phi * phi).sqrt() } else { sd };
            local h ~ Normal(phi * prev(h, 1, 0.0), spread);
            observe y ~ Normal(0, (h / 2).exp());
        }
    }
}

#[test]
fn volatility() {
    let y = [0.3, -1.9, 2.6, -0.4, 0.1, -0.2, 3.1, 1.5];
    // The integral over the states one after the other, on a grid as wide as their distribution.
    const STATES: usize = 60;
    let filter = |phi: f64, sd: f64| {
        let wide = sd / (1.0 - phi * phi).sqrt();
        let cell = 10.0 * wide / STATES as f64;
        let at: Vec<f64> = (0..STATES).map(|i| -5.0 * wide + cell * (i as f64 + 0.5)).collect();
        let mut weight: Vec<f64> = at.iter().map(|h| normal(*h, 0.0, wide).exp()).collect();
        let mut log = 0.0;
        for (day, y) in y.iter().enumerate() {
            if day > 0 {
                let step = |to: &f64| {
                    let from = at.iter().zip(&weight).filter(|(h, _)| (to - phi * **h).abs() < 6.0 * sd);
                    cell * from.map(|(h, w)| w * normal(*to, phi * h, sd).exp()).sum::<f64>()
                };
                weight = at.iter().map(step).collect();
            }
            weight.iter_mut().zip(&at).for_each(|(w, h)| *w *= normal(*y, 0.0, (h / 2.0).exp()).exp());
            let sum = cell * weight.iter().sum::<f64>();
            log += sum.ln();
            weight.iter_mut().for_each(|w| *w /= sum);
        }
        let mean = cell * at.iter().zip(&weight).map(|(h, w)| h * w).sum::<f64>();
        let square = cell * at.iter().zip(&weight).map(|(h, w)| h * h * w).sum::<f64>();
        (log, (mean, (square - mean * mean).sqrt()))
    };
    let over = grid([(0.0, 0.95), (-1.8, 0.8)], 20, |[phi, log_sd]| {
        normal(log_sd, 0.6_f64.ln(), 0.3) + filter(phi, log_sd.exp()).0
    });
    let chains = sample::<Volatility>(&VolatilityData { days: VolatilityDays { y: y.to_vec() } });
    all_known(&chains, &["phi", "sd"], &[over.axes()[0], over.of(|[_, log_sd]| log_sd.exp())]);
    known(&chains, "h[7]", over.mixed(|[phi, log_sd]| filter(phi, log_sd.exp()).1));
}

model! {
    /// Animals that survive, move between two places, and are found: Arnason and Schwarz, with states that are the places and death.
    pub Places {
        global survival ~ Beta(1, 1);
        global moves[2] ~ Beta(1, 1);
        global seen ~ Beta(1, 1);
        let steps = [
            [survival * (1 - moves[0]), survival * moves[0], 1 - survival],
            [survival * moves[1], survival * (1 - moves[1]), 1 - survival],
            [0.0, 0.0, 1.0],
        ];
        plate animals(1..=50) {
            given released: usize;
            plate occasions(1..=10) {
                local place ~ Categorical(steps[if is_first() { released } else { prev(place) }]);
                observe found ~ Categorical([[seen, 0, 1 - seen], [0, seen, 1 - seen], [0, 0, 1]][place]);
            }
        }
    }
}

#[test]
fn places() {
    let animals: [(usize, &[usize]); 5] =
        [(0, &[0, 2, 1]), (1, &[2, 1]), (0, &[2, 2, 2]), (1, &[1, 0, 2]), (0, &[1, 2])];
    let over = grid([(0.0, 1.0); 4], 20, |[survival, away, back, seen]| {
        let step = |from: usize, to: usize| match (from, to) {
            (2, 2) => 1.0,
            (2, _) => 0.0,
            (_, 2) => 1.0 - survival,
            (0, 0) => survival * (1.0 - away),
            (0, _) => survival * away,
            (_, 1) => survival * (1.0 - back),
            _ => survival * back,
        };
        let animal = |(released, found): &(usize, &[usize])| {
            let path = |path: usize| {
                let (mut at, mut product) = (*released, 1.0);
                for (occasion, found) in found.iter().enumerate() {
                    let to = path / 3_usize.pow(occasion as u32) % 3;
                    let of_found = match (*found, to) {
                        (2, 2) => 1.0,
                        (2, _) => 1.0 - seen,
                        (found, to) if found == to => seen,
                        _ => 0.0,
                    };
                    product *= step(at, to) * of_found;
                    at = to;
                }
                product
            };
            (0..3_usize.pow(found.len() as u32)).map(path).sum::<f64>().ln()
        };
        animals.iter().map(animal).sum()
    });
    let offsets = animals.iter().scan(0, |at, (_, found)| {
        *at += found.len();
        Some(*at)
    });
    let occasions = PlacesOccasions {
        offsets: std::iter::once(0).chain(offsets).collect(),
        found: animals.iter().flat_map(|(_, found)| found.to_vec()).collect(),
    };
    let released = animals.iter().map(|(released, _)| *released).collect();
    let chains = sample::<Places>(&PlacesData { animals: PlacesAnimals { released, occasions } });
    all_known(&chains, &["survival", "moves[0]", "moves[1]", "seen"], &over.axes());
}

model! {
    /// What pupils can do, from answers that need all skills of an item: DINA, after Junker and Sijtsma.
    pub Skills {
        global share[3] ~ Beta(1, 1);
        plate items(1..=10) {
            given needs[3]: bool;
        }
        plate pupils(1..=20) {
            local adds ~ Bernoulli(share[0]);
            local divides ~ Bernoulli(share[1]);
            local reads ~ Bernoulli(share[2]);
            plate answers(1..=10) {
                given item: index(items);
                let all = needs[item];
                let able = (!all[0] || adds) && (!all[1] || divides) && (!all[2] || reads);
                observe right ~ Bernoulli(if able { 0.9 } else { 0.2 });
            }
        }
    }
}

#[test]
fn skills() {
    let needs = [[true, false, false], [false, true, false], [true, true, false], [false, true, true]];
    let pupils: [&[(usize, bool)]; 4] = [
        &[(0, true), (1, false), (2, false), (3, false)],
        &[(0, true), (2, true), (3, true)],
        &[(1, true), (0, false), (3, false)],
        &[(3, true), (2, false)],
    ];
    let over = grid([(0.0, 1.0); 3], 30, |share| {
        let pupil = |answers: &&[(usize, bool)]| {
            let can = |can: usize| {
                let has = |skill: usize| can >> skill & 1 == 1;
                let prior: f64 = (0..3).map(|s| if has(s) { share[s] } else { 1.0 - share[s] }).product();
                let right = |(item, right): &(usize, bool)| {
                    let p = if (0..3).all(|s| has(s) || !needs[*item][s]) { 0.9 } else { 0.2 };
                    if *right { p } else { 1.0 - p }
                };
                prior * answers.iter().map(right).product::<f64>()
            };
            (0..8).map(can).sum::<f64>().ln()
        };
        pupils.iter().map(pupil).sum()
    });
    let (item, right) = pupils.concat().into_iter().unzip();
    let answers = SkillsAnswers { offsets: vec![0, 4, 7, 10, 12], item, right };
    let data = SkillsData { items: SkillsItems { needs: needs.to_vec() }, pupils: SkillsPupils { answers } };
    all_known(&sample::<Skills>(&data), &["share[0]", "share[1]", "share[2]"], &over.axes());
}
