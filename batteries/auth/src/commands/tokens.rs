//! The commands for API tokens: `createtoken`, `tokens`, `revoketoken`.

use chrono::{DateTime, TimeDelta, Utc};
use lback_core::{Error, Result};

use super::arguments::Arguments;
use super::{Context, Run, named};
use crate::{NewToken, Token, User};

/// The commands, as [`super::ALL`].
pub(crate) const ALL: [(&str, &str, Run); 3] = [
    (
        "createtoken",
        "NAME TOKEN  creates an API token of a user
NAME is a user name or an e-mail address, and TOKEN a name for the token, by which its user recognizes it. The token is printed on
the last line, and cannot be shown again.

  --scopes SCOPE,SCOPE  what the token is for, as routes name it: tickets, or only tickets:read
  --days DAYS           the days after which the token expires; without this option, it does not",
        create_token,
    ),
    (
        "tokens",
        "[NAME]  lists the API tokens of all users, or of one
NAME is a user name or an e-mail address. The time of the last use is exact to ten minutes.",
        list_tokens,
    ),
    ("revoketoken", "ID  deletes an API token, which stops working at once\nID is the first column of the command tokens.", revoke_token),
];

/// `createtoken NAME TOKEN --scopes SCOPES [--days DAYS]`.
///
/// # Errors
/// Returns an error if the user or a scope does not exist, or the token cannot be created.
fn create_token(context: &Context<'_>, arguments: &[String]) -> Result<()> {
    let mut arguments = Arguments::parse("createtoken", arguments, &["--scopes", "--days"], &[])?;
    let (scopes, days) = (arguments.value("--scopes").unwrap_or_default(), arguments.value("--days"));
    let (user, name) = arguments.name_and("a name for the token", "TOKEN")?;
    let user = named(&mut context.database.connect()?, user)?;
    let mut new = NewToken::new(name);
    let known: Vec<&str> = context.auth.token_scopes().collect();
    let scopes: Vec<&str> = scopes.split(',').map(str::trim).filter(|scope| !scope.is_empty()).collect();
    if known.is_empty() {
        return Err(Error::bad_request("no route accepts tokens yet: write .accept_tokens(\"…\") after a route or include"));
    }
    if scopes.is_empty() {
        let known = known.join(", ");
        return Err(Error::bad_request(format!("createtoken needs scopes, as in --scopes tickets,tasks:read; there are {known}")));
    }
    for scope in scopes {
        if !known.contains(&scope) {
            return Err(Error::bad_request(format!("there is no scope {}; there are {}", scope.escape_debug(), known.join(", "))));
        }
        new = new.scope(scope);
    }
    if let Some(days) = days {
        let days = days.parse().ok().filter(|days| (1..=MAX_DAYS).contains(days));
        let days = days.ok_or_else(|| Error::bad_request(format!("createtoken: --days is a whole number from 1 to {MAX_DAYS}")))?;
        new = new.expires_at(context.now + TimeDelta::days(days));
    }
    let (token, text) = context.database.write(|db| new.insert(db, &user, context.now))?;
    let end = token.expires_at.map(|end| format!(", which expires on {}", end.date_naive())).unwrap_or_default();
    (context.print)(&format!("created the token {} of {}{end}. It is shown only now:", token.id, user.username));
    (context.print)(&text);
    Ok(())
}

const MAX_DAYS: i64 = 36_500;

/// `tokens [NAME]`.
///
/// # Errors
/// Returns an error if the user does not exist.
fn list_tokens(context: &Context<'_>, arguments: &[String]) -> Result<()> {
    let arguments = Arguments::parse("tokens", arguments, &[], &[])?;
    let mut db = context.database.connect()?;
    let tokens: Vec<(Token, String)> = match arguments.optional()? {
        None => Token::all(&mut db)?,
        Some(name) => {
            let user = named(&mut db, name)?;
            Token::of_user(&mut db, user.id)?.into_iter().map(|token| (token, user.username.clone())).collect()
        }
    };
    let width = |text: fn(&(Token, String)) -> &str| tokens.iter().map(|row| text(row).chars().count()).max().unwrap_or(0);
    let (names, users) = (width(|(token, _)| &token.name), width(|(_, user)| user));
    for (token, user) in &tokens {
        let day = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M").to_string();
        let end = match token.expires_at {
            None => "never expires".to_owned(),
            Some(end) if token.is_expired(context.now) => format!("expired: {}", day(end)),
            Some(end) => format!("expires: {}", day(end)),
        };
        let (used, scopes) = (token.last_used_at.map_or("never".to_owned(), day), token.scopes().collect::<Vec<_>>().join(","));
        let Token { id, name, hint, .. } = token;
        (context.print)(&format!("{id:>4}  {user:<users$}  {name:<names$}  …{hint}  {scopes}  last used: {used}  {end}"));
    }
    if tokens.is_empty() {
        (context.print)("there are no tokens yet; createtoken creates one");
    }
    Ok(())
}

/// `revoketoken ID`.
///
/// # Errors
/// Returns an error if there is no such token.
fn revoke_token(context: &Context<'_>, arguments: &[String]) -> Result<()> {
    let arguments = Arguments::parse("revoketoken", arguments, &[], &[])?;
    let id = arguments.optional()?.and_then(|id| id.parse().ok());
    let id = id.ok_or_else(|| Error::bad_request("revoketoken needs the id of a token: revoketoken ID; the command tokens lists them"))?;
    let mut db = context.database.connect()?;
    let token = Token::find(&mut db, id)?;
    let token = token.ok_or_else(|| Error::not_found(format!("there is no token {id}; the command tokens lists them")))?;
    let user = User::find(&mut db, token.user_id)?.map(|user| format!(" of {}", user.username)).unwrap_or_default();
    drop(db);
    context.database.write(|db| token.revoke(db))?;
    (context.print)(&format!("revoked the token {id}, {}{user}", token.name));
    Ok(())
}
