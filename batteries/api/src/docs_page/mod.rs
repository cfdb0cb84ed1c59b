//! The page that shows the document to people, at `/docs`.

mod example;

use lback_core::{Context, Request, Response, Result};
use serde::Serialize;
use serde_json::Value as Json;

use self::example::{curl, example};
use crate::json::{list, members, text};

/// The end of the path of the page.
pub(crate) const PAGE: &str = "/docs";

/// The end of the path of its style sheet.
pub(crate) const STYLE: &str = "/docs/style.css";

/// The templates of the page.
pub(crate) const TEMPLATES: [(&str, &str); 1] = [("api/docs.html", include_str!("../../templates/api/docs.html"))];

/// Answers with the style sheet.
pub(crate) fn show_style(_: &mut Request) -> Result<Response> {
    let style = Response::text(include_str!("../../templates/api/style.css"));
    style.with_header("content-type", "text/css; charset=utf-8")?.with_header("cache-control", "private, max-age=3600")
}

/// Answers with the page of a document.
pub(crate) fn show(req: &mut Request, document: &Json) -> Result<Response> {
    let scheme = if req.is_secure() { "https" } else { "http" };
    let host = req.header("host").map(str::to_owned).or_else(|| req.host()).unwrap_or_default();
    let page = Page::of(document, &format!("{scheme}://{host}"));
    req.render("api/docs.html", Context::from_serialize(&page)?)
}

#[derive(Serialize)]
struct Page<'d> {
    title: &'d str,
    version: &'d str,
    description: &'d str,
    path: &'d str,
    groups: Vec<Group<'d>>,
    schemas: Vec<Schema<'d>>,
}

/// The operations of a resource.
#[derive(Serialize)]
struct Group<'d> {
    name: &'d str,
    operations: Vec<Operation<'d>>,
}

#[derive(Serialize)]
struct Operation<'d> {
    id: &'d str,
    method: String,
    path: String,
    summary: &'d str,
    description: &'d str,
    access: String,
    parameters: Vec<Field<'d>>,
    /// The name of the schema of the body.
    body: Option<&'d str>,
    answers: Vec<Answer<'d>>,
    curl: String,
}

#[derive(Serialize)]
struct Answer<'d> {
    status: &'d str,
    description: &'d str,
    schema: Option<&'d str>,
}

#[derive(Serialize)]
struct Schema<'d> {
    name: &'d str,
    description: &'d str,
    fields: Vec<Field<'d>>,
    example: String,
}

/// A parameter, or a field of a schema.
#[derive(Serialize)]
struct Field<'d> {
    name: String,
    /// The place of a parameter: "path", "query" or "header".
    place: &'d str,
    kind: String,
    /// The name of the schema of the value, or of its items.
    schema: Option<&'d str>,
    is_required: bool,
    description: &'d str,
}

impl<'d> Page<'d> {
    fn of(document: &'d Json, origin: &str) -> Self {
        let path = text(&document["servers"][0]["url"]);
        let mut groups: Vec<Group<'d>> = Vec::new();
        let names = list(&document["tags"]).map(|tag| text(&tag["name"]));
        groups.extend(names.chain([""]).map(|name| Group { name, operations: Vec::new() }));
        for (below, operations) in members(&document["paths"]) {
            for (method, operation) in members(operations) {
                let tag = text(&operation["tags"][0]);
                if let Some(group) = groups.iter_mut().find(|group| group.name == tag) {
                    let path = format!("{}{below}", path.trim_end_matches('/'));
                    group.operations.push(Operation::of(document, origin, method, path, operation));
                }
            }
        }
        groups.retain(|group| !group.operations.is_empty());
        let schemas = members(&document["components"]["schemas"]).map(|(name, schema)| Schema {
            name,
            description: text(&schema["description"]),
            fields: fields("", schema),
            example: serde_json::to_string_pretty(&example(document, schema)).unwrap_or_default(),
        });
        let info = &document["info"];
        let (title, version, description) = (text(&info["title"]), text(&info["version"]), text(&info["description"]));
        Page { title, version, description, path, groups, schemas: schemas.collect() }
    }
}

