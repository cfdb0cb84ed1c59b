//! Enums for columns with few allowed values.

use super::names::camel;

/// Returns the enum for the choices of a column. `default` is one of them.
pub(super) fn choices(name: &str, choices: &[String], default: Option<&str>) -> String {
    let mut code = format!("#[derive(Choices, Clone, Copy, Debug, Default, PartialEq, Eq)]\npub enum {name} {{\n");
    let is_default = |at: usize, choice: &str| default.map_or(at == 0, |default| default == choice);
    for (at, choice) in choices.iter().enumerate() {
        if is_default(at, choice) {
            code += "    #[default]\n";
        }
        if !is_snake_case(choice) {
            code += &format!("    #[choice(value = {choice:?})]\n");
        }
        code += &format!("    {},\n", variant(choices, choice));
    }
    code + "}\n"
}

/// Returns the variant of a choice.
pub(super) fn variant(choices: &[String], choice: &str) -> String {
    let name = camel(choice);
    let others = choices.iter().filter(|other| camel(other) == name).count();
    let at = choices.iter().position(|other| other == choice).unwrap_or(0);
    if others > 1 || name == "Self" { format!("{name}{}", at + 1) } else { name }
}

/// Returns whether the derive makes this text of its variant.
fn is_snake_case(choice: &str) -> bool {
    let is_word = |word: &str| {
        word.len() > 1
            && word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    choice != "self" && choice.split('_').all(is_word)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_text_gets_a_variant() {
        let texts = ["draft", "in_review", "A B", "a-b", "2", ""].map(str::to_owned);
        let code = super::choices("State", &texts, Some("in_review"));
        let expected = "#[derive(Choices, Clone, Copy, Debug, Default, PartialEq, Eq)]\npub enum State {\n    Draft,\n    #[default]\n    InReview,\n    \
                        #[choice(value = \"A B\")]\n    AB3,\n    #[choice(value = \"a-b\")]\n    AB4,\n    #[choice(value = \"2\")]\n    N2,\n    \
                        #[choice(value = \"\")]\n    N,\n}\n";
        assert_eq!(code, expected);
    }
}
