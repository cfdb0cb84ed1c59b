//! The page with the form.

use lback_core::{Context, Request, Response, Result, context};
use lback_forms::{Form, Values};
use lback_models::Kind;
use serde::Serialize;

use super::super::files::FileView;
use super::super::inlines::InlineRows;
use super::super::layout::{Crumb, ModelView, link, render};
use super::super::readonly::{AddLink, Editor, FieldView, fixed};
use super::conflict::Conflict;
use super::row_view::RowView;
use super::{Edited, from_list, is_in_dialog};
use crate::access::{self, Right};
use crate::language::{text, within_sentence};
use crate::model_admin::Grouped;
use crate::names::Named;
use crate::site::Site;

/// Fields under a title.
#[derive(Serialize)]
pub(in crate::pages) struct GroupView {
    title: String,
    help: String,
    is_collapsed: bool,
    fields: Vec<FieldView>,
}

impl GroupView {
    pub(in crate::pages) fn new(title: &str, fields: Vec<FieldView>) -> Self {
        GroupView { title: title.to_owned(), help: String::new(), is_collapsed: false, fields }
    }

    pub(in crate::pages) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

/// The optional buttons below the form.
#[derive(Serialize)]
pub(in crate::pages) struct Buttons {
    pub(in crate::pages) another: bool,
    pub(in crate::pages) as_new: bool,
    /// `true` if the form is shown in a dialog.
    pub(in crate::pages) only_save: bool,
}

impl Edited<'_> {
    pub(super) fn page(&self, req: &mut Request, site: &Site, form: Form<Values>, conflict: Option<Conflict>) -> Result<Response> {
        let meta = self.model.meta();
        let groups = self.group_views(req, site, !form.errors().is_empty())?;
        let mut inlines = Vec::new();
        for (at, inline) in self.inlines.iter().enumerate() {
            inlines.push(inline.view(req, site, at)?);
        }
        let row = match &self.key {
            Some(key) => Some(RowView::of(req, self.model, key, &self.values)?.with_neighbours(req, site, self.model, &self.values)?),
            None => None,
        };
        let list = from_list(req)?.on(&link(req, "list", &[("model", &meta.table)])?);
        let label = row.as_ref().map_or_else(|| text!("Add {model}", model = within_sentence(meta.label)), |row| row.label.clone());
        let crumbs = vec![Crumb::new(meta.plural, Some(list)), Crumb::new(label, None)];
        let as_new = self.can_be_copied() && access::has(req, self.model, Right::Add)?;
        let mut context: Context = context! {
            model => ModelView::of(req, self.model)?,
            row,
            form,
            groups,
            has_files => self.inlines.iter().any(InlineRows::has_files),
            inlines,
            can_save => self.can_save,
            conflict,
            prepopulated => self.prepopulated_json(),
        };
        context.insert("buttons", &Buttons { another: access::has(req, self.model, Right::Add)?, as_new, only_save: is_in_dialog(req)? });
        render(req, "admin/edit.html", meta.table, crumbs, context)
    }

    /// Returns the feature of the page's script that a field uses: the check of JSON or the preview of Markdown.
    fn editor(&self, req: &Request, named: Named) -> Result<Option<Editor>> {
        let Named::Field(field) = named else { return Ok(None) };
        if field.kind == Kind::Json {
            return Ok(Some(Editor { kind: "json", preview: None }));
        }
        if !self.model.options.markdown.iter().any(|markdown| markdown.column == field.column) {
            return Ok(None);
        }
        let preview = link(req, "preview", &[("model", &self.model.meta().table), ("field", &field.name)])?;
        Ok(Some(Editor { kind: "markdown", preview: Some(preview) }))
    }

    /// Returns the file that a field of the row names.
    fn file(&self, req: &Request, named: Named) -> Result<Option<FileView>> {
        match named {
            Named::Field(field) if !self.is_new() => FileView::of_input(req, self.model, &self.values, field, field.name),
            _ => Ok(None),
        }
    }

    fn group_views(&self, req: &mut Request, site: &Site, has_errors: bool) -> Result<Vec<GroupView>> {
        let mut views = Vec::new();
        for group in &self.groups {
            let mut fields = Vec::new();
            for field in &group.fields {
                let named = match field {
                    Grouped::Named(named) => named,
                    // A new row has no values to compute from.
                    Grouped::Computed(_) if self.is_new() => continue,
                    Grouped::Computed(at) => {
                        let computed = &self.model.options.computed[*at];
                        fields.push(FieldView::fixed(computed.label, (computed.show)(&self.values)?));
                        continue;
                    }
                };
                let may_change = self.fields.iter().any(|field| field.name() == named.name());
                if may_change {
                    let add = add_link(req, site, *named)?;
                    let editor = self.editor(req, *named)?;
                    let file = self.file(req, *named)?;
                    fields.push(FieldView::input(named.name()).adding(add).edited_with(editor).with_file(file));
                } else if let Some(shown) = fixed(req, site, self.model, &self.values, *named, self.is_new())? {
                    fields.push(shown);
                }
            }
            if !fields.is_empty() {
                // A group with errors is not collapsed.
                let is_collapsed = group.is_collapsed && !has_errors;
                views.push(GroupView { is_collapsed, help: group.help.clone(), ..GroupView::new(&group.title, fields) });
            }
        }
        Ok(views)
    }
}

/// Returns the page that adds rows to which a field can refer.
fn add_link(req: &mut Request, site: &Site, named: Named) -> Result<Option<AddLink>> {
    match named.to().and_then(|to| site.find(to.table)) {
        Some(model) if access::has(req, model, Right::Add)? => {
            let url = link(req, "add", &[("model", &model.meta().table)])?;
            Ok(Some(AddLink { url, label: within_sentence(model.meta().label) }))
        }
        _ => Ok(None),
    }
}
