#!/usr/bin/env bash
# What a newcomer waits for, in seconds: builds from nothing and after an edit, the tests, the lines of LLVM IR of the README's
# program and the number of crates. Writes to a folder of its own, which it removes.
#
#     benches/build_time.sh [--no-tests]
#
# The lines need `cargo install cargo-llvm-lines`; without it they are left out.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root"

seconds() {
    local begun ended
    begun=$(date +%s.%N)
    "$@" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
    ended=$(date +%s.%N)
    awk "BEGIN { printf \"%.1f\", $ended - $begun }"
}
row() { printf '%-62s %s\n' "$1" "$2"; }

row "processor" "$(nproc) cores, $(grep -m1 'model name' /proc/cpuinfo 2>/dev/null | cut -d: -f2 || uname -m)"
row "crates of \`cargo run --example dimuon\`" \
    "$(cargo tree --edges normal,build,dev --prefix none -p hierarch | awk '{print $1, $2}' | sort -u | wc -l)"
export CARGO_TARGET_DIR="$work/target"
row "clean build of the example dimuon" "$(seconds cargo build --release --example dimuon) s"

# The program of the README in a crate of its own, whole and with NUTS alone.
program() {
    local folder="$work/$1" features=$2 skip=$3
    mkdir -p "$folder/src"
    printf '[package]\nname = "%s"\nedition = "2024"\n[dependencies]\nhierarch = { path = "%s"%s }\n[workspace]\n' \
        "$1" "$root" "$features" >"$folder/Cargo.toml"
    cp "$root/Cargo.lock" "$folder/Cargo.lock"
    awk '/^```rust,no_run/ { on = 1; next } /^```/ { on = 0 } on' "$root/README.md" |
        if [ "$skip" ]; then sed '/let estimator/,/microseconds/d'; else
            sed 's|^    println!("{}", estimator.*|    let estimator = PosteriorEstimator::load(\&model, "resonance.safetensors")?;\n&|'
        fi >"$folder/src/main.rs"
}
rebuild() {
    touch "$work/$1/src/main.rs"
    seconds taskset -c 0 cargo build --release --manifest-path "$work/$1/Cargo.toml"
}
program whole '' ''
program nuts ', default-features = false' yes
export CARGO_TARGET_DIR="$work/nuts-target"
row "clean build of a program with NUTS alone" "$(seconds cargo build --release --manifest-path "$work/nuts/Cargo.toml") s"
row "its rebuild after an edit, on one core" "$(rebuild nuts) s"
export CARGO_TARGET_DIR="$work/whole-target"
row "clean build of the README's program" "$(seconds cargo build --release --manifest-path "$work/whole/Cargo.toml") s"
row "its rebuild after an edit, on one core (npe, save, load)" "$(rebuild whole) s"
if cargo llvm-lines --version >/dev/null 2>&1; then
    lines=$(cd "$work/whole" && cargo llvm-lines --release 2>/dev/null | awk '/\(TOTAL\)/ { print $1 }')
    row "its lines of LLVM IR" "$lines"
fi
if [ "${1:-}" != --no-tests ]; then
    export CARGO_TARGET_DIR="$work/test-target"
    row "clean build of the tests" "$(seconds cargo test --release --workspace --no-run) s"
    row "the tests, with the documentation's" "$(seconds cargo test --release --workspace) s"
fi
