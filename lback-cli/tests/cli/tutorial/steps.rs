//! What a chapter of the tutorial tells its reader to do.
//!
//! The last sentence before a block says what happens to which file:
//!
//! | sentence | block |
//! | --- | --- |
//! | Create `file`: / Replace `file` with: | the whole file |
//! | At the end of `file`, add: | is appended |
//! | In `file`, add to `impl Ticket`: | goes to the end of the item that begins with these words |
//! | In `file`, replace `index` with: | takes the place of this function |
//! | any other that names a file | `diff`: is applied; otherwise an excerpt of the file |

use super::edit::{Change, Edit};

pub enum Step {
    Edit(Edit),
    Console(String),
}

/// The steps of a chapter, in order.
pub fn steps(chapter: &str, text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut paragraph = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            // The blank line before a block does not end the paragraph.
            if !line.is_empty() && paragraph.ends_with("\n\n") {
                paragraph.clear();
            }
            paragraph.push_str(line);
            paragraph.push('\n');
            continue;
        };
        let block: String = lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
        match kind {
            "console" => steps.push(Step::Console(block)),
            "sh" => {}
            _ => steps.extend(edit(chapter, &paragraph.replace('\n', " "), kind, block).map(Step::Edit)),
        }
        paragraph.clear();
    }
    steps
}

fn edit(chapter: &str, paragraph: &str, kind: &str, block: String) -> Option<Edit> {
    let sentence = paragraph.trim().rsplit(". ").next().unwrap_or_default();
    let quoted: Vec<&str> = sentence.split('`').skip(1).step_by(2).collect();
    let file = quoted.iter().find(|name| is_file(name));
    // Text that is no file, such as what a terminal shows.
    if kind == "text" && file.is_none() {
        return None;
    }
    let file = file.unwrap_or_else(|| panic!("{chapter}: which file is this?\n{block}")).to_string();
    let last = quoted.last().copied().unwrap_or_default().to_owned();
    let change = match sentence {
        _ if kind == "diff" => Change::Patch,
        _ if sentence.starts_with("Create `") || sentence.starts_with("Replace `") => Change::Whole,
        _ if sentence.starts_with("At the end of `") => Change::Append,
        _ if sentence.contains(", add to `") => Change::Into(last),
        _ if sentence.contains(", replace `") => Change::Function(last),
        _ => Change::Excerpt,
    };
    Some(Edit { chapter: chapter.to_owned(), file, change, block })
}

fn is_file(name: &str) -> bool {
    [".rs", ".html", ".txt", ".css", ".sql", ".toml"].iter().any(|ending| name.ends_with(ending))
}
