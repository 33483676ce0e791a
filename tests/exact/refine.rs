//! Refinement of proposals that are far off, evidence and Bayes factors: against closed forms and quadrature, and the stated errors
//! against the scatter over seeds.

use hierarch::distributions::{Distribution, Draw, Normal};
use hierarch::prelude::*;
use hierarch::sampling::{Evidence, Proposal, Road, importance_sample, refine_until};
use hierarch_tests::{seed, within};

/// Independent normal numbers in the unconstrained space.
struct Guess {
    names: Vec<String>,
    each: Vec<(f64, f64)>,
    /// Whether it says its density at points that are not its draws.
    known: bool,
}

impl Guess {
    fn of(names: &[&str], each: &[(f64, f64)]) -> Self {
        Self { names: names.iter().map(|name| (*name).to_owned()).collect(), each: each.to_vec(), known: true }
    }

    fn at(&self, q: &[f64]) -> f64 {
        q.iter().zip(&self.each).map(|(q, (mean, sd))| Normal::new(*mean, *sd).log_density(*q)).sum()
    }
}

impl Proposal for Guess {
    fn latent_names(&self) -> Vec<String> {
        self.names.clone()
    }

    fn draw(&self, rng: &mut Stream, q: &mut [f64], log_density: &mut [f64]) {
        for (q, log_density) in q.chunks_mut(self.each.len()).zip(log_density) {
            q.iter_mut().zip(&self.each).for_each(|(q, (mean, sd))| *q = Normal::new(*mean, *sd).draw(rng));
            *log_density = self.at(q);
        }
    }

    fn log_densities(&self, q: &[f64]) -> Option<Vec<f64>> {
        self.known.then(|| q.chunks(self.each.len()).map(|q| self.at(q)).collect())
    }
}

model! {
    pub Groups {
        param spread: f64 = 1.5;
        global mu ~ Normal(0.0, 3.0);
        plate groups(1..=100) {
            local theta ~ Normal(mu, spread);
            observe y ~ Normal(theta, 1.0);
        }
    }
}

/// The mean and sd of a normal posterior.
type Moments = (f64, f64);

/// The exact posterior of `mu` and of each `theta`, and the log evidence.
fn exact(model: &Groups, data: &GroupsData) -> (Moments, Vec<Moments>, f64) {
    let (y, between) = (&data.groups.y, model.spread * model.spread);
    let precision = 1.0 / 9.0 + y.len() as f64 / (between + 1.0);
    let (mean, sd) = (y.iter().sum::<f64>() / (between + 1.0) / precision, precision.recip().sqrt());
    // prior(0) likelihood(0) / posterior(0)
    let wide = Normal::new(0.0, (between + 1.0).sqrt());
    let log_evidence = Normal::new(0.0, 3.0).log_density(0.0) + y.iter().map(|y| wide.log_density(*y)).sum::<f64>()
        - Normal::new(mean, sd).log_density(0.0);
    let own = 1.0 / (1.0 / between + 1.0);
    let each = y.iter().map(|y| (own * (mean / between + y), (own + (own / between * sd).powi(2)).sqrt()));
    ((mean, sd), each.collect(), log_evidence)
}

fn sixty_four() -> (Groups, GroupsData) {
    let model = Groups::default();
    let data = model.simulate(1).size("groups", 64).seed(seed(3)).one().unwrap().data;
    (model, data)
}

/// All numbers off by half of their sd and too narrow, the mean by five.
fn joint(mu: Moments, theta: &[Moments]) -> Guess {
    let off = |(mean, sd): &Moments| (mean + 0.5 * sd, 0.7 * sd);
    let names = (0..theta.len()).map(|i| format!("theta[{i}]"));
    Guess {
        names: std::iter::once("mu".to_owned()).chain(names).collect(),
        each: std::iter::once((mu.0 + 5.0 * mu.1, 0.7 * mu.1)).chain(theta.iter().map(off)).collect(),
        known: false,
    }
}

