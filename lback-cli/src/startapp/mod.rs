//! `lback startapp`.

mod model;
mod pattern;
mod register;

use std::fs;
use std::path::{Path, PathBuf};

use self::model::Model;
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::name::{self, Kind};
use crate::staging::{Moves, Staging};
use crate::{output, project};

/// Adds the app `name` to the project, with the model `model`, or with one named after the app.
///
/// Everything is prepared before anything is changed, and if a step fails, the earlier ones are reverted.
///
/// If `register` is false, the lines that register the app are printed instead of added.
pub fn run(name: &str, model: Option<&str>, register: bool) -> Result<()> {
    name::check(Kind::App, name)?;
    let model = Model::of(name, model)?;
    let root = project::root()?;
    check_does_not_exist(&root, name)?;
    let changes = if register { Some(Changes::prepare(&root, name, &model)?) } else { None };
    let lists_model = changes.as_ref().is_some_and(|changes| changes.lists_model);

    let staging = Staging::with_files(&root, &pattern::files(name, &model))?;
    let mut moves = Moves::default();
    for staged in ["src", "templates"] {
        let place = root.join(staged).join(name);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).map_err(|error| Error::io("create the folder", parent, error))?;
        }
        moves.rename(&staging.path().join(staged), place)?;
    }
    if let Some(changes) = changes {
        changes.apply()?;
    }
    moves.keep();
    let created = format!("Created src/{name} and templates/{name}");
    let next = format!(
        "Give the model {} in src/{name}/models.rs the fields that you need. Then run:\n\n  lback makemigrations\n  lback migrate\n",
        model.name
    );
    output::text(&if register {
        let list = match lists_model {
            true => String::new(),
            false => format!("Register its model in src/main.rs: App::models(models![{}])\n\n", register::model_path(name, &model.name)),
        };
        format!("{created}, and registered the app in src/main.rs and src/urls.rs.\n\n{list}{next}  lback runserver\n\nThen open /{name}\n")
    } else {
        format!("{created}. Register the app with these lines:\n\n{}\n\n{next}", lines(name, &model))
    })
}

/// The changes to the two files in which an app is registered.
struct Changes {
    main: Change,
    urls: Change,
    /// Whether `src/main.rs` has a list of models, to which the app's model is added.
    lists_model: bool,
}

struct Change {
    path: PathBuf,
    before: String,
    after: String,
}

impl Changes {
    fn prepare(root: &Path, name: &str, model: &Model) -> Result<Self> {
        let read = |file: &str| fs::read_to_string(root.join(file)).map_err(|error| Error::io("read", &root.join(file), error));
        let (main, urls) = (read("src/main.rs")?, read("src/urls.rs")?);
        if register::has_path(&urls, name) {
            return Err(Error::new(
                format!("src/urls.rs already has the path \"/{name}\""),
                "Nothing was changed. Choose another name, or remove that route.",
            ));
        }
        let new_main =
            register::module(&main, name).ok_or_else(|| not_registrable("src/main.rs has no line such as `mod views;`", name, model))?;
        let new_urls = register::include(&urls, name).ok_or_else(|| {
            not_registrable("src/urls.rs has no `pub fn urls() -> Router {` that ends with a list of routes", name, model)
        })?;
        let with_model = register::model(&new_main, &register::model_path(name, &model.name));
        let lists_model = with_model.is_some();
        let new_main = with_model.unwrap_or(new_main);
        Ok(Changes {
            lists_model,
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
fn not_registrable(problem: &str, name: &str, model: &Model) -> Error {
    Error::new(
        format!("{problem}, so the app cannot be registered"),
        format!(
            "Nothing was changed. Create the app with `lback startapp {name} --no-register`, and add these lines yourself:\n\n{}",
            lines(name, model)
        ),
    )
}

/// Returns the lines that register an app.
fn lines(name: &str, model: &Model) -> String {
    format!(
        "  src/main.rs   {}\n                .models(models![{}])\n  src/urls.rs   {}",
        register::module_line(name),
        register::model_path(name, &model.name),
        register::include_line(name)
    )
}
