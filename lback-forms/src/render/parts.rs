//! Labels, help, errors, and how they are put together.

use super::control::Control;
use super::html::Html;
use crate::Form;

impl Control<'_> {
    pub(super) fn label_html(&self) -> Html {
        let mut html = Html::default();
        if self.is_group() {
            html.raw("<legend>").text(&self.shown.field.label).raw("</legend>");
        } else {
            html.raw("<label").attribute("for", &self.shown.id).raw(">").text(&self.shown.field.label).raw("</label>");
        }
        html
    }

    pub(super) fn help_html(&self) -> Html {
        let mut html = Html::default();
        if let Some(help) = &self.shown.field.help {
            html.raw("<p class=\"help\"").attribute("id", self.help_id()).raw(">").text(help).raw("</p>");
        }
        html
    }

    pub(super) fn errors_html(&self) -> Html {
        let mut html = Html::default();
        if !self.errors.is_empty() {
            html.raw("<ul class=\"errors\"").attribute("id", self.errors_id()).raw(">");
            for error in &self.errors {
                html.raw("<li>").text(error).raw("</li>");
            }
            html.raw("</ul>");
        }
        html
    }

    /// Label, input, help and errors.
    pub(super) fn whole_html(&self) -> Html {
        if self.is_hidden() {
            return self.html();
        }
        let mut html = Html::default();
        let element = if self.is_group() { "fieldset" } else { "div" };
        html.raw("<").raw(element).raw(" class=\"field");
        html.raw(if self.shown.field.required { " required" } else { "" }).raw(if self.errors.is_empty() { "" } else { " invalid" });
        html.raw("\"").attribute_of("id", self.is_group().then_some(&self.shown.id)).raw(">\n");
        let (label, input) = (self.label_html(), self.html());
        // A single box stands before its label.
        let (first, second) = if self.is_checkbox() { (input, label) } else { (label, input) };
        for part in [first, second, self.help_html(), self.errors_html()] {
            if !part.is_empty() {
                html.html(&part).raw("\n");
            }
        }
        html.raw("</").raw(element).raw(">\n");
        html
    }
}

impl<T> Form<T> {
    pub(super) fn controls(&self) -> impl Iterator<Item = Control<'_>> {
        self.fields.iter().map(|shown| Control { shown, errors: self.errors.of(&shown.field.name).collect() })
    }
}

/// What is wrong, with links to the fields.
pub(super) fn summary<T>(form: &Form<T>) -> Html {
    let mut html = Html::default();
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
            // What the visitor does not see cannot be gone to.
            if !control.is_hidden() {
                html.raw("<a").attribute("href", format_args!("#{}", control.target())).raw(">");
            }
            html.text(&control.shown.field.label).raw(": ").text(error).raw(if control.is_hidden() { "</li>\n" } else { "</a></li>\n" });
        }
    }
    html.raw("</ul>\n</div>\n");
    html
}

/// The hidden fields.
pub(super) fn hidden<T>(form: &Form<T>) -> Html {
    let mut html = Html::default();
    for control in form.controls().filter(Control::is_hidden) {
        html.html(&control.html());
    }
    html
}

/// Everything.
pub(super) fn whole<T>(form: &Form<T>) -> Html {
    let mut html = summary(form);
    for control in form.controls() {
        html.html(&control.whole_html());
    }
    html
}

pub(crate) fn form_html<T>(form: &Form<T>) -> String {
    whole(form).into_string()
}
