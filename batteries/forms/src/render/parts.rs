//! Renders labels, help texts and errors, and combines them into fields and forms.

use super::control::Control;
use super::html::Html;
use crate::{Form, moment};

impl Control<'_> {
    pub(super) fn label_html(&self) -> Html {
        let mut html = Html::new();
        if self.is_group() {
            html.raw("<legend>").text(&self.shown.field.label).raw("</legend>");
        } else {
            html.raw("<label").attribute("for", &self.shown.id).raw(">").text(&self.shown.field.label).raw("</label>");
        }
        html
    }

    pub(super) fn help_html(&self) -> Html {
        let mut html = Html::new();
        if let Some(help) = &self.shown.field.help {
            html.raw("<p class=\"help\"").attribute("id", self.help_id()).raw(">").text(help).raw("</p>");
        }
        html
    }

    pub(super) fn errors_html(&self) -> Html {
        let mut html = Html::new();
        if !self.errors.is_empty() {
            html.raw("<ul class=\"errors\"").attribute("id", self.errors_id()).raw(">");
            for error in &self.errors {
                html.raw("<li>").text(error).raw("</li>");
            }
            html.raw("</ul>");
        }
        html
    }
}

/// The parts of a field, each rendered once, and the whole field.
pub(super) struct Parts {
    pub(super) attributes: Html,
    pub(super) input: Html,
    pub(super) label: Html,
    pub(super) help: Html,
    pub(super) errors: Html,
    pub(super) whole: Html,
}

impl Parts {
    pub(super) fn of(control: &Control<'_>) -> Self {
        let attributes = control.attributes();
        let (input, label, help, errors) = (control.html(&attributes), control.label_html(), control.help_html(), control.errors_html());
        let mut parts = Parts { attributes, input, label, help, errors, whole: Html::new() };
        parts.whole = parts.join(control);
        parts
    }

    /// Combines label, input, help and errors.
    fn join(&self, control: &Control<'_>) -> Html {
        let mut html = Html::new();
        if control.is_hidden() {
            html.html(&self.input);
            return html;
        }
        let element = if control.is_group() { "fieldset" } else { "div" };
        html.raw("<").raw(element).raw(" class=\"field").raw(if control.is_checkbox() { " choice" } else { "" });
        html.raw(if control.shown.field.required { " required" } else { "" }).raw(if control.errors.is_empty() { "" } else { " invalid" });
        html.raw("\"").attribute_of("id", control.is_group().then_some(&control.shown.id)).raw(">\n");
        // A single checkbox comes before its label.
        let (first, second) = if control.is_checkbox() { (&self.input, &self.label) } else { (&self.label, &self.input) };
        for part in [first, second, &self.help, &self.errors] {
            if !part.is_empty() {
                html.html(part).raw("\n");
            }
        }
        html.raw("</").raw(element).raw(">\n");
        html
    }
}

impl<T> Form<T> {
    pub(super) fn controls(&self) -> impl Iterator<Item = Control<'_>> {
        self.fields.iter().map(|shown| Control {
            shown,
            errors: self.errors.of(&shown.field.name).collect(),
            shown_values: shown.values.iter().map(|value| moment::shown(&shown.field, value, shown.zone)).collect(),
        })
    }
}

/// Renders the summary of errors, with links to the fields.
pub(super) fn summary<T>(form: &Form<T>) -> Html {
    let mut html = Html::new();
    if form.errors.is_empty() {
        return html;
    }
    html.raw("<div class=\"error-summary\" role=\"alert\" tabindex=\"-1\">\n<p>").text(&form.heading).raw("</p>\n<ul>\n");
    for error in form.errors.of_form() {
        html.raw("<li>").text(error).raw("</li>\n");
    }
    for control in form.controls() {
        for error in &control.errors {
            html.raw("<li>");
            // A hidden field cannot be the target of a link.
            if !control.is_hidden() {
                html.raw("<a").attribute("href", format_args!("#{}", control.target())).raw(">");
            }
            html.text(&control.shown.field.label).raw(": ").text(error).raw(if control.is_hidden() { "</li>\n" } else { "</a></li>\n" });
        }
    }
    html.raw("</ul>\n</div>\n");
    html
}

/// Renders the whole form: the summary and all fields.
pub(super) fn whole<'a, T>(form: &Form<T>, parts: impl Iterator<Item = &'a Parts>) -> Html {
    let mut html = summary(form);
    for parts in parts {
        html.html(&parts.whole);
    }
    html
}

pub(crate) fn form_html<T>(form: &Form<T>) -> String {
    let parts: Vec<Parts> = form.controls().map(|control| Parts::of(&control)).collect();
    whole(form, parts.iter()).into_string()
}
