//! A person's own images: a folder of `.npy` and FITS files, as counts of photons.
//!
//! An image has the axes of the simulated ones: x grows along a row, and y from row to row, so that the first row is the lowest.
//! FITS files keep their rows in this order, and arrays are taken as if they did, as `astropy.io.fits` hands them over.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use fitsio_pure::block::padded_byte_len;
use fitsio_pure::hdu::{Hdu, HduInfo};
use fitsio_pure::header::{Card, header_byte_len, parse_header_blocks};
use fitsio_pure::image::read_image_physical;
use fitsio_pure::value::Value;

#[path = "npy.rs"]
mod npy;

/// The most images in a set, as the model has them.
pub const MOST: usize = 25;

/// Images of `HEIGHT` rows of `WIDTH` pixels, in the order of the names of their files.
#[derive(Clone, Debug, PartialEq)]
pub struct Images<const HEIGHT: usize, const WIDTH: usize> {
    /// `lens.fits`, or `stack.npy[3]` for the image with index 3 of a stack.
    pub names: Vec<String>,
    /// Photons in each pixel, the sky's among them.
    pub photons: Vec<[[f32; WIDTH]; HEIGHT]>,
}

/// Why a folder does not give images. An image is named as in [`Images::names`], with its folder.
#[derive(Debug, thiserror::Error)]
pub enum ImagesError {
    /// No such folder, or one that may not be read.
    #[error("cannot read the folder of images {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder without images.
    #[error("no image in {}: no name of a file there ends in .npy, .fits or .fit", path.display())]
    NoImage {
        /// The folder.
        path: PathBuf,
    },
    /// More images than a set may have.
    #[error(
        "{} has more than {MOST} images, the most in a set; the next is {image}: move some to another folder",
        path.display()
    )]
    TooMany {
        /// The folder.
        path: PathBuf,
        /// The first image that is too many.
        image: String,
    },
    /// A file that may not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Not an array of numbers.
    #[error("cannot read the array of {}: {source}", path.display())]
    Npy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: npy::NpyError,
    },
    /// A file that is named FITS and is not.
    #[error("{} is not a FITS file: it does not start with SIMPLE", path.display())]
    NotFits {
        /// The file.
        path: PathBuf,
    },
    /// A FITS file that is cut short or has a header that makes no sense.
    #[error("cannot read the FITS file {}: {source}", path.display())]
    Fits {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: fitsio_pure::Error,
    },
    /// A number in the header of a FITS file that cannot be.
    #[error("the header of the FITS file {} has {keyword} = {value}, where {allowed} is allowed", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// The keyword.
        keyword: String,
        /// Its value.
        value: i64,
        /// What the value may be.
        allowed: String,
    },
    /// A FITS file without an image of two axes.
    #[error(
        "no image with two axes in {}, which holds {found}: write one image to a file, uncompressed (funpack undoes a \
         compression)",
        path.display()
    )]
    NoPlane {
        /// The file.
        path: PathBuf,
        /// What it has, a few words for each unit.
        found: String,
    },
    /// An image, or a stack of them, of another size.
    #[error(
        "{} has shape {found:?}, not [{height}, {width}] or, for a stack in one npy file, [n, {height}, {width}]: \
         cut images to {height} rows of {width} pixels with the lens in the middle",
        path.display()
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// Its shape as numpy counts: the length of a row last.
        found: Vec<usize>,
        /// The rows expected.
        height: usize,
        /// The pixels expected in a row.
        width: usize,
    },
    /// A pixel that is not a number of photons.
    #[error(
        "pixel [{row}, {column}] of {image} is {value}, not a finite number of photons: fill masked pixels in, or take \
         another image"
    )]
    NotFinite {
        /// The image.
        image: String,
        /// The row of the pixel, from 0.
        row: usize,
        /// The column of the pixel, from 0.
        column: usize,
        /// What stands there.
        value: f64,
    },
    /// A pixel below nought, as where the sky is subtracted.
    #[error(
        "pixel [{row}, {column}] of {image} is {value}: images are counts of photons, those of the sky included, which are \
         never negative; add the sky back that was subtracted, and undo a division by the exposure or gain"
    )]
    Negative {
        /// The image.
        image: String,
        /// The row of the pixel, from 0.
        row: usize,
        /// The column of the pixel, from 0.
        column: usize,
        /// What stands there.
        value: f64,
    },
    /// An image without light.
    #[error("each pixel of {image} is 0: an image has at least the photons of the sky")]
    Dark {
        /// The image.
        image: String,
    },
}

