//! The command `routes`: what answers where, and what differs from other routes.

use lback_core::{Application, CsrfExempt, Method, Route};
use lback_session::RouteSession;

/// One line for each route.
pub(super) fn lines(app: &Application) -> Vec<String> {
    let stack: Vec<&str> = app.middleware().collect();
    let line = |route: &Route| {
        let methods: Vec<_> = route.methods().iter().map(Method::as_str).collect();
        let methods = if methods.is_empty() { "ANY".to_owned() } else { methods.join(",") };
        let (name, notes) = (route.name().unwrap_or_default(), notes(route, &stack).join(", "));
        format!("{methods:<12} {:<32} {name:<20} {notes}", route.pattern()).trim_end().to_owned()
    };
    app.routes().iter().map(|route| line(route)).collect()
}

/// Who is let in, if not everybody is; which of the protections of `stack` the route does without; its own middleware.
fn notes(route: &Route, stack: &[&str]) -> Vec<String> {
    let mut notes = requirements(route);
    let is_safe = |method: &Method| matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    let changes = route.methods().is_empty() || !route.methods().iter().all(is_safe);
    if changes && stack.contains(&"CsrfMiddleware") && route.option::<CsrfExempt>().is_some() {
        notes.push("CSRF exempt".to_owned());
    }
    if stack.contains(&"SessionMiddleware") && !route.has_session() {
        notes.push("no session".to_owned());
    }
    // Who is let in says what the guards do.
    notes.extend(route.middleware().filter(|name| *name != "Guard").map(str::to_owned));
    notes
}

#[cfg_attr(not(feature = "auth"), expect(unused_variables, reason = "there are no users"))]
fn requirements(route: &Route) -> Vec<String> {
    #[cfg(feature = "auth")]
    return lback_auth::RouteAuth::requirements(route).iter().map(ToString::to_string).collect();
    #[cfg(not(feature = "auth"))]
    Vec::new()
}
