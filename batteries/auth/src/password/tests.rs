use super::*;
use crate::PasswordRule;

/// Weak, so that the tests are quick.
fn settings() -> AuthSettings {
    AuthSettings { auth_argon2_memory_kib: 64, auth_argon2_passes: 1, ..AuthSettings::default() }
}

fn passwords() -> Passwords {
    Passwords::new(&settings()).unwrap()
}

#[test]
fn a_hash_fits_its_password_only() {
    let passwords = passwords();
    let hash = passwords.hash("wonderland").unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
    assert_ne!(hash, passwords.hash("wonderland").unwrap());
    assert_eq!(passwords.check("wonderland", Some(&hash)).unwrap(), Verdict::Right);
    for wrong in ["", "Wonderland", "wonderland ", "wonderland\0"] {
        assert_eq!(passwords.check(wrong, Some(&hash)).unwrap(), Verdict::Wrong, "{wrong:?}");
    }
}

#[test]
fn every_check_is_one_computation_whatever_there_is_to_check() {
    let passwords = passwords();
    let hash = passwords.hash("wonderland").unwrap();
    let enormous = "a".repeat(1_000_000);
    let hashes = [
        Some(hash.as_str()),
        None,
        Some(""),
        Some(UNUSABLE),
        Some("$argon2id$nonsense"),
        Some("plain text"),
        Some("$scrypt$ln=1$aaaa$bbbb"),
    ];
    for hash in hashes {
        for password in ["wonderland", "", "\0", enormous.as_str()] {
            let before = passwords.computed();
            let right = passwords.check(password, hash).unwrap() != Verdict::Wrong;
            assert_eq!(passwords.computed(), before + 1, "{hash:?}");
            assert_eq!(right, password == "wonderland" && hash == hashes[0]);
        }
    }
    // The placeholder is a valid hash that no password matches.
    assert!(is_known(&passwords.0.placeholder));
    assert!(passwords.hash(&enormous).is_err());
}

#[test]
fn where_too_many_wait_the_next_is_asked_to_come_again() {
    let Inner { argon2, placeholder, .. } = Arc::into_inner(passwords().0).unwrap();
    let full = Passwords(Arc::new(Inner { argon2, placeholder, threads: HashingThreads::new(0, 0), computed: AtomicU64::new(0) }));
    for error in [full.hash("wonderland").unwrap_err(), full.verify("wonderland", "x").unwrap_err(), full.check_capacity().unwrap_err()] {
        assert_eq!(error.status(), 503);
        assert_eq!(error.headers()["retry-after"], "2");
    }
}

/// On a thread that serves connections it would keep what waits there from going on.
#[test]
fn an_async_view_that_waits_for_a_hash_does_not_block_others() {
    let Inner { argon2, placeholder, .. } = Arc::into_inner(passwords().0).unwrap();
    let passwords = Passwords(Arc::new(Inner { argon2, placeholder, threads: HashingThreads::new(1, 2), computed: AtomicU64::new(0) }));
    let ((begun, has_begun), (open, gate)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel::<()>());
    let first = passwords.clone();
    let first = std::thread::spawn(move || first.0.threads.run(move || (begun.send(()), gate.recv())));
    has_begun.recv().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let waits = passwords.clone();
    let hash = runtime.spawn(async move { waits.hash("wonderland") });
    while passwords.check_capacity().is_ok() {
        std::thread::yield_now();
    }
    let (done, other) = std::sync::mpsc::channel();
    runtime.spawn(async move { done.send(()) });
    let went_on = other.recv_timeout(std::time::Duration::from_secs(20));
    drop(open);
    assert!(first.join().unwrap().is_some());
    assert!(went_on.is_ok(), "the only thread waits for a hash");
    assert!(runtime.block_on(hash).unwrap().is_ok());
}

#[test]
fn a_hash_of_other_costs_is_right_but_old() {
    let dearer = AuthSettings { auth_argon2_passes: 2, ..settings() };
    let hash = passwords().hash("wonderland").unwrap();
    assert_eq!(Passwords::new(&dearer).unwrap().check("wonderland", Some(&hash)).unwrap(), Verdict::Outdated);
    // As Django writes it.
    assert_eq!(passwords().check("wonderland", Some(&format!("argon2{hash}"))).unwrap(), Verdict::Right);
}

