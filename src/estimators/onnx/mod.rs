//! Posterior estimators as graphs of ONNX, for programs of other languages.

mod data;
mod links;
mod matrices;
mod support;

use std::path::Path;

use data::DataWriter;
use links::LinkWriter;
use support::{SupportWriter, pieces};

use super::link::Link;
use super::posterior_estimator::AnyPosteriorEstimator;
use super::units::places;
use super::{InferenceError, PosteriorEstimator, RequestError};
use crate::files::atomic_write;
use crate::model::{Model, Plate, Specification, Variable};
use crate::nn;
use crate::nn::onnx::{Length, NumberType, OnnxGraph, OnnxPrediction, Refused};

/// The names of what every graph has beside the data.
const RESERVED: [&str; 8] = ["normal", "uniform", "at", "draws", "log_density", "weights", "means", "factors"];

impl<M: Model> PosteriorEstimator<M> {
    #[doc = include_str!("graph.md")]
    pub fn export_onnx(&self, path: impl AsRef<Path>) -> Result<(), InferenceError> {
        self.any().export_onnx(path.as_ref())
    }
}

impl From<Refused> for InferenceError {
    fn from(Refused { what, instead }: Refused) -> Self {
        RequestError::NotExported { what, instead }.into()
    }
}

impl AnyPosteriorEstimator {
    fn export_onnx(&self, path: &Path) -> Result<(), InferenceError> {
        let bytes = self.onnx()?;
        let failed = |source| nn::Error::Io { action: "write", path: path.to_owned(), source };
        Ok(atomic_write(path, &bytes).map_err(failed)?)
    }

    fn onnx(&self) -> Result<Vec<u8>, InferenceError> {
        if let Some(name) = reserved(&self.specification) {
            let what = format!("`{name}`, whose name is that of an input or output of every graph,");
            return Err(RequestError::NotExported { what, instead: "call it otherwise" }.into());
        }
        let graph = OnnxGraph::default();
        let pieces = pieces(&*self.model, &self.targets)?;
        let mut writer = DataWriter::new(&graph, &self.specification, &self.encoder);
        let data = writer.write();
        let columns = writer.columns;
        let posterior = OnnxPrediction::write(&graph, &self.networks, &data)?;

        let links: Vec<Link> = places(&self.targets).map(|(_, link)| link).collect();
        let names: Vec<&str> = self.targets.iter().flat_map(|t| t.components.iter().map(String::as_str)).collect();
        let listed = names.join(", ");
        let (free, values) = (Length::Fixed(links.len()), Length::Fixed(names.len()));
        let (draws, points) = (Length::Any("draws"), Length::Any("points"));
        let double = NumberType::Double;
        let normal = graph.input("normal", double, &[draws, free], "Standard normal numbers, a row for each draw.");
        let uniform = graph.input("uniform", double, &[draws], "Uniform numbers from 0 to 1, one for each draw.");
        let at = graph.input("at", double, &[points, values], &format!("Values of {listed}."));

        let link = LinkWriter { graph: &graph, links: &links };
        let support = SupportWriter { graph: &graph, pieces: &pieces };
        let made = support.constrain(&link.inverse(&posterior.place(&normal, &uniform)));
        graph.output("draws", &made, double, &[draws, values], &format!("Draws of {listed}."));

        let (q, log_jacobian) = support.unconstrain(&at);
        let z = link.forward(&q);
        let slopes = graph.sub(&link.log_slope(&q, &z), &log_jacobian);
        let log_density = graph.add(&posterior.log_density(&z), &slopes);
        graph.output("log_density", &log_density, double, &[points], &format!("Log densities of {listed} at `at`."));

        if let Some(mixture) = posterior.mixture() {
            let count = Length::Fixed(mixture.components);
            let space = "in the space of the network";
            let text = "Weights of the Gaussians of the mixture.";
            graph.output("weights", &mixture.weights(&graph), double, &[count], text);
            graph.output("means", mixture.means(), double, &[count, free], &format!("Their means, {space}."));
            let text = format!("Lower triangles whose squares are their covariances, {space}.");
            graph.output("factors", &mixture.factors(&graph), double, &[count, free, free], &text);
        }
        let text = format!("The posterior of {listed} given a data set of the model {}.", self.specification.name);
        let columns: serde_json::Map<_, _> =
            columns.into_iter().map(|(input, names)| (input, serde_json::json!(names))).collect();
        let metadata = [
            ("model", self.specification.name.clone()),
            ("fingerprint", self.specification.fingerprint()),
            ("globals", serde_json::json!(names).to_string()),
            ("columns", serde_json::Value::Object(columns).to_string()),
        ];
        Ok(graph.finish(&self.specification.name, &text, &metadata))
    }
}

/// Returns a variable or plate whose name an input or output has.
fn reserved(specification: &Specification) -> Option<&str> {
    let is_reserved = |name: &&str| RESERVED.contains(name);
    let outside = specification.variables.iter().filter(|v: &&Variable| v.in_data()).map(|v| v.name.as_str());
    let plates = specification.plates.iter().flat_map(names_of);
    outside.chain(plates).find(is_reserved)
}

fn names_of(plate: &Plate) -> Vec<&str> {
    std::iter::once(plate.name.as_str()).chain(plate.plates.iter().flat_map(names_of)).collect()
}
