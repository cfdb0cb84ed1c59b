//! The operations of the document: parameters, bodies, statuses and access.

use lback_models::Comparison;
use serde_json::{Map, Value as Json, json};

use super::PROBLEM;
use super::schemas::{self, Named};
use crate::idempotency;
use crate::parameters::{self, MOST_CHARACTERS, MOST_VALUES, Meaning, Parameter, Test};
use crate::resource::{Access, Config, Operation};

/// Describes an operation.
pub(super) fn of(config: &Config, operation: Operation, has_tokens: bool) -> Json {
    let (meta, name) = (config.meta(), lback_models::runtime::within_sentence(config.meta().label));
    let plural = lback_models::runtime::within_sentence(meta.plural);
    let (verb, summary) = match operation {
        Operation::List => ("list", format!("Lists {plural}.")),
        Operation::Get => ("get", format!("Returns a {name}.")),
        Operation::Create => ("create", format!("Creates a {name}.")),
        Operation::Change => ("change", format!("Changes the fields of a {name} that are sent.")),
        Operation::Replace => ("replace", format!("Changes all fields of a {name}. Those that are not sent get their defaults.")),
        Operation::Delete => ("delete", format!("Deletes a {name}.")),
    };
    let mut described = json!({
        "operationId": format!("{verb}_{}", config.path),
        "summary": summary,
        "tags": [meta.plural],
        "parameters": parameters_of(config, operation),
        "responses": responses(config, operation, has_tokens),
        "security": security(config.access(operation), operation.is_reading(), has_tokens.then(|| json!([config.scope(operation)]))),
    });
    if config.access(operation) == Access::UsersWithPermission {
        let permissions: Vec<String> = operation.rights().iter().map(|right| right.permission(meta)).collect();
        described["description"] = format!("Needs the permission {}.", permissions.join(" or ")).into();
    }
    if operation.has_body() {
        let schema = schemas::reference(&schemas::name(config, Named::Sent(operation)));
        described["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    described
}

/// Describes the operation that returns the document itself.
pub(super) fn of_document(is_public: bool, has_tokens: bool) -> Json {
    let access = if is_public { Access::Everyone } else { Access::Users };
    let mut responses = Map::from_iter([("200".to_owned(), content("This document.", "application/json", json!({ "type": "object" })))]);
    add_problems(&mut responses, if is_public && !has_tokens { &[400] } else { &[400, 401, 403] }, has_tokens);
    json!({
        "operationId": "openapi",
        "summary": "Returns this document.",
        "responses": responses,
        "security": security(access, true, has_tokens.then(|| json!([]))),
    })
}

/// Describes who may use an operation. `scopes` are those that a token needs, if the application has tokens.
fn security(access: Access, is_reading: bool, scopes: Option<Json>) -> Json {
    if access == Access::Everyone {
        return json!([]);
    }
    let session = if is_reading { json!({ "session": [] }) } else { json!({ "session": [], "csrf": [] }) };
    let token = scopes.map(|scopes| json!({ "token": scopes }));
    [session].into_iter().chain(token).collect()
}

fn parameters_of(config: &Config, operation: Operation) -> Vec<Json> {
    let mut described = Vec::new();
    if operation.has_key() {
        described.push(json!({ "name": config.key.name, "in": "path", "required": true, "schema": schemas::value(config.key) }));
    }
    described.extend(parameters::of(config, operation).iter().map(|parameter| query_parameter(config, parameter)));
    if config.version_tag.is_some() {
        let mut header = |name, required, text| {
            described
                .push(json!({ "name": name, "in": "header", "required": required, "description": text, "schema": { "type": "string" } }));
        };
        match operation {
            Operation::Get => header("If-None-Match", false, "The ETag of the row that the client has."),
            Operation::Change | Operation::Replace | Operation::Delete => {
                header("If-Match", config.requires_if_match, "The ETag of the row that the client last read.");
            }
            Operation::List | Operation::Create => {}
        }
    }
    if operation.has_idempotency_key() {
        let text = "A random text that names this request. A request that repeats it within 24 hours changes nothing, and gets the response \
                    to the first one. With another path or body, it is a 422 (idempotency_key_reused). If that response was not kept, it \
                    is a 409 (idempotency_response_not_kept).";
        described.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": text,
            "schema": { "type": "string", "minLength": 1, "maxLength": idempotency::MOST_CHARACTERS },
        }));
    }
    described
}

