//! The commands for users: `createsuperuser`, `changepassword`, `activate_user`, `deactivate_user`, `add_to_group`,
//! `remove_from_group`, `list_users`; and those for API tokens.
//!
//! The battery adds them to an application's command line. Each command takes its arguments, prints what it did, and returns an error if it
//! did nothing.

mod arguments;
mod passwords;
mod terminal;
mod tokens;

pub(crate) use self::tokens::ALL as TOKENS;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lback_core::{Application, Error, Result};
use lback_db::{Database, Db};
use lback_session::SessionManager;

use self::arguments::Arguments;
use self::passwords::{PASSWORD_FLAGS, PasswordSource};
use crate::new_user::NameConflict;
use crate::signals::UserPasswordChanged;
use crate::{Account, Auth, Group, NewUser, User, check_email, check_username};

/// The application, as the commands see it.
pub(crate) struct Context<'a> {
    /// The application, to send signals.
    pub app: &'a Arc<Application>,
    /// The configuration of its users.
    pub auth: &'a Auth,
    /// Its database.
    pub database: &'a Database,
    /// Its sessions.
    pub sessions: Option<&'a SessionManager>,
    /// The current time.
    pub now: DateTime<Utc>,
    /// Prints a line.
    pub print: &'a dyn Fn(&str),
}

