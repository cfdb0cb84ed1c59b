//! The command `routes`, which lists the routes and their properties.

use lback_core::{Method, Route};

use super::CommandSpec;
use super::spec::none;
use crate::battery::Hooks;

pub(super) fn command() -> CommandSpec {
    let about = "lists the routes
For each route: its methods, path and name, who has access if it is restricted, the protections that are off, and its own middleware.";
    CommandSpec::new("routes", about, |command| {
        let ready = command.ready();
        let routes: Vec<_> = ready.app.routes().iter().map(|route| columns(route, &ready.hooks)).collect();
        let width = |column: usize, least| routes.iter().map(|columns| columns[column].chars().count()).fold(least, usize::max);
        let [methods, pattern, name] = [width(0, 12), width(1, 32), width(2, 20)];
        for [of_methods, of_pattern, of_name, notes] in &routes {
            let line = format!("{of_methods:methods$} {of_pattern:pattern$} {of_name:name$} {notes}");
            command.print(line.trim_end());
        }
        Ok(())
    })
    .arguments(none)
}

/// Returns the methods, the pattern, the name and the notes.
fn columns(route: &Route, hooks: &Hooks) -> [String; 4] {
    let methods: Vec<_> = route.methods().iter().map(Method::as_str).collect();
    let methods = if methods.is_empty() { "ANY".to_owned() } else { methods.join(",") };
    let mut notes = hooks.route_notes(route);
    // The notes describe guards already.
    notes.extend(route.middleware().filter(|name| *name != "Guard").map(str::to_owned));
    [methods, route.pattern().to_owned(), route.name().unwrap_or_default().to_owned(), notes.join(", ")]
}
