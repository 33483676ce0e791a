//! The figures of the example, but for those of training and calibration.

use hierarch::estimators::JointEstimator;
use hierarch::plot::{self, Axes, Figure, ImageAxes, ImagePanel, Marginal, Mark, Panel, Series};
use hierarch::prelude::*;
use hierarch::simulate::{Simulation, stream};

use crate::common::{Output, Result};
use crate::judge::{GLOBALS, IMAGES, Judged, LOCALS, Width, alone, first};
use crate::model::{Image, Lensing, LensingGlobals, galaxy, subhalo_center};

/// Draws of a posterior in a figure.
const DRAWS: usize = 4000;

/// Three lenses as they are and as they were without their subhaloes, which are drawn as circles.
pub fn lenses(out: &Output, model: &Lensing, seed: u64) -> Result<Figure> {
    let globals = LensingGlobals { beta: -2.2, sigma_sub: 2.0 };
    let set = model.simulate(1).seed(seed).at(&globals).size("lenses", 3).one()?;
    let lenses = &set.locals.lenses;
    let subhaloes = &lenses.subhaloes;
    let smooth = |lens: usize| -> Image {
        let galaxy = galaxy(lenses.theta_x[lens], lenses.theta_y[lens], lenses.theta_e[lens], lenses.q[lens]);
        model.setup.photograph(&galaxy, &[], &mut stream(seed, lens as u64))
    };
    let smooth: Vec<Image> = (0..3).map(smooth).collect();
    let points = |lens: usize| -> Vec<(f64, f64, f64)> {
        let own = subhaloes.offsets[lens]..subhaloes.offsets[lens + 1];
        let place = |i: usize| {
            let center = [lenses.theta_x[lens], lenses.theta_y[lens]];
            let [x, y] = subhalo_center(center, subhaloes.radius_squared[i], subhaloes.angle[i]);
            (x, y, subhaloes.log10_mass[i])
        };
        own.map(place).collect()
    };
    let points: Vec<_> = (0..3).map(points).collect();
    let counts: Vec<String> = points.iter().map(|points| format!("{} subhaloes", points.len())).collect();
    let with = (0..3).map(|lens| ImagePanel {
        points: &points[lens],
        ..ImagePanel::new(&counts[lens], &set.data.lenses.image[lens])
    });
    let without = (0..3).map(|lens| ImagePanel::new("without them", &smooth[lens]));
    let axes = ImageAxes {
        title: "",
        pixel: 0.1,
        length: "arcsec",
        value: "photons",
        size: "log10 of a subhalo's mass [solar masses]",
    };
    let figure = plot::images(&axes, &with.chain(without).collect::<Vec<_>>())?;
    out.figure("lenses", &figure)?;
    Ok(figure)
}

/// What is believed of one test set, and how narrow posteriors are on all of them; each with its caption.
pub fn posteriors(
    out: &Output,
    estimator: &JointEstimator<Lensing>,
    one: &Simulation<Lensing>,
    judged: &Judged,
) -> Result<Vec<(String, Figure)>> {
    let figures = [
        ("globals", "The globals as images of one set are added.", globals(estimator, one)?),
        ("widths", "How narrow the posterior is, over sets of images, in units of the prior's.", widths(judged)?),
        (
            "locals",
            "The lens of one set for which the hierarchy does most: by its own image alone, and among 25 images.",
            locals(estimator, one)?,
        ),
    ];
    figures
        .into_iter()
        .map(|(name, caption, figure)| {
            out.figure(name, &figure)?;
            Ok((caption.to_owned(), figure))
        })
        .collect()
}

fn globals(estimator: &JointEstimator<Lensing>, one: &Simulation<Lensing>) -> Result<Figure> {
    let shown = [1, 5, 25];
    let mut draws = Vec::new();
    for images in shown {
        let posterior = estimator.condition(&first(&one.data, images))?;
        draws.push(posterior.globals().map(|globals| globals.sample(DRAWS, 0)).unwrap_or_default());
    }
    let labels = shown.map(|images| format!("{images} image{}", if images == 1 { "" } else { "s" }));
    let parameters = ["beta", "sigma_sub [per square arcsec]"];
    let truths = [one.globals.beta, one.globals.sigma_sub];
    let ranges = [(-2.5, -1.9), (0.0, 20.0)];
    let panel = |k: usize| Panel {
        parameter: parameters[k],
        posteriors: labels
            .iter()
            .zip(&draws)
            .map(|(label, draws)| (label.as_str(), Marginal::Draws(&draws[k])))
            .collect(),
        lines: vec![("truth", truths[k])],
        range: Some(ranges[k]),
    };
    Ok(plot::marginals("", &[panel(0), panel(1)])?)
}

fn widths(judged: &Judged) -> Result<Figure> {
    let points = |k: usize, f: fn(&Width) -> f64| -> Vec<(f64, f64)> {
        judged.globals.iter().map(|(images, widths)| (*images as f64, f(&widths[k]))).collect()
    };
    let labels = GLOBALS.map(|(name, _)| [format!("{name}, sd"), format!("{name}, root mean square error")]);
    let curves = [0, 1].map(|k| [points(k, |w| w.sd), points(k, |w| w.error)]);
    let marks = [Mark::LinePoints, Mark::Dashed];
    let series: Vec<Series> = labels
        .iter()
        .flatten()
        .zip(curves.iter().flatten())
        .zip(marks.iter().cycle())
        .map(|((label, points), mark)| Series::new(label, *mark, points))
        .collect();
    let axes = Axes {
        x: "images",
        y: "in units of the prior's standard deviation",
        log_x: true,
        log_y: true,
        ..Axes::default()
    };
    Ok(plot::lines(&axes, &series)?)
}

/// The lens of the set whose subhaloes trade off most with its own mass: the one for which the hierarchy does most.
fn locals(estimator: &JointEstimator<Lensing>, one: &Simulation<Lensing>) -> Result<Figure> {
    let together = estimator.condition(&one.data)?;
    let images = IMAGES[IMAGES.len() - 1];
    let (names, draws) = (together.names(), together.sample(DRAWS, 0));
    let of = |name: &str| names.iter().position(|known| known == name).map(|at| &draws[at]);
    let mut best = (f64::INFINITY, 0);
    for lens in 0..images {
        let single = estimator.condition(&alone(&one.data, lens))?;
        let ratio = together.sd(format!("theta_e[{lens}]"))? / single.sd("theta_e[0]")?;
        if ratio < best.0 {
            best = (ratio, lens);
        }
    }
    let lens = best.1;
    let single = estimator.condition(&alone(&one.data, lens))?;
    let (single_names, single_draws) = (single.names(), single.sample(DRAWS, 0));
    let of_single = |name: &str| single_names.iter().position(|known| known == name).map(|at| &single_draws[at]);
    let locals = &one.locals.lenses;
    let truths = [&locals.theta_x, &locals.theta_y, &locals.theta_e, &locals.q].map(|column| column[lens]);
    let parameters = ["theta_x [arcsec]", "theta_y [arcsec]", "theta_e [arcsec]", "q"];
    let panel = |k: usize| {
        let name = LOCALS[k].0;
        let with = of(&format!("{name}[{lens}]")).map(|draws| ("among 25 images", Marginal::Draws(draws)));
        let without = of_single(&format!("{name}[0]")).map(|draws| ("its image alone", Marginal::Draws(draws)));
        Panel {
            parameter: parameters[k],
            posteriors: without.into_iter().chain(with).collect(),
            lines: vec![("truth", truths[k])],
            range: None,
        }
    };
    Ok(plot::marginals("", &(0..4).map(panel).collect::<Vec<_>>())?)
}
