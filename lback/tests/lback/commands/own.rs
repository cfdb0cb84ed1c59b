//! Commands that an application adds.

use std::fs;

use lback::prelude::*;

use super::{output, process, project, run};
use crate::start_error;

struct Greeting(&'static str);

/// Adds the commands that the other process has.
pub(super) fn add(app: App) -> App {
    let app = app
        .state(Greeting("good day"))
        .command("addposts", "[TITLE…]  adds posts\nEach with a title.", add_posts)
        .command("greet", "greets", greet);
    match std::env::var("LBACK_TEST_NAME") {
        Ok(name) => app.command(name.leak(), "has a name from outside", |_| Ok(())),
        Err(_) => app,
    }
}

fn add_posts(command: &mut Command) -> ProgramResult {
    for title in command.arguments().to_vec() {
        if title == "panic" {
            panic!("no post");
        }
        if title == "bad" {
            return Err(ProgramError::new("a post needs a good title"));
        }
        diesel::sql_query("INSERT INTO posts (title) VALUES (?)").bind::<diesel::sql_types::Text, _>(title).execute(command.db()?)?;
    }
    let posts: i64 = diesel::dsl::sql::<diesel::sql_types::BigInt>("SELECT count(*) FROM posts").get_result(command.db()?)?;
    println!("{posts} posts");
    Ok(())
}

fn greet(command: &mut Command) -> ProgramResult {
    let times: usize = command.argument(0)?.unwrap_or(1);
    let Greeting(greeting) = command.state()?;
    let debug = command.settings().section::<lback::settings::CoreSettings>()?.debug;
    let waited = command.block_on(async {
        tokio::time::sleep(std::time::Duration::ZERO).await;
        "waited"
    })?;
    println!("{}, {} {debug:?} {waited}", [*greeting].repeat(times).join(" "), command.app().url_for("index", &[])?);
    Ok(())
}

fn blog() -> tempfile::TempDir {
    let project = project("DEBUG = false");
    let folder = project.path().join("migrations/2026-11-21-120000_create_posts");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("up.sql"), "CREATE TABLE posts (id INTEGER NOT NULL PRIMARY KEY, title TEXT NOT NULL);").unwrap();
    project
}

#[test]
fn a_command_has_arguments_and_a_transaction() {
    let project = blog();
    let early = run(&project, "addposts one");
    assert!(early.contains(" pending: ") && early.contains(" migrate"), "{early}");
    run(&project, "migrate");
    let added = run(&project, "addposts one two");
    assert!(added.contains("2 posts\n") && added.contains("ended well"), "{added}");
    // What comes before an error or a panic is undone.
    let refused = run(&project, "addposts three bad");
    assert!(refused.contains("ended with: a post needs a good title"), "{refused}");
    assert!(!run(&project, "addposts three panic").contains("ended"));
    assert!(run(&project, "addposts --four").contains("3 posts\n"));
}

#[test]
fn a_command_sees_the_whole_application() {
    let project = blog();
    assert!(run(&project, "greet 2").contains("good day good day, / false waited"));
    assert!(run(&project, "greet two").contains("ended with: invalid argument \"two\": invalid digit"));
}

#[test]
fn help_and_errors_name_the_applications_commands() {
    let project = blog();
    let help = run(&project, "help");
    assert!(help.contains("Commands of this application:\n  addposts [TITLE…]  ") && help.contains("  adds posts\n"), "{help}");
    for asks in ["addposts --help", "addposts -h", "help addposts", "--help addposts"] {
        let help = run(&project, asks);
        assert!(help.contains("Usage: addposts [TITLE…]\n\nAdds posts.\n\nEach with") && help.contains("ended well"), "{help}");
    }
    // Further behind it may be an argument of the application's own.
    run(&project, "migrate");
    assert!(run(&project, "addposts one --help").contains("2 posts\n"));
    assert!(run(&project, "adposts").contains("did you mean addposts?"));
    assert!(run(&project, "dance").contains("help, addposts, greet"));
}

#[test]
fn a_name_that_would_not_be_reached_stops_every_start() {
    let project = blog();
    for (name, why) in [
        ("migrate", "already has a command with this name"),
        ("help", "already has a command with this name"),
        ("startapp", "the lback program has"),
        ("test", "the lback program has"),
        ("greet", "two commands have this name"),
        ("count posts", "a single word such as"),
        ("--count", "a single word such as"),
    ] {
        for command in ["routes", "help", name] {
            let mut process = process(&project, command);
            process.env("LBACK_TEST_NAME", name);
            let printed = String::from_utf8(output(process).stdout).unwrap();
            assert!(printed.contains(&format!("ended with: App::command(\"{name}\", …): ")) && printed.contains(why), "{printed}");
        }
    }
    let app = App::new(Router::new()).command("check", "", |_| Ok(()));
    assert!(start_error(app, "SESSION_TIMEOUT_MINUTES = 30").contains("App::command(\"check\""));
}