#[test]
fn sixty_four_locals_are_worth_a_third_of_their_draws_and_more() {
    let (model, data) = sixty_four();
    let (mu, theta, log_evidence) = exact(&model, &data);
    let proposal = joint(mu, &theta);
    let plain = importance_sample(&model, &data, &proposal, 4000, seed(1)).unwrap();
    assert!(plain.k_hat() > 0.7 && plain.effective_sample_size() < 20.0, "{}", plain.about());
    let refined = refine_until(&model, &data, &proposal, 0.5, 2000, seed(1)).unwrap();
    assert!(matches!(refined.road(), Road::Adaptive { by_element: true, .. }), "{:?}", refined.steps());
    let weighted = refined.weighted().unwrap();
    let share = weighted.effective_sample_size() / weighted.as_draws().weights().len() as f64;
    within!(0.3, share, "{:?}", refined.steps());
    assert!(refined.warnings().is_empty() && weighted.k_hat() < 0.5, "{refined}");
    assert_eq!(refined.names().len(), 65);
    let check = |name: &str, (mean, sd): Moments| {
        let errors = (weighted.mcse_mean(name).unwrap(), weighted.mcse_sd(name).unwrap());
        within!((refined.mean(name).unwrap() - mean).abs() / errors.0, 5.0, "{name}");
        within!((refined.sd(name).unwrap() - sd).abs() / errors.1, 5.0, "{name}");
        within!(errors.0 / sd, 0.05, "{name}");
    };
    check("mu", mu);
    theta.iter().enumerate().for_each(|(i, theta)| check(&format!("theta[{i}]"), *theta));
    let Evidence { log, error } = refined.evidence().unwrap();
    within!(error, 0.03);
    within!((log - log_evidence).abs() / error, 4.0, "{log} +- {error}, {log_evidence}");
    let said = refined.to_string();
    assert!(said.contains("the proposal's draws: k-hat") && said.contains("rounds, element by element"), "{said}");
}

/// Twenty seeds: the errors that are stated are neither too small nor too large, and nothing is off on average.
#[test]
fn stated_errors_are_the_scatter_over_seeds() {
    let (model, data) = sixty_four();
    let (mu, theta, log_evidence) = exact(&model, &data);
    let mut off = vec![Vec::new(); 6];
    for own in 0..20 {
        let each = [(mu.0 + 3.0 * mu.1, 0.5 * mu.1)];
        let proposal = Guess { known: own % 2 == 0, ..Guess::of(&["mu"], &each) };
        let refined = refine_until(&model, &data, &proposal, 0.7, 400, seed(own)).unwrap();
        let weighted = refined.weighted().unwrap();
        for (k, (name, (mean, sd))) in [("mu", mu), ("theta[5]", theta[5])].into_iter().enumerate() {
            let error = weighted.mcse_mean(name).unwrap();
            off[2 * k].push((weighted.mean(name).unwrap() - mean) / error);
            let error = weighted.mcse_sd(name).unwrap();
            off[2 * k + 1].push((weighted.sd(name).unwrap() - sd) / error);
        }
        let of = |evidence: Evidence| (evidence.log - log_evidence) / evidence.error;
        off[4].push(of(weighted.evidence()));
        off[5].push(of(model.bridge(&data, &refined, seed(own)).unwrap()));
    }
    for (what, off) in ["mean", "sd", "mean of a local", "sd of a local", "evidence", "bridge"].iter().zip(off) {
        let square = off.iter().map(|z| z * z).sum::<f64>() / 20.0;
        // A chi-squared variable of 20 degrees of freedom is within these bounds but for 1 in 1,000 or so.
        within!(square, 2.6, "{what}: {off:?}");
        within!(0.25, square, "{what}: {off:?}");
        within!((off.iter().sum::<f64>() / 20.0_f64.sqrt()).abs(), 4.0, "{what}: {off:?}");
    }
}

