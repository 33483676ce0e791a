//! Which shards of some work a folder holds.

use std::fmt;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Missing, Shard, ShardError};
use crate::files::{atomic_write, names, read};
use crate::hash::{NOTHING, fnv};

/// The folder, inside that of the work, in which shards are.
const FOLDER: &str = "shards";
/// The file that says what work it is, and into how many shards it is cut.
const PLAN: &str = "plan.txt";
/// The first line of that file and of a shard, with the version of what follows: raised when that changes.
const FIRST_LINE: &str = "hierarch shards 1";

/// Independent work: a text that identifies it, and of how many pieces it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Work {
    name: String,
    pub(crate) items: usize,
}

impl Work {
    pub(crate) fn new(name: impl Into<String>, items: usize) -> Self {
        // It is one line of a file.
        Self { name: name.into().replace(['\n', '\r'], " "), items }
    }
}

/// Work, and into how many shards it is cut, of which the first has the number `first`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plan {
    work: Work,
    count: usize,
    first: usize,
}

impl Plan {
    fn to_text(&self) -> String {
        let Self { work, count, first } = self;
        format!("{FIRST_LINE}\nshards {count}\nfirst {first}\nof {}\nwork {}\n", work.items, work.name)
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.strip_prefix(FIRST_LINE)?.strip_prefix('\n')?.lines();
        let mut entry = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned);
        let count = entry("shards")?.parse().ok().filter(|count| *count > 0)?;
        let first: usize = entry("first")?.parse().ok()?;
        let items = entry("of")?.parse().ok()?;
        first.checked_add(count)?;
        Some(Self { work: Work { items, name: entry("work")? }, count, first })
    }

    fn shard(&self, index: usize) -> Shard {
        Shard { index, count: self.count, first: self.first }
    }

    fn cut(&self) -> String {
        format!("{} shards counted from {}", self.count, self.first)
    }

    /// Returns the numbers of all shards, as `HIERARCH_SHARDS` says them.
    fn all(&self) -> String {
        format!("{}-{}", self.first, self.first + self.count - 1)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Work { name, items } = &self.work;
        write!(f, "{items} of {name}, in {}", self.cut())
    }
}

/// Which shards of some work a folder holds.
///
/// ```
/// use hierarch::prelude::*;
/// use hierarch::shards::{Items, Shards};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// for index in [0, 2, 9] {
///     let toys = Items::new("squares", 100).shard(Shard::new(index, 10)?);
///     toys.run(folder, |i| Ok(i * i))?;
/// }
/// let shards = Shards::open(folder)?;
/// assert_eq!((shards.count(), shards.missing().to_string()), (10, "1,3-8".to_owned())); // sbatch --array=1,3-8
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Shards {
    /// The folder of the work.
    path: PathBuf,
    plan: Plan,
    there: Vec<bool>,
}

