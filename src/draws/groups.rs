//! The log likelihood of each element of an outermost plate with all that is inside it, its continuous locals integrated out.
//!
//! For the locals of a group, all draws share one set of points: draws of a Student t distribution with the mean and the
//! covariance that its locals have in the posterior. The likelihood of the group at the globals of a draw is the mean of the joint
//! density of its observations and its locals over the density of the points.

use rayon::prelude::*;

use super::Draws;
use super::at_draw::{AtDraw, free_numbers};
use super::log_likelihood::{LogLikelihood, LogLikelihoodError};
use super::pointwise::{columns, is_observed, plates_in_data};
use super::student::StudentT;
use crate::autodiff::LogSum;
use crate::model::{
    AnyData, AnyModel, Frame, GroupDensities, Groups, Plate, Purpose, Role, Specification, UnknownName, stream_for,
};

/// The degrees of freedom of the points' distribution: its tails are heavier than those of a posterior.
const FREEDOM: f64 = 5.0;

/// See [`Chains::group_log_likelihood`](crate::sampling::Chains::group_log_likelihood).
pub(crate) fn group_log_likelihood(
    model: &dyn AnyModel,
    data: &dyn AnyData,
    draws: &Draws,
    plate: &str,
    (points, seed): (usize, u64),
) -> Result<LogLikelihood, LogLikelihoodError> {
    let specification = model.specification();
    check_plate(&specification, plate)?;
    model.check(data)?;
    let columns = columns(model, data, draws)?;
    let frame = data.frame();
    let count = frame.plates.iter().find(|frame| frame.name == plate).map_or(0, |frame| frame.size);
    if count == 0 {
        return Err(LogLikelihoodError::NoRows { plate: plate.to_owned() });
    }
    let of = |frame: &Frame<'_>| (frame.name == plate).then(|| (0..count).collect());
    let groups = Groups::new(model, &frame, count, of);
    let count = columns.first().map_or(0, Vec::len);
    let free = free_numbers(model, data, columns);
    let points = match groups.owners.iter().any(Option::is_some) {
        true if points < 2 => return Err(LogLikelihoodError::Points(points)),
        true => self::points(&groups, &free, points, seed),
        false => self::points(&groups, &free, 1, seed), // nothing to integrate over
    };
    let each: Vec<(Vec<f64>, Vec<f64>)> = (0..count)
        .into_par_iter()
        .map(|draw| {
            let mut sums = vec![(LogSum::new(), LogSum::new()); groups.count];
            for point in &points {
                let joint = point.log_density.iter().map(|x| -x).collect();
                let at = AtDraw { columns, draw };
                let given = |slot| at.number(slot);
                let mut visitor = GroupDensities::new(&groups, &point.q, Some(&given), joint);
                model.walk(Some(data), None, None, &mut visitor);
                for ((sum, squares), x) in sums.iter_mut().zip(visitor.joint) {
                    sum.push(x);
                    squares.push(2.0 * x);
                }
            }
            let n = points.len() as f64;
            let of = |(sum, squares): (LogSum<f64>, LogSum<f64>)| {
                let (sum, squares) = (sum.finish(), squares.finish());
                (sum - n.ln(), ((squares - 2.0 * sum).exp() - 1.0 / n).max(0.0))
            };
            sums.into_iter().map(of).unzip()
        })
        .collect();
    let values = (0..groups.count).flat_map(|group| each.iter().map(move |(values, _)| values[group])).collect();
    let error = |group: usize| (each.iter().map(|(_, squares)| squares[group]).sum::<f64>() / count as f64).sqrt();
    let errors = (0..groups.count).map(error).collect();
    let known = columns.iter().all(|column| column.iter().all(|x| x.is_finite()));
    Ok(LogLikelihood::new(values, count, draws.chains().max(1), known)?.with_errors(errors))
}

