//! The preview of a text in Markdown.

use lback_core::{Error, Request, Response, Result};
use pulldown_cmark::{Alignment, CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};
use serde::{Deserialize, Serialize};

use super::layout::site_and_table;
use crate::access::{self, Right};
use crate::language::text;

/// The maximum size of a request, in bytes. A text is longer in a form, which escapes many characters.
pub(super) const MOST_BODY: u64 = 1024 * 1024;

#[derive(Deserialize)]
struct Source {
    #[serde(default)]
    text: String,
}

#[derive(Serialize)]
struct Preview {
    html: String,
}

/// Renders the text of a field, for the script of its form.
pub(super) fn markdown(req: &mut Request) -> Result<Response> {
    let (site, table) = site_and_table(req)?;
    let model = site.model(&table)?;
    if !access::has(req, model, Right::Add)? {
        access::require(req, model, Right::Change)?;
    }
    let name: String = req.param("field")?;
    if !model.options.markdown.iter().any(|field| field.name == name) || !access::changes_field(req, model, &name)? {
        return Err(Error::not_found(text!("This field has no preview.")));
    }
    let Source { text } = req.form()?;
    Response::json(&Preview { html: render(&text) })?.with_header("cache-control", "no-store")
}

/// Returns Markdown as HTML. HTML in the text is escaped, links lead to web and mail addresses only, and images are replaced by their
/// descriptions.
fn render(text: &str) -> String {
    // Whether each link that is open is shown as one.
    let mut links = Vec::new();
    let events = Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH).filter_map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::HtmlBlock) => Some(Event::Start(Tag::Paragraph)),
        Event::End(TagEnd::HtmlBlock) => Some(Event::End(TagEnd::Paragraph)),
        // The security policy allows no styles in attributes.
        Event::Start(Tag::Table(columns)) => Some(Event::Start(Tag::Table(vec![Alignment::None; columns.len()]))),
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let is_shown = link_type == LinkType::Email || is_address(&dest_url);
            links.push(is_shown);
            is_shown.then_some(Event::Start(Tag::Link { link_type, dest_url, title, id }))
        }
        Event::End(TagEnd::Link) => links.pop().unwrap_or_default().then_some(Event::End(TagEnd::Link)),
        event => Some(event),
    });
    let mut rendered = String::new();
    html::push_html(&mut rendered, events);
    rendered
}

fn is_address(url: &CowStr<'_>) -> bool {
    let url = url.to_ascii_lowercase();
    ["http://", "https://", "mailto:"].iter().any(|scheme| url.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn markdown_is_rendered() {
        assert_eq!(render("# A *b*\n\n- c\n\n~~d~~"), "<h1>A <em>b</em></h1>\n<ul>\n<li>c</li>\n</ul>\n<p><del>d</del></p>\n");
        assert!(render("|a|\n|-:|\n|b|").contains("<td>b</td>"));
        assert_eq!(render("[a](https://example.com \"t\")"), "<p><a href=\"https://example.com\" title=\"t\">a</a></p>\n");
        assert_eq!(render("<a@example.com>"), "<p><a href=\"mailto:a@example.com\">a@example.com</a></p>\n");
    }

    #[test]
    fn nothing_in_a_text_becomes_code() {
        for hostile in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "<div onclick=\"alert(1)\">\n\n*a*\n\n</div>",
            "<!-- <script> -->",
            "<svg/onload=alert(1)>",
        ] {
            let html = render(hostile);
            let is_plain = |tag: &str| ["p>", "/p>", "em>", "/em>", "\n"].iter().any(|known| tag.starts_with(known));
            assert!(html.split('<').skip(1).all(is_plain), "{hostile}: {html}");
        }
        for url in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "//evil.example",
            "/\\evil.example",
            "file:///etc",
        ] {
            assert_eq!(render(&format!("[a]({url}) b")), "<p>a b</p>\n", "{url}");
        }
        assert_eq!(render("[a]( javascript:alert(1)) [b][c]\n\n[c]: javascript:alert(1)").matches("<a").count(), 0);
        assert_eq!(render("[a](http://x\"onclick=alert(1))").matches("\"onclick").count(), 0);
        assert_eq!(
            render("![the *cat*](https://evil.example/x.png) <javascript:alert(1)>"),
            "<p>the <em>cat</em> javascript:alert(1)</p>\n"
        );
    }

    #[test]
    fn hostile_texts_take_little_time() {
        for text in ["[".repeat(50_000), "*a_".repeat(30_000), "> ".repeat(20_000), "<".repeat(50_000), "`a``".repeat(20_000)] {
            let started = std::time::Instant::now();
            render(&text);
            assert!(started.elapsed().as_secs() < 20, "{}", &text[..10]);
        }
    }
}