impl Shards {
    /// Reads which shards `folder` holds, that of a bank or of other work that is cut.
    ///
    /// # Errors
    /// A folder without shards, or one that cannot be read.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, ShardError> {
        let path = folder.as_ref().to_owned();
        let plan = read_plan(&path)?.ok_or_else(|| ShardError::NoShards { path: path.clone() })?;
        let mut shards = Self { path, there: vec![false; plan.count], plan };
        let folder = shards.path.join(FOLDER);
        let failed = |source| ShardError::Io { action: "read", path: folder.clone(), source };
        for name in names(&folder).map_err(failed)? {
            let index = name.split_once('-').and_then(|(index, _)| index.parse::<usize>().ok());
            if let Some(index) = index.filter(|index| *index < shards.plan.count && name == *shards.name(*index)) {
                shards.there[index] = true;
            }
        }
        Ok(shards)
    }

    /// Returns the number of shards that the work is cut into.
    pub fn count(&self) -> usize {
        self.plan.count
    }

    /// Returns the shards that are not there.
    pub fn missing(&self) -> Missing {
        let missing = self.there.iter().enumerate().filter(|(_, there)| !**there);
        Missing::new(missing.map(|(index, _)| self.plan.first + index).collect())
    }

    /// Begins, or goes on with, a shard of some work in a folder.
    ///
    /// # Errors
    /// A folder with other work, or with work that is cut otherwise; one that cannot be written.
    pub(crate) fn begin(folder: &Path, work: Work, shard: Shard) -> Result<Self, ShardError> {
        let plan = Plan { work, count: shard.count, first: shard.first };
        if read_plan(folder)?.is_none() {
            let path = folder.join(FOLDER).join(PLAN);
            let failed = |source| ShardError::Io { action: "write", path: path.clone(), source };
            atomic_write(&path, plan.to_text().as_bytes()).map_err(failed)?;
        }
        // Whoever has written it last.
        let shards = Self::open(folder)?;
        shards.check(&plan)?;
        if shards.is_there(shard) {
            // It may be of other work that began at the same time.
            shards.body(shard.index)?;
        }
        Ok(shards)
    }

    /// Returns the shards of some work that a folder holds, however it is cut; `None` where there are none.
    ///
    /// # Errors
    /// Shards of other work, or a folder that cannot be read.
    pub(crate) fn of(folder: &Path, name: &Work) -> Result<Option<Self>, ShardError> {
        if read_plan(folder)?.is_none() {
            return Ok(None);
        }
        let shards = Self::open(folder)?;
        let Plan { count, first, .. } = shards.plan;
        // A part of the work may be asked for, or more than there is.
        let work = Work { items: shards.plan.work.items, ..name.clone() };
        shards.check(&Plan { work, count, first })?;
        Ok(Some(shards))
    }

    /// Returns the shards of some work, which are all there.
    ///
    /// # Errors
    /// No shards, some that are missing, or those of other work.
    pub(crate) fn complete(folder: &Path, work: &Work) -> Result<Self, ShardError> {
        let shards = Self::open(folder)?;
        let Plan { count, first, .. } = shards.plan;
        shards.check(&Plan { work: work.clone(), count, first })?;
        shards.all_there()?;
        Ok(shards)
    }

    /// Checks that no shard is missing.
    pub(crate) fn all_there(&self) -> Result<(), ShardError> {
        let missing = self.missing();
        if missing.is_empty() {
            return Ok(());
        }
        let (path, count, all) = (self.path.clone(), self.plan.count, self.plan.all());
        Err(ShardError::Missing { path, there: count - missing.numbers().len(), count, all, missing })
    }

    fn check(&self, expected: &Plan) -> Result<(), ShardError> {
        if self.plan == *expected {
            return Ok(());
        }
        let path = self.path.join(FOLDER);
        if self.plan.work == expected.work {
            let (found, expected, all) = (self.plan.cut(), expected.cut(), self.plan.all());
            return Err(ShardError::OtherCut { path, found, expected, all });
        }
        let (found, expected) = (self.plan.to_string(), expected.to_string());
        Err(ShardError::OtherWork { path, found, expected })
    }

    /// Returns the folder that shards are in.
    pub(crate) fn folder(&self) -> PathBuf {
        self.path.join(FOLDER)
    }

    /// Returns how many pieces the work has.
    pub(crate) fn items(&self) -> usize {
        self.plan.work.items
    }

    /// Returns which pieces of the work each shard does.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        (0..self.plan.count).map(|index| self.plan.shard(index).range(self.plan.work.items))
    }

    pub(crate) fn is_there(&self, shard: Shard) -> bool {
        self.there[shard.index]
    }

    /// Writes what a shard has come to: it is then there.
    pub(crate) fn write<T: Serialize + ?Sized>(&mut self, shard: Shard, results: &T) -> Result<(), ShardError> {
        let path = self.folder().join(self.name(shard.index));
        let failed = |source| ShardError::Io { action: "write", path: path.clone(), source };
        let body =
            postcard::to_stdvec(&(self.plan.to_text(), results)).map_err(|error| failed(io::Error::other(error)))?;
        let bytes = [body.as_slice(), &checksum(&body).to_le_bytes()].concat();
        atomic_write(&path, &bytes).map_err(failed)?;
        self.there[shard.index] = true;
        Ok(())
    }

    /// Reads what a shard has come to.
    pub(crate) fn results<T: DeserializeOwned>(&self, index: usize) -> Result<T, ShardError> {
        let bytes = self.body(index)?;
        let read = postcard::take_from_bytes::<(String, T)>(&bytes).ok().filter(|(_, rest)| rest.is_empty());
        read.map(|((_, results), _)| results).ok_or_else(|| self.damaged(index))
    }

    /// Reads the file of a shard, up to its checksum, and checks that it is of this work.
    fn body(&self, index: usize) -> Result<Vec<u8>, ShardError> {
        let path = self.folder().join(self.name(index));
        let mut bytes = read(&path).map_err(|source| ShardError::Io { action: "read", path: path.clone(), source })?;
        let (body, sum) = bytes.split_last_chunk::<8>().ok_or_else(|| self.damaged(index))?;
        let length = body.len();
        let plan = postcard::take_from_bytes::<&str>(body).ok().and_then(|(plan, _)| Plan::from_text(plan));
        let plan = plan.filter(|_| checksum(body).to_le_bytes() == *sum).ok_or_else(|| self.damaged(index))?;
        if plan != self.plan {
            return Err(ShardError::OtherWork { path, found: plan.to_string(), expected: self.plan.to_string() });
        }
        bytes.truncate(length);
        Ok(bytes)
    }

    /// Returns the error of a shard whose file does not hold what it must.
    pub(crate) fn damaged(&self, index: usize) -> ShardError {
        ShardError::Damaged { path: self.folder().join(self.name(index)) }
    }

    fn name(&self, index: usize) -> String {
        format!("{index:05}-of-{}", self.plan.count)
    }
}

