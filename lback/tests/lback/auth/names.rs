//! A name is one person's, however it is typed and whatever it looks like.

use super::*;
use lback::http::StatusCode;

suite!(databases: a_user_logs_in_however_the_name_is_typed, a_name_that_looks_like_another_is_refused, of_two_alike_who_come_at_once_one_is_made,
    a_name_is_free_again_when_its_user_is_gone, users_of_an_older_database_stay, users_that_sql_has_made_get_their_keys,
    an_address_is_one_however_it_is_typed);

fn insert(client: &Client, user: impl Into<NewUser>) -> Result<User> {
    let now = client.clock().now();
    client.db(|db| Ok::<_, Error>(user.into().insert(db, now)))
}

#[track_caller]
fn assert_refused(client: &Client, name: &str, status: StatusCode, why: &str) {
    let users = client.db(User::all).len();
    let error = insert(client, name).expect_err(name);
    assert!(error.status() == status && error.message().contains(why), "{name}: {error}");
    assert_eq!(client.db(User::all).len(), users, "{name}");
}

fn a_user_logs_in_however_the_name_is_typed(store: &Store) {
    let client = store.open(app(), SETTINGS);
    for (name, spellings) in [
        ("Jürgen", ["JÜRGEN", "ju\u{308}rgen", "ｊürgen", " jürgen\u{3000}"]),
        ("हिन्दी", ["हिन्दी", " हिन्दी", "हिन्दी ", "\u{a0}हिन्दी"]),
        ("가나", ["\u{1100}\u{1161}나", "ﾡￂ나", "가나", "가나\t"]),
        ("ที่รัก", ["ที่รัก", "ที่รัก ", " ที่รัก", "ที่รัก"]),
    ] {
        client.add_user(NewUser::new(name, &client.hash(PASSWORD)));
        for spelling in spellings {
            let browser = client.fork();
            login(&browser, spelling);
            assert_who(&browser, name);
            assert_refused(&client, spelling, StatusCode::CONFLICT, "This name is taken");
        }
        // All of them are counted together.
        for attempt in 0..6 {
            assert_eq!(try_login(&client.fork(), spellings[attempt % 4], "wrong").text(), WRONG);
        }
        for spelling in spellings {
            assert!(try_login(&client.fork(), spelling, PASSWORD).text().contains("too many attempts"), "{spelling}");
        }
        client.clock().advance(2 * DAY);
    }
    // So are those of a name that nobody has.
    for name in ["Ångström", "A\u{30a}ngstro\u{308}m", "ÅNGSTRÖM", "ångström", "\u{212b}ngström", "ａ\u{30a}ngström"] {
        assert_eq!(try_login(&client.fork(), name, "wrong").text(), WRONG);
    }
    assert!(try_login(&client.fork(), "ångström", "wrong").text().contains("too many attempts"));
}

fn a_name_that_looks_like_another_is_refused(store: &Store) {
    let client = store.open(app(), SETTINGS);
    for name in ["admin", "paypal", "modern", "Bill", "ace", "माता"] {
        client.add_user(name);
    }
    for name in ["paypaI", "paypa1", "modem", "BiIl", "асе", "АСЕ"] {
        assert_refused(&client, name, StatusCode::CONFLICT, "looks too much like");
    }
    for name in ["аdmin", "аdmіn", "pаypal", "माতা"] {
        assert_refused(&client, name, StatusCode::BAD_REQUEST, "cannot mix letters");
    }
    for name in ["admin\u{200b}", "\u{202e}admin", "adm\u{ad}in", "admin\u{fe0f}", "admin\u{3164}", "ad\u{200d}min"] {
        assert_refused(&client, name, StatusCode::BAD_REQUEST, "only letters");
    }
    for name in ["admin2", "paypals", "bell", "mode", "мир"] {
        insert(&client, name).unwrap();
    }
    // It looks like its own user's name only, and nobody logs in by a likeness.
    assert!(client.db(|db| User::named(db, "modem")).is_none());
    // In a transaction that goes on.
    let now = client.clock().now();
    client.db(|db| {
        db.transaction(|db| {
            assert!(NewUser::from("modem").insert(db, now).is_err());
            NewUser::from("Grace").insert(db, now)
        })
    });
    assert!(client.db(|db| User::named(db, "grace")).is_some());
}

