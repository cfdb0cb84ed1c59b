//! Integration tests of the core: whole applications, accessed through the test client or over sockets.

mod arbitrary_input;
mod bodies;
mod client;
mod client_addr;
#[cfg(feature = "compression")]
mod compression;
mod cookies;
mod csp;
mod early_answers;
mod events;
mod half_close;
mod hostile;
mod http2;
mod live_reload;
mod middleware;
mod open_files;
mod routing;
mod server;
mod signals;
mod slow_clients;
mod stuck_views;
mod typed_input;
mod upgrade;
mod views;
mod written;
mod wrong_settings;

use std::sync::Arc;

use lback_core::middleware::{BodyReader, Errors, Stack, Timeout};
use lback_core::testing::Client;
use lback_core::{Application, Assembly, ProgramResult, Router, Settings};

const SECRET: &str = "the secret key of the tests, long enough";

fn settings(toml: &str) -> Settings {
    let key = if toml.contains("SECRET_KEY =") { String::new() } else { format!("SECRET_KEY = '{SECRET}'\n") };
    Settings::from_toml(env!("CARGO_MANIFEST_DIR"), &format!("{key}{toml}")).unwrap()
}

/// Builds an application with `stack` around its routes.
fn assemble(router: Router, toml: &str, stack: impl FnOnce(&mut Stack) -> &mut Stack) -> ProgramResult<Arc<Application>> {
    let mut assembly = Assembly::new(router, settings(toml));
    stack(assembly.stack_mut());
    assembly.build()
}

/// Builds an application with the middleware that every application has.
fn app_with(router: Router, toml: &str) -> Arc<Application> {
    assemble(router, toml, |stack| stack.push(Errors).push(BodyReader).push(Timeout)).unwrap()
}

fn app(router: Router) -> Arc<Application> {
    app_with(router, "")
}

fn client(router: Router) -> Client {
    Client::new(app(router))
}

/// Returns the error of an application that cannot start.
fn start_error(router: Router) -> String {
    match assemble(router, "", |stack| stack) {
        Ok(_) => panic!("the application should not start"),
        Err(error) => error.to_string(),
    }
}
