//! Who users are, to the program and to templates.

use super::*;

suite!(databases: a_name_is_the_same_in_whatever_case, only_who_asks_touches_the_session, a_session_without_the_mark_is_nobodys, templates_see_the_user, pages_of_errors_see_the_user);

fn a_name_is_the_same_in_whatever_case(store: &Store) {
    let client = client(store);
    for name in ["ALICE", " alice ", "Alice@Example.COM"] {
        let browser = client.fork();
        login(&browser, name);
        assert_who(&browser, "alice");
    }
    let hash = auth(&client).passwords().hash(PASSWORD).unwrap();
    let insert = |user: NewUser| client.db(|db| Ok::<_, Error>(user.insert(db, client.clock().now())));
    let taken = insert(NewUser::new("ALICE", &hash)).unwrap_err();
    assert_eq!((taken.status().as_u16(), taken.message()), (409, "This name is taken."));
    let taken = insert(NewUser::new("alicia", &hash).email("ALICE@example.com")).unwrap_err();
    assert_eq!((taken.status().as_u16(), taken.message()), (409, "This e-mail address is taken."));
    // Any number have no address, and letters beyond ASCII have cases, too.
    insert(NewUser::without_password("jürgen")).unwrap();
    insert(NewUser::without_password("JÜRGEN")).unwrap_err();
    insert(NewUser::without_password("joan")).unwrap();
    assert_eq!(try_login(&client, "joan", "!").text(), WRONG);
    assert_eq!(try_login(&client, "joan", "").text(), WRONG);
}

fn only_who_asks_touches_the_session(store: &Store) {
    let client = client(store);
    let response = client.get("/untouched").send();
    assert_eq!((response.header("vary"), response.header("set-cookie")), (None, None));
    let response = client.get("/who").send();
    assert_eq!((response.header("vary"), response.header("set-cookie")), (Some("Cookie"), None));
}

fn a_session_without_the_mark_is_nobodys(store: &Store) {
    let client = client(store);
    login(&client, "alice");
    let id = client.session().unwrap().id;
    for mark in [lback::serde_json::Value::Null, "forged".into(), "a".repeat(44).into(), 7.into()] {
        client.sessions().save(id, |session| session.insert("_auth", &mark)).unwrap();
        assert_who(&client, "nobody");
    }
    client.sessions().save(id, |session| session.insert("user_id", "alice")).unwrap();
    assert_who(&client, "nobody");
}

fn templates_see_the_user(store: &Store) {
    let folder = tempfile::tempdir().unwrap();
    let text = "{% if user %}{{ user.username }} {{ user.password }}{% else %}nobody{% endif %}\
                {% if \"blog.add_post\" in perms %} writes{% endif %}";
    std::fs::write(folder.path().join("page.html"), text.replace(" {{ user.password }}", "")).unwrap();
    std::fs::write(folder.path().join("user.html"), "{{ user }}").unwrap();
    let view = |template: &'static str| move |req: &mut Request| req.render(template, context! {});
    let app =
        App::new(urls().get("/page", view("page.html")).get("/user", view("user.html"))).auth().permissions([("blog.add_post", "Write")]);
    let client = store.open(app, &format!("{SETTINGS}\nTEMPLATES_DIR = '{}'", folder.path().display()));
    let alice = add_user(&client, "alice");
    assert_eq!(client.get("/page").send().text(), "nobody");
    client.login(&alice);
    assert_eq!(client.get("/page").send().text(), "alice");
    client.db(|db| alice.grant(db, "blog.add_post"));
    assert_eq!(client.get("/page").send().text(), "alice writes");
    let shown = client.get("/user").send().text().to_owned();
    assert!(shown.contains("alice@example.com") && !shown.contains("argon2"), "{shown}");
}

/// They are rendered when the request's own work is over.
fn pages_of_errors_see_the_user(store: &Store) {
    let folder = tempfile::tempdir().unwrap();
    let text = "{{ status }} {% if user %}{{ user.username }}{% else %}nobody{% endif %}{% if \"blog.add_post\" in perms %} writes{% endif %}\
                {% for flash in flashes %} {{ flash.message }}{% endfor %}{% if csrf_input() %}{% endif %}";
    for page in ["403.html", "404.html", "500.html"] {
        std::fs::write(folder.path().join(page), text).unwrap();
    }
    let broken = |req: &mut Request| -> Result<()> {
        req.db()?;
        Err(Error::internal("broken"))
    };
    let app = App::new(urls().get("/broken", broken)).auth().permissions([("blog.add_post", "Write")]);
    let client = store.open(app, &format!("{SETTINGS}\nTEMPLATES_DIR = '{}'", folder.path().display()));
    let alice = client.add_user("alice");
    assert_eq!(client.get("/nowhere").send().text(), "404 nobody");
    client.login(&alice);
    assert_eq!(client.get("/nowhere").send().text(), "404 alice");
    assert_eq!(client.get("/write").send().assert_status(403).text(), "403 alice");
    assert_eq!(client.get("/broken").send().text(), "500 alice");
}