#[test]
fn costs_that_are_not_possible_are_named() {
    let error = Passwords::new(&AuthSettings { auth_argon2_memory_kib: 1, ..settings() }).err().unwrap();
    assert!(error.message().contains("AUTH_ARGON2_MEMORY_KIB = 1"), "{error}");
}

#[cfg(feature = "legacy-hashes")]
#[test]
fn hashes_of_django_and_of_python_lback_are_right_but_old() {
    let hashes = [
        "pbkdf2_sha256$1000$seasalt$3h+vbuJq4nmuyHY0GIm412DRLKOyb3/dScbPa72X1pY=",
        "$2b$04$abcdefghijklmnopqrstuujZkTwHUiJ9XdZPwKfcfDo7dMp5DjlTu",
        "bcrypt$$2b$04$abcdefghijklmnopqrstuujZkTwHUiJ9XdZPwKfcfDo7dMp5DjlTu",
        "bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuumXgagNxRN93pnpG3zDi44yvSX9ND/nO",
    ];
    let passwords = passwords();
    for hash in hashes {
        assert_eq!(passwords.check("wonderland", Some(hash)).unwrap(), Verdict::Outdated, "{hash}");
        assert_eq!(passwords.check("Wonderland", Some(hash)).unwrap(), Verdict::Wrong, "{hash}");
    }
    for broken in
        ["pbkdf2_sha256$0$s$x", "pbkdf2_sha256$99999999999$s$x", "pbkdf2_sha256$1000$s", "$2b$31$short", "bcrypt$x", "bcrypt_sha256$"]
    {
        assert_eq!(passwords.check("wonderland", Some(broken)).unwrap(), Verdict::Wrong, "{broken}");
    }
}

#[test]
fn the_rules_say_what_is_wrong_in_the_users_words() {
    let rules = PasswordRules::new(&AuthSettings::default());
    let wrong = |password: &str, personal: &[&str]| rules.check(password, personal).join(" ");
    assert!(wrong("", &[]).contains("Enter a password."));
    // Python Lback took this one.
    assert!(wrong("pw", &[]).contains("at least 8 characters"));
    assert!(wrong("83619274610", &[]).contains("digits only"));
    assert!(wrong("Password1", &[]).contains("too common"));
    assert!(wrong("a\0bcdefghijk", &[]).contains("control character"));
    assert!(wrong(&"ä1".repeat(501), &[]).contains("more than 1000"));
    for (password, personal) in [
        ("alice.liddell", "alice.liddell@example.com"),
        ("liddell1", "Alice Liddell"),
        ("Wonderlnd", "wonderland"),
        ("examplecom", "me@example.com"),
    ] {
        assert!(wrong(password, &[personal]).contains("too similar"), "{password}");
    }
    assert_eq!(wrong("the white rabbit is late", &["alice", "alice@example.com"]), "");
    assert_eq!(wrong("zwölf Boxkämpfer", &["al"]), "");
    let none = PasswordRules::new(&AuthSettings { auth_password_rules: vec![PasswordRule::Numeric], ..AuthSettings::default() });
    assert!(none.check("pw", &["pw"]).is_empty());
}

#[test]
fn no_more_threads_hash_than_the_machine_has_processors() {
    use std::collections::HashSet;
    use std::sync::Mutex;

    let threads = super::hashing_threads::HashingThreads::of_machine(100);
    let seen = std::sync::Arc::new(Mutex::new(HashSet::new()));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let (seen, caller) = (seen.clone(), std::thread::current().id());
                let worker = threads.run(move || {
                    seen.lock().unwrap().insert(std::thread::current().id());
                    std::thread::current().id()
                });
                assert_ne!(worker, Some(caller));
            });
        }
    });
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    assert!((1..=processors).contains(&seen.lock().unwrap().len()));
    // One that panics takes no place with it.
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| threads.run(|| panic!("by a test")))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"by a test"));
    assert_eq!((0..100).filter_map(|n| threads.run(move || n)).sum::<i32>(), 4950);
}

