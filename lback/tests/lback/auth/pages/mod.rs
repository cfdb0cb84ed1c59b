//! The pages, as a visitor's browser drives them.

mod account;
mod acting;
mod bad_input;
mod identity;
mod registering;
mod resetting;
mod tokens;

use super::*;
use crate::number;

const NEW_PASSWORD: &str = "through the looking glass";

fn pages() -> App {
    let urls = Router::new()
        .get("/", |_: &mut Request| "front page")
        .name("index")
        .get("/who", who)
        .post("/cart/{item}", put_into_cart)
        .get("/members", |_: &mut Request| "members")
        .login_required();
    App::new(urls.post("/act-as/{name}", act_as)).auth().accounts().mail()
}

fn open(store: &Store) -> Client {
    let client = store.open(pages(), &format!("{SETTINGS}\nAUTH_SITE_URL = 'https://example.com'"));
    add_user(&client, "alice");
    client
}

fn post(client: &Client, path: &str, form: &[(&str, &str)]) -> TestResponse {
    client.post(path).form(form).send()
}

fn log_in(client: &Client, name: &str, password: &str) -> TestResponse {
    post(client, "/account/login", &[("username", name), ("password", password)])
}

#[track_caller]
fn enter(client: &Client, name: &str) {
    log_in(client, name, PASSWORD).assert_redirect("/");
}

/// The path of the link in the newest mail, which went to `to`.
#[track_caller]
fn link_in_mail(client: &Client, to: &str) -> String {
    let mail = client.mail().pop().expect("a mail");
    assert_eq!(mail.to, [to]);
    let at = mail.text.find("https://example.com/").expect("a link");
    let url = mail.text[at..].split_whitespace().next().unwrap_or_default();
    url.trim_start_matches("https://example.com").to_owned()
}