fn of_two_alike_who_come_at_once_one_is_made(store: &Store) {
    let client = store.open(app(), SETTINGS);
    for (one, other) in [("corn", "com"), ("Straße", "STRASSE"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("al1", "all")] {
        let made: Vec<bool> = std::thread::scope(|scope| {
            let make = |name| {
                let client = client.fork();
                scope.spawn(move || {
                    let now = client.clock().now();
                    let mut unit = lback::db::DbSession::for_writing(client.database().clone());
                    let made = NewUser::from(name).insert(unit.connection().unwrap(), now);
                    unit.commit().unwrap();
                    made.inspect_err(|error| assert_eq!(error.status(), StatusCode::CONFLICT)).is_ok()
                })
            };
            [make(one), make(other)].map(|thread| thread.join().unwrap()).to_vec()
        });
        let expected = if one == "Straße" { 2 } else { 1 };
        assert_eq!(made.iter().filter(|made| **made).count(), expected, "{one} {other}");
    }
}

fn a_name_is_free_again_when_its_user_is_gone(store: &Store) {
    let client = store.open(app(), SETTINGS);
    client.add_user("modern");
    assert_refused(&client, "modem", StatusCode::CONFLICT, "looks too much like");
    sql(&client, "DELETE FROM auth_users");
    client.add_user("modem");
}

/// What was possible before names had a normal form.
const FORMER: [(&str, &str); 10] = [
    ("corn", "corn"),
    ("com", "com"),
    ("alice", "alice"),
    ("ａｌｉｃｅ", "ａｌｉｃｅ"),
    ("Ｂob", "ｂob"),
    ("ﬁn", "ﬁn"),
    ("x²", "x²"),
    ("\u{3164}", "\u{3164}"),
    ("аdmin", "аdmin"),
    ("JÜRGEN", "jürgen"),
];

fn users_of_an_older_database_stay(store: &Store) {
    let client = store.open(app(), SETTINGS);
    let hash = client.hash(PASSWORD);
    let (up, down) = match client.database().kind().is_server() {
        true => (
            include_str!("../../../../batteries/auth/migrations/postgres/00000000000021_normal_names/up.sql"),
            include_str!("../../../../batteries/auth/migrations/postgres/00000000000021_normal_names/down.sql"),
        ),
        false => (
            include_str!("../../../../batteries/auth/migrations/sqlite/00000000000021_normal_names/up.sql"),
            include_str!("../../../../batteries/auth/migrations/sqlite/00000000000021_normal_names/down.sql"),
        ),
    };
    sql(&client, down);
    for (name, key) in FORMER {
        let values = format!("'{name}', '{key}', '{key}@example.com', '{key}@example.com', '{hash}', '2026-01-01 00:00:00'");
        sql(&client, &format!("INSERT INTO auth_users (username, username_key, email, email_key, password, joined) VALUES ({values})"));
    }
    sql(&client, up);
    assert_eq!(lback::auth::update_name_keys(client.database()).unwrap(), FORMER.len());
    assert_eq!(lback::auth::update_name_keys(client.database()).unwrap(), 0);
    for (name, _) in FORMER {
        let browser = client.fork();
        login(&browser, name);
        assert_who(&browser, name);
    }
    // One whose name is the same as another's by now is found by it as it is written; the others however it is typed.
    for (typed, name) in [("Alice", "alice"), ("bob", "Ｂob"), ("ju\u{308}rgen", "JÜRGEN")] {
        assert_eq!(user(&client, typed).username, name);
    }
    // They keep what looks like theirs, too.
    for name in ["c0m", "bob", "ALICE"] {
        let looks = insert(&client, name).map(|user| user.username);
        assert_eq!(looks.is_ok(), name == "c0m", "{looks:?}");
    }
    assert_refused(&client, "a1ice", StatusCode::CONFLICT, "looks too much like");
}

fn users_that_sql_has_made_get_their_keys(store: &Store) {
    let client = store.open(app(), SETTINGS);
    let hash = client.hash(PASSWORD);
    for number in 0..1200 {
        let values = format!("'Ｕser.{number}', 'ｕser.{number}', '{hash}', '2026-01-01 00:00:00'");
        sql(&client, &format!("INSERT INTO auth_users (username, username_key, password, joined) VALUES ({values})"));
    }
    assert_eq!(lback::auth::update_name_keys(client.database()).unwrap(), 1200);
    assert_eq!(crate::number(&client, "SELECT count(*) FROM auth_users WHERE username_key LIKE 'user.%'"), 1200);
    login(&client, "user.1199");
    assert_refused(&client, "user.7", StatusCode::CONFLICT, "This name is taken");
}

fn an_address_is_one_however_it_is_typed(store: &Store) {
    let client = store.open(app(), SETTINGS);
    let alice = client.add_user(NewUser::new("alice", &client.hash(PASSWORD)).email("Alice@bücher.example"));
    assert_eq!(alice.email.as_deref(), Some("Alice@xn--bcher-kva.example"));
    let spellings = ["alice@bücher.example", "ALICE@BÜCHER.EXAMPLE", "alice@bu\u{308}cher.example", "alice@XN--BCHER-KVA.example"];
    for spelling in spellings {
        login(&client.fork(), spelling);
        let taken = insert(&client, NewUser::from("other").email(spelling)).unwrap_err();
        assert_eq!(taken.message(), "This e-mail address is taken.");
    }
    for attempt in 0..6 {
        assert_eq!(try_login(&client.fork(), spellings[attempt % 4], "wrong").text(), WRONG);
    }
    assert!(try_login(&client.fork(), spellings[3], PASSWORD).text().contains("too many attempts"));
    // Addresses that only look alike are two.
    for (name, address) in [("corn", "corn@example.com"), ("bob", "com@example.com"), ("carol", "com@examp1e.com")] {
        insert(&client, NewUser::from(name).email(address)).unwrap();
    }
}
