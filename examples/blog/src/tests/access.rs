//! Access to every route of the application, from its list of routes.

use std::collections::BTreeSet;
use std::fmt::Display;

use lback::auth::{Requirement, RouteAuth};
use lback::routing::Route;

use super::*;

/// The public routes. All others must have a guard.
const PUBLIC: [&str; 14] = [
    "GET /",
    "GET /posts/{slug:slug}",
    "GET /account/login",
    "POST /account/login",
    "POST /account/logout",
    "GET /account/register",
    "POST /account/register",
    "GET /account/verify/{token}",
    "POST /account/verify/{token}",
    "GET /account/reset",
    "POST /account/reset",
    "GET /account/reset/{token}",
    "POST /account/reset/{token}",
    "GET /account/style.css",
];

/// Returns every route with each of its methods.
fn routes(client: &Client) -> impl Iterator<Item = (Method, &Route)> {
    // A route without methods accepts all.
    let methods = |route: &Route| if route.methods().is_empty() { vec![Method::GET, Method::POST] } else { route.methods().to_vec() };
    client.app().routes().iter().flat_map(move |route| methods(route).into_iter().map(move |method| (method, &**route)))
}

#[test]
fn every_route_is_either_listed_as_public_or_guarded() {
    let client = client();
    let open = routes(&client).filter(|(_, route)| route.requirements().is_empty());
    let open: BTreeSet<String> = open.map(|(method, route)| format!("{method} {}", route.pattern())).collect();
    let public = BTreeSet::from(PUBLIC.map(str::to_owned));
    let by_mistake: Vec<&String> = open.difference(&public).collect();
    assert!(by_mistake.is_empty(), "these routes are public by mistake: {by_mistake:?}");
    assert_eq!(open, public);

    for (_, route) in routes(&client) {
        for (area, permission) in [("/write", "blog.add_post"), ("/moderate", "blog.moderate")] {
            let asked = route.requirements().contains(&&Requirement::Permission(permission.to_owned()));
            assert_eq!(asked, route.pattern().starts_with(area), "{} and {permission}", route.pattern());
        }
    }
}

/// Returns the path of a route, with this id, and with a row of the admin. `None` if the route has other parameters.
fn path_of(route: &Route, id: &dyn Display) -> Option<String> {
    let of_admin: [(&str, &dyn Display); 6] =
        [("model", &"posts"), ("key", &"1"), ("field", &"author"), ("page", &"outbox"), ("action", &"send"), ("batch", &"none")];
    let values: Vec<_> = of_admin.into_iter().chain([("id", id)]).collect();
    route.path(&values).ok()
}

#[test]
fn guarded_routes_reject_visitors_and_users_without_permission() {
    let client = client();
    let author = browser_of(&client, "author", &["Authors"]);
    let post_id = write(&author, "There is something here");
    post(&author, &format!("/write/{post_id}/submit"), &[]).assert_status(303);
    let member = browser_of(&client, "member", &[]);
    let device = member.session().unwrap().id;
    let (mut guarded, mut forbidden) = (0, 0);
    for (method, route) in routes(&client) {
        let requirements = route.requirements();
        if requirements.is_empty() {
            continue;
        }
        guarded += 1;
        // Ids that exist, so that no request is rejected only because of a missing object. A user has the id of the post,
        // too.
        let id: &dyn Display = if route.pattern().contains("{id:uuid}") { &device } else { &post_id };
        let path = path_of(route, id).unwrap();
        let asked = format!("{method} {path}");
        let answer_to = |browser: &Client| browser.request(method.clone(), &path).send();

        // A posted form is lost, so there is no page to return to.
        let login = if method == Method::GET { format!("/account/login?next={path}") } else { "/account/login".to_owned() };
        answer_to(&client.fork()).assert_redirect(&login);

        let answer = answer_to(&member);
        if requirements.iter().any(|requirement| !matches!(requirement, Requirement::Login | Requirement::OwnLogin)) {
            assert_eq!(answer.status(), 403, "{asked}: {answer:?}");
            forbidden += 1;
        } else if path != "/admin/-/stop-acting" {
            // Only superusers who act as another user may use this one.
            assert_ne!(answer.status(), 403, "{asked}: {answer:?}");
            assert!(!answer.location().unwrap_or_default().starts_with("/account/login"), "{asked}: {answer:?}");
        }
    }
    // None of the requests had an effect.
    assert_eq!(state(&client, post_id), "submitted");
    assert!(guarded > forbidden && forbidden >= 16, "{guarded} {forbidden}");
}

/// Checks the permission of each guard.
#[test]
fn authors_may_write_and_moderators_may_moderate() {
    let client = client();
    let author = browser_of(&client, "author", &["Authors"]);
    let moderator = browser_of(&client, "moderator", &["Moderators"]);
    let mut king = add_user(&client, "king", &[]);
    client.db(|db| king.set_roles(db, false, true));
    let king = client.fork();
    log_in(&king, "king");
    let post_id = write(&author, "There is something here");
    for (method, route) in routes(&client).filter(|(method, _)| *method == Method::GET) {
        // Routes with other parameters are public, or for the owner of an account.
        let Some(path) = path_of(route, &post_id) else { continue };
        let areas = [(&author, ["/moderate", "/admin"].as_slice()), (&moderator, &["/admin"]), (&king, &[])];
        for (browser, barred_from) in areas {
            let answer = browser.request(method.clone(), &path).send();
            let is_barred = barred_from.iter().any(|area| route.pattern().starts_with(area));
            assert_eq!(answer.status() == 403, is_barred, "{path}: {answer:?}");
        }
    }
}
