//! A person's own images of lenses: files of each kind, and what is said of those that are not images.
//!
//! `lensing/tests/data/lens_numpy.npy` and `tests/data/lens_astropy.fits` hold `pattern` and were written with numpy 2.4.6 and astropy
//! 8.0.2, by `python lensing/tests/data/lens_images.py`.

use std::fs;
use std::path::Path;

use tempfile::{TempDir, tempdir};

#[path = "../../examples/lensing/images.rs"]
mod images;

use images::{Images, ImagesError, MOST, read_folder};

/// Rows and columns that differ.
const HEIGHT: usize = 3;
const WIDTH: usize = 5;

type Image = [[f32; WIDTH]; HEIGHT];

/// An image that no exchange of rows, columns or bytes leaves as it is.
fn pattern() -> Image {
    std::array::from_fn(|row| std::array::from_fn(|column| (10 * row + column + 1) as f32))
}

/// A folder with files.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn read(folder: &TempDir) -> Result<Images<HEIGHT, WIDTH>, ImagesError> {
    read_folder(folder.path())
}

/// Reads one file on its own.
fn read_one(name: &str, bytes: &[u8]) -> Result<Image, ImagesError> {
    read(&folder(&[(name, bytes)])).map(|images| images.photons[0])
}

/// What is said of a file; it names the file.
fn complaint(name: &str, bytes: &[u8]) -> String {
    let text = read_one(name, bytes).unwrap_err().to_string();
    assert!(text.contains(name), "{text}");
    text
}

/// An npy file of version 1.
fn npy(kind: &str, fortran: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': ({shape}), }}");
    let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(length).unwrap().to_le_bytes());
    bytes.extend(format!("{header:<width$}\n", width = length - 1).bytes());
    bytes.extend(data);
    bytes
}

fn npy_f4(shape: &str, pixels: impl IntoIterator<Item = f32>) -> Vec<u8> {
    npy("<f4", "False", shape, &pixels.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<_>>())
}

fn npy_image(image: &Image) -> Vec<u8> {
    npy_f4("3, 5", image.as_flattened().iter().copied())
}

/// A unit of a FITS file: cards, then data, each filled up to blocks.
fn fits(cards: &[(&str, &str)], data: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = cards
        .iter()
        .flat_map(|(key, value)| format!("{:<80}", format!("{key:<8}= {value:>20}")).into_bytes())
        .collect();
    bytes.extend(format!("{:<80}", "END").bytes());
    bytes.resize(bytes.len().next_multiple_of(2880), b' ');
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(2880), 0);
    bytes
}

/// A primary unit with an image of `WIDTH` by `HEIGHT`.
fn fits_image(bitpix: &str, more: &[(&str, &str)], data: &[u8]) -> Vec<u8> {
    let cards = [("SIMPLE", "T"), ("BITPIX", bitpix), ("NAXIS", "2"), ("NAXIS1", "5"), ("NAXIS2", "3")];
    fits(&[&cards, more].concat(), data)
}

fn bytes<const N: usize>(of: impl Fn(f32) -> [u8; N]) -> Vec<u8> {
    pattern().as_flattened().iter().flat_map(|x| of(*x)).collect()
}

#[test]
fn reads_what_numpy_and_astropy_write() {
    let images: Images<HEIGHT, WIDTH> = read_folder(Path::new("tests/data")).unwrap();
    assert_eq!(images.names, ["lens_astropy.fits", "lens_numpy.npy"]);
    assert_eq!(images.photons, [pattern(), pattern()]);
}

