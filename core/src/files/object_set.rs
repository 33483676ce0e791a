//! Sets of objects that are written completely or not at all. A store gives no object another name, so each set lies in a folder of its
//! own, and one object says in which: who writes that object last has written the set.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::object::Object;

/// The object that holds the name of the folder of a set.
const SET: &str = ".hierarch-set";

/// Writes a set into `folder`, which is at `object`: `write` writes it into the folder inside that has the new name `name`.
pub(super) fn write<E>(
    (folder, object): (&Path, &Object),
    name: &str,
    failed: impl Fn(PathBuf, io::Error) -> E,
    write: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    let pointer = object.join(SET);
    let failed = |error| failed(folder.join(SET), error);
    let before = text(&pointer).map_err(failed)?;
    let written = write(&folder.join(name)).and_then(|()| pointer.write(name.as_bytes()).map_err(failed));
    match &written {
        Ok(()) => before.iter().for_each(|before| discard(&object.join(before))),
        Err(_) => discard(&object.join(name)),
    }
    written
}

/// Calls `read` with the folder of the set in `folder`, again if the set was replaced meanwhile. A folder that was copied from
/// elsewhere has its files beside each other.
pub(super) fn read<T>((folder, object): (&Path, &Object), read: impl Fn(&Path) -> T) -> io::Result<T> {
    let pointer = object.join(SET);
    let mut set = text(&pointer)?;
    loop {
        let found = read(&set.as_ref().map_or(folder.to_owned(), |set| folder.join(set)));
        let now = text(&pointer)?;
        if now == set {
            return Ok(found);
        }
        set = now;
    }
}

fn text(pointer: &Object) -> io::Result<Option<String>> {
    match pointer.read() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        read => String::from_utf8(read?).map(Some).map_err(|error| io::Error::new(ErrorKind::InvalidData, error)),
    }
}

/// Removes the objects of a set that is not read any more. That it fails changes nothing but the space that they take.
fn discard(set: &Object) {
    for name in set.names().into_iter().flatten() {
        let _ = set.join(&name).remove();
    }
}
