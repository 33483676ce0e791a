//! Which paths are addresses of an object store.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::object::Object;

/// Returns the scheme of an address, as `s3` of `s3://bucket/bank`; `None` where it is a path of this machine. A scheme has two
/// letters at least: one is a drive.
fn scheme(path: &Path) -> Option<&str> {
    let (scheme, _) = path.to_str()?.split_once("://")?;
    let mut letters = scheme.chars();
    let is_one = scheme.len() > 1
        && letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|other| other.is_ascii_alphanumeric() || "+-.".contains(other));
    is_one.then_some(scheme)
}

/// Tells whether a path is the address of an object store, as `s3://bucket/bank`, and not a path of this machine.
pub fn is_address(path: &Path) -> bool {
    scheme(path).is_some()
}

/// Refuses an address where `what` are files of this machine alone.
///
/// # Errors
/// The path is an address.
pub fn local(path: &Path, what: &str) -> io::Result<()> {
    if is_address(path) {
        let said =
            format!("{what} are files of this machine alone, and this is an address of an object store: copy them");
        return Err(io::Error::new(ErrorKind::Unsupported, said));
    }
    Ok(())
}

/// Returns the object of an address; `None` where it is a path of this machine.
///
/// # Errors
/// An address that no store has, or one of a store that cannot be asked.
pub(super) fn object(path: &Path) -> io::Result<Option<Object>> {
    let Some((scheme, address)) = scheme(path).zip(path.to_str()) else { return Ok(None) };
    // A path that was joined on Windows has the separators of Windows.
    let rest = address[scheme.len() + "://".len()..].replace(std::path::MAIN_SEPARATOR, "/");
    let (bucket, key) = rest.split_once('/').unwrap_or((&rest, ""));
    Object::new(scheme, bucket, key).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_scheme_and_a_path_has_none() {
        let of = |path: &'static str| scheme(Path::new(path));
        for (path, is) in [("s3://bucket/bank", "s3"), ("gs://b", "gs"), ("a.b+c-1://x", "a.b+c-1"), ("S3://b", "S3")] {
            assert_eq!(of(path), Some(is));
        }
        let paths = [
            "", "bank", "/bank", "a/s3://b", "C://bank", "C:\\bank", "s3:/b", "s3:", "3s://b", "://b", "a b://c",
            "./s3://b",
        ];
        for path in paths {
            assert_eq!(of(path), None, "{path}");
        }
    }

    #[test]
    fn addresses_are_joined_as_paths_are() {
        let bank = Path::new("s3://bucket/toy");
        assert_eq!(bank.join("shards").join("a.b"), Path::new("s3://bucket/toy/shards/a.b"));
        assert_eq!(bank.join("a.b").with_extension("c").to_str(), Some("s3://bucket/toy/a.c"));
    }

    #[cfg(not(feature = "object_store"))]
    #[test]
    fn without_the_feature_an_address_names_it() {
        use super::super::{atomic_write, atomic_write_set, create_folder, exists, names, read, read_set, remove};
        // Under a folder of this name a path of the same letters would lie.
        let path = Path::new("s3://bucket/bank");
        let set = atomic_write_set(path, |_, error| error, |_| Ok(()));
        let asked = [
            read(path).err(),
            atomic_write(path, b"").err(),
            create_folder(path).err(),
            exists(path).err(),
            names(path).err(),
            remove(path).err(),
            set.err(),
            read_set(path, |_| ()).err().map(|(_, error)| error),
        ];
        for error in asked {
            let error = error.unwrap().to_string();
            assert!(
                error.starts_with("`s3://` is an address of an object store")
                    && error.contains("features = [\"object_store\"]")
            );
        }
        assert!(!Path::new("s3:").exists());
    }

    #[test]
    fn what_is_local_refuses_addresses() {
        assert!(local(Path::new("bank"), "stores").is_ok());
        let error = local(Path::new("s3://bucket/run.zarr"), "stores of arrays").unwrap_err().to_string();
        assert!(error.starts_with("stores of arrays are files of this machine alone"), "{error}");
    }
}
