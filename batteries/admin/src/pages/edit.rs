//! The form of a row: a new one, or one that is changed.

use diesel::Connection as _;
use lback_core::{Context, Error, Method, Request, Response, Result, StatusCode, context};
use lback_db::RequestDb;
use lback_forms::{Field, FieldKind, Form, FormErrors, Values};
use lback_models::runtime::{form_field, form_texts, form_value, link_form_field, ops_of, within_sentence};
use lback_models::{Auto, FieldMeta, Kind, ManyToManyMeta, ModelOps as _, RowValues, Value};
use lback_session::RequestSession;
use serde::Serialize;

use super::confirm::confirm_for;
use super::inlines::InlineRows;
use super::layout::{Crumb, ModelView, key_of_path, link, render, row_link, site_and_table};
use super::list::narrowed;
use super::list_rows::FROM;
use super::readonly::{FieldView, fixed};
use crate::access::{self, Right};
use crate::history::{Recorder, RowState, state_of};
use crate::model_admin::Group;
use crate::names::Named;
use crate::query_string::QueryString;
use crate::shown::{json_text, label_of};
use crate::site::{Registered, Site};

/// The hidden field that identifies the state of the row from which the form was filled in.
pub(super) const SEEN: &str = "_seen";
/// The maximum number of rows to which a form links a row.
const MOST_LINKED: usize = 1000;

/// The keys of the rows to which a row is to be linked by a relation.
type Links = (&'static ManyToManyMeta, Vec<Value>);

/// The row of a form.
struct Edited<'a> {
    model: &'a Registered,
    /// The values of the row: those of the database, or those of a new row.
    values: Vec<Value>,
    /// The key as text. `None` for a new row.
    key: Option<String>,
    groups: Vec<Group>,
    /// The fields that the visitor may change.
    fields: Vec<Named>,
    can_save: bool,
    inlines: Vec<InlineRows<'a>>,
}

pub(super) fn add(req: &mut Request) -> Result<Response> {
    let (site, table) = site_and_table(req)?;
    let model = site.model(&table)?;
    access::require(req, model, Right::Add)?;
    if let Some(page) = confirm_for(req, model)? {
        return Ok(page);
    }
    let values = model.ops.blank(req.now())?;
    let edited = Edited::new(req, &site, model, values, None, true)?;
    let mut form = edited.form(req, &site)?;
    let query = QueryString::of(req)?;
    for name in edited.fields.iter().map(|named| named.name()) {
        if let Some(value) = query.get(name) {
            form = form.initial(name, value);
        }
    }
    if let Some(response) = edited.save(req, &site, &mut form, None)? {
        return Ok(response);
    }
    edited.page(req, &site, form, None)
}

pub(super) fn change(req: &mut Request) -> Result<Response> {
    let (site, table) = site_and_table(req)?;
    let model = site.model(&table)?;
    access::require(req, model, Right::View)?;
    if *req.method() == Method::POST {
        access::require(req, model, Right::Change)?;
        if let Some(page) = confirm_for(req, model)? {
            return Ok(page);
        }
    }
    let (key, values) = row_of_path(req, model)?;
    let can_save = access::has_for(req, model, Right::Change, &values)?;
    let edited = Edited::new(req, &site, model, values, Some(key), can_save)?;
    let mut form = edited.form(req, &site)?;
    let state = state_of(req.db()?, model.ops, &edited.values, false)?;
    form = form.initial(SEEN, fingerprint(&state).as_str());
    if *req.method() == Method::POST {
        access::require_for(req, model, Right::Change, &edited.values)?;
    }
    if let Some(response) = edited.save(req, &site, &mut form, Some(&state))? {
        return Ok(response);
    }
    let mut conflict = None;
    if form.values(SEEN) != [fingerprint(&state)] {
        conflict = Some(edited.conflict(req, &form, &state)?);
        // Saving again overwrites the values that the visitor sees now.
        form = form.initial(SEEN, fingerprint(&state).as_str());
    }
    edited.page(req, &site, form, conflict)
}

/// Returns the key and the row that the path names.
///
/// # Errors
/// Returns 404 if the row does not exist, or if the user may not see it.
pub(super) fn row_of_path(req: &mut Request, model: &Registered) -> Result<(String, Vec<Value>)> {
    let text = key_of_path(&req.param::<String>("key")?);
    let missing = || Error::not_found(format!("There is no such {}. It may have been deleted.", within_sentence(model.meta().label)));
    let key = model.ops.read_key(&text).ok_or_else(missing)?;
    let row = access::rows(req, model)?.find(req.db()?, &key)?.ok_or_else(missing)?;
    Ok((text, row))
}

