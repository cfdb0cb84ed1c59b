//! The scripts of live pages.

use std::sync::LazyLock;

use lback_core::{Request, Response, Result};

use super::STREAM;
use super::fragment::hash;

/// A script, without the comments and most spaces of its source.
pub(super) struct Script {
    path: &'static str,
    text: LazyLock<String>,
}

/// Receives the fragments.
pub(super) static LIVE: Script = Script { path: "/__lback/live.js", text: LazyLock::new(|| compact(include_str!("live.js"))) };
/// Sends forms. Only pages with a form in a live fragment need it.
pub(super) static FORMS: Script = Script { path: "/__lback/live_forms.js", text: LazyLock::new(|| compact(include_str!("live_forms.js"))) };

/// The element that loads a script. As a template, it can write the nonce of the page's policy.
pub(super) const TEMPLATE: &str = "lback/live_script.html";
pub(super) const ELEMENT: &str = r#"<script src="{{ src }}" data-stream="{{ stream }}" nonce="{{ csp_nonce() }}" defer></script>"#;

impl Script {
    pub(super) fn path(&self) -> &'static str {
        self.path
    }

    /// Returns the element that loads the script. The address changes with the script, so that browsers can keep it.
    pub(super) fn element(&self, req: &mut Request) -> Result<String> {
        let src = format!("{}?{}", self.path, hash(&self.text));
        req.render_to_string(TEMPLATE, lback_core::context! { src, stream => STREAM })
    }

    pub(super) fn respond(&'static self) -> Result<Response> {
        Response::text(self.text.as_str())
            .with_header("content-type", "text/javascript; charset=utf-8")?
            .with_header("cache-control", "public, max-age=31536000, immutable")
    }
}

fn compact(source: &str) -> String {
    let lines = source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.map(without_spaces).collect::<Vec<_>>().join("\n")
}

/// Drops the spaces of a line that do not separate words, except in `"…"`.
fn without_spaces(line: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    let mut kept = String::with_capacity(line.len());
    let mut is_quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        is_quoted ^= c == '"';
        let separates = kept.ends_with(is_word) && chars.peek().is_some_and(|next| is_word(*next));
        if c != ' ' || is_quoted || separates {
            kept.push(c);
        }
    }
    kept
}
