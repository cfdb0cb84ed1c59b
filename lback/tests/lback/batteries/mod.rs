//! Batteries from other crates.

use lback::app::{Battery, CommandSpec, Setup};
#[cfg(feature = "auth")]
use lback::auth::SetupAuth;
use lback::db::{Applied, MigrationSet, Migrations};
use lback::middleware::Slot;
use lback::prelude::*;
use lback::testing::Client;

use crate::unit_of_work::on_each_database;
use crate::{number, start_error};

const SETTINGS: &str = "SESSION_TIMEOUT_MINUTES = 30";

on_each_database!(two_batteries_may_have_migrations_of_one_version,);
#[cfg(feature = "auth")]
mod permissions {
    use super::*;

    on_each_database!(a_battery_declares_its_own_permissions,);
}

/// A table.
struct Shelf;

impl Battery for Shelf {
    fn name(&self) -> &'static str {
        "shelf"
    }

    fn migrations(&self) -> Option<MigrationSet> {
        Some(migrations!("$CARGO_MANIFEST_DIR/tests/lback/batteries/shelf").into())
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        setup.state(Shelf);
        Ok(())
    }
}

/// A table that refers to that of the shelf, by a migration of the same version.
struct Desk;

impl Battery for Desk {
    fn name(&self) -> &'static str {
        "desk"
    }

    fn requires(&self) -> &'static [&'static str] {
        &["shelf"]
    }

    fn migrations(&self) -> Option<MigrationSet> {
        Some(migrations!("$CARGO_MANIFEST_DIR/tests/lback/batteries/desk").into())
    }

    fn commands(&self) -> Vec<CommandSpec> {
        let count = |command: &mut Command| {
            let desks: i64 = diesel::dsl::sql::<diesel::sql_types::BigInt>("SELECT count(*) FROM desks").get_result(command.db()?)?;
            command.print(format!("{desks} desks"));
            Ok(())
        };
        vec![CommandSpec::new("countdesks", "prints the number of desks", count)]
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        if setup.find_state::<Shelf>().is_none() {
            return Err(ProgramError::new("the shelf comes first"));
        }
        async fn stamp(req: &mut Request, next: Next<'_>) -> Result<Response> {
            next.run(req).await.with_header("x-desk", "1")
        }
        setup.middleware(Slot::Edge, stamp);
        setup.routes(Router::new().get("/desk", |_: &mut Request| "a desk").name("desk"));
        setup.template_global("desk", |_| Ok("oak"));
        setup.after_migrate(|_, database| {
            let mut db = database.get()?;
            diesel::sql_query("INSERT INTO shelves (id) VALUES (1) ON CONFLICT DO NOTHING").execute(&mut *db)?;
            diesel::sql_query("INSERT INTO desks (id, shelf_id) VALUES (1, 1) ON CONFLICT DO NOTHING").execute(&mut *db)?;
            Ok(())
        });
        Ok(())
    }
}

fn two_batteries_may_have_migrations_of_one_version(on: &str) {
    // A required battery is installed first, in whatever order they are added.
    let app = || App::new(Router::new()).with(Desk).with(Shelf);
    let client = Client::with_settings(app(), &format!("{SETTINGS}\n{on}"));
    assert_eq!(number(&client, "SELECT count(*) FROM desks"), 1);
    let migrations = client.app().state::<Migrations>().unwrap();
    let status = migrations.status(client.database()).unwrap();
    let of = |battery: &str| {
        let found = status.iter().position(|one| one.name == format!("{battery}/2026-01-01-000000_create"));
        found.unwrap_or_else(|| panic!("{battery} is not in {status:?}"))
    };
    assert!(of("shelf") < of("desk") && status.iter().all(|one| one.state == Applied::Yes));
    // A rollback undoes only the application's own migrations.
    assert!(migrations.rollback(client.database(), 10).unwrap().is_empty());
    assert_eq!(number(&client.restart(app()), "SELECT count(*) FROM desks"), 1);
}

