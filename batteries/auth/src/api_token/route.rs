//! [`RouteTokens`], the API tokens that a route accepts, and their scopes.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use lback_core::{ProgramError, ProgramResult, Route};

/// The API tokens that routes accept, as an option of a route or include.
///
/// Applications write [`accept_tokens("…")`](crate::RouterAuth::accept_tokens). This type is for batteries whose routes accept tokens only
/// in applications that have them: `.option(RouteTokens::with_scope("wiki:read"))`.
#[derive(Clone, Debug)]
pub struct RouteTokens {
    /// `None` accepts all tokens.
    scope: Option<Arc<str>>,
    /// `true` if an application without tokens is an error.
    is_required: bool,
}

impl RouteTokens {
    /// Accepts tokens that have this scope.
    pub fn with_scope(scope: &str) -> Self {
        RouteTokens { scope: Some(scope.into()), is_required: false }
    }

    /// Accepts all tokens, whatever their scopes.
    pub fn any() -> Self {
        RouteTokens { scope: None, is_required: false }
    }

    /// Makes it an error at the start if the application has no tokens.
    pub(crate) fn required(self) -> Self {
        RouteTokens { is_required: true, ..self }
    }

    /// Returns the scope that a token needs, or `None` if the route accepts all tokens.
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }
}

impl fmt::Display for RouteTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scope {
            Some(scope) => write!(f, "tokens with {scope}"),
            None => f.write_str("tokens"),
        }
    }
}

/// Returns whether the scope `held` includes the scope `needed`, as `tickets` includes `tickets:read`.
pub(super) fn includes(held: &str, needed: &str) -> bool {
    needed.strip_prefix(held).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// Returns whether this is a name such as `tickets` or `tickets:read`.
pub(super) fn is_scope(name: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    name.len() <= 100 && name.split(':').all(is_part)
}

/// Returns the scopes that the routes of an application need, and those that include them.
///
/// # Errors
/// Returns an error if a scope has an invalid name.
pub(crate) fn scopes_of(routes: &[Arc<Route>]) -> ProgramResult<BTreeSet<String>> {
    let mut scopes = BTreeSet::new();
    for route in routes {
        let Some(scope) = route.option::<RouteTokens>().and_then(RouteTokens::scope) else { continue };
        if !is_scope(scope) {
            return Err(ProgramError::new(format!(
                "the route {} ({}) accepts tokens with the scope \"{scope}\", which is not a valid name: use letters, digits and _ . -, as \
                 in tickets or tickets:read",
                route.pattern(),
                route.place()
            )));
        }
        let ends = scope.match_indices(':').map(|(end, _)| end).chain([scope.len()]);
        scopes.extend(ends.map(|end| scope[..end].to_owned()));
    }
    Ok(scopes)
}

/// Checks that no route needs tokens that the application does not have.
pub(crate) fn check_installed(routes: &[Arc<Route>]) -> ProgramResult {
    match routes.iter().find(|route| route.option::<RouteTokens>().is_some_and(|tokens| tokens.is_required)) {
        None => Ok(()),
        Some(route) => Err(ProgramError::new(format!(
            "the route {} ({}) accepts API tokens, and the application has none. Write App::new(urls).auth().tokens()",
            route.pattern(),
            route.place()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_includes_those_that_begin_with_it() {
        for (held, needed, expected) in [
            ("tickets", "tickets", true),
            ("tickets", "tickets:read", true),
            ("tickets:read", "tickets:read", true),
            ("tickets:read", "tickets", false),
            ("tickets:read", "tickets:write", false),
            ("ticket", "tickets", false),
            ("tickets", "tickets2:read", false),
            ("a:b", "a:b:c", true),
            ("", "tickets", false),
        ] {
            assert_eq!(includes(held, needed), expected, "{held} {needed}");
        }
    }

    #[test]
    fn scopes_have_plain_names() {
        for name in ["tickets", "tickets:read", "a.b-c_d:1:x"] {
            assert!(is_scope(name), "{name}");
        }
        for name in ["", ":", "tickets:", ":read", "a::b", "a b", "a,b", "a\"b", "ä", "a*", &"a".repeat(101)] {
            assert!(!is_scope(name), "{name}");
        }
    }
}
