//! Saves a row with the values of its form.

use lback_core::{Error, Request, Response, Result, StatusCode};
use lback_db::RequestDb;
use lback_forms::{Form, Values};
use lback_models::{RowValues, Value};
use lback_session::RequestSession;

use super::super::file_inputs::{ask_again, sent_files};
use super::super::inputs::{chosen_keys, input_value};
use super::super::layout::{link, row_link};
use super::super::row_errors::RowErrors;
use super::{Edited, SEEN, added, fingerprint, from_list, is_in_dialog, without};
use crate::access::{self, Right};
use crate::history::RowState;
use crate::language::text;
use crate::names::Named;
use crate::saving::{self, Links, Old, in_savepoint, refusal};
use crate::site::Site;
use crate::stored_files::{self, NewFile, is_file};

/// The button that was pressed.
#[derive(serde::Deserialize)]
pub(in crate::pages) struct Then {
    #[serde(default)]
    pub(in crate::pages) then: String,
}

impl Edited<'_> {
    /// Saves the row if the form is valid, and returns the redirect. `before` is the state of a row that is changed.
    pub(super) fn save(
        &self,
        req: &mut Request,
        site: &Site,
        form: &mut Form<Values>,
        before: Option<&RowState>,
    ) -> Result<Option<Response>> {
        let sent = sent_files(req)?;
        let saved = self.save_valid(req, site, form, before)?;
        if saved.is_none() {
            ask_again(&sent, form);
        }
        Ok(saved)
    }

    fn save_valid(&self, req: &mut Request, site: &Site, form: &mut Form<Values>, before: Option<&RowState>) -> Result<Option<Response>> {
        let Some(mut given) = form.submitted(req)? else { return Ok(None) };
        let then = req.form::<Then>()?.then;
        let is_copy = then == "as_new";
        let before = before.filter(|_| !is_copy);
        if let Some(before) = before
            && given.text(SEEN) != fingerprint(&without(before, &self.unseen))
        {
            return Ok(None);
        }
        if is_copy {
            access::require(req, self.model, Right::Add)?;
            if !self.can_be_copied() {
                return Err(Error::bad_request(text!("This cannot be saved as new, because its key would be the same.")));
            }
        }
        let mut files = Vec::new();
        let (mut row, links) = self.with(req, site, &mut given, is_copy, &mut files)?;
        self.prepopulate(&mut row, form);
        let row_errors = RowErrors { model: self.model, prefix: "", label: "" };
        row_errors.clean(&row, form)?;
        let mut planned = Vec::new();
        // A copy has none of the rows that refer to the original.
        for inline in self.inlines.iter().filter(|_| !is_copy) {
            planned.extend(inline.planned(req, site, &mut given, form, &mut files)?);
        }
        if !form.errors().is_empty() {
            return Ok(None);
        }
        stored_files::store(req, &files)?;
        // The inline row that was refused.
        let mut refused = None;
        let saved = in_savepoint(req, |req| {
            let old = before.map(|state| Old { row: &self.values, state });
            let saved = saving::save(req, self.model, row.clone(), old, &links)?;
            let parent = self.model.ops.key(&saved).into_iter().next().unwrap_or(Value::Null);
            for row in &planned {
                row.write(req, &parent, &mut refused)?;
            }
            refused = None;
            Ok(saved)
        });
        if saved.is_err() {
            stored_files::discard(req, &files);
        }
        match saved {
            Ok(saved) => self.saved(req, &saved, before.is_none(), &then).map(Some),
            Err(error) if error.status() == StatusCode::CONFLICT && refusal(&error).is_none() => {
                form.add_form_error(text!(
                    "This has been changed or deleted since you opened it. Copy what you have written, and open it again."
                ));
                Ok(None)
            }
            Err(error) => {
                match refused {
                    Some(inline) => inline.explain(req.db()?, error, form)?,
                    None => row_errors.explain(req.db()?, &row, error, form)?,
                }
                Ok(None)
            }
        }
    }

    /// Returns the row, or a new one, with the values of the form, and the rows to which it is to be linked. Adds the files that must be
    /// stored for it.
    fn with(
        &self,
        req: &mut Request,
        site: &Site,
        given: &mut Values,
        is_copy: bool,
        files: &mut Vec<NewFile>,
    ) -> Result<(RowValues, Vec<Links>)> {
        let mut row = if self.is_new() || is_copy { self.model.ops.blank(req.now())? } else { self.values.clone() };
        let mut links = Vec::new();
        for named in &self.fields {
            match *named {
                Named::Field(field) => {
                    let at = self.model.meta().position(field.column);
                    // A copy shares the files of the original.
                    let kept = || is_file(field).then(|| self.value(field).clone());
                    if let (Some(at), Some(value)) = (at, input_value(field, field.name, given, files)?.or_else(kept)) {
                        row[at] = value;
                    }
                }
                Named::Link(link) => {
                    let linked =
                        if self.is_new() || is_copy { Vec::new() } else { self.model.ops.linked(req.db()?, link, &self.values)? };
                    let seen = access::seen(req, site, (link.model)(), linked.clone())?;
                    let keys = chosen_keys(link, link.name, given, &linked, &seen);
                    links.push((link, keys));
                }
            }
        }
        Ok((row, links))
    }

    fn saved(&self, req: &mut Request, row: &[Value], is_new: bool, then: &str) -> Result<Response> {
        if is_new && is_in_dialog(req)? {
            return added(req, self.model, row);
        }
        let meta = self.model.meta();
        let label = self.model.ops.label(row);
        let message = match is_new {
            true => text!("{model} \"{row}\" has been added.", model = meta.label, row = label),
            false => text!("{model} \"{row}\" has been saved.", model = meta.label, row = label),
        };
        req.session().flash("success", &message);
        let url = match then {
            "continue" | "as_new" => row_link(req, "row", self.model, &self.model.ops.key_text(row))?,
            "another" => link(req, "add", &[("model", &meta.table)])?,
            _ => from_list(req)?.on(&link(req, "list", &[("model", &meta.table)])?),
        };
        Ok(Response::redirect(&url))
    }
}