/// As in the battery's own crate, whose tests find its migrations in their working directory as well.
#[test]
fn migrations_of_a_battery_are_not_taken_for_those_of_the_application() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lback/batteries");
    let shelf = || migrations!("$CARGO_MANIFEST_DIR/tests/lback/batteries/shelf");
    let migrations = Migrations::new().battery("shelf", shelf());
    let client = Client::with_settings(App::new(Router::new()), SETTINGS);
    let names = |migrations: Migrations| migrations.names(client.database().kind()).unwrap();
    assert_eq!(names(migrations.folder(format!("{folder}/shelf"))), ["shelf/2026-01-01-000000_create"]);
    let migrations = Migrations::new().battery("shelf", shelf()).folder(format!("{folder}/desk"));
    assert_eq!(names(migrations), ["shelf/2026-01-01-000000_create", "2026-01-01-000000_create"]);
}

#[test]
fn everything_that_a_battery_adds_is_in_the_application() {
    let client = Client::with_settings(App::new(Router::new()).with(Shelf).with(Desk), SETTINGS);
    let page = client.get("/desk").send();
    page.assert_status(200).assert_contains("a desk");
    assert_eq!(page.header("x-desk"), Some("1"));
    assert_eq!(client.get("/nowhere").send().header("x-desk"), Some("1"), "the slot Edge sees errors, too");
    assert_eq!(client.app().middleware().next(), Some("RequestLog"));
    assert_eq!(client.app().url_for("desk", &[]).unwrap(), "/desk");
    assert_eq!(client.command("countdesks", &[]), "1 desks\n");
}

#[test]
fn batteries_that_do_not_fit_together_stop_the_start() {
    let error = start_error(App::new(Router::new()).with(Desk), SETTINGS);
    assert!(error.contains("desk requires shelf, which this application does not have"), "{error}");

    struct Named(&'static str, &'static [&'static str]);
    impl Battery for Named {
        fn name(&self) -> &'static str {
            self.0
        }

        fn requires(&self) -> &'static [&'static str] {
            self.1
        }

        fn install(self: Box<Self>, _: &mut Setup) -> ProgramResult {
            Ok(())
        }
    }
    struct Other;
    impl Battery for Other {
        fn name(&self) -> &'static str {
            "shelf"
        }

        fn install(self: Box<Self>, _: &mut Setup) -> ProgramResult {
            Ok(())
        }
    }
    let error = start_error(App::new(Router::new()).with(Shelf).with(Other), SETTINGS);
    assert!(error.contains("two batteries are named \"shelf\""), "{error}");
    for name in ["", "Shelf", "a shelf", "shelf:1", "a-name-that-is-longer-than-thirty-letters"] {
        let error = start_error(App::new(Router::new()).with(Named(name, &[])), SETTINGS);
        assert!(error.contains(&format!("the battery name \"{name}\" is invalid")), "{error}");
    }
    let error = start_error(App::new(Router::new()).with(Named("ring", &["ring"])), SETTINGS);
    assert!(error.contains("require each other: ring"), "{error}");
}

/// The last battery of a type is used, so an application can replace one that a library has added.
#[test]
fn a_battery_of_the_same_type_is_replaced() {
    let client = Client::with_settings(App::new(Router::new()).with(Shelf).with(Shelf), SETTINGS);
    assert_eq!(number(&client, "SELECT count(*) FROM shelves"), 0);
}

/// A battery with a permission and a page for those who have it.
#[cfg(feature = "auth")]
struct Wiki {
    requires: &'static [&'static str],
}

#[cfg(feature = "auth")]
impl Battery for Wiki {
    fn name(&self) -> &'static str {
        "wiki"
    }

    fn requires(&self) -> &'static [&'static str] {
        self.requires
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        setup.permissions([("wiki.edit", "Edit pages")]);
        setup.routes(Router::new().get("/wiki", |_: &mut Request| "editor").permission_required("wiki.edit"));
        Ok(())
    }
}

