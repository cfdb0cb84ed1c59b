//! The layout that all pages share: the navigation and the links.

use std::fmt::Display;
use std::sync::Arc;

use lback_app::InfoPages;
use lback_auth::RequestAuth;
use lback_core::header::{CACHE_CONTROL, HeaderValue};
use lback_core::{Context, Error, Request, Response, Result};
use serde::Serialize;

use crate::access::{Right, has};
use crate::language::{ENGLISH, current, text, within_sentence};
use crate::site::{Registered, Site};

#[derive(Serialize)]
struct Layout {
    title: String,
    home: String,
    style: String,
    script: String,
    forms_script: String,
    icon: String,
    find: String,
    history: String,
    site: &'static str,
    user: Person,
    sections: Vec<Section>,
    extra: Vec<Page>,
    crumbs: Vec<Crumb>,
    language: LanguageView,
}

/// The language of the page, and the others.
#[derive(Serialize)]
struct LanguageView {
    code: String,
    /// The texts of the scripts, as JSON. `None` if all are those of the scripts themselves.
    script_texts: Option<String>,
    others: Vec<OtherLanguage>,
    /// The address of the form that chooses another, and the page to which it returns.
    choose: String,
    here: String,
}

#[derive(Serialize)]
struct OtherLanguage {
    code: String,
    name: String,
}

#[derive(Serialize)]
struct Person {
    name: String,
    account: Option<String>,
    logout: Option<String>,
}

#[derive(Serialize)]
struct Section {
    label: String,
    models: Vec<Page>,
}

#[derive(Serialize)]
struct Page {
    label: String,
    url: String,
    add: Option<String>,
    is_current: bool,
}

/// A step on the way to a page.
#[derive(Serialize)]
pub(super) struct Crumb {
    label: String,
    url: Option<String>,
}

impl Crumb {
    pub(super) fn new(label: impl Into<String>, url: Option<String>) -> Self {
        Crumb { label: label.into(), url }
    }
}

/// A model, as templates display it.
#[derive(Serialize)]
pub(super) struct ModelView {
    pub(super) label: String,
    pub(super) plural: String,
    pub(super) url: String,
    pub(super) add: Option<String>,
}

impl ModelView {
    pub(super) fn of(req: &mut Request, model: &Registered) -> Result<Self> {
        let meta = model.meta();
        let add = has(req, model, Right::Add)?.then(|| link(req, "add", &[("model", &meta.table)])).transpose()?;
        Ok(ModelView {
            label: within_sentence(meta.label),
            plural: within_sentence(meta.plural),
            url: link(req, "list", &[("model", &meta.table)])?,
            add,
        })
    }
}

/// Returns whether the database refused a statement, as it does if the table of a model is missing.
pub(super) fn is_of_database(error: &Error) -> bool {
    matches!(error.find_source(), Some(diesel::result::Error::DatabaseError(..)))
}

/// Returns the path of one of the pages.
pub(super) fn link(req: &Request, name: &str, params: &[(&str, &dyn Display)]) -> Result<String> {
    req.url_for(&format!("admin:{name}"), params)
}

/// Returns the path of a page of a row.
pub(super) fn row_link(req: &Request, name: &str, model: &Registered, key: &str) -> Result<String> {
    link(req, name, &[("model", &model.meta().table), ("key", &key_in_path(key))])
}

/// Returns a key as a part of a path, which is never empty, and has no slashes and no dots that browsers resolve.
pub(super) fn key_in_path(key: &str) -> String {
    let escaped = key.replace('~', "~t").replace('/', "~s");
    match escaped.as_str() {
        "" => "~e".to_owned(),
        "." | ".." => escaped.replace('.', "~d"),
        _ => escaped,
    }
}

/// Returns the key that a part of a path stands for.
pub(super) fn key_of_path(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (c, rest.as_str().chars().next()) {
            ('~', Some('t')) => key.push('~'),
            ('~', Some('s')) => key.push('/'),
            ('~', Some('d')) => key.push('.'),
            ('~', Some('e')) => {}
            (c, _) => {
                key.push(c);
                continue;
            }
        }
        rest.next();
    }
    key
}

/// Returns the site, and the table that the path names.
///
/// # Errors
/// Returns 404 if the site has no such model.
pub(super) fn site_and_table(req: &mut Request) -> Result<(Arc<Site>, String)> {
    let site = Site::of(req)?;
    let table: String = req.param("model")?;
    site.model(&table)?;
    Ok((site, table))
}

