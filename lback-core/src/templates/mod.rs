//! The application's templates: Tera, with the globals and functions of the framework.

mod arguments;
mod context;
mod files;
mod filters;
mod forms;
mod from_value;
mod functions;
mod globals;
mod html;
mod links;
mod loaded;
mod nested;
mod paging;
mod problem;
mod request;
mod request_functions;
mod suggest;
#[cfg(test)]
mod tests;

pub use forms::TemplateForm;
pub use globals::TemplateGlobal;
pub use html::Html;
pub use links::{TemplateFile, TemplateLink};
pub use request_functions::{TemplateArgs, TemplateFunction};

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::settings::nearest;
use crate::{Error, Request, Result};

pub(crate) use files::Files;
pub(crate) use filters::TemplateFilter;
pub(crate) use functions::Functions;
use loaded::Loaded;
use problem::Problem;
use suggest::Names;

/// The parsed templates of an application.
///
/// They are read once, at startup. While `DEBUG` is on, changed, new and removed files take effect on the next page. Values are
/// escaped, except in templates whose names end in `.txt`. Crates can provide templates
/// ([`Assembly::template`](crate::Assembly::template)); a file with the same name replaces them.
///
/// Besides Tera's own functions, templates can call `url_for(name="post", id=5)` and `static(path="css/site.css")`.
/// `csrf_input()` and `csrf_token()` add a token for the visitor, `request` and `now` are variables, and `date`, `linebreaks` and
/// `truncate_words` are filters. Crates and applications can add more: see
/// [`Assembly::template_global`](crate::Assembly::template_global), `template_function` and `template_filter`.
///
/// If the pattern of a route has a parameter called `name`, pass the route's name as `route`:
/// `url_for(route="user", name="alice")`.
pub struct Templates {
    dir: PathBuf,
    built_in: Vec<(&'static str, &'static str)>,
    debug: bool,
    globals: Vec<TemplateGlobal>,
    functions: Functions,
    names: Names,
    loaded: RwLock<Arc<Loaded>>,
    /// The names of what has failed on error pages and has been logged.
    logged_failures: Mutex<HashSet<String>>,
}

impl Templates {
    /// Reads and parses the templates in `dir`, if that folder exists, and those that crates provide.
    pub(crate) fn load(
        dir: PathBuf,
        built_in: Vec<(&'static str, &'static str)>,
        debug: bool,
        globals: Vec<TemplateGlobal>,
        functions: Functions,
    ) -> Result<Self> {
        let mut globals = globals;
        // The globals of the application come first, so they take precedence over others of the same name.
        globals.extend(request::globals());
        let (known_functions, known_filters) = functions.known();
        let names = Names::with(known_filters, known_functions, globals.iter().map(|global| global.name));
        let read = |dir| Loaded::read(Files::list(dir)?.with_built_in(&built_in), &functions, &globals, &names);
        let loaded = read(&dir).map_err(Problem::into_error)?;
        let loaded = RwLock::new(Arc::new(loaded));
        Ok(Templates { loaded, dir, built_in, debug, globals, functions, names, logged_failures: Mutex::default() })
    }

    fn list(&self) -> Result<Files, Problem> {
        Ok(Files::list(&self.dir)?.with_built_in(&self.built_in))
    }

    /// Renders the template `name`. Variables in `context` take precedence over globals of the same name.
    #[track_caller]
    pub(crate) fn render(&self, req: &mut Request, name: &str, context: tera::Context) -> Result<String> {
        let loaded = match self.current() {
            Ok(loaded) => loaded,
            Err(problem) => return Err(problem.into_error()),
        };
        self.render_with(req, &loaded, name, context)
    }

    /// Renders one of the templates that have been read.
    #[track_caller]
    fn render_with(&self, req: &mut Request, loaded: &Arc<Loaded>, name: &str, mut context: tera::Context) -> Result<String> {
        let Some(mentioned) = loaded.globals_of(name) else {
            return Err(Error::internal(self.missing(name, loaded)));
        };
        if request_functions::is_too_deep() {
            return Err(Error::internal(format!("the template {name} is rendered inside too many others; does it contain itself?")));
        }
        for global in mentioned.iter().filter_map(|index| self.globals.get(*index)) {
            if !context.contains_key(global.name) {
                let value = (global.value)(req);
                context.insert_value(global.name, if req.is_error_page() { self.or_none(global.name, value) } else { value? });
            }
        }
        match request_functions::lending(req, loaded, || loaded.tera.render(name, &context)) {
            (Ok(page), _) => Ok(page),
            // A function's error below 500 has a message for the client.
            (Err(_), Some(error)) if !error.is_server_error() => Err(error),
            (Err(error), failed) => {
                let problem = Problem::of_rendering(name, error, &self.names).into_error();
                Err(match failed {
                    Some(failed) => problem.with_status(failed.status()),
                    None => problem,
                })
            }
        }
    }

