//! The battery that adds models to an application.

use lback_app::{App, Battery, Checks, CommandSpec, Setup};
use lback_core::{Application, DebugSection, ProgramResult};
use lback_db::{Database, Migrations};

use crate::data::{dumpdata, loaddata};
use crate::inspect::inspectdb;
use crate::migrate::{Dialect, FILE, Schema, adddatabase, check_database, check_migrations, check_models, makemigrations};
use crate::registry::{ModelList, Models};
use crate::sealed::Sealed;

/// Adds models to [`App`].
pub trait AppModels: Sealed {
    /// Adds models of the application. `makemigrations` writes the migrations that create their tables.
    ///
    /// ```
    /// use lback::prelude::*;
    ///
    /// #[derive(Model, Clone, Debug)]
    /// pub struct Note {
    ///     pub id: i64,
    ///     pub text: String,
    /// }
    ///
    /// # let urls = Router::new();
    /// let app = App::new(urls).models(models![Note]);
    /// # let _ = app;
    /// ```
    fn models(self, models: ModelList) -> Self;
}

impl AppModels for App {
    fn models(mut self, models: ModelList) -> Self {
        self.battery_mut::<ModelsBattery>().models.add(models);
        self
    }
}

#[derive(Default)]
struct ModelsBattery {
    models: Models,
}

impl Battery for ModelsBattery {
    fn name(&self) -> &'static str {
        "models"
    }

    fn requires(&self) -> &'static [&'static str] {
        &["database"]
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![makemigrations(), adddatabase(), dumpdata(), loaddata(), inspectdb()]
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        setup.state(self.models);
        setup.checks(check);
        setup.debug_section(|req| {
            let change = unwritten_change(req.app())?;
            Some(DebugSection { title: "Models".to_owned(), rows: vec![("changed".to_owned(), change)], is_cause: true })
        });
        setup.after_migrate(|app, _| {
            if app.config().debug
                && let Some(change) = unwritten_change(app)
            {
                tracing::warn!(target: "lback::models", "{change}");
            }
            Ok(())
        });
        Ok(())
    }
}

/// Returns the changes of the models that have no migration yet.
fn unwritten_change(app: &Application) -> Option<String> {
    let schema = Schema::of(app.state::<Models>()?.iter().map(|model| model.meta()));
    check_models(&schema, &app.root().join("migrations")).err().map(|error| error.to_string())
}

/// Compares the models, their migrations and the tables of the database.
fn check(app: &Application, checks: &mut Checks) {
    let (Some(models), Some(database)) = (app.state::<Models>(), app.state::<Database>()) else { return };
    let schema = Schema::of(models.iter().map(|model| model.meta()));
    let folder = app.root().join("migrations");
    // The models of batteries have migrations of their own.
    if schema.tables.is_empty() && !folder.join(FILE).exists() {
        return;
    }
    checks.add("models", check_models(&schema, &folder));
    let Some(migrations) = app.state::<Migrations>() else { return };
    checks.add("migrations of the models", check_migrations(&folder, migrations, Dialect::of(database.kind())));
    // While migrations are pending, the tables differ, and another check says why.
    let tables = || match migrations.pending(database)?.is_empty() {
        true => check_database(&schema, &mut *database.get()?),
        false => Ok(()),
    };
    checks.add("tables of the models", tables());
}
