//! The inputs that fuzzing has found, and some to begin with: none of them may panic, hang, or take all memory.

use std::fs;
use std::path::Path;

use hierarch_readers::{READERS, refused};
use serde_json::json;

#[test]
fn no_input_that_was_kept_is_trusted() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, read) in READERS {
        let entries = fs::read_dir(corpus.join(name)).unwrap();
        let mut inputs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        inputs.sort();
        assert!(!inputs.is_empty(), "no inputs for {name}");
        for input in inputs {
            println!("{}", input.display());
            read(&fs::read(&input).unwrap());
        }
    }
}

/// What would abort, divide by zero or index past an end is an error that names the place, what it holds, and what it may hold.
#[test]
fn a_header_that_cannot_be_is_an_error_that_says_why() {
    let attention =
        |width: u64, heads| json!({"Attention": {"width": width, "heads": heads, "blocks": 1, "inducing": 2}});
    let layers = "/architecture/element_layers";
    for (place, value, said) in [
        ("/format", json!(6), ""),
        ("/architecture/trunk/Residual/width", json!(1_u64 << 40), "is 1099511627776, it can be at most 1048576"),
        ("/architecture/trunk/Residual/width", json!(1_u64 << 19), "524288 weights, where"),
        ("/architecture/trunk/Residual/blocks", json!(1_u64 << 40), "blocks is 1099511627776, it can be at most 1024"),
        ("/architecture/trunk/Residual/blocks", json!(1000), "weights, where"),
        (layers, json!([1_u64 << 40]), "is 1099511627776, it can be at most 1048576"),
        (layers, json!([0]), "is 0, it must be at least 1"),
        ("/architecture/encoder", attention(4, 0), "architecture.encoder.heads is 0"),
        ("/architecture/encoder", attention(1 << 40, 1), "architecture.encoder.width is 1099511627776"),
        ("/architecture/output", json!({"Categories": 1_u64 << 40}), "1099511627776 categories"),
        ("/shape/plates/0/width", json!(u64::MAX), "reader.levels.1.columns"),
        ("/shape/plates/0/image", json!([1_u64 << 32, 1_u64 << 32]), "4294967296 x 4294967296 pixels"),
        ("/shape/targets", json!(0), "the number of targets is 0"),
        ("/reader/targets/0/1", json!(0.0), "reader.targets is 0"),
        ("/reader/targets", json!([]), "the number of reader.targets is 0 where 2 is due"),
        ("/reader/levels", json!([]), "the number of reader.levels is 0 where 2 is due"),
        ("/reader/levels/0/binned", json!(99), "reader.levels.0.binned is 99"),
        ("/reader/levels/0/flat", json!(1_u64 << 40), "reader.levels.0.flat is 1099511627776"),
        ("/reader/levels/0/centre", json!([]), "the length of reader.levels.0.centre is 0"),
        ("/reader/levels/0/columns/0/scale", json!(-1.0), "reader.levels.0.columns.scale is -1"),
        ("/reader/levels/0/columns/0/centre", json!(1e39), "number out of range"),
        ("/reader/levels/0/columns/0/knots", json!([2.0, 1.0]), "that increase"),
        ("/own", json!([]), "the number of own networks is 0 where 2 is due"),
    ] {
        let error = refused(place, value.clone());
        assert!(error.contains(said) && said.is_empty() == error.is_empty(), "{place} = {value}: {error}");
    }
}