#[test]
fn reads_arrays_of_every_type_and_order() {
    let kinds: [(&str, Vec<u8>); 14] = [
        ("<f4", bytes(f32::to_le_bytes)),
        (">f4", bytes(f32::to_be_bytes)),
        ("<f8", bytes(|x| f64::from(x).to_le_bytes())),
        (">f8", bytes(|x| f64::from(x).to_be_bytes())),
        ("|i1", bytes(|x| (x as i8).to_le_bytes())),
        ("|u1", bytes(|x| (x as u8).to_le_bytes())),
        ("<i2", bytes(|x| (x as i16).to_le_bytes())),
        (">i2", bytes(|x| (x as i16).to_be_bytes())),
        ("<u2", bytes(|x| (x as u16).to_le_bytes())),
        ("<i4", bytes(|x| (x as i32).to_le_bytes())),
        ("<u4", bytes(|x| (x as u32).to_le_bytes())),
        ("<i8", bytes(|x| (x as i64).to_le_bytes())),
        (">i8", bytes(|x| (x as i64).to_be_bytes())),
        ("<u8", bytes(|x| (x as u64).to_le_bytes())),
    ];
    for (kind, data) in &kinds {
        assert_eq!(read_one("a.npy", &npy(kind, "False", "3, 5", data)).unwrap(), pattern(), "{kind}");
        // The same elements with the first index running fastest are those of the transpose.
        let size = data.len() / (HEIGHT * WIDTH);
        let element = |row, column| &data[size * (row * WIDTH + column)..][..size];
        let columns: Vec<u8> = (0..WIDTH).flat_map(|c| (0..HEIGHT).flat_map(move |r| element(r, c)).copied()).collect();
        assert_eq!(read_one("a.npy", &npy(kind, "True", "3, 5", &columns)).unwrap(), pattern(), "{kind}");
    }
}

#[test]
fn reads_stacks_in_both_orders() {
    let stack: Vec<f32> = (1..=2 * HEIGHT * WIDTH).map(|x| x as f32).collect();
    let fortran: Vec<u8> = (0..WIDTH)
        .flat_map(|c| (0..HEIGHT).flat_map(move |r| (0..2).map(move |k| (k * HEIGHT + r) * WIDTH + c)))
        .flat_map(|i| stack[i].to_le_bytes())
        .collect();
    let files = [("a.npy", npy_f4("2, 3, 5", stack.clone())), ("b.npy", npy("<f4", "True", "2, 3, 5", &fortran))];
    let images = read(&folder(&files.each_ref().map(|(name, bytes)| (*name, &bytes[..])))).unwrap();
    assert_eq!(images.names, ["a.npy[0]", "a.npy[1]", "b.npy[0]", "b.npy[1]"]);
    assert_eq!(images.photons[..2].as_flattened().as_flattened(), stack);
    assert_eq!(images.photons[..2], images.photons[2..]);
}

