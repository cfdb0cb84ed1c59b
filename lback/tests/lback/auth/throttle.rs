//! Guessing passwords is slow, and harms nobody else.

use super::*;
use lback::http::StatusCode;
use lback::testing::Client;

use crate::number;

suite!(
    databases: failures_delay_the_next_attempt_longer_and_longer,
    delays_hold_across_a_restart,
    who_guesses_elsewhere_locks_nobody_out,
    a_known_browser_is_not_held_up_by_others,
    one_address_may_not_try_many_names,
    an_account_under_attack_is_slowed_down_a_little,
    many_at_once_are_no_way_around,
    old_failures_are_forgotten,
    who_began_earlier_and_comes_later_is_not_refused,
    who_must_wait_writes_nothing,
    what_many_mistype_holds_nobody_up,
    failures_count_even_where_the_request_is_undone,
    a_forged_device_is_none,
    a_delay_does_not_tell_whose_address_it_is,
    a_network_is_no_supply_of_fresh_starts,
    a_crowded_network_waits_half_a_minute_at_most
);

fn try_from(client: &Client, address: &str, name: &str, password: &str) -> String {
    let form = [("username", name), ("password", password)];
    client.post("/login").form(&form).from_addr(address.parse::<std::net::IpAddr>().unwrap()).send().text().to_owned()
}

fn try_from_fresh(client: &Client, address: &str, name: &str, password: &str) -> String {
    try_from(&client.fork(), address, name, password)
}

fn failures_delay_the_next_attempt_longer_and_longer(store: &Store) {
    let client = client(store);
    for name in ["alice", "nobody"] {
        let browser = client.fork();
        for _ in 0..6 {
            assert_eq!(try_login(&browser, name, "wrong").text(), WRONG);
        }
        for delay in [1, 2, 4, 8] {
            // Refused without a look at the password, and without making it worse.
            for _ in 0..3 {
                let (work, answer) = hashes(&client, || try_login(&browser, name, PASSWORD));
                assert_eq!(work, 0);
                let plural = if delay == 1 { "" } else { "s" };
                assert_eq!(answer.text(), format!("There were too many attempts. Try again in {delay} second{plural}."), "{name}");
            }
            client.clock().advance(delay * SECOND);
            assert_eq!(try_login(&browser, name, "wrong").text(), WRONG);
        }
        client.clock().advance(16 * SECOND);
    }
    // A right password ends it.
    login(&client, "alice");
    for _ in 0..5 {
        assert_eq!(try_login(&client, "alice", "wrong").text(), WRONG);
    }
    login(&client, "alice");
    // The longest delay.
    let never = client_with(store, "AUTH_MAX_DELAY_SECONDS = 3\nAUTH_FREE_ATTEMPTS = 0");
    for _ in 0..6 {
        try_login(&never, "alice", "wrong");
        never.clock().advance(3 * SECOND);
    }
    login(&never, "alice");
}

fn delays_hold_across_a_restart(store: &Store) {
    let client = client(store);
    for _ in 0..6 {
        try_login(&client, "alice", "wrong");
    }
    let again = client.restart(app());
    assert!(try_login(&again, "alice", PASSWORD).text().contains("too many attempts"));
    again.clock().advance(SECOND);
    login(&again, "alice");
}

fn who_guesses_elsewhere_locks_nobody_out(store: &Store) {
    let client = client(store);
    for attempt in 0..200 {
        try_from_fresh(&client, &format!("192.0.2.{}", attempt % 100), "alice", "wrong");
    }
    // The first attempt from an address is looked at, whatever goes on elsewhere.
    assert_eq!(try_from_fresh(&client, "198.51.100.1", "alice", PASSWORD), "welcome");
}