/// Checks that there is an outermost plate of that name that has a likelihood of its own.
fn check_plate(specification: &Specification, name: &str) -> Result<(), LogLikelihoodError> {
    let outermost: Vec<&Plate> = specification.data_plates(&specification.plates).collect();
    let known: Vec<&str> = outermost.iter().map(|plate| plate.name.as_str()).collect();
    let plate = outermost[UnknownName::find("outermost plate", name, &known)?];
    let mut inside = vec![plate];
    plates_in_data(specification, &plate.plates, &mut inside);
    let mut variables = inside.iter().flat_map(|p| p.variables.iter().map(move |v| (p, v)));
    if let Some((p, v)) = variables.find(|(_, v)| v.role == Role::Observed && v.implicit) {
        return Err(LogLikelihoodError::Implicit { plate: p.name.clone(), variable: v.name.clone() });
    }
    if let Some(v) = plate.variables.iter().find(|v| v.is_of_a_plate()) {
        return Err(LogLikelihoodError::OfAPlate { plate: plate.name.clone(), variable: v.name.clone() });
    }
    if !inside.iter().any(|plate| is_observed(specification, plate)) {
        return Err(LogLikelihoodError::NoObservation { plate: name.to_owned(), inside: false });
    }
    let mut all = Vec::new();
    plates_in_data(specification, &specification.plates, &mut all);
    let indices = all.iter().flat_map(|p| p.variables.iter().filter_map(move |v| Some((p, v.index_of.as_ref()?))));
    for (by, of) in indices {
        if inside.iter().any(|p| p.name == *of) {
            return Err(LogLikelihoodError::ReadByIndex { plate: of.clone(), by: by.name.clone() });
        }
    }
    Ok(())
}

/// A value of the unconstrained numbers, with the log density of those of each group.
struct Point {
    q: Vec<f64>,
    log_density: Vec<f64>,
}

