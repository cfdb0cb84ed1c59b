//! Imports rows from CSV: shows the rows that a file would add and change, and writes them after a confirmation.

mod columns;
mod keys;
mod parse;
mod plan;
mod preview;
mod problems;
mod references;
mod values;
mod write;

use lback_auth::User;
use lback_core::{Error, Method, Request, Response, Result, context};
use lback_models::Model as _;
use lback_session::RequestSession;
use serde::Deserialize;

use self::columns::{columns, known, usable};
use self::parse::{decoded, parse};
use self::plan::plan;
use self::preview::Preview;
use self::problems::Problems;
use self::write::{Written, write};
use super::confirm::confirm_for;
use super::layout::{Crumb, ModelView, link, render, site_and_table};
use crate::access::{self, Right};
use crate::history::Recorder;
use crate::language::{text, within_sentence};
use crate::site::{Registered, Site};

/// The largest file, in bytes.
const MOST_BYTES: usize = 2 * 1024 * 1024;
/// The largest body of a request: the text of a file is sent again to confirm it, with at most six bytes for each of its bytes.
pub(super) const MOST_BODY: u64 = 6 * MOST_BYTES as u64 + 64 * 1024;
/// The longest text with problems that is shown for correction, in bytes.
const MOST_EDITED: usize = 100_000;

/// The fields of the form, apart from the file.
#[derive(Deserialize)]
struct Submitted {
    #[serde(default)]
    text: String,
    /// `true` if columns that cannot be imported are left out.
    #[serde(default)]
    leave_out: bool,
    /// `true` if the rows are written. Otherwise, they are only tried.
    #[serde(default)]
    confirm: bool,
}

/// Returns whether rows of a model can be imported by users who may add them. Users cannot be imported: their own methods create them.
pub(super) fn can_import(model: &Registered) -> bool {
    model.meta().table != User::META.table
}

pub(super) fn import(req: &mut Request) -> Result<Response> {
    let (site, table) = site_and_table(req)?;
    let model = site.model(&table)?;
    access::require(req, model, Right::Add)?;
    if !can_import(model) {
        return Err(Error::not_found(text!("Users cannot be imported. Add them one by one.")));
    }
    if *req.method() != Method::POST {
        return page(req, &site, model, Draft::default());
    }
    let submitted: Submitted = req.form()?;
    if submitted.confirm
        && let Some(page) = confirm_for(req, model)?
    {
        return Ok(page);
    }
    let mut draft = Draft { leaves_out: submitted.leave_out, ..Draft::default() };
    let text = match text_of(req, submitted.text)? {
        Ok(text) => text,
        Err(message) => {
            draft.problems.add(message);
            return page(req, &site, model, draft);
        }
    };
    let written = match read(req, &site, model, &text, submitted.confirm, &mut draft)? {
        Some(written) if submitted.confirm && draft.problems.is_empty() => written,
        _ => {
            draft.text = text;
            return page(req, &site, model, draft);
        }
    };
    let message = message(model, &written);
    req.session().flash("success", &message);
    Ok(Response::redirect(&link(req, "list", &[("model", &table)])?))
}

/// The submitted text, and the problems that were found in it.
#[derive(Default)]
struct Draft {
    text: String,
    leaves_out: bool,
    problems: Problems,
    preview: Option<Preview>,
}

/// Returns the text of the chosen file, or else the pasted text; or a message if it cannot be read.
fn text_of(req: &mut Request, pasted: String) -> Result<std::result::Result<String, String>> {
    let mut text = pasted;
    if req.content_type().as_deref() == Some("multipart/form-data")
        && let Some(file) = req.multipart()?.file("file")
    {
        if file.len() > MOST_BYTES as u64 {
            return Ok(Err(too_large()));
        }
        text = match decoded(file.bytes()?) {
            Ok(text) => text,
            Err(message) => return Ok(Err(message)),
        };
    } else if text.trim().is_empty() {
        return Ok(Err(text!("Choose a file, or paste its text.")));
    }
    // A form sends two bytes for each line break.
    let text = text.replace("\r\n", "\n");
    Ok(if text.len() > MOST_BYTES { Err(too_large()) } else { Ok(text) })
}

fn too_large() -> String {
    text!("The file is larger than 2 MiB. Split it into several files.")
}

/// Reads a text, and writes its rows or tries them. Returns the numbers of rows, if the text can be read.
fn read(req: &mut Request, site: &Site, model: &Registered, text: &str, confirm: bool, draft: &mut Draft) -> Result<Option<Written>> {
    let problems = &mut draft.problems;
    let Some(table) = parse(text, problems) else { return Ok(None) };
    let usable = usable(req, site, model)?;
    let Some(columns) = columns(model.meta(), usable, &table.header, draft.leaves_out, problems) else { return Ok(None) };
    if table.rows.is_empty() {
        if problems.is_empty() {
            problems.add_at(1, text!("There are no rows below the first one, which names the fields."));
        }
        return Ok(None);
    }
    let plan = plan(req, model, &columns, &table, problems)?;
    let list = access::rows(req, model)?;
    let recorder = if confirm { Some(Recorder::of(req)?) } else { None };
    let written = write(req, model, &list, &plan.rows, recorder.as_ref(), problems)?;
    draft.preview = Some(Preview::of(req, columns, plan, &written, problems)?);
    Ok(Some(written))
}

/// Returns the message for the visitor after an import.
fn message(model: &Registered, written: &Written) -> String {
    let meta = model.meta();
    let counted = |count: usize| format!("{count} {}", within_sentence(if count == 1 { meta.label } else { meta.plural }));
    let (added, changed) = (counted(written.added), counted(written.changed));
    match (written.added, written.changed) {
        (0, 0) => text!("Nothing was imported, because all rows have these values already."),
        (_, 0) => text!("The import has added {added}. The history can undo it.", added),
        (0, _) => text!("The import has changed {changed}. The history can undo it.", changed),
        (_, _) => text!("The import has added {added} and changed {changed}. The history can undo it.", added, changed),
    }
}

fn page(req: &mut Request, site: &Site, model: &Registered, draft: Draft) -> Result<Response> {
    let meta = model.meta();
    let known = known(meta, &usable(req, site, model)?);
    let list = link(req, "list", &[("model", &meta.table)])?;
    let action_url = link(req, "import", &[("model", &meta.table)])?;
    let is_valid = draft.problems.is_empty();
    let Draft { text, leaves_out, problems, preview } = draft;
    let (problems, more_problems) = problems.into_shown();
    let can_confirm = is_valid && preview.as_ref().is_some_and(Preview::writes);
    // A text with problems can be corrected on the page, unless it is long.
    let edited = if is_valid || text.len() > MOST_EDITED { String::new() } else { text.clone() };
    let context = context! {
        model => ModelView::of(req, model)?,
        known,
        problems,
        more_problems,
        preview,
        can_confirm,
        text => if can_confirm { text } else { String::new() },
        edited,
        leaves_out,
        action_url,
    };
    let crumbs = vec![Crumb::new(meta.plural, Some(list)), Crumb::new(text!("Import"), None)];
    render(req, "admin/import.html", meta.table, crumbs, context)
}
