//! Pages as a browser reads them: the form of a page with what is filled in, and texts without tags.

use lback::testing::{Client, TestResponse};

/// The form with which a row is edited, as a browser would send it.
#[derive(Clone, Debug)]
pub(super) struct PageForm {
    path: String,
    fields: Vec<(String, String)>,
}

impl PageForm {
    /// Opens a page and reads its form.
    #[track_caller]
    pub(super) fn open(browser: &Client, path: &str) -> Self {
        PageForm::of(browser.get(path).send().assert_status(200))
    }

    /// Reads the form of a page. It is sent to the path of the page.
    #[track_caller]
    pub(super) fn of(page: &TestResponse) -> Self {
        PageForm::after(page, "data-guard")
    }

    /// Reads the form that asks for the password, with all fields that it sends again.
    #[track_caller]
    pub(super) fn asking(page: &TestResponse) -> Self {
        PageForm::after(page.assert_contains("Nothing has been changed yet."), "You are about to")
    }

    #[track_caller]
    fn after(page: &TestResponse, mark: &str) -> Self {
        let text = page.text();
        let start = text.find(mark).expect("a form to edit");
        let end = start + text[start..].find("</form>").expect("the end of the form");
        let path = page.path().split('?').next().unwrap_or_default().to_owned();
        PageForm { path, fields: fields_of(&without_templates(&text[start..end])) }
    }

    /// The values of a field: none if it is hidden or missing.
    pub(super) fn values(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The names of all fields, in order.
    pub(super) fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Fills in a field with one value.
    pub(super) fn set(self, name: &str, value: &str) -> Self {
        self.set_all(name, &[value])
    }

    /// Chooses these values in a field.
    pub(super) fn set_all(mut self, name: &str, values: &[&str]) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.extend(values.iter().map(|value| (name.to_owned(), (*value).to_owned())));
        self
    }

    pub(super) fn send(&self, browser: &Client) -> TestResponse {
        browser.post(&self.path).form(&self.fields).send()
    }

    /// Sends the form with files: for each, the input, its name and its type, and its content.
    pub(super) fn send_files(&self, browser: &Client, files: &[(&str, &str, &str, &[u8])]) -> TestResponse {
        let form = browser.post(&self.path).multipart();
        let form = self.fields.iter().fold(form, |form, (name, value)| form.field(name, value));
        files.iter().fold(form, |form, (input, name, kind, content)| form.file(input, name, kind, content)).send()
    }
}

/// Returns HTML without the elements `<template>`, which a browser does not send.
fn without_templates(html: &str) -> String {
    let mut parts = html.split("<template>");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + part.split_once("</template>").map_or("", |(_, rest)| rest))
}

/// Returns what a browser would send of a form.
fn fields_of(html: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at..];
        let end = rest.find('>').map_or(rest.len(), |end| end + 1);
        let (tag, after) = rest.split_at(end);
        rest = after;
        let Some(name) = attribute(tag, "name") else { continue };
        if tag.starts_with("<input") {
            let kind = attribute(tag, "type").unwrap_or_default();
            let is_sent = match kind.as_str() {
                "checkbox" | "radio" => tag.contains(" checked"),
                kind => kind != "file",
            };
            if is_sent {
                fields.push((name, attribute(tag, "value").unwrap_or_default()));
            }
        } else if tag.starts_with("<textarea") {
            let text = unescaped(&after[..after.find("</textarea>").expect("the end of a textarea")]);
            // A line break directly after the tag does not count, and browsers send the others as \r\n.
            fields.push((name, text.strip_prefix('\n').unwrap_or(&text).replace('\n', "\r\n")));
        } else if tag.starts_with("<select") {
            let options = &after[..after.find("</select>").expect("the end of a select")];
            let options: Vec<&str> = options.split("<option").skip(1).map(|option| &option[..option.find('>').unwrap() + 1]).collect();
            let mut chosen: Vec<&str> = options.iter().copied().filter(|option| option.contains(" selected")).collect();
            if chosen.is_empty() && !tag.contains(" multiple") {
                chosen.extend(options.first());
            }
            fields.extend(chosen.iter().map(|option| (name.clone(), attribute(option, "value").unwrap_or_default())));
        }
    }
    fields
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    let end = tag[start..].find('"')? + start;
    Some(unescaped(&tag[start..end]))
}

/// Returns the text of a piece of HTML, without tags and spaces around it.
pub(super) fn text_of(html: &str) -> String {
    let parts = html.split('<').enumerate();
    let text: String =
        parts.map(|(number, part)| if number == 0 { part } else { part.split_once('>').map_or("", |(_, text)| text) }).collect();
    unescaped(&text).trim().to_owned()
}

pub(super) fn unescaped(text: &str) -> String {
    let named =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&#x2F;", "/"), ("&#x60;", "`"), ("&amp;", "&")];
    named.iter().fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

#[test]
fn a_form_is_read_as_a_browser_would_send_it() {
    let html = "<input type=\"text\" name=\"a\" value=\"1 &lt; 2 &amp;amp; 3\"> <input type=\"checkbox\" name=\"off\" value=\"true\">\
                <input type=\"checkbox\" name=\"on\" value=\"true\" checked> <textarea name=\"t\">\n\none\ntwo</textarea>\
                <select name=\"s\"><option value=\"\">Choose</option><option value=\"x\" selected>X</option></select>\
                <select name=\"first\"><option value=\"y\">Y</option></select><select name=\"m\" multiple><option value=\"z\"></option></select>";
    let expected = [("a", "1 < 2 &amp; 3"), ("on", "true"), ("t", "\r\none\r\ntwo"), ("s", "x"), ("first", "y")];
    assert_eq!(fields_of(html), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(text_of(" <b>1 &lt; 2</b> "), "1 < 2");
}