/// Renders a page. `current` is the table of its model, for which the application may have a template of its own.
pub(super) fn render(req: &mut Request, template: &str, current: &str, crumbs: Vec<Crumb>, mut context: Context) -> Result<Response> {
    let site = Site::of(req)?;
    let sections = sections(req, &site, current)?;
    let user = req.require_login()?;
    let optional = |name: &str| req.url_for(name, &[]).ok();
    let layout = Layout {
        title: site.title.clone(),
        home: link(req, "index", &[])?,
        style: link(req, "style", &[])?,
        script: link(req, "script", &[])?,
        forms_script: link(req, "forms-script", &[])?,
        icon: link(req, "icon", &[])?,
        find: link(req, "find", &[])?,
        history: link(req, "history", &[])?,
        site: "/",
        user: Person { name: user.username.clone(), account: optional("account:profile"), logout: optional("account:logout") },
        sections,
        extra: info_pages(req)?,
        crumbs,
        language: language(req, &site)?,
    };
    context.insert("admin", &layout);
    let own = template_of(template, current).filter(|own| req.app().templates().contains(own));
    let mut response = req.render(own.as_deref().unwrap_or(template), context)?;
    // Neither caches nor the back button may show the rows to the next visitor.
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    Ok(response)
}

fn language(req: &Request, site: &Site) -> Result<LanguageView> {
    let current = current();
    let code = current.as_ref().map_or(ENGLISH, |language| &language.code).to_owned();
    let english = (!site.languages.iter().any(|language| language.is_english())).then_some((ENGLISH, "English"));
    let known = site.languages.iter().map(|language| (language.code.as_str(), language.name()));
    let others = known.chain(english).filter(|(other, _)| *other != code);
    Ok(LanguageView {
        script_texts: current.map(|language| language.script_texts()),
        others: others.map(|(code, name)| OtherLanguage { code: code.to_owned(), name: name.to_owned() }).collect(),
        choose: link(req, "language", &[])?,
        here: req.path_and_query().to_owned(),
        code,
    })
}

/// Returns the name of the template of a page for one model: `admin/tickets/list.html`.
fn template_of(template: &str, table: &str) -> Option<String> {
    let (folder, page) = template.rsplit_once('/')?;
    (!table.is_empty()).then(|| format!("{folder}/{table}/{page}"))
}

/// Returns the pages of batteries, for superusers.
fn info_pages(req: &mut Request) -> Result<Vec<Page>> {
    if !req.user()?.is_some_and(|user| user.is_superuser) {
        return Ok(Vec::new());
    }
    let (app, path) = (req.app().clone(), req.path().to_owned());
    let mut pages = Vec::new();
    for page in app.state::<InfoPages>().into_iter().flat_map(InfoPages::iter) {
        let url = link(req, "info", &[("page", &page.name())])?;
        pages.push(Page { label: page.title().to_owned(), is_current: url == path, url, add: None });
    }
    Ok(pages)
}

fn sections(req: &mut Request, site: &Site, current: &str) -> Result<Vec<Section>> {
    let mut sections: Vec<Section> = Vec::new();
    for model in &site.models {
        if !has(req, model, Right::View)? {
            continue;
        }
        let meta = model.meta();
        let default = || if meta.table.starts_with("auth_") { text!("Users") } else { text!("Data") };
        let title = model.options.section.as_deref().map_or_else(default, str::to_owned);
        let view = ModelView::of(req, model)?;
        let page = Page { label: meta.plural.to_owned(), url: view.url, add: view.add, is_current: meta.table == current };
        match sections.iter_mut().find(|section| section.label == title) {
            Some(section) => section.models.push(page),
            None => sections.push(Section { label: title, models: vec![page] }),
        }
    }
    let users = text!("Users");
    // Users come last unless the application says otherwise.
    sections.sort_by_key(|section| section.label == users);
    Ok(sections)
}

#[cfg(test)]
mod tests {
    use super::{key_in_path, key_of_path};

    #[test]
    fn every_key_has_a_path() {
        for (key, path) in [("", "~e"), ("7", "7"), ("/a//b/", "~sa~s~sb~s"), (".", "~d"), ("..", "~d~d"), ("...", "..."), ("~s~", "~ts~t")]
        {
            assert_eq!((key_in_path(key).as_str(), key_of_path(path).as_str()), (path, key));
        }
        // The site never writes such a path.
        assert_eq!(key_of_path("~x~"), "~x~");
    }
}