/// The function of a command.
pub(crate) type Run = fn(&Context<'_>, &[String]) -> Result<()>;

/// The commands: name, help text (arguments, two spaces, a summary, and further lines for `--help`), and function.
pub(crate) const ALL: [(&str, &str, Run); 7] = [
    (
        "createsuperuser",
        "creates a superuser, who has every permission
Asks for the name, the e-mail address and the password, unless they are given:

  --username NAME          the user name
  --email ADDRESS          the e-mail address, which may be empty
  --password-env VARIABLE  the environment variable that contains the password
  --password-stdin         reads the password from standard input

The password must pass AUTH_PASSWORD_RULES. The name and the address must not belong to another user.",
        create_superuser,
    ),
    (
        "changepassword",
        "NAME  changes the password of a user
NAME is a user name or an e-mail address. Asks for the password, unless one of these options is given:

  --password-env VARIABLE  the environment variable that contains the password
  --password-stdin         reads the password from standard input

The password must pass AUTH_PASSWORD_RULES. The user's sessions end.",
        change_password,
    ),
    ("activate_user", "NAME  lets a user log in again\nNAME is a user name or an e-mail address.", activate_user),
    (
        "deactivate_user",
        "NAME  prevents a user from logging in, and ends their sessions\nNAME is a user name or an e-mail address. No data is deleted.",
        deactivate_user,
    ),
    (
        "add_to_group",
        "NAME GROUP  adds a user to a group\nNAME is a user name or an e-mail address. The application grants permissions to groups.",
        add_to_group,
    ),
    ("remove_from_group", "NAME GROUP  removes a user from a group\nNAME is a user name or an e-mail address.", remove_from_group),
    (
        "list_users",
        "[--json]  lists the users\nSorted by name, with address, last login and status. --json prints all fields except the password.",
        list_users,
    ),
];

/// `createsuperuser [--username NAME] [--email ADDRESS] [--password-env VARIABLE | --password-stdin]`: asks for missing values.
///
/// # Errors
/// Returns an error if the name or the address is taken, the password does not pass the rules, or there is no terminal to ask.
pub(crate) fn create_superuser(context: &Context<'_>, arguments: &[String]) -> Result<()> {
    let mut arguments =
        Arguments::parse("createsuperuser", arguments, &["--username", "--email", PASSWORD_FLAGS[0]], &[PASSWORD_FLAGS[1]])?;
    let source = PasswordSource::of(&mut arguments)?;
    let (username, email) = (arguments.value("--username"), arguments.value("--email"));
    arguments.positional(0)?;
    let asks = source.asks() && terminal::is_interactive();
    // Check the name and the address before asking for a password.
    let mut db = context.database.connect()?;
    let username = match username {
        Some(username) => free_name(&mut db, &username)?.map_err(Error::bad_request)?,
        None if asks => terminal::ask("User name: ", |answer| free_name(&mut db, answer))?,
        None => return Err(Error::bad_request("there is no terminal to ask for a user name; write createsuperuser --username NAME")),
    };
    let email = match email {
        Some(email) => free_email(&mut db, &email)?.map_err(Error::bad_request)?,
        None if asks => terminal::ask("E-mail address (may be left empty): ", |answer| free_email(&mut db, answer))?,
        None => None,
    };
    let personal: Vec<&str> = std::iter::once(username.as_str()).chain(email.as_deref()).collect();
    let password = source.read(context.auth.rules(), &personal)?;
    let mut user = NewUser::new(&username, &context.auth.passwords().hash(&password)?).staff(true).superuser(true);
    if let Some(email) = &email {
        user = user.email(email);
    }
    let user = context.database.write(|db| user.insert(db, context.now))?;
    (context.print)(&format!("created the superuser {}", user.username));
    Ok(())
}

/// Returns a name that is available, or a message.
fn free_name(db: &mut Db, name: &str) -> Result<Result<String, String>> {
    Ok(match check_username(name) {
        Err(wrong) => Err(wrong.to_owned()),
        Ok(name) => match NameConflict::find(db, &name)? {
            Some(NameConflict::Taken) => Err(format!("a user called {name} already exists; changepassword changes their password")),
            Some(NameConflict::Lookalike) => {
                Err(format!("{name} looks too much like the name of another user; list_users shows all users"))
            }
            None => Ok(name),
        },
    })
}

/// Returns an address that is available, `None` for an empty answer, or a message.
fn free_email(db: &mut Db, email: &str) -> Result<Result<Option<String>, String>> {
    if email.trim().is_empty() {
        return Ok(Ok(None));
    }
    Ok(match check_email(email) {
        Err(wrong) => Err(wrong.to_owned()),
        Ok(email) if User::with_email(db, &email)?.is_some() => Err(format!("a user with the address {email} already exists")),
        Ok(email) => Ok(Some(email)),
    })
}

/// `changepassword NAME [--password-env VARIABLE | --password-stdin]`. The user's sessions end.
///
/// # Errors
/// Returns an error if the user does not exist, the password does not pass the rules, or there is no terminal to ask.
pub(crate) fn change_password(context: &Context<'_>, arguments: &[String]) -> Result<()> {
    let mut arguments = Arguments::parse("changepassword", arguments, &[PASSWORD_FLAGS[0]], &[PASSWORD_FLAGS[1]])?;
    let source = PasswordSource::of(&mut arguments)?;
    let mut user = named(&mut context.database.connect()?, arguments.name()?)?;
    let password = source.read(context.auth.rules(), &user.personal())?;
    let hash = context.auth.passwords().hash(&password)?;
    context.database.write(|db| user.set_password_hash(db, &hash))?;
    context.app.send(UserPasswordChanged { user_id: user.id });
    let ended = end_sessions(context, &user)?;
    (context.print)(&format!("changed the password of {}{ended}", user.username));
    Ok(())
}

/// `activate_user NAME`.
///
/// # Errors
/// Returns an error if the user does not exist.
pub(crate) fn activate_user(context: &Context<'_>, arguments: &[String]) -> Result<()> {
    let mut arguments = Arguments::parse("activate_user", arguments, &[], &[])?;
    let mut user = named(&mut context.database.connect()?, arguments.name()?)?;
    if user.is_active {
        (context.print)(&format!("{} is already active", user.username));
        return Ok(());
    }
    context.database.write(|db| user.set_active(db, true))?;
    (context.print)(&format!("{} can log in again", user.username));
    Ok(())
}

/// `deactivate_user NAME`. The user's sessions end.
///
/// # Errors
/// Returns an error if the user does not exist.
pub(crate) fn deactivate_user(context: &Context<'_>, arguments: &[String]) -> Result<()> {
    let mut arguments = Arguments::parse("deactivate_user", arguments, &[], &[])?;
    let mut user = named(&mut context.database.connect()?, arguments.name()?)?;
    if !user.is_active {
        (context.print)(&format!("{} is already deactivated", user.username));
        return Ok(());
    }
    context.database.write(|db| user.set_active(db, false))?;
    let ended = end_sessions(context, &user)?;
    (context.print)(&format!("{} cannot log in any more{ended}", user.username));
    Ok(())
}

/// `add_to_group NAME GROUP`.
///
/// # Errors
/// Returns an error if the user or the group does not exist.
pub(crate) fn add_to_group(context: &Context<'_>, arguments: &[String]) -> Result<()> {
    let (user, group) = user_and_group(context, &mut Arguments::parse("add_to_group", arguments, &[], &[])?)?;
    context.database.write(|db| group.add(db, &user))?;
    (context.print)(&format!("added {} to the group {}", user.username, group.name));
    Ok(())
}

/// `remove_from_group NAME GROUP`.
///
/// # Errors
/// Returns an error if the user or the group does not exist.
pub(crate) fn remove_from_group(context: &Context<'_>, arguments: &[String]) -> Result<()> {
    let (user, group) = user_and_group(context, &mut Arguments::parse("remove_from_group", arguments, &[], &[])?)?;
    context.database.write(|db| group.remove(db, &user))?;
    (context.print)(&format!("removed {} from the group {}", user.username, group.name));
    Ok(())
}

fn user_and_group(context: &Context<'_>, arguments: &mut Arguments) -> Result<(User, Group)> {
    let (name, group) = arguments.name_and("a group", "GROUP")?;
    let mut db = context.database.connect()?;
    let user = named(&mut db, name)?;
    if let Some(group) = Group::named(&mut db, group)? {
        return Ok((user, group));
    }
    let names: Vec<String> = Group::all(&mut db)?.into_iter().map(|group| group.name).collect();
    let existing = if names.is_empty() { "there are no groups yet".to_owned() } else { format!("existing groups: {}", names.join(", ")) };
    Err(Error::not_found(format!("there is no group called {}; {existing}", group.escape_debug())))
}

/// `list_users [--json]`.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) fn list_users(context: &Context<'_>, arguments: &[String]) -> Result<()> {
    let arguments = Arguments::parse("list_users", arguments, &[], &["--json"])?;
    let json = arguments.flag("--json");
    arguments.positional(0)?;
    let users = User::all(&mut context.database.connect()?)?;
    if json {
        (context.print)(&serde_json::to_string(&users)?);
        return Ok(());
    }
    let width = users.iter().map(|user| user.username.chars().count()).max().unwrap_or(0);
    for user in &users {
        let last = user.last_login.map_or("never".to_owned(), |time| time.format("%Y-%m-%d %H:%M").to_string());
        let mut what = Vec::new();
        what.extend((!user.is_active).then_some("cannot log in"));
        what.extend(user.is_superuser.then_some("superuser"));
        what.extend((user.is_staff && !user.is_superuser).then_some("staff"));
        let email = user.email.as_deref().unwrap_or("-");
        let line = format!("{:<width$}  {email}  last login: {last}  {}", user.username, what.join(", "));
        (context.print)(line.trim_end());
    }
    if users.is_empty() {
        (context.print)("there are no users yet; createsuperuser creates the first one");
    }
    Ok(())
}

fn named(db: &mut Db, name: &str) -> Result<User> {
    let user = User::find_by_login(db, name)?;
    user.ok_or_else(|| Error::not_found(format!("there is no user called {}; list_users shows all users", name.escape_debug())))
}

/// Ends the user's sessions and returns a note on their number. Sessions in cookies cannot be deleted from here, but are invalid.
fn end_sessions(context: &Context<'_>, user: &User) -> Result<String> {
    let Some(sessions) = context.sessions.filter(|sessions| !sessions.is_in_cookies()) else { return Ok(String::new()) };
    let ended = sessions.revoke_user(user.id, None)?;
    Ok(if ended == 0 { String::new() } else { format!("; sessions ended: {ended}") })
}
