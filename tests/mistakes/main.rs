//! Every mistake in a model is an error at the token where it is: each case in `compile_fail` is given to the compiler with
//! the library that this test was built with, and what it says is compared with the file next to the case. With
//! `HIERARCH_TEST_OVERWRITE=1` that file is written anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rayon::prelude::*;

/// The compiler whose words around our messages are in `by_rustc`; those of others differ in their notes.
const RUSTC: &str = "rustc 1.95.";

/// The root of the workspace, which paths in messages are relative to.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Compiles a file as a program that uses a library; whether that went well, and what the compiler said.
fn compile(file: &Path, library: &Path) -> (bool, String) {
    let out = tempfile::tempdir().unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let mut command = Command::new(rustc);
    command.args(["--edition=2024", "--crate-type=bin", "--crate-name=case", "--emit=metadata", "-Awarnings"]);
    command.arg("--extern").arg(format!("hierarch={}", library.display()));
    command.arg("-L").arg(format!("dependency={}", library.parent().unwrap().display()));
    let output = command.arg("--out-dir").arg(out.path()).arg(file).current_dir(root()).output().unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

/// The library next to this program: the newest with the feature that is on for tests alone, of which there may be older
/// ones, by other compilers, too.
fn library() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let files = fs::read_dir(program.parent().unwrap()).unwrap().map(|file| file.unwrap().path());
    let is_library = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        let hash = name.strip_prefix("libhierarch-").and_then(|name| name.strip_suffix(".rlib"));
        hash.is_some_and(|hash| !hash.contains('-'))
    };
    let mut found: Vec<PathBuf> = files.filter(is_library).collect();
    found.sort_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let probe = folder.path().join("probe.rs");
    fs::write(&probe, "use hierarch::calibration::strategies as _;\nfn main() {}\n").unwrap();
    let found = found.into_iter().rev().find(|library| compile(&probe, library).0);
    found.expect("the library lies next to the test that is linked with it")
}

/// A message with paths relative to the root.
fn of_root(text: &str) -> String {
    text.replace(&format!("{}/", root().display()), "")
}

/// A message's lines, without what depends on where the library lies and on its line numbers, and without the last words.
fn lines(text: &str) -> Vec<String> {
    let text = of_root(text);
    let mut of_library = false;
    let line = |line: &str| {
        let line = line.trim();
        if let Some(path) = line.strip_prefix("--> ") {
            of_library = path.starts_with("src/") || path.starts_with("core/src/");
        }
        let last = ["error: aborting due to", "For more information about", "Some errors have detailed"];
        if line.is_empty() || last.iter().any(|start| line.starts_with(start)) {
            return None;
        }
        Some(match line {
            // `and 7 others`: one more with each type that implements a trait.
            _ if line.starts_with("and ") && line.ends_with(" others") => "and $N others".to_owned(),
            _ if of_library && line.starts_with("--> ") => line.split(':').next().unwrap().to_owned(),
            _ if of_library && line.starts_with("::: ") => line.split(".rs:").next().unwrap().to_owned(),
            _ if of_library => line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start().to_owned(),
            _ => line.to_owned(),
        })
    };
    text.lines().filter_map(line).collect()
}

/// What we wrote of a message: its headlines, and the place that each points at.
fn ours(lines: &[String]) -> Vec<&String> {
    let headline = |i: &usize| lines[*i].starts_with("error");
    (0..lines.len()).filter(headline).flat_map(|i| lines[i..].iter().take(2)).collect()
}

/// What is wrong with a case.
fn check(case: &Path, library: &Path, whole: bool) -> Option<String> {
    let (compiled, said) = compile(case, library);
    let name = case.display();
    if compiled {
        return Some(format!("{name} was compiled"));
    }
    let expectation = root().join(case.with_extension("stderr"));
    if std::env::var_os("HIERARCH_TEST_OVERWRITE").is_some() {
        fs::write(&expectation, of_root(&said)).unwrap();
    }
    let (expected, found) = (lines(&fs::read_to_string(expectation).unwrap_or_default()), lines(&said));
    let same = if whole { expected == found } else { ours(&expected) == ours(&found) };
    (!same).then(|| format!("{name}: expected\n{}\nfound\n{}", expected.join("\n"), found.join("\n")))
}

/// The cases in a folder.
fn cases(folder: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(root().join(folder)).unwrap().map(|file| file.unwrap().path());
    let cases = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let mut cases: Vec<PathBuf> = cases.map(|path| path.strip_prefix(root()).unwrap().to_owned()).collect();
    cases.sort();
    cases
}

fn check_all(folder: &str, whole: bool) {
    let (library, cases) = (library(), cases(folder));
    assert!(!cases.is_empty());
    let wrong: Vec<String> = cases.par_iter().filter_map(|case| check(case, &library, whole)).collect();
    assert!(wrong.is_empty(), "{} of {} cases are wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n\n"));
}

/// The errors of the macro itself, which every compiler prints alike.
#[test]
fn mistakes_are_compile_errors() {
    check_all("tests/compile_fail", true);
}

/// The errors in which the compiler speaks, too: to the letter by the compiler whose words are in the files; of another, the
/// headline, which is ours, and its place.
#[test]
fn mistakes_that_the_compiler_finds_have_our_headline() {
    let version = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into())).arg("--version").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let whole = version.starts_with(RUSTC);
    if !whole {
        println!("{version} is not {RUSTC}x: headlines and places alone are compared");
    }
    check_all("tests/compile_fail/by_rustc", whole);
}
