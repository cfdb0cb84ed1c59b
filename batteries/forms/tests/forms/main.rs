//! Tests of forms through the public API: applications that get requests from the test client.

mod accessible;
mod bad_input;
mod by_hand;
mod derived;
mod end_to_end;
mod files;
mod json;
mod kinds;
mod moments;
mod queried;
mod rendering;
mod rules;
mod words;

use lback_core::middleware::{BodyReader, Errors};
use lback_core::testing::{Client, TestResponse};
use lback_core::{Assembly, Request, Response, Result, Router, Settings, context};
use lback_forms::{Field, Form, FormFields};

const SETTINGS: &str = "SECRET_KEY = 'the secret key of the tests, long enough'";

fn assembly(router: Router, settings: &str) -> Assembly {
    let mut assembly = Assembly::new(router, Settings::from_toml(".", &format!("{SETTINGS}\n{settings}")).unwrap());
    assembly.stack_mut().push(Errors).push(BodyReader);
    assembly
}

/// Returns a client of an application whose page `/` is `view`.
fn client_of<R: lback_core::IntoResponse + 'static>(view: impl Fn(&mut Request) -> Result<R> + Clone + Send + Sync + 'static) -> Client {
    Client::new(assembly(Router::new().get("/", view.clone()).post("/", view), "").build().unwrap())
}

/// Returns a client of an application whose page `/` is `view`, which renders the template `page.html`.
fn client_of_page(template: &str, view: impl Fn(&mut Request) -> Result<Response> + Clone + Send + Sync + 'static) -> Client {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("page.html"), template).unwrap();
    let router = Router::new().get("/", view.clone()).post("/", view);
    // Unless DEBUG is on, templates are read once, so that the folder may be removed.
    let settings = format!("ALLOWED_HOSTS = ['*']\nTEMPLATES_DIR = '{}'", folder.path().display());
    Client::new(assembly(router, &settings).build().unwrap())
}

/// Returns a client of an application whose page `/` shows a form, with the submitted values, in the template `page.html`.
fn client_of_template<T: FormFields + 'static>(template: &str, form: impl Fn() -> Form<T> + Clone + Send + Sync + 'static) -> Client {
    client_of_page(template, move |req| {
        let mut form = form();
        match form.submitted(req)? {
            Some(_) => Ok(Response::redirect("/done")),
            // The test sees errors of the template.
            None => req
                .render("page.html", context! { form })
                .or_else(|error| Ok(Response::text(error.to_string()).with_status(error.status()))),
        }
    })
}

/// Sends `pairs` to a form of `fields`. Returns `name=value` for every field if all are valid, or else `name: error` for
/// every error.
fn send(fields: impl Fn() -> Vec<Field> + Clone + Send + Sync + 'static, pairs: &[(&str, &str)]) -> String {
    let client = client_of(move |req| outcome(req, &fields()));
    text(&client.post("/").form(pairs).send())
}

/// Sends values to a form of one field, and returns the same as [`send`].
fn send_one(field: Field, values: &[&str]) -> String {
    let name = field.name().to_owned();
    let pairs: Vec<(&str, &str)> = values.iter().map(|value| (name.as_str(), *value)).collect();
    send(move || vec![field.clone()], &pairs)
}

fn outcome(req: &mut Request, fields: &[Field]) -> Result<String> {
    let mut form = Form::of(fields.iter().cloned());
    let lines: Vec<String> = match form.submitted(req)? {
        Some(values) => {
            fields.iter().map(|field| format!("{}={}", field.name(), values.texts(field.name()).collect::<Vec<_>>().join("|"))).collect()
        }
        None => {
            let of_fields =
                fields.iter().flat_map(|field| form.errors().of(field.name()).map(move |error| format!("{}: {error}", field.name())));
            of_fields.chain(form.errors().of_form().map(str::to_owned)).collect()
        }
    };
    Ok(lines.join("\n"))
}

fn text(response: &TestResponse) -> String {
    format!("{}{}", if response.status() == 200 { String::new() } else { format!("{} ", response.status().as_u16()) }, response.text())
}
