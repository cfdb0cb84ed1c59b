//! Reads `.env` files with the line number of every variable, for the settings of an application and for the command `lback`.
//!
//! Other crates for such files silently replace every `$NAME`, which corrupts passwords that contain a dollar sign. This crate
//! replaces only `${NAME}`, and the name must be defined.

use std::fmt;

const REMEDY: &str = "Put a value with spaces, quotes, # or ${ in single quotes: NAME='the value'";

/// A variable of a `.env` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The name.
    pub name: String,
    /// The value without its quotes, after the replacement of `${NAME}`.
    pub value: String,
    /// The line on which the variable begins, counted from 1.
    pub line: usize,
}

/// A syntax error in a `.env` file. `Display` shows the line and what to write, but no value, because it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    line: usize,
    message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ".env:{}: {}", self.line, self.message)
    }
}

impl std::error::Error for Error {}

/// Returns the variables in `text`, in their order. `${NAME}` is replaced by the value of this name in `environment`, which usually
/// contains the variables of the process, or else by the value from a line above.
///
/// ```
/// let text = "HOST=db.example.com\nDATABASE_URL=postgres://me:pa$$word@${HOST}/shop\n";
/// let variables = lback_dotenv::parse(text, |_| None).unwrap();
/// assert_eq!(variables[1].value, "postgres://me:pa$$word@db.example.com/shop");
/// assert_eq!(variables[1].line, 2);
/// ```
///
/// # Errors
/// Returns an error if a line is not `NAME=value`, a quote is not closed, or the name in `${NAME}` is unknown.
pub fn parse(text: &str, environment: impl Fn(&str) -> Option<String>) -> Result<Vec<Variable>, Error> {
    let text = text.replace("\r\n", "\n");
    let mut parser = Parser { rest: &text, line: 1, environment: &environment, variables: Vec::new() };
    while !parser.rest.is_empty() {
        let line = parser.line;
        parser.statement().map_err(|message| Error { line, message })?;
    }
    Ok(parser.variables)
}

struct Parser<'a> {
    rest: &'a str,
    line: usize,
    environment: &'a dyn Fn(&str) -> Option<String>,
    variables: Vec<Variable>,
}

/// The error says what is wrong with a statement and what to write instead.
type Parsed<T> = Result<T, String>;

