//! Suggests the names that were probably meant in templates: "did you mean …?"

use crate::settings::nearest;

/// The kinds of things that take arguments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Callable {
    Filter,
    Function,
    Test,
}

/// A name and its arguments. The arguments are `None` if it takes any, or if they are unknown.
pub(super) type Known = (&'static str, Option<Vec<&'static str>>);

/// The last argument of a function whose other arguments are variables of the template that it renders.
pub(super) const REST: &str = "..";

/// Tera's own filters with their arguments, which Tera does not list.
const FILTERS: [(&str, &[&str]); 37] = [
    ("abs", &[]),
    ("capitalize", &[]),
    ("default", &["value", "boolean"]),
    ("escape", &[]),
    ("escape_html", &[]),
    ("escape_xml", &[]),
    ("first", &[]),
    ("float", &[]),
    ("get", &["key", "default"]),
    ("group_by", &["attribute"]),
    ("indent", &["width", "indentation", "first", "blank"]),
    ("int", &["base"]),
    ("join", &["sep"]),
    ("keys", &[]),
    ("last", &[]),
    ("length", &[]),
    ("lower", &[]),
    ("newlines_to_br", &[]),
    ("nth", &["n"]),
    ("pairs", &[]),
    ("pluralize", &["singular", "plural"]),
    ("replace", &["from", "to"]),
    ("reverse", &[]),
    ("round", &["method", "precision"]),
    ("safe", &[]),
    ("sort", &["attribute"]),
    ("split", &["pat"]),
    ("str", &[]),
    ("title", &[]),
    ("trim", &["pat"]),
    ("trim_end", &["pat"]),
    ("trim_start", &["pat"]),
    ("truncate", &["length", "end"]),
    ("unique", &[]),
    ("upper", &[]),
    ("values", &[]),
    ("wordcount", &[]),
];
const TESTS: [(&str, &[&str]); 17] = [
    ("array", &[]),
    ("bool", &[]),
    ("containing", &["pat"]),
    ("defined", &[]),
    ("divisible_by", &["divisor"]),
    ("ending_with", &["pat"]),
    ("even", &[]),
    ("float", &[]),
    ("integer", &[]),
    ("iterable", &[]),
    ("map", &[]),
    ("none", &[]),
    ("number", &[]),
    ("odd", &[]),
    ("starting_with", &["pat"]),
    ("string", &[]),
    ("undefined", &[]),
];
const FUNCTIONS: [(&str, &[&str]); 4] =
    [("range", &["start", "end", "step_by"]), ("static", &["path"]), ("super", &[]), ("throw", &["message"])];

/// The names that templates can use, besides the variables that views pass.
#[derive(Default)]
pub(super) struct Names {
    /// If a name occurs more than once, the last one counts, because those of the application come last.
    filters: Vec<Known>,
    functions: Vec<Known>,
    variables: Vec<&'static str>,
}

impl Names {
    /// Returns the names of Tera together with these.
    pub(super) fn with(
        filters: impl Iterator<Item = Known>,
        functions: impl Iterator<Item = Known>,
        variables: impl Iterator<Item = &'static str>,
    ) -> Self {
        let known = |(name, arguments): (&'static str, &[&'static str])| (name, Some(arguments.to_vec()));
        Names {
            filters: FILTERS.into_iter().map(known).chain(filters).collect(),
            functions: FUNCTIONS.into_iter().map(known).chain([("url_for", None)]).chain(functions).collect(),
            variables: variables.collect(),
        }
    }

    /// Returns the message for an argument that `callee` does not take, or `None` if it takes it or its arguments are unknown.
    pub(super) fn unknown_argument(&self, callable: Callable, callee: &str, argument: &str) -> Option<String> {
        let named = |known: &[Known]| known.iter().rev().find(|(name, _)| *name == callee).and_then(|(_, arguments)| arguments.clone());
        let arguments = match callable {
            Callable::Filter => named(&self.filters)?,
            Callable::Function => named(&self.functions)?,
            Callable::Test => TESTS.iter().find(|(name, _)| *name == callee)?.1.to_vec(),
        };
        let known = arguments.contains(&argument) || arguments.contains(&REST);
        (!known).then(|| no_argument(&format!("the {} \"{callee}\"", callable.name()), argument, &arguments))
    }

    /// Returns the arguments of the function `name` itself, if its other arguments are variables of the template that it renders.
    pub(super) fn rendering_function(&self, name: &str) -> Option<Vec<&'static str>> {
        let (_, arguments) = self.functions.iter().rev().find(|(known, _)| *known == name)?;
        let (rest, own) = arguments.as_ref()?.split_last()?;
        (*rest == REST).then(|| own.to_vec())
    }

    /// Returns the message for a name that Tera does not know when it links the templates (`Unknown filter` and the like).
    pub(super) fn unknown(&self, kind: &str, name: &str, templates: &[&str]) -> String {
        let known: Vec<&str> = match kind {
            "filter" => self.filters.iter().map(|(name, _)| *name).collect(),
            "test" => TESTS.map(|(name, _)| name).to_vec(),
            "function" => self.functions.iter().map(|(name, _)| *name).collect(),
            "template" => templates.to_vec(),
            _ => Vec::new(),
        };
        let has = |known: &[Known]| known.iter().any(|(known, _)| *known == name);
        let meant = match kind {
            "function" if self.variables.contains(&name) => format!("; it is a variable: write {{{{ {name} }}}}"),
            "function" if has(&self.filters) => format!("; it is a filter: write {{{{ value | {name} }}}}"),
            "filter" if has(&self.functions) => format!("; it is a function: write {{{{ {name}(…) }}}}"),
            _ => question(name, &known),
        };
        format!("there is no {kind} \"{name}\"{meant}")
    }

    /// Returns the message for an undefined variable. `defined` are the variables of the page.
    pub(super) fn undefined(&self, name: &str, defined: &[&str]) -> String {
        if self.functions.iter().any(|(known, _)| *known == name) {
            return format!("\"{name}\" is a function: write {{{{ {name}() }}}}");
        }
        let known: Vec<&str> = defined.iter().copied().chain(self.variables.iter().copied()).collect();
        format!("the variable \"{name}\" is not defined{}", question(name, &known))
    }
}

