#!/usr/bin/env bash
# How near random assertions are to their bounds: runs tests with many seeds, and prints for each assertion the worst of what
# was found over its bound, and how often it was not below, worst first.
#
#     tests/margins.sh 20 --lib --test exact --test proofs    # 20 seeds
#     tests/margins.sh 3 --test trainings -- --ignored joint     # what follows is handed to `cargo test`
set -uo pipefail
cd "$(dirname "$0")/.."
seeds=$1
shift
margins=$(mktemp)
trap 'rm -f "$margins"' EXIT
for ((i = 0; i < seeds; i++)); do
    echo "seed $i" >&2
    HIERARCH_TEST_SEED=$((1000 * i)) HIERARCH_TEST_MARGINS=$margins \
        "${CARGO:-cargo}" test --release --workspace --no-fail-fast "$@" | grep -E '^test .* FAILED' >&2
done
awk -F '\t' '
    {
        key = $1 "  " $2
        ratio = $4 > 0 ? $3 / $4 : 1e9
        if (!(key in worst) || ratio > worst[key]) worst[key] = ratio
        count[key]++
        if (!($3 < $4)) failed[key]++
    }
    END { for (key in worst) printf "%.3f  %d of %d not below  %s\n", worst[key], failed[key], count[key], key }
' "$margins" | sort -rn
