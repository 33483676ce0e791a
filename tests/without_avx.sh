#!/usr/bin/env bash
# Runs tests on an emulated processor that has neither AVX nor AVX-512.
#
# HIERARCH_SIMD lowers the instruction set of the library's own kernels. What gemm runs on it finds out by itself; that it,
# too, runs where there is no AVX is shown here, where an instruction of it would end the program.
#
#   cargo test --release --workspace --no-run --message-format=json | tests/without_avx.sh
#   tests/without_avx.sh target/release/deps/hierarch-0123456789abcdef ...
#
# Takes the test programs as arguments, or from what cargo prints. Of each it runs the tests whose names contain one of the
# words in TESTS: by default those of kernels, of the gradients of networks and densities, NUTS on three conjugate models, and
# a small training. Emulation is some twenty times slower than the machine.
#
# Needs an x86-64 machine and qemu-x86_64 (Debian: apt-get install qemu-user).
set -euo pipefail

processor=${PROCESSOR:-Nehalem}
default="autodiff:: kernels:: simd:: gradient jacobian score conjugate_normal beta_binomial gamma_poisson posterior::tests"
read -ra tests <<<"${TESTS:-$default}"

command -v qemu-x86_64 >/dev/null || { echo "qemu-x86_64 is not installed (Debian: apt-get install qemu-user)" >&2; exit 1; }
if [ $# -eq 0 ]; then
    # Examples are built along with tests, but without the harness.
    mapfile -t found < <(grep '"overflow_checks":[a-z]*,"test":true' | grep -o '"executable":"[^"]*"' | cut -d '"' -f 4)
    set -- "${found[@]}"
fi
[ $# -gt 0 ] || { echo "no test programs: see the head of $0" >&2; exit 1; }

ran=0
for program in "$@"; do
    count=$("$program" --list "${tests[@]}" 2>/dev/null | grep -c ': test$' || true)
    [ "$count" -gt 0 ] || continue
    ran=$((ran + count))
    echo "$program: $count tests"
    # What the processor has decides here, and nothing else.
    env -u HIERARCH_SIMD qemu-x86_64 -cpu "$processor" "$program" "${tests[@]}"
done
[ "$ran" -gt 0 ] || { echo "no test of these programs has a name with one of: ${tests[*]}" >&2; exit 1; }
echo "$ran tests passed on $processor"