impl<'d> Operation<'d> {
    fn of(document: &'d Json, origin: &str, method: &str, path: String, operation: &'d Json) -> Self {
        let scheme = |(name, scopes): (&str, &Json)| match list(scopes).map(text).collect::<Vec<_>>().join(", ") {
            scopes if scopes.is_empty() => name.to_owned(),
            scopes => format!("{name} with the scope {scopes}"),
        };
        let ways = list(&operation["security"]).map(|way| members(way).map(scheme).collect::<Vec<_>>().join(" and "));
        let access = ways.collect::<Vec<_>>().join(", or ");
        let parameters = list(&operation["parameters"]).map(|parameter| {
            let is_required = parameter["required"] == true;
            let field = Field::of(text(&parameter["name"]).to_owned(), &parameter["schema"], is_required);
            Field { place: text(&parameter["in"]), description: text(&parameter["description"]), ..field }
        });
        let answers = members(&operation["responses"]).map(|(status, response)| Answer {
            status,
            description: text(&response["description"]),
            schema: members(&response["content"]).find_map(|(_, content)| schema_name(&content["schema"])),
        });
        Operation {
            id: text(&operation["operationId"]),
            summary: text(&operation["summary"]),
            description: text(&operation["description"]),
            access: if access.is_empty() { "everyone".to_owned() } else { access },
            parameters: parameters.collect(),
            body: schema_name(&operation["requestBody"]["content"]["application/json"]["schema"]),
            answers: answers.collect(),
            curl: curl(document, &method.to_ascii_uppercase(), &format!("{origin}{path}"), operation),
            method: method.to_ascii_uppercase(),
            path,
        }
    }
}

impl<'d> Field<'d> {
    fn of(name: String, schema: &'d Json, is_required: bool) -> Self {
        Field {
            name,
            place: "",
            kind: kind(schema),
            schema: schema_name(schema).or_else(|| schema_name(&schema["items"])),
            is_required,
            description: text(&schema["description"]),
        }
    }
}

/// Returns the fields of a schema. Those of an object within it follow it, with its name and a dot.
fn fields<'d>(within: &str, schema: &'d Json) -> Vec<Field<'d>> {
    let mut found = Vec::new();
    let value = if schema["items"]["properties"].is_object() { &schema["items"] } else { schema };
    for (name, field) in members(&value["properties"]) {
        let name = format!("{within}{name}");
        let is_required = list(&value["required"]).any(|required| Some(text(required)) == name.rsplit('.').next());
        let inner = fields(&format!("{name}."), field);
        found.push(Field::of(name, field, is_required));
        found.extend(inner);
    }
    found
}

/// Returns the type of a schema's values and their limits, for readers.
fn kind(schema: &Json) -> String {
    if let Some(name) = schema_name(schema) {
        return name.to_owned();
    }
    if let Some(alternatives) = schema["anyOf"].as_array() {
        return alternatives.iter().map(kind).collect::<Vec<_>>().join(", or ");
    }
    let mut parts = Vec::new();
    match &schema["type"] {
        Json::String(name) if name == "array" => parts.push(format!("list of {}", kind(&schema["items"]))),
        Json::String(name) => parts.push(name.clone()),
        Json::Array(names) => parts.push(names.iter().map(text).collect::<Vec<_>>().join(" or ")),
        _ if schema["enum"].is_array() => {}
        _ => parts.push("any JSON".to_owned()),
    }
    // The sizes of numbers are limits already.
    parts.extend(schema["format"].as_str().filter(|format| !["int32", "int64", "float", "double"].contains(format)).map(str::to_owned));
    if let Some(values) = schema["enum"].as_array() {
        let values =
            values.iter().filter(|value| !value.is_null()).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        parts.push(format!("one of {}", values.collect::<Vec<_>>().join(", ")));
    }
    match (&schema["minimum"], &schema["maximum"]) {
        (Json::Null, Json::Null) => {}
        (Json::Null, most) => parts.push(format!("at most {most}")),
        (least, Json::Null) => parts.push(format!("at least {least}")),
        // All numbers of the type are allowed.
        (least, most) if *most == i64::MAX || *most == i32::MAX || *most == i16::MAX || *least == i64::MIN => {}
        (least, most) => parts.push(format!("{least} to {most}")),
    }
    parts.extend(schema["maxLength"].as_u64().map(|most| format!("at most {most} characters")));
    parts.extend(schema.get("default").map(|default| format!("by default {default}")));
    parts.join(", ")
}

/// Returns the name of the schema to which a reference leads.
fn schema_name(schema: &Json) -> Option<&str> {
    schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next())
}
