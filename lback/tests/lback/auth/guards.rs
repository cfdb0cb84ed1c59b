//! Who is let in.

use super::*;
use lback::auth::{Requirement, RouteAuth};

use crate::start_error;

suite!(databases: every_guarded_route_lets_in_whom_it_should, visitors_come_back_where_they_wanted_to_go, who_is_no_browser_gets_a_401, two_requirements_hold_together);

/// A user who may everything that `requirements` ask for.
fn fit_for(name: &str, requirements: &[&Requirement]) -> NewUser {
    requirements.iter().fold(NewUser::from(name), |user, requirement| match requirement {
        Requirement::Login | Requirement::OwnLogin => user,
        Requirement::Staff => user.staff(true),
        Requirement::Permission(name) => user.permission(name),
        other => panic!("no user is made fit for {other}"),
    })
}

/// Found by walking the routes, so that none is forgotten.
fn every_guarded_route_lets_in_whom_it_should(store: &Store) {
    let client = client(store);
    let (alice, root) = (client.fork(), client.fork());
    alice.login(&user(&client, "alice"));
    root.login(&client.add_user(NewUser::from("root").superuser(true)));
    let mut guarded = 0;
    for route in client.app().routes() {
        let requirements = route.requirements();
        if requirements.is_empty() {
            continue;
        }
        guarded += 1;
        let fit = client.fork();
        fit.login(&client.add_user(fit_for(&format!("fit{guarded}"), &requirements)));
        for method in route.methods() {
            let ask = |client: &Client| client.request(method.clone(), route.pattern()).send();
            let stranger = ask(&client.fork());
            assert_eq!(stranger.status(), 303, "{} lets a stranger in", route.pattern());
            assert!(stranger.header("location").is_some_and(|location| location.starts_with("/login")));
            let enough = requirements.iter().all(|requirement| matches!(requirement, Requirement::Login | Requirement::OwnLogin));
            assert_eq!(ask(&alice).status(), if enough { 200 } else { 403 }, "{}", route.pattern());
            assert_eq!(ask(&fit).status(), 200, "{}", route.pattern());
            assert_eq!(ask(&root).status(), 200, "{}", route.pattern());
        }
    }
    assert_eq!(guarded, 8);
    for path in ["/in-view", "/in-view/staff", "/in-view/write"] {
        client.get(path).send().assert_redirect(&format!("/login?next={path}"));
        root.get(path).send().assert_status(200);
        alice.get(path).send().assert_status(if path == "/in-view" { 200 } else { 403 });
    }
}

fn visitors_come_back_where_they_wanted_to_go(store: &Store) {
    let client = client(store);
    client.get("/members?page=2&x=%26").send().assert_redirect("/login?next=/members%3Fpage%3D2%26x%3D%2526");
    client.request(Method::HEAD, "/members").send().assert_redirect("/login?next=/members");
    // What was posted is lost, so there is nothing to come back to.
    client.post("/members").send().assert_redirect("/login");
    let elsewhere = client_with(store, "LOGIN_URL = '/sesame?lang=en'");
    elsewhere.get("/members").send().assert_redirect("/sesame?lang=en&next=/members");
}

fn who_is_no_browser_gets_a_401(store: &Store) {
    let client = client(store);
    for (name, value) in [("accept", "application/json"), ("x-requested-with", "XMLHttpRequest"), ("sec-fetch-dest", "empty")] {
        let response = client.get("/members").header(name, value).send();
        response.assert_status(401);
        assert_eq!(response.header("www-authenticate"), Some("Session"), "{name}");
        assert_eq!(response.header("location"), None);
    }
    client.get("/members").header("sec-fetch-dest", "document").send().assert_status(303);
    client.login(&user(&client, "alice"));
    client.get("/office").header("accept", "application/json").send().assert_status(403);
}

fn two_requirements_hold_together(store: &Store) {
    let client = client(store);
    let mut alice = user(&client, "alice");
    client.login(&alice);
    client.db(|db| alice.grant(db, "blog.add_post"));
    client.get("/both").send().assert_status(403);
    client.db(|db| alice.grant(db, "blog.change_post"));
    client.get("/both").send().assert_status(200);
    // The include asks for staff, the route inside for more.
    client.db(|db| alice.grant(db, "office.open_safe"));
    client.get("/office/safe").send().assert_status(403);
    client.db(|db| alice.set_roles(db, true, false));
    client.get("/office/safe").send().assert_status(200);
    client.db(|db| alice.revoke(db, "office.open_safe"));
    client.get("/office/safe").send().assert_status(403);
}

