//! A form over several requests: displayed, filled in incorrectly, corrected, and submitted.

use std::sync::{Arc, Mutex};

use lback_core::testing::Client;
use lback_core::{Request, Response, Result, Router, context};
use lback_forms::{Form, FormErrors};

use super::assembly;

#[derive(Form)]
#[form(clean = Self::passwords_match)]
struct Register {
    #[form(max_length = 20, autocomplete = "username")]
    username: String,
    #[form(email, label = "E-mail")]
    email: String,
    #[form(password, min_length = 8, autocomplete = "new-password")]
    password: String,
    #[form(password, autocomplete = "new-password")]
    password_again: String,
}

impl Register {
    fn passwords_match(&self, errors: &mut FormErrors) {
        if self.password != self.password_again {
            errors.add("password_again", "The passwords do not match.");
        }
    }
}

type Users = Arc<Mutex<Vec<(String, String)>>>;

fn register(req: &mut Request) -> Result<Response> {
    let mut form = Form::<Register>::new();
    if let Some(new) = form.submitted(req)? {
        let users: &Users = req.state()?;
        let mut users = users.lock().unwrap();
        if users.iter().any(|(username, _)| *username == new.username) {
            form.add_error("username", "This name is taken.");
        } else {
            users.push((new.username, new.email));
            return req.redirect_to("welcome", &[]);
        }
    }
    req.render("register.html", context! { form })
}

#[test]
fn a_visitor_can_register() {
    let folder = tempfile::tempdir().unwrap();
    let template = "{% block content %}<form method=\"post\">{{ form.html }}<button>Register</button></form>{% endblock %}";
    std::fs::write(folder.path().join("register.html"), template).unwrap();
    let users: Users = Arc::new(Mutex::new(vec![("bob".to_owned(), "bob@b.c".to_owned())]));
    let router = Router::new().get("/", register).post("/", register).get("/welcome", |_: &mut Request| "welcome").name("welcome");
    let mut assembly = assembly(router, &format!("DEBUG = true\nTEMPLATES_DIR = '{}'", folder.path().display()));
    assembly.state(users.clone());
    let client = Client::over_socket(assembly.build().unwrap()).unwrap();

    let page = client.get("/").send();
    page.assert_status(200).assert_contains("<label for=\"field-email\">E-mail</label>").assert_contains("autocomplete=\"new-password\"");
    assert!(!page.text().contains("error"));

    let page = client.post("/").form(&[("username", "ann"), ("email", "ann@"), ("password", "short"), ("password_again", "")]).send();
    page.assert_status(200)
        .assert_contains("value=\"ann\"")
        .assert_contains("value=\"ann@\"")
        .assert_contains("E-mail: Enter an e-mail address");
    page.assert_contains("Enter at least 8 characters.");
    assert!(!page.text().contains("short"));

    let page = client
        .post("/")
        .form(&[("username", "ann"), ("email", "ann@b.c"), ("password", "long enough"), ("password_again", "long enuff")])
        .send();
    page.assert_contains("Password again: The passwords do not match.").assert_contains("value=\"ann@b.c\"");

    let same = |username| [("username", username), ("email", "ann@b.c"), ("password", "long enough"), ("password_again", "long enough")];
    client.post("/").form(&same("bob")).send().assert_contains("Username: This name is taken.").assert_contains("value=\"bob\"");
    assert_eq!(users.lock().unwrap().len(), 1);

    client.post("/").form(&same("ann")).send().assert_redirect("/welcome");
    assert_eq!(users.lock().unwrap()[1], ("ann".to_owned(), "ann@b.c".to_owned()));
}

#[test]
fn forms_work_in_async_views_and_with_other_methods() {
    async fn view(req: &mut Request) -> Result<String> {
        let mut form = Form::<Register>::new();
        Ok(form.submitted(req)?.map_or("shown".to_owned(), |new| new.username))
    }
    let client = Client::new(assembly(Router::new().put("/", view).get("/", view), "").build().unwrap());
    let sent = [("username", "ann"), ("email", "ann@b.c"), ("password", "long enough"), ("password_again", "long enough")];
    assert_eq!(client.put("/").form(&sent).send().text(), "ann");
    assert_eq!(client.get("/").send().text(), "shown");
}
