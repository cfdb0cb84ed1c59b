//! Registers an app in `src/main.rs` and `src/urls.rs`.

/// Returns the line for `src/main.rs`.
pub fn module_line(name: &str) -> String {
    format!("mod {name};")
}

/// Returns the line for `src/urls.rs`.
pub fn include_line(name: &str) -> String {
    format!(".include(\"/{name}\", crate::{name}::urls::urls()).name(\"{name}\")")
}

/// Returns the path of the app's model for the list of models in `src/main.rs`.
pub fn model_path(name: &str, model: &str) -> String {
    format!("{name}::models::{model}")
}

/// Returns whether the routes already have the path of the app.
pub fn has_path(urls: &str, name: &str) -> bool {
    urls.contains(&format!("\"/{name}\""))
}

/// Returns `src/main.rs` with the module, sorted into the other modules. Returns `None` if there are no modules.
pub fn module(main: &str, name: &str) -> Option<String> {
    let (mark, main) = byte_order_mark(main);
    let lines: Vec<&str> = main.lines().collect();
    let plain = |at: usize| module_name(lines[at]).filter(|_| at == 0 || !belongs_to_next(lines[at - 1]));
    let last = (0..lines.len()).rev().find(|&at| plain(at).is_some())?;
    let mut place = last + 1;
    for at in (0..=last).rev() {
        match plain(at) {
            Some(other) if other > name => place = at,
            Some(_) | None => break,
        }
    }
    Some(mark.to_owned() + &with_line(main, place, &module_line(name)))
}

/// Returns `src/main.rs` with the app's model at the end of the list `models![…]`. Returns `None` if there is no such list.
pub fn model(main: &str, path: &str) -> Option<String> {
    const LIST: &str = "models![";
    let mut at = 0;
    let code = main.split_inclusive('\n').find_map(|line| {
        let begin = at;
        at += line.len();
        let found = line.find(LIST).filter(|&found| !line.trim_start().starts_with("//") && !line[..found].contains("//"))?;
        Some(begin + found + LIST.len())
    })?;
    let end = code + main[code..].find(']')?;
    let list = main[code..end].trim_end();
    let (before, after) = (&main[..code], &main[end..]);
    Some(match list.rsplit_once('\n') {
        // One model per line.
        Some((_, last)) => {
            let comma = if list.ends_with(',') { "" } else { "," };
            let line_end = if main.contains("\r\n") { "\r\n" } else { "\n" };
            let outer = &main[code + list.len()..end];
            format!("{before}{list}{comma}{line_end}{}{path},{outer}{after}", indent(last))
        }
        None if list.is_empty() => format!("{before}{path}{after}"),
        None => format!("{before}{}, {path}{after}", list.trim_end_matches(',')),
    })
}

/// Returns `src/urls.rs` with the include at the end of the routes that `urls()` returns. Returns `None` if the function has
/// another form.
pub fn include(urls: &str, name: &str) -> Option<String> {
    let (mark, urls) = byte_order_mark(urls);
    let lines: Vec<&str> = urls.lines().collect();
    let start = lines.iter().position(|line| line.trim_end() == "pub fn urls() -> Router {")?;
    let end = start + lines[start..].iter().position(|line| line.trim_end() == "}")?;
    let last = (start + 1..end).rev().find(|&at| !is_blank_or_comment(lines[at]))?;
    let code = lines[last].split(" //").next().unwrap_or_default().trim_end();
    if !code.ends_with(')') {
        return None;
    }
    let indent = if code.trim_start().starts_with('.') { indent(code).to_owned() } else { format!("{}    ", indent(lines[start + 1])) };
    Some(mark.to_owned() + &with_line(urls, last + 1, &format!("{indent}{}", include_line(name))))
}

/// Splits off the byte order mark with which some editors begin a file.
fn byte_order_mark(text: &str) -> (&str, &str) {
    text.split_at(if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 })
}

/// Returns the name in `mod name;`.
fn module_name(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    line.trim_end().strip_prefix("mod ")?.strip_suffix(';')
}

/// Returns whether a line is an attribute or comment that belongs to the next line.
fn belongs_to_next(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("#[") || line.starts_with("///") || (line.starts_with("//") && !line.starts_with("//!"))
}

fn is_blank_or_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with("//")
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

