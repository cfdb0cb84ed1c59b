//! What the command line looks like, and which function does what it says.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::error::ContextKind;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use clap_complete::Shell;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::{completions, delegate, migration, project, runserver, startapp, startproject};

const EXAMPLES: &str = "\
Examples:
  lback startproject mysite     makes a project in the folder mysite
  lback runserver               serves it on http://127.0.0.1:8000, and again after each change
  lback startapp blog           adds an app to it: /blog, with a table and a test
  lback migrate                 applies the migrations that are pending
  lback test                    runs the project's tests

Commands that work on a project find it from any folder inside it. A command that is not listed here is the
project's own: lback countposts 5 has its program run countposts 5.";

/// The whole command line.
pub fn command() -> Command {
    Command::new("lback")
        .version(env!("CARGO_PKG_VERSION"))
        .about("The command line of the Lback web framework")
        .after_help(EXAMPLES)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(making())
        .subcommand(
            Command::new("runserver")
                .visible_alias("run")
                .about("Builds the project and serves it, and does so again when a file changes")
                .arg(address())
                .after_help("Examples:\n  lback runserver\n  lback runserver 8080\n  lback runserver 0.0.0.0:8080"),
        )
        .subcommands(delegated())
        .subcommand(
            Command::new("completions")
                .about("Prints what a shell needs to complete lback's commands")
                .arg(Arg::new("shell").value_name("SHELL").required(true).value_parser(value_parser!(Shell)))
                .after_help("Example:\n  lback completions bash > ~/.local/share/bash-completion/completions/lback"),
        )
}

fn making() -> [Command; 3] {
    [
        Command::new("startproject")
            .visible_alias("new")
            .about("Makes a project")
            .arg(text("name", "NAME").required(true).help("What it is called, such as mysite"))
            .arg(
                Arg::new("folder")
                    .value_name("DIR")
                    .value_parser(value_parser!(PathBuf))
                    .help("Where it goes: a new or empty folder [default: NAME]"),
            )
            .arg(
                Arg::new("db")
                    .long("db")
                    .value_name("DATABASE")
                    .value_parser(Database::NAMES)
                    .default_value(Database::NAMES[0])
                    .help("What it keeps its data in"),
            )
            .arg(
                Arg::new("auth")
                    .long("auth")
                    .action(ArgAction::SetTrue)
                    .help("With users, who register and log in, and the pages for that"),
            )
            .after_help(
                "Examples:\n  lback startproject mysite\n  lback startproject mysite .\n  lback startproject mysite --auth\n  \
                 lback startproject mysite --db postgres",
            ),
        Command::new("startapp")
            .about("Adds an app to the project, registered and with a table, a page and a test")
            .arg(text("name", "NAME").required(true).help("What it is called, such as blog"))
            .arg(
                Arg::new("no-register")
                    .long("no-register")
                    .action(ArgAction::SetTrue)
                    .help("Leaves src/main.rs and src/urls.rs alone, and prints the lines that belong there"),
            )
            .after_help("Example:\n  lback startapp blog     adds src/blog, templates/blog and a draft of its table, and answers /blog"),
        Command::new("makemigrations")
            .about("Makes an empty migration, to write SQL into")
            .arg(text("name", "NAME").required(true).help("What it does, such as add_author_to_posts"))
            .after_help("Example:\n  lback makemigrations add_author_to_posts"),
    ]
}

