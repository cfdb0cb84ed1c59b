//! "Did you mean …?" for names in templates.

use crate::settings::nearest;

/// Tera's own filters, tests and functions, which it does not list.
const FILTERS: [&str; 37] = [
    "abs",
    "capitalize",
    "default",
    "escape",
    "escape_html",
    "escape_xml",
    "first",
    "float",
    "get",
    "group_by",
    "indent",
    "int",
    "join",
    "keys",
    "last",
    "length",
    "lower",
    "newlines_to_br",
    "nth",
    "pairs",
    "pluralize",
    "replace",
    "reverse",
    "round",
    "safe",
    "sort",
    "split",
    "str",
    "title",
    "trim",
    "trim_end",
    "trim_start",
    "truncate",
    "unique",
    "upper",
    "values",
    "wordcount",
];
const TESTS: [&str; 17] = [
    "array",
    "bool",
    "containing",
    "defined",
    "divisible_by",
    "ending_with",
    "even",
    "float",
    "integer",
    "iterable",
    "map",
    "none",
    "number",
    "odd",
    "starting_with",
    "string",
    "undefined",
];
const FUNCTIONS: [&str; 5] = ["range", "static", "super", "throw", "url_for"];

/// The names that templates can use, besides what views hand over.
#[derive(Default)]
pub(super) struct Names {
    filters: Vec<&'static str>,
    functions: Vec<&'static str>,
    variables: Vec<&'static str>,
}

impl Names {
    /// Those of Tera, and these.
    pub(super) fn with(
        filters: impl Iterator<Item = &'static str>,
        functions: impl Iterator<Item = &'static str>,
        variables: impl Iterator<Item = &'static str>,
    ) -> Self {
        Names {
            filters: FILTERS.into_iter().chain(filters).collect(),
            functions: FUNCTIONS.into_iter().chain(functions).collect(),
            variables: variables.collect(),
        }
    }

    /// What is said of a name that Tera does not know when it puts the templates together: `Unknown filter` and the like.
    pub(super) fn unknown(&self, kind: &str, name: &str, templates: &[&str]) -> String {
        let known: &[&str] = match kind {
            "filter" => &self.filters,
            "test" => &TESTS,
            "function" => &self.functions,
            "template" => templates,
            _ => &[],
        };
        let meant = match kind {
            "function" if self.variables.contains(&name) => format!("; it is a variable: write {{{{ {name} }}}}"),
            "function" if self.filters.contains(&name) => format!("; it is a filter: write {{{{ value | {name} }}}}"),
            "filter" if self.functions.contains(&name) => format!("; it is a function: write {{{{ {name}(…) }}}}"),
            _ => question(name, known),
        };
        format!("there is no {kind} \"{name}\"{meant}")
    }

    /// What is said of a variable that is not there. `handed` are those that are.
    pub(super) fn undefined(&self, name: &str, handed: &[&str]) -> String {
        if self.functions.contains(&name) {
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

fn question(name: &str, known: &[&str]) -> String {
    nearest(name, known).or_else(|| slip(name, known)).map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default()
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
        for name in FILTERS {
            tera.add_raw_template("a", &format!("{{{{ x | {name} }}}}")).unwrap();
        }
        for name in TESTS {
            tera.add_raw_template("a", &format!("{{% if x is {name} %}}{{% endif %}}")).unwrap();
        }
        for name in ["range", "throw"] {
            tera.add_raw_template("a", &format!("{{{{ {name}() }}}}")).unwrap();
        }
    }
}
