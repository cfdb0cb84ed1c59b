//! The pages of a user. Users are created and changed by methods of their own, which keep the normal forms of names and passwords.

use lback_auth::{Account as _, LoginInfo, NameConflict, NewUser, Passwords, RequestAuth, User, check_username};
use lback_core::{Error, Method, Request, Response, Result, StatusCode, context};
use lback_db::RequestDb;
use lback_forms::{Field, Form, Values};
use lback_models::runtime::link_form_field;
use lback_models::{ManyToManyMeta, Model, Value, ops};
use lback_session::{RequestSession, SessionManager};

use super::confirm::confirm;
use super::edit::{GroupView, RowLink, RowView, Then, added, is_in_dialog, row_of_path};
use super::layout::{Crumb, ModelView, link, render, row_link};
use super::readonly::{FieldView, fixed};
use crate::access::{self, Right};
use crate::history::{Recorder, state_of};
use crate::language::{text, within_sentence};
use crate::model_admin::{ModelAdmin, Options};
use crate::names::Named;
use crate::site::{Registered, Site};

const TABLE: &str = User::META.table;
/// The maximum number of sessions of a user that are listed.
const MOST_SESSIONS: usize = 50;
/// The longest password, in characters.
const LONGEST_PASSWORD: usize = 4000;

/// Returns how users are listed, unless the application says otherwise.
pub(crate) fn options() -> (Options, Vec<String>) {
    let users = ModelAdmin::<User>::new()
        .list(["username", "email", "is_staff", "is_active", "last_login"])
        .order(["username"])
        .search(["username", "email"])
        .filters(["is_active", "is_staff", "is_superuser", "groups", "joined"]);
    users.into_parts()
}

fn site(req: &mut Request) -> Result<std::sync::Arc<Site>> {
    let site = Site::of(req)?;
    site.model(TABLE)?;
    Ok(site)
}

fn link_of(name: &str) -> Option<&'static ManyToManyMeta> {
    User::META.many_to_many.iter().find(|link| link.name == name)
}

/// Returns the fields for the roles, groups and permissions of a user.
fn rights(req: &mut Request, user: Option<&User>) -> Result<Vec<Field>> {
    if !access::decides_on_rights(req)? {
        return Ok(Vec::new());
    }
    let chosen = |is: fn(&User) -> bool| user.is_some_and(is);
    let mut fields = vec![
        Field::boolean("is_staff").label(text!("Staff")).help(text!("May enter the admin.")).initial(chosen(|user| user.is_staff)),
        Field::boolean("is_superuser")
            .label(text!("Superuser"))
            .help(text!("Has every permission."))
            .initial(chosen(|user| user.is_superuser)),
    ];
    for name in ["groups", "own_permissions"] {
        let Some(link) = link_of(name) else { continue };
        let mut field = link_form_field(link);
        if let Some(user) = user {
            let keys = ops::<User>().linked(req.db()?, link, &user.to_values()?)?;
            let texts = keys.iter().map(|key| if let Value::Int(id) = key { id.to_string() } else { String::new() });
            field = field.initial(texts.collect::<Vec<_>>());
        }
        fields.push(if name == "own_permissions" {
            field.label(text!("Permissions")).help(text!("In addition to those of the groups."))
        } else {
            field
        });
    }
    Ok(fields)
}

/// Gives a user the roles, groups and permissions of the form.
fn grant(req: &mut Request, user: &mut User, given: &Values) -> Result<()> {
    if !access::decides_on_rights(req)? {
        return Ok(());
    }
    let db = req.db()?;
    user.set_roles(db, given.is_checked("is_staff"), given.is_checked("is_superuser"))?;
    let row = user.to_values()?;
    for link in ["groups", "own_permissions"].into_iter().filter_map(link_of) {
        let keys: Vec<Value> = given.texts(link.name).filter_map(|text| text.parse().ok().map(Value::Int)).collect();
        ops::<User>().set_linked(db, link, &row, &keys)?;
    }
    Ok(())
}

fn email_of(given: &Values) -> Option<String> {
    Some(given.text("email").trim().to_owned()).filter(|address| !address.is_empty())
}