/// Draws points for the locals of all groups, given the unconstrained numbers of each draw.
fn points(groups: &Groups, free: &[Vec<f64>], count: usize, seed: u64) -> Vec<Point> {
    let empty = || Point { q: vec![f64::NAN; groups.owners.len()], log_density: vec![0.0; groups.count] };
    let mut points: Vec<Point> = (0..count).map(|_| empty()).collect();
    for (group, numbers) in groups.numbers().iter().enumerate().filter(|(_, numbers)| !numbers.is_empty()) {
        let proposal = StudentT::of(free, numbers, FREEDOM);
        let mut rng = stream_for(Purpose::Importance, seed, 1, group as u64);
        for point in &mut points {
            let (values, log_density) = proposal.draw(&mut rng);
            numbers.iter().zip(values).for_each(|(at, value)| point.q[*at] = value);
            point.log_density[group] = log_density;
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::{LogLikelihoodError, group_log_likelihood};
    use crate::autodiff::log_sum_exp;
    use crate::distributions::{Distribution, Normal};
    use crate::prelude::*;
    use hierarch_margins::{seed, within};

    model! {
        Schools {
            global mu ~ Normal(0.0, 1.0);
            global tau ~ HalfNormal(1.0);
            observe outside ~ Normal(mu, 1.0);
            plate schools(2..=20) {
                local theta ~ Normal(mu, tau);
                observe x ~ Normal(theta, 1.0);
                plate pupils(0..=20) {
                    observe y ~ Normal(theta, 0.5);
                }
            }
            plate others(3) {
                local delta ~ Normal(mu, 1.0);
                local odd ~ Bernoulli(0.5);
                observe z ~ Normal(if odd { delta } else { 0.0 }, 1.0);
            }
        }
    }

    /// Returns log p(values), for values that are normal around one theta ~ Normal(mu, tau).
    fn marginal(mu: f64, tau: f64, values: &[(f64, f64)]) -> f64 {
        // One after the other, each given those before.
        let (mut mean, mut variance) = (mu, tau * tau);
        let next = |&(x, sd): &(f64, f64)| {
            let total = variance + sd * sd;
            let log_density = Normal::new(mean, total.sqrt()).log_density(x);
            (mean, variance) = (mean + variance / total * (x - mean), variance * sd * sd / total);
            log_density
        };
        values.iter().map(next).sum()
    }

    #[test]
    fn normal_groups_have_their_closed_form() {
        let model = Schools::default();
        let pupils =
            SchoolsPupils { offsets: vec![0, 8, 8, 10], y: (0..10).map(|i| f64::from(i * i % 7) / 4.0).collect() };
        let schools = SchoolsSchools { x: vec![1.0, -0.4, 0.7], pupils };
        let data = SchoolsData { outside: 0.3, schools, others: SchoolsOthers { z: vec![0.1, 0.2, 0.3] } };
        let chains = model.nuts(&data).chains(2).draws(200).seed(seed(1)).run().unwrap();
        let rows = chains.group_log_likelihood(&model, &data, Schools::SCHOOLS, 400, seed(2)).unwrap();
        assert_eq!((rows.rows(), rows.draws(), rows.chains()), (3, 400, 2));
        for group in 0..3 {
            let mut values = vec![(data.schools.x[group], 1.0)];
            let inside = data.schools.pupils.offsets[group]..data.schools.pupils.offsets[group + 1];
            values.extend(inside.map(|i| (data.schools.pupils.y[i], 0.5)));
            let error = rows.integration_errors()[group];
            within!(error, 0.2);
            let squares =
                chains.globals().zip(rows.row(group)).map(|(g, x)| (x - marginal(g.mu, g.tau, &values)).powi(2));
            // The points are the same for all draws, so that their errors are too.
            within!((squares.sum::<f64>() / 400.0).sqrt() / error, 5.0);
        }
        let again = chains.group_log_likelihood(&model, &data, Schools::SCHOOLS, 400, seed(2)).unwrap();
        assert_eq!(rows, again);
        let others = chains.group_log_likelihood(&model, &data, "others", 400, 0).unwrap();
        for (s, globals) in chains.globals().enumerate() {
            let of = |sd: f64, mean: f64| 0.5_f64.ln() + Normal::new(mean, sd).log_density(0.2);
            let exact = log_sum_exp(&[of(2.0_f64.sqrt(), globals.mu), of(1.0, 0.0)]);
            within!((others.row(1)[s] - exact).abs(), 0.3);
        }
        assert!(rows.loo().integration_error > 0.0);
        let few = chains.group_log_likelihood(&model, &data, "others", 1, 0).unwrap_err();
        assert!(matches!(few, LogLikelihoodError::Points(1)), "{few}");
        let error = chains.group_log_likelihood(&model, &data, "pupils", 400, 0).unwrap_err().to_string();
        assert_eq!(error, "there is no outermost plate `pupils`; there are `schools`, `others`");
    }

    model! {
        /// Locals of all supports.
        Bounded {
            global mu ~ Normal(0.0, 1.0);
            plate groups(2..=5) {
                local width ~ HalfNormal(1.0);
                local share[3] ~ Dirichlet([1.0, 2.0, 1.5]);
                local rate ~ Uniform(0.0, 2.0);
                observe x ~ Normal(mu, 1.0);
            }
        }
    }

    /// Locals that no observation depends on integrate to one.
    #[test]
    fn densities_of_locals_are_normalised() {
        let model = Bounded::default();
        let data = BoundedData { groups: BoundedGroups { x: vec![0.3, -1.0] } };
        let chains = model.nuts(&data).chains(2).draws(200).seed(seed(1)).run().unwrap();
        let rows = chains.group_log_likelihood(&model, &data, "groups", 2000, seed(1)).unwrap();
        for (s, globals) in chains.globals().enumerate() {
            let exact = Normal::new(globals.mu, 1.0).log_density(0.3);
            within!((rows.row(0)[s] - exact).abs() / rows.integration_errors()[0], 5.0);
        }
        within!(rows.integration_errors()[0], 0.1);
    }

    model! {
        Crossed {
            global spread ~ HalfNormal(1.0);
            plate subjects(2) {
                local ability ~ Normal(0.0, spread);
                observe score ~ Normal(ability, 1.0);
            }
            plate answers(1..=9) {
                given subject: index(subjects);
                observe y ~ Normal(ability[subject], 1.0);
            }
        }
    }

    #[test]
    fn groups_that_are_read_by_index_are_refused() {
        let model = Crossed::default();
        let data = CrossedData {
            subjects: CrossedSubjects { score: vec![0.1, 0.4] },
            answers: CrossedAnswers { subject: vec![0, 1, 1], y: vec![0.0, 0.5, -0.3] },
        };
        let draws = Draws::new([("spread", vec![1.0]), ("ability[0]", vec![0.5]), ("ability[1]", vec![0.0])]);
        let error = group_log_likelihood(&model, &data, &draws, "subjects", (100, 0)).unwrap_err();
        assert!(matches!(&error, LogLikelihoodError::ReadByIndex { by, .. } if by == "answers"), "{error}");
        // An answer is given the abilities, and there is nothing to integrate over.
        let rows = group_log_likelihood(&model, &data, &draws, "answers", (100, 0)).unwrap();
        assert!((rows.row(0)[0] - Normal::new(0.5, 1.0).log_density(0.0)).abs() < 1e-12);
        assert_eq!(rows.integration_errors(), [0.0; 3]);
    }
}