fn query_parameter(config: &Config, parameter: &Parameter) -> Json {
    let (schema, text) = match parameter.meaning {
        Meaning::Filter(field, test) => {
            let one = schemas::compared(field);
            match test {
                Test::Is(comparison) => (one, format!("Rows whose {} is {} this value.", field.name, compared(comparison))),
                Test::Contains => {
                    (json!({ "type": "string", "maxLength": MOST_CHARACTERS }), format!("Rows whose {} contains this text.", field.name))
                }
                Test::IsNull => (json!({ "type": "boolean" }), format!("Rows without a {}, or with one.", field.name)),
                Test::OneOf => {
                    let text = format!("Rows whose {} is one of these values.", field.name);
                    let schema = json!({ "type": "array", "items": one, "minItems": 1, "maxItems": MOST_VALUES });
                    return described(parameter, schema, &text, true);
                }
            }
        }
        Meaning::Search => {
            let names: Vec<&str> = config.search.iter().map(|field| field.name).collect();
            (
                json!({ "type": "string", "maxLength": MOST_CHARACTERS }),
                format!("Rows that contain each of these words in {}.", names.join(" or ")),
            )
        }
        Meaning::Order => {
            let signed = config.sortable.iter().flat_map(|field| [field.name.to_owned(), format!("-{}", field.name)]);
            return several(parameter, signed.collect(), "The order: fields, each with a minus sign for descending order.");
        }
        Meaning::Fields => {
            let names = config.fields.iter().map(|field| field.name.to_owned());
            return several(parameter, names.collect(), "The fields of the response.");
        }
        Meaning::Include => {
            let names = config.includes.iter().map(|include| include.name.to_owned());
            return several(parameter, names.collect(), "The references whose rows are included.");
        }
        Meaning::After => (json!({ "type": "string" }), "The value of next in a page, for the page after it.".to_owned()),
        Meaning::Before => (json!({ "type": "string" }), "The value of previous in a page, for the page before it.".to_owned()),
        Meaning::Page => (
            json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX, "default": 1 }),
            "The number of the page. A number past the end returns the last page.".to_owned(),
        ),
        Meaning::Limit => {
            let schema = json!({ "type": "integer", "minimum": 1, "maximum": config.most_per_page, "default": config.per_page });
            (schema, "The number of rows on a page.".to_owned())
        }
    };
    described(parameter, schema, &text, false)
}

fn several(parameter: &Parameter, names: Vec<String>, text: &str) -> Json {
    described(parameter, json!({ "type": "array", "items": { "type": "string", "enum": names }, "minItems": 1 }), text, true)
}

fn described(parameter: &Parameter, schema: Json, text: &str, is_list: bool) -> Json {
    let mut described = json!({ "name": parameter.name, "in": "query", "description": text, "schema": schema });
    if is_list {
        described["style"] = "form".into();
        described["explode"] = false.into();
    }
    described
}

fn compared(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "equal to",
        Comparison::AtLeast => "at least",
        Comparison::AtMost => "at most",
        Comparison::Below => "less than",
        Comparison::Above => "more than",
    }
}

/// Describes all statuses with which an operation answers.
fn responses(config: &Config, operation: Operation, has_tokens: bool) -> Map<String, Json> {
    let row = || schemas::reference(&schemas::name(config, Named::Row));
    let json = "application/json";
    let (status, mut success) = match operation {
        Operation::List => {
            let mut page = content("A page of rows.", json, schemas::reference(&schemas::name(config, Named::Page)));
            page["headers"] = json!({ "Link": header("The pages beside this one (RFC 8288).", false) });
            ("200", page)
        }
        Operation::Get | Operation::Change | Operation::Replace => ("200", content("The row.", json, row())),
        Operation::Create => {
            let mut created = content("The new row.", json, row());
            created["headers"] = json!({ "Location": header("The path of the row.", true) });
            ("201", created)
        }
        Operation::Delete => ("204", json!({ "description": "The row is deleted." })),
    };
    let has_version = config.version_tag.is_some();
    if has_version && !matches!(operation, Operation::List | Operation::Delete) {
        success["headers"]["ETag"] = header("The version of the row.", true);
    }
    if operation.has_idempotency_key() {
        let text = "\"true\" if this is the response to an earlier request with the same Idempotency-Key.";
        success["headers"][idempotency::REPLAYED] = header(text, false);
    }
    let mut responses = Map::from_iter([(status.to_owned(), success)]);
    if has_version && operation == Operation::Get {
        responses.insert("304".to_owned(), json!({ "description": "The client has this version of the row already." }));
    }
    let mut problems = vec![400];
    // A token that is not valid is refused in any case.
    if config.access(operation) != Access::Everyone || config.hooks.queryset.is_some() || has_tokens {
        problems.extend([401, 403]);
    }
    if operation.has_key() {
        problems.push(404);
    }
    if operation.has_body() {
        problems.extend([409, 413, 415, 422]);
    }
    if matches!(operation, Operation::Change | Operation::Replace | Operation::Delete) {
        problems.extend([409, 412]);
        if config.requires_if_match {
            problems.push(428);
        }
    }
    add_problems(&mut responses, &problems, has_tokens);
    for (status, text) in config.answers.iter().filter(|_| !operation.is_reading()) {
        responses.insert(status.as_str().to_owned(), content(text, "application/problem+json", schemas::reference(PROBLEM)));
    }
    responses
}

fn add_problems(responses: &mut Map<String, Json>, statuses: &[u16], has_tokens: bool) {
    for status in statuses {
        let text = match status {
            400 => "The request cannot be understood: an unknown parameter, a value that is not valid, or a body that is not JSON.",
            401 if has_tokens => "A login is missing, or the token is not valid.",
            401 => "A login is missing.",
            403 if has_tokens => "The user is not allowed to do this, the CSRF token is missing, or the API token lacks the scope.",
            403 => "The user is not allowed to do this, or the CSRF token is missing.",
            404 => "There is no such row.",
            409 => "Another request changed the row at the same time, or other rows refer to it.",
            412 => "The row has been changed since the client read it.",
            413 => "The body is too large.",
            415 => "The body is not JSON.",
            422 => "Some values are not valid.",
            _ => "The header If-Match is missing.",
        };
        responses.insert(status.to_string(), content(text, "application/problem+json", schemas::reference(PROBLEM)));
    }
    responses.insert("5XX".to_owned(), content("The server has failed.", "application/problem+json", schemas::reference(PROBLEM)));
}

fn content(text: &str, kind: &str, schema: Json) -> Json {
    json!({ "description": text, "content": { kind: { "schema": schema } } })
}

fn header(text: &str, required: bool) -> Json {
    json!({ "description": text, "required": required, "schema": { "type": "string" } })
}
