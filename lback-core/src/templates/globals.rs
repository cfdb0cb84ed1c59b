//! Variables that every template can use.

use std::collections::HashSet;

use tera::Tera;

use crate::{Request, Result};

type Value = Box<dyn Fn(&mut Request) -> Result<tera::Value> + Send + Sync>;

/// A variable that every template can use, made only for those that mention it.
pub struct TemplateGlobal {
    pub(super) name: &'static str,
    pub(super) value: Value,
}

impl TemplateGlobal {
    pub(crate) fn new(name: &'static str, value: impl Fn(&mut Request) -> Result<tera::Value> + Send + Sync + 'static) -> Self {
        TemplateGlobal { name, value: Box::new(value) }
    }
}

/// The components with implicit arguments (`{% component Form(@token) %}`): a call mentions a variable without naming it,
/// and Tera's list of a template's variables leaves these out.
pub(super) struct Components(Vec<(String, Vec<String>)>);

impl Components {
    pub(super) fn with_implicit_arguments(tera: &Tera) -> Self {
        let implicit = |name: &str| -> Vec<String> {
            let info = tera.get_component_definition(name);
            let arguments = info.iter().flat_map(|info| info.args());
            arguments.filter(|argument| argument.is_implicit()).map(|argument| argument.name().to_owned()).collect()
        };
        let any_implicit = tera.get_component_names().any(|name| !implicit(name).is_empty());
        let names = tera.get_component_names().filter(|_| any_implicit);
        Components(names.map(|name| (name.to_owned(), implicit(name))).collect())
    }

    /// The implicit arguments of every component that `template` may call, itself or by what it extends and includes.
    ///
    /// It goes by the text, as Tera tells no more: rather one variable too many than one too few.
    pub(super) fn reached_from<'a>(&'a self, template: &str, texts: &'a [(&'a str, String)]) -> HashSet<&'a str> {
        let mut found = HashSet::new();
        let mut seen = HashSet::from([("template", template)]);
        let mut waiting: Vec<&str> = texts.iter().filter(|(name, _)| *name == template).map(|(_, text)| text.as_str()).collect();
        while let Some(text) = waiting.pop().filter(|_| !self.0.is_empty()) {
            for (component, arguments) in &self.0 {
                if text.contains(&format!("<{component}")) && seen.insert(("component", component)) {
                    found.extend(arguments.iter().map(String::as_str));
                    waiting.extend(texts.iter().filter_map(|(_, text)| definition(component, text)));
                }
            }
            for (name, text_of_it) in texts {
                if ['"', '\'', '`'].iter().any(|quote| text.contains(&format!("{quote}{name}{quote}"))) && seen.insert(("template", name)) {
                    waiting.push(text_of_it);
                }
            }
        }
        found
    }
}

/// The part of `text` that defines `component`.
fn definition<'a>(component: &str, text: &'a str) -> Option<&'a str> {
    let start = text.match_indices(component).map(|(at, _)| at).find(|at| text[..*at].trim_end().ends_with("component"))?;
    let rest = &text[start..];
    Some(&rest[..rest.find("endcomponent").unwrap_or(rest.len())])
}
