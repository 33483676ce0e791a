//! Strong lenses: their physics, the camera, images of them, and the model of the example.

#![allow(missing_docs)]

mod camera;
mod lens_images;
mod lens_model;
mod lensing;