impl Parser<'_> {
    /// Reads one line, or several if the value is quoted.
    fn statement(&mut self) -> Parsed<()> {
        self.skip_blanks();
        if self.at_end_of_line() {
            return self.end_line();
        }
        let line = self.line;
        let name = self.name()?;
        let is_spaced = self.rest.starts_with(char::is_whitespace);
        self.skip_blanks();
        let value = match self.rest.chars().next() {
            // Directly after the `=`, as in COLOUR=#fff, it belongs to the value.
            Some('#') if is_spaced => String::new(),
            Some('\'') => self.single_quoted()?,
            Some('"') => self.double_quoted()?,
            _ => self.unquoted()?,
        };
        self.end_line()?;
        self.variables.push(Variable { name, value, line });
        Ok(())
    }

    /// Reads the name and the `=` after it. `export` may precede them.
    fn name(&mut self) -> Parsed<String> {
        let wrong = || format!("this is not NAME=value. {REMEDY}");
        let line = self.rest.lines().next().unwrap_or_default();
        let (left, _) = line.split_once('=').ok_or_else(wrong)?;
        let name = match left.trim().strip_prefix("export") {
            Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start(),
            _ => left.trim(),
        };
        if !is_name(name) {
            return Err(wrong());
        }
        self.rest = &self.rest[left.len() + 1..];
        Ok(name.to_owned())
    }

    /// Reads a value in single quotes, in which no character has a special meaning.
    fn single_quoted(&mut self) -> Parsed<String> {
        let inside = &self.rest[1..];
        let end = inside.find('\'').ok_or_else(|| unclosed('\''))?;
        let value = inside[..end].to_owned();
        self.advance(end + 2);
        Ok(value)
    }

    /// Reads a value in double quotes. A backslash escapes `"`, `\` and `$`, and begins the escape sequences `\n`, `\r` and `\t`. Before
    /// any other character it is literal.
    fn double_quoted(&mut self) -> Parsed<String> {
        let inside = &self.rest[1..];
        let mut value = String::new();
        let mut at = 0;
        loop {
            let rest = &inside[at..];
            let Some(next) = rest.chars().next() else { return Err(unclosed('"')) };
            let escaped = if next == '\\' { rest.chars().nth(1).and_then(escape) } else { None };
            match (next, escaped) {
                ('"', _) => break,
                (_, Some(character)) => {
                    value.push(character);
                    at += 2;
                }
                ('$', _) if rest.starts_with("${") => at += self.substitute(rest, &mut value)?,
                (other, _) => {
                    value.push(other);
                    at += other.len_utf8();
                }
            }
        }
        self.advance(at + 2);
        Ok(value)
    }

    /// Reads a value without quotes. It ends at the first space, after which only a comment may follow. `\$` is a dollar sign; other
    /// backslashes are literal.
    fn unquoted(&mut self) -> Parsed<String> {
        let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
        let word = &self.rest[..end];
        let mut value = String::new();
        let mut at = 0;
        while let Some(next) = word[at..].chars().next() {
            let rest = &word[at..];
            if rest.starts_with("\\$") {
                value.push('$');
                at += 2;
            } else if rest.starts_with("${") {
                at += self.substitute(rest, &mut value)?;
            } else {
                value.push(next);
                at += next.len_utf8();
            }
        }
        self.advance(end);
        Ok(value)
    }

    /// Appends the replacement of the `${NAME}` at the beginning of `text` and returns the length of `${NAME}`.
    fn substitute(&self, text: &str, value: &mut String) -> Parsed<usize> {
        let literal = "Put a value with a literal $ in single quotes: NAME='the value'";
        let name = text[2..].split_once('}').map(|(name, _)| name).filter(|name| is_name(name));
        let name = name.ok_or_else(|| format!("a ${{ is not the beginning of ${{NAME}}. {literal}"))?;
        let above = || self.variables.iter().rfind(|variable| variable.name == name).map(|variable| variable.value.clone());
        let known = (self.environment)(name).or_else(above);
        value.push_str(
            &known.ok_or_else(|| format!("${{{name}}} is unknown: neither the environment nor a line above sets {name}. {literal}"))?,
        );
        Ok(name.len() + 3)
    }

    /// Skips the spaces and the comment that may precede the end of a line, and the end itself.
    fn end_line(&mut self) -> Parsed<()> {
        self.skip_blanks();
        if !self.at_end_of_line() {
            return Err(format!("there is text after the value. {REMEDY}"));
        }
        let end = self.rest.find('\n').map_or(self.rest.len(), |end| end + 1);
        self.advance(end);
        Ok(())
    }

    fn at_end_of_line(&self) -> bool {
        self.rest.is_empty() || self.rest.starts_with(['#', '\n'])
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(|c: char| c.is_whitespace() && c != '\n');
    }

    fn advance(&mut self, bytes: usize) {
        let (read, rest) = self.rest.split_at(bytes);
        self.line += read.matches('\n').count();
        self.rest = rest;
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.')
}

/// Returns the character for the letter after a backslash, if the two are an escape sequence.
fn escape(letter: char) -> Option<char> {
    match letter {
        '"' | '\\' | '$' => Some(letter),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        _ => None,
    }
}

