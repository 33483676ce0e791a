#!/bin/bash
# All shards:              sbatch cluster/slurm.sh
# Those that are missing:  sbatch --array=3,7-9 cluster/slurm.sh
#SBATCH --job-name=shards
#SBATCH --array=0-99
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
#SBATCH --time=01:00:00
#SBATCH --output=%x_%A_%a.txt
#SBATCH --requeue

# The numbers of all shards, also where some of them are submitted again. From 1, as `--array=1-100`: 1-100.
export HIERARCH_SHARDS=${HIERARCH_SHARDS:-0-99}
export RAYON_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
# In the place of the script, so that the signal at the end of the time reaches the program, which then saves what it has.
exec ${PROGRAM:-./target/release/simulate}
