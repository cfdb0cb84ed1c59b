//! "Did you mean …?" for names in templates.

use crate::settings::nearest;

/// What can be given arguments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Callable {
    Filter,
    Function,
    Test,
}

/// A name, and the arguments that go with it; `None` if it takes any, or nobody has said which.
pub(super) type Known = (&'static str, Option<Vec<&'static str>>);

/// Tera's own filters with their arguments, which it does not list.
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

/// The names that templates can use, besides what views hand over.
#[derive(Default)]
pub(super) struct Names {
    /// The last of a name counts: an application's own come after others.
    filters: Vec<Known>,
    functions: Vec<Known>,
    variables: Vec<&'static str>,
}

impl Names {
    /// Those of Tera, and these.
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

    /// What is said of an argument that `of` does not know; `None` if it does, or if nobody knows.
    pub(super) fn unknown_argument(&self, callable: Callable, of: &str, argument: &str) -> Option<String> {
        let named = |known: &[Known]| known.iter().rev().find(|(name, _)| *name == of).and_then(|(_, arguments)| arguments.clone());
        let arguments = match callable {
            Callable::Filter => named(&self.filters)?,
            Callable::Function => named(&self.functions)?,
            Callable::Test => TESTS.iter().find(|(name, _)| *name == of)?.1.to_vec(),
        };
        (!arguments.contains(&argument)).then(|| no_argument(&format!("the {} \"{of}\"", callable.name()), argument, &arguments))
    }

    /// What is said of a name that Tera does not know when it puts the templates together: `Unknown filter` and the like.
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

    /// What is said of a variable that is not there. `handed` are those that are.
    pub(super) fn undefined(&self, name: &str, handed: &[&str]) -> String {
        if self.functions.iter().any(|(known, _)| *known == name) {
            return format!("\"{name}\" is a function: write {{{{ {name}() }}}}");
        }
        let known: Vec<&str> = handed.iter().copied().chain(self.variables.iter().copied()).collect();
        format!("the variable \"{name}\" is not defined{}", question(name, &known))
    }
}

/// What is said of a field that is not there.
pub(super) fn no_field(name: &str, fields: &[&str]) -> String {
    let others = if fields.is_empty() { String::new() } else { format!("; there are {}", fields.join(", ")) };
    let meant = question(name, fields);
    format!("there is no field \"{name}\"{}", if meant.is_empty() { others } else { meant })
}

/// What is said of an argument that `of` does not take.
pub(super) fn no_argument(of: &str, argument: &str, known: &[&str]) -> String {
    let meant = question(argument, known);
    let others = if known.is_empty() { "; it takes none".to_owned() } else { format!("; it takes {}", known.join(", ")) };
    format!("{of} has no argument \"{argument}\"{}", if meant.is_empty() { others } else { meant })
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

fn question(name: &str, known: &[&str]) -> String {
    near(name, known).map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default()
}

/// The one of `known` that `name` is probably meant to be.
pub(super) fn near<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    nearest(name, known).or_else(|| slip(name, known))
}

/// Short names are too unlike each other by one letter for [`nearest`]: `nwo`, `dat`.
fn slip<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = |known: &&str| known.len() > 2 && name.len() < 64 && strsim::osa_distance(name, known) == 1;
    known.iter().copied().find(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_exists() {
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

    /// What Tera does with an argument shows that it reads it: a map is none of the types that it could be.
    #[test]
    fn the_arguments_of_filters_and_tests_are_read() {
        for (name, arguments) in FILTERS {
            for argument in arguments {
                // A default may be anything, and a separator is shown.
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
