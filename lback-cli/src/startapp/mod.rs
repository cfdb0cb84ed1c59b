//! `lback startapp`.

mod pattern;
mod register;

use std::fs;
use std::path::{Path, PathBuf};

use crate::database::migration_folders;
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::name::{self, Kind};
use crate::staging::{Moves, Staging};
use crate::{migration, output, project};

/// Adds the app `name` to the project. Everything is prepared before anything is changed, and if a step fails, the earlier
/// ones are reverted.
///
/// If `register` is false, the lines that register the app are printed instead of added.
pub fn run(name: &str, register: bool) -> Result<()> {
    name::check(Kind::App, name)?;
    let root = project::root()?;
    check_does_not_exist(&root, name)?;
    let folders = migration_folders(&root);
    let migration = migration::folder_name(&folders, &format!("create_{name}"))?;

    let changes = if register { Some(Changes::prepare(&root, name)?) } else { None };
    let lists_table = changes.as_ref().is_some_and(|changes| changes.lists_table);

    let staging = Staging::with_files(&root, &pattern::files(name, &folders))?;
    let mut moves = Moves::default();
    let mut places = vec![("src", format!("src/{name}")), ("templates", format!("templates/{name}"))];
    places.extend(folders.iter().map(|folder| (folder.shown, format!("{}/{migration}", folder.shown))));
    for (staged, place) in places {
        let place = root.join(place);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).map_err(|error| Error::io("create the folder", parent, error))?;
        }
        moves.rename(&staging.path().join(staged), place)?;
    }
    if let Some(changes) = changes {
        changes.apply()?;
    }
    moves.keep();
    let migrations: Vec<String> = folders.iter().map(|folder| format!("{}/{migration}", folder.shown)).collect();
    let created = format!("Created src/{name}, templates/{name} and {}", migrations.join(", "));
    let table = format!("Its table is a draft: adapt the columns in its up.sql and in src/{name}/models.rs. Then run:");
    output::text(&if register {
        let list = match lists_table {
            true => String::new(),
            false => format!(
                "To let lback check include its table, register it in src/main.rs: App::tables(tables![{}])\n\n",
                register::table_path(name)
            ),
        };
        format!(
            "{created}, and registered the app in src/main.rs and src/urls.rs.\n\n{list}{table}\n\n  lback migrate\n  lback runserver\n\nThen \
             open /{name}\n"
        )
    } else {
        format!("{created}. Register the app with these lines:\n\n{}\n\n{table}\n\n  lback migrate\n", lines(name))
    })
}

/// The changes to the two files in which an app is registered.
struct Changes {
    main: Change,
    urls: Change,
    /// Whether `src/main.rs` has a list of tables, to which the app's table is added.
    lists_table: bool,
}

struct Change {
    path: PathBuf,
    before: String,
    after: String,
}

impl Changes {
    fn prepare(root: &Path, name: &str) -> Result<Self> {
        let read = |file: &str| fs::read_to_string(root.join(file)).map_err(|error| Error::io("read", &root.join(file), error));
        let (main, urls) = (read("src/main.rs")?, read("src/urls.rs")?);
        if register::has_path(&urls, name) {
            return Err(Error::new(
                format!("src/urls.rs already has the path \"/{name}\""),
                "Nothing was changed. Choose another name, or remove that route.",
            ));
        }
        let new_main =
            register::module(&main, name).ok_or_else(|| not_registrable("src/main.rs has no line such as `mod views;`", name))?;
        let new_urls = register::include(&urls, name)
            .ok_or_else(|| not_registrable("src/urls.rs has no `pub fn urls() -> Router {` that ends with a list of routes", name))?;
        let with_table = register::table(&new_main, name);
        let lists_table = with_table.is_some();
        let new_main = with_table.unwrap_or(new_main);
        Ok(Changes {
            lists_table,
            main: Change { path: root.join("src/main.rs"), before: main, after: new_main },
            urls: Change { path: root.join("src/urls.rs"), before: urls, after: new_urls },
        })
    }

    /// Applies the changes. The module is added first, because it compiles without its route, but not the other way round.
    fn apply(self) -> Result<()> {
        let main = Edit::apply(&self.main.path, self.main.before, &self.main.after)?;
        Edit::apply(&self.urls.path, self.urls.before, &self.urls.after)?.keep();
        main.keep();
        Ok(())
    }
}

fn check_does_not_exist(root: &Path, name: &str) -> Result<()> {
    for place in [format!("src/{name}"), format!("src/{name}.rs"), format!("templates/{name}")] {
        if fs::symlink_metadata(root.join(&place)).is_ok() {
            return Err(Error::new(
                format!("{place} already exists"),
                "Nothing was changed. Choose another name for the app, or move the file or folder elsewhere.",
            ));
        }
    }
    Ok(())
}

/// Returns the error for a project whose code cannot be edited automatically.
fn not_registrable(problem: &str, name: &str) -> Error {
    Error::new(
        format!("{problem}, so the app cannot be registered"),
        format!(
            "Nothing was changed. Create the app with `lback startapp {name} --no-register`, and add these lines yourself:\n\n{}",
            lines(name)
        ),
    )
}

/// Returns the lines that register an app.
fn lines(name: &str) -> String {
    format!(
        "  src/main.rs   {}\n                .tables(tables![{}])\n  src/urls.rs   {}",
        register::module_line(name),
        register::table_path(name),
        register::include_line(name)
    )
}