    /// Returns the value of the variable or function `name` on an error page, or none if it fails. It may depend on what has just
    /// failed, or on a middleware that the request has not reached.
    fn or_none(&self, name: &str, value: Result<tera::Value>) -> tera::Value {
        value.unwrap_or_else(|error| {
            match self.is_first_failure(name) {
                true => tracing::warn!(target: "lback::error", "\"{name}\" is none on an error page, because it fails there: {error}"),
                false => tracing::debug!(target: "lback::error", "\"{name}\" is none on an error page, because it fails there: {error}"),
            }
            tera::Value::none()
        })
    }

    /// Returns whether `what` fails for the first time. Anyone can make it fail repeatedly, so only the first time is prominent in
    /// the log.
    pub(crate) fn is_first_failure(&self, what: &str) -> bool {
        self.logged_failures.lock().unwrap_or_else(PoisonError::into_inner).insert(what.to_owned())
    }

    /// Returns whether there is a template of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.current().unwrap_or_else(|_| self.last()).globals_of(name).is_some()
    }

    /// Returns the names of all templates in alphabetical order. A name is the path below the templates folder, with `/` as the
    /// separator.
    pub fn names(&self) -> impl Iterator<Item = String> + use<> {
        let loaded = self.current().unwrap_or_else(|_| self.last());
        loaded.files.names().map(str::to_owned).collect::<Vec<_>>().into_iter()
    }

    /// Returns the links to named routes that are written as literals in templates, to check that each route exists.
    ///
    /// # Errors
    /// Returns an error if the files cannot be read.
    pub fn links(&self) -> Result<Vec<TemplateLink>> {
        Ok(self.texts()?.iter().flat_map(|(name, text)| links::links(name, text)).collect())
    }

    /// Returns the static files that are written as literals in templates, to check that each file exists.
    ///
    /// # Errors
    /// Returns an error if the files cannot be read.
    pub fn static_files(&self) -> Result<Vec<TemplateFile>> {
        Ok(self.texts()?.iter().flat_map(|(name, text)| links::static_files(name, text)).collect())
    }

    /// Returns the forms that post without a CSRF token, as far as the text shows.
    ///
    /// # Errors
    /// Returns an error if the files cannot be read.
    pub fn unprotected_forms(&self) -> Result<Vec<TemplateForm>> {
        Ok(self.texts()?.iter().flat_map(|(name, text)| forms::unprotected(name, text)).collect())
    }

    /// Returns the name and text of every template.
    fn texts(&self) -> Result<Vec<(String, String)>> {
        let texts = self.list().and_then(|files| {
            let texts = files.read()?.into_iter().map(|(name, text)| (name.to_owned(), text));
            Ok(texts.collect())
        });
        texts.map_err(Problem::into_error)
    }

    /// Returns the current templates. While `DEBUG` is on, this reads the files again if they have changed.
    fn current(&self) -> Result<Arc<Loaded>, Problem> {
        let last = self.last();
        if !self.debug {
            return Ok(last);
        }
        let files = self.list()?;
        if files == last.files {
            return Ok(last);
        }
        let fresh = Arc::new(Loaded::read(files, &self.functions, &self.globals, &self.names)?);
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = fresh.clone();
        Ok(fresh)
    }

    /// Returns the templates that were last parsed successfully.
    fn last(&self) -> Arc<Loaded> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn missing(&self, name: &str, loaded: &Loaded) -> String {
        let dir = self.dir.display();
        let known: Vec<&str> = loaded.files.names().collect();
        let same_file = || known.iter().copied().find(|known| known.rsplit('/').next() == Some(name));
        match nearest(name, &known).or_else(same_file) {
            Some(near) => format!("there is no template \"{name}\" in {dir}; did you mean \"{near}\"?"),
            None if known.is_empty() && !self.dir.is_dir() => {
                format!("there is no template \"{name}\": the templates folder {dir} does not exist (check TEMPLATES_DIR in settings.toml)")
            }
            None if known.is_empty() => format!("there is no template \"{name}\": the folder {dir} contains no templates"),
            None => format!("there is no template \"{name}\" in {dir}"),
        }
    }
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Templates").field("dir", &self.dir).finish_non_exhaustive()
    }
}
