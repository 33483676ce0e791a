//! Errors of work that is cut into shards.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use super::Missing;

/// Why a shard cannot be run, or why shards cannot be put together.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// A number that no shard has.
    #[error("there is no shard {number}: {}", counted(*.first, *.count))]
    Past {
        /// The number.
        number: usize,
        /// The number of the first shard.
        first: usize,
        /// How many there are.
        count: usize,
    },
    /// No batch system says which shard the program is.
    #[error(
        "no variable says which shard this is: neither HIERARCH_SHARD nor one of Slurm (SLURM_ARRAY_TASK_ID, or the ranks of a step), \
         PBS (PBS_ARRAY_INDEX), SGE (SGE_TASK_ID), LSF (LSB_JOBINDEX), AWS Batch (AWS_BATCH_JOB_ARRAY_INDEX), Kubernetes \
         (JOB_COMPLETION_INDEX) or MPI is set. Run the program in an array of jobs; or say it, as `HIERARCH_SHARD=0 HIERARCH_SHARDS=1` \
         for all of the work here"
    )]
    NotSet,
    /// HTCondor numbers its jobs in the submit file alone.
    #[error(
        "HTCondor runs this job, and gives its number to the submit file alone: write there `environment = \
         \"HIERARCH_SHARD=$(Process) HIERARCH_SHARDS=100\"` and `queue 100`"
    )]
    Condor,
    /// A batch system says which shard, and not of how many.
    #[error(
        "{variable} says which shard this is, and nothing of how many: set HIERARCH_SHARDS in the job, as HIERARCH_SHARDS=100 where \
         they are counted from 0 to 99, or HIERARCH_SHARDS=1-100"
    )]
    NoCount {
        /// The variable that says which.
        variable: &'static str,
    },
    /// An array that holds some of the shards.
    #[error(
        "{variable} is of an array of {jobs} jobs from {first} to {last}, which is a part of another: set HIERARCH_SHARDS to the \
         whole, as HIERARCH_SHARDS=0-99, in the script of the job"
    )]
    PartOfArray {
        /// The variable that says which.
        variable: &'static str,
        /// The first number of the array.
        first: usize,
        /// The last number of the array.
        last: usize,
        /// How many jobs it has.
        jobs: usize,
    },
    /// Several processes in each job of an array.
    #[error(
        "{array} and {rank} are both set: each job of the array has {ranks} ranks, and it is not said which of both counts the \
         shards. Give each process its number as HIERARCH_SHARD, and the number of all as HIERARCH_SHARDS"
    )]
    ArrayOfRanks {
        /// The variable of the array.
        array: &'static str,
        /// The variable of the rank.
        rank: &'static str,
        /// How many ranks a job has.
        ranks: usize,
    },
    /// A variable that is no number.
    #[error("{variable} is `{value}`, and must be a whole number")]
    NotANumber {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// A count that is none.
    #[error("HIERARCH_SHARDS is `{value}`, and must be how many shards there are, as 100, or their numbers, as 1-100")]
    Shards {
        /// Its value.
        value: String,
    },
    /// A folder holds shards of other work.
    #[error("{} holds {found}; this is {expected}. Use another folder, or remove it", path.display())]
    OtherWork {
        /// The folder of the shards, or a file in it.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// What was asked for.
        expected: String,
    },
    /// A folder holds the same work, cut otherwise.
    #[error(
        "{} is cut into {found}, and this is one of {expected}. If the array is a part of the first, set HIERARCH_SHARDS={all} in the \
         script of the job; to cut the work anew, remove the folder",
        path.display()
    )]
    OtherCut {
        /// The folder of the shards.
        path: PathBuf,
        /// How it is cut.
        found: String,
        /// How it was to be cut.
        expected: String,
        /// The numbers of all, as HIERARCH_SHARDS says them.
        all: String,
    },
    /// Shards that are not there.
    #[error(
        "{} has {there} of {count} shards, and lacks {missing}: run these, as by `sbatch --array={missing}` with HIERARCH_SHARDS={all} in \
         the script. Nothing that is there is done again",
        path.display()
    )]
    Missing {
        /// The folder.
        path: PathBuf,
        /// How many are there.
        there: usize,
        /// How many there must be.
        count: usize,
        /// The numbers of all, as HIERARCH_SHARDS says them.
        all: String,
        /// Those that are missing.
        missing: Missing,
    },
    /// A folder without shards.
    #[error("{} has no shards: none has been run, or they were run into another folder", path.display())]
    NoShards {
        /// The folder.
        path: PathBuf,
    },
    /// A file that is damaged.
    #[error("{} is damaged, or holds something else than is read: delete it, and run its shard again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// A piece of the work failed.
    #[error("number {item} of the work failed: {error}")]
    Item {
        /// The piece, counted from 0.
        item: usize,
        /// The error.
        error: Box<dyn Error + Send + Sync>,
    },
    /// A file cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

/// Says how many shards there are.
fn counted(first: usize, count: usize) -> String {
    match count {
        0 => "work in 0 shards is no work; say how many there are".to_owned(),
        _ => format!("there are {count}, counted from {first} to {}", first + count - 1),
    }
}

hierarch_core::debug_as_message!(ShardError);
