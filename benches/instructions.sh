#!/usr/bin/env bash
# Instructions of the hot paths, which do not depend on what else the machine does: one gradient of each model of
# `benches/densities`, with AVX2, by valgrind's callgrind.
#
#     benches/instructions.sh           compares with benches/instructions.txt; fails where one is over 5 % more
#     benches/instructions.sh --write   writes that table anew
#
# Needs valgrind and a processor with AVX2, and says so where one is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
table=benches/instructions.txt
if ! command -v valgrind >/dev/null || ! grep -qw avx2 /proc/cpuinfo 2>/dev/null; then
    echo "not counted: that takes valgrind and a processor with AVX2"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bench=$(cargo bench --workspace --bench densities --no-run --message-format=json 2>/dev/null |
    sed -n 's/.*"executable":"\([^"]*densities[^"]*\)".*/\1/p' | tail -1)
failed=0
for name in resonance diamonds nes nes_logistic radon irt_2pl mixture groups_10000; do
    HIERARCH_SIMD=avx2 valgrind --tool=callgrind --callgrind-out-file="$work/out" --collect-atstart=no \
        --toggle-collect='*counted*' "$bench" --count "$name" >"$work/log" 2>&1 || {
        # Compilers write what older valgrinds cannot read.
        bytes=$(sed -n 's/.*unhandled instruction bytes: \(\(0x[0-9A-F]* \)\{4\}\).*/\1/p' "$work/log")
        test -n "$bytes" || { cat "$work/log"; exit 1; }
        printf '%-14s not counted: %s does not know the instruction %s\n' "$name" "$(valgrind --version)" "$bytes"
        awk -v name="$name" '$1 == name' "$table" >>"$work/table"
        continue
    }
    count=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$work/log")
    echo "$name $count" >>"$work/table"
    before=$(awk -v name="$name" '$1 == name { print $2 }' "$table" 2>/dev/null || true)
    awk -v name="$name" -v now="$count" -v before="${before:-0}" 'BEGIN {
        if (before == 0) { printf "%-14s %10d\n", name, now; exit }
        printf "%-14s %10d, before %10d: %+.1f %%\n", name, now, before, 100 * (now / before - 1)
        exit now > 1.05 * before
    }' || failed=1
done
if [ "${1:-}" = --write ]; then
    cp "$work/table" "$table"
elif [ $failed = 1 ]; then
    echo "a hot path takes over 5 % more instructions than in $table: mend it, or write the table anew and say why"
    exit 1
fi
