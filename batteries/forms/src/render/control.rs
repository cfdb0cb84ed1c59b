//! Renders the control of a field: the part that the visitor fills in.

use super::html::Html;
use crate::form::Shown;
use crate::kind::truth;
use crate::moment::zone_name;
use crate::{Bound, Choice, FieldKind, Widget};

/// A field and its errors.
pub(super) struct Control<'a> {
    pub(super) shown: &'a Shown,
    pub(super) errors: Vec<&'a str>,
    /// The values as the visitor sees them.
    pub(super) shown_values: Vec<String>,
}

impl Control<'_> {
    pub(super) fn is_hidden(&self) -> bool {
        self.shown.field.widget == Widget::Hidden
    }

    /// Returns whether the control is a list of buttons, which is labelled as a group.
    pub(super) fn is_group(&self) -> bool {
        self.shown.field.widget == Widget::Buttons
    }

    pub(super) fn is_checkbox(&self) -> bool {
        self.shown.field.kind == FieldKind::Boolean && self.shown.field.widget == Widget::Input
    }

    pub(super) fn help_id(&self) -> String {
        format!("{}-help", self.shown.id)
    }

    pub(super) fn errors_id(&self) -> String {
        format!("{}-errors", self.shown.id)
    }

    pub(super) fn choice_id(&self, at: usize) -> String {
        format!("{}-{at}", self.shown.id)
    }

    /// Returns the id that a link to the field refers to: the id of its first input.
    pub(super) fn target(&self) -> String {
        if self.is_group() && !self.choices().is_empty() { self.choice_id(0) } else { self.shown.id.clone() }
    }

    pub(super) fn choices(&self) -> &[Choice] {
        self.shown.field.choices.as_deref().unwrap_or_default()
    }

    pub(super) fn is_selected(&self, choice: &Choice) -> bool {
        self.shown.values.iter().any(|value| value.trim() == choice.value())
    }

    /// Returns the displayed values. Passwords and files are never sent back.
    pub(super) fn values(&self) -> &[String] {
        if matches!(self.shown.field.kind, FieldKind::Password | FieldKind::File) { &[] } else { &self.shown_values }
    }

    pub(super) fn value(&self) -> &str {
        self.values().first().map_or("", String::as_str)
    }

    /// Renders the control with its [`attributes`](Self::attributes).
    pub(super) fn html(&self, attributes: &Html) -> Html {
        let mut html = Html::new();
        match self.shown.field.widget {
            Widget::Hidden => {
                // One input for each value. A field for a single value has an input even if it is empty.
                let values = self.shown.values.iter().map(String::as_str);
                let empty = values.len() == 0 && !self.shown.field.multiple;
                for value in values.chain(empty.then_some("")) {
                    html.raw("<input type=\"hidden\"").attribute("name", &self.shown.field.name).attribute("value", value).raw(">");
                }
            }
            Widget::TextArea => {
                // HTML parsers drop a line break directly after the tag.
                html.raw("<textarea").html(attributes).raw(">\n").text(self.value()).raw("</textarea>");
            }
            Widget::Select => {
                self.search(&mut html);
                self.select(&mut html, attributes);
            }
            Widget::Buttons => {
                self.search(&mut html);
                self.buttons(&mut html);
            }
            Widget::Input => {
                html.raw("<input").attribute("type", self.shown.field.kind.input_type()).html(attributes);
                match self.shown.field.kind {
                    FieldKind::Boolean => html.attribute("value", "true").flag("checked", truth(self.value().trim()) == Some(true)),
                    FieldKind::Password | FieldKind::File => &mut html,
                    _ => html.attribute_of("value", self.values().first()),
                };
                html.raw(">");
                if self.shown.field.kind == FieldKind::Moment {
                    html.raw("<input type=\"hidden\"").attribute("name", zone_name(&self.shown.field.name));
                    html.attribute("value", self.shown.zone).raw(">");
                }
            }
        }
        html
    }

    /// Returns the attributes of the input, except its type and value: its name, its rules, and references to its help and
    /// errors.
    pub(super) fn attributes(&self) -> Html {
        let field = &self.shown.field;
        let mut html = Html::new();
        html.attribute("name", &field.name).attribute("id", &self.shown.id);
        // What is found may be chosen instead.
        html.flag("required", field.required && !field.is_searched).flag("multiple", field.multiple);
        if field.widget != Widget::Select {
            self.constraints(&mut html);
        }
        let autocomplete = field.autocomplete.as_deref().or(match field.kind {
            FieldKind::Email => Some("email"),
            FieldKind::Password => Some("current-password"),
            _ => None,
        });
        html.attribute_of("autocomplete", autocomplete);
        self.accessibility(&mut html);
        html
    }

    /// Adds the rules that browsers can check.
    fn constraints(&self, html: &mut Html) {
        let field = &self.shown.field;
        html.attribute_of("minlength", field.min_length).attribute_of("maxlength", field.max_length);
        let (min, max) = field.ends();
        let shown = |end: Option<Bound>| end.filter(Bound::is_exact).map(|end| end.shown_in(self.shown.zone));
        html.attribute_of("min", shown(min)).attribute_of("max", shown(max));
        let step = match (field.kind, field.digits) {
            (FieldKind::Decimal, Some((_, places))) => Some(step(places)),
            // Any number of decimals, and seconds.
            (FieldKind::Decimal | FieldKind::Time | FieldKind::DateTime | FieldKind::Moment, _) => Some("any".to_owned()),
            _ => None,
        };
        html.attribute_of("step", step);
        #[cfg(feature = "pattern")]
        html.attribute_of("pattern", field.pattern.as_ref().filter(|_| field.widget == Widget::Input).map(|pattern| pattern.text()));
        html.attribute_of("accept", field.accept.as_deref());
        if field.kind != FieldKind::Boolean {
            html.attribute_of("placeholder", field.placeholder.as_deref());
        }
    }

    /// Adds references to the help and the errors, for screen readers.
    fn accessibility(&self, html: &mut Html) {
        let described = self.description();
        html.attribute_of("aria-describedby", Some(described).filter(|ids| !ids.is_empty()));
        html.attribute_of("aria-invalid", (!self.errors.is_empty()).then_some("true"));
    }

    fn description(&self) -> String {
        let help = self.shown.field.help.is_some().then(|| self.help_id());
        let errors = (!self.errors.is_empty()).then(|| self.errors_id());
        help.into_iter().chain(errors).collect::<Vec<_>>().join(" ")
    }

    /// Adds the field in which the visitor searches if there are too many choices to show.
    fn search(&self, html: &mut Html) {
        let field = &self.shown.field;
        if field.is_searched {
            html.raw("<input type=\"search\"")
                .attribute("name", field.search_name())
                .attribute("id", format_args!("{}-search", self.shown.id));
            html.attribute_of("data-choices", field.choices_url.as_deref());
            html.attribute("placeholder", "Search …").attribute("aria-label", format_args!("Search: {}", field.label));
            html.raw(" autocomplete=\"off\"> ");
        }
    }

    fn select(&self, html: &mut Html, attributes: &Html) {
        let field = &self.shown.field;
        html.raw("<select").html(attributes).raw(">");
        let chosen = self.choices().iter().any(|choice| self.is_selected(choice));
        if !field.multiple && (!field.required || !chosen) {
            // Without a choice by the visitor, nothing is selected.
            html.raw("<option value=\"\">").text(field.placeholder.as_deref().unwrap_or("Choose …")).raw("</option>");
        }
        for choice in self.choices() {
            html.raw("<option").attribute("value", choice.value()).flag("selected", self.is_selected(choice)).raw(">");
            html.text(choice.label()).raw("</option>");
        }
        html.raw("</select>");
    }

    fn buttons(&self, html: &mut Html) {
        let field = &self.shown.field;
        let kind = if field.multiple { "checkbox" } else { "radio" };
        for (at, choice) in self.choices().iter().enumerate() {
            let id = self.choice_id(at);
            html.raw("<div class=\"choice\"><input").attribute("type", kind).attribute("name", &field.name).attribute("id", &id);
            // With several boxes, no particular one is required.
            html.attribute("value", choice.value()).flag("checked", self.is_selected(choice));
            html.flag("required", field.required && !field.multiple && !field.is_searched);
            self.accessibility(html);
            html.raw("> <label").attribute("for", &id).raw(">").text(choice.label()).raw("</label></div>");
        }
    }
}

/// Returns the smallest number with so many decimal places: `0.01`.
fn step(places: u32) -> String {
    match places.checked_sub(1) {
        None => "1".to_owned(),
        Some(zeros) => format!("0.{}1", "0".repeat(zeros.min(30) as usize)),
    }
}
