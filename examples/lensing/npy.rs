//! Arrays in numpy's own format, `.npy` (numpy.lib.format, versions 1 to 3), read as numbers.
//!
//! The crates that read this format parse any Python literal and bring a parser generator and C along; what `numpy.save` writes
//! is a dictionary with three known keys.

/// The types that are read, as numpy writes them without the order of their bytes.
const TYPES: &str = "f4, f8, i1, i2, i4, i8, u1, u2, u4 or u8";

/// Why bytes are not an array of numbers.
#[derive(Debug, thiserror::Error)]
pub enum NpyError {
    /// Something else.
    #[error("it does not start as an npy file does: write it with numpy.save")]
    Magic,
    /// A version of the format that is not known.
    #[error("its npy format has version {0}, and versions 1 to 3 are read: write it with numpy.save")]
    Version(u8),
    /// A header without what it should have.
    #[error("its npy header has no {0}: write it with numpy.save")]
    Header(&'static str),
    /// Elements that are not read.
    #[error("its elements have type {0}, and {TYPES} is read: convert it with array.astype('f4')")]
    Type(String),
    /// Fewer bytes than the header says.
    #[error("it is cut short: {found} bytes where {expected} are expected")]
    CutShort {
        /// The bytes that the header says, at least.
        expected: usize,
        /// The bytes there are.
        found: usize,
    },
}

/// Makes numbers of the bytes of elements, with the most significant byte first where it is told so.
type Convert = fn(&[u8], bool) -> Vec<f64>;

/// The shape of an array and its elements with the last index running fastest, whatever the order in the file.
pub fn read(bytes: &[u8]) -> Result<(Vec<usize>, Vec<f64>), NpyError> {
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or(NpyError::Magic)?;
    let cut = |expected| NpyError::CutShort { expected, found: bytes.len() };
    // A version of two bytes, and the length of the header in two or four.
    let (start, length) = match *rest {
        [1, _, a, b, ..] => (10, usize::from(u16::from_le_bytes([a, b]))),
        [2 | 3, _, a, b, c, d, ..] => (12, u32::from_le_bytes([a, b, c, d]) as usize),
        [1..=3, ..] | [] => return Err(cut(12)),
        [version, ..] => return Err(NpyError::Version(version)),
    };
    let header = bytes[start..].get(..length).ok_or_else(|| cut(start.saturating_add(length)))?;
    let (kind, fortran, shape) = interpret(&String::from_utf8_lossy(header))?;

    let (size, convert): (usize, Convert) = match kind.strip_prefix(['<', '>', '|']) {
        Some("f4") => (4, |data, big| numbers(data, big, |b| f32::from_le_bytes(b).into())),
        Some("f8") => (8, |data, big| numbers(data, big, f64::from_le_bytes)),
        Some("i1") => (1, |data, big| numbers(data, big, |b| i8::from_le_bytes(b).into())),
        Some("i2") => (2, |data, big| numbers(data, big, |b| i16::from_le_bytes(b).into())),
        Some("i4") => (4, |data, big| numbers(data, big, |b| i32::from_le_bytes(b).into())),
        Some("i8") => (8, |data, big| numbers(data, big, |b| i64::from_le_bytes(b) as f64)),
        Some("u1") => (1, |data, big| numbers(data, big, |b| u8::from_le_bytes(b).into())),
        Some("u2") => (2, |data, big| numbers(data, big, |b| u16::from_le_bytes(b).into())),
        Some("u4") => (4, |data, big| numbers(data, big, |b| u32::from_le_bytes(b).into())),
        Some("u8") => (8, |data, big| numbers(data, big, |b| u64::from_le_bytes(b) as f64)),
        _ => return Err(NpyError::Type(kind)),
    };
    let length = shape.iter().try_fold(size, |product, n| product.checked_mul(*n)).ok_or(NpyError::Header("shape"))?;
    let start = start + header.len();
    let data = bytes[start..].get(..length).ok_or_else(|| cut(start.saturating_add(length)))?;
    let values = convert(data, kind.starts_with('>'));
    let values = if fortran { last_fastest(&shape, &values) } else { values };
    Ok((shape, values))
}

/// The type, whether the first index runs fastest, and the shape: `{'descr': '<f4', 'fortran_order': False, 'shape': (64, 64), }`.
fn interpret(header: &str) -> Result<(String, bool, Vec<usize>), NpyError> {
    let after = |key: &'static str| {
        let (_, rest) = header.split_once(&format!("'{key}':")).ok_or(NpyError::Header(key))?;
        Ok(rest.trim_start())
    };
    let between = |key, open, close| {
        let inner = after(key)?.strip_prefix(open).and_then(|rest| rest.split_once(close));
        inner.map(|(inner, _)| inner).ok_or(NpyError::Header(key))
    };
    if after("descr")?.starts_with('[') {
        return Err(NpyError::Type("of a structure".to_string()));
    }
    let kind = between("descr", '\'', '\'')?.to_string();
    let fortran = match after("fortran_order")? {
        order if order.starts_with("True") => true,
        order if order.starts_with("False") => false,
        _ => return Err(NpyError::Header("fortran_order")),
    };
    let sizes = between("shape", '(', ')')?.split(',').map(str::trim).filter(|size| !size.is_empty());
    let shape = sizes.map(str::parse).collect::<Result<_, _>>().map_err(|_| NpyError::Header("shape"))?;
    Ok((kind, fortran, shape))
}

/// Numbers of `N` bytes each, with the most significant byte first if `big`.
fn numbers<const N: usize>(data: &[u8], big: bool, from_little: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    let number = |bytes: &[u8; N]| {
        let mut bytes = *bytes;
        if big {
            bytes.reverse();
        }
        from_little(bytes)
    };
    data.as_chunks().0.iter().map(number).collect()
}

/// Elements with the last index running fastest, from those with the first.
fn last_fastest(shape: &[usize], values: &[f64]) -> Vec<f64> {
    let element = |mut index: usize| {
        let (mut at, mut stride) = (0, values.len());
        for n in shape.iter().rev() {
            stride /= n;
            at += index % n * stride;
            index /= n;
        }
        values[at]
    };
    (0..values.len()).map(element).collect()
}
