//! The language of the pages: texts are written in English, and a file of the application translates them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::{Arc, LazyLock};

use lback_core::settings::nearest;
use lback_core::{Request, Result, TemplateArgs};
use lback_models::runtime;
use serde::Deserialize;

use crate::site::Site;
use crate::templates::{FORMS_SCRIPT, SCRIPT};

/// The texts of the admin in German, for [`Admin::language`](crate::Admin::language).
pub const GERMAN: &str = include_str!("../../languages/de.toml");

/// The cookie with the language that a visitor has chosen.
pub(crate) const COOKIE: &str = "admin_language";
pub(crate) const ENGLISH: &str = "en";

/// All texts of the pages in English. A test checks that [`GERMAN`] has each of them.
static KNOWN: LazyLock<BTreeSet<String>> =
    LazyLock::new(|| toml::from_str::<BTreeMap<String, Translation>>(GERMAN).unwrap_or_default().into_keys().collect());

/// The texts of the pages' scripts in English.
static OF_SCRIPTS: LazyLock<Vec<&'static str>> = LazyLock::new(|| [SCRIPT, FORMS_SCRIPT].into_iter().flat_map(texts_of_script).collect());

/// A language of the pages: one other than English, or English with texts of the application.
#[derive(Debug)]
pub(crate) struct Language {
    /// The code, such as `de` or `pt-BR`.
    pub(crate) code: String,
    texts: BTreeMap<String, Translation>,
}

/// The translation of a text, which may depend on the number in it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Translation {
    Text(String),
    Counted { one: String, other: String },
}

impl Language {
    /// Reads the file of a language.
    ///
    /// # Errors
    /// Returns a message if the file is not TOML, has a text that no page has, or a placeholder that its text does not have.
    pub(crate) fn read(code: &str, file: &str) -> Result<Self, String> {
        let texts: BTreeMap<String, Translation> = toml::from_str(file).map_err(|error| format!("its file cannot be read: {error}"))?;
        let known: Vec<&str> = KNOWN.iter().map(String::as_str).collect();
        for (text, translation) in &texts {
            if !KNOWN.contains(text) {
                let remedy = match nearest(text, &known) {
                    Some(likely) => format!("did you mean {likely:?}?"),
                    None => "remove it".to_owned(),
                };
                return Err(format!("its file translates {text:?}, which no page has; {remedy}"));
            }
            let placeholders = placeholders(text);
            let forms = match translation {
                Translation::Text(form) => vec![form],
                Translation::Counted { one, other } => vec![one, other],
            };
            let unknown = forms.iter().flat_map(|form| self::placeholders(form)).find(|name| !placeholders.contains(name));
            if let Some(unknown) = unknown {
                return Err(format!("its file has {{{unknown}}} in the translation of {text:?}, which has no such placeholder"));
            }
        }
        Ok(Language { code: code.to_owned(), texts })
    }

    /// Replaces texts by those of another file of the same language.
    pub(crate) fn replace(&mut self, file: Language) {
        self.texts.extend(file.texts);
    }

    /// Returns the name of the language in itself.
    pub(crate) fn name(&self) -> &str {
        match self.texts.get("English") {
            Some(Translation::Text(name)) => name,
            _ if self.is_english() => "English",
            _ => &self.code,
        }
    }

    /// Returns whether texts that the file does not have are in this language anyway.
    pub(crate) fn is_english(&self) -> bool {
        self.code.eq_ignore_ascii_case(ENGLISH)
    }

    /// Returns the texts that the file does not translate.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        KNOWN.iter().filter(|text| !self.texts.contains_key(*text)).map(String::as_str).collect()
    }

    /// Returns the texts of the pages' scripts that the file translates, as JSON.
    pub(crate) fn script_texts(&self) -> String {
        let translation = |text: &&'static str| Some((*text, self.translate(text, None)?));
        let translated: BTreeMap<&str, &str> = OF_SCRIPTS.iter().filter_map(translation).collect();
        serde_json::to_string(&translated).unwrap_or_default()
    }

    fn translate(&self, text: &str, count: Option<usize>) -> Option<&str> {
        match self.texts.get(text)? {
            Translation::Text(form) => Some(form),
            Translation::Counted { one, .. } if count == Some(1) => Some(one),
            Translation::Counted { other, .. } => Some(other),
        }
    }
}

/// Returns the names in braces in a text.
fn placeholders(text: &str) -> Vec<&str> {
    let names = text.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name));
    names.filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_')).collect()
}

/// Returns the texts that a script passes to its function `t`.
fn texts_of_script(script: &str) -> impl Iterator<Item = &str> {
    let is_of_t = move |at: &usize| !script[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
    let starts = script.match_indices("t(\"").map(|(at, _)| at).filter(is_of_t);
    starts.filter_map(move |at| script[at + 3..].split_once('"').map(|(text, _)| text))
}

thread_local! {
    /// The language of the page that this thread renders. `None` for English.
    ///
    /// Views of the admin are not asynchronous, so a thread answers no other request before a view returns. Exports are written after that,
    /// and are the same in all languages.
    static CURRENT: RefCell<Option<Arc<Language>>> = const { RefCell::new(None) };
}

/// Runs a view in the language of its visitor.
pub(crate) fn in_language<T>(req: &mut Request, view: impl FnOnce(&mut Request) -> Result<T>) -> Result<T> {
    struct Restore(Option<Arc<Language>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0.take());
        }
    }
    let chosen = of_visitor(req)?;
    let _restore = Restore(CURRENT.replace(chosen));
    view(req)
}

