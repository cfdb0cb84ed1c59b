//! The command `routes`.

use lback_core::Method;

use super::CommandSpec;
use super::spec::none;

pub(super) fn command() -> CommandSpec {
    let about = "lists the routes\nOf each: the methods, the path, the name, and who is let in where not everybody is.";
    CommandSpec::new("routes", about, |command| {
        let ready = command.ready();
        for route in ready.app.routes() {
            let methods: Vec<_> = route.methods().iter().map(Method::as_str).collect();
            let methods = if methods.is_empty() { "ANY".to_owned() } else { methods.join(",") };
            let notes = ready.hooks.route_notes(route).join(", ");
            let line = format!("{methods:<12} {:<32} {:<20} {notes}", route.pattern(), route.name().unwrap_or_default());
            println!("{}", line.trim_end());
        }
        Ok(())
    })
    .arguments(none)
}
