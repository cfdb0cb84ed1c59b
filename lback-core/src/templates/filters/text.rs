//! Filters for text that visitors have written.

use tera::Value;

use crate::Html;

/// `text | linebreaks`: separates paragraphs at empty lines and puts `<br>` at the other line ends. The text is escaped, unless it
/// `is_html` already.
pub(super) fn linebreaks(text: &str, is_html: bool) -> Value {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut html = String::new();
    let mut paragraph: Vec<&str> = Vec::new();
    for line in text.split('\n').chain([""]) {
        if !line.trim().is_empty() {
            paragraph.push(line.trim_end());
        } else if !paragraph.is_empty() {
            let lines = paragraph.drain(..).map(|line| if is_html { Html::new(line) } else { Html::escape(line) });
            let lines: Vec<String> = lines.map(|line| line.as_str().to_owned()).collect();
            html.push_str(&format!("<p>{}</p>\n", lines.join("<br>\n")));
        }
    }
    Value::safe_string(html.trim_end())
}

/// `text | truncate_words(length=20)`: keeps this number of words and appends `end` if there are more.
pub(super) fn truncate_words(text: &str, length: usize, end: &str) -> String {
    let mut words = text.split_whitespace();
    let kept: Vec<&str> = words.by_ref().take(length).collect();
    match words.next() {
        Some(_) => format!("{}{end}", kept.join(" ")),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_paragraphs_and_are_escaped() {
        let html = |text| linebreaks(text, false).to_string();
        assert_eq!(html("a\nb\r\n\r\n\r\n<c>\r"), "<p>a<br>\nb</p>\n<p>&lt;c&gt;</p>");
        assert_eq!(html(" \n\n"), "");
        assert_eq!(html("</p><script>"), "<p>&lt;/p&gt;&lt;script&gt;</p>");
        assert_eq!(linebreaks("<b>x</b>", true).to_string(), "<p><b>x</b></p>");
    }

    #[test]
    fn words_are_counted() {
        assert_eq!(truncate_words("one two  three", 2, "…"), "one two…");
        assert_eq!(truncate_words("one  two", 2, "…"), "one  two");
        assert_eq!(truncate_words("", 2, "…"), "");
        assert_eq!(truncate_words("one", 0, " more"), " more");
    }
}