/// Returns the language of the current page. `None` for English.
pub(crate) fn current() -> Option<Arc<Language>> {
    CURRENT.with_borrow(Clone::clone)
}

/// Returns the language that the visitor has chosen, or else the first one that the browser asks for. `None` for English.
fn of_visitor(req: &mut Request) -> Result<Option<Arc<Language>>> {
    let site = Site::unadjusted(req)?.clone();
    if site.languages.is_empty() {
        return Ok(None);
    }
    // The inner option is that of the result.
    let find = |code: &str| match site.languages.iter().find(|language| language.code.eq_ignore_ascii_case(code)) {
        Some(language) => Some(Some(language.clone())),
        None => code.eq_ignore_ascii_case(ENGLISH).then_some(None),
    };
    let find_relative = |code: &str| site.languages.iter().find(|language| primary(&language.code).eq_ignore_ascii_case(primary(code)));
    if let Some(language) = req.cookies().get(COOKIE).and_then(find) {
        return Ok(language);
    }
    for code in preferred(req.header("accept-language").unwrap_or_default()) {
        let found = find(code).or_else(|| find(primary(code))).or_else(|| find_relative(code).map(|language| Some(language.clone())));
        if let Some(language) = found {
            return Ok(language);
        }
    }
    Ok(find(&site.default_language).flatten())
}

/// Returns a language without its region: `pt` of `pt-BR`.
fn primary(code: &str) -> &str {
    code.split('-').next().unwrap_or(code)
}

/// Returns the languages of a header `Accept-Language`, the preferred ones first.
fn preferred(header: &str) -> Vec<&str> {
    /// Browsers send fewer languages.
    const MOST: usize = 20;
    let weighted = header.split(',').take(MOST).filter_map(|part| {
        let mut parts = part.split(';').map(str::trim);
        let code = parts.next()?;
        let weight = parts.find_map(|part| part.strip_prefix("q=")).unwrap_or("1");
        let weight: f64 = weight.parse().ok().filter(|weight| *weight > 0.0)?;
        Some((code, weight))
    });
    let mut languages: Vec<_> = weighted.collect();
    languages.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    languages.into_iter().map(|(code, _)| code).collect()
}

/// Returns a text in the current language, with the values of its placeholders. See the macro `text!`.
pub(crate) fn translated(text: &str, values: &[(&str, &dyn Display)]) -> String {
    match current().as_deref().and_then(|language| language.translate(text, None)) {
        Some(form) => filled(form, values),
        None => filled(text, values),
    }
}

/// Returns one of two texts, depending on a number, in the current language. The placeholder `{count}` is the number.
pub(crate) fn translated_for(count: usize, one: &str, other: &str) -> String {
    let values: [(&str, &dyn Display); 1] = [("count", &count)];
    match current().as_deref().and_then(|language| language.translate(other, Some(count))) {
        Some(form) => filled(form, &values),
        None => filled(if count == 1 { one } else { other }, &values),
    }
}

fn filled(form: &str, values: &[(&str, &dyn Display)]) -> String {
    let mut text = String::with_capacity(form.len());
    let mut rest = form;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let value = after.split_once('}').and_then(|(name, after)| {
            let (_, value) = values.iter().find(|(known, _)| *known == name)?;
            Some((value, after))
        });
        match value {
            Some((value, after)) => {
                text.push_str(&value.to_string());
                rest = after;
            }
            None => {
                text.push('{');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

/// Returns a text of a template in the current language. Each placeholder is an argument of the filter.
pub(crate) fn filter(text: String, args: TemplateArgs<'_>) -> Result<String> {
    let mut values = Vec::new();
    for name in placeholders(&text) {
        let value = match args.require::<serde_json::Value>(name)? {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        values.push((name, value));
    }
    let values: Vec<(&str, &dyn Display)> = values.iter().map(|(name, value)| (*name, value as &dyn Display)).collect();
    Ok(translated(&text, &values))
}

/// Returns the label of a model or a field within a sentence: in lower case, unless the language writes nouns with a capital.
pub(crate) fn within_sentence(label: &str) -> String {
    match current() {
        Some(language) if primary(&language.code) == "de" => label.to_owned(),
        _ => runtime::within_sentence(label),
    }
}

/// Returns a text of the pages in the language of the visitor: `text!("The view \"{name}\" has been saved.", name = view.name)`.
macro_rules! text {
    ($text:literal $(, $name:ident $(= $value:expr)?)* $(,)?) => {
        $crate::language::translated($text, &[$((stringify!($name), &$crate::language::text!(@ $name $($value)?) as &dyn std::fmt::Display)),*])
    };
    (@ $name:ident) => { $name };
    (@ $name:ident $value:expr) => { $value };
}

/// Returns one of two texts, depending on a number: `counted!(count, "One row has been saved.", "{count} rows have been saved.")`.
macro_rules! counted {
    ($count:expr, $one:literal, $other:literal $(,)?) => {
        $crate::language::translated_for($count, $one, $other)
    };
}

pub(crate) use {counted, text};

#[cfg(test)]
mod tests;
