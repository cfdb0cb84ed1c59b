//! The commands for users, in processes of their own.
//!
//! Python Lback took the password "pw", made two users of one name, and printed errors with a status of success.

#[cfg(target_os = "linux")]
mod terminal;

use std::io::Write;
use std::process::{Command, Stdio};

use lback::prelude::*;
use tempfile::TempDir;

use crate::commands::project;

const PASSWORD: &str = "down the rabbit hole";

/// The other process: an application with users that does what `LBACK_TEST_COMMAND` says.
#[test]
#[ignore = "run by the other tests"]
fn the_application() {
    let command = std::env::var("LBACK_TEST_COMMAND").expect("run by the other tests");
    let arguments: Vec<String> = command.split_terminator('|').map(str::to_owned).collect();
    let guarded = Router::new()
        .get("/login", |_: &mut Request| "")
        .name("login")
        .get("/post", |_: &mut Request| "")
        .login_required()
        .permission_required("blog.add_post")
        .get("/typo", |_: &mut Request| "")
        .permission_required(if command.contains("deploy") { "blog.ad_post" } else { "blog.add_post" });
    let app = App::new(guarded).auth().permissions([("blog.add_post", "Write posts")]);
    #[cfg(feature = "mail")]
    let app = app.mail();
    #[cfg(feature = "accounts")]
    let app = app.accounts();
    match app.on_name("user.*", |signal, _| println!("told of {signal:?}")).run(&arguments) {
        Ok(()) => println!("\nended well"),
        // As App::main does.
        Err(error) => {
            println!("\nended with: {error}");
            #[expect(clippy::exit, reason = "this is the main function of a child process")]
            std::process::exit(1);
        }
    }
}

/// The process in which the application does what `command` says.
fn process(mut process: Command, project: &TempDir, command: &[&str]) -> Command {
    process
        .args(["--exact", "auth::commands::the_application", "--ignored", "--nocapture", "--test-threads=1"])
        .env("LBACK_ROOT", project.path())
        .env("LBACK_TEST_COMMAND", command.join("|"))
        .env("NEW_PASSWORD", PASSWORD)
        .env("WEAK_PASSWORD", "pw")
        .env_remove("LBACK_ENV")
        .env_remove("CARGO_PKG_NAME")
        .current_dir(project.path());
    process
}

