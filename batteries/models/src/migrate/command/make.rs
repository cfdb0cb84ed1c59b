//! Creates the migration that brings the tables up to date with the models.

use std::fmt;
use std::path::Path;

use chrono::{DateTime, Duration, Utc};
use lback_core::{Error, Result};
use lback_db::{Database, Migrations};

use super::arguments::Arguments;
use super::files::Files;
use super::folders::{Folder, Names, folder_name, folders};
use super::merge::merge;
use super::questioner::{Ask, Questioner};
use crate::migrate::check::{self, read_schema};
use crate::migrate::{Dialect, Options, Plan, Schema, Sql, introspect, plan, plan_back, render};

/// The run of `makemigrations`.
pub struct Make<'a> {
    /// The schema of the application's own models.
    pub models: &'a Schema,
    /// The project's folder `migrations`.
    pub folder: &'a Path,
    /// The database in the settings, for which migrations are if the folder has none for each database.
    pub dialect: Dialect,
    /// The database in the settings, whose tables can be adopted.
    pub database: Option<&'a Database>,
    /// The migrations of the application, which a merge applies to an empty database.
    pub migrations: Option<&'a Migrations>,
    /// The current time, which the name of the migration begins with.
    pub now: DateTime<Utc>,
    /// The arguments after the name of the command.
    pub arguments: &'a [String],
    /// Asks a question at the terminal and returns the answer. `None` if there is no terminal.
    pub ask: Option<Ask<'a>>,
    /// Prints a line.
    pub print: &'a mut dyn FnMut(&str),
}

impl fmt::Debug for Make<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Make").field("folder", &self.folder).field("arguments", &self.arguments).finish_non_exhaustive()
    }
}

/// The text of `metadata.toml` beside SQL that a transaction does not allow.
const WITHOUT_TRANSACTION: &str = "run_in_transaction = false\n";

/// A migration to be written.
struct Migration<'a> {
    folder: &'a Folder,
    name: String,
    up: String,
    down: String,
    in_transaction: bool,
}

impl Make<'_> {
    /// Creates the migration, and prints what was created.
    ///
    /// # Errors
    /// Returns an error if an argument is invalid, `models.json` is damaged, an answer is missing and there is no terminal to ask at, or a
    /// file cannot be written. Nothing was created then.
    pub fn run(self) -> Result<()> {
        let arguments = Arguments::parse(self.arguments).map_err(Error::bad_request)?;
        if arguments.merge {
            return merge(self);
        }
        let mut old = read_schema(self.folder)?;
        if arguments.check {
            return check::check_models(self.models, self.folder);
        }
        let folders = folders(self.folder, self.dialect);
        let names = Names::read(&folders)?;
        if let Some(same) = arguments.name.as_deref().and_then(|name| names.find(name)) {
            return Err(Error::bad_request(format!(
                "a migration with this name already exists: {same}. Choose another name, or edit that one"
            )));
        }
        let has_models = !(self.models.tables.is_empty() && old.tables.is_empty());
        if arguments.empty || !has_models {
            return empty(&arguments, &folders, &names, self.now, self.print);
        }
        adopt(&arguments.adopted, &mut old, self.models, self.database)?;
        let ask = if arguments.no_input { None } else { self.ask };
        let mut questioner = Questioner::new(&arguments, ask);
        let plan = plan(&old, self.models, &mut questioner);
        // A misspelled name says more than what follows from it.
        questioner.check_renames()?;
        let plan = plan.map_err(|error| Error::bad_request(format!("{}{}", error.message(), questioner.rename_hint())))?;
        questioner.check_values()?;
        if plan.is_empty() {
            if !arguments.adopted.is_empty() && !arguments.dry_run {
                Files::replace(&self.folder.join(check::FILE), &self.models.to_json())?;
                (self.print)(&format!("Adopted {}. Its models need no changes of the tables.", arguments.adopted.join(", ")));
                return Ok(());
            }
            (self.print)("No changes.");
            if arguments.name.is_some() {
                (self.print)("For a migration of your own, write: makemigrations NAME --empty");
            }
            return Ok(());
        }
        if !arguments.dry_run && !arguments.allow_data_loss {
            confirm_losses(&plan, &mut questioner)?;
        }
        let name = arguments.name.clone().unwrap_or_else(|| names.free(&plan.name()));
        let back = plan_back(&old, self.models, &plan)?;
        let migrations = migrations(&plan, &back, &folders, names.next_time(self.now), &name, arguments.concurrently);
        if arguments.dry_run {
            migrations.iter().for_each(|migration| print_sql(migration, self.print));
        } else {
            write(&migrations, self.folder, self.models)?;
            print_created(&migrations, &plan, self.print);
        }
        Ok(())
    }
}

