//! Checks responses against the document, in tests. It knows the keywords of JSON Schema that [`schemas`](super::schemas) writes for responses.

use lback_core::testing::CheckedResponse;
use lback_core::{Method, header};
use serde_json::Value as Json;

/// Checks a response of an operation.
///
/// # Errors
/// Returns what is wrong with it.
pub(super) fn response(document: &Json, operation: &Json, response: &CheckedResponse<'_>) -> Result<(), String> {
    let responses = &operation["responses"];
    let class = format!("{}XX", response.status.as_u16() / 100);
    let Some(described) = responses.get(response.status.as_str()).or_else(|| responses.get(&class)) else {
        return Err(format!("the status is {}", response.status.as_u16()));
    };
    for (name, header) in described["headers"].as_object().into_iter().flatten() {
        if header["required"] == true && !response.headers.contains_key(name.as_str()) {
            return Err(format!("the header {name} is missing"));
        }
    }
    let content = described["content"].as_object().and_then(|content| content.iter().next());
    let Some((kind, content)) = content else {
        return if response.body.is_empty() { Ok(()) } else { Err("there is a body".to_owned()) };
    };
    let sent = response.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if sent.split(';').next().map(str::trim) != Some(kind.as_str()) {
        return Err(format!("the content type is \"{sent}\", and not \"{kind}\""));
    }
    if *response.method == Method::HEAD {
        return Ok(());
    }
    let body: Json = serde_json::from_slice(response.body).map_err(|error| format!("the body is not JSON ({error})"))?;
    value(document, &content["schema"], &body).map_err(|(path, problem)| format!("the value at \"{path}\" {problem}"))
}

/// The place of a value, as a JSON pointer, and what is wrong with it.
type Wrong = (String, String);

/// Checks a value against a schema.
fn value(document: &Json, schema: &Json, found: &Json) -> Result<(), Wrong> {
    let wrong = |problem: String| Err((String::new(), problem));
    if let Some(name) = schema["$ref"].as_str() {
        return match document.pointer(name.trim_start_matches('#')) {
            Some(schema) => value(document, schema, found),
            None => wrong(format!("has the schema {name}, which is missing")),
        };
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let problems: Vec<Wrong> = choices.iter().filter_map(|schema| value(document, schema, found).err()).collect();
        return if problems.len() < choices.len() { Ok(()) } else { problems.into_iter().next().map_or(Ok(()), Err) };
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Json::Array(kinds) => kinds.iter().filter_map(Json::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    if !kinds.is_empty() && !kinds.iter().any(|kind| is_of(kind, found)) {
        return wrong(format!("is {found}, and not of the type {}", kinds.join(" or ")));
    }
    if schema["enum"].as_array().is_some_and(|choices| !choices.contains(found)) {
        return wrong(format!("is {found}, and not one of {}", schema["enum"]));
    }
    match found {
        Json::Number(number) => {
            let is_outside = |end: &Json, is_wrong: fn(f64, f64) -> bool| match (number.as_f64(), end.as_f64()) {
                (Some(number), Some(end)) => is_wrong(number, end),
                _ => false,
            };
            if is_outside(&schema["minimum"], |number, end| number < end) || is_outside(&schema["maximum"], |number, end| number > end) {
                return wrong(format!("is {found}, outside of {} to {}", schema["minimum"], schema["maximum"]));
            }
        }
        Json::String(text) => {
            if schema["maxLength"].as_u64().is_some_and(|most| text.chars().count() as u64 > most) {
                return wrong(format!("has more than {} characters", schema["maxLength"]));
            }
            if !has_format(schema["format"].as_str().unwrap_or_default(), text) {
                return wrong(format!("is {found}, and not of the format {}", schema["format"]));
            }
        }
        Json::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                value(document, &schema["items"], item).map_err(|wrong| within(&at.to_string(), wrong))?;
            }
        }
        Json::Object(members) => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str);
            if let Some(missing) = required.into_iter().find(|name| !members.contains_key(*name)) {
                return wrong(format!("has no \"{missing}\""));
            }
            for (name, member) in members {
                match schema["properties"].get(name) {
                    Some(schema) => value(document, schema, member).map_err(|wrong| within(name, wrong))?,
                    None if schema["additionalProperties"] == false => return wrong(format!("has \"{name}\"")),
                    None => {}
                }
            }
        }
        Json::Null | Json::Bool(_) => {}
    }
    Ok(())
}

fn within(name: &str, (path, problem): Wrong) -> Wrong {
    (format!("/{name}{path}"), problem)
}

fn is_of(kind: &str, value: &Json) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        _ => value.is_object(),
    }
}

fn has_format(format: &str, text: &str) -> bool {
    match format {
        "date" => text.parse::<chrono::NaiveDate>().is_ok(),
        "date-time" => chrono::DateTime::parse_from_rfc3339(text).is_ok(),
        "uuid" => text.len() == 36,
        "duration" => text.trim_start_matches('-').starts_with('P'),
        _ => true,
    }
}
