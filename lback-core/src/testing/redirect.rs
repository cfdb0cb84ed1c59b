//! Determines the target and the method of a redirect.

use hyper::{Method, StatusCode};

/// Returns the method for the next request, or `None` if `status` is not a redirect to follow.
pub(super) fn next_method(status: StatusCode, method: &Method) -> Option<Method> {
    match status.as_u16() {
        303 if *method == Method::HEAD => Some(Method::HEAD),
        303 => Some(Method::GET),
        301 | 302 if *method == Method::POST => Some(Method::GET),
        301 | 302 | 307 | 308 => Some(method.clone()),
        _ => None,
    }
}

/// Resolves `location` against the page `current` (path and query) at `authority`. Returns a path with a query, or `None` if the
/// redirect leads to another host.
pub(super) fn target(location: &str, current: &str, authority: &str) -> Option<String> {
    let location = location.split('#').next().unwrap_or_default();
    let host_and_path =
        location.strip_prefix("http://").or_else(|| location.strip_prefix("https://")).or_else(|| location.strip_prefix("//"));
    if let Some(rest) = host_and_path {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, path) = rest.split_at(end);
        return host.eq_ignore_ascii_case(authority).then(|| join("/", path));
    }
    let is_other_scheme = location.split(['/', '?']).next().is_some_and(|first| first.contains(':'));
    // Browsers treat a backslash as a slash, so to them this is another host.
    if is_other_scheme || location.starts_with("/\\") || location.starts_with("\\") {
        return None;
    }
    Some(join(current, location))
}

fn join(current: &str, location: &str) -> String {
    let path = current.split('?').next().unwrap_or("/");
    if location.is_empty() {
        return current.to_owned();
    }
    if location.starts_with('?') {
        return format!("{path}{location}");
    }
    let (target, query) = location.split_at(location.find('?').unwrap_or(location.len()));
    let folder = match target.starts_with('/') {
        true => "",
        false => &path[..=path.rfind('/').unwrap_or(0)],
    };
    format!("{}{query}", without_dots(&format!("{folder}{target}")))
}

/// Returns the path with `.` and `..` resolved (RFC 3986, section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    let mut ends_in_folder = false;
    for segment in path.split('/').skip(1) {
        ends_in_folder = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let slash = if ends_in_folder && !segments.is_empty() { "/" } else { "" };
    format!("/{}{slash}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_resolved_as_in_browsers() {
        let from_page = |location| target(location, "/blog/2026/post?x=1", "127.0.0.1");
        assert_eq!(from_page("/login?next=/a#top").as_deref(), Some("/login?next=/a"));
        assert_eq!(from_page("other").as_deref(), Some("/blog/2026/other"));
        assert_eq!(from_page("../").as_deref(), Some("/blog/"));
        assert_eq!(from_page("../../..").as_deref(), Some("/"));
        assert_eq!(from_page("?y=2").as_deref(), Some("/blog/2026/post?y=2"));
        assert_eq!(from_page("").as_deref(), Some("/blog/2026/post?x=1"));
        assert_eq!(from_page("http://127.0.0.1").as_deref(), Some("/"));
        assert_eq!(from_page("http://127.0.0.1/a?b").as_deref(), Some("/a?b"));
        assert_eq!(from_page("http://127.0.0.1?b").as_deref(), Some("/?b"));
        for elsewhere in ["http://evil.com/", "//evil.com", "/\\evil.com", "mailto:a@b.c", "http://127.0.0.1.evil.com/"] {
            assert_eq!(from_page(elsewhere), None, "{elsewhere}");
        }
    }
}
