use lback::prelude::*;
use serde::Deserialize;

use crate::models::{Note, notes};

pub fn index(req: &mut Request) -> Result<Response> {
    let visits = req.session().update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    let notes: Vec<Note> = notes::table.order(notes::id.desc()).select(Note::as_select()).load(req.db()?)?;
    req.render("index.html", context! { visits, notes })
}

#[derive(Deserialize)]
struct NoteForm {
    text: String,
}

pub fn add(req: &mut Request) -> Result<Response> {
    let form: NoteForm = req.form()?;
    if form.text.trim().is_empty() {
        return Err(Error::bad_request("A note needs a text."));
    }
    diesel::insert_into(notes::table).values(notes::text.eq(form.text.trim())).execute(req.db()?)?;
    req.session().flash("success", "Noted.");
    req.redirect_to("index", &[])
}

pub fn show(req: &mut Request) -> Result<Response> {
    let id: i64 = req.param("id")?;
    let note = notes::table.find(id).select(Note::as_select()).first(req.db()?).or_404()?;
    req.render("note.html", context! { note })
}
