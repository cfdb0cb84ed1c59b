//! Shortens a page for the message of a failed test.

/// Elements without readable text.
const OMITTED: [&str; 4] = ["style", "script", "svg", "template"];

/// Returns the markup of a page without styles, scripts, pictures and empty lines.
pub(super) fn markup(page: &str) -> String {
    let without = OMITTED.iter().fold(page.to_owned(), |page, name| without_element(&page, name));
    let lines = without.lines().map(str::trim_end).filter(|line| !line.trim_start().is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the text of a page without its markup.
pub(super) fn text(page: &str) -> String {
    let mut text = String::new();
    for (at, piece) in markup(page).split('<').enumerate() {
        match piece.split_once('>') {
            Some((tag, rest)) if at > 0 => {
                // Cells of the same table row stay on one line.
                text.push_str(if tag.starts_with("/t") || tag.starts_with("/b") { " " } else { "" });
                text.push_str(rest);
            }
            _ => text.push_str(piece),
        }
    }
    let text = ["&lt;<", "&gt;>", "&quot;\"", "&#x27;'", "&#39;'", "&#x2F;/", "&amp;&"].iter().fold(text, |text, entity| {
        let (name, character) = entity.split_at(entity.len() - 1);
        text.replace(name, character)
    });
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the page without the elements of this name. An element without an end tag extends to the end of the page.
fn without_element(page: &str, name: &str) -> String {
    // Only ASCII is changed, so that the positions are the same in both.
    let lower = page.to_ascii_lowercase();
    let (open, close) = (format!("<{name}"), format!("</{name}"));
    let (mut kept, mut rest) = (String::new(), 0);
    while let Some(start) = lower[rest..].find(&open).map(|start| rest + start) {
        kept.push_str(&page[rest..start]);
        let end = lower[start..].find(&close).map(|end| start + end);
        rest = end.and_then(|end| lower[end..].find('>').map(|close| end + close + 1)).unwrap_or(page.len());
    }
    kept + &page[rest..]
}

#[cfg(test)]
mod tests {
    use super::{markup, text};

    const PAGE: &str = "<!doctype html>\n<head><title>T</title>\n<STYLE>\na { }\n</STYLE >\n</head>\n\n<p class=\"x\">1 &lt; 2 &amp;amp; <b>ä</b></p>\n<script>if (a < b) {}</script>";

    #[test]
    fn a_page_is_shown_without_styles_and_scripts() {
        assert_eq!(markup(PAGE), "<!doctype html>\n<head><title>T</title>\n</head>\n<p class=\"x\">1 &lt; 2 &amp;amp; <b>ä</b></p>");
        assert_eq!(text(PAGE), "T\n1 < 2 &amp; ä");
        assert_eq!(markup("a<style>b"), "a");
        assert_eq!(text("1 < 2 > 0"), "1  0");
        assert_eq!(text("a<"), "a");
    }
}
