//! Defines the command line, and dispatches its commands.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::error::ContextKind;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use clap_complete::Shell;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::{adddatabase, completions, delegate, migration, project, runserver, startapp, startproject};

const EXAMPLES: &str = "\
Examples:
  lback startproject mysite     creates a project in the folder mysite
  lback runserver               serves it on http://127.0.0.1:8000, and rebuilds it after each change
  lback startapp blog           adds an app at /blog, with a table and a test
  lback migrate                 applies pending migrations
  lback test                    runs the project's tests

Project commands work in any folder of the project. Commands that are not listed here are passed to the project's program:
lback countposts 5 runs its command countposts with the argument 5.";

/// Returns the definition of the command line.
pub fn command() -> Command {
    Command::new("lback")
        .version(env!("CARGO_PKG_VERSION"))
        .about("The command line of the Lback web framework")
        .after_help(EXAMPLES)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(creating())
        .subcommand(
            Command::new("runserver")
                .visible_alias("run")
                .about("Builds and serves the project, and rebuilds it when a file changes")
                .arg(address())
                .after_help("Examples:\n  lback runserver\n  lback runserver 8080\n  lback runserver 0.0.0.0:8080"),
        )
        .subcommands(delegated())
        .subcommands(data())
        .subcommand(
            Command::new("completions")
                .about("Prints a completion script for a shell")
                .arg(Arg::new("shell").value_name("SHELL").required(true).value_parser(value_parser!(Shell)))
                .after_help("Example:\n  lback completions bash > ~/.local/share/bash-completion/completions/lback"),
        )
}

fn creating() -> [Command; 4] {
    [
        Command::new("startproject")
            .visible_alias("new")
            .about("Creates a project")
            .arg(text("name", "NAME").required(true).help("The name of the project, such as mysite"))
            .arg(
                Arg::new("folder")
                    .value_name("DIR")
                    .value_parser(value_parser!(PathBuf))
                    .help("The project's folder, which must be new or empty [default: NAME]"),
            )
            .arg(
                Arg::new("db")
                    .long("db")
                    .value_name("DATABASE")
                    .value_parser(Database::NAMES)
                    .default_value(Database::NAMES[0])
                    .help("The project's database"),
            )
            .arg(
                Arg::new("auth")
                    .long("auth")
                    .action(ArgAction::SetTrue)
                    .help("Adds users, with pages for registration and login, and an admin"),
            )
            .after_help(
                "Examples:\n  lback startproject mysite\n  lback startproject mysite .\n  lback startproject mysite --auth\n  \
                 lback startproject mysite --db postgres",
            ),
        Command::new("startapp")
            .about("Adds an app to the project and registers it: a model with its pages, forms and tests")
            .arg(text("name", "NAME").required(true).help("The name of the app, such as tickets"))
            .arg(
                text("model", "MODEL")
                    .long("model")
                    .help("The name of its model, such as Post [default: the singular of NAME, or Item if NAME is not a plural]"),
            )
            .arg(
                Arg::new("no-register")
                    .long("no-register")
                    .action(ArgAction::SetTrue)
                    .help("Prints the lines for src/main.rs and src/urls.rs instead of adding them"),
            )
            .after_help(
                "Examples:\n  lback startapp tickets             adds src/tickets with the model Ticket, templates/tickets, and the path \
                 /tickets\n  lback startapp blog --model Post",
            ),
        makemigrations(),
        Command::new("adddatabase")
            .about("Lets the project use another database as well: changes Cargo.toml and settings, and writes its migrations")
            .arg(Arg::new("db").value_name("DATABASE").value_parser(Database::NAMES).required(true).help("The database that is added"))
            .after_help("Example:\n  lback adddatabase postgres\n\nCommit your work first: git diff shows what was changed then."),
    ]
}

