//! Compares schemas. It knows the keywords that [`Document`](crate::document::Document) writes.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{Comparison, Direction, Place};
use crate::json::members;

/// A schema that allows all values.
static NULL: Json = Json::Null;

/// Formats of numbers, whose limits the document has as well.
const FORMATS_OF_NUMBERS: [&str; 4] = ["int32", "int64", "float", "double"];

/// The change of a set of values.
#[derive(Clone, Copy)]
struct Effect {
    /// There are values that belong to it no longer.
    is_narrower: bool,
    /// There are values that belong to it now.
    is_wider: bool,
}

impl Effect {
    const NARROWER: Effect = Effect { is_narrower: true, is_wider: false };
    const WIDER: Effect = Effect { is_narrower: false, is_wider: true };

    fn of<T: ?Sized>(before: Option<&T>, now: Option<&T>, both: impl FnOnce(&T, &T) -> Effect) -> Effect {
        match (before, now) {
            (Some(before), Some(now)) => both(before, now),
            (None, Some(_)) => Effect::NARROWER,
            (Some(_), None) => Effect::WIDER,
            (None, None) => Effect { is_narrower: false, is_wider: false },
        }
    }
}

impl<'d> Comparison<'d> {
    /// Compares two schemas. A schema with a name is compared once in each direction, and is a place of its own.
    pub(super) fn schema(&mut self, place: &Place, direction: Direction, old: &'d Json, new: &'d Json) {
        let (before, now) = (old["$ref"].as_str(), new["$ref"].as_str());
        let resolved = |document: &'d Json, schema: &'d Json, name: Option<&str>| match name {
            Some(name) => document.pointer(name.trim_start_matches('#')).unwrap_or(&NULL),
            None => schema,
        };
        let (old, new) = (resolved(self.old, old, before), resolved(self.new, new, now));
        match (before, now) {
            (Some(before), Some(now)) => {
                if self.compared.insert((direction, before, now)) {
                    let name = now.rsplit('/').next().unwrap_or(now);
                    self.values(&Place::part(format!("{name} in {direction}")), direction, old, new);
                }
            }
            _ => self.values(place, direction, old, new),
        }
    }

    fn values(&mut self, place: &Place, direction: Direction, old: &'d Json, new: &'d Json) {
        match (old["anyOf"].as_array(), new["anyOf"].as_array()) {
            (None, None) => {}
            (Some(before), Some(now)) if before.len() == now.len() => {
                for (before, now) in before.iter().zip(now) {
                    self.schema(place, direction, before, now);
                }
                return;
            }
            _ => {
                let changed = Effect { is_narrower: true, is_wider: true };
                return self.effect(place, direction, changed, "the values are of another type");
            }
        }
        let (before, now) = (types(old), types(new));
        let effect = Effect::of(before.as_ref(), now.as_ref(), |before, now| Effect {
            is_narrower: !before.iter().all(|kind| includes(now, kind)),
            is_wider: !now.iter().all(|kind| includes(before, kind)),
        });
        self.effect(
            place,
            direction,
            effect,
            format!("the type was {} and is {}", shown_types(before.as_ref()), shown_types(now.as_ref())),
        );
        if let (Some(before), Some(now)) = (&before, &now)
            && !before.iter().any(|kind| includes(now, kind))
            && !now.iter().any(|kind| includes(before, kind))
        {
            // The rules of one type say nothing about another.
            return;
        }
        self.choices(place, direction, old, new);
        for (name, is_upper) in
            [("minimum", false), ("minLength", false), ("minItems", false), ("maximum", true), ("maxLength", true), ("maxItems", true)]
        {
            let (before, now) = (old.get(name), new.get(name));
            let effect = Effect::of(before, now, |before, now| {
                let is_more = now.as_f64() > before.as_f64();
                match (before == now, is_more == is_upper) {
                    (true, _) => Effect { is_narrower: false, is_wider: false },
                    (false, true) => Effect::WIDER,
                    (false, false) => Effect::NARROWER,
                }
            });
            self.effect(place, direction, effect, was(name, before, now));
        }
        for name in ["format", "pattern", "contentEncoding"] {
            let is_rule = |rule: &&Json| !rule.as_str().is_some_and(|rule| FORMATS_OF_NUMBERS.contains(&rule));
            let (before, now) = (old.get(name).filter(is_rule), new.get(name).filter(is_rule));
            let effect = Effect::of(before, now, |before, now| Effect { is_narrower: before != now, is_wider: before != now });
            self.effect(place, direction, effect, was(name, before, now));
        }
        if direction == Direction::Request && old.get("default") != new.get("default") {
            self.compatible(place, was("default", old.get("default"), new.get("default")));
        }
        if !old["items"].is_null() || !new["items"].is_null() {
            self.schema(&place.field("*"), direction, &old["items"], &new["items"]);
        }
        self.fields(place, direction, old, new);
    }