pub(super) fn add(req: &mut Request) -> Result<Response> {
    let site = site(req)?;
    let model = site.model(TABLE)?;
    access::require(req, model, Right::Add)?;
    if let Some(page) = confirm(req)? {
        return Ok(page);
    }
    let mut fields = vec![
        Field::text("username").label(text!("Username")).max_length(150).autocomplete("off"),
        Field::email("email").optional().label(text!("E-mail address")),
        Field::password("password")
            .label(text!("Password"))
            .optional()
            .max_length(LONGEST_PASSWORD)
            .autocomplete("new-password")
            .help(text!("Leave this empty if the user will set a password with a link in a mail.")),
    ];
    fields.extend(rights(req, None)?);
    let names: Vec<&'static str> = ["username", "email", "password", "is_staff", "is_superuser", "groups", "own_permissions"]
        .into_iter()
        .filter(|name| fields.iter().any(|field| field.name() == *name))
        .collect();
    let mut form = Form::of(fields);
    if let Some(given) = form.submitted(req)?
        && let Some(user) = create(req, &mut form, &given)?
    {
        return saved(req, model, &user, Done::Added);
    }
    let groups = vec![GroupView::new("", names.into_iter().map(FieldView::input).collect())];
    page(req, model, None, form, groups, true)
}

