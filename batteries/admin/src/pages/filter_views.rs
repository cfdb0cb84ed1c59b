//! Filters, as the page of a list shows them.

use serde::Serialize;

use super::conditions::Narrows;

/// A filter, as the page shows it.
#[derive(Serialize)]
pub(super) struct FilterView {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) kind: &'static str,
    pub(super) is_active: bool,
    pub(super) choices: Vec<ChoiceView>,
    #[serde(rename = "type")]
    pub(super) input_type: &'static str,
    pub(super) from_name: String,
    pub(super) from: String,
    pub(super) to_name: String,
    pub(super) to: String,
    /// The parameter for rows without a value. Empty if all rows have one.
    pub(super) none_name: String,
    pub(super) is_none: bool,
}

#[derive(Serialize)]
pub(super) struct ChoiceView {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) selected: bool,
    /// `None` for the choice that does not narrow the list.
    #[serde(skip)]
    pub(super) narrows: Option<Narrows>,
    /// The number of rows, if the visitor has asked for it.
    pub(super) count: Option<String>,
}

impl ChoiceView {
    pub(super) fn new(value: &str, label: &str, narrows: Option<Narrows>) -> Self {
        ChoiceView { value: value.to_owned(), label: label.to_owned(), selected: false, narrows, count: None }
    }
}

/// A filter that is in use.
#[derive(Serialize)]
pub(super) struct ActiveView {
    pub(super) label: String,
    pub(super) value: String,
    pub(super) remove: String,
}

/// Returns a filter without values.
pub(super) fn view(name: &str, label: &str, kind: &'static str) -> FilterView {
    FilterView {
        name: name.to_owned(),
        label: label.to_owned(),
        kind,
        is_active: false,
        choices: Vec::new(),
        input_type: "",
        from_name: String::new(),
        from: String::new(),
        to_name: String::new(),
        to: String::new(),
        none_name: String::new(),
        is_none: false,
    }
}
