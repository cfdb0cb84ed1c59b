//! Why templates cannot be read, parsed or rendered.

use tera::ErrorKind;

use crate::Error;
use crate::error::BoxError;

/// An error in the making. It becomes an [`Error`] where the caller's place in the source is known.
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

    /// Templates that do not parse. Tera's reports show the lines.
    pub(super) fn of_syntax(errors: Vec<tera::Error>) -> Self {
        let places: Vec<String> = errors.iter().filter_map(|error| report(error).map(place)).collect();
        let message = match errors.as_slice() {
            [error] => match report(error) {
                Some(report) => format!("the template {} does not parse", place(report)),
                None => "a template does not parse".to_owned(),
            },
            _ => format!("{} templates do not parse: {}", errors.len(), places.join(", ")),
        };
        let reports: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Problem::new(message).with_source(reports.join("\n\n"))
    }

    /// Templates that parse, and name parents, blocks, filters, functions or components that are not there.
    pub(super) fn of_references(error: tera::Error) -> Self {
        Problem::new("the templates do not fit together".to_owned()).with_source(error)
    }

    /// The template `name` parses, and cannot be rendered with what it was given.
    pub(super) fn of_rendering(name: &str, error: tera::Error) -> Self {
        let message = match report(&error) {
            Some(report) if report.filename() == name => format!("the template {} failed: {}", place(report), report.message()),
            Some(report) => format!("the template {name} failed in {}: {}", place(report), report.message()),
            None => format!("the template {name} failed: {error}"),
        };
        Problem::new(message).with_source(error)
    }

    /// The error, made where the caller is.
    #[track_caller]
    pub(super) fn into_error(self) -> Error {
        let error = Error::internal(self.message);
        match self.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}

fn report(error: &tera::Error) -> Option<&tera::ReportError> {
    match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => Some(report),
        _ => None,
    }
}

/// `post.html:3:5`, counted from 1 as editors do.
fn place(report: &tera::ReportError) -> String {
    format!("{}:{}:{}", report.filename(), report.span().start_line, report.span().start_col + 1)
}
