//! The functions `querystring` and `pages`: links to the same page with another query.

use std::fmt::Write as _;

use serde::Deserialize;

use super::functions::text;
use super::{Html, TemplateArgs};
use crate::{Error, Request, Result};

/// The part of a page of rows that links need.
#[derive(Deserialize)]
#[serde(untagged, expecting = "the argument page must be a Page or a CursorPage of a query")]
enum Page {
    /// One of several pages.
    Numbered { number: u32, pages: u32 },
    /// A page between others, named by cursors.
    Between {
        // With a function, a page that lacks them is an error.
        #[serde(deserialize_with = "Option::deserialize")]
        previous: Option<String>,
        #[serde(deserialize_with = "Option::deserialize")]
        next: Option<String>,
    },
}

/// `querystring(page=2, tag=none)`: the query of the request, with parameters that are replaced, added or removed. Starts with `?`.
pub(super) fn querystring(req: &mut Request, args: TemplateArgs<'_>) -> Result<String> {
    let mut changes = Vec::new();
    for (name, value) in args.all() {
        let values = match value.as_array() {
            Some(values) => values,
            None if value.is_none() => &[],
            None => std::slice::from_ref(value),
        };
        let of_type = || Error::internal(format!("querystring: {name} should be a number, a string, a bool, a list of these, or none"));
        changes.push((name, values.iter().map(|value| text(value).ok_or_else(of_type)).collect::<Result<Vec<_>>>()?));
    }
    // The arguments come in no particular order, but the query should be the same on every page.
    changes.sort();
    Ok(changed_query(req, &changes))
}

/// `pages(page=page)`: links to the other pages of rows, which keep the rest of the query. Empty if there is only one page. The page has a
/// `number` and the number of `pages`, or the cursors `previous` and `next`.
pub(super) fn pages(req: &mut Request, args: TemplateArgs<'_>) -> Result<Html> {
    match args.require("page")? {
        Page::Numbered { number, pages } => {
            let parameter = args.get::<String>("parameter")?.unwrap_or_else(|| "page".to_owned());
            Ok(numbered(req, &parameter, number, pages))
        }
        Page::Between { previous, next } => Ok(between(req, previous, next)),
    }
}

/// Returns links to the previous page and to the next.
fn between(req: &Request, previous: Option<String>, next: Option<String>) -> Html {
    if previous.is_none() && next.is_none() {
        return Html::default();
    }
    let mut html = String::from("<nav class=\"pages\" aria-label=\"Pages\"><ul>");
    for (cursor, own, other, rel, label) in [(previous, "before", "after", "prev", "Previous"), (next, "after", "before", "next", "Next")] {
        if let Some(cursor) = cursor {
            let query = changed_query(req, &[(own, vec![cursor]), (other, Vec::new())]);
            // Writing to a String does not fail.
            let _ = write!(html, "<li><a href=\"{}\" rel=\"{rel}\">{label}</a></li>", Html::escape(&query).as_str());
        }
    }
    html.push_str("</ul></nav>");
    Html::new(html)
}

/// Returns links to pages by their numbers.
fn numbered(req: &Request, parameter: &str, number: u32, pages: u32) -> Html {
    if pages <= 1 {
        return Html::default();
    }
    let href = |to: u32| {
        let query = changed_query(req, &[(parameter, vec![to.to_string()])]);
        Html::escape(&query).as_str().to_owned()
    };
    let mut html = String::from("<nav class=\"pages\" aria-label=\"Pages\"><ul>");
    // Writing to a String does not fail.
    if number > 1 {
        let _ = write!(html, "<li><a href=\"{}\" rel=\"prev\">Previous</a></li>", href(number - 1));
    }
    let mut before = 0;
    for page in shown(number, pages) {
        if page > before + 1 {
            html.push_str("<li>…</li>");
        }
        let _ = match page == number {
            true => write!(html, "<li><a href=\"{}\" aria-current=\"page\">{page}</a></li>", href(page)),
            false => write!(html, "<li><a href=\"{}\">{page}</a></li>", href(page)),
        };
        before = page;
    }
    if number < pages {
        let _ = write!(html, "<li><a href=\"{}\" rel=\"next\">Next</a></li>", href(number + 1));
    }
    html.push_str("</ul></nav>");
    Html::new(html)
}

/// Returns the pages that get a link: the first, the last, and two on each side of the current one.
fn shown(number: u32, pages: u32) -> Vec<u32> {
    let near = number.saturating_sub(2).max(1)..=number.saturating_add(2).min(pages);
    let mut shown: Vec<u32> = [1].into_iter().chain(near).chain([pages]).collect();
    shown.dedup();
    shown
}

fn changed_query(req: &Request, changes: &[(&str, Vec<String>)]) -> String {
    // A query that is not valid is dropped: the page was rendered without reading it.
    let pairs: Vec<(String, String)> = req.query().unwrap_or_default();
    let mut query = form_urlencoded::Serializer::for_suffix(String::from("?"), 1);
    query.extend_pairs(pairs.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| name == changed)));
    for (name, values) in changes {
        query.extend_pairs(values.iter().map(|value| (*name, value)));
    }
    query.finish()
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn the_first_the_last_and_the_nearest_pages_are_shown() {
        assert_eq!(shown(1, 2), [1, 2]);
        assert_eq!(shown(1, 9), [1, 2, 3, 9]);
        assert_eq!(shown(5, 9), [1, 3, 4, 5, 6, 7, 9]);
        assert_eq!(shown(9, 9), [1, 7, 8, 9]);
        assert_eq!(shown(3, 3), [1, 2, 3]);
    }
}
