//! Help, completions, and invalid command lines.

use crate::support::{fail, fail_of, folder, lback, project, succeed};

#[test]
fn help_lists_every_command_and_examples() {
    let folder = folder();
    let help = succeed(folder.path(), &["--help"]);
    for command in [
        "startproject",
        "startapp",
        "makemigrations",
        "serve",
        "migrate",
        "rollback",
        "showmigrations",
        "sqlmigrate",
        "squashmigrations",
        "dbshell",
        "routes",
        "collectstatic",
        "clearsessions",
        "test",
        "completions",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{command}: {help}");
        let own = succeed(folder.path(), &[command, "--help"]);
        assert!(own.contains(&format!("Usage: lback {command}")), "{own}");
    }
    assert!(help.contains("[alias: new]"), "{help}");
    assert!(help.contains("lback startproject mysite"), "{help}");
    assert!(succeed(folder.path(), &["startproject", "--help"]).contains("lback startproject mysite ."));
    assert!(succeed(folder.path(), &["--version"]).starts_with("lback 0."));
}

#[test]
fn completions_are_printed_for_each_shell() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = succeed(folder.path(), &["completions", shell]);
        assert!(script.contains("startproject") && script.contains("collectstatic"), "{shell}");
    }
    assert!(fail(folder.path(), &["completions", "csh"]).contains("bash"));
}

#[test]
fn invalid_command_lines_get_helpful_errors() {
    let folder = folder();
    assert!(fail(folder.path(), &["startprojct", "x"]).contains("'startproject'"));
    assert!(fail(folder.path(), &["runservr"]).contains("'runserver'"));
    assert!(fail(folder.path(), &["migrat"]).contains("'migrate'"));
    let error = fail(folder.path(), &["countposts", "5"]);
    assert!(error.contains("no command \"countposts\", and there is no project here") && error.contains("startproject"), "{error}");
    assert!(fail(folder.path(), &["--countposts"]).contains("unexpected argument"));
    assert!(fail(folder.path(), &["startproject"]).contains("<NAME>"));
    assert!(fail(folder.path(), &["rollback", "0"]).contains("0 is not in 1.."));
    let output = lback(folder.path(), &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("Examples:"));
}

#[test]
fn without_cargo_the_error_explains_how_to_install_it() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    for command in ["migrate", "test"] {
        let error = fail_of(lback(&project, &[command]).env("PATH", folder.path()));
        assert!(error.contains("cargo was not found") && error.contains("https://rustup.rs"), "{error}");
    }
}