/// Returns the message for a missing field.
pub(super) fn no_field(name: &str, fields: &[&str]) -> String {
    let others = if fields.is_empty() { String::new() } else { format!("; the fields are {}", fields.join(", ")) };
    let meant = question(name, fields);
    format!("there is no field \"{name}\"{}", if meant.is_empty() { others } else { meant })
}

/// Returns the message for an argument that `callee` does not take.
pub(super) fn no_argument(callee: &str, argument: &str, known: &[&str]) -> String {
    let meant = question(argument, known);
    let others = if known.is_empty() { "; it takes none".to_owned() } else { format!("; it takes {}", known.join(", ")) };
    format!("{callee} has no argument \"{argument}\"{}", if meant.is_empty() { others } else { meant })
}

impl Callable {
    fn name(self) -> &'static str {
        match self {
            Callable::Filter => "filter",
            Callable::Function => "function",
            Callable::Test => "test",
        }
    }
}

pub(super) fn question(name: &str, known: &[&str]) -> String {
    near(name, known).map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default()
}

/// Returns the name in `known` that was probably meant by `name`.
pub(super) fn near<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    nearest(name, known).or_else(|| typo(name, known))
}

/// Finds a name that differs by one letter. In short names, such as `nwo` or `dat`, [`nearest`] considers that too different.
fn typo<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = |known: &&str| known.len() > 2 && name.len() < 64 && strsim::osa_distance(name, known) == 1;
    known.iter().copied().find(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listed_names_exist() {
        let mut tera = tera::Tera::new();
        super::super::filters::register(&mut tera);
        for (name, _) in FILTERS {
            tera.add_raw_template("a", &format!("{{{{ x | {name} }}}}")).unwrap();
        }
        for (name, _) in TESTS {
            tera.add_raw_template("a", &format!("{{% if x is {name} %}}{{% endif %}}")).unwrap();
        }
        for name in ["range", "throw"] {
            tera.add_raw_template("a", &format!("{{{{ {name}() }}}}")).unwrap();
        }
    }

    /// Tera's error shows that it reads an argument: a map does not have the type of any of them.
    #[test]
    fn the_arguments_of_filters_and_tests_are_read() {
        for (name, arguments) in FILTERS {
            for argument in arguments {
                // A default can have any type.
                if matches!((name, *argument), ("default", "value") | ("get", "default")) {
                    continue;
                }
                let fails = |value: &str, others: &str| {
                    let other = |name: &&str| format!(", {name}={others}");
                    let others: String = arguments.iter().filter(|name| *name != argument && !others.is_empty()).map(other).collect();
                    let text = format!("{{{{ {value} | {name}({argument}={{'wrong': 1}}{others}) }}}}");
                    let shown = tera::Tera::new().render_str(&text, &tera::Context::new(), false);
                    shown.is_err_and(|error| error.to_string().contains("map/struct"))
                };
                let fails_over_it = |value: &&str| ["", "1", "'a'"].into_iter().any(|others| fails(value, others));
                let values: &[&str] = if name == "get" { &["{'b': 1}"] } else { &["'a'", "1", "[1, 2]"] };
                assert!(values.iter().any(fails_over_it), "{name} does not read {argument}");
            }
        }
    }
}
