//! Changing a file as a chapter says.

use std::fmt;

/// A block of a chapter, and what it does to a file.
pub struct Edit {
    pub chapter: String,
    pub file: String,
    pub change: Change,
    pub block: String,
}

pub enum Change {
    Whole,
    Append,
    Into(String),
    Function(String),
    Patch,
    Excerpt,
}

impl Edit {
    /// Returns the file after the change, or why the change cannot be made.
    pub fn apply(&self, text: &str) -> Result<String, String> {
        match &self.change {
            Change::Whole => Ok(self.block.clone()),
            Change::Append => Ok(format!("{text}\n{}", self.block)),
            Change::Into(item) => {
                let end = item_of(text, item)?.1;
                // Methods are separated by a blank line; the routes of a chain are not.
                let blank = if item.starts_with("impl ") { "\n" } else { "" };
                Ok(format!("{}{blank}{}{}", &text[..end - "}\n".len()], self.block, &text[end - "}\n".len()..]))
            }
            Change::Function(name) => {
                let (begin, end) = item_of(text, &format!("pub fn {name}(")).or_else(|_| item_of(text, &format!("fn {name}(")))?;
                Ok(format!("{}{}{}", &text[..begin], self.block, &text[end..]))
            }
            Change::Patch => patch(text, &self.block),
            Change::Excerpt if text.contains(&self.block) => Ok(text.to_owned()),
            Change::Excerpt => Err("the file does not contain the block".to_owned()),
        }
    }
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "docs/src/tutorial/{}: {}:\n{}", self.chapter, self.file, self.block)
    }
}

/// Where an item begins, with its comment and attributes, and where it ends.
fn item_of(text: &str, start: &str) -> Result<(usize, usize), String> {
    let line = text.find(&format!("\n{start}")).map(|newline| newline + 1).ok_or(format!("there is no `{start}`"))?;
    let end = text[line..].find("\n}\n").map(|end| line + end + "\n}\n".len()).ok_or(format!("`{start}` does not end"))?;
    let mut begin = line;
    for above in text[..line].lines().rev().take_while(|above| above.starts_with("///") || above.starts_with("#[")) {
        begin -= above.len() + 1;
    }
    Ok((begin, end))
}

/// Replaces the one place in the text that has the lines of the diff without a plus by those without a minus.
fn patch(text: &str, diff: &str) -> Result<String, String> {
    let without = |sign: char| -> String {
        let lines = diff.lines().filter(|line| !line.starts_with(sign));
        lines.map(|line| format!("{}\n", line.get(1..).unwrap_or_default())).collect()
    };
    let (old, new) = (without('+'), without('-'));
    let padded = format!("\n{text}");
    match padded.matches(&format!("\n{old}")).count() {
        1 => Ok(padded.replacen(&format!("\n{old}"), &format!("\n{new}"), 1)[1..].to_owned()),
        count => Err(format!("{count} places in the file match the diff")),
    }
}
