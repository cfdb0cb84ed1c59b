//! Checks the arguments that templates pass to filters, functions and tests.
//!
//! Tera accepts all arguments and ignores those that nothing reads, such as in `date(fromat="%Y")`. So this module searches the
//! templates for calls with unknown arguments.

use super::suggest::{Callable, Names};

/// Returns a message for each unknown argument in the template `name`, with its location.
pub(super) fn unknown(name: &str, text: &str, names: &Names) -> Vec<String> {
    let mut found = Vec::new();
    for argument in arguments(text) {
        if let Some(message) = names.unknown_argument(argument.callable, argument.callee, argument.argument) {
            found.push(format!("{}: {message}", argument.location(name, text)));
        }
    }
    found
}

/// An argument of a call, with the position of its name.
pub(super) struct Argument<'a> {
    pub(super) callable: Callable,
    pub(super) callee: &'a str,
    pub(super) argument: &'a str,
    at: usize,
    /// The position of the call's opening bracket, which is the same for all arguments of a call.
    pub(super) call: usize,
    /// The position after `=`.
    value: usize,
}

impl Argument<'_> {
    /// Returns the location of the argument in the template `name`, such as `post.html:3:5`, counted from 1 as in editors.
    pub(super) fn location(&self, name: &str, text: &str) -> String {
        let before = &text[..self.at];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{name}:{line}:{column}")
    }

    /// Returns the value if it is a quoted text without escapes.
    pub(super) fn literal<'t>(&self, text: &'t str) -> Option<&'t str> {
        let value = text[self.value..].trim_ascii_start();
        let quote = value.chars().next().filter(|quote| "\"'`".contains(*quote))?;
        let (literal, rest) = value.split_at(string(value, quote));
        let literal = literal.strip_prefix(quote)?.strip_suffix(quote)?;
        (rest.trim_ascii_start().starts_with([',', ')']) && !literal.contains('\\')).then_some(literal)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Token<'a> {
    Name(&'a str),
    /// A punctuation character; `=` only if it is not part of a comparison.
    Symbol(u8),
    Other,
}

pub(super) fn arguments(text: &str) -> Vec<Argument<'_>> {
    let mut found = Vec::new();
    let mut rest = 0;
    while let Some(start) = text[rest..].find('{').map(|at| rest + at) {
        rest = match text.as_bytes().get(start + 1) {
            Some(b'#') => after(text, start, "#}"),
            Some(b'{') => calls(text, start + 2, b"}}", &mut found),
            Some(b'%') if first_name(text, start + 2) == "raw" => after_raw(text, start),
            Some(b'%') => calls(text, start + 2, b"%}", &mut found),
            _ => start + 1,
        };
    }
    found
}

