//! The sizes of a network as plain values: what it is made of, before there is any weight.

use serde::{Deserialize, Serialize};

use super::activation::Activation;
use super::output::{DEEPEST, Family, Output, WIDEST};
use super::shape::{PlateShape, Shape};

/// The sizes of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Architecture {
    /// Soft bins of a plate that has one number in a row; wider rows get fewer for each number. With 0, nothing is pooled but
    /// the outputs of the network that reads single rows.
    pub bins: usize,
    /// What reads the rows of the plates at the top of a data set. Those of nested plates are read by the deep set.
    pub encoder: Encoder,
    /// Widths of the deep set's layers that read single rows, where rows have several numbers or nothing else is pooled.
    pub element_layers: Vec<usize>,
    /// What reads images.
    pub images: ImageEncoder,
    /// What follows each of these layers, and those that read images.
    pub activation: Activation,
    /// The layers that read whole data sets.
    pub trunk: Trunk,
    /// What the network says of its targets.
    pub output: Output,
}

/// What reads the rows of a plate, beside the histograms and moments that are pooled over them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Encoder {
    /// A network that reads each row by itself, and the mean of its outputs over the rows (Zaheer et al., arXiv 1703.06114).
    /// Its summaries of parts of a data set add up.
    #[default]
    DeepSet,
    /// A set transformer with induced points (Lee et al., arXiv 1810.00825), and the mean over the rows: for sets whose
    /// rows mean something only next to each other. Time and memory grow linearly with the number of rows.
    Attention {
        /// Numbers in the vector of a row.
        width: usize,
        /// Heads of the attention; they share the width.
        heads: usize,
        /// Blocks, each of them an attention of the points to the rows, and of the rows to the points.
        blocks: usize,
        /// Learned points, through which the rows hear of each other.
        inducing: usize,
    },
    /// A transformer in which each row reads those before it and itself: it gives a prediction after every row, in one
    /// pass (see [`Network::predict_prefixes`](super::Network::predict_prefixes)), and learns from all of them. What is
    /// pooled is pooled over the rows so far. For data with one plate at the top, in the order of their rows. Time grows
    /// with the square of their number, memory linearly.
    Causal {
        /// Numbers in the vector of a row.
        width: usize,
        /// Heads of the attention; they share the width.
        heads: usize,
        /// Blocks, each of them an attention.
        blocks: usize,
    },
}

impl Encoder {
    /// A set transformer of a usual size.
    pub const ATTENTION: Encoder = Encoder::Attention { width: 64, heads: 4, blocks: 2, inducing: 16 };

    /// A causal transformer of a usual size.
    pub const CAUSAL: Encoder = Encoder::Causal { width: 64, heads: 4, blocks: 2 };

    /// Checks the sizes, and whether data of `shape` can be read so; the error says what is wrong.
    pub(super) fn check(self, shape: &Shape) -> Result<(), String> {
        let (width, heads, blocks, inducing) = match self {
            Encoder::DeepSet => return Ok(()),
            Encoder::Attention { width, heads, blocks, inducing } => (width, heads, blocks, inducing),
            Encoder::Causal { width, heads, blocks } => (width, heads, blocks, 1),
        };
        size("architecture.encoder.width", width, WIDEST)?;
        size("architecture.encoder.heads", heads, WIDEST)?;
        size("architecture.encoder.blocks", blocks, DEEPEST)?;
        size("architecture.encoder.inducing", inducing, WIDEST)?;
        if !width.is_multiple_of(heads) {
            return Err(format!(
                "architecture.encoder has width {width}, which its {heads} heads cannot share equally: make the width a \
                 multiple of the heads"
            ));
        }
        match (self, shape.plates.len()) {
            (Encoder::Causal { .. }, plates) if plates != 1 => Err(format!(
                "a causal encoder reads the rows of one plate in their order, and the data have {plates} plates at the top: \
                 use `Encoder::Attention` or `Encoder::DeepSet`"
            )),
            _ => Ok(()),
        }
    }
}

/// Checks a size, which must be 1 to `most`; the error names it.
fn size(name: &str, size: usize, most: usize) -> Result<(), String> {
    match size {
        0 => Err(format!("{name} is 0, it must be at least 1")),
        size if size > most => Err(format!("{name} is {size}, it can be at most {most}")),
        _ => Ok(()),
    }
}

/// What reads images: convolutions of 3 x 3 pixels in steps of 2, each of which halves the height and the width, until both
/// are 4 or less; and a layer that reads what is left as a whole.
///
/// ```
/// use hierarch_nn::{Activation, Architecture, ImageEncoder, PlateShape, Shape, Stretch};
///
/// // Small images of numbers that are not counts.
/// let shape = Shape { plates: vec![PlateShape::image(16, 16)], targets: 1, ..Shape::default() };
/// let images = ImageEncoder { stretch: Stretch::None, channels: vec![16, 32], width: 64 };
/// let architecture = Architecture { images, activation: Activation::Relu, ..Architecture::sized(&shape) };
///
/// // The default is for counts.
/// assert_eq!(ImageEncoder::default().stretch, Stretch::Root);
/// assert_ne!(architecture.images, ImageEncoder::default());
/// assert_eq!(shape.plates[0].width, 16 * 16);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageEncoder {
    /// The function that is applied to pixels before the first layer.
    pub stretch: Stretch,
    /// Numbers that each convolution makes of a place, convolution by convolution. A small image needs only the first few of
    /// them; for a large one the last is used more than once.
    pub channels: Vec<usize>,
    /// Numbers that the layer at the end makes of an image.
    pub width: usize,
}

