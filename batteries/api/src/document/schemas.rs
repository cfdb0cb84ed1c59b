//! The schemas of rows, as JSON Schema.

use lback_models::{FieldMeta, Format, Kind, Literal, ModelMeta};
use serde_json::{Map, Value as Json, json};

use crate::resource::{Config, Operation, is_required};

/// Returns the schema of errors (RFC 9457).
pub(super) fn problem() -> Json {
    json!({
        "type": "object",
        "description": "An error (RFC 9457).",
        "required": ["title", "status", "code", "detail", "request_id"],
        "properties": {
            "title": { "type": "string", "description": "The status in words." },
            "status": { "type": "integer" },
            "code": { "type": "string", "description": "The error for programs." },
            "detail": { "type": "string", "description": "The error for people." },
            "errors": {
                "type": "array",
                "description": "The values that are not valid.",
                "items": {
                    "type": "object",
                    "required": ["pointer", "detail"],
                    "properties": {
                        "pointer": { "type": "string", "description": "The place of the value, as a JSON pointer (RFC 6901)." },
                        "detail": { "type": "string" },
                    },
                },
            },
            "request_id": { "type": "string", "description": "The id of the request in the log." },
        },
    })
}

/// Returns the name of the schema of rows, pages or bodies of requests.
pub(super) fn name(config: &Config, of: Named) -> String {
    let model = config.meta().name;
    match of {
        Named::Row => model.to_owned(),
        Named::Page => format!("{model}Page"),
        Named::Sent(Operation::Change) => format!("{model}Change"),
        Named::Sent(Operation::Replace) => format!("{model}Replacement"),
        Named::Sent(_) => format!("New{model}"),
    }
}

#[derive(Clone, Copy)]
pub(super) enum Named {
    Row,
    Page,
    /// The body of the request for an operation.
    Sent(Operation),
}

