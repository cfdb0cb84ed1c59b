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

/// Everything in the templates folder, parsed.
///
/// Outside `DEBUG` it is read once, at start. In `DEBUG` a change to a file, a new file and a removed one show with the
/// next page. Values are escaped, but for templates whose names end in `.txt`. A crate may bring templates along
/// ([`Assembly::template`](crate::Assembly::template)); a file of the same name takes the place of one.
///
/// Besides Tera's own functions a template can call `url_for(name="post", id=5)` and `static(path="css/site.css")`.
/// `csrf_input()` and `csrf_token()` bring a token for this request's visitor, `request` and `now` are variables, and `date`,
/// `linebreaks` and `truncate_words` filters. Crates and applications add more: see
/// [`Assembly::template_global`](crate::Assembly::template_global), `template_function` and `template_filter`.
///
/// Where the pattern of a route has a parameter called `name`, say `route` for the route's name:
/// `url_for(route="user", name="alice")`.
pub struct Templates {
    dir: PathBuf,
    built_in: Vec<(&'static str, &'static str)>,
    debug: bool,
    globals: Vec<TemplateGlobal>,
    functions: Functions,
    names: Names,
    loaded: RwLock<Arc<Loaded>>,
    /// What has failed on error pages and was logged.
    told: Mutex<HashSet<String>>,
}

impl Templates {
    /// Reads and parses the templates in `dir` (none, where there is no such folder), and those that crates bring along.
    pub(crate) fn load(
        dir: PathBuf,
        built_in: Vec<(&'static str, &'static str)>,
        debug: bool,
        globals: Vec<TemplateGlobal>,
        functions: Functions,
    ) -> Result<Self> {
        let mut globals = globals;
        // An application's own come before those of the same name.
        globals.extend(request::globals());
        let (known_functions, known_filters) = functions.known();
        let names = Names::with(known_filters, known_functions, globals.iter().map(|global| global.name));
        let read = |dir| Loaded::read(Files::list(dir)?.with_built_in(&built_in), &functions, &globals, &names);
        let loaded = read(&dir).map_err(Problem::into_error)?;
        let loaded = RwLock::new(Arc::new(loaded));
        Ok(Templates { loaded, dir, built_in, debug, globals, functions, names, told: Mutex::default() })
    }

    fn list(&self) -> Result<Files, Problem> {
        Ok(Files::list(&self.dir)?.with_built_in(&self.built_in))
    }

    /// Renders the template `name`. What `context` sets wins over globals of the same name.
    #[track_caller]
    pub(crate) fn render(&self, req: &mut Request, name: &str, mut context: tera::Context) -> Result<String> {
        let loaded = match self.current() {
            Ok(loaded) => loaded,
            Err(problem) => return Err(problem.into_error()),
        };
        let Some(mentioned) = loaded.globals_of(name) else {
            return Err(Error::internal(self.missing(name, &loaded)));
        };
        for global in mentioned.iter().filter_map(|index| self.globals.get(*index)) {
            if !context.contains_key(global.name) {
                let value = (global.value)(req);
                context.insert_value(global.name, if req.is_error_page() { self.or_none(global.name, value) } else { value? });
            }
        }
        match request_functions::lending(req, || loaded.tera.render(name, &context)) {
            (Ok(page), _) => Ok(page),
            // What a function refuses in words for the client goes to the client.
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

    /// Returns the value of the variable or function `name` on an error page; none if it fails. What it asks may be what has just
    /// failed, or stand in a middleware that the request has not reached.
    fn or_none(&self, name: &str, value: Result<tera::Value>) -> tera::Value {
        value.unwrap_or_else(|error| {
            match self.is_news(name) {
                true => tracing::warn!(target: "lback::error", "\"{name}\" is none on an error page, since it fails there: {error}"),
                false => tracing::debug!(target: "lback::error", "\"{name}\" is none on an error page, since it fails there: {error}"),
            }
            tera::Value::none()
        })
    }

    /// Returns whether `what` is told for the first time: what any stranger can make fail is logged once.
    pub(crate) fn is_news(&self, what: &str) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(what.to_owned())
    }

    /// Is there a template of this name?
    pub fn contains(&self, name: &str) -> bool {
        self.current().unwrap_or_else(|_| self.last()).globals_of(name).is_some()
    }

    /// The names of all templates, in the order of the alphabet: their paths below the templates folder, with `/`.
    pub fn names(&self) -> impl Iterator<Item = String> + use<> {
        let loaded = self.current().unwrap_or_else(|_| self.last());
        loaded.files.names().map(str::to_owned).collect::<Vec<_>>().into_iter()
    }

    /// The links to named routes that are written out in the templates, for a check that each leads somewhere.
    ///
    /// # Errors
    /// Where the files cannot be read.
    pub fn links(&self) -> Result<Vec<TemplateLink>> {
        Ok(self.texts()?.iter().flat_map(|(name, text)| links::links(name, text)).collect())
    }

    /// The static files that are written out in the templates, for a check that each exists.
    ///
    /// # Errors
    /// Where the files cannot be read.
    pub fn static_files(&self) -> Result<Vec<TemplateFile>> {
        Ok(self.texts()?.iter().flat_map(|(name, text)| links::static_files(name, text)).collect())
    }

    /// The forms that post without a CSRF token, as far as the text tells.
    ///
    /// # Errors
    /// Where the files cannot be read.
    pub fn unprotected_forms(&self) -> Result<Vec<TemplateForm>> {
        Ok(self.texts()?.iter().flat_map(|(name, text)| forms::unprotected(name, text)).collect())
    }

    /// Name and text of every template.
    fn texts(&self) -> Result<Vec<(String, String)>> {
        let texts = self.list().and_then(|files| {
            let texts = files.read()?.into_iter().map(|(name, text)| (name.to_owned(), text));
            Ok(texts.collect())
        });
        texts.map_err(Problem::into_error)
    }

    /// The templates as they are now: in `DEBUG` after a look at the files.
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

    /// The templates as they last parsed.
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
                format!(
                    "there is no template \"{name}\": the templates folder {dir} does not exist (TEMPLATES_DIR in settings.toml names it)"
                )
            }
            None if known.is_empty() => format!("there is no template \"{name}\": the folder {dir} holds none"),
            None => format!("there is no template \"{name}\" in {dir}"),
        }
    }
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Templates").field("dir", &self.dir).finish_non_exhaustive()
    }
}
