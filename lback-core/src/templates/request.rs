//! The variables `request` and `now` of templates.

use std::collections::BTreeMap;

use serde::Serialize;

use super::TemplateGlobal;
use crate::{Request, Route};

/// The request as it is visible to templates. All of this is part of the URL that the visitor sees. Headers, cookies, the session
/// and settings do not belong here, because a template may show the whole variable.
#[derive(Serialize)]
struct RequestInfo {
    method: String,
    path: String,
    full_path: String,
    query: BTreeMap<String, String>,
    host: Option<String>,
    is_secure: bool,
    route: Option<String>,
}

impl RequestInfo {
    fn of(req: &Request) -> Self {
        // A malformed query has no parameters to show. The view decides whether to refuse it.
        let query: Vec<(String, String)> = req.query().unwrap_or_default();
        RequestInfo {
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

/// Returns the variables of core.
pub(crate) fn globals() -> [TemplateGlobal; 2] {
    [
        TemplateGlobal::new("request", |req| Ok(tera::Value::try_from_serializable(&RequestInfo::of(req))?)),
        TemplateGlobal::new("now", |req| Ok(tera::Value::try_from_serializable(&req.now())?)),
    ]
}
