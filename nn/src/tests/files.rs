//! Networks in files.

use std::collections::BTreeMap;

use super::mixed_network;
use super::models::Mixed;
use crate::{Error, Network, TrainingSource, save_numbers};

#[test]
fn a_saved_network_is_the_same_when_loaded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("network.safetensors");
    let network = mixed_network();
    let metadata = BTreeMap::from([("fingerprint".to_owned(), "abc \"quoted\"".to_owned())]);
    network.save(&path, &BTreeMap::new()).unwrap();
    network.save(&path, &metadata).unwrap();
    let (loaded, found) = Network::load(&path).unwrap();
    assert_eq!(found, metadata);
    assert_eq!((&loaded.shape, &loaded.architecture), (&network.shape, &network.architecture));
    assert_eq!((&loaded.reader, &loaded.weights), (&network.reader, &network.weights));
    assert_eq!(loaded.history.len(), network.history.len());
    let (batch, _) = Mixed.draw(9, 0, 30).unwrap();
    assert_eq!(loaded.predict(&batch).unwrap(), network.predict(&batch).unwrap());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_damaged_file_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("network.safetensors");
    assert!(matches!(Network::load(&path), Err(Error::Io { .. })));
    mixed_network().save(&path, &BTreeMap::new()).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let fails = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let error = Network::load(&path).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }) && error.to_string().contains("network.safetensors"), "{error}");
    };
    for length in [0, 4, 100, whole.len() / 2, whole.len() - 1] {
        fails(&whole[..length]);
    }
    for position in (0..whole.len()).step_by(whole.len() / 61) {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x10;
        fails(&damaged);
    }
    fails(b"something else altogether, but long enough");
    // A file where a folder would have to be.
    let below_a_file = directory.path().join("file/network");
    std::fs::write(directory.path().join("file"), "").unwrap();
    assert!(mixed_network().save(below_a_file, &BTreeMap::new()).is_err());
}

/// A file of another version is refused with both versions, whatever else has changed in it.
#[test]
fn a_file_of_another_format_names_both() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("old.safetensors");
    let header = |text: &str| BTreeMap::from([("hierarch.networks".to_owned(), text.to_owned())]);
    for text in [r#"[{"format": 4, "levels": 1}]"#, r#"{"format": 4}"#] {
        save_numbers(&path, &[], header(text)).unwrap();
        let error = Network::load(&path).unwrap_err().to_string();
        assert!(error.contains("format 4, and this version of hierarch reads format 6"), "{error}");
    }
    save_numbers(&path, &[], header("[]")).unwrap();
    assert!(Network::load(&path).unwrap_err().to_string().contains("it holds no network"));
}