fn unclosed(quote: char) -> String {
    format!("the value begins with {quote}, but the closing {quote} is missing. {REMEDY}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> String {
        let environment = |name: &str| {
            [("HOST", "db"), ("BOTH", "process"), ("EMPTY", "")]
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        parse(&format!("ABOVE=above\nBOTH=file\n{text}"), environment).unwrap().pop().unwrap().value
    }

    fn error(text: &str) -> String {
        parse(text, |_| None).unwrap_err().to_string()
    }

    #[test]
    fn a_dollar_sign_is_literal_in_every_kind_of_value() {
        for text in ["pa$$word", "$HOST", "a$", "$1", "$(pwd)", "$-x", "price:5$"] {
            assert_eq!(value(&format!("A={text}")), text);
            assert_eq!(value(&format!("A='{text}'")), text);
            assert_eq!(value(&format!("A=\"{text}\"")), text);
        }
    }

    #[test]
    fn a_name_in_braces_is_replaced_by_the_environment_or_a_line_above() {
        assert_eq!(value("A=postgres://${HOST}/x"), "postgres://db/x");
        assert_eq!(value("A=\"${ABOVE} ${HOST}\""), "above db");
        assert_eq!(value("A=${BOTH}${EMPTY}"), "process");
        assert_eq!(value("A=$${HOST}$"), "$db$");
        for literal in ["A='${HOST}'", "A=\\${HOST}", "A=\"\\${HOST}\""] {
            assert_eq!(value(literal), "${HOST}");
        }
    }

    #[test]
    fn an_unknown_name_in_braces_is_an_error_with_its_line() {
        let below = error("# c\n\nA=x${B}hunter2\nB=1");
        assert!(below.starts_with(".env:3: ${B} is unknown") && !below.contains("hunter2"), "{below}");
        assert!(error("A=\"1\n2\"\nB=\"\n${NONE}\"").starts_with(".env:3: ${NONE} is unknown"));
        for broken in ["A=${", "A=${}", "A=${B", "A=\"${B:-x}\"", "A=${B C}", "A=${5}"] {
            let error = error(broken);
            assert!(error.contains("a ${ is not the beginning of ${NAME}") && error.contains("single quotes"), "{broken}: {error}");
        }
    }

    #[test]
    fn values_are_read_literally() {
        for (text, expected) in [
            ("A=", ""),
            ("A= ", ""),
            ("A=''", ""),
            ("A=\"\"", ""),
            ("  export  A = b  # comment", "b"),
            ("export=b", "b"),
            ("A=b#c", "b#c"),
            ("A=#fff", "#fff"),
            ("A= # comment", ""),
            ("A='b' # comment", "b"),
            ("A=\"b#c\"# comment", "b#c"),
            ("A=C:\\new\\table", "C:\\new\\table"),
            ("A=\"C:\\dir\"", "C:\\dir"),
            ("A=\"a\\nb\\t\\\"c\\\"\\\\\"", "a\nb\t\"c\"\\"),
            ("A='a\\n\"'", "a\\n\""),
            ("A=it's", "it's"),
            ("A={\"a\":1}", "{\"a\":1}"),
            ("A=b=c==", "b=c=="),
            ("A='1\r\n2'\r\n", "1\n2"),
            ("A=\"1\n# 2\n3\"", "1\n# 2\n3"),
            ("A=ümlaut", "ümlaut"),
            ("A=b\r\n", "b"),
            ("A=b\t", "b"),
        ] {
            assert_eq!(value(text), expected, "{text:?}");
        }
    }

    #[test]
    fn errors_show_the_line_number_but_no_value() {
        for text in
            ["hunter2", "A hunter2", "A=hunter2 x", "1A=hunter2", "A-B=hunter2", "=hunter2", "A='hunter2", "A=\"hunter2", "A='x'hunter2"]
        {
            let error = error(&format!("B=1\n{text}\n"));
            assert!(error.starts_with(".env:2: ") && error.contains("single quotes") && !error.contains("hunter2"), "{text}: {error}");
        }
        assert_eq!(parse("\n# c\n  # d\n\t\n", |_| None).unwrap(), []);
    }
}