    /// Adds a change if the values have changed.
    fn effect(&mut self, place: &Place, direction: Direction, effect: Effect, text: impl Into<String>) {
        if effect.is_narrower || effect.is_wider {
            let is_breaking = match direction {
                Direction::Request => effect.is_narrower,
                Direction::Response => effect.is_wider,
            };
            self.add(place, is_breaking, text);
        }
    }

    fn choices(&mut self, place: &Place, direction: Direction, old: &Json, new: &Json) {
        let (before, now) = match (old["enum"].as_array(), new["enum"].as_array()) {
            (Some(before), Some(now)) => (before, now),
            (None, None) => return,
            (None, Some(_)) => return self.effect(place, direction, Effect::NARROWER, format!("its values are only {} now", new["enum"])),
            (Some(_), None) => return self.effect(place, direction, Effect::WIDER, format!("its values are not only {} now", old["enum"])),
        };
        // The type tells if there may be none.
        for value in before.iter().filter(|value| !value.is_null() && !now.contains(value)) {
            self.effect(place, direction, Effect::NARROWER, format!("the value {value} is removed"));
        }
        for value in now.iter().filter(|value| !value.is_null() && !before.contains(value)) {
            self.effect(place, direction, Effect::WIDER, format!("the value {value} is new"));
        }
    }

    fn fields(&mut self, place: &Place, direction: Direction, old: &'d Json, new: &'d Json) {
        let is_required = |schema: &Json, name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|is| is == name));
        for (name, field) in members(&old["properties"]) {
            let place = place.field(name);
            let Some(now) = new["properties"].get(name) else {
                // A server that takes any field ignores it.
                let is_breaking = direction == Direction::Response || new["additionalProperties"] == false;
                self.add(&place, is_breaking, "the field is removed");
                continue;
            };
            match (direction, is_required(old, name), is_required(new, name)) {
                (Direction::Request, false, true) => self.breaking(&place, "the field is required now"),
                (Direction::Request, true, false) => self.compatible(&place, "the field is optional now"),
                (Direction::Response, true, false) => self.breaking(&place, "the field may be missing now"),
                (Direction::Response, false, true) => self.compatible(&place, "the field is always there now"),
                _ => {}
            }
            self.schema(&place, direction, field, now);
        }
        for (name, _) in members(&new["properties"]).filter(|(name, _)| old["properties"].get(name).is_none()) {
            match direction == Direction::Request && is_required(new, name) {
                true => self.breaking(&place.field(name), "the field is new and required"),
                false => self.compatible(&place.field(name), "the field is new"),
            }
        }
    }
}

/// Returns the types of a schema's values, or `None` if all are allowed.
fn types(schema: &Json) -> Option<BTreeSet<&str>> {
    match &schema["type"] {
        Json::String(kind) => Some(BTreeSet::from([kind.as_str()])),
        Json::Array(kinds) => Some(kinds.iter().filter_map(Json::as_str).collect()),
        _ => None,
    }
}

/// Returns whether values of a type are among those of others.
fn includes(kinds: &BTreeSet<&str>, kind: &str) -> bool {
    kinds.contains(kind) || kind == "integer" && kinds.contains("number")
}

fn shown_types(kinds: Option<&BTreeSet<&str>>) -> String {
    match kinds {
        Some(kinds) => kinds.iter().copied().collect::<Vec<_>>().join(" or "),
        None => "any".to_owned(),
    }
}

fn was(name: &str, before: Option<&Json>, now: Option<&Json>) -> String {
    match (before, now) {
        (None, Some(now)) => format!("{name} is {now} now"),
        (Some(before), None) => format!("{name} was {before} and is not set now"),
        (before, now) => format!("{name} was {} and is {}", before.unwrap_or(&Json::Null), now.unwrap_or(&Json::Null)),
    }
}