fn a_known_browser_is_not_held_up_by_others(store: &Store) {
    let client = client(store);
    let (known, attacker) = (client.fork(), "192.0.2.1");
    assert_eq!(try_from(&known, attacker, "alice", PASSWORD), "welcome");
    known.post("/logout").send();
    for attempt in 0..40 {
        try_from_fresh(&client, attacker, "alice", "wrong");
        try_from_fresh(&client, attacker, &format!("name{attempt}"), "wrong");
    }
    assert!(try_from_fresh(&client, attacker, "alice", PASSWORD).contains("too many"));
    // From the same network as the attacker.
    for _ in 0..6 {
        assert_eq!(try_from(&known, attacker, "alice", "wrong"), WRONG);
    }
    // But it may not guess without end either, nor for others.
    assert!(try_from(&known, attacker, "alice", PASSWORD).contains("too many"));
    add_user(&client, "bob");
    assert!(try_from(&known, attacker, "bob", PASSWORD).contains("too many"));
    client.clock().advance(SECOND);
    assert_eq!(try_from(&known, attacker, "alice", PASSWORD), "welcome");
}

fn one_address_may_not_try_many_names(store: &Store) {
    let client = client(store);
    let mut refused = 0;
    for attempt in 0..30 {
        let answer = try_from_fresh(&client, "2001:db8::1", &format!("name{attempt}"), "wrong");
        refused += i32::from(answer.contains("too many"));
    }
    assert_eq!(refused, 9);
    // Whoever has one address of IPv6 has the whole network.
    assert!(try_from_fresh(&client, "2001:db8::2", "alice", PASSWORD).contains("too many"));
    assert_eq!(try_from_fresh(&client, "2001:db8:0:1::1", "alice", PASSWORD), "welcome");
    // A login of their own does not wipe the slate clean.
    client.clock().advance(2 * SECOND);
    assert_eq!(try_from_fresh(&client, "2001:db8::2", "alice", PASSWORD), "welcome");
    assert_eq!(try_from_fresh(&client, "2001:db8::1", "bob", "wrong"), WRONG);
    assert!(try_from_fresh(&client, "2001:db8::1", "carol", "wrong").contains("too many"));
}

fn an_account_under_attack_is_slowed_down_a_little(store: &Store) {
    let client = client(store);
    // Each address tries less often than it may.
    for attempt in 0..80 {
        try_from_fresh(&client, &format!("192.0.{}.{}", attempt / 2, attempt % 2), "alice", "wrong");
    }
    try_from_fresh(&client, "203.0.113.1", "alice", "wrong");
    let answer = try_from_fresh(&client, "203.0.113.1", "alice", PASSWORD);
    assert!(answer.contains("too many"), "{answer}");
    client.clock().advance(31 * SECOND);
    assert_eq!(try_from_fresh(&client, "203.0.113.1", "alice", PASSWORD), "welcome");
}

fn many_at_once_are_no_way_around(store: &Store) {
    let client = client(store);
    let (work, ()) = hashes(&client, || {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..5 {
                        try_login(&client.fork(), "alice", "wrong").assert_status(200);
                    }
                });
            }
        });
    });
    assert_eq!(work, 6);
}

fn old_failures_are_forgotten(store: &Store) {
    let client = client(store);
    for _ in 0..6 {
        try_login(&client, "alice", "wrong");
    }
    // Neither names nor addresses stand in the table.
    let rows = number(&client, "SELECT count(*) FROM auth_attempts");
    assert_eq!(rows, 5);
    assert_eq!(number(&client, "SELECT count(*) FROM auth_attempts WHERE id LIKE '%alice%' OR id LIKE '%127.0%'"), 0);
    client.clock().advance(2 * DAY);
    for _ in 0..6 {
        assert_eq!(try_login(&client, "alice", "wrong").text(), WRONG);
    }
    client.clock().advance(2 * DAY);
    let now = client.clock().now();
    assert_eq!(client.db(|db| lback::auth::clean_attempts(db, now)), 5);
    assert_eq!(number(&client, "SELECT count(*) FROM auth_attempts"), 0);
}

