//! What commands are called: those that every application has, those of the `lback` command, and the application's own.

use lback_core::{Error, Result};

use super::own::OwnCommand;

/// The commands that every application has, with what `help` says of them.
const BUILT_IN: &[(&str, &str)] = &[
    ("serve [ADDRESS]", "answers requests, on HOST and PORT of the settings or on ADDRESS (default)"),
    ("migrate", "applies the migrations that are pending"),
    ("rollback [N]", "undoes the newest of the application's migrations, or the newest N"),
    ("showmigrations", "lists the migrations; [X] marks those that are applied"),
    ("dbshell [ARGS]", "opens the database's own shell: sqlite3, psql"),
    ("routes", "lists the routes"),
    ("collectstatic [DIR]", "copies the static files into DIR, for another server to serve"),
    ("clearsessions", "deletes expired sessions"),
    #[cfg(feature = "mail")]
    ("sendtestmail ADDRESS", "sends a mail now, and says what the mail server answers"),
    ("check [--deploy]", "looks for what is wrong, with --deploy also for what a public server must not have"),
    ("help", "shows this"),
];

/// What the `lback` command does itself, so that `lback NAME` would never come to the application.
const OF_LBACK: [&str; 8] = ["startproject", "new", "startapp", "makemigrations", "runserver", "run", "test", "completions"];

fn built_in() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().filter_map(|(usage, _)| usage.split(' ').next())
}

/// Does every application have a command of this name?
pub(super) fn is_built_in(name: &str) -> bool {
    built_in().any(|known| known == name)
}

/// What the command `help` shows.
pub(crate) fn help(own: &[OwnCommand]) -> String {
    let width = own.iter().map(|command| command.name.len()).chain(BUILT_IN.iter().map(|(usage, _)| usage.len())).max().unwrap_or(0);
    let line = |name: &str, about: &str| format!("  {name:<width$}  {about}\n");
    let built_in: String = BUILT_IN.iter().map(|(usage, about)| line(usage, about)).collect();
    let own: String = own.iter().map(|command| line(command.name, command.about)).collect();
    let own = if own.is_empty() { own } else { format!("\nCommands of this application:\n{own}") };
    format!(
        "Usage: [COMMAND]\n\nCommands:\n{built_in}{own}\nThe settings are read from settings.toml in this folder, or in the one that \
         LBACK_ROOT names."
    )
}

/// Why the command `name` is not run: there is none, and perhaps another was meant.
pub(super) fn unknown(name: &str, own: &[OwnCommand]) -> String {
    let own = own.iter().map(|command| command.name);
    let known: Vec<&str> = built_in().chain(own).collect();
    let meant = lback_core::settings::nearest(name, &[known.as_slice(), OF_LBACK.as_slice()].concat());
    match meant {
        Some(meant) if OF_LBACK.contains(&meant) => format!("there is no command \"{name}\"; did you mean lback {meant}?"),
        Some(meant) => format!("there is no command \"{name}\"; did you mean {meant}?"),
        None => format!("there is no command \"{name}\"; there are {}", known.join(", ")),
    }
}

/// Refuses names that would never be reached or that could not be typed.
pub(crate) fn check(own: &[OwnCommand]) -> Result<()> {
    for (at, OwnCommand { name, .. }) in own.iter().enumerate() {
        let wrong = if is_built_in(name) {
            "every application has a command of this name already"
        } else if OF_LBACK.contains(name) {
            "the lback command has one of this name itself"
        } else if name.is_empty() || name.starts_with('-') || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
            "a name is a word such as countposts"
        } else if own[..at].iter().any(|before| before.name == *name) {
            "two commands have this name"
        } else {
            continue;
        };
        return Err(Error::internal(format!("App::command(\"{name}\", …): {wrong}. Choose another name")));
    }
    Ok(())
}