/// Returns a hash of the row, which changes with it.
pub(super) fn fingerprint(state: &RowState) -> String {
    // FNV-1a, which stays the same in all versions.
    let text = serde_json::Value::Object(state.clone()).to_string();
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

impl Named {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Named::Field(field) => field.name,
            Named::Link(link) => link.name,
        }
    }
}

/// Fields under a title.
#[derive(Serialize)]
pub(super) struct GroupView {
    title: String,
    is_collapsed: bool,
    fields: Vec<FieldView>,
}

impl GroupView {
    pub(super) fn new(title: &str, fields: Vec<FieldView>) -> Self {
        GroupView { title: title.to_owned(), is_collapsed: false, fields }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

/// A row, with the links of the page about it.
#[derive(Serialize)]
pub(super) struct RowView {
    label: String,
    url: String,
    history: String,
    delete: Option<String>,
    on_site: Option<String>,
    previous: Option<String>,
    next: Option<String>,
    pub(super) links: Vec<RowLink>,
}

/// Another page about a row.
#[derive(Serialize)]
pub(super) struct RowLink {
    pub(super) label: &'static str,
    pub(super) url: String,
}

#[derive(Serialize)]
struct Conflict {
    fields: Vec<Different>,
    by: Option<String>,
}

#[derive(Serialize)]
struct Different {
    label: String,
    theirs: String,
    yours: String,
}

impl<'a> Edited<'a> {
    fn new(
        req: &mut Request,
        site: &'a Site,
        model: &'a Registered,
        values: Vec<Value>,
        key: Option<String>,
        can_save: bool,
    ) -> Result<Self> {
        let mut edited = Edited { model, values, key, groups: groups(model), fields: Vec::new(), can_save, inlines: Vec::new() };
        if can_save {
            for named in edited.groups.iter().flat_map(|group| group.fields.clone()) {
                if edited.may_change(req, site, named)? {
                    edited.fields.push(named);
                }
            }
        }
        edited.inlines = InlineRows::all(req, site, &model.options.inlines, edited.parent().as_ref())?;
        Ok(edited)
    }

    /// Returns the key by which other rows refer to this row. `None` for a new row.
    fn parent(&self) -> Option<Value> {
        self.key.as_ref().and_then(|_| self.model.ops.key(&self.values).into_iter().next())
    }

    fn is_new(&self) -> bool {
        self.key.is_none()
    }

    fn may_change(&self, req: &mut Request, site: &Site, named: Named) -> Result<bool> {
        if self.model.options.readonly.contains(&named.name()) {
            return Ok(false);
        }
        let to = match named {
            Named::Link(link) => Some((link.model)()),
            Named::Field(field) => {
                let is_key = self.model.meta().primary_key.contains(&field.column);
                if field.auto != Auto::No || (is_key && !self.is_new()) {
                    return Ok(false);
                }
                field.references.map(|reference| (reference.model)())
            }
        };
        match (to, named) {
            // A user who may not see the rows cannot choose one.
            (Some(to), _) if access::visible(req, site, to)?.is_none() => Ok(false),
            // The form would not offer the current row, and saving it would clear the reference.
            (Some(to), Named::Field(field)) if !self.is_new() => access::sees(req, site, to, self.value(field)),
            _ => Ok(true),
        }
    }

    fn value(&self, field: &FieldMeta) -> &Value {
        let at = self.model.meta().position(field.column);
        at.and_then(|at| self.values.get(at)).unwrap_or(&Value::Null)
    }

    /// Returns the form, filled in with the row.
    fn form(&self, req: &mut Request, site: &Site) -> Result<Form<Values>> {
        let mut fields = vec![Field::new(SEEN, FieldKind::Text).optional().hidden()];
        let mut initial: Vec<(&'static str, Vec<String>)> = Vec::new();
        for named in &self.fields {
            match *named {
                Named::Field(field) => {
                    let mut input = form_field(field);
                    if let Some(reference) = field.references
                        && let Some(rows) = access::visible(req, site, (reference.model)())?
                    {
                        let url = link(req, "choices", &[("model", &self.model.meta().table), ("field", &field.name)])?;
                        input = input.choices_from(rows.into_choices()).choices_url(url);
                    }
                    fields.push(input);
                    // A new row refers to nothing yet.
                    if !(self.is_new() && field.references.is_some()) {
                        initial.push((field.name, form_texts(field, self.value(field))));
                    }
                }
                Named::Link(link) => {
                    let Some(rows) = access::visible(req, site, (link.model)())? else { continue };
                    let url = super::layout::link(req, "choices", &[("model", &self.model.meta().table), ("field", &link.name)])?;
                    fields.push(link_form_field(link).choices_from(rows.into_choices()).choices_url(url));
                    if !self.is_new() {
                        initial.push((link.name, self.linked(req, link)?));
                    }
                }
            }
        }
        for inline in &self.inlines {
            fields.extend(inline.form_fields(req, site)?);
        }
        Ok(initial.into_iter().fold(Form::of(fields), |form, (name, texts)| form.initial(name, texts)))
    }

    fn linked(&self, req: &mut Request, link: &'static ManyToManyMeta) -> Result<Vec<String>> {
        let keys = self.model.ops.linked(req.db()?, link, &self.values)?;
        if keys.len() > MOST_LINKED {
            // Saving a form that shows only some of them would remove the others.
            return Err(Error::internal(format!(
                "{} \"{}\" is linked to more than {MOST_LINKED} {}, which is too many for a form: add {} to .readonly([…]) of the admin",
                self.model.meta().label,
                self.model.ops.label(&self.values),
                link.name,
                link.name
            )));
        }
        let to = ops_of((link.model)());
        let key = to.meta().primary_key.first().and_then(|key| to.meta().field_of_column(key));
        Ok(keys.iter().filter_map(|value| form_texts(key?, value).into_iter().next()).collect())
    }

    /// Saves the row if the form is valid, and returns the redirect. `before` is the state of a row that is changed.
    fn save(&self, req: &mut Request, site: &Site, form: &mut Form<Values>, before: Option<&RowState>) -> Result<Option<Response>> {
        let Some(mut given) = form.submitted(req)? else { return Ok(None) };
        let then = req.form::<Then>()?.then;
        let is_copy = then == "as_new";
        let before = before.filter(|_| !is_copy);
        if let Some(before) = before
            && given.text(SEEN) != fingerprint(before)
        {
            return Ok(None);
        }
        if is_copy {
            access::require(req, self.model, Right::Add)?;
            if !self.can_be_copied() {
                return Err(Error::bad_request("This cannot be saved as new, because its key would be the same."));
            }
        }
        let (row, links) = self.with(req, site, &mut given, is_copy)?;
        let mut errors = FormErrors::default();
        self.model.ops.clean(&row, &mut errors)?;
        form.add_errors(errors);
        let mut planned = Vec::new();
        // A copy has none of the rows that refer to the original.
        for inline in self.inlines.iter().filter(|_| !is_copy) {
            planned.extend(inline.planned(req, site, &mut given, form)?);
        }
        if !form.errors().is_empty() {
            return Ok(None);
        }
        let recorder = Recorder::of(req)?;
        let ops = self.model.ops;
        // The inline row that the database refused.
        let mut refused = None;
        let saved = req.db()?.transaction(|db| -> Result<Vec<Value>> {
            let saved = if before.is_some() { ops.save(db, &row)? } else { ops.create(db, &row)? };
            for (link, keys) in &links {
                ops.set_linked(db, link, &saved, keys)?;
            }
            let after = state_of(db, ops, &saved, false)?;
            recorder.record(db, ops, &saved, before.cloned(), Some(after))?;
            let parent = ops.key(&saved).into_iter().next().unwrap_or(Value::Null);
            for (at, row) in planned.iter().enumerate() {
                refused = Some(at);
                row.write(db, &parent, &recorder)?;
            }
            refused = None;
            Ok(saved)
        });
        match saved {
            Ok(saved) => self.saved(req, &saved, before.is_none(), &then).map(Some),
            Err(error) if error.status() == StatusCode::CONFLICT => {
                form.add_form_error("This has been changed or deleted since you opened it. Copy what you have written, and open it again.");
                Ok(None)
            }
            Err(error) => {
                match refused.and_then(|at| planned.get(at)) {
                    Some(inline) => inline.explain(req.db()?, error, form)?,
                    None => {
                        let mut errors = FormErrors::default();
                        ops.explain(req.db()?, &row, error, &mut errors)?;
                        form.add_errors(errors);
                    }
                }
                Ok(None)
            }
        }
    }

    /// Returns whether the database gives a copy of the row a key of its own.
    fn can_be_copied(&self) -> bool {
        let meta = self.model.meta();
        let key = meta.primary_key.iter().filter_map(|column| meta.field_of_column(column));
        !self.is_new() && key.into_iter().all(|field| field.auto == Auto::Id)
    }

    /// Returns the row, or a new one, with the values of the form, and the rows to which it is to be linked.
    fn with(&self, req: &mut Request, site: &Site, given: &mut Values, is_copy: bool) -> Result<(RowValues, Vec<Links>)> {
        let mut row = if self.is_new() || is_copy { self.model.ops.blank(req.now())? } else { self.values.clone() };
        let mut links = Vec::new();
        for named in &self.fields {
            match *named {
                Named::Field(field) => {
                    let at = self.model.meta().position(field.column);
                    if let (Some(at), Some(value)) = (at, form_value(field, field.name, given)?) {
                        row[at] = value;
                    }
                }
                Named::Link(link) => {
                    let to = ops_of((link.model)());
                    let keys = given.texts(link.name).filter_map(|text| to.read_key(text)?.into_iter().next());
                    let mut keys: Vec<Value> = keys.collect();
                    if !is_copy {
                        keys.extend(self.linked_unseen(req, site, link)?);
                    }
                    links.push((link, keys));
                }
            }
        }
        Ok((row, links))
    }

    /// Returns the keys of the rows to which the row is linked and which the visitor may not see. They stay linked.
    fn linked_unseen(&self, req: &mut Request, site: &Site, link: &'static ManyToManyMeta) -> Result<Vec<Value>> {
        let to = (link.model)();
        if self.is_new() || access::sees_all(req, site, to)? {
            return Ok(Vec::new());
        }
        let Some(list) = access::visible(req, site, to)? else { return Ok(Vec::new()) };
        let linked = self.model.ops.linked(req.db()?, link, &self.values)?;
        let keys: Vec<_> = linked.iter().map(|key| vec![key.clone()]).collect();
        let seen: Vec<Value> = list.with_keys(req.db()?, &keys)?.iter().flat_map(|(_, row)| ops_of(to).key(row)).collect();
        Ok(linked.into_iter().filter(|key| !seen.contains(key)).collect())
    }

    fn saved(&self, req: &mut Request, row: &[Value], is_new: bool, then: &str) -> Result<Response> {
        let meta = self.model.meta();
        let done = if is_new { "added" } else { "saved" };
        let message = format!("{} \"{}\" has been {done}.", meta.label, self.model.ops.label(row));
        req.session().flash("success", &message);
        let url = match then {
            "continue" | "as_new" => row_link(req, "row", self.model, &self.model.ops.key_text(row))?,
            "another" => link(req, "add", &[("model", &meta.table)])?,
            _ => from_list(req)?.on(&link(req, "list", &[("model", &meta.table)])?),
        };
        Ok(Response::redirect(&url))
    }

    /// Returns the fields in which the row and the form differ, with both values.
    fn conflict(&self, req: &mut Request, form: &Form<Values>, theirs: &RowState) -> Result<Conflict> {
        let mut fields = Vec::new();
        for named in &self.fields {
            let name = named.name();
            let field = self.model.meta().field(name);
            let current = match field {
                Some(field) => form_texts(field, self.value(field)),
                None => Vec::new(),
            };
            let yours = form.values(name);
            if field.is_some() && yours != current {
                let theirs = theirs.get(name).map(|json| json_text(field, json)).unwrap_or_default();
                fields.push(Different {
                    label: label_of(self.model.meta(), name).unwrap_or(name).to_owned(),
                    theirs,
                    yours: yours.join(", "),
                });
            }
        }
        let by = match &self.key {
            Some(key) => super::history::last_editor(req, self.model, key)?,
            None => None,
        };
        Ok(Conflict { fields, by })
    }

    fn page(&self, req: &mut Request, site: &Site, form: Form<Values>, conflict: Option<Conflict>) -> Result<Response> {
        let meta = self.model.meta();
        let groups = self.group_views(req, site, !form.errors().is_empty())?;
        let parent = self.parent();
        let mut inlines = Vec::new();
        for inline in &self.inlines {
            inlines.push(inline.view(req, site, parent.as_ref())?);
        }
        let row = match &self.key {
            Some(key) => Some(RowView::of(req, self.model, key, &self.values)?.with_neighbours(req, site, self.model, &self.values)?),
            None => None,
        };
        let list = from_list(req)?.on(&link(req, "list", &[("model", &meta.table)])?);
        let label = row.as_ref().map_or_else(|| format!("Add {}", within_sentence(meta.label)), |row| row.label.clone());
        let crumbs = vec![Crumb::new(meta.plural, Some(list)), Crumb::new(label, None)];
        let as_new = self.can_be_copied() && access::has(req, self.model, Right::Add)?;
        let mut context: Context = context! {
            model => ModelView::of(req, self.model)?,
            row,
            form,
            groups,
            inlines,
            can_save => self.can_save,
            conflict,
        };
        context.insert("buttons", &Buttons { another: access::has(req, self.model, Right::Add)?, as_new });
        render(req, "admin/edit.html", meta.table, crumbs, context)
    }

    fn group_views(&self, req: &mut Request, site: &Site, has_errors: bool) -> Result<Vec<GroupView>> {
        let mut views = Vec::new();
        for group in &self.groups {
            let mut fields = Vec::new();
            for named in &group.fields {
                let may_change = self.fields.iter().any(|field| field.name() == named.name());
                if may_change {
                    let add = add_link(req, site, *named)?;
                    fields.push(FieldView::input(named.name()).adding(add));
                } else if let Some(shown) = fixed(req, site, self.model, &self.values, *named, self.is_new())? {
                    fields.push(shown);
                }
            }
            if !fields.is_empty() {
                // A group with errors is not collapsed.
                let is_collapsed = group.is_collapsed && !has_errors;
                views.push(GroupView { is_collapsed, ..GroupView::new(&group.title, fields) });
            }
        }
        Ok(views)
    }
}

impl RowView {
    pub(super) fn of(req: &mut Request, model: &Registered, key: &str, row: &[Value]) -> Result<Self> {
        let delete = access::has_for(req, model, Right::Delete, row)?;
        Ok(RowView {
            label: model.ops.label(row),
            url: row_link(req, "row", model, key)?,
            history: row_link(req, "row-history", model, key)?,
            delete: delete.then(|| row_link(req, "delete", model, key)).transpose()?,
            on_site: model.options.on_site.as_ref().map(|url| url(row)).transpose()?,
            previous: None,
            next: None,
            links: Vec::new(),
        })
    }

    /// Returns the row with links to the previous and the next row of the list from which it was opened.
    fn with_neighbours(mut self, req: &mut Request, site: &Site, model: &Registered, row: &[Value]) -> Result<Self> {
        let query = QueryString::of(req)?;
        if query.get(FROM).is_none() {
            return Ok(self);
        }
        // The list may have been changed, and its address may have been written by hand.
        let Ok(narrowed) = narrowed(req, site, model, &from_list(req)?) else { return Ok(self) };
        let (before, after) = narrowed.beside(req.db()?, row)?;
        let from = QueryString::default().with(FROM, query.get(FROM));
        let link = |row: Vec<Value>| row_link(req, "row", model, &model.ops.key_text(&row)).map(|path| from.on(&path));
        self.previous = before.map(link).transpose()?;
        self.next = after.map(link).transpose()?;
        Ok(self)
    }
}

/// Returns the page that adds rows to which a field can refer.
fn add_link(req: &mut Request, site: &Site, named: Named) -> Result<Option<String>> {
    let to = match named {
        Named::Link(link) => Some((link.model)()),
        Named::Field(field) => field.references.map(|reference| (reference.model)()),
    };
    match to.and_then(|to| site.find(to.table)) {
        Some(model) if access::has(req, model, Right::Add)? => link(req, "add", &[("model", &model.meta().table)]).map(Some),
        _ => Ok(None),
    }
}

/// Returns the query string of the list from which the page was opened.
fn from_list(req: &Request) -> Result<QueryString> {
    Ok(QueryString::of(req)?.get(FROM).map(QueryString::parse).unwrap_or_default())
}

/// The optional buttons below the form.
#[derive(Serialize)]
pub(super) struct Buttons {
    pub(super) another: bool,
    pub(super) as_new: bool,
}

/// The button that was pressed.
#[derive(serde::Deserialize)]
pub(super) struct Then {
    #[serde(default)]
    pub(super) then: String,
}

/// Returns the fields of the form in their groups: those of the configuration, or all that are not hidden.
pub(super) fn groups(model: &Registered) -> Vec<Group> {
    let is_left_out = |name: &str| model.options.left_out.contains(&name);
    if !model.options.groups.is_empty() {
        let mut groups = model.options.groups.clone();
        for group in &mut groups {
            group.fields.retain(|named| !is_left_out(named.name()));
        }
        return groups;
    }
    let meta = model.meta();
    let is_shown = |field: &&'static FieldMeta| !field.hidden && field.auto != Auto::Id && !is_left_out(field.name);
    let fields = || meta.fields.iter().filter(is_shown);
    // Fields that Lback fills in come last.
    let given = fields().filter(|field| field.auto == Auto::No).map(Named::Field);
    let links = meta.many_to_many.iter().filter(|link| !is_left_out(link.name)).map(Named::Link);
    let automatic = fields().filter(|field| field.auto != Auto::No && field.kind != Kind::Bytes).map(Named::Field);
    vec![Group { title: String::new(), fields: given.chain(links).chain(automatic).collect(), is_collapsed: false }]
}
