//! The battery that adds the commands of the API to an application.

use std::sync::Arc;
use std::time::Duration;

use lback_app::{App, Battery, Command, CommandSpec, Setup};
use lback_core::{ProgramError, ProgramResult};
use lback_db::{Database, MigrationSet, Tables};

use crate::api::DocumentRoute;
use crate::idempotency::{HasKeys, delete_old};
use crate::sealed::Sealed;

/// The interval between deletions of expired keys of requests.
const PAUSE: Duration = Duration::from_secs(10 * 60);

/// Adds the commands of APIs to [`App`].
pub trait AppApi: Sealed {
    /// Adds the table of the header `Idempotency-Key`, and the command `api schema`, which prints the OpenAPI document of an API.
    ///
    /// ```no_run
    /// use lback::prelude::*;
    ///
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Post { pub id: i64, pub title: String }
    /// fn main() {
    ///     let api = Api::new("Blog", "1").resource::<Post>(|post| post.fields(["id", "title"]));
    ///     App::new(Router::new().include("/api", api.urls())).models(models![Post]).auth().api().main()
    /// }
    /// ```
    fn api(self) -> Self;
}

impl AppApi for App {
    fn api(self) -> Self {
        self.with(ApiBattery)
    }
}

struct ApiBattery;

impl Battery for ApiBattery {
    fn name(&self) -> &'static str {
        "api"
    }

    fn commands(&self) -> Vec<CommandSpec> {
        let about = "schema [PATH]  prints the OpenAPI document of an API
PATH is that of the API, such as /api. It may be left out if there is one API.";
        vec![CommandSpec::new("api", about, print_schema).arguments(accepts)]
    }

    fn migrations(&self) -> Option<MigrationSet> {
        Some(crate::MIGRATIONS)
    }

    fn tables(&self) -> Tables {
        crate::tables()
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        setup.state(HasKeys);
        setup.every(PAUSE, |app| async move {
            let Some(database) = app.state::<Database>().cloned() else { return Ok(()) };
            let now = app.clock().now();
            database.run_write(move |db| delete_old(db, now)).await.map(drop)
        });
        Ok(())
    }
}

fn accepts(arguments: &[&str]) -> Result<(), String> {
    match arguments {
        ["schema"] => Ok(()),
        ["schema", path] if path.starts_with('/') => Ok(()),
        _ => Err("write: api schema [PATH]".to_owned()),
    }
}

fn print_schema(command: &mut Command) -> ProgramResult {
    let wanted: Option<String> = command.argument(1)?;
    let app = Arc::clone(command.app());
    let routes = app.routes().iter().filter_map(|route| Some((route.option::<DocumentRoute>()?, route.pattern())));
    let apis: Vec<(&DocumentRoute, String)> =
        routes.map(|(document, pattern)| (document, DocumentRoute::prefix(pattern).to_owned())).collect();
    let paths: Vec<&str> = apis.iter().map(|(_, path)| path.as_str()).collect();
    let found = match (&wanted, apis.as_slice()) {
        (_, []) => return Err(ProgramError::new("the application has no API: add one, as in Router::new().include(\"/api\", api.urls())")),
        (None, [one]) => one,
        (None, _) => return Err(ProgramError::new(format!("the application has several APIs: name one, {}", paths.join(" or ")))),
        (Some(path), _) => match apis.iter().find(|(_, known)| known == path.trim_end_matches('/')) {
            Some(found) => found,
            None => return Err(ProgramError::new(format!("there is no API at {path}; there is {}", paths.join(", ")))),
        },
    };
    let (document, path) = found;
    Ok(command.try_print(document.text(&app, path)?)?)
}