/// Of the spread between groups: by weights, and by a bridge from chains.
#[test]
fn a_bayes_factor_of_two_models() {
    let (one, data) = sixty_four();
    let other = Groups { spread: 1.0 };
    let log_factor = exact(&one, &data).2 - exact(&other, &data).2;
    let by_weights = |model: &Groups| {
        let (mean, sd) = exact(model, &data).0;
        let proposal = Guess::of(&["mu"], &[(mean + 10.0 * sd, sd)]);
        refine_until(model, &data, &proposal, 0.5, 1000, seed(5)).unwrap().evidence().unwrap()
    };
    let by_bridge = |model: &Groups| {
        let chains = model.nuts(&data).seed(seed(7)).draws(250).run().unwrap();
        model.bridge(&data, &chains, seed(7)).unwrap()
    };
    for (one, other) in [(by_weights(&one), by_weights(&other)), (by_bridge(&one), by_bridge(&other))] {
        let factor = one.against(&other);
        within!(factor.error, 0.05);
        within!((factor.log - log_factor).abs() / factor.error, 4.0, "{factor}, {log_factor}");
        assert!((factor.probability(0.5) / (1.0 - factor.probability(0.5)) / factor.value() - 1.0).abs() < 1e-9);
    }
}

model! {
    /// An sd between groups that may be zero: the locals are a funnel.
    pub Funnel {
        global mu ~ Normal(0.0, 3.0);
        global tau ~ HalfNormal(2.0);
        plate groups(1..=100) {
            local theta ~ Normal(mu, tau);
            observe y ~ Normal(theta, 1.0);
        }
    }
}

#[test]
fn a_funnel_has_the_moments_of_quadrature() {
    let model = Funnel::default();
    let y: Vec<f64> = (0..40).map(|i| f64::from(i * i % 17) / 5.0 - 1.0).collect();
    let data = FunnelData { groups: FunnelGroups { y } };
    // The rule of midpoints, with the locals integrated out.
    let (mut sum, mut means) = (0.0, [0.0, 0.0]);
    let (steps, top) = (300, 70.0);
    for i in 0..steps {
        let mu = -1.0 + 3.5 * (f64::from(i) + 0.5) / f64::from(steps);
        for j in 0..steps {
            let tau = 3.0 * (f64::from(j) + 0.5) / f64::from(steps);
            let wide = Normal::new(mu, (1.0 + tau * tau).sqrt());
            let log = Normal::new(0.0, 3.0).log_density(mu)
                + Normal::new(0.0, 2.0).log_density(tau)
                + 2.0_f64.ln()
                + data.groups.y.iter().map(|y| wide.log_density(*y)).sum::<f64>();
            let p = (log + top).exp() * 3.5 * 3.0 / f64::from(steps * steps);
            sum += p;
            means[0] += p * mu;
            means[1] += p * tau;
        }
    }
    let proposal = Guess::of(&["mu", "tau"], &[(3.0, 0.3), (1.0, 0.3)]);
    let refined = refine_until(&model, &data, &proposal, 0.5, 2000, seed(2)).unwrap();
    let weighted = refined.weighted().unwrap();
    for (name, mean) in ["mu", "tau"].into_iter().zip(means) {
        let error = weighted.mcse_mean(name).unwrap();
        within!((refined.mean(name).unwrap() - mean / sum).abs() / error, 4.5, "{name}: {}", mean / sum);
    }
    let Evidence { log, error } = weighted.evidence();
    within!(error, 0.06);
    within!((log - (sum.ln() - top)).abs() / error, 4.5, "{log} +- {error}, {}", sum.ln() - top);
}

model! {
    /// Houses that name their county.
    pub Houses {
        global mu ~ Normal(0.0, 2.0);
        plate counties(1..=50) {
            local level ~ Normal(mu, 0.8);
        }
        plate houses(1..=500) {
            given county: index(counties);
            observe y ~ Normal(level[county], 1.0);
        }
    }
}