/// Numbers for which the crate that reads FITS files would make room, or take for others.
#[test]
fn numbers_in_a_fits_header_that_cannot_be_are_named() {
    let line = |naxis, first| [("SIMPLE", "T"), ("BITPIX", "8"), ("NAXIS", naxis), ("NAXIS1", first), ("NAXIS2", "3")];
    for (naxis, first, said) in [
        ("-1", "5", "has NAXIS = -1, where 0 to 999 is allowed"),
        ("1099511627776", "5", "has NAXIS = 1099511627776, where 0 to 999 is allowed"),
        ("2", "-5", "has NAXIS1 = -5, where 0 to 5760 is allowed"),
        ("2", "9223372036854775807", "has NAXIS1 = 9223372036854775807, where 0 to 5760 is allowed"),
    ] {
        let text = complaint("a.fits", &fits(&line(naxis, first), &[1; 15]));
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn reads_fits_images_of_every_type() {
    let kinds: [(&str, Vec<u8>); 6] = [
        ("8", bytes(|x| (x as u8).to_be_bytes())),
        ("16", bytes(|x| (x as i16).to_be_bytes())),
        ("32", bytes(|x| (x as i32).to_be_bytes())),
        ("64", bytes(|x| (x as i64).to_be_bytes())),
        ("-32", bytes(f32::to_be_bytes)),
        ("-64", bytes(|x| f64::from(x).to_be_bytes())),
    ];
    for (bitpix, data) in &kinds {
        assert_eq!(read_one("a.fits", &fits_image(bitpix, &[], data)).unwrap(), pattern(), "{bitpix}");
        let scaled = read_one("a.FIT", &fits_image(bitpix, &[("BSCALE", "0.5"), ("BZERO", "100.0")], data)).unwrap();
        assert_eq!(scaled, pattern().map(|row| row.map(|x| 100.0 + 0.5 * x)), "{bitpix}");
    }
}

#[test]
fn takes_the_first_image_with_two_axes() {
    let no_data = fits(&[("SIMPLE", "T"), ("BITPIX", "8"), ("NAXIS", "0"), ("EXTEND", "T")], &[]);
    let line = [("BITPIX", "8"), ("NAXIS", "1"), ("NAXIS1", "4"), ("PCOUNT", "0"), ("GCOUNT", "1")];
    let line = fits(&[&[("XTENSION", "'IMAGE   '")], &line[..]].concat(), &[9; 4]);
    let plane = [("NAXIS", "2"), ("NAXIS1", "5"), ("NAXIS2", "3"), ("PCOUNT", "0"), ("GCOUNT", "1")];
    let plane =
        fits(&[&[("XTENSION", "'IMAGE   '"), ("BITPIX", "-32")], &plane[..]].concat(), &bytes(f32::to_be_bytes));
    assert_eq!(read_one("a.fits", &[&no_data[..], &line, &plane].concat()).unwrap(), pattern());

    let text = complaint("a.fits", &[no_data, line].concat());
    assert!(text.contains("which holds no data, an image with axes [4]"), "{text}");
}

#[test]
fn reads_in_the_order_of_names_and_leaves_other_files_alone() {
    let (one, two) = (npy_image(&pattern()), npy_image(&pattern().map(|row| row.map(|x| x + 1.0))));
    let fits = fits_image("-32", &[], &bytes(|x| (x + 2.0).to_be_bytes()));
    let files = [("b.npy", &two[..]), ("c.fits", &fits), ("a.NPY", &one), ("notes.txt", b"?"), ("._a.npy", b"?")];
    let images = read(&folder(&files)).unwrap();
    assert_eq!(images.names, ["a.NPY", "b.npy", "c.fits"]);
    assert_eq!(images.photons.iter().map(|image| image[0][0]).collect::<Vec<_>>(), [1.0, 2.0, 3.0]);
}

#[test]
fn says_what_is_wrong_with_a_folder() {
    let nowhere = folder(&[]).path().join("nowhere");
    let text = read_folder::<HEIGHT, WIDTH>(&nowhere).unwrap_err().to_string();
    assert!(text.contains("nowhere") && text.contains("No such file"), "{text}");

    let text = read(&folder(&[("a.png", b"")])).unwrap_err().to_string();
    assert!(text.contains("no name of a file there ends in .npy, .fits or .fit"), "{text}");

    let stack = npy_f4("25, 3, 5", std::iter::repeat_n(1.0, MOST * HEIGHT * WIDTH));
    assert_eq!(read(&folder(&[("a.npy", &stack)])).unwrap().names.len(), MOST);
    let text = read(&folder(&[("a.npy", &stack), ("b.npy", &npy_image(&pattern()))])).unwrap_err().to_string();
    assert!(text.contains("more than 25 images") && text.contains("the next is b.npy"), "{text}");
}

#[test]
fn says_what_another_shape_is() {
    let data = [0; 60];
    for shape in ["5, 3", "15,", "", "0, 3, 5", "1, 1, 3, 5"] {
        let text = complaint("a.npy", &npy("<f4", "False", shape, &data));
        let found = format!("has shape [{}], not [3, 5]", shape.trim_end_matches(','));
        assert!(text.contains(&found), "{text}");
    }
    let cards = [("SIMPLE", "T"), ("BITPIX", "8"), ("NAXIS", "2"), ("NAXIS1", "3"), ("NAXIS2", "5")];
    let text = complaint("a.fits", &fits(&cards, &[1; 15]));
    assert!(text.contains("has shape [5, 3], not [3, 5]"), "{text}");
}

#[test]
fn says_where_a_pixel_is_wrong() {
    for (value, says) in [
        (f32::NAN, "pixel [1, 3] of "),
        (f32::INFINITY, "is inf, not a finite number"),
        (-0.25, "is -0.25: images are counts of photons, those of the sky included"),
    ] {
        let mut image = pattern();
        image[1][3] = value;
        let text = complaint("a.npy", &npy_image(&image));
        assert!(text.contains("pixel [1, 3] of ") && text.contains(says), "{text}");
        let pixels: Vec<u8> = image.as_flattened().iter().flat_map(|x| x.to_be_bytes()).collect();
        let text = complaint("a.fits", &fits_image("-32", &[], &pixels));
        assert!(text.contains("pixel [1, 3] of ") && text.contains(says), "{text}");
        let stack = npy_f4("2, 3, 5", pattern().as_flattened().iter().chain(image.as_flattened()).copied());
        let text = complaint("a.npy", &stack);
        assert!(text.contains("a.npy[1] is"), "{text}");
    }
    // Beyond the numbers that an image has, and what FITS calls a blank.
    let text = complaint("a.npy", &npy("<f8", "False", "3, 5", &bytes(|x| (f64::from(x) * 1e50).to_le_bytes())));
    assert!(text.contains("pixel [0, 0]") && text.contains("not a finite number of photons"), "{text}");
    let text = complaint("a.fits", &fits_image("16", &[("BLANK", "13")], &bytes(|x| (x as i16).to_be_bytes())));
    assert!(text.contains("pixel [1, 2]") && text.contains("is NaN"), "{text}");

    let text = complaint("a.npy", &npy_image(&[[0.0; WIDTH]; HEIGHT]));
    assert!(text.contains("each pixel of") && text.contains("is 0"), "{text}");
}

#[test]
fn says_what_is_not_an_array() {
    let data = [0; 60];
    for (bytes, says) in [
        (b"PK\x03\x04 a zip".to_vec(), "does not start as an npy file does"),
        (b"\x93NUMPY\x09\x00\x10\x00".to_vec(), "version 9"),
        (npy("<f2", "False", "3, 5", &data), "type <f2, and f4, f8"),
        (npy("|O", "False", "3, 5", &data), "type |O"),
        (npy("é", "False", "3, 5", &data), "type é"),
        (npy("<c16", "False", "3, 5", &data), "type <c16"),
        (npy("<f99999999999999999999", "False", "3, 5", &data), "type <f9999"),
        (npy("<f4", "Maybe", "3, 5", &data), "no fortran_order"),
        (npy("<f4", "False", "3, x", &data), "no shape"),
        (npy("<f4", "False", "99999999999, 99999999999", &data), "no shape"),
        (npy("<f4", "False", "3, 5", &data[..59]), "cut short: 187 bytes where 188"),
    ] {
        let text = complaint("a.npy", &bytes);
        assert!(text.contains(says), "{text}");
    }
}

/// A file may end anywhere, and no byte of its header may be trusted.
#[test]
fn never_panics_over_a_damaged_file() {
    let files = [
        ("a.npy", npy_image(&pattern())),
        ("a.fits", fits_image("-32", &[("BZERO", "1.0")], &bytes(f32::to_be_bytes))),
    ];
    for (name, whole) in &files {
        let folder = folder(&[]);
        let path = folder.path().join(name);
        // What may be cut from the end of a FITS file is what fills up its last block.
        let needed = if *name == "a.fits" { 2880 + 60 } else { whole.len() };
        for length in (0..whole.len()).filter(|length| length % 7 == 0 || needed - 1 == *length) {
            fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(read(&folder).is_err(), length < needed, "{name} of {length} bytes");
        }
        for at in 0..whole.len().min(600) {
            for byte in [b'9', b' ', b'\'', 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = byte;
                fs::write(&path, damaged).unwrap();
                let _ = read(&folder);
            }
        }
    }
    assert!(complaint("a.fits", &files[1].1[..2900]).contains("unexpected end of file"));
    assert!(complaint("a.fits", b"hello").contains("does not start with SIMPLE"));
}
