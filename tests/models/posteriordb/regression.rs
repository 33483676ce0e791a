//! Linear regressions, with flat priors and others. Where columns are far from zero or nearly collinear, coefficients are strongly
//! correlated: `Metric::LowRank`.

use super::Posterior;
use hierarch::prelude::*;
use hierarch::sampling::Metric;

fn logs(column: Vec<f64>) -> Vec<f64> {
    column.into_iter().map(f64::ln).collect()
}

model! {
    /// The score of a child by the IQ of its mother.
    pub KidScore {
        global beta[2] ~ Flat;
        global sigma ~ HalfCauchy(2.5);
        plate children(1..=1000) {
            given mom_iq: f64;
            observe kid_score ~ Normal(beta[0] + beta[1] * mom_iq, sigma);
        }
    }
}

#[test]
#[ignore = "long: many draws"]
fn posteriordb_kidscore_momiq() {
    let posterior = Posterior::read("kidiq-kidscore_momiq");
    let children = KidScoreChildren { mom_iq: posterior.get("mom_iq"), kid_score: posterior.get("kid_score") };
    posterior.check(KidScore::default().nuts(&KidScoreData { children }).metric(Metric::LowRank));
}

model! {
    /// Earnings by height and sex, and by both together.
    pub LogEarn {
        global beta[4] ~ Flat;
        global sigma ~ Flat(0..);
        plate people(1..=2000) {
            given height: f64;
            given male: f64;
            let inter = height * male;
            observe log_earn ~ Normal(beta[0] + beta[1] * height + beta[2] * male + beta[3] * inter, sigma);
        }
    }
}

#[test]
#[ignore = "long: many draws"]
fn posteriordb_logearn_interaction() {
    let posterior = Posterior::read("earnings-logearn_interaction");
    let people = LogEarnPeople {
        height: posterior.get("height"),
        male: posterior.get("male"),
        log_earn: logs(posterior.get("earn")),
    };
    posterior.check(LogEarn::default().nuts(&LogEarnData { people }).metric(Metric::LowRank));
}

model! {
    /// The weight of leaves of mesquite bushes by their measures, all in logarithms but the group.
    pub LogMesquite {
        global beta[7] ~ Flat;
        global sigma ~ Flat(0..);
        plate bushes(1..=100) {
            given diam1: f64;
            given diam2: f64;
            given canopy_height: f64;
            given total_height: f64;
            given density: f64;
            given group: f64;
            let logs = [1.0, diam1.ln(), diam2.ln(), canopy_height.ln(), total_height.ln(), density.ln(), group];
            observe log_weight ~ Normal(dot(beta, logs), sigma);
        }
    }
}

#[test]
#[ignore = "long: many draws"]
fn posteriordb_logmesquite() {
    let posterior = Posterior::read("mesquite-logmesquite");
    let bushes = LogMesquiteBushes {
        diam1: posterior.get("diam1"),
        diam2: posterior.get("diam2"),
        canopy_height: posterior.get("canopy_height"),
        total_height: posterior.get("total_height"),
        density: posterior.get("density"),
        group: posterior.get("group"),
        log_weight: logs(posterior.get("weight")),
    };
    posterior.check(LogMesquite::default().nuts(&LogMesquiteData { bushes }));
}

model! {
    /// The party of voters by their opinions, race, age group (1 to 4), education, gender and income.
    pub Nes {
        global beta[9] ~ Flat;
        global sigma ~ Flat(0..);
        plate voters(1..=2000) {
            given real_ideo: f64;
            given race_adj: f64;
            given age_discrete: usize;
            given educ1: f64;
            given gender: f64;
            given income: f64;
            let age = match age_discrete { 2 => beta[3], 3 => beta[4], 4 => beta[5], _ => 0.0 };
            let rest = beta[6] * educ1 + beta[7] * gender + beta[8] * income;
            observe partyid7 ~ Normal(beta[0] + beta[1] * real_ideo + beta[2] * race_adj + age + rest, sigma);
        }
    }
}

#[test]
#[ignore = "long: many draws"]
fn posteriordb_nes() {
    let posterior = Posterior::read("nes1980-nes");
    let voters = NesVoters {
        real_ideo: posterior.get("real_ideo"),
        race_adj: posterior.get("race_adj"),
        age_discrete: posterior.get("age_discrete"),
        educ1: posterior.get("educ1"),
        gender: posterior.get("gender"),
        income: posterior.get("income"),
        partyid7: posterior.get("partyid7"),
    };
    posterior.check(Nes::default().nuts(&NesData { voters }));
}