#[test]
fn a_password_is_right_however_its_accents_and_spaces_are_typed() {
    let passwords = passwords();
    let (composed, decomposed) = ("Zwölf Boxkämpfer", "Zwo\u{308}lf\u{a0}Boxka\u{308}mpfer");
    for (chosen, typed) in [(composed, decomposed), (decomposed, composed)] {
        let hash = passwords.hash(chosen).unwrap();
        assert_eq!(passwords.check(typed, Some(&hash)).unwrap(), Verdict::Right);
        assert_eq!(passwords.check(&typed.to_lowercase(), Some(&hash)).unwrap(), Verdict::Wrong);
        assert!(passwords.verify(typed, &hash).unwrap());
    }
    // A thousand syllables of Korean as macOS types them: 9,000 bytes, and 3,000 in the normal form.
    let long = "\u{1112}\u{1161}\u{11ab}".repeat(1000);
    let hash = passwords.hash(&long).unwrap();
    assert_eq!(passwords.check(&"한".repeat(1000), Some(&hash)).unwrap(), Verdict::Right);
    assert!(passwords.hash(&"한".repeat(1366)).is_err());
}

/// Hashes that were made of the text as it was typed.
#[test]
fn a_hash_from_before_the_normal_form_fits_and_is_replaced() {
    let passwords = passwords();
    let typed = "e\u{301}te\u{301} et hiver";
    let former = passwords.hash_salted(typed, b"a salt of its own").unwrap();
    assert_eq!(passwords.check(typed, Some(&former)).unwrap(), Verdict::Outdated);
    assert_eq!(passwords.check("été et hiver", Some(&former)).unwrap(), Verdict::Wrong);
    let renewed = passwords.rehash(typed, &former).unwrap();
    assert_eq!(fingerprint(&renewed), fingerprint(&former));
    for typed in [typed, "été et hiver"] {
        assert_eq!(passwords.check(typed, Some(&renewed)).unwrap(), Verdict::Right);
    }
    // What is wrong costs the same for a user and for nobody.
    let work = |hash: Option<&str>| {
        let before = passwords.computed();
        assert_eq!(passwords.check("nai\u{308}ve", hash).unwrap(), Verdict::Wrong);
        passwords.computed() - before
    };
    assert_eq!((work(Some(&former)), work(None), work(Some(UNUSABLE))), (2, 2, 2));
}

#[cfg(feature = "legacy-hashes")]
#[test]
fn hashes_of_other_frameworks_fit_however_they_took_the_text() {
    let passwords = passwords();
    let bcrypt = |text: &str| bcrypt::hash(text, 4).unwrap();
    for hashed in ["été et hiver", "e\u{301}te\u{301} et hiver"] {
        assert_eq!(passwords.check("e\u{301}te\u{301} et hiver", Some(&bcrypt(hashed))).unwrap(), Verdict::Outdated);
    }
    assert_eq!(passwords.check("e\u{301}te\u{301} et hiver", Some(&bcrypt("Été et hiver"))).unwrap(), Verdict::Wrong);
}

#[test]
fn the_length_of_a_password_is_that_of_its_normal_form() {
    let rules = PasswordRules::new(&AuthSettings::default());
    let check = |password: &str| rules.check(password, &[]).join(" ");
    assert!(check("e\u{301}a\u{301}o\u{301}i\u{301}").contains("too short"));
    assert_eq!(check(&"\u{1112}\u{1161}\u{11ab}ab".repeat(330)), "");
    assert!(check("rabbit\u{7}hole in the ground").contains("control character"));
    assert!(rules.check("Élisabeth99", &["e\u{301}lisabeth"]).join(" ").contains("too similar"));
}

#[test]
fn only_the_beginning_of_what_is_known_of_somebody_is_compared() {
    let rules = PasswordRules::new(&AuthSettings::default());
    let known = |before: usize| format!("{} schreibtischlampe", "x ".repeat(before / 2));
    assert_eq!(rules.check("schreibtischlampe", &[&known(100)]).len(), 1);
    assert!(rules.check("schreibtischlampe", &[&known(1_000_000)]).is_empty());
}
