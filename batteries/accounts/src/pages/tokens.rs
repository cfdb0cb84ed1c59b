//! The user's API tokens.
//!
//! Creating and rotating one takes the password, because the token outlives the session.

use chrono::{DateTime, TimeDelta, Utc};
use lback_auth::{LoginRefused, NewToken, RequestAuth, Throttled, Token, User};
use lback_core::{Error, Request, Response, Result, StatusCode, context};
use lback_db::RequestDb;
use lback_forms::{Form, FormFields};
use lback_session::RequestSession;
use serde::Serialize;

use super::{answer, link, redirect, render};

#[derive(Form)]
#[form(crate = lback_forms)]
struct New {
    #[form(max_length = 100, help = "What the token is for, so that you recognize it.")]
    name: String,
    #[form(label = "It may be used for", checkboxes, required)]
    scopes: Vec<String>,
    #[form(label = "It expires", choices = LIFETIMES, initial = "90")]
    days: String,
    #[form(password, label = "Your password", max_length = 4000, autocomplete = "current-password")]
    password: String,
}

/// The days after which a new token expires.
const LIFETIMES: [(&str, &str); 5] =
    [("7", "in a week"), ("30", "in 30 days"), ("90", "in 90 days"), ("365", "in a year"), ("never", "never")];

#[derive(Form)]
#[form(crate = lback_forms)]
struct Confirm {
    #[form(password, label = "Your password", max_length = 4000, autocomplete = "current-password")]
    password: String,
}

/// A token, as its owner sees it.
#[derive(Serialize)]
struct Shown {
    name: String,
    hint: String,
    scopes: Vec<String>,
    created: String,
    last_used: Option<String>,
    expires: Option<String>,
    is_expired: bool,
    rotate: String,
    revoke: String,
}

/// The list, with the form for a new token.
pub(super) fn tokens(req: &mut Request) -> Result<Response> {
    let (auth, user) = (req.auth()?, req.require_login()?);
    let (mut form, mut throttled) = (Form::<New>::new().choices("scopes", auth.token_scopes()), None);
    if let Some(new) = form.submitted(req)? {
        match req.confirm_password(&new.password)? {
            Ok(()) => match create(req, &user, &new) {
                Ok((token, text)) => return show(req, &token, &text),
                Err(error) if error.status() == StatusCode::BAD_REQUEST => form.add_form_error(error.message()),
                Err(error) => return Err(error),
            },
            Err(refused) => throttled = refuse(&mut form, refused),
        }
    }
    let now = req.now();
    let mut tokens = Vec::new();
    for token in req.read_db(|db| Token::of_user(db, user.id))? {
        tokens.push(Shown {
            scopes: token.scopes().map(str::to_owned).collect(),
            created: time(token.created_at),
            last_used: token.last_used_at.map(time),
            expires: token.expires_at.map(time),
            is_expired: token.is_expired(now),
            rotate: link(req, "token-rotate", &[("id", &token.id)])?,
            revoke: link(req, "token-revoke", &[("id", &token.id)])?,
            name: token.name,
            hint: token.hint,
        });
    }
    let username = &user.username;
    Ok(answer(render(req, "account/tokens.html", context! { form, tokens, username })?, throttled))
}

fn create(req: &mut Request, user: &User, form: &New) -> Result<(Token, String)> {
    let now = req.now();
    let mut new = form.scopes.iter().fold(NewToken::new(&form.name), |new, scope| new.scope(scope));
    if let Ok(days) = form.days.parse() {
        new = new.expires_at(now + TimeDelta::days(days));
    }
    new.insert(req.db()?, user, now)
}

pub(super) fn rotate(req: &mut Request) -> Result<Response> {
    let user = req.require_login()?;
    let mut token = own_token(req, &user)?;
    let (mut form, mut throttled) = (Form::<Confirm>::new(), None);
    if let Some(Confirm { password }) = form.submitted(req)? {
        match req.confirm_password(&password)? {
            Ok(()) => {
                let now = req.now();
                let text = token.rotate(req.db()?, now)?;
                return show(req, &token, &text);
            }
            Err(refused) => throttled = refuse(&mut form, refused),
        }
    }
    let (name, username) = (&token.name, &user.username);
    Ok(answer(render(req, "account/token_rotate.html", context! { form, name, username })?, throttled))
}

pub(super) fn revoke(req: &mut Request) -> Result<Response> {
    let user = req.require_login()?;
    let token = own_token(req, &user)?;
    token.revoke(req.db()?)?;
    req.session().flash("success", "The token has been revoked.");
    redirect(req, "tokens")
}

/// Shows a token, which is not stored anywhere.
fn show(req: &mut Request, token: &Token, text: &str) -> Result<Response> {
    let (name, expires) = (&token.name, token.expires_at.map(time));
    render(req, "account/token_created.html", context! { name, expires, text })
}

/// Returns the token that the path names. The answer is the same for a missing token and for another user's.
fn own_token(req: &mut Request, user: &User) -> Result<Token> {
    let id: i64 = req.param("id")?;
    let token = req.read_db(|db| Token::find(db, id))?.filter(|token| token.user_id == user.id);
    token.ok_or_else(|| Error::not_found("This token was not found. It may already be revoked."))
}

/// Adds to a form why the password was not accepted.
fn refuse<T: FormFields>(form: &mut Form<T>, refused: LoginRefused) -> Option<Throttled> {
    match refused {
        LoginRefused::TooMany(wait) => {
            form.add_form_error(wait.to_string());
            Some(wait)
        }
        LoginRefused::Wrong => {
            form.add_error("password", "That is not your password.");
            None
        }
        other => {
            form.add_form_error(other.to_string());
            None
        }
    }
}

fn time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M").to_string()
}
