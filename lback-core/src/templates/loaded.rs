//! Reads and parses all templates together.

use std::collections::{HashMap, HashSet};

use tera::{ErrorKind, Tera};

use super::arguments;
use super::files::Files;
use super::functions::Functions;
use super::globals::{Components, TemplateGlobal};
use super::nested;
use super::problem::Problem;
use super::suggest::Names;

/// The result of reading the templates once.
pub(super) struct Loaded {
    pub(super) tera: Tera,
    pub(super) files: Files,
    /// The indices of the globals that each template mentions.
    mentions: HashMap<String, Vec<usize>>,
    /// The variables that each template mentions, including those of the templates that its functions render.
    variables: HashMap<String, Vec<String>>,
}

/// Returns whether values are escaped in the template `name`. Pages are escaped regardless of their extension: "page.html.tera" must
/// not contain visitors' text unescaped.
pub(super) fn is_escaped(name: &str) -> bool {
    !name.ends_with(".txt")
}

impl Loaded {
    /// Reads and parses `files`.
    pub(super) fn read(files: Files, functions: &Functions, globals: &[TemplateGlobal], names: &Names) -> Result<Self, Problem> {
        let texts = files.read()?;
        let mut tera = Tera::new();
        let escaped: Vec<String> = texts.iter().map(|(name, _)| (*name).to_owned()).filter(|name| is_escaped(name)).collect();
        tera.autoescape_on(escaped);
        functions.register(&mut tera);
        if let Err(error) = tera.add_raw_templates(texts.iter().map(|(name, text)| (*name, text.as_str()))) {
            return Err(problem(error, &texts, names));
        }
        let wrong: Vec<String> = texts.iter().flat_map(|(name, text)| arguments::unknown(name, text, names)).collect();
        if !wrong.is_empty() {
            return Err(Problem::of_calls(&wrong));
        }
        let components = Components::with_implicit_arguments(&tera);
        let mut mentions = HashMap::with_capacity(texts.len());
        let mut variables_of: HashMap<&str, HashSet<&str>> = HashMap::with_capacity(texts.len());
        for (name, _) in &texts {
            let mut variables = tera.get_template_variables(name).map_err(|error| Problem::of_references(error, names, &texts))?;
            variables.extend(components.reached_from(name, &texts));
            let mentioned = globals.iter().enumerate().filter(|(_, global)| variables.contains(global.name));
            mentions.insert((*name).to_owned(), mentioned.map(|(index, _)| index).collect());
            variables_of.insert(name, variables);
        }
        let variables = nested::with_nested(&variables_of, &texts);
        let wrong: Vec<String> = texts.iter().flat_map(|(name, text)| nested::wrong_calls(name, text, names, &variables)).collect();
        if !wrong.is_empty() {
            return Err(Problem::of_calls(&wrong));
        }
        drop(texts);
        Ok(Loaded { tera, files, mentions, variables })
    }

    /// Returns the indices of the globals that the template `name`, or one that it extends or includes, mentions. Returns `None` if
    /// there is no such template.
    pub(super) fn globals_of(&self, name: &str) -> Option<&[usize]> {
        self.mentions.get(name).map(Vec::as_slice)
    }

    /// Returns the variables that the template `name` mentions, including those of the templates that it extends, includes or has
    /// rendered by functions. There may be too many, but not too few.
    pub(super) fn variables_of(&self, name: &str) -> &[String] {
        self.variables.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Returns the problem of the templates. Tera stops at the first template that does not parse, so this finds all of them.
fn problem(error: tera::Error, texts: &[(&str, String)], names: &Names) -> Problem {
    if !matches!(error.kind(), ErrorKind::SyntaxError(_)) {
        return Problem::of_references(error, names, texts);
    }
    let alone = |(name, text): &(&str, String)| Tera::new().add_raw_template(name, text).err();
    let syntax = |error: &tera::Error| matches!(error.kind(), ErrorKind::SyntaxError(_));
    let errors: Vec<_> = texts.iter().filter_map(alone).filter(syntax).collect();
    Problem::of_syntax(if errors.is_empty() { vec![error] } else { errors })
}
