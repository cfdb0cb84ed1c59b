//! Finds forms in templates that lack a CSRF token.

use super::links::in_comment;

/// A form in a template that posts to this site without a CSRF token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TemplateForm {
    /// The name of the template.
    pub template: String,
    /// The line, counted from 1.
    pub line: usize,
}

/// Text that adds a token to a form, or that may add one from another template.
const TOKENS: [&str; 6] = ["csrf_input", "csrf_token", "{% include", "{%- include", "{% block", "{{ <"];

/// Returns the forms in `text` with `method="post"` and no token between their tags.
pub(super) fn unprotected(template: &str, text: &str) -> Vec<TemplateForm> {
    // Only ASCII is changed, so that the positions are the same as in the text.
    let lower = text.to_ascii_lowercase();
    let forms = lower.match_indices("<form").map(|(at, _)| at).filter(|at| {
        let form = &lower[*at..];
        let form = &form[..form.find("</form").unwrap_or(form.len())];
        posts_here(form) && !TOKENS.iter().any(|token| form.contains(token)) && !in_comment(text, *at)
    });
    forms.map(|at| TemplateForm { template: template.to_owned(), line: text[..at].matches('\n').count() + 1 }).collect()
}

/// Returns whether a form posts to this site. A form for another site must not contain a token of this one.
fn posts_here(form: &str) -> bool {
    let action = attribute(form, "action").unwrap_or_default();
    attribute(form, "method") == Some("post") && !["http:", "https:", "//"].iter().any(|start| action.starts_with(start))
}

/// Returns the value of an attribute of the tag at the start of `form`.
fn attribute<'a>(form: &'a str, name: &str) -> Option<&'a str> {
    form.match_indices(name).find_map(|(at, _)| {
        let is_name = form[..at].ends_with(|before: char| before.is_ascii_whitespace());
        let value = form[at + name.len()..].trim_start().strip_prefix('=').filter(|_| is_name)?.trim_start();
        match value.chars().next()? {
            quote @ ('"' | '\'') => value[1..].split(quote).next(),
            _ => value.split(|end: char| end.is_ascii_whitespace() || end == '>').next(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::unprotected;

    fn lines(text: &str) -> Vec<usize> {
        unprotected("a.html", text).into_iter().map(|form| form.line).collect()
    }

    #[test]
    fn forms_that_post_without_a_token_are_found_with_their_lines() {
        assert_eq!(
            lines("<p>\n<form method=\"post\">\n</form>\n<FORM class=x METHOD=POST></FORM><form method='post' action=\"/a\">"),
            [2, 4, 4]
        );
        assert_eq!(lines("<form method=\"post\"><button></form>\n<form method=\"post\">{{ csrf_input() }}</form>"), [1]);
    }

    #[test]
    fn other_forms_are_ignored() {
        for form in [
            "<form method=\"post\">{{ csrf_input() }}</form>",
            "<form method=\"post\"><input name=\"csrf_token\" value=\"{{ csrf_token() }}\"></form>",
            "<form method=\"post\">{% include \"fields.html\" %}</form>",
            "<form action=\"/search\"></form>",
            "<form method=\"get\" data-method=\"post\"></form>",
            "<form method=\"post\" action=\"https://pay.example/\"></form>",
            "{# <form method=\"post\"></form> #}",
            "<form",
        ] {
            assert!(lines(form).is_empty(), "{form}");
        }
    }
}