fn flag(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

fn makemigrations() -> Command {
    let values = |name: &'static str, shown: &'static str| {
        Arg::new(name).long(name).value_name(shown).value_parser(NonEmptyStringValueParser::new()).action(ArgAction::Append)
    };
    Command::new("makemigrations")
        .about("Creates the migration that brings the tables up to date with the models, or an empty one")
        .arg(text("name", "NAME").help("What the migration does, such as add_author_to_posts [default: a name for the changes]"))
        .arg(flag("empty").help("Creates a migration without SQL, to be filled by hand. Without models, this is what the command does"))
        .arg(flag("dry-run").help("Prints the SQL and writes nothing"))
        .arg(flag("check").help("Fails if the models have changes without a migration, and writes nothing"))
        .arg(flag("merge").help("After the merge of two branches: brings models.json to what their migrations make together"))
        .arg(values("adopt", "TABLE").help("A table of a model that exists already, and was not created by a migration of the model"))
        .arg(values("rename", "OLD=NEW").help("A table or column that was renamed: notes=posts, notes.text=body"))
        .arg(values("default", "COLUMN=VALUE").help("The value of existing rows in a column that must have one: notes.summary=none"))
        .arg(flag("allow-data-loss").help("Deletes tables and columns that are gone from the models, without asking"))
        .arg(flag("concurrently").help("Keeps large tables writable on PostgreSQL, with a second migration for indexes and validation"))
        .arg(flag("no-input").help("Asks nothing, and fails if something must be known"))
        .after_help(
            "Examples:\n  lback makemigrations\n  lback makemigrations --rename notes.text=body\n  lback makemigrations add_author_to_posts --empty",
        )
}

fn delegated() -> [Command; 12] {
    [
        Command::new("serve").about("Builds the project and serves requests").arg(address()).after_help("Example:\n  lback serve 8080"),
        Command::new("migrate")
            .about("Applies pending migrations, or goes to the state after a migration")
            .arg(text("target", "TARGET").help(
                "The migration to go to, or the beginning of its name: it is the last one to be applied, or those after it are rolled back; zero \
                 rolls back all",
            ))
            .arg(flag("plan").help("Prints what would be applied or rolled back, and changes nothing"))
            .arg(flag("fake").help("Records migrations as applied, or as not applied, without running their SQL"))
            .after_help("Examples:\n  lback migrate\n  lback migrate --plan\n  lback migrate 2026-11-21-120000_create_notes\n  lback migrate zero"),
        Command::new("sqlmigrate")
            .about("Prints the SQL of a migration")
            .arg(text("name", "NAME").required(true).help("The name of the migration, or its beginning"))
            .arg(flag("down").help("Prints the SQL that undoes it"))
            .arg(flag("sqlite").help("Prints the SQL for SQLite"))
            .arg(flag("postgres").help("Prints the SQL for PostgreSQL"))
            .after_help("Example:\n  lback sqlmigrate create_notes --down"),
        Command::new("squashmigrations")
            .about("Writes one migration in the place of several")
            .arg(
                Arg::new("migrations")
                    .value_name("[FROM] TO")
                    .required(true)
                    .num_args(1..=2)
                    .value_parser(NonEmptyStringValueParser::new())
                    .help("The first and the last migration, or only the last one"),
            )
            .arg(text("name", "NAME").long("name").help("The name of the new migration [default: squashed]"))
            .after_help("Example:\n  lback squashmigrations 2026-11-21-120000_create_notes --name start"),
        Command::new("rollback").about("Rolls back the application's newest migration, or the newest N").arg(
            Arg::new("count")
                .value_name("N")
                .value_parser(value_parser!(u32).range(1..))
                .help("The number of migrations to roll back [default: 1]"),
        ),
        Command::new("showmigrations").about("Lists the migrations; [X] marks the applied ones"),
        Command::new("dbshell")
            .about("Opens the database shell: sqlite3 or psql")
            .arg(passed_on("Passed to the shell"))
            .after_help("Examples:\n  lback dbshell\n  lback dbshell -- \"SELECT count(*) FROM sessions\""),
        Command::new("routes").about("Lists the routes"),
        Command::new("collectstatic")
            .about("Copies the static files to a folder, for another server to serve")
            .arg(
                Arg::new("folder")
                    .value_name("DIR")
                    .value_parser(value_parser!(PathBuf))
                    .help("The target folder [default: staticfiles in the project's folder]"),
            )
            .after_help("Example:\n  lback collectstatic /srv/mysite/static"),
        Command::new("clearsessions").about("Deletes expired sessions"),
        Command::new("check")
            .about("Looks for problems, and explains how to fix them")
            .arg(
                Arg::new("deploy")
                    .long("deploy")
                    .action(ArgAction::SetTrue)
                    .help("Also looks for settings that are unsafe on a public server"),
            )
            .after_help("Example:\n  LBACK_ENV=production lback check --deploy"),
        Command::new("test")
            .about("Runs the project's tests, with the arguments of cargo test")
            .arg(passed_on("Passed to cargo test"))
            .after_help("Examples:\n  lback test\n  lback test blog -- --nocapture"),
    ]
}

/// Defines the commands of the project's program that read and write the rows of its database. It parses their arguments.
fn data() -> [Command; 4] {
    let command = |name: &'static str, about: &'static str, examples: &'static str| {
        Command::new(name)
            .about(about)
            .arg(passed_on("Passed to the project's program, which explains them: cargo run -- COMMAND --help"))
            .after_help(examples)
    };
    [
        command(
            "dumpdata",
            "Prints the rows of models as JSON, which loaddata reads",
            "Examples:\n  lback dumpdata --output dump.json\n  lback dumpdata Note --natural --output fixtures/notes.json",
        ),
        command(
            "loaddata",
            "Inserts the rows of files of dumpdata, and updates those that exist",
            "Example:\n  lback loaddata fixtures/notes.json",
        ),
        command(
            "copydata",
            "Copies all rows of one database into another, such as from SQLite to PostgreSQL",
            "Example:\n  lback copydata sqlite:db.sqlite DATABASE_URL",
        ),
        command("inspectdb", "Prints models for the tables of the database", "Example:\n  lback inspectdb notes > src/models.rs"),
    ]
}

