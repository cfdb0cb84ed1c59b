//! Views of lists that users save.

use super::lists::{assert_list, six};
use super::*;
use crate::number;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_view_leads_to_the_same_list,
    a_view_keeps_what_a_list_knows_and_nothing_else,
    views_belong_to_their_user,
    superusers_share_views,
    a_view_is_replaced_by_one_of_the_same_name,
    views_have_limits,
    invalid_views_are_not_saved,
    views_go_with_their_user,
);

fn save(browser: &Client, query: &str, form: &[(&str, &str)]) -> TestResponse {
    browser.post(&format!("/admin/tickets/views?{query}")).form(form).send()
}

/// The addresses of the views above the list.
fn views(browser: &Client, path: &str) -> Vec<(String, String)> {
    let page = browser.get(path).send();
    let text = page.assert_status(200).text();
    let Some(start) = text.find("<nav class=\"views\" aria-label=\"Saved views\">") else { return Vec::new() };
    let links = text[start..start + text[start..].find("</nav>").unwrap()].split("<a href=\"").skip(1);
    let view = |link: &str| {
        let name = browser::text_of(&format!("<a href=\"{}", &link[..link.find("</a>").unwrap()]));
        (name, browser::unescaped(link.split('"').next().unwrap()))
    };
    links.map(view).collect()
}

fn names(browser: &Client) -> Vec<String> {
    views(browser, "/admin/tickets").into_iter().map(|(name, _)| name).collect()
}

fn a_view_leads_to_the_same_list(on: &str) {
    let (_client, root, _) = six(on);
    let query = "state=open&is_urgent=true&q=e&sort=-title&columns=title,code&size=20";
    root.get("/admin/tickets").send().assert_contains("Save this view");
    let saved = save(&root, query, &[("name", "  Open   ones ")]);
    saved.assert_redirect("/admin/tickets?state=open&is_urgent=true&q=e&sort=-title&columns=title%2Ccode&size=20");
    root.get("/admin/tickets").send().assert_contains("The view &quot;Open ones&quot; has been saved.");
    let views = views(&root, "/admin/tickets");
    assert_eq!(views[0].0, "Open ones");
    let page = root.get(&views[0].1).send();
    assert_eq!(first_column(&page), ["elk", "bee"]);
    page.assert_contains("aria-current=\"true\">Open ones").assert_contains("<p class=\"count\">2 found</p>");
    assert_eq!(super::lists::headings(&page), ["Title", "Code"]);
    root.get("/admin/agents").send().assert_not_contains("Open ones");
}

fn a_view_keeps_what_a_list_knows_and_nothing_else(on: &str) {
    let (client, root, _) = six(on);
    let query = "state=open&after=x&before=y&secret=z&nonsense=1&points.from=1&points.nonsense=1&opened_on.none=true&agent_id.key=1&labels=&format=csv&labels.from=1&from=a";
    save(&root, query, &[("name", "one")]).assert_status(303);
    assert_eq!(views(&root, "/admin/tickets")[0].1, "/admin/tickets?state=open&points.from=1&opened_on.none=true&agent_id.key=1");
    assert_eq!(number(&client, "SELECT COUNT(*) FROM admin_views WHERE query LIKE '%secret%'"), 0);
    let name = "<b onclick=\"x\">&amp; {{ 7*7 }}";
    save(&root, "", &[("name", name)]).assert_redirect("/admin/tickets");
    root.get("/admin/tickets").send().assert_not_contains("<b onclick").assert_not_contains(">49<").assert_contains("&lt;b onclick");
    assert_eq!(names(&root)[0], name);
}

fn views_belong_to_their_user(on: &str) {
    let (client, root, _) = six(on);
    let [alice, bob] = ["alice", "bob"].map(|name| staff(&client, name, &["tickets.view"]));
    save(&alice, "state=open", &[("name", "of alice")]).assert_status(303);
    assert_eq!(names(&alice), ["of alice"]);
    assert_eq!((names(&bob), names(&root)), (Vec::new(), Vec::new()));
    for other in [&bob, &root] {
        other.post("/admin/tickets/views/1/delete").send().assert_status(404);
    }
    alice.post("/admin/agents/views/1/delete").send().assert_status(403);
    root.post("/admin/agents/views/1/delete").send().assert_status(404);
    assert_eq!(names(&alice), ["of alice"]);
    alice.get("/admin/tickets?q=a").send().assert_contains("action=\"/admin/tickets/views/1/delete?q=a\"");
    alice.post("/admin/tickets/views/1/delete?q=a").send().assert_redirect("/admin/tickets?q=a");
    assert_eq!(names(&alice), [""; 0]);
    alice.post("/admin/tickets/views/1/delete").send().assert_status(404);
}

