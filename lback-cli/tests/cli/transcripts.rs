//! Checks that the commands in the guide print the output that is shown there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::lback;

/// The name that replaces `mysite` from the guide. It is unique in the folder of build output.
pub const PROJECT: &str = "scaffolded";

/// Runs all commands of the chapter on `lback`, below `folder`.
pub fn the_guide_shows_the_real_output(folder: &Path) {
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
        if !is_shown(block, &real) {
            wrong.push(real);
        }
    }
    assert!(wrong.is_empty(), "docs/src/commands.md should show:\n{}", wrong.join("\n"));
    assert!(shown >= 10, "transcripts are marked ```console");
}

fn guide(chapter: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src").join(chapter)).unwrap()
}

/// Returns the fenced blocks of the kind `kind`.
fn blocks<'a>(page: &'a str, kind: &str) -> Vec<&'a str> {
    let begin = format!("```{kind}\n");
    page.split(begin.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// What the command shows on a terminal. Variables for it may stand in front: `LBACK_ENV=production lback check`.
pub fn printed(line: &str, here: &Path) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    let command_begins = words.iter().position(|word| !word.contains('=')).unwrap();
    let variables: Vec<&str> = words.drain(..command_begins).collect();
    let mut command = match words[..] {
        ["lback", ref arguments @ ..] => lback(here, arguments),
        ["cargo", ref arguments @ ..] => {
            let mut cargo = Command::new("cargo");
            // With the same environment as lback, so that both use the same build output.
            for (name, value) in lback(here, &[]).get_envs() {
                if let Some(value) = value {
                    cargo.env(name, value);
                }
            }
            cargo.args(arguments).current_dir(here);
            cargo
        }
        _ => panic!("unknown command \"{line}\""),
    };
    command.envs(variables.iter().map(|variable| variable.split_once('=').unwrap()));
    let output = command.output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    out + &String::from_utf8(output.stderr).unwrap()
}

/// Adds the command from the chapter to the project.
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

/// Returns whether a block shows what was printed. A line `…` in it stands for any number of lines, and the widths of columns, which depend
/// on these lines, do not matter.
pub fn is_shown(block: &str, printed: &str) -> bool {
    let lines = |text: &str| -> Vec<String> { without_times(text).lines().filter(|line| !line.is_empty()).map(words).collect() };
    let (shown, mut rest) = (lines(block), lines(printed));
    let mut may_skip = false;
    for part in shown.split(|line| line == "…") {
        let found = (0..=rest.len().saturating_sub(part.len())).find(|begin| rest[*begin..].starts_with(part));
        match found {
            Some(begin) if begin == 0 || may_skip => drop(rest.drain(..begin + part.len())),
            _ => return false,
        }
        may_skip = true;
    }
    rest.is_empty() || shown.last().is_some_and(|line| line == "…")
}

/// Migrations begin with the time at which they were made.
pub fn without_times(text: &str) -> String {
    let digit_or_hyphen = |c: char| c.is_ascii_digit() || c == '-';
    let words = text.split_inclusive(|c: char| !digit_or_hyphen(c)).map(|word| {
        let time = word.trim_end_matches(|c| !digit_or_hyphen(c));
        if time.len() == "2026-11-21-035035".len() { word.replace(time, "TIME") } else { word.to_owned() }
    });
    words.collect()
}

/// Returns the words of a line, without the duration of a test run.
fn words(line: &str) -> String {
    let line = line.split("; finished in ").next().unwrap_or_default();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
