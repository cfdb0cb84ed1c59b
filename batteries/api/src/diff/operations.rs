//! Compares operations: their access, parameters, bodies and responses.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{Comparison, Direction, Place};
use crate::json::{list, members};

impl<'d> Comparison<'d> {
    /// Compares the documents.
    pub(super) fn document(&mut self) {
        let (old, new) = (self.old, self.new);
        let path = |document: &Json| document["servers"][0]["url"].as_str().unwrap_or("/").to_owned();
        let (before, now) = (path(old), path(new));
        if before != now {
            self.breaking(&Place::part("API"), format!("its path was {before} and is {now}"));
        }
        for (path, operations) in members(&old["paths"]) {
            for (method, operation) in members(operations) {
                let place = operation_place(method, path);
                match &new["paths"][path][method] {
                    Json::Null => self.breaking(&place, "the operation is removed"),
                    now => self.operation(&place.part, operation, now),
                }
            }
        }
        for (path, operations) in members(&new["paths"]) {
            for (method, _) in members(operations).filter(|(method, _)| old["paths"][path][*method].is_null()) {
                self.compatible(&operation_place(method, path), "the operation is new");
            }
        }
    }

    fn operation(&mut self, name: &str, old: &'d Json, new: &'d Json) {
        self.access(&Place::part(name), old, new);
        self.parameters(name, old, new);
        self.body(&Place::part(format!("{name}, body")), &old["requestBody"], &new["requestBody"]);
        for (status, response) in members(&old["responses"]) {
            let place = Place::part(format!("{name}, status {status}"));
            match &new["responses"][status] {
                // Clients cannot miss an error.
                Json::Null => self.add(&place, status.starts_with(['2', '3']), "the status is removed"),
                now => {
                    self.headers(&place, &response["headers"], &now["headers"]);
                    self.contents(&place, Direction::Response, &response["content"], &now["content"]);
                }
            }
        }
        for (status, _) in members(&new["responses"]).filter(|(status, _)| old["responses"][*status].is_null()) {
            self.compatible(&Place::part(format!("{name}, status {status}")), "the status is new");
        }
    }

    fn access(&mut self, place: &Place, old: &Json, new: &Json) {
        let (before, now) = (ways(old), ways(new));
        let is_covered = |way: &Way, others: &[Way]| others.iter().any(|other| other.is_subset(way));
        let is_narrower = !before.iter().all(|way| is_covered(way, &now));
        if is_narrower || !now.iter().all(|way| is_covered(way, &before)) {
            self.add(place, is_narrower, format!("the access was {} and is {}", shown(&before), shown(&now)));
        }
    }

    fn parameters(&mut self, name: &str, old: &'d Json, new: &'d Json) {
        let place = |parameter: &Json| {
            let of = if parameter["in"] == "header" { "header" } else { "parameter" };
            Place::part(format!("{name}, {of} {}", parameter["name"].as_str().unwrap_or_default()))
        };
        for parameter in list(&old["parameters"]) {
            let place = place(parameter);
            let Some(now) = list(&new["parameters"]).find(|now| is_same(parameter, now)) else {
                self.breaking(&place, "it is removed");
                continue;
            };
            self.required(&place, parameter["required"] == true, now["required"] == true);
            self.schema(&place, Direction::Request, &parameter["schema"], &now["schema"]);
        }
        for parameter in list(&new["parameters"]).filter(|now| !list(&old["parameters"]).any(|old| is_same(old, now))) {
            let is_required = parameter["required"] == true;
            self.add(&place(parameter), is_required, if is_required { "it is new and required" } else { "it is new" });
        }
    }

    /// Compares if a part of a request is required.
    fn required(&mut self, place: &Place, before: bool, now: bool) {
        match (before, now) {
            (false, true) => self.breaking(place, "it is required now"),
            (true, false) => self.compatible(place, "it is optional now"),
            _ => {}
        }
    }

    fn body(&mut self, place: &Place, old: &'d Json, new: &'d Json) {
        match (old.is_null(), new.is_null()) {
            (true, true) => {}
            (true, false) => self.add(place, new["required"] == true, "it is new"),
            (false, true) => self.breaking(place, "it is removed"),
            (false, false) => {
                self.required(place, old["required"] == true, new["required"] == true);
                self.contents(place, Direction::Request, &old["content"], &new["content"]);
            }
        }
    }

    fn contents(&mut self, place: &Place, direction: Direction, old: &'d Json, new: &'d Json) {
        for (kind, content) in members(old) {
            match &new[kind] {
                Json::Null => self.breaking(place, format!("the content type {kind} is removed")),
                now => self.schema(place, direction, &content["schema"], &now["schema"]),
            }
        }
        for (kind, _) in members(new).filter(|(kind, _)| old[*kind].is_null()) {
            self.compatible(place, format!("the content type {kind} is new"));
        }
    }

    fn headers(&mut self, place: &Place, old: &Json, new: &Json) {
        for (name, header) in members(old) {
            let (before, now) = (header["required"] == true, new[name]["required"] == true);
            match (new.get(name), before, now) {
                (None, ..) => self.breaking(place, format!("the header {name} is removed")),
                (_, true, false) => self.breaking(place, format!("the header {name} may be missing now")),
                (_, false, true) => self.compatible(place, format!("the header {name} is always there now")),
                _ => {}
            }
        }
        for (name, _) in members(new).filter(|(name, _)| old[*name].is_null()) {
            self.compatible(place, format!("the header {name} is new"));
        }
    }
}

fn operation_place(method: &str, path: &str) -> Place {
    Place::part(format!("{} {path}", method.to_ascii_uppercase()))
}

fn is_same(parameter: &Json, other: &Json) -> bool {
    parameter["name"] == other["name"] && parameter["in"] == other["in"]
}

/// The credentials and scopes with which a request has access.
type Way = BTreeSet<String>;

/// Returns the ways to get access to an operation.
fn ways(operation: &Json) -> Vec<Way> {
    let of_scheme = |(name, scopes): (&str, &Json)| {
        let scopes = list(scopes).filter_map(Json::as_str).map(|scope| format!("scope {scope}"));
        scopes.chain([name.to_owned()]).collect::<Vec<_>>()
    };
    let ways: Vec<Way> = list(&operation["security"]).map(|way| members(way).flat_map(of_scheme).collect()).collect();
    if ways.is_empty() { vec![Way::new()] } else { ways }
}

/// `by csrf and session or by token`
fn shown(ways: &[Way]) -> String {
    let way = |way: &Way| match way.is_empty() {
        true => "for everyone".to_owned(),
        false => format!("by {}", way.iter().map(String::as_str).collect::<Vec<_>>().join(" and ")),
    };
    ways.iter().map(way).collect::<Vec<_>>().join(" or ")
}
