//! Networks, trainings that are not at their end, and simulated data sets, in files.
//!
//! A file is a [safetensors](https://github.com/huggingface/safetensors) file: the weight matrices by name, and in the
//! header's metadata, as JSON, everything else that belongs to the network. It can be inspected with any tool that reads
//! the format. A file is written whole or not at all: first under another name, then it is renamed.

mod format;
mod network;
mod numbers;
mod training;

pub use format::Metadata;
pub use numbers::{NumbersFile, load_numbers, save_numbers};
