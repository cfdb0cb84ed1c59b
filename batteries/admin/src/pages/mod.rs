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

use lback_core::{Request, Response, Result, Router};

use crate::templates::{FORMS_SCRIPT, ICON, SCRIPT, STYLE};

/// The time limit of pages that write many rows.
const MOST_TIME: Duration = Duration::from_secs(120);

/// Returns the routes of the pages. Those without a model are below `-`, which cannot be the name of a table.
#[rustfmt::skip] // one route a line
pub(crate) fn urls() -> Router {
    Router::new()
        .get("/", index::index).name("index")
        .get("/-/style.css", style).name("style")
        .get("/-/script.js", script).name("script")
        .get("/-/forms.js", forms_script).name("forms-script")
        .get("/-/icon.svg", icon).name("icon")
        .get("/-/find", find::find).name("find")
        .get("/-/history", history::all).name("history")
        .get("/-/history/{id:int}/row", history::state).name("state")
        .post("/-/history/{batch}/undo", history::undo).timeout(MOST_TIME).name("undo")
        .get("/-/info/{page}", info::show).name("info")
        .post("/-/info/{page}/{action}", info::act).name("info-action")
        .get("/auth_users/add", users::add)
        .post("/auth_users/add", users::add)
        .get("/auth_users/row/{key}", users::change)
        .post("/auth_users/row/{key}", users::change)
        .get("/auth_users/row/{key}/password", users::password).name("user-password")
        .post("/auth_users/row/{key}/password", users::password)
        .get("/auth_users/row/{key}/sessions", users::sessions).name("user-sessions")
        .post("/auth_users/row/{key}/act-as", acting::begin).name("user-act-as")
        .post("/auth_users/row/{key}/end-sessions", users::end_sessions).name("user-end-sessions")
        .get("/{model}", list::list).name("list")
        .post("/{model}", actions::run).timeout(MOST_TIME)
        .get("/{model}/add", edit::add).name("add")
        .post("/{model}/add", edit::add)
        .get("/{model}/export", export::export).name("export")
        .get("/{model}/import", import::import).name("import")
        .post("/{model}/import", import::import).body_limit(import::MOST_BODY).timeout(MOST_TIME)
        .get("/{model}/choices/{field}", find::choices).name("choices")
        .post("/{model}/preview/{field}", preview::markdown).body_limit(preview::MOST_BODY).name("preview")
        .post("/{model}/delete", delete::several).timeout(MOST_TIME).name("delete-several")
        .post("/{model}/views", views::save).name("save-view")
        .post("/{model}/views/{id:int}/delete", views::delete).name("delete-view")
        .get("/{model}/row/{key}", edit::change).name("row")
        .post("/{model}/row/{key}", edit::change)
        .get("/{model}/row/{key}/file/{field}", files::show).name("file")
        .get("/{model}/row/{key}/delete", delete::one).name("delete")
        .post("/{model}/row/{key}/delete", delete::one).timeout(MOST_TIME)
        .get("/{model}/row/{key}/history", history::of_row).name("row-history")
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
