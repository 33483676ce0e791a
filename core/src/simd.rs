//! The instruction set of the library's own kernels: the widest that this machine has, or a smaller one on request.
//!
//! Densities run on one vector register at a time ([`Lanes`](crate::autodiff::Lanes)), and the inner loops of networks
//! and lenses are compiled for each set. The set is chosen when the first of them runs, once for a process. The
//! environment variable `HIERARCH_SIMD` lowers it:
//!
//! | value | kernels for | on |
//! | --- | --- | --- |
//! | `scalar` | one number at a time | any processor |
//! | `avx2` | AVX2 with FMA | x86-64 |
//! | `avx512` | AVX-512 | x86-64 |
//! | `neon` | Neon | AArch64 |
//!
//! A set that the machine lacks, or that was left out when this was built (`HIERARCH_COMPILE`, see `core/build.rs`), is
//! not used: a line on standard error reports it, and the widest available set runs.
//! Sums are taken in another order on other registers, so that the same seed gives slightly different numbers on
//! another set.
//!
//! One dependency detects the set itself and does not read the variable: `gemm`, which multiplies the matrices of the
//! networks.

use pulp::{Arch, Scalar, Simd, WithSimd};
use std::sync::LazyLock;

/// The environment variable that lowers the instruction set.
const VARIABLE: &str = "HIERARCH_SIMD";

/// A set by name, with pulp's proof that the machine has it.
type Set = (&'static str, Arch);

static CHOSEN: LazyLock<Set> = LazyLock::new(|| {
    let (set, refused) = choose(std::env::var_os(VARIABLE).map(|v| v.to_string_lossy().into_owned()), &compiled());
    // A wrong value is no reason to end a program that would run without it. Nor can an error be returned: the first
    // kernel runs inside a density or a step of a training.
    if let Some(refused) = refused {
        eprintln!("{refused}");
    }
    set
});

/// Returns the name of the instruction set that this process's kernels run on: `scalar`, `avx2`, `avx512` or `neon`.
pub fn instruction_set() -> &'static str {
    CHOSEN.0
}

/// Returns the sets on which the last digits of a training depend: the instruction set of the kernels and, where that
/// was lowered, that of the machine, which `gemm` uses.
pub fn registers() -> String {
    match available().last() {
        Some((widest, _)) if *widest != instruction_set() => format!("{} with {widest} products", instruction_set()),
        _ => instruction_set().to_owned(),
    }
}

/// Runs a kernel on the registers of the process.
#[inline]
pub fn dispatch<W: WithSimd>(work: W) -> W::Output {
    match CHOSEN.1 {
        #[cfg(all(any(target_arch = "x86", target_arch = "x86_64"), not(without_avx512)))]
        Arch::V4(simd) => Simd::vectorize(simd, work),
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Arch::V3(simd) => Simd::vectorize(simd, work),
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        _ => Simd::vectorize(Scalar, work),
        // `pulp` knows what these have.
        #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
        arch => arch.dispatch(work),
    }
}

/// The sets of this machine, the widest last.
fn available() -> Vec<Set> {
    let mut sets = vec![("scalar", Arch::Scalar)];
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        sets.extend(pulp::x86::V3::try_new().map(|simd| ("avx2", Arch::V3(simd))));
        sets.extend(pulp::x86::V4::try_new().map(|simd| ("avx512", Arch::V4(simd))));
    }
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    {
        // These have one set besides plain scalars, or none.
        let name = if cfg!(target_arch = "aarch64") { "neon" } else { "vector" };
        sets.extend(Some(Arch::new()).filter(|arch| !matches!(arch, Arch::Scalar)).map(|arch| (name, arch)));
    }
    sets
}

/// Those of them that kernels were compiled for.
fn compiled() -> Vec<Set> {
    available().into_iter().filter(|set| !cfg!(without_avx512) || set.0 != "avx512").collect()
}

/// Returns the set of that name, or else the widest with a message.
fn choose(wanted: Option<String>, sets: &[Set]) -> (Set, Option<String>) {
    let widest = sets.last().copied().unwrap_or(("scalar", Arch::Scalar));
    let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else { return (widest, None) };
    match sets.iter().find(|set| set.0.eq_ignore_ascii_case(&wanted)) {
        Some(set) => (*set, None),
        None => {
            let names: Vec<String> = sets.iter().map(|set| format!("`{}`", set.0)).collect();
            let refused = format!(
                "hierarch: {VARIABLE}=`{wanted}` is no instruction set of this machine and build, which have {}; running on `{}`",
                names.join(", "),
                widest.0
            );
            (widest, Some(refused))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_lowers_and_never_raises() {
        let sets = [("scalar", Arch::Scalar), ("narrow", Arch::Scalar), ("wide", Arch::Scalar)];
        let name = |wanted: Option<&str>, sets: &[Set]| {
            let (set, refused) = choose(wanted.map(str::to_owned), sets);
            (set.0, refused)
        };
        assert_eq!(name(None, &sets), ("wide", None));
        assert_eq!(name(Some(""), &sets), ("wide", None));
        assert_eq!(name(Some("narrow"), &sets), ("narrow", None));
        assert_eq!(name(Some("SCALAR"), &sets), ("scalar", None));
        let (set, refused) = name(Some("wide"), &sets[..2]);
        let refused = refused.unwrap();
        assert_eq!(set, "narrow");
        assert!(
            refused.contains("HIERARCH_SIMD=`wide`") && refused.contains("`scalar`, `narrow`; running on `narrow`")
        );
    }

    #[test]
    fn what_runs_unasked_is_what_pulp_detects() {
        let widest = available().last().copied().unwrap();
        assert_eq!(format!("{:?}", widest.1), format!("{:?}", Arch::new()));
        assert!(compiled().iter().any(|set| set.0 == instruction_set()));
    }
}