fn a_forged_device_is_none(store: &Store) {
    let client = client(store);
    for _ in 0..6 {
        try_login(&client, "alice", "wrong");
    }
    for value in ["1.forged", "", "x", "1", &"a".repeat(5000)] {
        let browser = client.fork();
        browser.set_cookie("auth_device", value);
        assert!(try_login(&browser, "alice", PASSWORD).text().contains("too many"));
    }
    // A cookie says what it is for.
    let bob = client.fork();
    add_user(&client, "bob");
    assert_eq!(try_from(&bob, "192.0.2.9", "bob", PASSWORD), "welcome");
    assert!(bob.cookie("auth_device").is_some());
    assert!(try_login(&bob, "alice", PASSWORD).text().contains("too many"));
}

fn who_must_wait_writes_nothing(store: &Store) {
    let client = client_with(store, "AUTH_FREE_ATTEMPTS = 0");
    assert_eq!(try_login(&client, "nobody", "wrong").text(), WRONG);
    let rows = number(&client, "SELECT count(*) FROM auth_attempts");
    for attempt in 0..20 {
        let answer = try_login(&client.fork(), &format!("name{attempt}"), "wrong");
        assert!(answer.text().contains("too many"), "{}", answer.text());
    }
    assert_eq!(number(&client, "SELECT count(*) FROM auth_attempts"), rows);
}

/// An office, a school: one address, many people.
fn what_many_mistype_holds_nobody_up(store: &Store) {
    let client = client(store);
    for hour in 0..48 {
        for attempt in 0..8 {
            let answer = try_login(&client.fork(), &format!("name{hour}.{attempt}"), "mistyped");
            assert_eq!(answer.text(), WRONG, "in hour {hour}");
        }
        login(&client.fork(), "alice");
        client.clock().advance(3600 * SECOND);
    }
    // Nor does the same person, who mistypes something now and then.
    for hour in 0..48 {
        for _ in 0..2 {
            assert_eq!(try_login(&client.fork(), "alice", "mistyped").text(), WRONG, "in hour {hour}");
        }
        client.clock().advance(3600 * SECOND);
    }
}

fn failures_count_even_where_the_request_is_undone(store: &Store) {
    let log_in = |req: &mut Request| -> Result<&'static str> {
        let form: Credentials = req.form()?;
        // As a middleware does that writes down who comes.
        diesel::sql_query("UPDATE auth_users SET is_staff = TRUE").execute(req.db()?)?;
        let user = req.authenticate(&form.username, &form.password)?;
        let user = user.map_err(|refused| Error::new(StatusCode::UNAUTHORIZED, refused.to_string()))?;
        req.login(&user)?;
        match form.username.as_str() {
            "alice" => Err(Error::internal("something else went wrong")),
            _ => Ok("welcome"),
        }
    };
    let client = store.open(App::new(Router::new().post("/login", log_in)).auth(), SETTINGS);
    add_user(&client, "alice");
    for name in ["bob", "nobody"] {
        for _ in 0..6 {
            try_login(&client, name, "wrong").assert_status(401);
        }
        let (work, answer) = hashes(&client, || try_login(&client, name, "wrong"));
        assert_eq!((work, answer.status().as_u16()), (0, 401));
        answer.assert_contains("too many attempts");
    }
    assert!(!user(&client, "alice").is_staff);
    // What was right is no failure, whatever became of it.
    client.clock().advance(DAY);
    for _ in 0..10 {
        try_login(&client, "alice", PASSWORD).assert_status(500);
    }
}

/// Of two who log in from one address at the same time, the one whose request began first may come to the counter last.
fn who_began_earlier_and_comes_later_is_not_refused(store: &Store) {
    let client = client(store);
    add_user(&client, "bob");
    let begun = client.clock().now();
    client.clock().advance(SECOND / 100);
    login(&client.fork(), "alice");
    assert_eq!(try_login(&client.fork(), "alice", "wrong").text(), WRONG);
    client.clock().set(begun);
    login(&client.fork(), "bob");
    login(&client.fork(), "alice");
}

