//! What batch systems tell a program of an array of jobs.

use super::{Shard, ShardError};

/// Says which shard, and of how many, whatever the batch system says.
const SHARD: &str = "HIERARCH_SHARD";
const SHARDS: &str = "HIERARCH_SHARDS";
/// The rank of a process and the number of all: of Open MPI, MVAPICH, of MPICH and Intel MPI, and of a step of Slurm.
const RANKS: [(&str, &str); 4] = [
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    // Not SLURM_NTASKS, which a script of a job has too, that is run once.
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
];
/// What is set where HTCondor runs a job.
const CONDOR: [&str; 2] = ["_CONDOR_JOB_AD", "_CONDOR_SCRATCH_DIR"];

impl Shard {
    /// Returns the shard that this program is, by what the batch system that runs it has set; the page of
    /// [`shards`](crate::shards) lists the systems. `HIERARCH_SHARD` and `HIERARCH_SHARDS` come before all others.
    ///
    /// # Errors
    /// No variable that says which shard, none that says of how many, or one that is no number; an index past the count; an
    /// array that is a part of another; an array of jobs of several ranks.
    pub fn from_env() -> Result<Self, ShardError> {
        Environment::new(&|name| std::env::var(name).ok()).shard()
    }
}

/// The variables of a program, by name.
struct Environment<'a> {
    look_up: &'a dyn Fn(&str) -> Option<String>,
}

/// A job that a variable numbers.
struct Found {
    variable: &'static str,
    number: usize,
    array: Option<Array>,
}

/// The numbers that the jobs of an array have, as far as the batch system tells them.
#[derive(Clone, Copy)]
struct Array {
    first: usize,
    last: usize,
    jobs: usize,
}

impl Array {
    fn of(first: usize, last: usize) -> Self {
        Self { first, last, jobs: (last + 1).saturating_sub(first) }
    }
}

impl<'a> Environment<'a> {
    fn new(look_up: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { look_up }
    }

    /// Returns the shard that the program is: see [`Shard::from_env`].
    fn shard(&self) -> Result<Shard, ShardError> {
        let own = self.number(SHARD)?.map(|number| Found { variable: SHARD, number, array: None });
        let (array, rank) = (self.array()?, self.rank()?);
        let found = match (own, array, rank) {
            (Some(own), ..) => own,
            (None, Some(array), Some((rank, ranks))) if ranks > 1 => {
                return Err(ShardError::ArrayOfRanks { array: array.variable, rank: rank.variable, ranks });
            }
            (None, Some(array), _) => array,
            (None, None, Some((rank, _))) => rank,
            (None, None, None) if CONDOR.iter().any(|name| self.text(name).is_some()) => {
                return Err(ShardError::Condor);
            }
            (None, None, None) => return Err(ShardError::NotSet),
        };
        let Found { variable, number, array } = found;
        match (self.all()?, array) {
            (Some((first, count)), _) => Shard::counted_from(first, number, count),
            (None, None) => Err(ShardError::NoCount { variable }),
            (None, Some(Array { first, last, jobs })) if first > 1 || jobs != (last + 1).saturating_sub(first) => {
                Err(ShardError::PartOfArray { variable, first, last, jobs })
            }
            (None, Some(Array { first, jobs, .. })) => Shard::counted_from(first, number, jobs),
        }
    }

    /// Returns the number of the first shard and of all that `HIERARCH_SHARDS` says: `100` is 0 to 99, as `0-99` is.
    fn all(&self) -> Result<Option<(usize, usize)>, ShardError> {
        let Some(text) = self.text(SHARDS) else { return Ok(None) };
        let number = |text: &str| text.trim().parse::<usize>().ok();
        let found = match text.split_once('-') {
            None => number(&text).map(|count| (0, count)),
            Some((first, last)) => number(first)
                .zip(number(last))
                .filter(|(first, last)| first <= last && *last < usize::MAX)
                .map(|(first, last)| (first, last + 1 - first)),
        };
        found.map(Some).ok_or(ShardError::Shards { value: text })
    }

