//! Lback, seen from outside: whole applications with sessions and a database, asked through the test client.

#![expect(unreachable_pub, reason = "tests have no public API")]

#[cfg(feature = "admin")]
mod admin;
mod after_commit;
#[cfg(feature = "api")]
mod api;
#[cfg(feature = "auth")]
mod auth;
mod batteries;
mod before_commit;
#[cfg(all(feature = "cache", feature = "models"))]
mod cache;
#[cfg(feature = "realtime")]
mod channels;
mod commands;
#[cfg(feature = "compression")]
mod compression;
mod cors;
mod csrf;
#[cfg(feature = "sqlite")]
mod databases;
mod debug;
#[cfg(feature = "auth")]
mod error_pages;
mod gate;
#[cfg(feature = "jobs")]
mod jobs;
mod joins;
#[cfg(feature = "limits")]
mod limits;
#[cfg(feature = "realtime")]
mod live;
mod logs;
#[cfg(all(feature = "jobs", feature = "mail"))]
mod mail;
mod migrations;
#[cfg(feature = "models")]
mod models;
mod monitoring;
mod notices;
#[cfg(feature = "postgres")]
mod postgres;
mod processes;
mod proxies;
mod queries;
mod schema;
mod server_process;
mod sessions;
mod signals;
mod statements;
mod templates;
mod testing;
#[cfg(all(feature = "models", feature = "time-zones"))]
mod time_zones;
mod toolbar;
mod traces;
mod unit_of_work;
mod views;
#[cfg(feature = "websockets")]
mod websockets;

use std::panic::{AssertUnwindSafe, catch_unwind};

use lback::App;
use lback::testing::Client;

/// Returns the setting of a database of PostgreSQL, if there is a server.
#[cfg(any(feature = "limits", all(feature = "cache", feature = "models")))]
fn postgres_url() -> Option<String> {
    #[cfg(feature = "postgres")]
    return postgres::url();
    #[cfg(not(feature = "postgres"))]
    None
}

/// Runs statements on a connection of the test's own.
fn sql(client: &Client, statements: &str) {
    use lback::diesel::connection::SimpleConnection;
    client.db(|db| db.batch_execute(statements));
}

/// The number that a `SELECT` returns, as a connection of the test's own sees it.
fn number(client: &Client, select: &str) -> i64 {
    use lback::diesel::dsl::sql;
    use lback::diesel::prelude::*;
    client.db(|db| lback::diesel::select(sql::<lback::diesel::sql_types::BigInt>(&format!("({select})"))).get_result(db))
}

/// What the start says of an application that cannot start.
fn start_error(app: App, settings: &str) -> String {
    match catch_unwind(AssertUnwindSafe(|| Client::with_settings(app, settings))) {
        Ok(_) => panic!("the application should not start with {settings}"),
        Err(panic) => panic.downcast_ref::<String>().expect("a panic with a message").clone(),
    }
}
