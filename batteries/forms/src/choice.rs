//! The options of a field with choices.

/// An option of a field with choices: its value and its label.
///
/// ```
/// use lback::forms::Choice;
///
/// let choice = Choice::from((7, "Seven"));
/// assert_eq!((choice.value(), choice.label()), ("7", "Seven"));
/// assert_eq!(Choice::from("red").label(), "red");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    value: String,
    label: String,
}

impl Choice {
    /// Returns the value that the browser sends.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Returns the label that the visitor sees.
    pub fn label(&self) -> &str {
        &self.label
    }
}

impl<V: ToString, L: ToString> From<(V, L)> for Choice {
    fn from((value, label): (V, L)) -> Self {
        Choice { value: value.to_string(), label: label.to_string() }
    }
}

impl From<&str> for Choice {
    fn from(text: &str) -> Self {
        (text, text).into()
    }
}

impl From<String> for Choice {
    fn from(text: String) -> Self {
        Choice { label: text.clone(), value: text }
    }
}

/// For the elements of a slice, such as a constant `&[("draft", "Draft")]`.
impl<V: ToString, L: ToString> From<&(V, L)> for Choice {
    fn from((value, label): &(V, L)) -> Self {
        Choice { value: value.to_string(), label: label.to_string() }
    }
}

impl From<&&str> for Choice {
    fn from(text: &&str) -> Self {
        (*text).into()
    }
}

impl From<&String> for Choice {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<&Choice> for Choice {
    fn from(choice: &Choice) -> Self {
        choice.clone()
    }
}
