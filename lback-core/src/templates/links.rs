//! The links that templates make.

/// A link to a named route, in the text of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateLink {
    /// The template.
    pub template: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The name of the route.
    pub route: String,
}

/// The calls of `url_for` in `text` whose route is written out. One that is computed only shows when the page is
/// rendered.
pub(super) fn links(template: &str, text: &str) -> Vec<TemplateLink> {
    let calls = text.match_indices("url_for(").filter(|(at, _)| !in_comment(text, *at));
    let link = |(at, call): (usize, &str)| {
        let rest = &text[at + call.len()..];
        let arguments = &rest[..rest.find(')').unwrap_or(rest.len())];
        let route = literal(arguments, "route").or_else(|| literal(arguments, "name"))?;
        Some(TemplateLink { template: template.to_owned(), line: text[..at].matches('\n').count() + 1, route: route.to_owned() })
    };
    calls.filter_map(link).collect()
}

/// Tera's comments, `{# … #}`.
fn in_comment(text: &str, at: usize) -> bool {
    let before = &text[..at];
    before.rfind("{#").is_some_and(|open| before.rfind("#}").is_none_or(|close| close < open))
}

/// The value of the argument `key`, if it is a text in quotes.
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
    use super::links;

    fn routes(text: &str) -> Vec<(usize, String)> {
        links("a.html", text).into_iter().map(|link| (link.line, link.route)).collect()
    }

    #[test]
    fn links_are_found_with_their_lines() {
        let text = "<a href=\"{{ url_for(name=\"index\") }}\">\n{{ url_for(id = 5, name = 'post') }}\n{{url_for(name=`a:b`)}}";
        assert_eq!(routes(text), [(1, "index".to_owned()), (2, "post".to_owned()), (3, "a:b".to_owned())]);
    }

    #[test]
    fn the_name_of_the_route_is_not_taken_for_its_parameter() {
        assert_eq!(routes("{{ url_for(route=\"user\", name=\"alice\") }}"), [(1, "user".to_owned())]);
        assert_eq!(routes("{{ url_for(surname=\"x\", name=\"user\") }}"), [(1, "user".to_owned())]);
    }

    #[test]
    fn what_is_computed_or_commented_out_is_left_alone() {
        assert!(routes("{{ url_for(name=target) }} {# url_for(name=\"gone\") #} url_for(").is_empty());
    }
}