/// Adds existing tables, which were not created by a migration of their model, to the schema before the changes.
fn adopt(tables: &[String], old: &mut Schema, models: &Schema, database: Option<&Database>) -> Result<()> {
    for name in tables {
        if !models.tables.contains_key(name) {
            return Err(Error::bad_request(format!("--adopt {name}: no model has this table")));
        }
        if old.tables.contains_key(name) {
            return Err(Error::bad_request(format!("--adopt {name}: the table has a migration of its model already")));
        }
        let database = database.ok_or_else(|| Error::bad_request(format!("--adopt {name}: there is no database")))?;
        let mut found = introspect(&mut *database.get()?, [name.as_str()], models)?;
        let Some(table) = found.tables.remove(name) else {
            return Err(Error::bad_request(format!(
                "--adopt {name}: the database has no such table. Without the option, a migration creates it"
            )));
        };
        old.tables.insert(name.clone(), table);
    }
    Ok(())
}

/// Creates a migration without SQL.
fn empty(arguments: &Arguments, folders: &[Folder], names: &Names, now: DateTime<Utc>, print: &mut dyn FnMut(&str)) -> Result<()> {
    let Some(name) = &arguments.name else {
        let why = if arguments.empty {
            "an empty migration needs a name"
        } else {
            "this application has no models, so there is nothing to compare"
        };
        return Err(Error::bad_request(format!(
            "{why}. makemigrations add_author_to_posts --empty creates a migration to be filled with SQL"
        )));
    };
    let name = folder_name(names.next_time(now), name);
    let mut files = Files::default();
    for folder in folders {
        files.create(&folder.path, &name, &[("up.sql", ""), ("down.sql", "")])?;
    }
    files.keep();
    for folder in folders {
        print(&format!("Created {}/{name}/up.sql and down.sql", folder.shown));
    }
    print("Write the SQL of the migration into up.sql, and the SQL that reverts it into down.sql. Then run: lback migrate");
    Ok(())
}

/// Asks whether tables and columns are to be deleted.
fn confirm_losses(plan: &Plan, questioner: &mut Questioner<'_>) -> Result<()> {
    let losses = plan.losses();
    if losses.is_empty() {
        return Ok(());
    }
    let what = losses.join(", ");
    match questioner.confirm(&format!("The migration deletes {what}. Create it?")) {
        Some(Ok(true)) => Ok(()),
        Some(Ok(false)) => Err(Error::bad_request("no migration was created")),
        Some(Err(error)) => Err(error),
        None => Err(Error::bad_request(format!(
            "no migration was created: it would delete {what}. If that is intended, add --allow-data-loss{}",
            questioner.rename_hint()
        ))),
    }
}

/// Returns the migrations of a plan: one for each database, and one more for what PostgreSQL runs without a transaction.
fn migrations<'a>(
    plan: &Plan,
    back: &Plan,
    folders: &'a [Folder],
    time: DateTime<Utc>,
    name: &str,
    concurrently: bool,
) -> Vec<Migration<'a>> {
    let mut migrations = Vec::new();
    for folder in folders {
        let up = render(plan, folder.dialect, Options { concurrently, back: false });
        let down = render(back, folder.dialect, Options { concurrently, back: true });
        let (Sql { main: up, after: up_after }, Sql { main: down, after: down_after }) = (up, down);
        migrations.push(Migration { folder, name: folder_name(time, name), up, down, in_transaction: true });
        if up_after.is_some() || down_after.is_some() {
            let nothing = || "-- There is nothing to do.\nSELECT 1;\n".to_owned();
            migrations.push(Migration {
                folder,
                name: folder_name(time + Duration::seconds(1), &format!("{name}_concurrently")),
                up: up_after.unwrap_or_else(nothing),
                down: down_after.unwrap_or_else(nothing),
                in_transaction: false,
            });
        }
    }
    migrations
}

/// Writes the migrations, and then the schema that they lead to.
fn write(migrations: &[Migration<'_>], folder: &Path, schema: &Schema) -> Result<()> {
    let mut files = Files::default();
    for migration in migrations {
        let mut texts = vec![("up.sql", migration.up.as_str()), ("down.sql", migration.down.as_str())];
        if !migration.in_transaction {
            texts.push(("metadata.toml", WITHOUT_TRANSACTION));
        }
        files.create(&migration.folder.path, &migration.name, &texts)?;
    }
    Files::replace(&folder.join(check::FILE), &schema.to_json())?;
    files.keep();
    Ok(())
}

fn print_sql(migration: &Migration<'_>, print: &mut dyn FnMut(&str)) {
    for (file, sql) in [("up.sql", &migration.up), ("down.sql", &migration.down)] {
        print(&format!("-- {}/{}/{file}", migration.folder.shown, migration.name));
        print(sql);
    }
}

fn print_created(migrations: &[Migration<'_>], plan: &Plan, print: &mut dyn FnMut(&str)) {
    for migration in migrations {
        print(&format!("Created {}/{}/up.sql and down.sql", migration.folder.shown, migration.name));
    }
    for loss in plan.losses() {
        print(&format!("It deletes {loss}."));
    }
    print("Look at the SQL, and run: lback migrate");
}
