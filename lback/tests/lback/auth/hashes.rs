//! What a login does to the hash of the password.

use super::*;
use lback::auth::{AuthSettings, Passwords};

suite!(databases: a_password_is_right_however_it_is_typed, an_old_hash_is_replaced_at_the_login, a_hash_that_is_replaced_logs_nobody_out, an_unknown_user_costs_the_same_work, the_password_is_checked_while_others_write);

fn an_old_hash_is_replaced_at_the_login(store: &Store) {
    let client = client(store);
    // Other costs, and Django's way to write a hash of argon2.
    let dearer = AuthSettings { auth_argon2_memory_kib: 128, ..AuthSettings::default() };
    let dearer = format!("argon2{}", Passwords::new(&dearer).unwrap().hash("wonderland").unwrap());
    let old = [
        dearer.as_str(),
        #[cfg(feature = "auth-legacy-hashes")]
        "pbkdf2_sha256$1000$seasalt$3h+vbuJq4nmuyHY0GIm412DRLKOyb3/dScbPa72X1pY=",
        #[cfg(feature = "auth-legacy-hashes")]
        "$2b$04$abcdefghijklmnopqrstuujZkTwHUiJ9XdZPwKfcfDo7dMp5DjlTu",
    ];
    for hash in old {
        sql(&client, &format!("UPDATE auth_users SET password = '{hash}'"));
        let browser = client.fork();
        assert_eq!(try_login(&browser, "alice", "not wonderland").text(), WRONG);
        let (work, answer) = hashes(&client, || try_login(&browser, "alice", "wonderland"));
        assert_eq!((work, answer.text()), (2, "welcome"), "{hash}");
        // The login holds, although the hash has changed with it.
        assert_who(&browser, "alice");
        let (work, answer) = hashes(&client, || try_login(&browser, "alice", "wonderland"));
        assert_eq!((work, answer.text()), (1, "welcome"), "{hash}");
    }
}

fn a_hash_that_is_replaced_logs_nobody_out(store: &Store) {
    let enter = |req: &mut Request| -> Result<()> {
        let alice = User::named(req.db()?, "alice")?.expect("alice");
        req.login(&alice)
    };
    let client = store.open(App::new(urls().post("/enter", enter)).auth(), SETTINGS);
    add_user(&client, "alice");
    let dearer = AuthSettings { auth_argon2_memory_kib: 128, ..AuthSettings::default() };
    let dearer = Passwords::new(&dearer).unwrap().hash("wonderland").unwrap();
    let old = [
        dearer.as_str(),
        // A salt that argon2 takes, too: Django's have 22 letters.
        #[cfg(feature = "auth-legacy-hashes")]
        "pbkdf2_sha256$1000$seasaltseasalt$Xr4WONINK7g2Rhuo1wGfUhcUxPEB00JrImda2W6vZXs=",
        #[cfg(feature = "auth-legacy-hashes")]
        "$2b$04$abcdefghijklmnopqrstuujZkTwHUiJ9XdZPwKfcfDo7dMp5DjlTu",
    ];
    for hash in old {
        sql(&client, &format!("UPDATE auth_users SET password = '{hash}'"));
        let (inside, other) = (client.fork(), client.fork());
        inside.post("/enter").send().assert_status(204);
        assert_who(&inside, "alice");
        assert_eq!(hashes(&client, || try_login(&other, "alice", "wonderland").text().to_owned()), (2, "welcome".to_owned()), "{hash}");
        assert_who(&inside, "alice");
        assert_who(&other, "alice");
        // The same password, chosen anew, does.
        other.post("/password").form(&[("password", "wonderland")]).send().assert_status(204);
        assert_who(&inside, "nobody");
        assert_who(&other, "alice");
    }
}

fn an_unknown_user_costs_the_same_work(store: &Store) {
    crate::logs::start();
    let client = client(store);
    let hash = "pbkdf2_sha1$1$salt$aGFzaA==";
    client.db(|db| NewUser::new("broken", hash).insert(db, chrono_now()));
    client.db(|db| NewUser::without_password("bare").insert(db, chrono_now()));
    client.db(|db| NewUser::new("gone", hash).active(false).insert(db, chrono_now()));
    for name in ["alice", "nobody", "broken", "bare", "gone", "", "nobody@example.com"] {
        let (work, answer) = hashes(&client, || try_login(&client.fork(), name, "wrong"));
        assert_eq!((work, answer.text()), (1, WRONG), "{name}");
    }
    // Whoever has imported such hashes finds out why nobody can log in; the hash itself is nobody's business.
    let told = crate::logs::lines_with("pbkdf2_sha1");
    assert!(told.iter().any(|line| line.contains("WARN") && line.contains("auth-legacy-hashes")), "{told:?}");
    assert!(!told.iter().any(|line| line.contains("aGFzaA")), "{told:?}");
}

fn chrono_now() -> lback::chrono::DateTime<lback::chrono::Utc> {
    lback::chrono::Utc::now()
}

/// On SQLite one writes at a time; hashing must not keep the others from it.
fn the_password_is_checked_while_others_write(store: &Store) {
    // Slow enough that the other surely comes while it goes on.
    let client = store.open(app(), "AUTH_ARGON2_MEMORY_KIB = 65536\nAUTH_ARGON2_PASSES = 6\nDATABASE_BUSY_TIMEOUT_MS = 50");
    add_user(&client, "alice");
    let before = auth(&client).passwords().computed();
    std::thread::scope(|scope| {
        let attempt = scope.spawn(|| try_login(&client, "alice", PASSWORD).text().to_owned());
        while auth(&client).passwords().computed() == before {
            std::thread::yield_now();
        }
        sql(&client, "UPDATE auth_users SET email_verified = TRUE");
        assert_eq!(attempt.join().unwrap(), "welcome");
    });
}

fn a_password_is_right_however_it_is_typed(store: &Store) {
    let client = store.open(app(), SETTINGS);
    let (composed, decomposed) = ("Zwölf Boxkämpfer", "Zwo\u{308}lf\u{a0}Boxka\u{308}mpfer");
    for (name, chosen) in [("alice", composed), ("bob", decomposed)] {
        client.add_user(NewUser::new(name, &client.hash(chosen)));
        for typed in [composed, decomposed] {
            let (work, answer) = hashes(&client, || try_login(&client.fork(), name, typed));
            assert_eq!((work, answer.text()), (1, "welcome"), "{name}");
        }
        for wrong in ["zwölf Boxkämpfer", "Zwolf Boxkampfer", "ＺwölfBoxkämpfer"] {
            assert_eq!(try_login(&client.fork(), name, wrong).text(), WRONG);
        }
    }
    // One that is wrong takes the same work for everybody.
    let work = |name: &str| hashes(&client, || try_login(&client.fork(), name, "nai\u{308}ve")).0;
    assert_eq!((work("alice"), work("nobody")), (2, 2));
}
