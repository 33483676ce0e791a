//! Images in files of their own.

use std::fs;

use super::folder;

#[path = "../../../examples/lensing/images.rs"]
mod lenses;

/// Reads a file of numpy.
pub(super) fn npy(input: &[u8]) {
    read("image.npy", input);
}

/// Reads a FITS file: as it is, or made of cards, one in a line, and after a blank line of the data, and so on.
pub(super) fn fits(input: &[u8]) {
    const CARD: usize = 80;
    const BLOCK: usize = 2880;
    if input.len() >= BLOCK {
        return read("image.fits", input);
    }
    let mut bytes = Vec::new();
    let mut rest = Some(input);
    for header in [true, false].into_iter().cycle() {
        let Some(part) = rest else { break };
        let end = part.windows(2).position(|pair| pair == b"\n\n");
        let (own, after) = end.map_or((part, None), |end| (&part[..end], Some(&part[end + 2..])));
        rest = after;
        if header {
            for card in own.split(|byte| *byte == b'\n').chain([&b"END"[..]]) {
                bytes.extend(card.iter().copied().chain(std::iter::repeat(b' ')).take(CARD));
            }
            bytes.resize(bytes.len().next_multiple_of(BLOCK), b' ');
        } else {
            bytes.extend_from_slice(own);
            bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        }
    }
    read("image.fits", &bytes);
}

fn read(name: &str, bytes: &[u8]) {
    let folder = folder();
    fs::write(folder.join(name), bytes).expect("room for an image");
    drop(lenses::read_folder::<2, 3>(&folder));
}