/// A guard that nobody minds must not be an open door.
#[test]
fn a_guard_without_users_stops_the_start() {
    let settings = "SESSION_TIMEOUT_MINUTES = 30";
    let guarded = || Router::new().get("/", |_: &mut Request| "").login_required();
    let error = start_error(App::new(guarded()), settings);
    assert!(error.contains("Guard needs AuthMiddleware, which is missing. Write App::new(urls).auth()"), "{error}");
    // Said once, however many they are, with the place of the first.
    let many = Router::new().get("/", |_: &mut Request| "").login_required().get("/b", |_: &mut Request| "").staff_required();
    let error = start_error(App::new(many), settings);
    assert_eq!((error.matches("App::new(urls).auth()").count(), error.matches("guards.rs:").count()), (1, 1), "{error}");
    let error = start_error(App::new(guarded()).auth().without_sessions(), settings);
    assert!(error.contains("auth requires sessions, which this application does not have. Remove App::without_sessions()"), "{error}");
    let error = start_error(App::new(guarded()).permissions([("a.b", "B")]), settings);
    assert!(
        error.contains("App::permissions() is for applications with users") && error.contains("Write App::new(urls).auth()"),
        "{error}"
    );
    let error = start_error(App::new(guarded()).auth().permissions([("a.b", "B"), ("a.b", "C")]), settings);
    assert!(error.contains("\"a.b\" is declared twice: at") && error.matches("guards.rs:").count() == 2, "{error}");
    let error = start_error(App::new(guarded()).auth().permissions([("a b", "B")]), settings);
    assert!(error.contains("is not a valid name for a permission"), "{error}");
    let error = start_error(App::new(guarded()).auth(), &format!("{settings}\nAUTH_ARGON2_MEMORY_KIB = 1"));
    assert!(error.contains("AUTH_ARGON2_MEMORY_KIB = 1"), "{error}");
}

#[cfg(feature = "accounts")]
#[test]
fn accounts_without_users_or_mail_stop_the_start() {
    let error = start_error(App::new(Router::new()).accounts().mail(), "SESSION_TIMEOUT_MINUTES = 30");
    assert!(error.contains("accounts requires auth") && error.contains("Write App::new(urls).auth()"), "{error}");
    let error = start_error(App::new(Router::new()).auth().accounts(), "SESSION_TIMEOUT_MINUTES = 30");
    assert!(error.contains("accounts requires mail") && error.contains("Write App::new(urls).mail()"), "{error}");
}

/// It cannot be seen before.
#[test]
fn a_view_that_asks_without_users_says_what_is_missing() {
    let client = Client::with_settings(App::new(Router::new().get("/", who)), "DEBUG = true\nSESSION_TIMEOUT_MINUTES = 30");
    client.get("/").send().assert_status(500).assert_contains("this request has no users: write App::new(urls).auth()");
}

#[test]
fn visitors_are_led_to_a_page_and_not_to_what_programs_post_to() {
    let api = Router::new().post("/login", |_: &mut Request| "").name("login");
    let pages = Router::new().get("/login", |_: &mut Request| "").name("login").post("/login", |_: &mut Request| "");
    let urls = Router::new().include("/api", api).name("api").include("/account", pages).name("account");
    let urls = urls.get("/members", |_: &mut Request| "").login_required();
    let client = Client::with_settings(App::new(urls).auth(), "SESSION_TIMEOUT_MINUTES = 30");
    client.get("/members").send().assert_redirect("/account/login?next=/members");
}

#[test]
fn a_refusal_names_what_the_user_lacks_while_debug_is_on() {
    let view = |_: &mut Request| "let in";
    let urls = || Router::new().get("/posts", view).permission_required("blog.add_post").get("/office", view).staff_required();
    for (debug, is_named) in [(true, true), (false, false)] {
        let client = Client::with_settings(App::new(urls()).auth(), &format!("DEBUG = {debug}\nSESSION_TIMEOUT_MINUTES = 30"));
        client.login(&client.add_user("alice"));
        for (path, lacking) in [("/posts", "the user lacks the permission blog.add_post"), ("/office", "the user is not staff")] {
            for accept in ["text/html", "application/json"] {
                let refused = client.get(path).header("accept", accept).send().assert_status(403).text().to_owned();
                assert!(refused.contains("You are not allowed to do this."), "{refused}");
                assert_eq!(refused.contains(lacking), is_named, "{refused}");
            }
        }
    }
}
