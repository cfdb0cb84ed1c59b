//! What the compiler says of mistakes in models and their forms.
//!
//! Each file of the folder `compile_errors` is compiled against the crates of this test, which are there already: this takes half a second,
//! where a project of its own would compile all dependencies again. The comments at its beginning say what is expected.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the compiled crates with this name, the newest first.
fn crates(folder: &Path, name: &str) -> Vec<PathBuf> {
    let prefix = format!("lib{name}-");
    let is_crate = |path: &PathBuf| {
        let file = path.file_name().and_then(|file| file.to_str()).unwrap_or_default();
        file.starts_with(&prefix) && file.ends_with(".rlib")
    };
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(is_crate).collect();
    found.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).and_then(|file| file.modified()).unwrap()));
    found
}

/// The crates that applications name.
struct Crates {
    folder: PathBuf,
    lback: PathBuf,
    diesel: PathBuf,
}

impl Crates {
    /// Returns those with which a file without a mistake compiles. There may be others, with other features.
    fn find(cases: &Path) -> Self {
        let folder = std::env::current_exe().unwrap().parent().unwrap().to_owned();
        let diesel = crates(&folder, "diesel");
        let pairs = crates(&folder, "lback").into_iter().flat_map(|lback| diesel.iter().map(move |diesel| (lback.clone(), diesel.clone())));
        let mut errors = Vec::new();
        for (lback, diesel) in pairs {
            let found = Crates { folder: folder.clone(), lback, diesel };
            errors = found.errors(&cases.join("no_error.rs"));
            if errors.is_empty() {
                return found;
            }
        }
        panic!("a model without a mistake does not compile: {errors:#?}");
    }

    /// Returns the errors of a file, a line for each.
    fn errors(&self, file: &Path) -> Vec<String> {
        let out = tempfile::tempdir().unwrap();
        let output = Command::new("rustc")
            .args([
                "--edition=2024",
                "--crate-type=lib",
                "--crate-name=case",
                "--emit=metadata",
                "--error-format=short",
                "--cap-lints=allow",
            ])
            .arg("--extern")
            .arg(format!("lback={}", self.lback.display()))
            .arg("--extern")
            .arg(format!("diesel={}", self.diesel.display()))
            .arg("-L")
            .arg(format!("dependency={}", self.folder.display()))
            .arg("--out-dir")
            .arg(out.path())
            .arg(file)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let lines: Vec<String> = text.lines().filter(|line| line.contains(": error")).map(str::to_owned).collect();
        assert!(output.status.success() || !lines.is_empty(), "{text}");
        lines
    }
}

#[test]
fn mistakes_are_explained() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lback/models/compile_errors");
    let crates = Crates::find(&cases);
    let mut files: Vec<PathBuf> = fs::read_dir(&cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    std::thread::scope(|scope| {
        for files in files.chunks(files.len().div_ceil(4)) {
            scope.spawn(|| files.iter().for_each(|file| check(&crates, file)));
        }
    });
}

fn check(crates: &Crates, file: &Path) {
    let text = fs::read_to_string(file).unwrap();
    let expected = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    // The file without a mistake.
    let Some(most) = expected("// errors:").map(|number| number.parse::<usize>().unwrap()) else { return };
    let says = expected("// one says:").unwrap();
    let errors = crates.errors(file);
    let is_explained = errors.len() <= most && errors.iter().any(|error| error.contains(says));
    assert!(is_explained, "{}: at most {most} errors, one of which says {says:?}: {errors:#?}", file.display());
}
