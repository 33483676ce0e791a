#![doc = include_str!("cluster.md")]

mod environment;
mod error;
mod folder;
mod items;
mod missing;
mod shard;

pub use error::ShardError;
pub use folder::Shards;
pub use items::Items;
pub use missing::Missing;
pub use shard::{Shard, Sharded};

pub(crate) use folder::Work;