    /// Returns the job of an array that the program is.
    fn array(&self) -> Result<Option<Found>, ShardError> {
        let found = |variable, number, array| Ok(Some(Found { variable, number, array }));
        if let Some(number) = self.number("SLURM_ARRAY_TASK_ID")? {
            let [first, last] = [self.number("SLURM_ARRAY_TASK_MIN")?, self.number("SLURM_ARRAY_TASK_MAX")?];
            let jobs = self.number("SLURM_ARRAY_TASK_COUNT")?;
            let array = first.zip(last).zip(jobs).map(|((first, last), jobs)| Array { first, last, jobs });
            return found("SLURM_ARRAY_TASK_ID", number, array);
        }
        if let Some(number) = self.number("SGE_TASK_ID")? {
            let (first, last) = (self.number("SGE_TASK_FIRST")?, self.number("SGE_TASK_LAST")?);
            let step = self.number("SGE_TASK_STEPSIZE")?.unwrap_or(1).max(1);
            let array =
                |(first, last): (usize, usize)| Array { jobs: Array::of(first, last).jobs.div_ceil(step), first, last };
            return found("SGE_TASK_ID", number, first.zip(last).map(array));
        }
        // A job that is not of an array has the number 0.
        if let Some(number) = self.number("LSB_JOBINDEX")?.filter(|number| *number > 0) {
            let step = self.number("LSB_JOBINDEX_STEP")?.unwrap_or(1).max(1);
            let array = |last| Array { jobs: Array::of(1, last).jobs.div_ceil(step), first: 1, last };
            return found("LSB_JOBINDEX", number, self.number("LSB_JOBINDEX_END")?.map(array));
        }
        if let Some(number) = self.number("AWS_BATCH_JOB_ARRAY_INDEX")? {
            let jobs = self.number("AWS_BATCH_JOB_ARRAY_SIZE")?;
            let array = |jobs: usize| Array { first: 0, last: jobs.saturating_sub(1), jobs };
            return found("AWS_BATCH_JOB_ARRAY_INDEX", number, jobs.map(array));
        }
        // Of PBS Pro and OpenPBS, of Torque, and of indexed jobs of Kubernetes.
        for variable in ["PBS_ARRAY_INDEX", "PBS_ARRAYID", "JOB_COMPLETION_INDEX"] {
            if let Some(number) = self.number(variable)? {
                return found(variable, number, None);
            }
        }
        Ok(None)
    }

    /// Returns the rank of the program, and how many there are.
    fn rank(&self) -> Result<Option<(Found, usize)>, ShardError> {
        for (variable, size) in RANKS {
            if let Some((number, ranks)) = self.number(variable)?.zip(self.number(size)?) {
                let array = Some(Array { first: 0, last: ranks.saturating_sub(1), jobs: ranks });
                return Ok(Some((Found { variable, number, array }, ranks)));
            }
        }
        Ok(None)
    }

