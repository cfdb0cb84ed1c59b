//! Finds the links and static files in templates.

/// A link to a named route in a template.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TemplateLink {
    /// The name of the template.
    pub template: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The name of the route.
    pub route: String,
}

/// A static file that a template refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TemplateFile {
    /// The name of the template.
    pub template: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The path of the file below the static folder.
    pub path: String,
}

/// Returns the calls of `url_for` in `text` whose route is a literal. A computed route is known only when the page is rendered.
pub(super) fn links(template: &str, text: &str) -> Vec<TemplateLink> {
    let route = |(line, arguments): (usize, &str)| {
        let route = literal(arguments, "route").or_else(|| literal(arguments, "name"))?;
        Some(TemplateLink { template: template.to_owned(), line, route: route.to_owned() })
    };
    calls(text, "url_for(").filter_map(route).collect()
}

/// Returns the calls of `static` in `text` whose file is a literal.
pub(super) fn static_files(template: &str, text: &str) -> Vec<TemplateFile> {
    let file = |(line, arguments): (usize, &str)| {
        let path = literal(arguments, "path")?.trim_start_matches('/').to_owned();
        Some(TemplateFile { template: template.to_owned(), line, path })
    };
    calls(text, "static(").filter_map(file).collect()
}

/// Returns the lines and the arguments of the calls that begin with `call`, such as `url_for(`.
fn calls<'a>(text: &'a str, call: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let whole_word = |at: usize| !text[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
    text.match_indices(call).filter(move |(at, _)| whole_word(*at) && !in_comment(text, *at)).map(|(at, call)| {
        let rest = &text[at + call.len()..];
        (text[..at].matches('\n').count() + 1, &rest[..rest.find(')').unwrap_or(rest.len())])
    })
}

/// Returns whether the position is in a Tera comment, `{# … #}`.
pub(super) fn in_comment(text: &str, at: usize) -> bool {
    let before = &text[..at];
    before.rfind("{#").is_some_and(|open| before.rfind("#}").is_none_or(|close| close < open))
}

/// Returns the value of the argument `key` if it is a quoted text.
fn literal<'a>(arguments: &'a str, key: &str) -> Option<&'a str> {
    arguments.match_indices(key).find_map(|(at, _)| {
        let whole_word = !arguments[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
        let value = arguments[at + key.len()..].trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|quote| whole_word && "\"'`".contains(*quote))?;
        value[1..].split(quote).next()
    })
}

#[cfg(test)]
mod tests {
    use super::{links, static_files};

    fn routes(text: &str) -> Vec<(usize, String)> {
        links("a.html", text).into_iter().map(|link| (link.line, link.route)).collect()
    }

    #[test]
    fn links_are_found_with_their_lines() {
        let text = "<a href=\"{{ url_for(name=\"index\") }}\">\n{{ url_for(id = 5, name = 'post') }}\n{{url_for(name=`a:b`)}}";
        assert_eq!(routes(text), [(1, "index".to_owned()), (2, "post".to_owned()), (3, "a:b".to_owned())]);
    }

    #[test]
    fn static_files_are_found_with_their_lines() {
        let text = "{{ static(path=\"a.css\") }}\n{{ static(path = '/b/c.js') }}{{ my_static(path=\"no\") }} {# static(path=\"no\") #}";
        let found: Vec<_> = static_files("a.html", text).into_iter().map(|file| (file.line, file.path)).collect();
        assert_eq!(found, [(1, "a.css".to_owned()), (2, "b/c.js".to_owned())]);
    }

    #[test]
    fn the_name_of_the_route_is_not_confused_with_its_parameters() {
        assert_eq!(routes("{{ url_for(route=\"user\", name=\"alice\") }}"), [(1, "user".to_owned())]);
        assert_eq!(routes("{{ url_for(surname=\"x\", name=\"user\") }}"), [(1, "user".to_owned())]);
    }

    #[test]
    fn computed_routes_and_comments_are_ignored() {
        assert!(routes("{{ url_for(name=target) }} {# url_for(name=\"gone\") #} url_for(").is_empty());
    }
}