/// Otherwise it would be one account's that is counted, and two identifiers that share a delay would be one person's.
fn a_delay_does_not_tell_whose_address_it_is(store: &Store) {
    let client = client(store);
    for (tried, attacker) in [("alice", "192.0.2.1"), ("alice@example.com", "198.51.100.1")] {
        for _ in 0..6 {
            assert_eq!(try_from_fresh(&client, attacker, tried, "wrong"), WRONG);
        }
        assert!(try_from_fresh(&client, attacker, tried, "wrong").contains("too many"));
        for other in ["alice", "alice@example.com", "bob", "bob@example.com"].into_iter().filter(|other| *other != tried) {
            assert_eq!(try_from_fresh(&client, attacker, other, "wrong"), WRONG, "{tried} {other}");
        }
    }
    // Nor does what fails from everywhere.
    for attempt in 0..60 {
        try_from_fresh(&client, &format!("203.0.{attempt}.1"), "alice", "wrong");
    }
    for other in ["alice@example.com", "bob@example.com"] {
        for _ in 0..2 {
            assert_eq!(try_from_fresh(&client, "203.0.200.1", other, "wrong"), WRONG, "{other}");
        }
    }
    // Both ways in have an end.
    for name in ["alice", "ALICE", " alice "] {
        assert!(try_from_fresh(&client, "192.0.2.1", name, PASSWORD).contains("too many"), "{name}");
    }
}

fn a_network_is_no_supply_of_fresh_starts(store: &Store) {
    let client = client(store);
    let refused = |from: &dyn Fn(u32) -> String, name: &dyn Fn(u32) -> String, attempts: u32| {
        (0..attempts).filter(|n| try_from_fresh(&client, &from(*n), &name(*n), "wrong").contains("too many")).count()
    };
    let (alice, many) = (|_| "alice".to_owned(), |n| format!("name{n}"));
    // One account from many addresses of a /56, a /48 and a /24.
    assert!(refused(&|n| format!("2001:db8:1:{n:x}::1"), &alice, 20) > 5);
    assert!(refused(&|n| format!("2001:db8:2:{:x}::1", n << 8), &alice, 40) > 10);
    assert!(refused(&|n| format!("192.0.2.{n}"), &alice, 40) > 10);
    // Many accounts.
    assert!(refused(&|n| format!("2001:db8:3:{n:x}::1"), &many, 110) > 20);
    assert!(refused(&|n| format!("198.51.100.{}", n % 250), &many, 400) > 50);
    // The next customer of the same provider is somebody else.
    for neighbour in ["2001:db8:4::1", "203.0.113.1"] {
        assert_eq!(try_from_fresh(&client, neighbour, "alice", PASSWORD), "welcome");
    }
}

fn a_crowded_network_waits_half_a_minute_at_most(store: &Store) {
    let client = client(store);
    let known = client.fork();
    assert_eq!(try_from(&known, "2001:db8::1", "alice", PASSWORD), "welcome");
    for n in 0..100 {
        try_from_fresh(&client, &format!("2001:db8:0:{n:x}::1"), "bob", "wrong");
        client.clock().advance(30 * SECOND);
    }
    for n in 0..100 {
        try_from_fresh(&client, &format!("2001:db8:0:{n:x}::1"), &format!("name{n}"), "wrong");
    }
    // Whoever has logged in before does not notice.
    known.post("/logout").send();
    assert_eq!(try_from(&known, "2001:db8::1", "alice", PASSWORD), "welcome");
    client.clock().advance(30 * SECOND);
    assert_eq!(try_from_fresh(&client, "2001:db8:0:ff::1", "alice", PASSWORD), "welcome");
}
