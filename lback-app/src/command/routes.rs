//! The command `routes`: what answers where, and what differs from other routes.

use lback_core::{Method, Route};

use super::CommandSpec;
use super::spec::none;
use crate::battery::Hooks;

pub(super) fn command() -> CommandSpec {
    let about = "lists the routes
Of each: the methods, the path, the name, who is let in if not everybody is, which protections it does without, and its own middleware.";
    CommandSpec::new("routes", about, |command| {
        let ready = command.ready();
        let lines: Vec<String> = ready.app.routes().iter().map(|route| line(route, &ready.hooks)).collect();
        lines.into_iter().for_each(|line| command.print(line));
        Ok(())
    })
    .arguments(none)
}

fn line(route: &Route, hooks: &Hooks) -> String {
    let methods: Vec<_> = route.methods().iter().map(Method::as_str).collect();
    let methods = if methods.is_empty() { "ANY".to_owned() } else { methods.join(",") };
    let mut notes = hooks.route_notes(route);
    // Who is let in says what the guards do.
    notes.extend(route.middleware().filter(|name| *name != "Guard").map(str::to_owned));
    let (name, notes) = (route.name().unwrap_or_default(), notes.join(", "));
    format!("{methods:<12} {:<32} {name:<20} {notes}", route.pattern()).trim_end().to_owned()
}
