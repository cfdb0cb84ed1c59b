//! The database: its connections, the transaction of a request, and the commands for migrations.

use lback_core::middleware::Slot;
use lback_core::{Application, ProgramError, ProgramResult, Result, Settings};
use lback_db::{Database, DbSessionMiddleware, DbSettings, MigrationStatus, Migrations, SqlPanel};

use crate::battery::{Battery, Setup};
use crate::command::{copydata, dbshell, migrate, rollback, showmigrations, sqlmigrate, squashmigrations};
use crate::migrate::{debug_section, differences, migrations, require_migrations};
use crate::{CommandSpec, InfoPage, InfoRow, InfoTable};

pub(crate) struct DatabaseBattery;

impl Battery for DatabaseBattery {
    fn name(&self) -> &'static str {
        "database"
    }

    fn settings(&self, settings: &mut Settings) {
        settings.declare::<DbSettings>();
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![
            migrate::command(),
            rollback::command(),
            showmigrations::command(),
            sqlmigrate::command(),
            squashmigrations::command(),
            dbshell::command(),
            copydata::command(),
        ]
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        let settings = setup.settings();
        let database = Database::open_with_clock(&settings.section::<DbSettings>()?, settings.root(), setup.clock_in_use().clone())?;
        setup.middleware(Slot::Unit, DbSessionMiddleware::new(database.clone()));
        setup.state(database.clone());
        setup.debug_section(|req| debug_section(req.app()));
        setup.toolbar_panel(SqlPanel);
        super::database_health::install(setup, &database);
        setup.info_page(InfoPage::new("migrations", "Migrations", |req| migrations_table(req.app())));
        setup.info_page(InfoPage::new("database", "Database", |req| database_table(req.app())));
        setup.checks(move |app, checks| {
            let connected = database.get().map(drop);
            checks.add(format!("database ({})", database.pool_stats()), connected);
            checks.add("migrations", functions(app).and_then(|()| require_migrations(app)));
            checks.add("SQL of applied migrations", changed_migrations(app));
            if checks.deploy() {
                checks.add("effects of pending migrations on the running release", risks(app));
            }
            checks.add("tables", tables(app));
            #[cfg(feature = "postgres")]
            if database.kind() == lback_db::Kind::Postgres && app.time_zone() != lback_core::TimeZone::UTC {
                checks.add("TIME_ZONE", time_zone(app, &database));
            }
        });
        Ok(())
    }
}

/// Returns the migrations, the latest first.
fn migrations_table(app: &Application) -> Result<InfoTable> {
    let (Some(migrations), Some(database)) = (app.state::<Migrations>(), app.state::<Database>()) else { return Ok(InfoTable::default()) };
    let mut all = migrations.status(database)?;
    all.reverse();
    let row = |migration: MigrationStatus| {
        let note = match (migration.changed, migration.is_late) {
            (Some(file), _) => format!("its SQL was changed: {file}"),
            (None, true) => "older than one that is applied".to_owned(),
            (None, false) => String::new(),
        };
        InfoRow::new([migration.name, format!("{:?}", migration.state).to_lowercase(), note])
    };
    Ok(InfoTable::new(["Migration", "State", "Note"]).rows(all.into_iter().map(row)))
}

/// Returns the kind of the database and the use of its connections.
fn database_table(app: &Application) -> Result<InfoTable> {
    let Some(database) = app.state::<Database>() else { return Ok(InfoTable::default()) };
    let rows = [InfoRow::new(["Kind", database.kind().name()]), InfoRow::new(["Connections", &database.pool_stats().to_string()])];
    Ok(InfoTable::new(["", ""]).rows(rows))
}

/// Checks that the SQL of applied migrations is unchanged.
fn changed_migrations(app: &Application) -> ProgramResult {
    let Some(database) = app.state::<Database>() else { return Ok(()) };
    let changed: Vec<String> = migrations(app)?.status(database)?.into_iter().filter_map(|migration| migration.changed).collect();
    if changed.is_empty() {
        return Ok(());
    }
    Err(ProgramError::new(format!(
        "applied migrations were edited, which has no effect on the database: {}. Restore their SQL, and make the change in a new \
         migration: lback makemigrations NAME",
        changed.join(", ")
    )))
}

/// Checks that PostgreSQL, which has a database of time zones of its own, knows that of the settings.
#[cfg(feature = "postgres")]
fn time_zone(app: &Application, database: &Database) -> ProgramResult {
    use lback_db::diesel::{RunQueryDsl, sql_query};
    let zone = lback_db::expressions::name_on_postgres(app.time_zone());
    let known = sql_query(format!("SELECT now() AT TIME ZONE '{zone}'")).execute(&mut *database.get()?);
    known.map(drop).map_err(|error| {
        ProgramError::new(format!(
            "PostgreSQL cannot use {zone}: {error}. Update its time zones (Debian: apt-get install tzdata tzdata-legacy), or write \
             another name of this time zone"
        ))
    })
}

/// Checks that the functions that migrations run are registered.
fn functions(app: &Application) -> ProgramResult {
    let Some(database) = app.state::<Database>() else { return Ok(()) };
    Ok(migrations(app)?.check_functions(database.kind())?)
}

/// Checks that pending migrations do not disturb the release that is running.
fn risks(app: &Application) -> ProgramResult {
    let Some(database) = app.state::<Database>() else { return Ok(()) };
    let risks = migrations(app)?.risks(database)?;
    if risks.is_empty() {
        return Ok(());
    }
    Err(ProgramError::new(format!(
        "{}. Write the line \"-- lback: reviewed\" above a statement for which this does not matter",
        risks.join(". ")
    )))
}

/// Checks that the database matches the `diesel::table!` declarations.
fn tables(app: &Application) -> ProgramResult {
    let differences = differences(app)?;
    if differences.is_empty() {
        return Ok(());
    }
    Err(ProgramError::new(format!("{}. Write a migration (lback makemigrations NAME), or correct diesel::table!", differences.join("; "))))
}