/// Inserts a line at the index `place`. The kind of line ends is preserved.
fn with_line(text: &str, place: usize, line: &str) -> String {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let whole = format!("{line}{end}");
    let place = place.min(lines.len());
    let unfinished = place > 0 && !lines[place - 1].ends_with('\n');
    lines.insert(place, &whole);
    if unfinished {
        lines.insert(place, end);
    }
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: &str = include_str!("../../starter/src/main.rs");
    const URLS: &str = include_str!("../../starter/src/urls.rs");

    #[test]
    fn modules_are_sorted() {
        let main = ["shop", "blog", "zoo"].iter().fold(MAIN.to_owned(), |main, name| module(&main, name).unwrap());
        assert!(main.contains("\n\nmod blog;\nmod shop;\nmod urls;\nmod views;\nmod zoo;\n\n#[cfg(test)]\nmod tests;\n"), "{main}");
    }

    #[test]
    fn includes_are_added_after_the_last_route() {
        let urls = ["shop", "blog"].iter().fold(URLS.to_owned(), |urls, name| include(&urls, name).unwrap());
        let end = "name(\"index\")\n        .include(\"/shop\", crate::shop::urls::urls()).name(\"shop\")\n        \
                   .include(\"/blog\", crate::blog::urls::urls()).name(\"blog\")\n}\n";
        assert!(urls.ends_with(end), "{urls}");
    }

    #[test]
    fn edited_routes_are_supported() {
        for (body, expected) in [
            ("    Router::new()", "    Router::new()\n        .include("),
            ("    Router::new()\n        .get(\"/\", x) // the front\n        // and more\n", "// the front\n        .include("),
            ("    Router::new()\n        .get(\"/\", |_| {\n            1\n        })", "        })\n            .include("),
        ] {
            let urls = include(&format!("pub fn urls() -> Router {{\n{body}\n}}\n"), "blog");
            assert!(urls.as_ref().is_some_and(|urls| urls.contains(expected) || body.contains("|_|")), "{urls:?}");
        }
    }

    #[test]
    fn other_code_is_not_edited() {
        for urls in
            ["", "fn routes() {}", "pub fn urls() -> Router {\n    let all = list();\n    all\n}\n", "pub fn urls() -> Router { x() }"]
        {
            assert_eq!(include(urls, "blog"), None, "{urls}");
        }
        for main in ["", "fn main() {}", "#[cfg(test)]\nmod tests;\nfn main() {}"] {
            assert_eq!(module(main, "blog"), None, "{main}");
        }
    }

    #[test]
    fn models_are_added_at_the_end_of_the_list() {
        let main = ["shop", "blog"].iter().fold(MAIN.to_owned(), |main, name| model(&main, &model_path(name, "Item")).unwrap());
        assert!(main.contains(".models(models![shop::models::Item, blog::models::Item])"), "{main}");
        for (list, expected) in [
            ("models![a,]", "models![a, blog::models::Item]"),
            ("models![\n        a,\n        b,\n    ]", "models![\n        a,\n        b,\n        blog::models::Item,\n    ]"),
            ("models![\n        a\n    ]", "models![\n        a,\n        blog::models::Item,\n    ]"),
            ("models![\r\n        a,\r\n    ]", "models![\r\n        a,\r\n        blog::models::Item,\r\n    ]"),
            ("// models![] says\nmodels![]", "// models![] says\nmodels![blog::models::Item]"),
        ] {
            assert_eq!(model(list, "blog::models::Item").unwrap(), expected);
        }
        assert_eq!(model("fn app() {}", "blog"), None);
    }

    #[test]
    fn a_byte_order_mark_is_preserved() {
        for start in ["mod urls;\n", "\u{feff}mod urls;\n"] {
            let main = module(start, "blog").unwrap();
            assert_eq!(main, start.replace("mod urls;", "mod blog;\nmod urls;"));
        }
        let urls = include("\u{feff}pub fn urls() -> Router {  \r\n    Router::new()\r\n}\r\n", "blog").unwrap();
        assert!(urls.starts_with("\u{feff}pub fn") && urls.contains("Router::new()\r\n        .include("), "{urls:?}");
    }

    #[test]
    fn line_ends_are_preserved() {
        let main = module(&MAIN.replace('\n', "\r\n"), "blog").unwrap();
        assert!(main.contains("\r\nmod blog;\r\nmod urls;\r\n"), "{main:?}");
        assert_eq!(with_line("mod a;", 1, "mod b;"), "mod a;\nmod b;\n");
    }
}
