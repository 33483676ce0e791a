#!/bin/bash
# All shards:              qsub cluster/pbs.sh
# Those that are missing:  the same again. A shard that is there ends at once. Of one range alone: qsub -J 7-9 cluster/pbs.sh
#PBS -N shards
#PBS -J 0-99
#PBS -l select=1:ncpus=4:mem=4gb
#PBS -l walltime=01:00:00
#PBS -j oe
#PBS -r y

cd "$PBS_O_WORKDIR" || exit 1
# PBS says which job it is, and not of how many.
export HIERARCH_SHARDS=${HIERARCH_SHARDS:-0-99}
export RAYON_NUM_THREADS=${NCPUS:-1}
exec ${PROGRAM:-./target/release/simulate}
