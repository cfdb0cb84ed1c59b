use super::{SETTINGS, app, project, request_to};
use crate::{Result, context};

fn rendered(uri: &str, text: &str, context: tera::Context) -> Result<String> {
    let dir = project(&[("t.html", text)]);
    request_to(&app(&dir, SETTINGS), uri).render_to_string("t.html", context)
}

fn query(uri: &str, text: &str) -> String {
    rendered(uri, text, context! {}).unwrap()
}

#[test]
fn parameters_are_replaced_added_and_removed() {
    assert_eq!(query("/?page=1&tag=a%26b", "{{ querystring(page=2) }}"), "?tag=a%26b&amp;page=2");
    assert_eq!(query("/?tag=a&tag=b&x=", "{{ querystring(tag=none) }}"), "?x=");
    assert_eq!(query("/", "{{ querystring(tag=[\"a b\", 2], q=\"<\") }}"), "?q=%3C&amp;tag=a+b&amp;tag=2");
    assert_eq!(query("/?a=1", "{{ querystring(a=none) }}"), "?");
    assert_eq!(query("/?a=%FF", "{{ querystring(b=true) }}"), "?b=true");
}

#[test]
fn a_parameter_that_has_no_text_is_an_error() {
    let error = rendered("/", "{{ querystring(a={\"b\": 1}) }}", context! {}).unwrap_err();
    assert!(error.to_string().contains("querystring: a should be a number"), "{error}");
}

#[test]
fn other_pages_have_links_that_keep_the_query() {
    let page = |number: u32, pages: u32| context! { page => serde_json::json!({ "number": number, "pages": pages, "items": [] }) };
    let html = rendered("/?q=a&page=2", "{{ pages(page=page) }}", page(2, 3)).unwrap();
    for part in [
        "<a href=\"?q=a&amp;page=1\" rel=\"prev\">Previous</a>",
        "<a href=\"?q=a&amp;page=2\" aria-current=\"page\">2</a>",
        "<a href=\"?q=a&amp;page=3\" rel=\"next\">Next</a>",
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
    assert_eq!(rendered("/", "{{ pages(page=page) }}", page(1, 1)).unwrap(), "");
    let named = rendered("/?page=7", "{{ pages(page=page, parameter=\"p\") }}", page(1, 2)).unwrap();
    assert!(named.contains("?page=7&amp;p=2"), "{named}");
    assert!(rendered("/", "{{ pages(page=3) }}", context! {}).is_err());
}

#[test]
fn pages_by_cursor_have_links_to_their_neighbours() {
    let page = |previous: Option<&str>, next: Option<&str>| context! { page => serde_json::json!({ "previous": previous, "next": next }) };
    let html = rendered("/?q=a&after=x", "{{ pages(page=page) }}", page(Some("p"), Some("n"))).unwrap();
    for part in ["<a href=\"?q=a&amp;before=p\" rel=\"prev\">Previous</a>", "<a href=\"?q=a&amp;after=n\" rel=\"next\">Next</a>"] {
        assert!(html.contains(part), "{part} in {html}");
    }
    assert!(!rendered("/", "{{ pages(page=page) }}", page(None, Some("n"))).unwrap().contains("Previous"));
    assert_eq!(rendered("/", "{{ pages(page=page) }}", page(None, None)).unwrap(), "");
    assert!(rendered("/", "{{ pages(page=page) }}", context! { page => serde_json::json!({ "next": "n" }) }).is_err());
}
