//! A client in TypeScript, generated from the document of an API: `api client typescript`.

mod types;

use std::collections::BTreeSet;

use serde_json::Value as Json;

use self::types::{comment, interface, name, property, type_of};
use crate::json::{list, members, text};

/// The parts of the client that are the same for all APIs. The operations are inserted at a mark.
const CLIENT: &str = include_str!("client.ts");
const MARK: &str = "<operations>";

/// Returns the client of an API, from its document.
pub(crate) fn client(document: &Json) -> String {
    let line = |value: &Json| text(value).replace(['\n', '\r'], " ");
    let mut schemas = String::new();
    for (name, schema) in members(&document["components"]["schemas"]) {
        schemas.push_str(&interface(name, schema));
    }
    let (mut methods, mut parameters) = (String::new(), String::new());
    let mut headers = BTreeSet::new();
    let mut known = BTreeSet::new();
    for (path, operations) in members(&document["paths"]) {
        for (method, operation) in members(operations) {
            let operation = Operation::of(method, path, operation, &mut known);
            headers.extend(
                operation.parameters.iter().filter(|parameter| parameter["in"] == "header").map(|header| header["name"].to_string()),
            );
            methods.push_str(&operation.method());
            parameters.push_str(&operation.parameters_interface());
        }
    }
    let headers = headers.into_iter().collect::<Vec<_>>().join(", ");
    let url = &document["servers"][0]["url"];
    let (title, version) = (line(&document["info"]["title"]), line(&document["info"]["version"]));
    let (before, after) = CLIENT.split_once(MARK).unwrap_or((CLIENT, ""));
    format!(
        "// A client of the API {title} {version}. Do not edit it: it was printed by the command api client typescript.\n\n\
         const DEFAULT_URL = {url};\n\n\
         /** The parameters that are sent as headers. */\n\
         const HEADERS: string[] = [{headers}];\n\n\
         {schemas}{parameters}{before}{methods}{after}"
    )
}

/// An operation of the document, with its names in the client.
struct Operation<'d> {
    verb: String,
    path: &'d str,
    operation: &'d Json,
    /// The name of the method.
    name: String,
    /// The parameters that are not part of the path.
    parameters: Vec<&'d Json>,
}

impl<'d> Operation<'d> {
    /// Describes an operation, under a name that is not known yet.
    fn of(verb: &str, path: &'d str, operation: &'d Json, known: &mut BTreeSet<String>) -> Self {
        let mut name = camel(text(&operation["operationId"]));
        while !known.insert(name.clone()) {
            name.push('_');
        }
        // fetch answers from its own cache if a row has not changed.
        let is_sent = |parameter: &&Json| parameter["in"] != "path" && parameter["name"] != "If-None-Match";
        let parameters = list(&operation["parameters"]).filter(is_sent).collect();
        Operation { verb: verb.to_ascii_uppercase(), path, operation, name, parameters }
    }

    /// Returns the name of the interface of the parameters.
    fn parameters_name(&self) -> String {
        let mut letters = self.name.chars();
        let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
        name(&format!("{first}{}Parameters", letters.as_str()))
    }

    fn parameters_interface(&self) -> String {
        if self.parameters.is_empty() {
            return String::new();
        }
        let mut lines = format!("export interface {} {{\n", self.parameters_name());
        for parameter in &self.parameters {
            let name = text(&parameter["name"]);
            lines += &property("  ", name, parameter["required"] == true, &parameter["schema"], parameter["description"].as_str());
        }
        lines + "}\n\n"
    }

    fn method(&self) -> String {
        let mut arguments = Vec::new();
        let mut path = self.path.to_owned();
        // There is one at most, the key of a row. Its name might be one of the language.
        let in_path = list(&self.operation["parameters"]).find(|parameter| parameter["in"] == "path");
        if let Some(key) = in_path {
            arguments.push(format!("key: {}", type_of(&key["schema"], "")));
            path = path.replace(&format!("{{{}}}", text(&key["name"])), "${encodeURIComponent(key)}");
        }
        let body = &self.operation["requestBody"]["content"]["application/json"]["schema"];
        if !body.is_null() {
            arguments.push(format!("body: {}", type_of(body, "")));
        }
        if !self.parameters.is_empty() {
            let is_required = self.parameters.iter().any(|parameter| parameter["required"] == true);
            arguments.push(format!("parameters: {}{}", self.parameters_name(), if is_required { "" } else { " = {}" }));
        }
        let quote = if path == self.path { '"' } else { '`' };
        let mut sent = format!("\"{}\", {quote}{path}{quote}", self.verb);
        match (self.parameters.is_empty(), body.is_null()) {
            (true, true) => {}
            (true, false) => sent += ", {}, body",
            (false, true) => sent += ", parameters",
            (false, false) => sent += ", parameters, body",
        }
        let texts = ["summary", "description"].map(|name| text(&self.operation[name]));
        let mut text = String::from("\n");
        text += &comment("  ", texts.join(" ").trim());
        let (name, arguments, result) = (&self.name, arguments.join(", "), self.result());
        text.push_str(&format!("  {name}({arguments}): Call<{result}> {{\n    return this.send({sent});\n  }}\n"));
        text
    }

    /// Returns the type of the result.
    fn result(&self) -> String {
        let success = members(&self.operation["responses"]).find(|(status, _)| status.starts_with('2'));
        match success.map(|(_, response)| &response["content"]["application/json"]["schema"]) {
            None | Some(Json::Null) => "void".to_owned(),
            Some(schema) => type_of(schema, ""),
        }
    }
}

/// `listTickets`, from `list_tickets`
fn camel(name: &str) -> String {
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}