const D: usize = 5;

model! {
    /// A regression on columns that are nearly collinear.
    pub Blr {
        global beta[D] ~ Normal(0, 10);
        global sigma ~ HalfNormal(10);
        plate rows(1..=200) {
            given x[D]: f64;
            observe y ~ Normal(dot(x, beta), sigma);
        }
    }
}

#[test]
#[ignore = "long: many draws"]
fn posteriordb_blr() {
    let posterior = Posterior::read("sblrc-blr");
    let rows = BlrRows { x: posterior.get("X"), y: posterior.get("y") };
    posterior.check(Blr::default().nuts(&BlrData { rows }).metric(Metric::LowRank));
}

model! {
    /// Summer temperatures in Kilpisjarvi by year, not centred.
    pub Kilpisjarvi {
        param pmualpha: f64;
        param psalpha: f64;
        param pmubeta: f64;
        param psbeta: f64;
        global alpha ~ Normal(pmualpha, psalpha);
        global beta ~ Normal(pmubeta, psbeta);
        global sigma ~ Flat(0..);
        plate summers(1..=100) {
            given x: f64;
            observe y ~ Normal(alpha + beta * x, sigma);
        }
    }
}

#[test]
#[ignore = "long: many draws"]
fn posteriordb_kilpisjarvi() {
    let posterior = Posterior::read("kilpisjarvi_mod-kilpisjarvi");
    let model = Kilpisjarvi {
        pmualpha: posterior.get("pmualpha"),
        psalpha: posterior.get("psalpha"),
        pmubeta: posterior.get("pmubeta"),
        psbeta: posterior.get("psbeta"),
    };
    let summers = KilpisjarviSummers { x: posterior.get("x"), y: posterior.get("y") };
    posterior.check(model.nuts(&KilpisjarviData { summers }).metric(Metric::LowRank));
}

const KC: usize = 24;

model! {
    /// The price of diamonds by their size, cut, colour and clarity.
    pub Diamonds {
        global b[KC] ~ Normal(0, 1);
        global intercept ~ StudentT(3, 8, 10);
        global sigma ~ HalfStudentT(3, 10);
        plate stones(1..=5000) {
            given xc[KC]: f64;
            observe y ~ Normal(intercept + dot(xc, b), sigma);
        }
    }
}

/// The columns of R's `log(price) ~ carat * (log(x) + log(y) + log(z)) + cut + color + clarity`, centred.
fn design_of_diamonds(posterior: &Posterior) -> Vec<[f64; KC]> {
    let carat: Vec<f64> = posterior.get("carat");
    let sizes = ["x", "y", "z"].map(|size| logs(posterior.get(size)));
    let grades = ["cut", "color", "clarity"].map(|grade| {
        let contrasts: Vec<Vec<f64>> = posterior.get(&format!("{grade}_contrasts"));
        let levels: Vec<usize> = posterior.get(grade);
        levels.into_iter().map(|level| contrasts[level].clone()).collect::<Vec<_>>()
    });
    let row = |i: usize| {
        let sizes = sizes.each_ref().map(|size| size[i]);
        let grades = grades.iter().flat_map(|grade| grade[i].iter().copied());
        let all: Vec<f64> =
            [carat[i]].into_iter().chain(sizes).chain(grades).chain(sizes.map(|x| carat[i] * x)).collect();
        <[f64; KC]>::try_from(all).unwrap()
    };
    let mut rows: Vec<[f64; KC]> = (0..carat.len()).map(row).collect();
    let n = rows.len() as f64;
    let means: [f64; KC] = std::array::from_fn(|k| rows.iter().map(|row| row[k]).sum::<f64>() / n);
    rows.iter_mut().for_each(|row| row.iter_mut().zip(means).for_each(|(x, mean)| *x -= mean));
    rows
}

#[test]
#[ignore = "long: many draws"]
fn posteriordb_diamonds() {
    let posterior = Posterior::read("diamonds-diamonds");
    let stones = DiamondsStones { xc: design_of_diamonds(&posterior), y: logs(posterior.get("price")) };
    posterior.check(Diamonds::default().nuts(&DiamondsData { stones }).metric(Metric::LowRank));
}
