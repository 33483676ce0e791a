//! The layers of a network, as nodes of a graph.

use super::Refused;
use super::graph::{Attribute, NumberType, OnnxGraph, Value};
use crate::activation::Activation;
use crate::convolution::{Convolution, ImagePlan};
use crate::features::{PlateFeatures, WrittenPlate};
use crate::plate_layers::{PlateLayout, RowLayout};
use crate::trunk::TrunkLayout;
use crate::weights::{Layer, Slot, Weights};

/// What the layers read: a graph, and the weights.
pub(super) struct LayerWriter<'a> {
    pub(super) graph: &'a OnnxGraph,
    pub(super) weights: &'a Weights<f32>,
    /// What follows the layers that read rows.
    pub(super) activation: Activation,
}

impl LayerWriter<'_> {
    pub(super) fn matrix(&self, slot: Slot) -> Value {
        self.graph.floats(&[slot.rows, slot.columns], &self.weights.values[slot.range()])
    }

    /// Adds activation(sum over the inputs of input W + bias).
    pub(super) fn affine(&self, inputs: &[Value], layer: &Layer, activation: Activation) -> Value {
        let product = |(input, slot): (&Value, &Slot)| self.graph.matmul(input, &self.matrix(*slot));
        let sum = inputs.iter().zip(&layer.weights).map(product).reduce(|sum, next| self.graph.add(&sum, &next));
        let bias = self.matrix(layer.bias);
        self.activate(&sum.map_or(bias.clone(), |sum| self.graph.add(&sum, &bias)), layer.bias.columns, activation)
    }

    pub(super) fn activate(&self, x: &Value, columns: usize, activation: Activation) -> Value {
        let graph = self.graph;
        match activation {
            Activation::None => x.clone(),
            Activation::Relu => graph.op("Relu", &[x]),
            Activation::Gelu => {
                // That of `activation.rs`.
                let square = graph.mul(x, x);
                let slope = graph.add(&graph.mul(&square, &graph.float(0.071_354_814)), &graph.float(1.595_769));
                graph.mul(x, &graph.op("Sigmoid", &[&graph.mul(x, &slope)]))
            }
            Activation::Softmax => {
                let shares = graph.op_with("Softmax", &[x], &[("axis", Attribute::Int(1))]);
                graph.mul(&shares, &graph.float(columns as f32))
            }
        }
    }

    /// Adds rows less their mean, divided by their standard deviation.
    pub(super) fn normalise(&self, x: &Value) -> Value {
        let graph = self.graph;
        let mean = |x: &Value| graph.op_with("ReduceMean", &[x], &[("axes", Attribute::Ints(&[-1]))]);
        let centred = graph.sub(x, &mean(x));
        let variance = graph.add(&mean(&graph.mul(&centred, &centred)), &graph.float(1e-5));
        graph.div(&centred, &graph.op("Sqrt", &[&variance]))
    }

    /// Adds input + W2 gelu(W1 normalise(input) + b1) + b2.
    pub(super) fn residual_block(&self, x: &Value, first: &Layer, second: &Layer) -> Value {
        let hidden = self.affine(&[self.normalise(x)], first, Activation::Gelu);
        self.graph.add(x, &self.affine(&[hidden], second, Activation::None))
    }

    /// Adds the vector of each parent of a plate, in parts.
    pub(super) fn plate(
        &self,
        layout: &PlateLayout,
        level: &PlateFeatures,
        plate: &WrittenPlate,
    ) -> Result<Vec<Value>, Refused> {
        let graph = self.graph;
        let mut vector: Vec<Value> = plate.pooled_bins.iter().chain(&plate.moments).cloned().collect();
        if level.flat > 0 {
            let rows = graph.rows(&plate.rows.group);
            let order = graph.add(&graph.mul(&plate.rows.group, &rows), &graph.range(&rows));
            let numbers = graph.gather(&plate.numbers, &graph.order(&order), 0);
            vector.push(graph.reshape(&numbers, &[-1, level.flat as i64]));
        }
        let Some(rows) = &layout.rows else { return Ok(vector) };
        let hidden = self.rows(rows, layout, level, plate)?;
        if matches!(rows, RowLayout::Image(_)) {
            vector.push(hidden);
            return Ok(vector);
        }
        let means = plate.rows.means(graph, &hidden, rows.width());
        let is_causal = matches!(rows, RowLayout::Attention(_, layout) if layout.causal());
        let mut parts: Vec<Value> = is_causal.then(|| self.last(&hidden, rows.width())).into_iter().collect();
        parts.push(means.clone());
        parts.extend(plate.roots.as_ref().map(|roots| graph.mul(roots, &means)));
        vector.push(graph.concat(&parts, 1));
        Ok(vector)
    }

    /// Adds the vector of each row.
    fn rows(
        &self,
        rows: &RowLayout,
        layout: &PlateLayout,
        level: &PlateFeatures,
        plate: &WrittenPlate,
    ) -> Result<Value, Refused> {
        match rows {
            RowLayout::Layers(_, layers) => {
                let inputs = self.inputs(layout, level, plate)?;
                let after =
                    |index: usize| if index + 1 == layers.len() { self.activation } else { self.activation.within() };
                let step = |inputs: Vec<Value>, (index, layer)| vec![self.affine(&inputs, layer, after(index))];
                Ok(layers.iter().enumerate().fold(inputs, step).swap_remove(0))
            }
            RowLayout::Image(plan) => Ok(self.image(plan, level, &plate.numbers)),
            RowLayout::Attention(_, attention) => Ok(self.attention(attention, &self.inputs(layout, level, plate)?)),
            RowLayout::User(..) => Err(Refused {
                what: "an element network of your own".to_owned(),
                instead: "train without `element_networks`",
            }),
        }
    }

    /// Adds what the first layer reads of rows.
    fn inputs(&self, layout: &PlateLayout, level: &PlateFeatures, plate: &WrittenPlate) -> Result<Vec<Value>, Refused> {
        let mut inputs: Vec<Value> = (level.numbers() > 0).then(|| plate.numbers.clone()).into_iter().collect();
        for ((layout, level), child) in layout.children.iter().zip(&level.children).zip(&plate.children) {
            inputs.extend(self.plate(layout, level, child)?);
        }
        inputs.extend(plate.bins.clone());
        Ok(inputs)
    }

    /// Adds the vector of each image.
    fn image(&self, plan: &ImagePlan, level: &PlateFeatures, pixels: &Value) -> Value {
        let graph = self.graph;
        let (height, width) = level.image.as_ref().map_or((1, 1), |image| (image.height, image.width));
        let mut x = graph.reshape(pixels, &[-1, 1, height as i64, width as i64]);
        let activation = self.activation.within();
        for convolution in &plan.convolutions {
            let slot = convolution.layer.weights[0];
            let (channels, outputs) = (convolution.channels, slot.columns);
            // From place, channel, output to output, channel, place.
            let values = &self.weights.values[slot.range()];
            let at =
                |output: usize, channel: usize, place: usize| values[(place * channels + channel) * outputs + output];
            let places = |output, channel| (0..Convolution::PATCH).map(move |place| at(output, channel, place));
            let kernel: Vec<f32> = (0..outputs)
                .flat_map(|output| (0..channels).flat_map(move |channel| places(output, channel)))
                .collect();
            let kernel = graph.floats(&[outputs, channels, 3, 3], &kernel);
            let bias = graph.floats(&[outputs], &self.weights.values[convolution.layer.bias.range()]);
            let steps = [("strides", Attribute::Ints(&[2, 2])), ("pads", Attribute::Ints(&[1, 1, 1, 1]))];
            let sums = graph.op_with("Conv", &[&x, &kernel, &bias], &steps);
            x = self.activate(&sums, outputs, activation);
        }
        // Place by place, as the layer after them reads them.
        let x = graph.op_with("Transpose", &[&x], &[("perm", Attribute::Ints(&[0, 2, 3, 1]))]);
        let x = graph.reshape(&x, &[-1, plan.features() as i64]);
        self.affine(&[x], &plan.outlet, activation)
    }

    /// Adds the outputs of the layers that read whole data sets, and the vector that they are computed from.
    pub(super) fn trunk(&self, trunk: &TrunkLayout, vectors: Vec<Value>) -> (Value, Value) {
        match trunk {
            TrunkLayout::Residual { inlet, blocks, linear, outlet } => {
                let x = self.affine(&vectors, inlet, Activation::None);
                let x = blocks.iter().fold(x, |x, (first, second)| self.residual_block(&x, first, second));
                let context = self.normalise(&x);
                let around = vectors.into_iter().zip(linear).filter(|(_, linear)| **linear).map(|(vector, _)| vector);
                let last: Vec<Value> = std::iter::once(context.clone()).chain(around).collect();
                (self.affine(&last, outlet, Activation::None), context)
            }
            TrunkLayout::Plain(layers) => {
                let last = layers.len() - 1;
                let after = |index: usize| if index == 0 { Activation::None } else { self.activation.within() };
                let step = |inputs: Vec<Value>, (index, layer)| vec![self.affine(&inputs, layer, after(index))];
                let context = layers[..last].iter().enumerate().fold(vectors, step);
                (self.affine(&context, &layers[last], Activation::None), context[0].clone())
            }
        }
    }
}

/// Adds numbers as f64.
pub(super) fn double(graph: &OnnxGraph, x: &Value) -> Value {
    graph.cast(x, NumberType::Double)
}
