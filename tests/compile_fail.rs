//! Every mistake in a model is an error at the token where it is.

/// The compiler whose words around our messages are in `by_rustc`; those of others differ in their notes.
const RUSTC: &str = "rustc 1.95.";

#[test]
fn mistakes_are_compile_errors() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/compile_fail/*.rs");
    let rustc = std::process::Command::new("rustc").arg("--version").output();
    let version = rustc.map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default();
    if version.starts_with(RUSTC) {
        cases.compile_fail("tests/compile_fail/by_rustc/*.rs");
    } else {
        println!("tests/compile_fail/by_rustc is left out: its messages are those of {RUSTC}x, not of {version}");
    }
}
