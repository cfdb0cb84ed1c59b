//! What templates may know of the request: the variable `request`, and the time.

use std::collections::BTreeMap;

use serde::Serialize;

use super::TemplateGlobal;
use crate::{Request, Route};

/// The request, as templates see it. Everything here stands in the address that the visitor sees: no header, no cookie, no
/// session and no setting belongs here, since a template shows what it is asked to show.
#[derive(Serialize)]
struct Seen {
    method: String,
    path: String,
    full_path: String,
    query: BTreeMap<String, String>,
    host: Option<String>,
    is_secure: bool,
    route: Option<String>,
}

impl Seen {
    fn of(req: &Request) -> Self {
        // A query that is no text has no parameters that could be shown; the view decides whether to refuse it.
        let query: Vec<(String, String)> = req.query().unwrap_or_default();
        Seen {
            method: req.method().to_string(),
            path: req.path().to_owned(),
            full_path: req.path_and_query().to_owned(),
            query: query.into_iter().collect(),
            host: req.host(),
            is_secure: req.is_secure(),
            route: req.route().and_then(Route::name).map(str::to_owned),
        }
    }
}

/// The variables of core.
pub(crate) fn globals() -> [TemplateGlobal; 2] {
    [
        TemplateGlobal::new("request", |req| Ok(tera::Value::try_from_serializable(&Seen::of(req))?)),
        TemplateGlobal::new("now", |req| Ok(tera::Value::try_from_serializable(&req.now())?)),
    ]
}
