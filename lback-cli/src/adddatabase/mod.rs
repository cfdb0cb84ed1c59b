//! `lback adddatabase`: lets a project use another database as well.

mod changes;

use std::fs;
use std::path::Path;

use crate::database::Database;
use crate::delegate;
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::file::text;
use crate::migration::has_code;
use crate::{output, project, startproject};

/// Changes the project, so that its program supports `added` as well.
///
/// The project's own program writes the migrations first, since it knows the models. If it does not compile, nothing is changed.
pub fn run(added: Database) -> Result<()> {
    let root = project::root()?;
    let name = package_name(&root)?;
    let adds_models = |line: &str| !line.trim_start().starts_with("//") && [".models(", ".auth()"].iter().any(|call| line.contains(call));
    if !has_code(&root.join("src"), &|code| code.lines().any(adds_models)) {
        return Err(Error::new(
            "the program of this project has no models, so it cannot write migrations for another database",
            "Add .models(models![]) to App::new(…) in src/main.rs. Migrations that you have written by hand stay yours to translate.",
        ));
    }
    delegate::run_in_project(&root, &["adddatabase", added.name()])?;
    let (mut edits, mut changed, mut by_hand) = (Vec::new(), Vec::new(), Vec::new());
    for change in changes::all(added, &name) {
        let path = root.join(change.file);
        // Without the file, there is nothing to change.
        let Ok(before) = fs::read_to_string(&path) else { continue };
        match (change.apply)(&before) {
            Some(after) if after == before => {}
            Some(after) => {
                edits.push(Edit::apply(&path, before, &after)?);
                changed.push(change.file);
            }
            None => by_hand.push(format!("  {:<24} {}", change.file, change.instead)),
        }
    }
    edits.into_iter().for_each(Edit::keep);
    output::text(&report(added, &name, &changed, &by_hand))
}

/// Returns the name of the project's package.
fn package_name(root: &Path) -> Result<String> {
    let path = root.join("Cargo.toml");
    let cargo = text(&path).map_err(|error| Error::io("read", &path, error))?;
    let parsed: Option<toml::Table> = cargo.parse().ok();
    let name = parsed.as_ref().and_then(|cargo| cargo.get("package")?.get("name")?.as_str());
    name.map(str::to_owned)
        .ok_or_else(|| Error::new(format!("{} has no name of a package", path.display()), "Write [package] and name = \"mysite\" into it."))
}

fn report(added: Database, name: &str, changed: &[&str], by_hand: &[String]) -> String {
    let mut report = match changed {
        [] => "The files of the project need no change.\n".to_owned(),
        changed => format!("Changed {}.\n", changed.join(", ")),
    };
    if !by_hand.is_empty() {
        report +=
            &format!("\nThese files have another form than expected, and were not changed. Write into them:\n\n{}\n", by_hand.join("\n"));
    }
    let (create, into): (String, String) = match added {
        Database::Postgres => {
            (startproject::create_database(name).lines().map(|line| format!("  {line}\n")).collect(), startproject::database_url(name))
        }
        Database::Sqlite => (String::new(), "sqlite:db.sqlite".to_owned()),
    };
    report
        + &format!(
            "\nNext steps:\n\n{create}  lback copydata DATABASE_URL {into}\n\nThis creates the tables in the new database, and copies all rows. Then set \
             DATABASE_URL={into} in .env, and run: lback check\n"
        )
}