    /// Returns the value of a variable; Grid Engine says of what there is none that it is undefined.
    fn text(&self, name: &str) -> Option<String> {
        (self.look_up)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty() && text != "undefined")
    }

    fn number(&self, name: &'static str) -> Result<Option<usize>, ShardError> {
        let Some(value) = self.text(name) else { return Ok(None) };
        value.parse().map(Some).map_err(|_| ShardError::NotANumber { variable: name, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard_of(variables: &[(&str, &str)]) -> Result<Shard, ShardError> {
        let look_up = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Environment::new(&look_up).shard()
    }

    fn found(variables: &[(&str, &str)]) -> (usize, usize) {
        let shard = shard_of(variables).unwrap();
        (shard.index(), shard.count())
    }

    fn said(variables: &[(&str, &str)]) -> String {
        shard_of(variables).unwrap_err().to_string()
    }

    fn slurm<'a>(id: &'a str, min: &'a str, max: &'a str, count: &'a str) -> [(&'a str, &'a str); 6] {
        [
            ("SLURM_ARRAY_TASK_ID", id),
            ("SLURM_ARRAY_TASK_MIN", min),
            ("SLURM_ARRAY_TASK_MAX", max),
            ("SLURM_ARRAY_TASK_COUNT", count),
            // As in every script of a job.
            ("SLURM_PROCID", "0"),
            ("SLURM_NTASKS", "4"),
        ]
    }

    #[test]
    fn every_system_says_which_shard() {
        assert_eq!(found(&slurm("7", "0", "99", "100")), (7, 100));
        assert_eq!(found(&slurm("7", "1", "100", "100")), (6, 100));
        assert_eq!(found(&slurm("100", "1", "100", "100")), (99, 100));
        let sge = [("SGE_TASK_ID", "3"), ("SGE_TASK_FIRST", "1"), ("SGE_TASK_LAST", "20"), ("SGE_TASK_STEPSIZE", "1")];
        assert_eq!(found(&sge), (2, 20));
        assert_eq!(found(&[("LSB_JOBINDEX", "20"), ("LSB_JOBINDEX_END", "20"), ("LSB_JOBINDEX_STEP", "1")]), (19, 20));
        assert_eq!(found(&[("AWS_BATCH_JOB_ARRAY_INDEX", "0"), ("AWS_BATCH_JOB_ARRAY_SIZE", "10")]), (0, 10));
        for variable in ["PBS_ARRAY_INDEX", "PBS_ARRAYID", "JOB_COMPLETION_INDEX", "HIERARCH_SHARD"] {
            assert_eq!(found(&[(variable, "3"), ("HIERARCH_SHARDS", "100")]), (3, 100));
            assert_eq!(found(&[(variable, "3"), ("HIERARCH_SHARDS", "1-100")]), (2, 100));
        }
        for (rank, size) in RANKS {
            assert_eq!(found(&[(rank, "3"), (size, "8")]), (3, 8));
        }
        // A program that mpirun starts in a step of Slurm for each machine.
        let nested = [
            ("OMPI_COMM_WORLD_RANK", "5"),
            ("OMPI_COMM_WORLD_SIZE", "8"),
            ("SLURM_PROCID", "1"),
            ("SLURM_STEP_NUM_TASKS", "2"),
        ];
        assert_eq!(found(&nested), (5, 8));
        // A step of one process in a job of an array.
        let mut step = slurm("7", "1", "100", "100").to_vec();
        step.push(("SLURM_STEP_NUM_TASKS", "1"));
        assert_eq!(found(&step), (6, 100));
        // A job that is not of an array, of Grid Engine and of LSF.
        let alone = [("SGE_TASK_ID", "undefined"), ("LSB_JOBINDEX", "0"), ("PMI_RANK", "1"), ("PMI_SIZE", "2")];
        assert_eq!(found(&alone), (1, 2));
    }

    /// What was missing is submitted again as an array of its own, which does not know of how many jobs the whole was.
    #[test]
    fn a_part_of_an_array_asks_for_the_whole() {
        for part in [slurm("7", "3", "9", "4"), slurm("7", "7", "7", "1"), slurm("0", "0", "9", "4")] {
            let error = said(&part);
            assert!(error.contains("HIERARCH_SHARDS"), "{error}");
            let mut part = part.to_vec();
            part.push(("HIERARCH_SHARDS", "1-100"));
            if part[0].1 == "7" {
                assert_eq!(found(&part), (6, 100));
            } else {
                assert_eq!(said(&part), "there is no shard 0: there are 100, counted from 1 to 100");
            }
        }
        assert_eq!(
            said(&slurm("7", "3", "9", "4")),
            "SLURM_ARRAY_TASK_ID is of an array of 4 jobs from 3 to 9, which is a part of another: set HIERARCH_SHARDS to the whole, \
             as HIERARCH_SHARDS=0-99, in the script of the job"
        );
        let sge = [("SGE_TASK_ID", "3"), ("SGE_TASK_FIRST", "1"), ("SGE_TASK_LAST", "9"), ("SGE_TASK_STEPSIZE", "2")];
        assert!(said(&sge).contains("an array of 5 jobs from 1 to 9"));
    }

    #[test]
    fn what_is_not_said_is_an_error_that_says_what_to_write() {
        let error = said(&[]);
        assert!(
            error.contains("SLURM_ARRAY_TASK_ID") && error.contains("HIERARCH_SHARD=0 HIERARCH_SHARDS=1"),
            "{error}"
        );
        let error = said(&[("_CONDOR_SCRATCH_DIR", "/var/lib/condor")]);
        assert!(error.contains("environment = \"HIERARCH_SHARD=$(Process) HIERARCH_SHARDS=100\""), "{error}");
        let error = said(&[("JOB_COMPLETION_INDEX", "3")]);
        assert!(
            error.contains("JOB_COMPLETION_INDEX says which shard") && error.contains("HIERARCH_SHARDS=100"),
            "{error}"
        );
        let error = said(&[("PBS_ARRAY_INDEX", "three"), ("HIERARCH_SHARDS", "9")]);
        assert_eq!(error, "PBS_ARRAY_INDEX is `three`, and must be a whole number");
        for value in ["many", "-1", "9-1", "1-2-3", "0-18446744073709551615"] {
            let error = said(&[("PBS_ARRAY_INDEX", "3"), ("HIERARCH_SHARDS", value)]);
            assert!(error.starts_with(&format!("HIERARCH_SHARDS is `{value}`, and must be")), "{error}");
        }
        assert_eq!(
            said(&[("JOB_COMPLETION_INDEX", "100"), ("HIERARCH_SHARDS", "100")]),
            "there is no shard 100: there are 100, counted from 0 to 99"
        );
        let mut ranks = slurm("7", "1", "100", "100").to_vec();
        ranks.push(("SLURM_STEP_NUM_TASKS", "4"));
        let error = said(&ranks);
        assert!(
            error.contains("SLURM_ARRAY_TASK_ID") && error.contains("SLURM_PROCID") && error.contains("4 ranks"),
            "{error}"
        );
    }
}
