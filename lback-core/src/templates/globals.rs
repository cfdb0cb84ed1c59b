//! Variables that every template can use.

use std::collections::HashSet;
use std::fmt;

use tera::Tera;

use crate::{Request, Result};

type Value = Box<dyn Fn(&mut Request) -> Result<tera::Value> + Send + Sync>;

/// A variable that every template can use. Its value is computed only for templates that mention it.
pub struct TemplateGlobal {
    pub(super) name: &'static str,
    pub(super) value: Value,
}

impl fmt::Debug for TemplateGlobal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateGlobal").field("name", &self.name).finish_non_exhaustive()
    }
}

impl TemplateGlobal {
    pub(crate) fn new(name: &'static str, value: impl Fn(&mut Request) -> Result<tera::Value> + Send + Sync + 'static) -> Self {
        TemplateGlobal { name, value: Box::new(value) }
    }
}

/// The components with implicit arguments (`{% component Form(@token) %}`). A call of such a component uses a variable without
/// naming it, and Tera's list of a template's variables does not contain it.
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

    /// Returns the implicit arguments of every component that `template` may call, directly or through the templates that it extends
    /// and includes.
    ///
    /// This searches the text, because Tera does not provide this information. It may find a variable too many, but never one too few.
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
            for (name, other) in texts {
                if ['"', '\'', '`'].iter().any(|quote| text.contains(&format!("{quote}{name}{quote}"))) && seen.insert(("template", name)) {
                    waiting.push(other);
                }
            }
        }
        found
    }
}

/// Returns the part of `text` that defines `component`.
fn definition<'a>(component: &str, text: &'a str) -> Option<&'a str> {
    let start = text.match_indices(component).map(|(at, _)| at).find(|at| text[..*at].trim_end().ends_with("component"))?;
    let rest = &text[start..];
    Some(&rest[..rest.find("endcomponent").unwrap_or(rest.len())])
}
