//! The pages. Each module has the views of one of them.

pub(crate) mod acting;
mod actions;
mod change_view;
mod columns;
mod conditions;
mod confirm;
mod dates;
mod delete;
mod deletion;
mod edit;
mod editable;
mod export;
mod export_formats;
mod file_inputs;
mod files;
mod filter_counts;
mod filter_views;
mod filters;
mod find;
mod history;
mod import;
mod index;
mod info;
mod inlines;
mod inputs;
mod layout;
mod list;
mod list_rows;
mod preview;
mod readonly;
mod row_errors;
mod search;
pub(crate) mod users;
mod views;
#[cfg(feature = "xlsx")]
mod xlsx;

use std::time::Duration;

use lback_auth::safe_next;
use lback_core::{Cookie, CookieDuration, Error, Method, Request, Response, Result, Router, SameSite, StatusCode, context};
use lback_db::is_missing_table;

use self::layout::{Crumb, link, render};
use crate::language::{COOKIE, ENGLISH, in_language, text};
use crate::site::Site;
use crate::templates::{FORMS_SCRIPT, ICON, SCRIPT, STYLE};

/// The time limit of pages that write many rows.
const MOST_TIME: Duration = Duration::from_secs(120);

/// Returns the routes of the pages. Those without a model are below `-`, which cannot be the name of a table.
#[rustfmt::skip] // one route a line
pub(crate) fn urls() -> Router {
    Router::new()
        .get("/", page(index::index)).name("index")
        .get("/-/style.css", style).name("style")
        .get("/-/script.js", script).name("script")
        .get("/-/forms.js", forms_script).name("forms-script")
        .get("/-/icon.svg", icon).name("icon")
        .post("/-/language", page(choose_language)).name("language")
        .get("/-/find", page(find::find)).name("find")
        .get("/-/history", page(history::all)).name("history")
        .get("/-/history/{id:int}/row", page(history::state)).name("state")
        .post("/-/history/{batch}/undo", page(history::undo)).timeout(MOST_TIME).name("undo")
        .get("/-/info/{page}", page(info::show)).name("info")
        .post("/-/info/{page}/{action}", page(info::act)).name("info-action")
        .get("/auth_users/add", page(users::add))
        .post("/auth_users/add", page(users::add))
        .get("/auth_users/row/{key}", page(users::change))
        .post("/auth_users/row/{key}", page(users::change))
        .get("/auth_users/row/{key}/password", page(users::password)).name("user-password")
        .post("/auth_users/row/{key}/password", page(users::password))
        .get("/auth_users/row/{key}/sessions", page(users::sessions)).name("user-sessions")
        .post("/auth_users/row/{key}/act-as", page(acting::begin)).name("user-act-as")
        .post("/auth_users/row/{key}/end-sessions", page(users::end_sessions)).name("user-end-sessions")
        .get("/{model}", page(list::list)).name("list")
        .post("/{model}", page(actions::run)).timeout(MOST_TIME)
        .get("/{model}/add", page(edit::add)).name("add")
        .post("/{model}/add", page(edit::add))
        .get("/{model}/export", page(export::export)).name("export")
        .get("/{model}/import", page(import::import)).name("import")
        .post("/{model}/import", page(import::import)).body_limit(import::MOST_BODY).timeout(MOST_TIME)
        .get("/{model}/choices/{field}", page(find::choices)).name("choices")
        .post("/{model}/preview/{field}", page(preview::markdown)).body_limit(preview::MOST_BODY).name("preview")
        .post("/{model}/delete", page(delete::several)).timeout(MOST_TIME).name("delete-several")
        .post("/{model}/views", page(views::save)).name("save-view")
        .post("/{model}/views/{id:int}/delete", page(views::delete)).name("delete-view")
        .get("/{model}/row/{key}", page(edit::change)).name("row")
        .post("/{model}/row/{key}", page(edit::change))
        .get("/{model}/row/{key}/file/{field}", page(files::show)).name("file")
        .get("/{model}/row/{key}/delete", page(delete::one)).name("delete")
        .post("/{model}/row/{key}/delete", page(delete::one)).timeout(MOST_TIME)
        .get("/{model}/row/{key}/history", page(history::of_row)).name("row-history")
}

/// Returns a view that answers in the language of its visitor, and with a page that names the remedy if a table is missing.
pub(crate) fn page(view: fn(&mut Request) -> Result<Response>) -> impl Fn(&mut Request) -> Result<Response> + Send + Sync + 'static {
    move |req: &mut Request| {
        in_language(req, |req| match view(req) {
            // A request that writes is rolled back only by an error.
            Err(error) if is_missing_table(&error) && *req.method() == Method::GET => missing_table(req, &error).or(Err(error)),
            answer => answer,
        })
    }
}

/// Returns the page for a table that the database lacks.
fn missing_table(req: &mut Request, error: &Error) -> Result<Response> {
    let causes: Vec<String> = error.causes().map(ToString::to_string).collect();
    let cause = causes.last().cloned().unwrap_or_else(|| error.message().to_owned());
    tracing::error!(target: "lback::admin", cause, "the database lacks a table or a column of a page: run migrate");
    let title = text!("The database lacks a table or a column");
    let text = text!(
        "The database says: {cause}. If migrations are pending, run the command migrate. If the model has no migration for it yet, run \
         makemigrations before.",
        cause
    );
    let back = link(req, "index", &[])?;
    let page = render(req, "admin/message.html", "", vec![Crumb::new(title.clone(), None)], context! { title, text, back })?;
    Ok(page.with_status(StatusCode::SERVICE_UNAVAILABLE))
}

/// The form that chooses the language of the pages.
#[derive(serde::Deserialize)]
struct ChosenLanguage {
    #[serde(default)]
    language: String,
    #[serde(default)]
    next: String,
}

/// Remembers the language in the browser, and goes back to the page.
fn choose_language(req: &mut Request) -> Result<Response> {
    let ChosenLanguage { language, next } = req.form()?;
    let site = Site::unadjusted(req)?;
    if !["", ENGLISH].contains(&language.as_str()) && !site.languages.iter().any(|known| known.code == language) {
        return Err(Error::bad_request(text!("The admin has no such language.")));
    }
    let home = link(req, "index", &[])?;
    let (secure, is_none) = (!req.app().config().debug, language.is_empty());
    let cookie = Cookie::build((COOKIE, language)).path(home.clone()).http_only(true).secure(secure).same_site(SameSite::Lax);
    // Without a language, it is that of the browser again.
    let age = if is_none { CookieDuration::ZERO } else { CookieDuration::days(365) };
    req.cookies().add(cookie.max_age(age));
    Ok(Response::redirect(safe_next(&next).unwrap_or(&home)))
}

fn style(_: &mut Request) -> Result<Response> {
    file(STYLE, "text/css; charset=utf-8")
}

fn icon(_: &mut Request) -> Result<Response> {
    file(ICON, "image/svg+xml")
}

fn script(_: &mut Request) -> Result<Response> {
    file(SCRIPT, "text/javascript; charset=utf-8")
}

fn forms_script(_: &mut Request) -> Result<Response> {
    file(FORMS_SCRIPT, "text/javascript; charset=utf-8")
}

fn file(text: &'static str, media_type: &str) -> Result<Response> {
    Response::text(text).with_header("content-type", media_type)?.with_header("cache-control", "private, max-age=3600")
}
