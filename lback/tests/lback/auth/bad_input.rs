//! What no honest browser sends.

use super::*;

suite!(databases: names_and_passwords_may_be_anything, a_user_cannot_be_made_of_anything);

fn names_and_passwords_may_be_anything(store: &Store) {
    let client = client(store);
    let enormous = "a".repeat(100_000);
    let texts = [
        "",
        " ",
        "<b>alice</b>",
        "' OR 1=1 --",
        "alice'; DROP TABLE auth_users; --",
        "alice\0",
        "\0",
        "%00",
        "🦀",
        &enormous,
        "{{ user }}",
        "1",
        "null",
    ];
    for text in texts {
        for (name, password) in [(text, PASSWORD), ("alice", text), (text, text)] {
            let answer = try_login(&client.fork(), name, password);
            answer.assert_status(200);
            assert_ne!(answer.text(), "welcome", "{name:?} {password:?}");
        }
        client.clock().advance(DAY);
    }
    // Fields missing, twice, or no text at all.
    let post = |body: &'static [u8]| {
        client.fork().post("/login").header("content-type", "application/x-www-form-urlencoded").body(body).send().status().as_u16()
    };
    assert_eq!(post(b"username=alice"), 400);
    assert_eq!(post(b""), 400);
    assert_eq!(post(b"username=%ff&password=x"), 400);
    assert_eq!(post(b"username=alice&username=bob&password=x"), 400);
    assert_eq!(client.post("/login").header("content-type", "text/plain").body("alice").send().status(), 415);
    assert_eq!(user(&client, "alice").id, 1);
    login(&client, "alice");
}

fn a_user_cannot_be_made_of_anything(store: &Store) {
    let client = client(store);
    let refuse = |user: NewUser| {
        let error = client.db(|db| Ok::<_, Error>(user.insert(db, client.clock().now()))).unwrap_err();
        assert_eq!(error.status(), 400, "{error}");
    };
    for name in ["", " ", "a b", "alice@example.com", "<b>", "a\0", &"a".repeat(151)] {
        refuse(NewUser::without_password(name));
    }
    for email in ["", "x", "a@b\r\nBcc: c@d", "a@\0", "<script>@x", ".a@b", "jürgen@müller.example"] {
        refuse(NewUser::without_password("bob").email(email));
    }
    assert!(client.db(|db| User::named(db, "alice\0")).is_none());
    assert!(client.db(|db| User::with_email(db, "alice@example.com\0")).is_none());
}
