//! Convolutions against plain loops and finite differences, and networks that read images.

use std::collections::BTreeMap;
use std::convert::Infallible;

use super::differences::{check_gradient, check_whole_gradient, end, graph, layer, numbers_64};
use super::models::Mixed;
use super::{Random, assert_close, densities, numbers, random, small};
use crate::convolution::{Convolution, ImagePlan};
use crate::graph::Input;
use crate::mixture::MixtureHead;
use crate::weights::Layer;
use crate::{
    Activation, Architecture, Batch, Family, ImageEncoder, Network, PlateShape, Rows, Settings, Shape, Trainer,
    TrainingSource, Trunk, train,
};

/// Convolutions of images of 7 x 10 with some channels: 4 x 5, then 2 x 3; and a last layer.
fn plan(channels: usize) -> ImagePlan {
    let first = layer(0, &[9 * channels], 3);
    let second = layer(end(&first), &[27], 4);
    let outlet = layer(end(&second), &[24], 2);
    let convolutions = vec![Convolution::new((7, 10, channels), first), Convolution::new((4, 5, 3), second)];
    let mut plan = ImagePlan::new(convolutions, 2);
    plan.outlet = outlet;
    plan
}

/// out[y][x][c] = activation(bias[c] + sum over i, j, k of in[2 y + i - 1][2 x + j - 1][k] weight[i][j][k][c]).
fn convolve(
    input: &[f64],
    (height, width, channels): (usize, usize, usize),
    weights: &[f64],
    layer: &Layer,
) -> Vec<f64> {
    let columns = layer.bias.columns;
    let mut output = Vec::new();
    for y in 0..height.div_ceil(2) {
        for x in 0..width.div_ceil(2) {
            for c in 0..columns {
                let mut sum = weights[layer.bias.offset + c];
                for (i, j) in (0..9).map(|at| (at / 3, at % 3)) {
                    let (row, column) = ((2 * y + i).wrapping_sub(1), (2 * x + j).wrapping_sub(1));
                    if row < height && column < width {
                        for k in 0..channels {
                            let weight = ((i * 3 + j) * channels + k) * columns + c;
                            sum += input[(row * width + column) * channels + k]
                                * weights[layer.weights[0].offset + weight];
                        }
                    }
                }
                output.push(sum.max(0.0));
            }
        }
    }
    output
}

#[test]
fn convolutions_are_what_plain_loops_say() {
    let mut random = random(21, 0);
    for channels in [1, 2] {
        let plan = plan(channels);
        let first = layer(0, &[9 * channels], 3);
        let second = layer(end(&first), &[27], 4);
        let weights = numbers_64(&mut random, end(&plan.outlet));
        // More than are read together.
        let pixels = numbers_64(&mut random, 19 * 70 * channels);
        let expected: Vec<f64> = pixels
            .chunks_exact(70 * channels)
            .flat_map(|image| {
                let hidden = convolve(image, (7, 10, channels), &weights, &first);
                convolve(&hidden, (4, 5, 3), &weights, &second)
            })
            .collect();
        let mut graph = graph(weights, 0);
        let features = plan.convolve(&mut graph, Activation::Relu, pixels).unwrap();
        assert_eq!(features.columns, 24);
        assert_close(&features.values, &expected);
    }
}

#[test]
fn convolutions_have_the_gradient_of_their_differences() {
    let mut random = random(22, 0);
    let head = MixtureHead::new(1, 1, true);
    for channels in [1, 2] {
        let plan = plan(channels);
        let outlet = layer(end(&plan.outlet), &[2], head.outputs());
        let weights = numbers_64(&mut random, end(&outlet));
        let pixels = numbers_64(&mut random, 10 * 70 * channels);
        let targets = numbers_64(&mut random, 10);
        check_gradient(&weights, plan.outlet.weights[0].offset, |mut graph| {
            let images = plan.read(&mut graph, Activation::Gelu, pixels.clone())?;
            let output = graph.affine(10, &[Input::Node(images)], &outlet, Activation::None)?;
            head.loss(graph, &output, &targets)
        });
    }
}

/// Plates whose rows are a number and an image of 9 x 6, and an image of 8 x 8 outside plates.
struct Album;

impl Album {
    fn shape() -> Shape {
        let row = PlateShape { width: 1, children: vec![PlateShape::image(9, 6)], image: None };
        Shape { width: 1, plates: vec![row, PlateShape::image(8, 8)], targets: 2 }
    }
}

impl TrainingSource for Album {
    type Error = Infallible;

    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), Infallible> {
        let mut random = random(step, first);
        let mut rows = Mixed::rows(&mut random, sets, 1, 3);
        let images = |random: &mut Random, count: usize, width: usize| Rows {
            width,
            features: numbers(random, count * width),
            offsets: (0..=count).collect(),
            children: vec![],
        };
        rows.children.push(images(&mut random, rows.rows(), 54));
        let plates = vec![rows, images(&mut random, sets, 64)];
        let batch = Batch { sets, width: 1, globals: numbers(&mut random, sets), plates };
        Ok((batch, numbers(&mut random, sets * 2)))
    }
}

fn album_architecture() -> Architecture {
    Architecture {
        bins: 8,
        element_layers: vec![3],
        images: ImageEncoder { channels: vec![2, 3], width: 4, ..ImageEncoder::default() },
        trunk: Trunk::Residual { width: 5, blocks: 1 },
        output: Family::Gaussian.into(),
        ..Architecture::default()
    }
}

#[test]
fn a_network_that_reads_images_has_the_gradient_of_its_differences() {
    check_whole_gradient(&Album, &Album::shape(), &album_architecture(), 23);
}