/// What the command prints, and how it ends. `input` is its standard input.
fn run(project: &TempDir, command: &[&str], input: &str) -> String {
    let mut process = process(Command::new(std::env::current_exe().unwrap()), project, command);
    process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = process.spawn().unwrap();
    // A command that asks for nothing may have ended before.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A project whose database is migrated.
fn migrated() -> TempDir {
    let project = project("DEBUG = false\nAUTH_ARGON2_MEMORY_KIB = 64\nAUTH_ARGON2_PASSES = 1");
    let printed = run(&project, &["migrate"], "");
    assert!(printed.contains("applied auth/00000000000020_create_users"), "{printed}");
    project
}

#[track_caller]
fn assert_does(project: &TempDir, command: &[&str], input: &str, what: &str) {
    let printed = run(project, command, input);
    assert!(printed.contains(what) && printed.contains("ended well"), "{command:?}: {printed}");
}

#[track_caller]
fn assert_refuses(project: &TempDir, command: &[&str], input: &str, why: &str) {
    let printed = run(project, command, input);
    assert!(printed.contains("ended with: ") && printed.contains(why), "{command:?}: {printed}");
}

#[test]
fn a_superuser_is_made_listed_and_shut_out() {
    let project = migrated();
    assert_does(&project, &["list_users"], "", "there are no users yet; createsuperuser creates the first one");
    let create = ["createsuperuser", "--username", "alice", "--email=alice@example.com", "--password-env", "NEW_PASSWORD"];
    assert_does(&project, &create, "", "created the superuser alice");
    assert_does(
        &project,
        &["createsuperuser", "--username", "bob", "--password-stdin"],
        &format!("{PASSWORD}\r\n"),
        "created the superuser bob",
    );

    let listed = run(&project, &["list_users"], "");
    assert!(
        listed.contains("alice  alice@example.com  last login: never  superuser\nbob    -  last login: never  superuser\n"),
        "{listed}"
    );
    let json = run(&project, &["list_users", "--json"], "");
    assert!(json.contains("\"username\":\"alice\"") && !json.contains("argon2"), "{json}");

    assert_does(&project, &["deactivate_user", "ALICE"], "", "alice cannot log in any more");
    assert_does(&project, &["deactivate_user", "alice"], "", "alice is already deactivated");
    assert!(run(&project, &["list_users"], "").contains("cannot log in, superuser"));
    assert_does(&project, &["activate_user", "alice@example.com"], "", "alice can log in again");
    assert_does(&project, &["activate_user", "alice"], "", "alice is already active");
    let printed = run(&project, &["changepassword", "alice", "--password-stdin"], "through the looking glass");
    assert!(
        printed.contains("changed the password of alice") && printed.contains("told of UserPasswordChanged { user_id: 1 }"),
        "{printed}"
    );
}

#[test]
fn what_cannot_be_done_is_refused_and_says_why() {
    let project = migrated();
    let create = |name: &'static str, source: &'static str| ["createsuperuser", "--username", name, source];
    assert_refuses(
        &project,
        &["createsuperuser", "--username", "a", "--password-env", "WEAK_PASSWORD"],
        "",
        "too short: it needs at least 8",
    );
    assert_refuses(&project, &create("a", "--password-stdin"), "pw\n", "too short");
    assert_refuses(&project, &create("a", "--password-stdin"), "password1\n", "too common");
    assert_refuses(&project, &create("a", "--password-stdin"), "84620193751\n", "digits only");
    assert_refuses(&project, &create("wonderland", "--password-stdin"), "Wonderland1\n", "too similar");
    assert_refuses(&project, &create("a", "--password-stdin"), "", "Enter a password.");
    assert_refuses(&project, &create("<b>", "--password-stdin"), PASSWORD, "only letters, digits");
    assert_refuses(&project, &create("", "--password-stdin"), PASSWORD, "Enter a user name.");
    assert_refuses(
        &project,
        &["createsuperuser", "--username", "a", "--email", "x", "--password-stdin"],
        PASSWORD,
        "Enter an e-mail address",
    );
    assert_refuses(
        &project,
        &["createsuperuser", "--username", "a", "--password-env", "NOT_THERE"],
        "",
        "the password cannot be read from the environment variable NOT_THERE",
    );
    assert_refuses(
        &project,
        &["createsuperuser", "--username", "a", "--password-env", "NEW_PASSWORD", "--password-stdin"],
        "",
        "exclude each other; remove one",
    );
    assert_refuses(&project, &["createsuperuser", "--username"], "", "--username needs a value");
    assert_refuses(&project, &["createsuperuser", "--username", "a", "--username", "b"], "", "--username is given twice");
    assert_refuses(&project, &["createsuperuser", "--password", "x"], "", "no option --password; its options are --username");
    assert_refuses(&project, &["createsuperuser", "alice"], "", "unexpected argument \"alice\"");
    // Nobody sits there.
    assert_refuses(&project, &["createsuperuser"], "alice\n", "there is no terminal to ask for a user name");
    assert_refuses(&project, &["createsuperuser", "--username", "a"], "", "there is no terminal to ask for a password");
    assert_does(&project, &["list_users"], "", "there are no users");

    assert_does(&project, &create("alice", "--password-stdin"), PASSWORD, "created the superuser alice");
    assert_refuses(&project, &create("Alice", "--password-stdin"), PASSWORD, "a user called Alice already");
    for command in ["changepassword", "activate_user", "deactivate_user"] {
        assert_refuses(&project, &[command], "", &format!("{command} needs the name of a user"));
        assert_refuses(&project, &[command, "nobody"], "", "no user called nobody; list_users shows");
        assert_refuses(&project, &[command, "alice", "bob"], "", "unexpected argument \"bob\"");
        assert_refuses(&project, &[command, "alice", "--force"], "", &format!("{command} has no option --force"));
    }
    assert_refuses(&project, &["changepassword", "alice", "--password-stdin"], "pw", "too short");
    assert_refuses(&project, &["list_users", "all"], "", "unexpected argument \"all\"");
}

#[test]
fn names_are_one_persons_on_the_command_line_too() {
    let project = migrated();
    let create = |name: &'static str| ["createsuperuser", "--username", name, "--password-stdin"];
    assert_does(&project, &create(" Zoë "), PASSWORD, "created the superuser Zoë");
    assert_refuses(&project, &create("ZOE\u{308}"), PASSWORD, "a user called ZOË already exists");
    assert_refuses(&project, &create("z\u{43e}"), PASSWORD, "cannot mix letters of different alphabets");
    assert_does(&project, &create("modern"), PASSWORD, "created the superuser modern");
    assert_refuses(&project, &create("modem"), PASSWORD, "modem looks too much like the name of another user");
    let domain = ["createsuperuser", "--username", "anna", "--email", "anna@Bücher.example", "--password-stdin"];
    assert_does(&project, &domain, PASSWORD, "created the superuser anna");
    for name in ["zoe\u{308}", "ＺＯË", "ANNA@bücher.example", "anna@XN--bcher-kva.example"] {
        assert_does(&project, &["deactivate_user", name], "", "cannot log in any more");
        assert_does(&project, &["activate_user", name], "", "can log in again");
    }
    assert_refuses(&project, &["activate_user", "modem"], "", "there is no user called modem");
}

#[test]
fn migrate_gives_names_that_sql_has_stored_their_normal_form() {
    let project = migrated();
    let settings = lback::db::DbSettings { database_url: lback::settings::Secret::new("sqlite:db.sqlite"), ..Default::default() };
    let mut db = lback::db::Database::open(&settings, project.path()).unwrap().connect().unwrap();
    let values = "'Ｚoë', 'ｚoë', '!', '2026-01-01 00:00:00'";
    let insert = format!("INSERT INTO auth_users (username, username_key, password, joined) VALUES ({values})");
    lback::diesel::sql_query(insert).execute(&mut db).unwrap();
    assert!(lback::auth::User::named(&mut db, "zoë").unwrap().is_none());
    assert_does(&project, &["migrate"], "", "nothing to apply");
    assert!(lback::auth::User::named(&mut db, "zoë").unwrap().is_some());
}

#[test]
fn a_user_is_taken_into_a_group_and_out_of_it() {
    let project = migrated();
    assert_does(&project, &["createsuperuser", "--username", "alice", "--password-stdin"], PASSWORD, "created the superuser alice");
    assert_refuses(&project, &["add_to_group", "alice", "Authors"], "", "no group called Authors; there are no groups yet");
    let settings = lback::db::DbSettings { database_url: lback::settings::Secret::new("sqlite:db.sqlite"), ..Default::default() };
    let mut db = lback::db::Database::open(&settings, project.path()).unwrap().connect().unwrap();
    lback::auth::Group::get_or_create(&mut db, "Authors").unwrap();
    lback::auth::Group::get_or_create(&mut db, "Moderators").unwrap();
    assert_refuses(&project, &["add_to_group", "alice", "Autors"], "", "no group called Autors; existing groups: Authors, Moderators");
    for arguments in [&[][..], &["alice"]] {
        let command = [&["add_to_group"], arguments].concat();
        assert_refuses(&project, &command, "", "add_to_group needs the name of a user and a group: add_to_group NAME GROUP");
    }
    assert_refuses(&project, &["remove_from_group", "nobody", "Authors"], "", "no user called nobody");

    let alice = lback::auth::User::named(&mut db, "alice").unwrap().unwrap();
    let mut groups = || alice.groups(&mut db).unwrap().into_iter().map(|group| group.name).collect::<Vec<_>>();
    for _ in 0..2 {
        assert_does(&project, &["add_to_group", "Alice", "Authors"], "", "added alice to the group Authors");
        assert_eq!(groups(), ["Authors"]);
    }
    assert_does(&project, &["remove_from_group", "alice", "Authors"], "", "removed alice from the group Authors");
    assert!(groups().is_empty());
}

#[test]
fn nothing_is_done_before_the_migrations_are() {
    let project = project("DEBUG = false");
    for command in ["createsuperuser", "list_users", "activate_user"] {
        assert_refuses(&project, &[command, "alice"], "", " pending: ");
    }
}

#[test]
fn help_routes_and_check_know_of_users() {
    let project = migrated();
    let help = run(&project, &["help"], "");
    assert!(
        help.contains("Commands for users:\n  createsuperuser  ") && help.contains("  creates a superuser, who has every permission\n"),
        "{help}"
    );
    assert!(help.contains("\n  changepassword NAME  ") && help.contains("  changes the password of a user\n"), "{help}");
    for name in ["createsuperuser", "changepassword", "activate_user", "deactivate_user", "add_to_group", "remove_from_group", "list_users"]
    {
        assert_does(&project, &[name, "--help"], "", &format!("Usage: {name}"));
    }
    assert_does(&project, &["createsuperuser", "--username", "alice", "--help"], "", "  --password-env VARIABLE  the environment variable");
    assert_does(&project, &["list_users"], "", "there are no users");
    let routes = run(&project, &["routes"], "");
    assert!(routes.contains("login, permission blog.add_post\n"), "{routes}");
    assert!(run(&project, &["check"], "").contains("ok    permissions and the login page"));
    let check = run(&project, &["check", "--deploy"], "");
    assert!(
        check.contains(
            "FAIL  permissions and the login page: a route requires a permission that is not declared: /typo requires \"blog.ad_post\""
        ),
        "{check}"
    );
}

#[cfg(feature = "accounts")]
#[test]
fn links_in_mails_lead_to_the_site_and_not_where_a_visitor_says() {
    let project = migrated();
    let check = run(&project, &["check", "--deploy"], "");
    assert!(check.contains("FAIL  links in mails: ") && check.contains("AUTH_SITE_URL = \"https://example.com\""), "{check}");
    let named = crate::commands::project("AUTH_SITE_URL = 'https://example.com'");
    let check = run(&named, &["check", "--deploy"], "");
    assert!(check.contains("ok    links in mails"), "{check}");
}