fn superusers_share_views(on: &str) {
    let (client, root, _) = six(on);
    let alice = staff(&client, "alice", &["tickets.view"]);
    save(&root, "state=open", &[("name", "for all"), ("share", "true")]).assert_status(303);
    assert_eq!(names(&alice), ["for all (shared)"]);
    assert_list(&alice, &[("state", "open")], &["ant", "bee", "elk"]);
    alice.get("/admin/tickets").send().assert_not_contains("name=\"share\"").assert_not_contains("views/1/delete");
    alice.post("/admin/tickets/views/1/delete").send().assert_status(404);
    save(&alice, "state=open", &[("name", "mine"), ("share", "true")]).assert_status(403);
    save(&alice, "q=a", &[("name", "for all")]).assert_status(303);
    assert_eq!(names(&alice), ["for all (shared)", "for all"], "a view of the same name is another one");
    // Another superuser deletes it.
    let other = login(&client, NewUser::from("other").staff(true).superuser(true));
    other.post("/admin/tickets/views/1/delete").send().assert_status(303);
    assert_eq!((names(&root), names(&alice)), (vec![], vec!["for all".to_owned()]));
    staff(&client, "nobody", &["agents.view"]).get("/admin/agents").send().assert_not_contains("for all");
}

fn a_view_is_replaced_by_one_of_the_same_name(on: &str) {
    let (_client, root, _) = six(on);
    for state in ["open", "closed"] {
        save(&root, &format!("state={state}"), &[("name", "one"), ("share", "true")]).assert_status(303);
    }
    assert_eq!(views(&root, "/admin/tickets"), [("one (shared)".to_owned(), "/admin/tickets?state=closed".to_owned())]);
    save(&root, "state=closed", &[("name", "one")]).assert_status(303);
    assert_eq!(names(&root), ["one"]);
}

fn views_have_limits(on: &str) {
    let (client, root, _) = six(on);
    for name in ["", "  ", "\u{7}", &"x".repeat(61)] {
        save(&root, "q=a", &[("name", name)]).assert_redirect("/admin/tickets?q=a");
        root.get("/admin/tickets").send().assert_contains("Enter a name of at most 60 characters");
    }
    save(&root, "q=a", &[]).assert_redirect("/admin/tickets?q=a");
    save(&root, &format!("q={}", "x".repeat(2001)), &[("name", "long")]).assert_status(400);
    save(&root, "", &[("name", &"é".repeat(60))]).assert_status(303);
    assert_eq!(number(&client, "SELECT COUNT(*) FROM admin_views"), 1);
    for at in 1..51 {
        save(&root, "q=a", &[("name", &format!("view {at}"))]).assert_status(303);
    }
    assert_eq!(number(&client, "SELECT COUNT(*) FROM admin_views"), 50);
    root.get("/admin/tickets").send().assert_contains("You have 50 views of this list.");
    // One that exists can still be changed.
    save(&root, "q=b", &[("name", "view 7")]).assert_status(303);
    assert_eq!(number(&client, "SELECT COUNT(*) FROM admin_views WHERE query = 'q=b'"), 1);
}

fn invalid_views_are_not_saved(on: &str) {
    let (client, root, _) = six(on);
    for query in ["state=nonsense", "columns=secret", "sort=secret", "size=7", "date=x", "points.from=x", "%ff=1&q=%ff", "counts=7"] {
        let answer = save(&root, query, &[("name", "one")]);
        assert!([400, 303].contains(&answer.status().as_u16()), "{query}: {answer:?}");
    }
    assert_eq!(number(&client, "SELECT COUNT(*) FROM admin_views WHERE query <> ''"), 0);
    for id in ["0", "-1", "x", "99999999999999999999", "1'"] {
        let answer = root.post(&format!("/admin/tickets/views/{id}/delete")).send();
        assert!([400, 404, 405].contains(&answer.status().as_u16()), "{id}: {answer:?}");
    }
}

fn views_go_with_their_user(on: &str) {
    let (client, root, _) = six(on);
    let alice = staff(&client, "alice", &["tickets.view"]);
    save(&alice, "q=a", &[("name", "one")]).assert_status(303);
    root.post("/admin/auth_users/row/2/delete").send().assert_status(303);
    assert_eq!(number(&client, "SELECT COUNT(*) FROM admin_views"), 0);
}
