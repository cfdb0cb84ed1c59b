//! What the guide shows of commands and their output is what they print.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::lback;

/// What the guide's `mysite` is called here: no other package in the folder that keeps what was built has this name.
pub const PROJECT: &str = "scaffolded";

/// Follows the chapter on the command from its first line to its last, below `folder`.
pub fn the_guide_shows_what_is_printed(folder: &Path) {
    let chapter = guide("commands.md");
    let mut here = folder.to_owned();
    let (mut shown, mut wrong) = (0, Vec::new());
    for block in blocks(&chapter, "console") {
        let mut real = String::new();
        for line in block.lines().filter_map(|line| line.strip_prefix("$ ")) {
            real.push_str(&format!("$ {line}\n"));
            shown += 1;
            match line.strip_prefix("cd ") {
                Some(to) => here = here.join(to.replace("mysite", PROJECT)),
                None => real.push_str(&printed(&line.replace("mysite", PROJECT), &here)),
            }
            if line == "lback startapp blog" {
                add_the_command(&chapter, &here);
            }
        }
        let real = real.replace(PROJECT, "mysite");
        if without_times(block) != without_times(&real) {
            wrong.push(real);
        }
    }
    assert!(wrong.is_empty(), "docs/src/commands.md should show:\n{}", wrong.join("\n"));
    assert!(shown >= 10, "transcripts are marked ```console");

    // The other chapter shows what a program without commands of its own says.
    let help = printed("cargo run -q -- help", &here);
    let own = help.find("\nCommands of this application:").unwrap();
    assert!(guide("getting-started.md").contains(&help[..own]), "docs/src/getting-started.md should show:\n{help}");
}

fn guide(chapter: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src").join(chapter)).unwrap()
}

/// The fenced blocks that are marked as `kind`.
fn blocks<'a>(page: &'a str, kind: &str) -> Vec<&'a str> {
    let begin = format!("```{kind}\n");
    page.split(begin.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// What the command shows on a terminal.
fn printed(line: &str, here: &Path) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let mut command = match words[..] {
        ["lback", ref arguments @ ..] => lback(here, arguments),
        ["cargo", ref arguments @ ..] => {
            let mut cargo = Command::new("cargo");
            // As lback calls it, so that both use what was built.
            for (name, value) in lback(here, &[]).get_envs() {
                if let Some(value) = value {
                    cargo.env(name, value);
                }
            }
            cargo.args(arguments).current_dir(here);
            cargo
        }
        _ => panic!("what is \"{line}\"?"),
    };
    let output = command.output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    out + &String::from_utf8(output.stderr).unwrap()
}

/// Does what the chapter says of a command of the project's own.
fn add_the_command(chapter: &str, project: &Path) {
    let write = |path: PathBuf, change: &dyn Fn(String) -> String| {
        let text = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, change(text)).unwrap();
    };
    let command = blocks(chapter, "rust").into_iter().find(|block| block.contains("pub fn countitems")).unwrap();
    let visible: String = command.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    write(project.join("src/blog/commands.rs"), &|_| visible.clone());
    write(project.join("src/blog/mod.rs"), &|text| text.replace("pub mod models;", "pub mod commands;\npub mod models;"));
    let app = blocks(chapter, "rs").into_iter().find(|block| block.starts_with("fn app()")).unwrap();
    write(project.join("src/main.rs"), &|text| {
        let begin = text.find("fn app()").unwrap();
        format!("{}{app}", &text[..begin])
    });
}

/// Migrations begin with the time at which they were made.
fn without_times(text: &str) -> String {
    let digit_or_hyphen = |c: char| c.is_ascii_digit() || c == '-';
    let words = text.split_inclusive(|c: char| !digit_or_hyphen(c)).map(|word| {
        let time = word.trim_end_matches(|c| !digit_or_hyphen(c));
        if time.len() == "2026-11-21-035035".len() { word.replace(time, "TIME") } else { word.to_owned() }
    });
    words.collect()
}
