//! The OpenAPI document, generated from the resources.

mod check;
mod operations;
mod schemas;

use std::sync::Arc;

use lback_core::Method;
use lback_core::header::{HeaderValue, WWW_AUTHENTICATE};
use lback_core::testing::CheckedResponse;
use serde_json::{Map, Value as Json, json};

use crate::resource::{Config, Operation};

/// The OpenAPI document of an API, without the path of the API.
pub(crate) struct Document {
    /// That of an application without API tokens.
    plain: Json,
    with_tokens: Json,
}

/// The name of the schema of errors.
pub(crate) const PROBLEM: &str = "Problem";

/// Returns the names of the schemas of a resource.
pub(crate) fn schema_names(config: &Config) -> Vec<String> {
    schemas::of_resource(config).into_iter().map(|(name, _)| name).collect()
}

/// Returns the path of an operation, as the document names it.
pub(crate) fn path_of(config: &Config, operation: Operation) -> String {
    if operation.has_key() { format!("/{}/{{{}}}", config.path, config.key.name) } else { format!("/{}", config.path) }
}

impl Document {
    /// Describes an API.
    pub(crate) fn of(title: &str, version: &str, description: Option<&str>, resources: &[Arc<Config>], is_public: bool) -> Self {
        let document = |has_tokens| describe(title, version, description, resources, is_public, has_tokens);
        Document { plain: document(false), with_tokens: document(true) }
    }

    /// Returns the document of the API at a path. The name of the session's cookie is that of the settings.
    pub(crate) fn below(&self, path: &str, cookie: Option<&str>, has_tokens: bool) -> Json {
        let mut document = if has_tokens { self.with_tokens.clone() } else { self.plain.clone() };
        document["servers"] = json!([{ "url": if path.is_empty() { "/" } else { path } }]);
        document["components"]["securitySchemes"] = json!({
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": cookie.unwrap_or("session_id"),
                "description": "The session of a user who is logged in.",
            },
            "csrf": {
                "type": "apiKey",
                "in": "header",
                "name": "X-CSRF-Token",
                "description": "The CSRF token of the session.",
            },
        });
        if has_tokens {
            document["components"]["securitySchemes"]["token"] = json!({
                "type": "http",
                "scheme": "bearer",
                "description": "An API token of a user. An operation names the scope that the token needs.",
            });
        }
        document
    }

    /// Checks a response of an operation.
    ///
    /// # Errors
    /// Returns what the document does not allow.
    pub(crate) fn check(&self, path: &str, method: &Method, response: &CheckedResponse<'_>) -> Result<(), String> {
        // In applications without tokens, there is no such header.
        let is_of_token = |value: &HeaderValue| value.as_bytes().starts_with(b"Bearer error=");
        let concerns_token = response.headers.get_all(WWW_AUTHENTICATE).iter().any(is_of_token);
        let document = if concerns_token { &self.with_tokens } else { &self.plain };
        let operation = &document["paths"][path][method.as_str().to_ascii_lowercase()];
        check::response(document, operation, response).map_err(|problem| format!("{problem}, which the document does not allow"))
    }
}

fn describe(title: &str, version: &str, description: Option<&str>, resources: &[Arc<Config>], is_public: bool, has_tokens: bool) -> Json {
    let mut info = json!({ "title": title, "version": version });
    if let Some(description) = description {
        info["description"] = description.into();
    }
    let mut paths = Map::new();
    let mut schemas = Map::from_iter([(PROBLEM.to_owned(), schemas::problem())]);
    let mut tags = Vec::new();
    for config in resources {
        tags.push(json!({ "name": config.meta().plural }));
        schemas.extend(schemas::of_resource(config));
        for operation in Operation::ALL.into_iter().filter(|operation| config.has(*operation)) {
            let path = paths.entry(path_of(config, operation)).or_insert_with(|| json!({}));
            path[operation.method().as_str().to_ascii_lowercase()] = operations::of(config, operation, has_tokens);
        }
    }
    paths.insert("/openapi.json".to_owned(), json!({ "get": operations::of_document(is_public, has_tokens) }));
    json!({
        "openapi": "3.1.0",
        "info": info,
        "tags": tags,
        "paths": paths,
        "components": { "schemas": schemas },
    })
}