#[test]
fn a_network_that_reads_images_says_the_same_each_way() {
    let settings = Settings { architecture: album_architecture(), ..small(2048) };
    let network = train(&Album::shape(), &Album, &settings, |_| ()).unwrap();
    let (batch, _) = Album.draw(9, 0, 40).unwrap();
    let whole = densities(&network.predict(&batch).unwrap());
    let one = |set: usize| batch.slice(set..set + 1);
    let by_sums = |set| network.conclude(&network.summarise(&one(set)).unwrap()).unwrap();
    assert_close(&densities(&(0..40).map(by_sums).collect::<Vec<_>>()), &whole);
    let outside = |set: usize| network.predict_outside(&one(set).plates, &one(set).globals).unwrap().swap_remove(0);
    assert_close(&densities(&(0..40).map(outside).collect::<Vec<_>>()), &whole);

    // Two parts have the image outside plates in common.
    let (mut first, second) = (one(0), one(1));
    first.globals = second.globals.clone();
    let mut sums = network.summarise(&first).unwrap();
    let error = sums.clone().add(&network.summarise(&second).unwrap()).unwrap_err().to_string();
    assert!(error.contains("image"), "{error}");
    first.plates[1] = second.plates[1].clone();
    sums = network.summarise(&first).unwrap();
    sums.add(&network.summarise(&second).unwrap()).unwrap();
    let mut both = first.clone();
    let (rows, more) = (&mut both.plates[0], &second.plates[0]);
    rows.append(&Rows { offsets: vec![0, more.rows()], ..more.clone() });
    both.plates[0].offsets = vec![0, both.plates[0].rows()];
    assert_eq!(sums.sizes(), [both.plates[0].rows()]);
    assert_close(&densities(&[network.conclude(&sums).unwrap()]), &densities(&network.predict(&both).unwrap()));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("album.safetensors");
    network.save(&path, &BTreeMap::new()).unwrap();
    assert_eq!(Network::load(&path).unwrap().0, network);
}

#[test]
fn images_of_another_kind_are_errors() {
    let settings = Settings { architecture: album_architecture(), ..small(256) };
    let network = train(&Album::shape(), &Album, &settings, |_| ()).unwrap();
    let (batch, _) = Album.draw(9, 0, 3).unwrap();
    let error = |change: &dyn Fn(&mut Batch)| {
        let mut batch = batch.clone();
        change(&mut batch);
        network.predict(&batch).unwrap_err().to_string()
    };
    let text = error(&|batch| batch.plates[1].width = 32);
    assert!(text.contains("plate 1 has rows of 32 numbers, the network reads 64"), "{text}");
    let text = error(&|batch| batch.plates[1].features[64 + 19] = f32::NAN);
    assert!(text.contains("data set 1, plate 1, image 0, line 2, column 3, holds NaN"), "{text}");
    let text = error(&|batch| batch.plates[1].offsets = vec![0, 2, 2, 3]);
    assert!(text.contains("plate 1 must have one image for each of its 3 parents"), "{text}");
    let mut shape = Album::shape();
    shape.plates[1].width = 63;
    let text = train(&shape, &Album, &settings, |_| ()).unwrap_err().to_string();
    assert!(text.contains("plate 1 is of images of 8 x 8 pixels"), "{text}");
}

#[test]
fn a_network_can_begin_with_the_image_layers_of_another() {
    let settings = Settings { architecture: album_architecture(), ..small(1024) };
    let first = train(&Album::shape(), &Album, &settings, |_| ()).unwrap();
    let shape = Album::shape();
    let other = Settings { seed: 5, ..settings.clone() };
    let mut trainer = Trainer::new(&shape, &Album, &other).unwrap();
    let begun = trainer.network.plan.image_slots();
    trainer.read_images_as(&first).unwrap();
    let weights = &trainer.optimiser.weights.values;
    assert_eq!(begun, first.plan.image_slots());
    assert!(begun.iter().all(|slot| weights[slot.range()] == first.weights.values[slot.range()]));
    assert_eq!(trainer.network.reader.images(), first.reader.images());
    let unlike = weights.iter().zip(&first.weights.values).filter(|(a, b)| a != b).count();
    assert!(unlike > 50, "the other layers are as they were");
    while !trainer.done() {
        trainer.step().unwrap();
    }

    let architecture = Architecture { activation: Activation::Relu, ..album_architecture() };
    let mut trainer = Trainer::new(&shape, &Album, &Settings { architecture, ..settings.clone() }).unwrap();
    let text = trainer.read_images_as(&first).unwrap_err().to_string();
    assert!(text.contains("Gelu) cannot begin one") && text.contains("Relu)"), "{text}");

    let shape = Shape { plates: vec![PlateShape::image(9, 6)], ..Shape::default() };
    let shape = Shape { targets: 2, ..shape };
    struct Single;
    impl TrainingSource for Single {
        type Error = Infallible;

        fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), Infallible> {
            let mut random = random(step, first);
            let features = numbers(&mut random, sets * 54);
            let rows = Rows { width: 54, features, offsets: (0..=sets).collect(), children: vec![] };
            Ok((Batch { sets, plates: vec![rows], ..Batch::default() }, numbers(&mut random, sets * 2)))
        }
    }
    let mut trainer = Trainer::new(&shape, &Single, &settings).unwrap();
    let text = trainer.read_images_as(&first).unwrap_err().to_string();
    assert!(text.contains("[(9, 6), (8, 8)]") && text.contains("[(9, 6)]"), "{text}");
}
