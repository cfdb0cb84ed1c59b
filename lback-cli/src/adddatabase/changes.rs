//! The changes of a project's files.

use crate::database::Database;
use crate::startproject::{dockerfile, pattern_value};

/// Returns the new text of a file: the same one if there is nothing to change, and `None` if the file has another form than expected.
type Apply = Box<dyn Fn(&str) -> Option<String>>;

/// A change of a file.
pub struct Change {
    /// The path below the project's folder.
    pub file: &'static str,
    pub apply: Apply,
    /// What to write if the file has another form.
    pub instead: &'static str,
}

/// Returns all changes that let the project `name` use the database as well.
pub fn all(added: Database, name: &str) -> Vec<Change> {
    let mut changes = vec![
        Change {
            file: "Cargo.toml",
            apply: Box::new(move |text| with_feature(text, added)),
            instead: match added {
                Database::Sqlite => "features = [\"sqlite\"] for lback",
                Database::Postgres => "features = [\"postgres\"] for lback",
            },
        },
        Change {
            file: "src/main.rs",
            apply: Box::new(with_migrations),
            instead: "migrations!(sqlite, postgres) in the place of migrations!()",
        },
    ];
    // A project for PostgreSQL has what SQLite needs.
    if added == Database::Postgres {
        let address = pattern_value("__DATABASE_ENV__", added, name);
        let [before, after] = [Database::Sqlite, added].map(|database| pattern_value("__DATABASE_PRODUCTION__", database, name));
        changes.push(Change { file: ".env", apply: Box::new(move |text| Some(with_comment(text, &address))), instead: "" });
        changes.push(Change {
            file: "settings.production.toml",
            apply: Box::new(move |text| {
                Some(if text.contains(&after) { text.to_owned() } else { text.replace(&before, &format!("{before}\n{after}")) })
            }),
            instead: "",
        });
        changes.push(Change {
            file: "Dockerfile",
            apply: Box::new(with_client_library),
            instead: "libpq-dev for the build, and libpq5 in the image",
        });
    }
    changes
}

/// Returns `Cargo.toml` with a feature of the crate lback. `None` if its line has another form than those of a new project.
fn with_feature(cargo: &str, added: Database) -> Option<String> {
    let feature = format!("\"{}\"", added.name());
    let begin = cargo.find("\nlback = ")? + 1;
    let end = cargo[begin..].find('\n').map_or(cargo.len(), |end| begin + end);
    let line = &cargo[begin..end];
    let is_default = added == Database::Sqlite && !line.contains("default-features = false");
    if line.contains(&feature) || is_default {
        return Some(cargo.to_owned());
    }
    let changed = if let Some((before, rest)) = line.split_once("features = [") {
        let (list, after) = rest.split_once(']')?;
        let comma = if list.trim().is_empty() { "" } else { ", " };
        format!("{before}features = [{}{comma}{feature}]{after}", list.trim_end().trim_end_matches(','))
    } else if let Some(before) = line.trim_end().strip_suffix('}') {
        format!("{}, features = [{feature}] }}", before.trim_end())
    } else {
        let version = line.trim_end().strip_prefix("lback = ").filter(|version| version.starts_with('"') && version.ends_with('"'))?;
        format!("lback = {{ version = {version}, features = [{feature}] }}")
    };
    Some(format!("{}{changed}{}", &cargo[..begin], &cargo[end..]))
}

/// Returns `src/main.rs` with the migrations of both databases. `None` if it names no migrations, or a folder of them.
fn with_migrations(text: &str) -> Option<String> {
    const BOTH: &str = "migrations!(sqlite, postgres)";
    let changed = text.replace("migrations!()", BOTH);
    changed.contains(BOTH).then_some(changed)
}

/// Returns a file with lines at its end that are comments, unless it names such a database already.
fn with_comment(text: &str, lines: &str) -> String {
    if text.contains("postgres://") || text.contains("postgresql://") {
        return text.to_owned();
    }
    let lines: String = lines.lines().map(|line| format!("# {}\n", line.trim_start_matches("# "))).collect();
    let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
    format!("{text}{end}\n{lines}")
}

/// Returns a `Dockerfile` with the client library of PostgreSQL, as that of a new project for PostgreSQL has it. `None` if it has another
/// form than that of a new project.
fn with_client_library(text: &str) -> Option<String> {
    if text.contains("libpq") {
        return Some(text.to_owned());
    }
    let (without, with) = (dockerfile(Database::Sqlite), dockerfile(Database::Postgres));
    let added: Vec<&str> = with.lines().filter(|line| line.contains("libpq")).collect();
    let [for_build, for_image] = added.as_slice() else { return None };
    let install = without.lines().find(|line| line.contains("apt-get install"))?;
    let build = text.lines().find(|line| line.starts_with("FROM ") && line.ends_with(" AS build"))?;
    let changed = text.replacen(build, &format!("{build}\n{for_build}"), 1).replacen(install, for_image, 1);
    changed.contains(for_image).then_some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_feature_is_added_in_each_form() {
        for (line, expected) in [
            ("lback = \"0.1\"", "lback = { version = \"0.1\", features = [\"postgres\"] }"),
            ("lback = { path = \"x\" }", "lback = { path = \"x\", features = [\"postgres\"] }"),
            ("lback = { path = \"x\", features = [\"accounts\"] }", "lback = { path = \"x\", features = [\"accounts\", \"postgres\"] }"),
            ("lback = { path = \"x\", features = [] }", "lback = { path = \"x\", features = [\"postgres\"] }"),
            ("lback = { path = \"x\", features = [\"postgres\"] }", "lback = { path = \"x\", features = [\"postgres\"] }"),
        ] {
            let cargo = |line: &str| format!("[dependencies]\n{line}\nserde = \"1\"\n");
            assert_eq!(with_feature(&cargo(line), Database::Postgres), Some(cargo(expected)));
        }
        let postgres = "\nlback = { path = \"x\", default-features = false, features = [\"models\", \"postgres\"] }\n";
        let both = "\nlback = { path = \"x\", default-features = false, features = [\"models\", \"postgres\", \"sqlite\"] }\n";
        assert_eq!(with_feature(postgres, Database::Sqlite).as_deref(), Some(both));
        assert_eq!(with_feature("\nlback = \"0.1\"\n", Database::Sqlite).as_deref(), Some("\nlback = \"0.1\"\n"), "the default");
        for other in ["", "\nlback = {\n    path = \"x\"\n}\n", "\n[dependencies.lback]\npath = \"x\"\n", "\nlback = 1\n"] {
            assert_eq!(with_feature(other, Database::Postgres), None, "{other}");
        }
    }

    #[test]
    fn the_image_gets_the_client_library() {
        let image = with_client_library(dockerfile(Database::Sqlite)).unwrap();
        assert!(image.contains("AS build\nRUN apt-get update -q && apt-get install -y -q --no-install-recommends libpq-dev"), "{image}");
        assert!(image.contains("libpq5 ca-certificates") && image.contains("DATABASE_URL=sqlite:/data/db.sqlite"), "{image}");
        assert_eq!(with_client_library(&image), Some(image.clone()));
        assert_eq!(with_client_library("FROM scratch\n"), None);
    }
}
