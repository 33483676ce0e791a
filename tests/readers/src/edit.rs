//! Changes of files that are right, by a few bytes each.

use std::collections::BTreeMap;

use hierarch_core::hash::{NOTHING, fnv};
use serde_json::{Value, json};

/// The key of the checksum of a file, in its metadata.
const CHECKSUM: &str = "hierarch.checksum";
/// Numbers with which arithmetic goes wrong.
const NUMBERS: [f64; 16] = [
    0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    3.0,
    65_536.0,
    16_777_217.0,
    1_099_511_627_776.0,
    9_007_199_254_740_992.0,
    9.3e18,
    1.9e19,
    1e39,
    1e300,
    -1e300,
    1e-320,
];

/// Applies changes of four bytes each to JSON: which value, how, and to what.
pub(super) fn edit(value: &mut Value, edits: &[u8]) {
    for edit in edits.as_chunks::<4>().0 {
        let [low, high, how, what] = *edit;
        let count = visit(value, usize::MAX, &mut |_| ()).count();
        let at = usize::from(u16::from_le_bytes([low, high])) % count.max(1);
        visit(value, at, &mut |value| change(value, how, what));
    }
}

/// Where a visit of the values in JSON has come.
enum Visit {
    Passed(usize),
    Done,
}

impl Visit {
    fn count(&self) -> usize {
        match self {
            Visit::Passed(count) => *count,
            Visit::Done => 0,
        }
    }
}

/// Calls `act` with value `at` of all values in `value`, also of those in JSON that stands in it as text.
fn visit(value: &mut Value, at: usize, act: &mut dyn FnMut(&mut Value)) -> Visit {
    if at == 0 {
        act(value);
        return Visit::Done;
    }
    let mut passed = 1;
    let mut inner = |value: &mut Value| match visit(value, at - passed, act) {
        Visit::Passed(more) => {
            passed += more;
            false
        }
        Visit::Done => true,
    };
    let done = match value {
        Value::Array(values) => values.iter_mut().any(inner),
        Value::Object(values) => values.values_mut().any(inner),
        Value::String(text) if text.starts_with(['[', '{']) => match serde_json::from_str(text) {
            Ok(mut parsed) => {
                let done = inner(&mut parsed);
                if done {
                    *text = parsed.to_string();
                }
                done
            }
            Err(_) => false,
        },
        _ => false,
    };
    if done { Visit::Done } else { Visit::Passed(passed) }
}

fn change(value: &mut Value, how: u8, what: u8) {
    let number = NUMBERS[usize::from(what) % NUMBERS.len()];
    match (how % 8, &mut *value) {
        (0, Value::Array(values)) => drop(values.pop()),
        (1, Value::Array(values)) => values.extend(values.last().cloned()),
        (2, Value::Array(values)) if !values.is_empty() => {
            let (first, last) = (0, usize::from(what) % values.len());
            values.swap(first, last);
        }
        (0..=2, Value::Object(values)) => {
            let key = values.keys().nth(usize::from(what) % values.len().max(1)).cloned();
            key.map(|key| values.remove(&key));
        }
        (0..=4, Value::Number(_)) if number.fract() == 0.0 && (0.0..1.8e19).contains(&number) => {
            *value = json!(number as u64);
        }
        (5, Value::Number(old)) => *value = json!(old.as_u64().map_or(0, |old| old.wrapping_add(u64::from(what)))),
        (6, Value::Number(old)) => *value = json!(old.as_f64().map_or(0.0, |old| -old)),
        (_, Value::Number(_)) => *value = json!(number),
        (_, Value::Bool(old)) => *old = !*old,
        (3, _) => *value = json!(null),
        (4, _) => *value = json!(number),
        (5, _) => *value = json!("x"),
        (6, _) => *value = json!([]),
        _ => *value = json!({}),
    }
}

/// Changes a safetensors file: its header as JSON and, where the third byte of a change is above 200, the numbers behind it.
/// An input that is such a file is returned with its checksum put right.
pub(super) fn safetensors(right: &[u8], input: &[u8]) -> Vec<u8> {
    if let Some((header, body)) = parts(input) {
        return whole(header, body);
    }
    let Some((mut header, mut body)) = parts(right) else { return right.to_vec() };
    for change in input.as_chunks::<4>().0 {
        let [low, high, how, what] = *change;
        if how <= 200 {
            edit(&mut header, change);
            continue;
        }
        let at = usize::from(u16::from_le_bytes([low, high])) * 4 % body.len().max(1);
        let number = [f32::NAN, f32::INFINITY, -1.0, 0.5, 1e30, 16_777_216.0, 0.0, 7.0][usize::from(what) % 8];
        match body.get_mut(at..at + 4) {
            Some(bytes) if what < 128 => bytes.copy_from_slice(&number.to_le_bytes()),
            Some(bytes) => bytes.fill(what),
            None => {}
        }
    }
    whole(header, body)
}

/// Changes the JSON of an entry of a file's metadata.
pub(super) fn with_header(right: &[u8], key: &str, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let (mut header, body) = parts(right).expect("a safetensors file");
    let text = &mut header["__metadata__"][key];
    let mut value = serde_json::from_str(text.as_str().unwrap_or_default()).expect("JSON");
    change(&mut value);
    *text = json!(value.to_string());
    whole(header, body)
}

/// The header of a file, and what stands behind it.
fn parts(bytes: &[u8]) -> Option<(Value, Vec<u8>)> {
    let mut header = serde_json::Deserializer::from_slice(bytes.get(8..)?).into_iter();
    let value: Value = header.next()?.ok()?;
    let rest = &bytes[8 + header.byte_offset()..];
    let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
    value.is_object().then(|| (value, rest[spaces..].to_vec()))
}

/// A file with a checksum and a length of the header that are right.
fn whole(mut header: Value, body: Vec<u8>) -> Vec<u8> {
    let entries = |value: &Value| -> BTreeMap<String, Value> {
        value.as_object().map(|all| all.clone().into_iter().collect()).unwrap_or_default()
    };
    let metadata = header.get("__metadata__").map(entries).unwrap_or_default();
    let texts = metadata.iter().filter(|(key, _)| *key != CHECKSUM);
    let texts = texts.flat_map(|(key, value)| [key.as_str(), value.as_str().unwrap_or_default()]);
    let mut bytes: Vec<u8> = texts.flat_map(str::bytes).collect();
    for (name, tensor) in entries(&header) {
        let offset = |at: usize| tensor["data_offsets"][at].as_u64().and_then(|at| usize::try_from(at).ok());
        if let (true, Some(start), Some(end)) = (name != "__metadata__", offset(0), offset(1)) {
            bytes.extend(body.get(start..end).unwrap_or_default());
        }
    }
    let checksum = format!("{:016x}", fnv(NOTHING, bytes.into_iter().map(u64::from)));
    if let Some(metadata) = header.get_mut("__metadata__").and_then(Value::as_object_mut) {
        metadata.insert(CHECKSUM.to_owned(), json!(checksum));
    }
    let text = header.to_string();
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes(), &body].concat()
}