impl Default for ImageEncoder {
    fn default() -> Self {
        ImageEncoder { stretch: Stretch::Root, channels: vec![16, 32, 64, 96], width: 256 }
    }
}

/// A function of each pixel, after which pixels are measured from their mean and in units of their standard deviation, over
/// all pixels of the pilot sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Stretch {
    /// The pixel itself.
    None,
    /// sign(x) sqrt(|x|): the noise of counted photons then has the same size at every brightness (Bartlett 1936).
    Root,
}

impl Stretch {
    /// Applies the function to a pixel.
    #[inline]
    pub(super) fn of(self, pixel: f32) -> f32 {
        match self {
            Stretch::None => pixel,
            Stretch::Root => pixel.abs().sqrt().copysign(pixel),
        }
    }
}

/// The layers that read whole data sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Trunk {
    /// Residual blocks, with a linear path around them.
    Residual {
        /// Width of each block.
        width: usize,
        /// The number of blocks.
        blocks: usize,
    },
    /// A plain network with layers of these widths. The first layer is linear: it stands for the last layer of the element
    /// network, after the mean.
    Plain(Vec<usize>),
}

impl Default for Architecture {
    fn default() -> Self {
        Architecture {
            bins: 96,
            encoder: Encoder::DeepSet,
            element_layers: vec![64, 64],
            images: ImageEncoder::default(),
            activation: Activation::Gelu,
            // After equal times on `resonance`, this was closer to the exact posterior than 3 blocks of 256, 4 of 192, 6 of
            // 128 and 8 of 64: what is left after N data sets grows with the number of weights, over N.
            trunk: Trunk::Residual { width: 96, blocks: 6 },
            output: Output::Density(Family::Mixture { components: 6 }),
        }
    }
}

impl Architecture {
    /// Returns the default sizes for data of `shape`: wider layers where rows have many numbers, and a mixture of 16
    /// Gaussians where there are several targets (see [`Family`]). Many targets need no wider network: 6 blocks of 192 were
    /// no closer to a posterior of 10 numbers after as many data sets, and took twice the time.
    pub fn sized(shape: &Shape) -> Architecture {
        // A row with an image inside it reads what the layers for images make of it, not the pixels.
        fn widest(plates: &[PlateShape]) -> usize {
            plates.iter().map(|plate| plate.width.max(widest(&plate.children))).max().unwrap_or(0)
        }
        let mut sized = Architecture::default();
        if widest(&shape.plates) > 8 {
            sized.element_layers = vec![128, 128];
        }
        if shape.targets > 1 {
            sized.output = Family::Mixture { components: 16 }.into();
        }
        sized
    }

    /// Checks the sizes for data of `shape`, which come from a user or a file; the error says what is wrong.
    pub(super) fn check(&self, shape: &Shape) -> Result<(), String> {
        let Architecture { bins, encoder, element_layers, images, trunk, output, .. } = self;
        let mut plates = shape.plates.iter().enumerate();
        plates.try_for_each(|(index, plate)| plate.check(&format!("plate {index}")))?;
        if images.channels.is_empty() {
            return Err("architecture.images has no channels, it must have at least one".to_owned());
        }
        let widths: &[usize] = match trunk {
            Trunk::Residual { width, blocks } if *blocks <= DEEPEST => std::slice::from_ref(width),
            Trunk::Residual { blocks, .. } => {
                return Err(format!("architecture.trunk.blocks is {blocks}, it can be at most {DEEPEST}"));
            }
            Trunk::Plain(widths) => widths,
        };
        size("the number of targets", shape.targets, WIDEST)?;
        let mut widths = element_layers.iter().chain(widths).chain(&images.channels).chain([&images.width]);
        widths.try_for_each(|width| size("a width of the architecture", *width, WIDEST))?;
        output.check(shape.targets)?;
        if matches!(trunk, Trunk::Plain(widths) if widths.is_empty()) {
            return Err("the network of data sets has no layers, it must have at least 1".to_owned());
        }
        encoder.check(shape)?;
        if *bins > usize::from(u16::MAX) {
            return Err(format!("architecture.bins is {bins}, it can be at most {}", u16::MAX));
        }
        if *bins == 0 && element_layers.is_empty() && *encoder == Encoder::DeepSet {
            return Err("an architecture without bins and without layers for rows reads nothing".to_owned());
        }
        Ok(())
    }
}