/// Returns a reference to a schema.
pub(super) fn reference(name: &str) -> Json {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// Returns the schemas of a resource, by their names.
pub(super) fn of_resource(config: &Config) -> Vec<(String, Json)> {
    let mut schemas = Vec::new();
    let is_shown = [Operation::List, Operation::Get, Operation::Create, Operation::Change, Operation::Replace];
    if is_shown.into_iter().any(|operation| config.has(operation)) {
        schemas.push((name(config, Named::Row), row(config)));
    }
    if config.has(Operation::List) {
        schemas.push((name(config, Named::Page), page(config)));
    }
    for operation in Operation::ALL.into_iter().filter(|operation| operation.has_body() && config.has(*operation)) {
        schemas.push((name(config, Named::Sent(operation)), sent(config, operation)));
    }
    schemas
}

fn row(config: &Config) -> Json {
    let mut properties = fields(config.meta(), &config.fields);
    let required: Vec<&str> = if config.has_sparse_fields { Vec::new() } else { config.fields.iter().map(|field| field.name).collect() };
    for include in &config.includes {
        let names: Vec<&str> = include.fields.iter().map(|field| field.name).collect();
        properties.insert(
            include.name.to_owned(),
            json!({
                "type": ["object", "null"],
                "description": format!("Only with include={}.", include.name),
                "required": names,
                "properties": fields(include.to, &include.fields),
                "additionalProperties": false,
            }),
        );
    }
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

fn fields(meta: &ModelMeta, fields: &[&'static FieldMeta]) -> Map<String, Json> {
    fields.iter().map(|field| (field.name.to_owned(), described(meta, field, shown(field)))).collect()
}

fn page(config: &Config) -> Json {
    let items = json!({ "type": "array", "items": reference(&name(config, Named::Row)) });
    if config.is_numbered {
        return json!({
            "type": "object",
            "required": ["items", "page", "pages", "total"],
            "properties": {
                "items": items,
                "page": { "type": "integer", "minimum": 1 },
                "pages": { "type": "integer", "minimum": 1 },
                "total": { "type": "integer", "minimum": 0 },
            },
            "additionalProperties": false,
        });
    }
    json!({
        "type": "object",
        "required": ["items", "next", "previous"],
        "properties": {
            "items": items,
            "next": { "type": ["string", "null"], "description": "The value of the parameter after for the next page." },
            "previous": { "type": ["string", "null"], "description": "The value of the parameter before for the previous page." },
        },
        "additionalProperties": false,
    })
}

fn sent(config: &Config, operation: Operation) -> Json {
    let accepted = || config.accepted(operation);
    let property = |field: &'static FieldMeta| (field.name.to_owned(), described(config.meta(), field, received(field)));
    let properties: Map<String, Json> = accepted().map(property).collect();
    let is_needed = |field: &&'static FieldMeta| operation != Operation::Change && is_required(field);
    let required: Vec<&str> = accepted().filter(is_needed).map(|field| field.name).collect();
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

fn described(meta: &ModelMeta, field: &FieldMeta, mut schema: Json) -> Json {
    schema["title"] = field.label.into();
    let mut text = field.help.to_owned();
    if let Some(reference) = field.references {
        let to = (reference.model)();
        let key = if meta.table == to.table { "The key of another row." } else { "The key of a row of" };
        let of = if meta.table == to.table { String::new() } else { format!(" {}.", to.plural) };
        text = [text.as_str(), &format!("{key}{of}")].join(" ").trim().to_owned();
    }
    if !text.is_empty() {
        schema["description"] = text.into();
    }
    schema
}

/// Returns the schema of a field's values in responses: what the database guarantees. It does not know the formats of texts.
fn shown(field: &FieldMeta) -> Json {
    let schema = match field.kind {
        Kind::Float | Kind::Double => {
            return json!({ "anyOf": [nullable(field, json!({ "type": "number" })), { "enum": ["inf", "-inf", "NaN"] }] });
        }
        _ => value(field),
    };
    nullable(field, schema)
}

/// Returns the schema of a field's values in requests: what the rules of the model accept.
fn received(field: &FieldMeta) -> Json {
    let mut schema = value(field);
    if field.kind == Kind::Text && !field.null && !field.blank && field.choices.is_empty() {
        schema["minLength"] = 1.into();
    }
    match field.format {
        // An empty text is allowed then, which is no address.
        Format::Email | Format::Url if field.blank => {}
        Format::Email => schema["format"] = "email".into(),
        Format::Url => schema["format"] = "uri".into(),
        Format::Slug => schema["pattern"] = "^[A-Za-z0-9_-]*$".into(),
        Format::Any | Format::File | Format::Image | Format::Pattern(_) => {}
    }
    if let Some(default) = field.default {
        schema["default"] = literal(field, default);
    }
    nullable(field, schema)
}

/// Returns the schema of a value that is not NULL.
pub(super) fn value(field: &FieldMeta) -> Json {
    let mut schema = match field.kind {
        Kind::SmallInt => json!({ "type": "integer", "minimum": i16::MIN, "maximum": i16::MAX }),
        Kind::Integer => json!({ "type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX }),
        Kind::BigInt => json!({ "type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX }),
        Kind::Float => json!({ "type": "number", "format": "float" }),
        Kind::Double => json!({ "type": "number", "format": "double" }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Text => json!({ "type": "string" }),
        Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        Kind::Date => json!({ "type": "string", "format": "date" }),
        // The format "time" has an offset.
        Kind::Time => json!({ "type": "string", "examples": ["23:59:00"] }),
        Kind::DateTime => json!({ "type": "string", "examples": ["2026-12-31T23:59:00"] }),
        Kind::Timestamp => json!({ "type": "string", "format": "date-time" }),
        Kind::Duration => json!({ "type": "string", "format": "duration" }),
        Kind::Uuid => json!({ "type": "string", "format": "uuid" }),
        Kind::Json => return json!({}),
        Kind::Decimal => json!({ "type": "string", "format": "decimal", "examples": ["9.95"] }),
    };
    if !field.choices.is_empty() {
        let choices: Vec<&str> = field.choices.iter().map(|(choice, _)| *choice).collect();
        schema["enum"] = choices.into();
        return schema;
    }
    if let Some(most) = field.max_length {
        schema["maxLength"] = most.into();
    }
    if matches!(schema["type"].as_str(), Some("integer" | "number")) {
        for (end, bound) in [("minimum", field.min), ("maximum", field.max)] {
            if let Some(bound) = bound {
                schema[end] = literal(field, bound);
            }
        }
    }
    schema
}

/// Returns the schema of a value with which a field is compared. It need not be one that the field can have.
pub(super) fn compared(field: &FieldMeta) -> Json {
    match field.kind {
        Kind::SmallInt | Kind::Integer | Kind::BigInt => {
            json!({ "type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX })
        }
        Kind::Text if field.choices.is_empty() => json!({ "type": "string" }),
        _ => value(&FieldMeta { min: None, max: None, ..*field }),
    }
}

fn nullable(field: &FieldMeta, mut schema: Json) -> Json {
    if field.null
        && let Some(kind) = schema.get("type").cloned()
    {
        schema["type"] = json!([kind, "null"]);
        if let Some(choices) = schema.get_mut("enum").and_then(Json::as_array_mut) {
            choices.push(Json::Null);
        }
    }
    schema
}

fn literal(field: &FieldMeta, literal: Literal) -> Json {
    match literal {
        Literal::Text(text) => text.into(),
        Literal::Int(number) if field.kind == Kind::Decimal => number.to_string().into(),
        Literal::Int(number) => number.into(),
        Literal::Real(number) => number.into(),
        Literal::Bool(value) => value.into(),
    }
}
