//! The battery that adds the commands and the table of APIs to an application.

use std::time::Duration;

use lback_app::{App, Battery, Command, CommandSpec, Setup};
use lback_core::{Application, ProgramError, ProgramResult};
use lback_db::{Database, MigrationSet, Tables};

use serde_json::Value as Json;

use crate::api::DocumentRoute;
use crate::idempotency::{HasKeys, delete_old};
use crate::sealed::Sealed;
use crate::{diff, docs_page, typescript};

/// The interval between deletions of expired keys of requests.
const PAUSE: Duration = Duration::from_secs(10 * 60);

/// Adds APIs to [`App`].
pub trait AppApi: Sealed {
    /// Adds the table of the header `Idempotency-Key`, the templates of the page `/docs`, and the command `api`: `api schema` prints the
    /// OpenAPI document of an API, `api diff` prints what has changed in it, and `api client typescript` prints a client.
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
        let about = "schema|diff|client …  prints the document of an API, its changes, or a client for it
api schema [PATH]             prints the OpenAPI document
api diff OLD [PATH]           prints the changes since the file OLD, which api schema has printed, and fails if some break clients
api client typescript [PATH]  prints a client in TypeScript
PATH is that of the API, such as /api. It may be left out if there is one API.";
        vec![CommandSpec::new("api", about, run).arguments(|arguments| Task::of(arguments).map(drop))]
    }

    fn migrations(&self) -> Option<MigrationSet> {
        Some(crate::MIGRATIONS)
    }

    fn tables(&self) -> Tables {
        crate::tables()
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        for (name, text) in docs_page::TEMPLATES {
            setup.template(name, text);
        }
        setup.state(HasKeys);
        setup.every(PAUSE, |app| async move {
            let Some(database) = app.state::<Database>().cloned() else { return Ok(()) };
            let now = app.clock().now();
            database.run_write(move |db| delete_old(db, now)).await.map(drop)
        });
        Ok(())
    }
}

/// The task of the command.
#[derive(Clone, Copy)]
enum Task<'a> {
    Schema,
    Diff { old: &'a str },
    TypeScript,
}

impl<'a> Task<'a> {
    /// Reads the arguments: the task, and the path of the API.
    fn of(arguments: &[&'a str]) -> Result<(Self, Option<&'a str>), String> {
        let (task, path) = match arguments {
            ["schema", path @ ..] => (Task::Schema, path),
            ["diff", old, path @ ..] => (Task::Diff { old }, path),
            ["client", "typescript", path @ ..] => (Task::TypeScript, path),
            _ => return Err("write: api schema [PATH], api diff OLD [PATH] or api client typescript [PATH]".to_owned()),
        };
        match path {
            [] => Ok((task, None)),
            [path] if path.starts_with('/') => Ok((task, Some(*path))),
            _ => Err(format!("the path of an API begins with a slash, and is the last argument, unlike \"{}\"", path.join(" "))),
        }
    }
}

fn run(command: &mut Command) -> ProgramResult {
    let arguments = command.arguments().to_vec();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (task, path) = Task::of(&arguments).map_err(ProgramError::usage)?;
    let document = find(command.app(), path)?;
    match task {
        Task::Schema => Ok(command.try_print(serde_json::to_string_pretty(&document)?)?),
        Task::Diff { old } => print_changes(command, old, &document),
        Task::TypeScript => Ok(command.try_print(typescript::client(&document).trim_end())?),
    }
}

/// Returns the document of the API at a path, or of the only one.
fn find(app: &Application, wanted: Option<&str>) -> ProgramResult<Json> {
    let routes = app.routes().iter().filter_map(|route| Some((route.option::<DocumentRoute>()?, DocumentRoute::prefix(route.pattern()))));
    let apis: Vec<(&DocumentRoute, &str)> = routes.collect();
    let paths: Vec<&str> = apis.iter().map(|(_, path)| *path).collect();
    let (document, path) = match (wanted, apis.as_slice()) {
        (_, []) => return Err(ProgramError::new("the application has no API: add one, as in Router::new().include(\"/api\", api.urls())")),
        (None, [one]) => one,
        (None, _) => return Err(ProgramError::new(format!("the application has several APIs: name one, {}", paths.join(" or ")))),
        (Some(path), _) => match apis.iter().find(|(_, known)| *known == path.trim_end_matches('/')) {
            Some(found) => found,
            None => return Err(ProgramError::new(format!("there is no API at {path}; there is {}", paths.join(", ")))),
        },
    };
    Ok(document.document(app, path))
}

fn print_changes(command: &mut Command, path: &str, new: &Json) -> ProgramResult {
    let unreadable = |problem: String| {
        ProgramError::new(format!(
            "cannot compare with {path}: {problem}. Compare with a file that api schema has printed: api schema > {path}"
        ))
    };
    let old = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    let changes = diff::changes(&diff::read(&old).map_err(unreadable)?, new);
    for change in &changes {
        command.try_print(change)?;
    }
    match changes.iter().filter(|change| change.is_breaking).count() {
        0 if changes.is_empty() => Ok(command.try_print("no changes")?),
        0 => Ok(()),
        1 => Err(ProgramError::new("1 change breaks clients of the API")),
        count => Err(ProgramError::new(format!("{count} changes break clients of the API"))),
    }
}
