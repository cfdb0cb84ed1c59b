//! Examples of values and requests.

use serde_json::{Map, Value as Json, json};

use crate::json::{list, members, text};

/// Returns a value of a schema.
pub(super) fn example(document: &Json, schema: &Json) -> Json {
    if let Some(reference) = schema["$ref"].as_str() {
        return document.pointer(reference.trim_start_matches('#')).map_or(Json::Null, |schema| example(document, schema));
    }
    if let Some(known) = schema["examples"].get(0).or_else(|| schema.get("default")).or_else(|| schema["enum"].get(0)) {
        return known.clone();
    }
    if let Some(first) = schema["anyOf"].get(0) {
        return example(document, first);
    }
    let kind = schema["type"].as_str().or_else(|| list(&schema["type"]).map(text).next()).unwrap_or_default();
    match kind {
        "boolean" => json!(true),
        "integer" | "number" => {
            let least = &schema["minimum"];
            if least.as_f64().is_some_and(|least| least > 1.0) { least.clone() } else { json!(1) }
        }
        "string" => Json::from(match text(&schema["format"]) {
            "date" => "2026-12-31",
            "date-time" => "2026-12-31T23:59:00Z",
            "decimal" => "9.95",
            "duration" => "PT1H30M",
            "email" => "alice@example.com",
            "uri" => "https://example.com",
            "uuid" => "8e03978e-40d5-43dd-bc93-6894a57f9324",
            _ if schema["contentEncoding"] == "base64" => "aGVsbG8=",
            _ => "text",
        }),
        "array" => json!([example(document, &schema["items"])]),
        "object" => {
            // Rows that are included only if the client asks for them are left out.
            let shown = members(&schema["properties"]).filter(|(_, field)| !field["properties"].is_object());
            Json::Object(shown.map(|(name, field)| (name.to_owned(), example(document, field))).collect::<Map<_, _>>())
        }
        _ => json!({}),
    }
}

/// Returns the command that sends a request.
pub(super) fn curl(document: &Json, method: &str, url: &str, operation: &Json) -> String {
    let mut url = url.to_owned();
    let mut options: Vec<String> = Vec::new();
    for parameter in list(&operation["parameters"]).filter(|parameter| parameter["in"] == "path") {
        let value = example(document, &parameter["schema"]);
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        url = url.replace(&format!("{{{}}}", text(&parameter["name"])), &value);
    }
    let schemes = &document["components"]["securitySchemes"];
    let is_bearer = |way: &&Json| members(way).all(|(name, _)| schemes[name]["type"] == "http");
    let way = list(&operation["security"]).find(is_bearer).unwrap_or(&operation["security"][0]);
    for scheme in members(way).map(|(name, _)| &schemes[name]) {
        let name = text(&scheme["name"]);
        options.push(match text(&scheme["in"]) {
            "cookie" => format!("-b {}", quoted(&format!("{name}=…"))),
            "header" => format!("-H {}", quoted(&format!("{name}: …"))),
            _ => format!("-H {}", quoted("Authorization: Bearer …")),
        });
    }
    for parameter in list(&operation["parameters"]).filter(|parameter| parameter["in"] == "header" && parameter["required"] == true) {
        options.push(format!("-H {}", quoted(&format!("{}: …", text(&parameter["name"])))));
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if !body.is_null() {
        options.push(format!("-H {}", quoted("Content-Type: application/json")));
        options.push(format!("-d {}", quoted(&example(document, body).to_string())));
    }
    if method != "GET" {
        options.insert(0, format!("-X {method}"));
    }
    options.push(quoted(&url));
    format!("curl {}", options.join(" \\\n  "))
}

/// Returns a text as a word of the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
