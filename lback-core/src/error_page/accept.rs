//! Detects clients that prefer JSON to HTML.

use crate::router::JsonErrors;
use crate::{Request, header_parameters};

impl Request {
    /// Returns whether errors are answered as JSON: the path is below an include with [`Router::json`](crate::Router::json), or the
    /// client prefers JSON to HTML, or is identified by a header and [not by cookies](Self::ignore_cookies).
    ///
    /// Clients say so in `Accept` or with `X-Requested-With: XMLHttpRequest`. A client that accepts anything prefers JSON if it has
    /// sent JSON.
    pub fn prefers_json(&self) -> bool {
        let is_api = match self.route() {
            Some(route) => route.option::<JsonErrors>().is_some(),
            None => self.app().has_json_errors(self.path()),
        };
        if is_api || self.ignores_cookies() {
            return true;
        }
        if self.header("x-requested-with").is_some_and(|by| by.eq_ignore_ascii_case("XMLHttpRequest")) {
            return true;
        }
        let values: Vec<&str> = self.headers().get_all("accept").iter().filter_map(|value| value.to_str().ok()).collect();
        let accept = values.join(",");
        if accept.trim().is_empty() || accept.trim() == "*/*" {
            return self.has_json();
        }
        quality(&accept, is_json, "application/*") > quality(&accept, |kind| kind == "text/html", "text/*")
    }

    /// Returns whether the type of the body is JSON.
    pub fn has_json(&self) -> bool {
        self.content_type().is_some_and(|kind| is_json(&kind))
    }
}

fn is_json(kind: &str) -> bool {
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// Returns the weight that the client gives to a type, from 0 to 1000. The type itself takes precedence over `type/*`, which takes
/// precedence over `*/*`.
fn quality(accept: &str, is_type: impl Fn(&str) -> bool, family: &str) -> u16 {
    let mut best = (0, 0);
    for range in header_parameters::members(accept) {
        let (kind, parameters) = header_parameters::split(range);
        let kind = kind.to_ascii_lowercase();
        let specificity = match kind.as_str() {
            "*/*" => 1,
            kind if kind == family => 2,
            kind if is_type(kind) => 3,
            _ => continue,
        };
        best = best.max((specificity, header_parameters::weight(parameters).unwrap_or(0)));
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_range_counts() {
        let json = |accept| quality(accept, is_json, "application/*");
        assert_eq!(json("application/json"), 1000);
        assert_eq!(json("*/*;q=0.9, application/json;q=0.2"), 200);
        assert_eq!(json("application/*;q=0.5, */*"), 500);
        assert_eq!(json("application/vnd.api+json; charset=utf-8; q=0.25"), 250);
        assert_eq!(json("text/html"), 0);
        assert_eq!(json("text/html;x=\", application/json\", Application/JSON\t; Q=0.5"), 500);
        assert_eq!(json("application/json;q=NaN"), 0);
        assert_eq!(json("application/json;q=-3"), 0);
        assert_eq!(json(""), 0);
    }
}
