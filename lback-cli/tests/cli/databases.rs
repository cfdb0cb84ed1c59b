//! `lback adddatabase`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{fail, fail_of, folder, lback, project, snapshot, succeed};

/// Returns the command in a project, whose program is replaced by a script: it would take minutes to compile, and its part of the work is
/// tested with it.
fn adddatabase(project: &Path, name: &str, script: &str) -> Command {
    let programs = project.parent().unwrap().join("programs");
    fs::create_dir_all(&programs).unwrap();
    fs::write(programs.join("cargo"), format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(programs.join("cargo"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = lback(project, &["adddatabase", name]);
    let path = std::env::var_os("PATH").unwrap();
    let paths = std::iter::once(programs).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(paths).unwrap());
    command
}

fn printed(mut command: Command) -> String {
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    out
}

fn read(project: &Path, file: &str) -> String {
    fs::read_to_string(project.join(file)).unwrap()
}

#[test]
fn a_project_on_sqlite_gets_postgresql() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    fs::write(project.join(".env"), "SECRET_KEY=x").unwrap();
    let out = printed(adddatabase(&project, "postgres", "echo \"$@\" in \"$PWD\""));
    let root = fs::canonicalize(&project).unwrap();
    assert!(out.contains(&format!("run --quiet -- adddatabase postgres in {}\n", root.display())), "{out}");
    assert!(out.contains("Changed Cargo.toml, src/main.rs, .env, settings.production.toml, Dockerfile.\n"), "{out}");
    for line in
        ["CREATE USER mysite", "createdb --owner=mysite mysite", "lback copydata DATABASE_URL postgres://mysite:mysite@localhost/mysite"]
    {
        assert!(out.contains(line), "{line}: {out}");
    }
    assert!(read(&project, "Cargo.toml").contains("features = [\"postgres\"] }\n"), "{}", read(&project, "Cargo.toml"));
    assert!(read(&project, "src/main.rs").contains("migrations!(sqlite, postgres)"));
    assert_eq!(
        read(&project, ".env"),
        "SECRET_KEY=x\n\n# The PostgreSQL database. For TLS, append ?sslmode=require\n# DATABASE_URL=postgres://mysite:mysite@localhost/mysite\n"
    );
    let settings = read(&project, "settings.production.toml");
    assert!(settings.contains("sqlite:/var/lib/mysite") && settings.contains("DATABASE_URL=postgres://user:password@host"), "{settings}");
    assert!(read(&project, "Dockerfile").contains("libpq-dev") && read(&project, "Dockerfile").contains("libpq5"));
    // Once more: nothing is left to do.
    let before = snapshot(&project);
    assert!(printed(adddatabase(&project, "postgres", "")).contains("need no change"));
    assert_eq!(snapshot(&project), before);
}

#[test]
fn a_project_on_postgresql_gets_sqlite() {
    let folder = folder();
    succeed(folder.path(), &["startproject", "mysite", "--auth", "--db", "postgres"]);
    let project = folder.path().join("mysite");
    let out = printed(adddatabase(&project, "sqlite", ""));
    assert!(out.contains("Changed Cargo.toml, src/main.rs.\n") && out.contains("lback copydata DATABASE_URL sqlite:db.sqlite\n"), "{out}");
    assert!(read(&project, "Cargo.toml").contains("features = [\"accounts\", \"admin\", \"postgres\", \"sqlite\"] }"));
}

#[test]
fn files_of_another_form_are_named_and_left_alone() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    let cargo = "[package]\nname = \"mysite\"\n\n[dependencies.lback]\npath = \"lback\"\n";
    fs::write(project.join("Cargo.toml"), cargo).unwrap();
    fs::write(project.join("Dockerfile"), "FROM scratch\n").unwrap();
    fs::remove_file(project.join("settings.production.toml")).unwrap();
    let main = read(&project, "src/main.rs").replace("migrations!()", "migrations!(\"migrations\")");
    fs::write(project.join("src/main.rs"), &main).unwrap();
    let out = printed(adddatabase(&project, "postgres", ""));
    assert!(out.contains("Changed .env.\n"), "{out}");
    for line in [
        "features = [\"postgres\"] for lback\n",
        "migrations!(sqlite, postgres) in the place of migrations!()\n",
        "libpq-dev for the build, and libpq5 in the image\n",
    ] {
        assert!(out.contains(line), "{out}");
    }
    assert_eq!(read(&project, "src/main.rs"), main);
    assert_eq!(read(&project, "Cargo.toml"), cargo);
}

#[test]
fn nothing_is_changed_if_the_program_fails() {
    let folder = folder();
    let project: PathBuf = project(folder.path(), "mysite");
    let before = snapshot(&project);
    let error = fail_of(&mut adddatabase(&project, "postgres", "exit 1"));
    assert!(error.contains("adddatabase postgres failed, and no file of the project was changed"), "{error}");
    assert!(fail(&project, &["adddatabase", "oracle"]).contains("possible values: sqlite, postgres"));
    assert!(fail(folder.path(), &["adddatabase", "postgres"]).contains("there is no project here"));
    assert_eq!(snapshot(&project), before);
    let main = read(&project, "src/main.rs").replace(".models(models![])", "");
    fs::write(project.join("src/main.rs"), main).unwrap();
    assert!(fail(&project, &["adddatabase", "postgres"]).contains("Add .models(models![]) to App::new"));
}
