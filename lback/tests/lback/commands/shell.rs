//! `dbshell`, with the real shell of SQLite.

use std::io::Write;
use std::process::{Command, Stdio};

use super::{output, process, project, run};

/// Is the shell there? Where everything must be tested, it has to be.
fn installed() -> bool {
    let found = Command::new("sqlite3").arg("--version").output().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "sqlite3 is not installed; apt install sqlite3");
    if !found {
        eprintln!("skipped: sqlite3 is not installed");
    }
    found
}

#[test]
fn dbshell_takes_statements_as_arguments_and_from_standard_input() {
    if !installed() {
        return;
    }
    let project = project("");
    run(&project, "migrate");
    let mut typed = process(&project, "dbshell");
    let mut shell = typed.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    shell.stdin.take().unwrap().write_all(b"SELECT 40 + 2, count(*) FROM sessions;\n").unwrap();
    let answer = shell.wait_with_output().unwrap();
    let printed = String::from_utf8(answer.stdout).unwrap();
    assert!(answer.status.success() && printed.ends_with("42|0\n"), "{printed}");

    for arguments in ["dbshell -- .tables", "dbshell .tables"] {
        let printed = run(&project, arguments);
        assert!(printed.contains("sessions") && !printed.contains("ended"), "{printed}");
    }
    assert!(run(&project, "dbshell -header -line VALUES(7)").ends_with("column1 = 7\n"));
    // Its exit code is ours.
    let failed = output(process(&project, "dbshell nonsense"));
    assert!(!failed.status.success() && String::from_utf8_lossy(&failed.stderr).contains("nonsense"));
}

#[test]
fn dbshell_says_that_there_are_no_tables_yet() {
    if !installed() {
        return;
    }
    let project = project("");
    let note = |command| String::from_utf8(output(process(&project, command)).stderr).unwrap();
    let shown = note("dbshell .tables");
    assert!(shown.starts_with("note: the database has no tables") && shown.ends_with(" migrate\n"), "{shown}");
    run(&project, "migrate");
    assert_eq!(note("dbshell .tables"), "");
}

#[cfg(feature = "postgres")]
#[test]
fn dbshell_opens_psql_for_postgresql() {
    let Some(url) = crate::postgres::url() else { return };
    let project = project(&url);
    let printed = run(&project, "dbshell -- -Atc VALUES(40+2)");
    assert!(printed.ends_with("42\n"), "{printed}");
}

#[test]
fn without_the_shell_the_error_names_its_package() {
    let project = project("");
    let mut process = process(&project, "dbshell");
    process.env("PATH", project.path());
    let printed = String::from_utf8(output(process).stdout).unwrap();
    assert!(printed.contains("ended with: sqlite3 was not found.") && printed.contains("apt install sqlite3"), "{printed}");
}
