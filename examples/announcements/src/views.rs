//! The page to edit the announcement.

use lback::prelude::*;

use crate::announcement::{Announcement, Current};

/// The permission that the page requires.
pub const EDIT: &str = "announcements.edit";

pub fn urls() -> Router {
    let pages = Router::new().get("/announcement", edit).name("announcement").post("/announcement", edit);
    Router::new().include("/", pages).permission_required(EDIT)
}

#[derive(Form)]
struct Edit {
    #[form(max_length = 300, label = "Announcement", help = "Shown on every page. Leave empty to remove it.")]
    text: Option<String>,
    #[form(label = "Closed to visitors")]
    closes_site: bool,
}

fn edit(req: &mut Request) -> Result<Response> {
    let mut form = Form::new();
    if let Some(Announcement { text, closes_site }) = Announcement::load(req.db()?)? {
        form = form.fill(&Edit { text: Some(text), closes_site });
    }
    if let Some(Edit { text, closes_site }) = form.submitted(req)? {
        let announcement = text.map(|text| Announcement { text, closes_site });
        Announcement::save(req.db()?, announcement.as_ref())?;
        let current = req.state::<Current>()?.clone();
        req.on_commit(move || current.set(announcement))?;
        return req.redirect_to("announcement", &[]);
    }
    req.render("announcements/edit.html", context! { form })
}
