//! [`Api`], the resources of an application and their document.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use lback_auth::{Auth, RoutePermissions, RouteTokens, RouterAuth};
use lback_core::testing::ResponseCheck;
use lback_core::{Application, Request, Response, Result, Router};
use lback_models::Model;
use lback_session::SessionManager;
use serde_json::Value as Json;

use crate::docs_page;
use crate::document::{self, Document};
use crate::resource::{Access, Config, Operation, Resource};
use crate::views::Endpoint;

/// The end of the path of the document.
const DOCUMENT: &str = "/openapi.json";

/// An HTTP API: resources, each of which is a model, and an OpenAPI document that describes them.
///
/// ```
/// # use lback::prelude::*;
/// # #[derive(Model, Clone, Debug)]
/// # pub struct Ticket { pub id: i64, pub title: String, pub is_open: bool }
/// let api = Api::new("Helpdesk", "1")
///     .resource::<Ticket>(|ticket| ticket.fields(["id", "title", "is_open"]).writable(["title", "is_open"]).filter(["is_open"]));
/// let urls = Router::new().include("/api", api.urls());
/// # let _ = urls;
/// ```
///
/// | request | answer |
/// | --- | --- |
/// | `GET /api/tickets` | a page of rows |
/// | `POST /api/tickets` | 201, and the new row |
/// | `GET /api/tickets/7` | a row |
/// | `PATCH /api/tickets/7`, `PUT /api/tickets/7` | the row, with some or all fields changed |
/// | `DELETE /api/tickets/7` | 204 |
/// | `GET /api/openapi.json` | the document |
/// | `GET /api/docs` | a page that shows the document, unless a resource has this path |
///
/// All other errors under this path are JSON. Clients are logged in by the session or, with `App::tokens()`, send an API token.
#[must_use = "add its urls() to a router"]
pub struct Api {
    title: String,
    version: String,
    description: Option<String>,
    resources: Vec<Config>,
    /// The names of the schemas in the document.
    schemas: BTreeSet<String>,
    is_document_public: bool,
    problems: Vec<String>,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<_> = self.resources.iter().map(|resource| &resource.path).collect();
        f.debug_struct("Api").field("title", &self.title).field("version", &self.version).field("resources", &paths).finish_non_exhaustive()
    }
}

impl Api {
    /// Creates an API with a title and the version of its interface.
    pub fn new(title: impl Into<String>, version: impl Into<String>) -> Self {
        Api {
            title: title.into(),
            version: version.into(),
            description: None,
            resources: Vec::new(),
            schemas: BTreeSet::from([document::PROBLEM.to_owned()]),
            is_document_public: false,
            problems: Vec::new(),
        }
    }

    /// Sets the text at the beginning of the document, in Markdown.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Adds the rows of a model, under the name of its table. The closure configures the fields and operations; see [`Resource`].
    #[track_caller]
    pub fn resource<M: Model>(mut self, configure: impl FnOnce(Resource<M>) -> Resource<M>) -> Self {
        let place = Location::caller();
        let (config, mut problems) = configure(Resource::new()).into_parts();
        if self.resources.iter().any(|other| other.path == config.path) {
            problems.push(format!("two resources have the path \"{}\": give one another with .path(\"…\")", config.path));
        }
        if self.resources.iter().any(|other| other.meta().name == config.meta().name) {
            problems.push(format!("{} is a resource twice: remove one .resource::<{0}>(…)", config.meta().name));
        } else {
            let taken = document::schema_names(&config).into_iter().filter(|name| !self.schemas.insert(name.clone()));
            let problem = |name: String| format!("the document has another schema \"{name}\": rename the model {}", config.meta().name);
            problems.extend(taken.map(problem));
        }
        self.problems.extend(problems.into_iter().map(|problem| format!("{place}: {problem}")));
        self.resources.push(config);
        self
    }

    /// Makes the document `/openapi.json` and the page `/docs` public. By default, they need a login.
    pub fn public_document(mut self) -> Self {
        self.is_document_public = true;
        self
    }

    /// Returns the routes, to include under a prefix.
    pub fn urls(self) -> Router {
        let mut routes = Router::new();
        if !self.problems.is_empty() {
            return self.problems.into_iter().fold(routes, |routes, problem| routes.problem(problem));
        }
        let resources: Vec<Arc<Config>> = self.resources.into_iter().map(Arc::new).collect();
        let document = Document::of(&self.title, &self.version, self.description.as_deref(), &resources, self.is_document_public);
        let document = Arc::new(document);
        for config in &resources {
            for operation in Operation::ALL.into_iter().filter(|operation| config.has(*operation)) {
                let described = document.clone();
                let path = document::path_of(config, operation);
                let check = ResponseCheck::new(move |response| described.check(&path, &operation.method(), response));
                routes = Endpoint::new(config.clone(), operation, &resources).add_to(routes).option(check);
            }
        }
        let described = document.clone();
        let check = ResponseCheck::new(move |response| described.check(DOCUMENT, &lback_core::Method::GET, response));
        let document = DocumentRoute(document);
        routes = routes.get(DOCUMENT, show_document).name("openapi").option(document.clone()).option(check).option(RouteTokens::any());
        if !self.is_document_public {
            routes = routes.login_required();
        }
        let mut page = Router::new();
        if !resources.iter().any(|resource| resource.path == docs_page::PAGE.trim_start_matches('/')) {
            page = page.get(docs_page::PAGE, move |req: &mut Request| show_page(req, &document));
            if !self.is_document_public {
                page = page.login_required();
            }
            page = page.get(docs_page::STYLE, docs_page::show_style);
        }
        let needs_permission = |config: &&Arc<Config>| {
            Operation::ALL.into_iter().any(|operation| config.has(operation) && config.access(operation) == Access::UsersWithPermission)
        };
        let permissions = RoutePermissions::of_models(resources.iter().filter(needs_permission).map(|config| config.meta()));
        page.include("/", routes).json().option(permissions)
    }
}

/// The document of an API, as an option of its route.
#[derive(Clone)]
pub(crate) struct DocumentRoute(Arc<Document>);

impl DocumentRoute {
    /// Returns the path of the API, from the path of its document.
    pub(crate) fn prefix(pattern: &str) -> &str {
        pattern.strip_suffix(DOCUMENT).unwrap_or(pattern)
    }

    /// Returns the document of the API at this path.
    pub(crate) fn document(&self, app: &Application, path: &str) -> Json {
        let has_tokens = app.state::<Auth>().is_some_and(Auth::has_tokens);
        self.0.below(path, app.state::<SessionManager>().map(SessionManager::cookie_name), has_tokens)
    }
}

/// Answers with the page that shows the document.
fn show_page(req: &mut Request, document: &DocumentRoute) -> Result<Response> {
    let app = Arc::clone(req.app());
    let path = req.path().trim_end_matches('/');
    let path = path.strip_suffix(docs_page::PAGE).unwrap_or(path).to_owned();
    docs_page::show(req, &document.document(&app, &path))
}

fn show_document(req: &mut Request) -> Result<Response> {
    let app = Arc::clone(req.app());
    let path = DocumentRoute::prefix(req.path()).to_owned();
    match req.route().and_then(|route| route.option::<DocumentRoute>()) {
        Some(route) => Response::json(&route.document(&app, &path)),
        None => Err(lback_core::Error::internal("the route has no document")),
    }
}