/// Creates a user, or adds an error to the form.
fn create(req: &mut Request, form: &mut Form<Values>, given: &Values) -> Result<Option<User>> {
    let (auth, name, password) = (req.auth()?, given.text("username").to_owned(), given.text("password"));
    let email = email_of(given);
    let mut new = if password.is_empty() {
        NewUser::without_password(&name)
    } else {
        let personal: Vec<&str> = [name.as_str()].into_iter().chain(email.as_deref()).collect();
        let wrong = auth.rules().check(password, &personal);
        if !wrong.is_empty() {
            wrong.into_iter().for_each(|wrong| form.add_error("password", wrong));
            return Ok(None);
        }
        NewUser::new(&name, &auth.passwords().hash(password)?)
    };
    if let Some(email) = &email {
        new = new.email(email);
    }
    let now = req.now();
    let mut user = match new.insert(req.db()?, now) {
        Ok(user) => user,
        Err(error) if error.is_client_error() => {
            let of_name = check_username(&name).is_err() || NameConflict::find(req.db()?, &name)?.is_some();
            form.add_error(if of_name { "username" } else { "email" }, error.message());
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    grant(req, &mut user, given)?;
    let recorder = Recorder::of(req)?;
    let (db, row) = (req.db()?, user.to_values()?);
    let after = state_of(db, ops::<User>(), &row, false)?;
    recorder.record(db, ops::<User>(), &row, None, Some(after))?;
    Ok(Some(user))
}

pub(super) fn change(req: &mut Request) -> Result<Response> {
    let site = site(req)?;
    let model = site.model(TABLE)?;
    access::require(req, model, Right::View)?;
    if *req.method() == Method::POST {
        access::require(req, model, Right::Change)?;
        if let Some(page) = confirm(req)? {
            return Ok(page);
        }
    }
    let (key, row) = row_of_path(req, model)?;
    let mut user = User::from_values(row.clone())?;
    let can_save = may_change(req, model, &user)?;
    let mut fields = Vec::new();
    if can_save {
        fields.push(Field::email("email").optional().label(text!("E-mail address")).initial(user.email.as_deref().unwrap_or_default()));
        fields.push(
            Field::boolean("is_active")
                .label(text!("Active"))
                .help(text!("Inactive users cannot log in, and are logged out everywhere."))
                .initial(user.is_active),
        );
        fields.extend(rights(req, Some(&user))?);
    }
    let names: Vec<String> = fields.iter().map(|field| field.name().to_owned()).collect();
    let mut form = Form::of(fields);
    if *req.method() == Method::POST && !can_save {
        return Err(Error::forbidden(text!("You are not allowed to change this user.")));
    }
    if let Some(given) = form.submitted(req)?
        && save(req, &mut form, &mut user, &given)?
    {
        return saved(req, model, &user, Done::Saved);
    }
    let mut shown = Vec::new();
    for field in User::META.fields.iter().filter(|field| !field.hidden && field.column != "id") {
        if names.iter().any(|name| name == field.name) {
            continue;
        }
        shown.extend(fixed(req, &site, model, &row, Named::Field(field), false)?);
    }
    for link in User::META.many_to_many.iter().filter(|link| !names.iter().any(|name| name == link.name)) {
        shown.extend(fixed(req, &site, model, &row, Named::Link(link), false)?);
    }
    let known = ["email", "is_active", "is_staff", "is_superuser", "groups", "own_permissions"];
    let inputs = known.into_iter().filter(|known| names.iter().any(|name| name == known)).map(FieldView::input).collect();
    let groups = vec![GroupView::new("", inputs), GroupView::new(&text!("Information"), shown)];
    let groups = groups.into_iter().filter(|group| !group.is_empty()).collect();
    page(req, model, Some((key, user)), form, groups, can_save)
}

fn may_change(req: &mut Request, model: &Registered, user: &User) -> Result<bool> {
    access::has_for(req, model, Right::Change, &user.to_values()?)
}

fn save(req: &mut Request, form: &mut Form<Values>, user: &mut User, given: &Values) -> Result<bool> {
    let before = state_of(req.db()?, ops::<User>(), &user.to_values()?, false)?;
    let is_own = req.user()?.is_some_and(|own| own.id == user.id);
    let loses_own = !given.is_checked("is_active") || (user.is_superuser && !given.is_checked("is_superuser"));
    if is_own && loses_own {
        form.add_form_error(text!("You cannot deactivate yourself, nor stop being a superuser. Ask another superuser."));
        return Ok(false);
    }
    let email = email_of(given);
    if email != user.email {
        match user.set_email(req.db()?, email.as_deref()) {
            Ok(()) => {}
            Err(error) if error.is_client_error() => {
                form.add_error("email", error.message());
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
    }
    if given.is_checked("is_active") != user.is_active {
        user.set_active(req.db()?, given.is_checked("is_active"))?;
    }
    grant(req, user, given)?;
    let recorder = Recorder::of(req)?;
    let db = req.db()?;
    let now =
        User::find(db, user.id)?.ok_or_else(|| Error::new(StatusCode::CONFLICT, text!("This user has been deleted in the meantime.")))?;
    let row = now.to_values()?;
    let after = state_of(db, ops::<User>(), &row, false)?;
    recorder.record(db, ops::<User>(), &row, Some(before), Some(after))?;
    Ok(true)
}

/// Sets a password for a user.
pub(super) fn password(req: &mut Request) -> Result<Response> {
    let site = site(req)?;
    let model = site.model(TABLE)?;
    access::require(req, model, Right::Change)?;
    if let Some(page) = confirm(req)? {
        return Ok(page);
    }
    let (key, row) = row_of_path(req, model)?;
    let mut user = User::from_values(row)?;
    if !may_change(req, model, &user)? {
        return Err(Error::forbidden(text!("You are not allowed to change this user.")));
    }
    let new_password =
        |name: &str, label: String| Field::password(name).label(label).max_length(LONGEST_PASSWORD).autocomplete("new-password");
    let mut form = Form::of([new_password("password", text!("New password")), new_password("again", text!("New password again"))]);
    if let Some(given) = form.submitted(req)? {
        let auth = req.auth()?;
        for wrong in auth.rules().check(given.text("password"), &user.personal()) {
            form.add_error("password", wrong);
        }
        if !Passwords::same(given.text("password"), given.text("again")) {
            form.add_error("again", text!("The passwords differ."));
        }
        if form.errors().is_empty() {
            req.set_password(&mut user, given.text("password"))?;
            return saved(req, model, &user, Done::NewPassword);
        }
    }
    let groups = vec![GroupView::new(&text!("New password"), vec![FieldView::input("password"), FieldView::input("again")])];
    page(req, model, Some((key, user)), form, groups, true)
}

/// Lists the devices on which a user is logged in.
pub(super) fn sessions(req: &mut Request) -> Result<Response> {
    let site = site(req)?;
    let model = site.model(TABLE)?;
    access::require(req, model, Right::Change)?;
    let (key, row) = row_of_path(req, model)?;
    let user = User::from_values(row)?;
    if !may_change(req, model, &user)? {
        return Err(Error::forbidden(text!("You are not allowed to change this user.")));
    }
    let manager = req.state::<SessionManager>()?.clone();
    let zone = req.time_zone();
    let time = |at: chrono::DateTime<chrono::Utc>| zone.local(at).format("%Y-%m-%d %H:%M").to_string();
    let known = if manager.is_in_cookies() { Vec::new() } else { req.user_sessions(user.id)? };
    let mut rows = Vec::new();
    for session in known.into_iter().take(MOST_SESSIONS) {
        // The session may have ended since it was listed.
        let Some(record) = manager.load(session.id)? else { continue };
        let login = LoginInfo::of_session(&record);
        let at = login.as_ref().map_or(session.created_at, |login| login.at);
        let browser = login.map_or_else(|| text!("Unknown"), |login| login.browser);
        rows.push([browser, time(session.last_seen), time(at)]);
    }
    let (end, back) = (row_link(req, "user-end-sessions", model, &key)?, row_link(req, "row", model, &key)?);
    let title = text!("Sessions of {user}", user = user.username);
    let list = link(req, "list", &[("model", &TABLE)])?;
    let crumbs = vec![
        Crumb::new(model.meta().plural, Some(list)),
        Crumb::new(user.username.clone(), Some(back.clone())),
        Crumb::new(text!("Sessions"), None),
    ];
    render(req, "admin/sessions.html", TABLE, crumbs, context! { title, rows, end, back })
}

/// Ends all sessions of a user.
pub(super) fn end_sessions(req: &mut Request) -> Result<Response> {
    let site = site(req)?;
    let model = site.model(TABLE)?;
    access::require(req, model, Right::Change)?;
    if let Some(page) = confirm(req)? {
        return Ok(page);
    }
    let (key, row) = row_of_path(req, model)?;
    let user = User::from_values(row)?;
    if !may_change(req, model, &user)? {
        return Err(Error::forbidden(text!("You are not allowed to change this user.")));
    }
    let own = req.user()?.is_some_and(|own| own.id == user.id).then(|| req.session().id());
    let ended = req.revoke_user_sessions(user.id, own)?;
    req.session().flash("success", &text!("{count} sessions of \"{user}\" have been ended.", count = ended, user = user.username));
    Ok(Response::redirect(&row_link(req, "row", model, &key)?))
}

/// The outcome of a form of a user.
#[derive(Clone, Copy)]
enum Done {
    Added,
    Saved,
    NewPassword,
}

impl Done {
    fn message(self, user: &str) -> String {
        match self {
            Done::Added => text!("User \"{user}\" has been added.", user),
            Done::Saved => text!("User \"{user}\" has been saved.", user),
            Done::NewPassword => text!("User \"{user}\" has been given a new password.", user),
        }
    }
}

fn saved(req: &mut Request, model: &Registered, user: &User, done: Done) -> Result<Response> {
    if matches!(done, Done::Added) && is_in_dialog(req)? {
        return added(req, model, &user.to_values()?);
    }
    req.session().flash("success", &done.message(&user.username));
    let url = match req.form::<Then>()?.then.as_str() {
        "continue" => row_link(req, "row", model, &user.id.to_string())?,
        "another" => link(req, "add", &[("model", &TABLE)])?,
        _ => link(req, "list", &[("model", &TABLE)])?,
    };
    Ok(Response::redirect(&url))
}

fn page(
    req: &mut Request,
    model: &Registered,
    user: Option<(String, User)>,
    form: Form<Values>,
    groups: Vec<GroupView>,
    can_save: bool,
) -> Result<Response> {
    let meta = model.meta();
    let label = user.as_ref().map_or_else(|| text!("Add {model}", model = within_sentence(meta.label)), |(_, user)| user.username.clone());
    let list = link(req, "list", &[("model", &TABLE)])?;
    let row = match &user {
        Some((key, user)) => {
            let mut row = RowView::of(req, model, key, &user.to_values()?)?;
            if may_change(req, model, user)? {
                row.links.push(RowLink { label: text!("Sessions"), url: row_link(req, "user-sessions", model, key)? });
                row.links.push(RowLink { label: text!("Set password"), url: row_link(req, "user-password", model, key)? });
            }
            if access::decides_on_rights(req)? && user.is_active && !user.is_superuser {
                row.act_as = Some(row_link(req, "user-act-as", model, key)?);
            }
            Some(row)
        }
        None => None,
    };
    let another = row.is_none();
    let context = context! {
        model => ModelView::of(req, model)?,
        row,
        form,
        groups,
        inlines => Vec::<String>::new(),
        can_save,
        conflict => None::<String>,
        prepopulated => None::<String>,
        buttons => super::edit::Buttons { another, as_new: false, only_save: is_in_dialog(req)? },
    };
    render(req, "admin/edit.html", meta.table, vec![Crumb::new(meta.plural, Some(list)), Crumb::new(label, None)], context)
}
