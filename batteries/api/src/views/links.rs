//! The header `Link` of lists (RFC 8288): the pages beside a page.

use form_urlencoded::Serializer;
use lback_core::Request;

pub(super) fn by_cursor(req: &Request, next: Option<&str>, previous: Option<&str>) -> String {
    let next = next.map(|cursor| link(req, "next", Some(("after", cursor))));
    let previous = previous.map(|cursor| link(req, "prev", Some(("before", cursor))));
    let first = previous.is_some().then(|| link(req, "first", None));
    joined([next, previous, first])
}

pub(super) fn by_number(req: &Request, page: u32, pages: u32) -> String {
    let to = |relation, number: u32| link(req, relation, Some(("page", &number.to_string())));
    let others = pages > 1;
    let next = (page < pages).then(|| to("next", page + 1));
    let previous = (page > 1).then(|| to("prev", page - 1));
    joined([next, previous, others.then(|| to("first", 1)), others.then(|| to("last", pages))])
}

fn joined<const N: usize>(links: [Option<String>; N]) -> String {
    links.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Returns a link to another page of the list: with the same parameters, but for those that name a page.
fn link(req: &Request, relation: &str, page: Option<(&str, &str)>) -> String {
    let query = req.uri().query().unwrap_or_default();
    let is_page = |name: &str| ["after", "before", "page"].contains(&name);
    let kept = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| !is_page(name));
    let query = Serializer::new(String::new()).extend_pairs(kept).extend_pairs(page).finish();
    let separator = if query.is_empty() { "" } else { "?" };
    format!("<{}{separator}{query}>; rel=\"{relation}\"", req.path())
}