/// Reads the images of a folder, its `.npy`, `.fits` and `.fit` files in the order of their names. Other files, and those
/// whose names start with a dot, are left alone.
///
/// An array is an image, [HEIGHT, WIDTH], or a stack of n, [n, HEIGHT, WIDTH]. Of a FITS file it is the first image with two
/// axes, scaled as BSCALE and BZERO say.
///
/// # Errors
/// [`ImagesError`], with the file and what is wrong with it.
pub fn read_folder<const HEIGHT: usize, const WIDTH: usize>(
    folder: &Path,
) -> Result<Images<HEIGHT, WIDTH>, ImagesError> {
    const { assert!(HEIGHT * WIDTH > 0) };
    let mut images = Images { names: vec![], photons: vec![] };
    for path in files(folder)? {
        let bytes = fs::read(&path).map_err(|source| ImagesError::Read { path: path.clone(), source })?;
        let (shape, values) = if has_ending(&path, &["npy"]) {
            npy::read(&bytes).map_err(|source| ImagesError::Npy { path: path.clone(), source })?
        } else {
            first_plane(&path, &bytes)?
        };
        let stacked = match shape[..] {
            [height, width] if [height, width] == [HEIGHT, WIDTH] => false,
            [n, height, width] if n > 0 && [height, width] == [HEIGHT, WIDTH] => true,
            _ => return Err(ImagesError::Shape { path, found: shape, height: HEIGHT, width: WIDTH }),
        };
        for (index, pixels) in values.chunks_exact(HEIGHT * WIDTH).enumerate() {
            let named =
                |name: &dyn std::fmt::Display| if stacked { format!("{name}[{index}]") } else { name.to_string() };
            let name = named(&path.file_name().unwrap_or_default().display());
            if images.names.len() == MOST {
                return Err(ImagesError::TooMany { path: folder.to_owned(), image: name });
            }
            images.photons.push(counts(pixels, || named(&path.display()))?);
            images.names.push(name);
        }
    }
    if images.names.is_empty() { Err(ImagesError::NoImage { path: folder.to_owned() }) } else { Ok(images) }
}

/// The files of a folder that should be images, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, ImagesError> {
    let entries =
        fs::read_dir(folder).and_then(|entries| entries.map(|e| Ok(e?.path())).collect::<io::Result<Vec<_>>>());
    let mut files = entries.map_err(|source| ImagesError::Folder { path: folder.to_owned(), source })?;
    // What is hidden was not put there by a person.
    let hidden = |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    files.retain(|path| has_ending(path, &["npy", "fits", "fit"]) && !hidden(path));
    files.sort();
    Ok(files)
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    path.extension().and_then(OsStr::to_str).is_some_and(|own| endings.iter().any(|e| own.eq_ignore_ascii_case(e)))
}

/// The shape and the pixels of the first image with two axes in a FITS file, the lowest row first.
fn first_plane(path: &Path, bytes: &[u8]) -> Result<(Vec<usize>, Vec<f64>), ImagesError> {
    if !bytes.starts_with(b"SIMPLE  =") {
        return Err(ImagesError::NotFits { path: path.to_owned() });
    }
    let unreadable = |source| ImagesError::Fits { path: path.to_owned(), source };
    let file = units(path, bytes)?;
    let axes = |info: &HduInfo| match info {
        HduInfo::Primary { naxes, .. } | HduInfo::Image { naxes, .. } => Some(naxes.clone()),
        _ => None,
    };
    let plane = file.iter().find_map(|hdu| match axes(&hdu.info)?[..] {
        [width, height] => Some((hdu, width, height)),
        _ => None,
    });
    let Some((hdu, width, height)) = plane else {
        let words = |info: &HduInfo| match (axes(info), info) {
            (Some(axes), _) if axes.is_empty() => "no data".to_string(),
            (Some(axes), _) => format!("an image with axes {axes:?}"),
            (_, HduInfo::CompressedImage { .. }) => "a compressed image".to_string(),
            _ => "a table".to_string(),
        };
        let found = file.iter().map(|hdu| words(&hdu.info)).collect::<Vec<_>>().join(", ");
        return Err(ImagesError::NoPlane { path: path.to_owned(), found });
    };
    let mut pixels = read_image_physical(bytes, hdu).map_err(unreadable)?;
    // The header may say that there are no groups, or that something follows the pixels.
    pixels.truncate(width.saturating_mul(height));
    if pixels.len() < width.saturating_mul(height) {
        return Err(unreadable(fitsio_pure::Error::UnexpectedEof));
    }
    Ok((vec![height, width], pixels))
}

