//! What stands in for object stores where the library is built without them.

use std::convert::Infallible;
use std::io::{self, ErrorKind};

/// What there is none of.
#[derive(Clone)]
pub(super) struct Object(Infallible);

impl Object {
    pub(super) fn new(scheme: &str, _: &str, _: &str) -> io::Result<Self> {
        let said = format!(
            "`{scheme}://` is an address of an object store, and these need the feature `object_store` of hierarch, which is off; in \
             Cargo.toml: `features = [\"object_store\"]`"
        );
        Err(io::Error::new(ErrorKind::Unsupported, said))
    }

    pub(super) fn join(&self, _: &str) -> Self {
        match self.0 {}
    }

    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        match self.0 {}
    }

    pub(super) fn write(&self, _: &[u8]) -> io::Result<()> {
        match self.0 {}
    }

    pub(super) fn exists(&self) -> io::Result<bool> {
        match self.0 {}
    }

    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        match self.0 {}
    }

    pub(super) fn remove(&self) -> io::Result<()> {
        match self.0 {}
    }
}