/// Reads the plan of a folder; `None` where there is none.
fn read_plan(folder: &Path) -> Result<Option<Plan>, ShardError> {
    let path = folder.join(FOLDER).join(PLAN);
    match read(&path) {
        Ok(text) => {
            std::str::from_utf8(&text).ok().and_then(Plan::from_text).map(Some).ok_or(ShardError::Damaged { path })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ShardError::Io { action: "read", path, source }),
    }
}

fn checksum(bytes: &[u8]) -> u64 {
    fnv(NOTHING, bytes.iter().map(|byte| u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(index: usize, count: usize) -> Shard {
        Shard::new(index, count).unwrap()
    }

    fn work() -> Work {
        Work::new("squares", 100)
    }

    #[test]
    fn missing_shards_have_the_numbers_of_their_array() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Shards::open(folder.path()), Err(ShardError::NoShards { .. })));
        let second = Shard::counted_from(1, 2, 4).unwrap();
        let mut shards = Shards::begin(folder.path(), work(), second).unwrap();
        assert_eq!(shards.missing().to_string(), "1-4");
        shards.write(second, "body").unwrap();
        let shards = Shards::open(folder.path()).unwrap();
        assert_eq!(shards.missing().to_string(), "1,3-4");
        assert_eq!(shards.results::<String>(1).unwrap(), "body");
        let error = Shards::complete(folder.path(), &work()).unwrap_err().to_string();
        assert!(error.contains("has 1 of 4 shards, and lacks 1,3-4: ") && error.contains("--array=1,3-4"), "{error}");
        assert!(error.contains("HIERARCH_SHARDS=1-4"), "{error}");
    }

    #[test]
    fn work_of_other_shards_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let mut shards = Shards::begin(folder, work(), shard(0, 7)).unwrap();
        shards.write(shard(0, 7), &()).unwrap();
        let error = |work: Work, shard: Shard| Shards::begin(folder, work, shard).unwrap_err().to_string();
        let count = error(work(), shard(0, 8));
        assert!(
            count.contains("is cut into 7 shards counted from 0, and this is one of 8 shards counted from 0")
                && count.contains("HIERARCH_SHARDS=0-6"),
            "{count}"
        );
        assert!(error(work(), Shard::counted_from(1, 1, 7).unwrap()).contains("counted from 1"));
        assert!(error(Work::new("cubes", 100), shard(0, 7)).contains("this is 100 of cubes"));
        assert!(error(Work::new("squares", 101), shard(0, 7)).contains("this is 101 of squares"));
        assert!(Shards::complete(folder, &Work::new("cubes", 100)).is_err());

        // Two arrays that begin at the same time: the second wrote its plan after the first had read its own.
        let other = Plan { work: Work::new("cubes", 100), count: 7, first: 0 };
        atomic_write(&folder.join("shards/plan.txt"), other.to_text().as_bytes()).unwrap();
        let error = error(Work::new("cubes", 100), shard(0, 7));
        assert!(error.contains("00000-of-7 holds 100 of squares") && error.contains("this is 100 of cubes"), "{error}");
    }

    #[cfg(not(feature = "object_store"))]
    #[test]
    fn an_address_needs_a_feature() {
        let path = Path::new("s3://bucket/work");
        for error in [Shards::open(path).unwrap_err(), Shards::begin(path, work(), shard(0, 1)).unwrap_err()] {
            let error = error.to_string();
            assert!(
                error.starts_with("cannot read s3://bucket/work/shards/plan.txt: ") && error.contains("`object_store`")
            );
        }
        assert!(!Path::new("s3:").exists());
    }

    #[test]
    fn damaged_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let mut shards = Shards::begin(folder, work(), shard(3, 7)).unwrap();
        shards.write(shard(3, 7), "body").unwrap();
        let path = folder.join("shards/00003-of-7");
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            assert!(matches!(shards.results::<String>(3), Err(ShardError::Damaged { .. })), "{at}");
            std::fs::write(&path, &bytes[..at]).unwrap();
            assert!(shards.results::<String>(3).unwrap_err().to_string().contains("00003-of-7 is damaged"), "{at}");
        }
        for text in ["", "hierarch shards 1\nshards 0\nfirst 0\nof 3\nwork a\n", "hierarch shards 1\nshards 3"] {
            std::fs::write(folder.join("shards/plan.txt"), text).unwrap();
            assert!(matches!(Shards::open(folder), Err(ShardError::Damaged { .. })), "{text}");
        }
    }
}