/// The units of a FITS file, each with a header. What follows the last whole unit is left alone.
fn units(path: &Path, bytes: &[u8]) -> Result<Vec<Hdu>, ImagesError> {
    let unreadable = |source| ImagesError::Fits { path: path.to_owned(), source };
    let mut units = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (header, data) = match header_byte_len(rest) {
            Ok(length) => (&rest[..length], bytes.len() - rest.len() + length),
            Err(source) if units.is_empty() => return Err(unreadable(source)),
            Err(_) => break,
        };
        let unit = parse_header_blocks(header).and_then(|cards| {
            if let Some((card, value, allowed)) = cards.iter().find_map(|card| wrong_number(card, bytes.len())) {
                let keyword = card.keyword_str().to_string();
                return Ok(Err(ImagesError::Header { path: path.to_owned(), keyword, value, allowed }));
            }
            Hdu::from_cards(cards, bytes.len() - rest.len(), data).map(Ok)
        });
        let unit = match unit {
            Ok(unit) => unit?,
            Err(source) if units.is_empty() => return Err(unreadable(source)),
            Err(_) => break,
        };
        // The padding at the end may be missing.
        if unit.data_len > bytes.len() - data {
            return Err(unreadable(fitsio_pure::Error::UnexpectedEof));
        }
        rest = bytes.get(data + padded_byte_len(unit.data_len)..).unwrap_or_default();
        units.push(unit);
    }
    Ok(units)
}

/// A number of a header that cannot be in a file of `length` bytes, and what may be. The crate that reads FITS files takes
/// them as they are, and makes room for as many axes as they say.
fn wrong_number(card: &Card, length: usize) -> Option<(&Card, i64, String)> {
    let Some(Value::Integer(value)) = card.value else { return None };
    let most = match card.keyword_str() {
        // Of the standard (Pence et al. 2010, section 4.4.1).
        "NAXIS" | "ZNAXIS" | "TFIELDS" => 999,
        "PCOUNT" | "GCOUNT" => length as i64,
        keyword => {
            let axis = keyword.trim_start_matches('Z').strip_prefix("NAXIS")?;
            let number = axis.bytes().all(|digit| digit.is_ascii_digit());
            // A compressed image has more pixels than bytes.
            if number && !keyword.starts_with('Z') { length as i64 } else { return None }
        }
    };
    (!(0..=most).contains(&value)).then(|| (card, value, format!("0 to {most}")))
}

/// Pixels, row by row, as counts of photons. `image` is asked for its name where there is something to say.
fn counts<const HEIGHT: usize, const WIDTH: usize>(
    pixels: &[f64],
    image: impl Fn() -> String,
) -> Result<[[f32; WIDTH]; HEIGHT], ImagesError> {
    let mut counts = [[0.0; WIDTH]; HEIGHT];
    for (i, (count, &value)) in counts.as_flattened_mut().iter_mut().zip(pixels).enumerate() {
        let (row, column) = (i / WIDTH, i % WIDTH);
        *count = value as f32;
        if !count.is_finite() {
            return Err(ImagesError::NotFinite { image: image(), row, column, value });
        }
        if value < 0.0 {
            return Err(ImagesError::Negative { image: image(), row, column, value });
        }
    }
    let dark = counts.as_flattened().iter().all(|count| *count == 0.0);
    if dark { Err(ImagesError::Dark { image: image() }) } else { Ok(counts) }
}
