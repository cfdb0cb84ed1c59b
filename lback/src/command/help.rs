//! What `help` and `--help` say.

use super::names;
use super::own::OwnCommand;

/// The commands that every application has, each with what is said of it in the form of [`Said`].
pub(super) const BUILT_IN: &[(&str, &str)] = &[
    (
        "serve",
        "[ADDRESS]  answers requests, on HOST and PORT of the settings or on ADDRESS (default)
ADDRESS is a port, a host, or both: 8080, 0.0.0.0, 0.0.0.0:8080. While DEBUG is on, pending migrations are applied first;
otherwise they stop the start. Ctrl-C and SIGTERM end it, after the requests in flight.",
    ),
    (
        "migrate",
        "applies the migrations that are pending\nThey are those of the framework and those of the application; showmigrations lists them.",
    ),
    ("rollback", "[N]  undoes the newest of the application's migrations, or the newest N\nThose of the framework stay."),
    ("showmigrations", "lists the migrations; [X] marks those that are applied"),
    (
        "dbshell",
        "[ARGS]  opens the database's own shell: sqlite3, psql
ARGS are the shell's: dbshell -- \"SELECT count(*) FROM sessions\". It must be installed.",
    ),
    ("routes", "lists the routes\nOf each: the methods, the path, the name, and who is let in where not everybody is."),
    (
        "collectstatic",
        "[DIR]  copies the static files into DIR, for another server to serve
Each under its own name and under the one with its hash. Without DIR, into the folder staticfiles of the project.",
    ),
    ("clearsessions", "deletes expired sessions\nA server does this by itself every now and then."),
    #[cfg(feature = "mail")]
    ("sendtestmail", "ADDRESS  sends a mail now, and says what the mail server answers"),
    (
        "check",
        "[--deploy]  looks for what is wrong, with --deploy also for what a public server must not have
It ends with status 1 where something is wrong. Call it as the server runs: LBACK_ENV=production ./mysite check --deploy",
    ),
    ("help", "[COMMAND]  shows this, or what a command takes"),
];

/// What is said of a command, in a text: its arguments and two spaces, where it has any; what it does, in a line; and in further
/// lines what else is to be known, which only `--help` shows.
pub(super) struct Said<'a> {
    arguments: &'a str,
    about: &'a str,
    more: &'a str,
}

impl<'a> Said<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let (line, more) = text.split_once('\n').unwrap_or((text, ""));
        let (arguments, about) = line.split_once("  ").unwrap_or(("", line));
        Said { arguments, about, more: more.trim() }
    }

    fn usage(&self, name: &str) -> String {
        format!("{name} {}", self.arguments).trim_end().to_owned()
    }
}

/// What the command `help` shows.
pub(crate) fn help(own: &[OwnCommand]) -> String {
    let sections =
        [("Commands", BUILT_IN.to_vec()), ("Commands for users", of(own, true)), ("Commands of this application", of(own, false))];
    let usage = |(name, text): &(&str, &str)| Said::of(text).usage(name);
    let width = sections.iter().flat_map(|(_, commands)| commands).map(|command| usage(command).chars().count()).max().unwrap_or(0);
    let mut shown = "Usage: [COMMAND]\n".to_owned();
    for (title, commands) in sections.iter().filter(|(_, commands)| !commands.is_empty()) {
        shown.push_str(&format!("\n{title}:\n"));
        for command in commands {
            shown.push_str(&format!("  {:<width$}  {}\n", usage(command), Said::of(command.1).about));
        }
    }
    shown
        + "\nCOMMAND --help says more of one. The settings are read from settings.toml in this folder, or in the one that LBACK_ROOT names."
}

fn of(own: &[OwnCommand], is_for_users: bool) -> Vec<(&str, &str)> {
    own.iter().filter(|command| command.is_for_users == is_for_users).map(|command| (command.name, command.about)).collect()
}

/// What `--help` shows of one command.
///
/// # Errors
/// Where there is no such command.
pub(super) fn of_command(name: &str, own: &[OwnCommand]) -> Result<String, String> {
    let own_ones = own.iter().map(|command| (command.name, command.about));
    let found = BUILT_IN.iter().copied().chain(own_ones).find(|(known, _)| *known == name);
    let Some((_, text)) = found else { return Err(names::unknown(name, own)) };
    let said = Said::of(text);
    let mut about = said.about.chars();
    let about: String = about.next().into_iter().flat_map(char::to_uppercase).chain(about).collect();
    let stop = if about.is_empty() || about.ends_with(['.', '!', '?']) { "" } else { "." };
    Ok(format!("Usage: {}\n\n{about}{stop}\n\n{}", said.usage(name), said.more).trim_end().to_owned())
}
