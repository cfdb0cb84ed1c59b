//! The form as a value in templates.

use serde::ser::{Error as _, Serialize, SerializeMap, Serializer};

use super::control::Control;
use super::html::Html;
use super::parts::{Parts, summary, whole};
use crate::{FieldKind, Form};

/// In templates, these names refer to parts of the form, even if a field has the same name. The derive rejects such fields.
const RESERVED_NAMES: [&str; 6] = ["html", "summary", "hidden", "enctype", "errors", "fields"];

/// Tera keeps any [`tera::Value`] unchanged when it serializes, so that HTML remains marked as HTML.
impl<T> Serialize for Form<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let controls: Vec<(Control<'_>, Parts)> = self
            .controls()
            .map(|control| {
                let parts = Parts::of(&control);
                (control, parts)
            })
            .collect();
        let views = controls.iter().map(|(control, parts)| tera::Value::try_from_serializable(&View::of(control, parts)));
        let views: Vec<tera::Value> = views.collect::<Result<_, _>>().map_err(S::Error::custom)?;
        let mut hidden = Html::new();
        for (_, parts) in controls.iter().filter(|(control, _)| control.is_hidden()) {
            hidden.html(&parts.input);
        }
        let mut enctype = Html::new();
        if self.fields.iter().any(|shown| shown.field.kind == FieldKind::File) {
            enctype.raw("enctype=\"multipart/form-data\"");
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("html", &whole(self, controls.iter().map(|(_, parts)| parts)).safe())?;
        map.serialize_entry("summary", &summary(self).safe())?;
        map.serialize_entry("hidden", &hidden.safe())?;
        map.serialize_entry("enctype", &enctype.safe())?;
        map.serialize_entry("errors", &self.errors.of_form().collect::<Vec<_>>())?;
        map.serialize_entry("fields", &views)?;
        for (shown, view) in self.fields.iter().zip(&views) {
            if !RESERVED_NAMES.contains(&shown.field.name()) {
                map.serialize_entry(shown.field.name(), view)?;
            }
        }
        map.end()
    }
}

/// A field as a value in templates.
#[derive(serde::Serialize)]
struct View<'a> {
    name: &'a str,
    id: &'a str,
    label: &'a str,
    help: Option<&'a str>,
    value: &'a str,
    values: &'a [String],
    required: bool,
    is_hidden: bool,
    errors: &'a [&'a str],
    choices: Vec<ChoiceView<'a>>,
    attributes: tera::Value,
    html: tera::Value,
    input: tera::Value,
    label_html: tera::Value,
    help_html: tera::Value,
    errors_html: tera::Value,
}

/// A choice as a value in templates.
#[derive(serde::Serialize)]
struct ChoiceView<'a> {
    value: &'a str,
    label: &'a str,
    id: String,
    selected: bool,
}

impl<'a> View<'a> {
    fn of(control: &'a Control<'a>, parts: &Parts) -> Self {
        let field = &control.shown.field;
        let view = |(at, choice): (usize, &'a crate::Choice)| ChoiceView {
            value: choice.value(),
            label: choice.label(),
            id: control.choice_id(at),
            selected: control.is_selected(choice),
        };
        View {
            name: &field.name,
            id: &control.shown.id,
            label: &field.label,
            help: field.help.as_deref(),
            value: control.value(),
            values: control.values(),
            required: field.required,
            is_hidden: control.is_hidden(),
            errors: &control.errors,
            choices: control.choices().iter().enumerate().map(view).collect(),
            attributes: parts.attributes.safe(),
            html: parts.whole.safe(),
            input: parts.input.safe(),
            label_html: parts.label.safe(),
            help_html: parts.help.safe(),
            errors_html: parts.errors.safe(),
        }
    }
}