/// Collects the arguments inside one tag and returns the end of the tag.
fn calls<'a>(text: &'a str, start: usize, end: &[u8], found: &mut Vec<Argument<'a>>) -> usize {
    let bytes = text.as_bytes();
    // The positions of the open brackets, each with the call that it belongs to, if any.
    let mut open: Vec<(usize, Option<(Callable, &'a str)>)> = Vec::new();
    let mut last = [Token::Other; 3];
    let mut at = start;
    while at < bytes.len() {
        if open.is_empty() && bytes[at..].starts_with(end) {
            return at + 2;
        }
        let (token, length) = token(text, at);
        let [before, previous] = [last[1], last[2]];
        match token {
            Some(Token::Symbol(bracket @ (b'(' | b'[' | b'{'))) => {
                let call = if bracket == b'(' { callable(last).zip(as_name(previous)) } else { None };
                open.push((at, call));
            }
            Some(Token::Symbol(b')' | b']' | b'}')) => drop(open.pop()),
            Some(Token::Symbol(b'=')) => {
                if let (Some((call, Some((callable, callee)))), Token::Name(argument), Token::Symbol(b'(' | b',')) =
                    (open.last(), previous, before)
                {
                    let (value, at) = (at + 1, text[..at].trim_ascii_end().len() - argument.len());
                    found.push(Argument { callable: *callable, callee, argument, at, call: *call, value });
                }
            }
            _ => {}
        }
        if let Some(token) = token {
            last = [last[1], last[2], token];
        }
        at += length;
    }
    bytes.len()
}

/// Returns the kind of callable that the name before a bracket is, based on the tokens before it.
fn callable([before, between, name]: [Token<'_>; 3]) -> Option<Callable> {
    if as_name(name).is_none_or(|name| matches!(name, "and" | "or" | "not" | "in" | "is" | "if" | "elif" | "else")) {
        return None;
    }
    match (before, between) {
        (_, Token::Symbol(b'|') | Token::Name("filter")) => Some(Callable::Filter),
        (_, Token::Name("is")) | (Token::Name("is"), Token::Name("not")) => Some(Callable::Test),
        // The definition or call of a component, whose arguments Tera checks itself.
        (_, Token::Symbol(b'.' | b'<') | Token::Name("component")) => None,
        _ => Some(Callable::Function),
    }
}

fn as_name(token: Token<'_>) -> Option<&str> {
    match token {
        Token::Name(name) => Some(name),
        _ => None,
    }
}

/// Returns the token at `at`, or `None` for whitespace, and its length.
fn token(text: &str, at: usize) -> (Option<Token<'_>>, usize) {
    let rest = &text[at..];
    let Some(first) = rest.chars().next() else { return (None, 1) };
    match first {
        '"' | '\'' | '`' => (Some(Token::Other), string(rest, first)),
        '=' | '!' | '<' | '>' if rest[1..].starts_with('=') => (Some(Token::Other), 2),
        _ if first.is_ascii_whitespace() => (None, 1),
        _ if first.is_alphabetic() || first == '_' => {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            (Some(Token::Name(&rest[..length])), length)
        }
        _ if first.is_ascii_punctuation() => (Some(Token::Symbol(first as u8)), 1),
        _ => (Some(Token::Other), first.len_utf8()),
    }
}

/// Returns the length of the quoted text at the start of `rest`.
fn string(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    let end = rest.char_indices().skip(1).find(|(_, letter)| {
        let ends = *letter == quote && !escaped;
        escaped = *letter == '\\' && !escaped;
        ends
    });
    end.map_or(rest.len(), |(at, quote)| at + quote.len_utf8())
}

fn first_name(text: &str, at: usize) -> &str {
    let rest = text[at..].trim_start_matches(|c: char| c == '-' || c.is_ascii_whitespace());
    &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())]
}

fn after(text: &str, at: usize, end: &str) -> usize {
    text[at..].find(end).map_or(text.len(), |found| at + found + end.len())
}

/// Returns the position after `{% endraw %}`.
fn after_raw(text: &str, start: usize) -> usize {
    let mut at = after(text, start, "%}");
    while let Some(tag) = text[at..].find("{%").map(|found| at + found) {
        at = tag + 2;
        if first_name(text, at) == "endraw" {
            return after(text, at, "%}");
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let kind = |callable| match callable {
            Callable::Filter => "|",
            Callable::Function => "",
            Callable::Test => "is ",
        };
        arguments(text).iter().map(|found| format!("{}{}.{}@{}", kind(found.callable), found.callee, found.argument, found.at)).collect()
    }

    #[test]
    fn arguments_are_found_with_their_callees() {
        assert_eq!(found("{{ f(a=1, b = g(c=[2, h(d=3)], e={\"x\": i(j=1)})) | k(l='(m=1)') }}").len(), 7);
        assert_eq!(found("{{ x | f(a=1,) }}"), ["|f.a@9"]);
        assert_eq!(found("{{-x|f( a =1)-}}{% if x is f(b=2) and y is not g(c=3) %}"), ["|f.a@8", "is f.b@29", "is g.c@49"]);
        assert_eq!(found("{% filter f(a=1) %}{{ '{{' }}{% endfilter %}{% set x = f(b=a==1) %}"), ["|f.a@12", "f.b@57"]);
        assert_eq!(found("{{ (a) == (b) }}{{ x[f(a=1)] }}"), ["f.a@23"]);
        assert_eq!(found("{{ `\\`` ~ \"\\\"}}\" ~ f(é=1) }}"), ["f.é@21"]);
    }

    #[test]
    fn text_without_calls_is_ignored() {
        for text in [
            "f(a=1)",
            "{# {{ f(a=1) }} #}",
            "{% raw %}{{ f(a=1) }}{%- endraw -%}",
            "{{ '{{ f(a=1) }}' }}",
            "{{ not (a == 1) }}",
            "{% component Box(title: string, size=1) %}{% endcomponent Box %}",
            "{{ <Box title=\"x\" size={1} /> }}",
            "{% set a = 1 %}",
            "{{ {\"a\": 1} }}",
            "{{ f(",
            "{{ 'open",
            "{",
            "{% raw %}",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_searched(text in ".{0,60}", tag in "[{}%#|().,='\" a-c\\\\é-]{0,40}") {
            let _ = arguments(&text);
            let _ = arguments(&format!("{{{{ f({tag}"));
        }
    }
}
