//! Leaves out the kernels of AVX-512 where `HIERARCH_COMPILE` says so: every density and network is compiled once for each
//! instruction set, and those of a set that never runs cost a sixth of a build.
//!
//! | value | kernels |
//! | --- | --- |
//! | not set | of every set: what is built runs the widest of whichever machine it is taken to |
//! | `native` | without AVX-512 if the machine that builds lacks it |
//! | `avx2` | without AVX-512 |

fn main() {
    println!("cargo::rustc-check-cfg=cfg(without_avx512)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=HIERARCH_COMPILE");
    let wanted = std::env::var("HIERARCH_COMPILE").unwrap_or_default();
    let without = match wanted.as_str() {
        "" => false,
        "avx2" => true,
        // What is built for another machine is not judged by this one.
        "native" => std::env::var("HOST") == std::env::var("TARGET") && !has_avx512(),
        other => {
            println!(
                "cargo::error=HIERARCH_COMPILE is `{other}`; write `native` or `avx2`, or leave it out for all sets"
            );
            return;
        }
    };
    if without {
        println!("cargo::rustc-cfg=without_avx512");
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx512() -> bool {
    false
}
