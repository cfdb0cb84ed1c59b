//! The types of TypeScript for schemas.

use serde_json::Value as Json;

use crate::json::members;

/// Names that mean something else in the client.
const TAKEN: [&str; 12] = [
    "ApiError",
    "Array",
    "Call",
    "Client",
    "ClientOptions",
    "Error",
    "Object",
    "Promise",
    "Record",
    "RequestInit",
    "Response",
    "URLSearchParams",
];

/// Returns the name of the interface for a schema.
pub(super) fn name(schema: &str) -> String {
    if TAKEN.contains(&schema) { format!("{schema}_") } else { schema.to_owned() }
}

/// Returns the interface for a schema with a name.
pub(super) fn interface(schema_name: &str, schema: &Json) -> String {
    let text = comment("", schema["description"].as_str().unwrap_or_default());
    let name = name(schema_name);
    match schema["properties"].is_object() {
        true => format!("{text}export interface {name} {}\n\n", type_of(schema, "")),
        false => format!("{text}export type {name} = {};\n\n", type_of(schema, "")),
    }
}

/// Returns the type of a schema's values. The lines after the first are indented.
pub(super) fn type_of(schema: &Json, indent: &str) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return name(reference.rsplit('/').next().unwrap_or(reference));
    }
    if let Some(alternatives) = schema["anyOf"].as_array() {
        return union(alternatives.iter().map(|schema| type_of(schema, indent)));
    }
    if let Some(values) = schema["enum"].as_array() {
        return union(values.iter().map(ToString::to_string));
    }
    match &schema["type"] {
        Json::String(kind) => type_named(kind, schema, indent),
        Json::Array(kinds) => union(kinds.iter().filter_map(Json::as_str).map(|kind| type_named(kind, schema, indent))),
        _ => "unknown".to_owned(),
    }
}

fn type_named(kind: &str, schema: &Json, indent: &str) -> String {
    match kind {
        "integer" | "number" => "number".to_owned(),
        "array" => {
            let item = type_of(&schema["items"], indent);
            if item.contains(" | ") { format!("({item})[]") } else { format!("{item}[]") }
        }
        "object" if schema["properties"].is_object() => {
            let inner = format!("{indent}  ");
            let is_required = |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|is| is == name));
            let fields = members(&schema["properties"]);
            let lines = fields.map(|(name, field)| property(&inner, name, is_required(name), field, field["description"].as_str()));
            format!("{{\n{}{indent}}}", lines.collect::<String>())
        }
        "object" => "{ [name: string]: unknown }".to_owned(),
        // "boolean", "null" and "string"
        kind => kind.to_owned(),
    }
}

/// Returns the lines of a property.
pub(super) fn property(indent: &str, name: &str, is_required: bool, schema: &Json, description: Option<&str>) -> String {
    let is_identifier = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit());
    let shown = if is_identifier { name.to_owned() } else { Json::from(name).to_string() };
    let optional = if is_required { "" } else { "?" };
    format!("{}{indent}{shown}{optional}: {};\n", comment(indent, description.unwrap_or_default()), type_of(schema, indent))
}

/// Returns a comment for readers of the client, or nothing if there is no text.
pub(super) fn comment(indent: &str, text: &str) -> String {
    let text = text.replace("*/", "*\\/").replace(['\n', '\r'], " ");
    if text.is_empty() { text } else { format!("{indent}/** {text} */\n") }
}

fn union(types: impl Iterator<Item = String>) -> String {
    types.collect::<Vec<_>>().join(" | ")
}