#[test]
fn elements_that_are_read_by_index_belong_to_those_that_read_them() {
    let county: Vec<usize> = (0..120).map(|i| i * i % 23).collect();
    let y: Vec<f64> =
        county.iter().enumerate().map(|(i, c)| (i * 7 % 11) as f64 / 3.0 - 1.0 + *c as f64 / 20.0).collect();
    let houses = HousesHouses { county, y };
    let (model, data) = (Houses::default(), HousesData { counties: HousesCounties { size: 23 }, houses });
    // Of each county its mean is normal around mu; what is left does not depend on it.
    let (mut precision, mut weighted, mut log_at_zero) = (0.25, 0.0, Normal::new(0.0, 2.0).log_density(0.0));
    for county in 0..23 {
        let own = data.houses.county.iter().zip(&data.houses.y).filter(|(c, _)| **c == county);
        let own: Vec<f64> = own.map(|(_, y)| *y).collect();
        if own.is_empty() {
            continue;
        }
        let n = own.len() as f64;
        let (mean, variance) = (own.iter().sum::<f64>() / n, 0.64 + 1.0 / n);
        precision += 1.0 / variance;
        weighted += mean / variance;
        let squares: f64 = own.iter().map(|y| (y - mean).powi(2)).sum();
        log_at_zero += Normal::new(0.0, variance.sqrt()).log_density(mean)
            - 0.5 * (squares + n.ln() + (n - 1.0) * std::f64::consts::TAU.ln());
    }
    let (mean, sd) = (weighted / precision, precision.recip().sqrt());
    let log_evidence = log_at_zero - Normal::new(mean, sd).log_density(0.0);
    let proposal = Guess::of(&["mu"], &[(mean - 6.0 * sd, 0.5 * sd)]);
    let refined = refine_until(&model, &data, &proposal, 0.5, 1000, seed(4)).unwrap();
    assert!(matches!(refined.road(), Road::Adaptive { by_element: true, .. }), "{:?}", refined.steps());
    let Evidence { log, error } = refined.evidence().unwrap();
    within!((log - log_evidence).abs() / error, 4.5, "{log} +- {error}, {log_evidence}");
    let error = refined.weighted().unwrap().mcse_mean("mu").unwrap();
    within!((refined.mean("mu").unwrap() - mean).abs() / error, 4.5);
}

model! {
    pub Wide {
        global theta[30] ~ Normal(0.0, 3.0);
        plate rows(1..=50) {
            observe x[i in 0..30] ~ Normal(theta[i], 1.0);
        }
    }
}

/// Thirty globals from where nothing is known of them.
#[test]
fn where_weights_fail_chains_go_on() {
    let model = Wide::default();
    let data = model.simulate(1).size("rows", 10).seed(seed(5)).one().unwrap().data;
    let (precision, mut log_evidence) = (1.0 / 9.0 + 10.0, 0.0);
    let mut means = Vec::new();
    for i in 0..30 {
        let x = || data.rows.x.iter().map(|x| x[i]);
        let mean = x().sum::<f64>() / precision;
        let sd = f64::sqrt(1.0 / precision);
        log_evidence += Normal::new(0.0, 3.0).log_density(0.0)
            + x().map(|x| Normal::new(0.0, 1.0).log_density(x)).sum::<f64>()
            - Normal::new(mean, sd).log_density(0.0);
        means.push(mean);
    }
    let names: Vec<String> = (0..30).map(|i| format!("theta[{i}]")).collect();
    let proposal = Guess { names, each: vec![(20.0, 0.1); 30], known: true };
    let refined = refine_until(&model, &data, &proposal, 0.5, 1000, seed(1)).unwrap();
    assert_eq!(refined.road(), Road::Nuts, "{:?}", refined.steps());
    assert!(refined.weighted().is_none() && refined.steps().last().unwrap().starts_with("NUTS"), "{refined}");
    let chains = refined.chains().unwrap();
    for (i, mean) in means.iter().enumerate() {
        let error = hierarch::draws::diagnostics::mcse_mean(&chains.by_chain(format!("theta[{i}]")).unwrap());
        within!((refined.mean(format!("theta[{i}]")).unwrap() - mean).abs() / error, 5.0, "{i}");
    }
    let Evidence { log, error } = refined.evidence().unwrap();
    within!(error, 0.2);
    within!((log - log_evidence).abs() / error, 4.5, "{log} +- {error}, {log_evidence}");
}