/// Defines arguments that are passed to another program.
fn passed_on(help: &'static str) -> Arg {
    Arg::new("arguments")
        .value_name("ARGS")
        .value_parser(value_parser!(OsString))
        .action(ArgAction::Append)
        .num_args(0..)
        .trailing_var_arg(true)
        .allow_hyphen_values(true)
        .help(help)
}

fn address() -> Arg {
    text("address", "ADDR").help("The address to listen on: 8080, 0.0.0.0, 0.0.0.0:8080 [default: HOST and PORT in the settings]")
}

fn text(id: &'static str, shown: &'static str) -> Arg {
    Arg::new(id).value_name(shown).value_parser(NonEmptyStringValueParser::new())
}

/// Runs the command on the command line.
pub fn run(matches: &ArgMatches) -> Result<()> {
    let Some((command, matches)) = matches.subcommand() else { return Ok(()) };
    match command {
        "startproject" => {
            let folder = matches.get_one::<PathBuf>("folder").map(PathBuf::as_path);
            startproject::run(&argument(matches, "name"), folder, Database::named(&argument(matches, "db")), matches.get_flag("auth"))
        }
        "startapp" => startapp::run(
            &argument(matches, "name"),
            matches.get_one::<String>("model").map(String::as_str),
            !matches.get_flag("no-register"),
        ),
        "makemigrations" => migration::run(matches.get_one::<String>("name").map(String::as_str), &options(matches)),
        "adddatabase" => adddatabase::run(Database::named(&argument(matches, "db"))),
        "completions" => matches.get_one::<Shell>("shell").map_or(Ok(()), |shell| completions::run(*shell)),
        "runserver" => runserver::run(matches.get_one::<String>("address").map(String::as_str)),
        "serve" => delegate::to_project(command, matches.get_one::<String>("address")),
        "rollback" => delegate::to_project(command, matches.get_one::<u32>("count").map(u32::to_string)),
        "dbshell" | "dumpdata" | "loaddata" | "copydata" | "inspectdb" => delegate::to_project(command, given(matches, "arguments")),
        "collectstatic" => delegate::to_project(command, matches.get_one::<PathBuf>("folder").map(absolute).transpose()?),
        "check" => delegate::to_project(command, matches.get_flag("deploy").then_some("--deploy")),
        "test" => delegate::to_tests(),
        "migrate" => delegate::to_project(command, words(matches, &["plan", "fake"], &["target"])),
        "sqlmigrate" => delegate::to_project(command, words(matches, &["down", "sqlite", "postgres"], &["name"])),
        "squashmigrations" => {
            let name = matches.get_one::<String>("name").map(|name| format!("--name={name}"));
            delegate::to_project(command, name.into_iter().chain(words(matches, &[], &["migrations"])))
        }
        "showmigrations" | "routes" | "clearsessions" => delegate::to_project(command, [""; 0]),
        _ => to_own(command, matches),
    }
}

/// Returns the options of `makemigrations` as they were written.
fn options(matches: &ArgMatches) -> Vec<String> {
    let flags = ["empty", "dry-run", "check", "merge", "allow-data-loss", "concurrently", "no-input"];
    let valued = ["adopt", "rename", "default"].into_iter().flat_map(|name| {
        let values = matches.get_many::<String>(name).into_iter().flatten();
        values.map(move |value| format!("--{name}={value}"))
    });
    words(matches, &flags, &[]).into_iter().chain(valued).collect()
}

/// Returns the given flags and values as they were written.
fn words(matches: &ArgMatches, flags: &[&str], values: &[&str]) -> Vec<String> {
    let flags = flags.iter().filter(|flag| matches.get_flag(flag)).map(|flag| format!("--{flag}"));
    let values = values.iter().flat_map(|name| matches.get_many::<String>(name).into_iter().flatten().cloned());
    flags.chain(values).collect()
}

/// Passes an unknown command to the project's program. Outside a project, it is an error.
fn to_own(name: &str, matches: &ArgMatches) -> Result<()> {
    if let Err(no_project) = project::root() {
        return match command().try_get_matches_from(["lback", name]) {
            Err(error) if error.get(ContextKind::SuggestedSubcommand).is_some() => error.exit(),
            _ => Err(no_project.with_prefix(&format!("lback has no command \"{name}\", and"))),
        };
    }
    delegate::to_project(name, given(matches, ""))
}

fn given<'a>(matches: &'a ArgMatches, id: &str) -> impl Iterator<Item = &'a OsString> + use<'a> {
    matches.get_many::<OsString>(id).into_iter().flatten()
}

/// Returns the absolute path, because the project's program runs in another folder than the one where the path was typed.
fn absolute(folder: &PathBuf) -> Result<PathBuf> {
    std::path::absolute(folder).map_err(|error| Error::io("find", folder, error))
}

/// Returns an argument that clap requires.
fn argument(matches: &ArgMatches, id: &str) -> String {
    matches.get_one::<String>(id).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_definition_is_valid() {
        super::command().debug_assert();
    }
}
