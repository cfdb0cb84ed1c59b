//! What the start says where the database cannot be reached.

use std::thread;

use lback::db::{Database, DbSettings};
use lback::settings::Secret;
use lback_test_servers::{Postgres, free_port};

use super::database_url;
use crate::commands::{process, project};

fn why(url: &str) -> String {
    let settings = DbSettings { database_url: Secret::new(url), database_connect_timeout_seconds: 2, ..DbSettings::default() };
    match Database::open(&settings, std::path::Path::new(".")) {
        Ok(_) => panic!("{url} should not be reached"),
        Err(error) => format!("{error} {error:?}"),
    }
}

#[test]
fn each_fault_is_named_with_its_mend_and_without_the_password() {
    let Some(server) = Postgres::shared() else { return };
    let (port, nobody) = (server.port(), free_port().unwrap());
    for (url, parts) in [
        (format!("postgres://lback:geheim@127.0.0.1:{port}/postgres"), ["password", "DATABASE_URL is wrong"]),
        (format!("postgres://lback@127.0.0.1:{port}/postgres"), ["password", "DATABASE_URL has no password"]),
        (format!("postgres://nobody:geheim@127.0.0.1:{port}/postgres"), ["nobody", "DATABASE_URL is wrong"]),
        (format!("postgres://lback:lback@127.0.0.1:{port}/nowhere"), ["nowhere", "createdb"]),
        (format!("postgres://lback:geheim@no-such-host.invalid:{port}/postgres"), ["no-such-host.invalid", "Correct the host"]),
        (format!("postgres://lback:geheim@127.0.0.1:{nobody}/postgres"), ["127.0.0.1", "Start the PostgreSQL server"]),
        (format!("postgres://lback:geheim@127.0.0.1:{port}/postgres?sslmode=require"), ["SSL", "sslmode"]),
        (format!("postgres://lback:geheim@127.0.0.1:{port}/postgres?colour=red"), ["colour", "after the ?"]),
        ("postgres://lback:gehe/im@127.0.0.1/postgres".to_owned(), ["%2F", "DATABASE_URL"]),
        ("mysql://lback:geheim@127.0.0.1/shop".to_owned(), ["sqlite:", "postgres:"]),
    ] {
        let said = why(&url);
        for part in parts {
            assert!(said.contains(part), "{part} is missing: {said}");
        }
        for secret in ["geheim", "gehe"] {
            assert!(!said.contains(secret), "{said}");
        }
    }
}

#[test]
fn a_database_that_takes_no_more_connections_is_named() {
    let Some(server) = Postgres::shared() else { return };
    server.sql("postgres", "CREATE USER narrow PASSWORD 'geheim'");
    server.sql("postgres", "CREATE DATABASE narrow CONNECTION LIMIT 0");
    let said = why(&server.url("narrow").replace("lback:lback", "narrow:geheim"));
    assert!(said.contains("too many connections") && said.contains("CONNECTION LIMIT") && !said.contains("geheim"), "{said}");
}

/// Nothing is left connecting when a program ends: libpq's libraries are torn down then, and it would crash.
#[test]
fn a_command_that_is_over_at_once_ends_well() {
    let Some(server) = Postgres::shared() else { return };
    let project = project(&database_url(&server.url("postgres")));
    let ends_well = || {
        let output = process(&project, "showmigrations").output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..30).for_each(|_| ends_well()));
        }
    });
}