#[cfg(feature = "auth")]
fn a_battery_declares_its_own_permissions(on: &str) {
    let login = || Router::new().get("/login", |_: &mut Request| "").name("login");
    let requires: &[&str] = &["auth"];
    let apps: [fn(Router) -> App; 3] = [
        |urls| App::new(urls).auth().with(Wiki { requires: &["auth"] }).permissions([("blog.add", "Write posts")]),
        |urls| App::new(urls).with(Wiki { requires: &["auth"] }).permissions([("blog.add", "Write posts")]).auth(),
        // Installed before users, which it does not require.
        |urls| App::new(urls).with(Wiki { requires: &[] }).permissions([("blog.add", "Write posts")]).auth(),
    ];
    for app in apps {
        let client = Client::with_settings(app(login()), &format!("{SETTINGS}\n{on}"));
        assert_eq!(number(&client, "SELECT count(*) FROM auth_permissions WHERE name IN ('wiki.edit', 'blog.add')"), 2);
        client.command("check", &[]);
        client.login(&client.add_user(lback::auth::NewUser::from("bob").permission("blog.add")));
        client.get("/wiki").send().assert_status(403);
        client.login(&client.add_user(lback::auth::NewUser::from("alice").permission("wiki.edit")));
        client.get("/wiki").send().assert_status(200);
    }
    let twice = App::new(login()).auth().with(Wiki { requires }).permissions([("wiki.edit", "Edit the wiki")]);
    let error = start_error(twice, &format!("{SETTINGS}\n{on}"));
    assert!(error.contains("the permission \"wiki.edit\" is declared twice: at ") && error.contains("batteries/mod.rs"), "{error}");
    assert!(error.contains(" and ") && error.contains("Remove one of the declarations"), "{error}");
}

#[test]
fn a_setting_of_a_battery_that_is_not_installed_says_how_to_install_it() {
    for (setting, call, feature) in [
        ("SMTP_HOST = 'a'", "mail()", "mail"),
        ("LOGIN_URL = '/'", "auth()", "auth"),
        ("JOBS_THREADS = 1", "jobs(", "jobs"),
        ("CACHE_URL = 'memory:'", "cache()", "cache"),
        ("CHANNEL_HISTORY = 1", "realtime()", "realtime"),
        ("LIVE_RENDERS = 1", "realtime()", "realtime"),
        ("WEBSOCKET_PING_SECONDS = 1", "websockets()", "websockets"),
        ("LIMITS_URL = 'memory:'", "limits()", "limits"),
    ] {
        let error = start_error(App::new(Router::new()), &format!("{SETTINGS}\n{setting}"));
        let remedies = [format!("App::new(urls).{call}"), format!("features = [\"{feature}\"]")];
        assert!(remedies.iter().all(|remedy| error.contains(remedy)), "{setting}: {error}");
    }
}

#[cfg(all(feature = "mail", feature = "auth"))]
#[test]
fn batteries_that_are_not_installed_add_nothing() {
    let client = Client::with_settings(App::new(Router::new()), SETTINGS);
    for middleware in ["MailMiddleware", "AuthMiddleware"] {
        assert!(client.app().middleware().all(|name| name != middleware), "{middleware}");
    }
    let migrations = client.app().state::<Migrations>().unwrap().status(client.database()).unwrap();
    assert!(migrations.iter().all(|migration| migration.name.starts_with("sessions/")), "{migrations:?}");
    assert!(client.try_command("sendtestmail", &["alice@example.com"]).is_err());
    let mailed = |req: &mut Request| req.send_mail(Mail::to("alice@example.com").subject("Hello").text("How are you?"));
    let client = Client::with_settings(App::new(Router::new().post("/", mailed)), &format!("{SETTINGS}\nDEBUG = true"));
    client.post("/").send().assert_status(500).assert_contains("Write App::new(urls).mail()");
}