fn delegated() -> [Command; 10] {
    [
        Command::new("serve").about("Builds the project and answers requests").arg(address()).after_help("Example:\n  lback serve 8080"),
        Command::new("migrate").about("Applies the migrations that are pending"),
        Command::new("rollback")
            .about("Undoes the newest of the application's migrations, or the newest N")
            .arg(Arg::new("count").value_name("N").value_parser(value_parser!(u32).range(1..)).help("How many to undo [default: 1]")),
        Command::new("showmigrations").about("Lists the migrations; [X] marks those that are applied"),
        Command::new("dbshell")
            .about("Opens the database's own shell: sqlite3, psql")
            .arg(handed_on("Handed to the shell"))
            .after_help("Examples:\n  lback dbshell\n  lback dbshell -- \"SELECT count(*) FROM sessions\""),
        Command::new("routes").about("Lists the routes"),
        Command::new("collectstatic")
            .about("Copies the static files into a folder, for another server to serve")
            .arg(
                Arg::new("folder")
                    .value_name("DIR")
                    .value_parser(value_parser!(PathBuf))
                    .help("Where they go [default: staticfiles, in the project's folder]"),
            )
            .after_help("Example:\n  lback collectstatic /srv/mysite/static"),
        Command::new("clearsessions").about("Deletes expired sessions"),
        Command::new("check")
            .about("Looks for what is wrong, and says what mends it")
            .arg(Arg::new("deploy").long("deploy").action(ArgAction::SetTrue).help("Also for what a public server must not have"))
            .after_help("Example:\n  LBACK_ENV=production lback check --deploy"),
        Command::new("test")
            .about("Runs the project's tests, with what cargo test takes")
            .arg(handed_on("Handed to cargo test"))
            .after_help("Examples:\n  lback test\n  lback test blog -- --nocapture"),
    ]
}

/// Arguments that another program understands.
fn handed_on(help: &'static str) -> Arg {
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
    text("address", "ADDR").help("Where to listen: 8080, 0.0.0.0, 0.0.0.0:8080 [default: HOST and PORT of the settings]")
}

fn text(id: &'static str, shown: &'static str) -> Arg {
    Arg::new(id).value_name(shown).value_parser(NonEmptyStringValueParser::new())
}

/// Does what the command line says.
pub fn run(matches: &ArgMatches) -> Result<()> {
    let Some((command, matches)) = matches.subcommand() else { return Ok(()) };
    match command {
        "startproject" => {
            let folder = matches.get_one::<PathBuf>("folder").map(PathBuf::as_path);
            startproject::run(&argument(matches, "name"), folder, Database::named(&argument(matches, "db")), matches.get_flag("auth"))
        }
        "startapp" => startapp::run(&argument(matches, "name"), !matches.get_flag("no-register")),
        "makemigrations" => migration::run(&argument(matches, "name")),
        "completions" => matches.get_one::<Shell>("shell").map_or(Ok(()), |shell| completions::run(*shell)),
        "runserver" => runserver::run(matches.get_one::<String>("address").map(String::as_str)),
        "serve" => delegate::to_project(command, matches.get_one::<String>("address")),
        "rollback" => delegate::to_project(command, matches.get_one::<u32>("count").map(u32::to_string)),
        "dbshell" => delegate::to_project(command, given(matches, "arguments")),
        "collectstatic" => delegate::to_project(command, matches.get_one::<PathBuf>("folder").map(absolute).transpose()?),
        "check" => delegate::to_project(command, matches.get_flag("deploy").then_some("--deploy")),
        "test" => delegate::to_tests(),
        "migrate" | "showmigrations" | "routes" | "clearsessions" => delegate::to_project(command, [""; 0]),
        _ => to_own(command, matches),
    }
}

/// Has the project's binary run a command of its own. What is not known here and in no project is a mistake.
fn to_own(name: &str, matches: &ArgMatches) -> Result<()> {
    if let Err(no_project) = project::root() {
        return match command().try_get_matches_from(["lback", name]) {
            Err(error) if error.get(ContextKind::SuggestedSubcommand).is_some() => error.exit(),
            _ => Err(no_project.because(&format!("lback itself has no command \"{name}\", and"))),
        };
    }
    delegate::to_project(name, given(matches, ""))
}

fn given<'a>(matches: &'a ArgMatches, id: &str) -> impl Iterator<Item = &'a OsString> + use<'a> {
    matches.get_many::<OsString>(id).into_iter().flatten()
}

/// The project's binary runs in the project's folder, and not in the one where the path was typed.
fn absolute(folder: &PathBuf) -> Result<PathBuf> {
    std::path::absolute(folder).map_err(|error| Error::io("find", folder, error))
}

/// An argument that clap has required.
fn argument(matches: &ArgMatches, id: &str) -> String {
    matches.get_one::<String>(id).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_definition_holds_together() {
        super::command().debug_assert();
    }
}
