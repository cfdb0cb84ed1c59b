//! The reasons why templates cannot be read, parsed or rendered.

use tera::ErrorKind;

use super::suggest::{Names, no_field};
use crate::Error;
use crate::error::BoxError;

/// A problem without a location. It becomes an [`Error`] once the location of the caller is known.
#[derive(Debug)]
pub(crate) struct Problem {
    message: String,
    source: Option<BoxError>,
}

impl Problem {
    pub(super) fn new(message: String) -> Self {
        Problem { message, source: None }
    }

    pub(super) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Creates the problem of templates that do not parse. Tera's reports show the lines.
    pub(super) fn of_syntax(errors: Vec<tera::Error>) -> Self {
        let locations: Vec<String> = errors.iter().filter_map(|error| report(error).map(location)).collect();
        let message = match errors.as_slice() {
            [error] => match report(error) {
                Some(report) => format!("the template {} does not parse", location(report)),
                None => "a template does not parse".to_owned(),
            },
            _ => format!("{} templates do not parse: {}", errors.len(), locations.join(", ")),
        };
        let reports: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Problem::new(message).with_source(reports.join("\n\n"))
    }

    /// Creates the problem of templates that parse, but name missing parents, blocks, filters, functions or components.
    pub(super) fn of_references(error: tera::Error, names: &Names, texts: &[(&str, String)]) -> Self {
        let templates: Vec<&str> = texts.iter().map(|(name, _)| *name).collect();
        let found = match error.kind() {
            ErrorKind::MissingParent { current, parent } => {
                let text = texts.iter().find(|(name, _)| name == current).map_or("", |(_, text)| text);
                let line = text.lines().position(|line| line.contains("extends")).map_or(1, |line| line + 1);
                vec![format!("{current}:{line}: {}", names.unknown("template", parent, &templates))]
            }
            _ => unknown(&error.to_string(), names, &templates),
        };
        // Tera's reports show the lines. They start on a new line.
        Problem::new(invalid_templates(&found)).with_source(format!("\n{error}"))
    }

    /// Creates the problem of templates that pass unknown arguments.
    pub(super) fn of_calls(found: &[String]) -> Self {
        Problem::new(invalid_templates(found))
    }

    /// Creates the problem of the template `name`, which parses but cannot be rendered with its variables.
    pub(super) fn of_rendering(name: &str, error: tera::Error, names: &Names) -> Self {
        let message = match report(&error) {
            Some(report) => {
                let what = undefined(report.message(), &error.to_string(), names).unwrap_or_else(|| report.message().to_owned());
                match report.filename() == name {
                    true => format!("the template {} failed: {what}", location(report)),
                    false => format!("the template {name} failed in {}: {what}", location(report)),
                }
            }
            None => format!("the template {name} failed: {error}"),
        };
        Problem::new(message).with_source(error)
    }

    /// Creates the error, with the location of the caller.
    #[track_caller]
    pub(super) fn into_error(self) -> Error {
        let error = Error::internal(self.message);
        match self.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}

fn invalid_templates(found: &[String]) -> String {
    match found {
        [] => "the templates are invalid".to_owned(),
        [one] => format!("the templates are invalid: {one}"),
        many => format!("the templates are invalid:\n  {}", many.join("\n  ")),
    }
}

fn report(error: &tera::Error) -> Option<&tera::ReportError> {
    match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => Some(report),
        _ => None,
    }
}

/// Returns the location of a report, such as `post.html:3:5`, counted from 1 as in editors.
fn location(report: &tera::ReportError) -> String {
    format!("{}:{}:{}", report.filename(), report.span().start_line, report.span().start_col + 1)
}

/// Returns a message with a suggestion for each unknown name in Tera's reports. Tera provides them only as text:
/// ``error: Unknown filter `dat` `` and, on the next line, ` --> a.html:2:8`.
fn unknown(reports: &str, names: &Names, templates: &[&str]) -> Vec<String> {
    let mut lines = reports.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let Some((kind, name)) = line.strip_prefix("error: Unknown ").and_then(|rest| rest.split_once(' ')) else { continue };
        if let Some(location) = lines.next().and_then(|line| line.trim_start().strip_prefix("--> ")) {
            found.push(format!("{location}: {}", names.unknown(kind, name.trim_matches('`'), templates)));
        }
    }
    found
}

/// Returns the message for an undefined variable or field, or `None` for any other error.
fn undefined(message: &str, report: &str, names: &Names) -> Option<String> {
    let after = |start: &str| message.strip_prefix(start)?.split_once("` is not defined.");
    let listed = |rest: &str| -> Vec<String> {
        let list = rest.split_once(": ").map_or("", |(_, list)| list);
        list.split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    if let Some((name, rest)) = after("Variable `") {
        let defined = listed(rest);
        return Some(names.undefined(name, &defined.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    if let Some((name, rest)) = after("Field `") {
        let fields = listed(rest);
        return Some(no_field(name, &fields.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    // A loop or a filter only reports that its input is undefined. The expression is above the carets of the report.
    let name = pointed_at(report).filter(|_| message.contains("`undefined`"))?;
    let is_variable = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    Some(if is_variable { names.undefined(&name, &[]) } else { format!("\"{name}\" is not defined") })
}

/// Returns the text above `^^^^`.
fn pointed_at(report: &str) -> Option<String> {
    let mut before = "";
    for line in report.lines() {
        if let Some(start) = line.find('^').filter(|start| line[..*start].trim_end().ends_with('|')) {
            let length = line[start..].chars().take_while(|c| *c == '^').count();
            return Some(before.chars().skip(line[..start].chars().count()).take(length).collect());
        }
        before = line;
    }
    None
}