#[test]
fn a_good_proposal_needs_its_weights_alone() {
    let (model, data) = sixty_four();
    let data = GroupsData { groups: GroupsGroups { y: data.groups.y[..1].to_vec() } };
    let (mu, theta, _) = exact(&model, &data);
    let wide = |(mean, sd): Moments| (mean, 1.2 * sd);
    let proposal = Guess::of(&["mu", "theta[0]"], &[wide(mu), wide(theta[0])]);
    let refined = refine_until(&model, &data, &proposal, 0.7, 2000, seed(1)).unwrap();
    assert_eq!(refined.road(), Road::Weights, "{refined}");
    let plain = importance_sample(&model, &data, &proposal, 2000, seed(1)).unwrap();
    assert_eq!(refined.mean("mu").unwrap(), plain.mean("mu").unwrap());
    assert_eq!(refined.evidence().unwrap(), plain.evidence());
}

#[test]
fn the_same_on_any_number_of_threads() {
    let (model, data) = sixty_four();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let refined = refine_until(&model, &data, &Guess::of(&["mu"], &[(1.0, 0.2)]), 0.7, 200, seed(1)).unwrap();
            let bridge = model.bridge(&data, &refined, seed(1)).unwrap();
            (refined.sample(9, 1), refined.evidence(), bridge)
        })
    };
    assert_eq!(run(1), run(3));
}

model! {
    pub Improper {
        global mu ~ Flat;
        plate rows(1..=50) {
            observe x ~ Normal(mu, 1.0);
        }
    }
}

#[test]
fn what_cannot_be_refined_says_why() {
    let (model, data) = sixty_four();
    let good = || Guess::of(&["mu"], &[(0.0, 1.0)]);
    let refuse = |proposal: &Guess, k_hat: f64, draws: usize| {
        refine_until(&model, &data, proposal, k_hat, draws, seed(1)).unwrap_err().to_string()
    };
    assert_eq!(refuse(&good(), 0.5, 99), "the number of draws is 99, but must be at least 100");
    for k_hat in [0.0, -1.0, 0.8, f64::NAN] {
        assert!(refuse(&good(), k_hat, 400).contains("must be above 0 and at most 0.7"));
    }
    assert!(refuse(&Guess::of(&["nu"], &[(0.0, 1.0)]), 0.5, 400).contains("lacks `mu`, `theta[0]`"));
    assert!(refuse(&Guess::of(&["mu"], &[(f64::INFINITY, 1.0)]), 0.5, 400).contains("all must be finite"));
    let draws = |n: usize| Draws::new([("mu", vec![0.3; n])]);
    let error = model.bridge(&data, &draws(500), 1).unwrap_err().to_string();
    assert!(error.contains("of other data or of another model"), "{error}");
    let one = GroupsData { groups: GroupsGroups { y: vec![0.3] } };
    let few = Draws::new([("mu", vec![0.3; 20]), ("theta[0]", vec![0.1; 20])]);
    let error = model.bridge(&one, &few, 1).unwrap_err().to_string();
    assert!(error.contains("of 20 draws 20 have a finite density, and at least 100 are needed"), "{error}");
    let rows = ImproperRows { x: vec![0.3, 0.4] };
    let error = Improper::default().bridge(&ImproperData { rows }, &draws(500), 1).unwrap_err().to_string();
    assert!(error.contains("the prior of `mu` is flat"), "{error}");
}
