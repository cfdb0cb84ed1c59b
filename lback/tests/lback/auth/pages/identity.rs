//! Names, addresses and passwords of many languages, from the form to the login.

use super::*;

suite!(databases: names_go_from_the_form_to_the_login, addresses_go_from_the_form_to_the_login, passwords_go_from_the_form_to_the_login);

#[track_caller]
fn register(client: &Client, name: &str, email: &str, password: &str) -> bool {
    client.clock().advance(2 * DAY);
    let form = [("username", name), ("email", email), ("password", password), ("password_again", password)];
    let page = post(client, "/account/register", &form);
    page.assert_status(200);
    let is_made = page.text().contains("Check your inbox");
    assert!(is_made || page.text().contains("aria-invalid"), "{}: nothing is said on {page:?}", name.escape_unicode());
    is_made
}

#[track_caller]
fn assert_enters(client: &Client, login: &str, password: &str, name: &str) {
    let browser = client.fork();
    let page = log_in(&browser, login, password);
    assert_eq!(page.status(), 303, "{} ({login}): {page:?}", login.escape_unicode());
    assert_who(&browser, name);
}

#[track_caller]
fn assert_kept_out(client: &Client, login: &str, password: &str) {
    client.clock().advance(2 * DAY);
    let browser = client.fork();
    log_in(&browser, login, password).assert_status(200).assert_contains("role=\"alert\"");
    assert_who(&browser, "nobody");
}

fn names_go_from_the_form_to_the_login(store: &Store) {
    let client = open(store);
    let long = "İ".repeat(150);
    // Name, how else its user may type it, and what is somebody else's.
    for (name, same, other) in [
        ("Weiß", &["weiß", "WEIẞ", " Weiß "][..], &["weiss", "WEISS"][..]),
        ("İzmir", &["i\u{307}zmir", "I\u{307}ZMIR", "İZMIR"], &["ızmir"]),
        ("ılgaz", &["ılgaz "], &["ilgaz", "ILGAZ"]),
        ("Οδυσσεύς", &["οδυσσεύς", "ΟΔΥΣΣΕΎΣ", "Οδυσσευ\u{301}ς"], &["Οδυσσευς"]),
        ("Zoë", &["ZOË", "zoe\u{308}", "ＺＯË"], &["zoe"]),
        ("Việt", &["vie\u{302}\u{323}t", "VI\u{1ec6}T", "vie\u{323}\u{302}t"], &["viet"]),
        ("Ёлка", &["ёлка", "е\u{308}лка"], &["елка"]),
        ("하늘", &["\u{1112}\u{1161}\u{1102}\u{1173}\u{11af}"], &["하는"]),
        ("ガラス", &["ｶﾞﾗｽ", "カ\u{3099}ラス"], &["カラス"]),
        ("मनीष", &["मनीष"], &["मनिष"]),
        ("ᏣᎳᎩ", &["ꮳꮃꭹ"], &["ᏣᎳ"]),
        ("naïve_user+1", &["NAI\u{308}VE_USER+1", "ｎaïve＿user＋１"], &["naive_user+1"]),
        ("𞤀𞤣𞤤𞤢𞤥", &["𞤢𞤣𞤤𞤢𞤥"], &[]),
        (&long, &[&"i\u{307}".repeat(150)], &[]),
    ] {
        assert!(register(&client, name, "new@example.com", NEW_PASSWORD), "{name}");
        assert_enters(&client, name, NEW_PASSWORD, name);
        for spelling in same {
            assert_enters(&client, spelling, NEW_PASSWORD, name);
            assert!(!register(&client, spelling, "new@example.com", NEW_PASSWORD), "{spelling} is {name}");
        }
        for stranger in other {
            assert_kept_out(&client, stranger, NEW_PASSWORD);
        }
    }
    let users = client.db(User::all).len();
    let (endless, marks) = ("x".repeat(15_000), "e\u{301}".repeat(151));
    for name in [
        "👩‍👩‍👧",
        "ǅemal",
        "a👍",
        "ali\u{ad}ce",
        "a\u{200b}",
        "\u{feff}bob",
        "bob\u{202e}",
        "\u{3164}",
        "a\u{ffa0}b",
        "a\u{34f}b",
        "b\u{0}b",
        "b\u{1b}[31m",
        "b\nb",
        "b\u{85}b",
        "b\u{2028}b",
        "a\u{a0}b",
        "a b",
        "ⅷ",
        "ﬀ",
        "ª",
        "№1",
        "Αlice",
        "bоb",
        "ѕсоре2a",
        "1א",
        "x\u{301}\u{301}",
        "\u{301}x",
        "\u{e000}",
        "\u{10ffff}",
        "\u{fdd0}",
        "a\u{e0061}",
        "한a글б",
        "a@b",
        "a/b",
        "..\\b",
        "%00",
        &endless,
        &marks,
    ] {
        assert!(!register(&client, name, "new@example.com", NEW_PASSWORD), "{}", name.escape_unicode());
        assert_kept_out(&client, name, NEW_PASSWORD);
    }
    assert_eq!(client.db(User::all).len(), users);
}

fn addresses_go_from_the_form_to_the_login(store: &Store) {
    let client = open(store);
    let long = format!("{}@{}.example", "a".repeat(64), "b".repeat(63));
    for (n, (address, same)) in [
        ("Anna@Example.COM", &["anna@example.com", " ANNA@EXAMPLE.COM "][..]),
        ("o'brien+shop@example.co.uk", &["O'Brien+Shop@example.co.uk"]),
        ("x@xn--bcher-kva.example", &["x@bücher.example", "X@BU\u{308}CHER.example"]),
        (&long, &[]),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("user{}", (b'b' + n as u8) as char);
        assert!(register(&client, &name, address, NEW_PASSWORD), "{address}");
        let link = link_in_mail(&client, address.trim());
        post(&client, &link, &[]).assert_redirect("/account");
        for login in [&[address][..], same].concat() {
            assert_enters(&client, login, NEW_PASSWORD, &name);
        }
    }
    let mails = client.mail().len();
    let endless = format!("{}@example.com", "a".repeat(400));
    for address in [
        "",
        "a",
        "a@",
        "@b.example",
        "a@b@c.example",
        "a b@c.example",
        "a@b..example",
        ".a@b.example",
        "a.@b.example",
        "a@-b.example",
        "a@b.example\r\nBcc: c@d.example",
        "a@b.example\u{0}",
        "ä@b.example",
        "a@b\u{200b}.example",
        "a@👍",
        "\"a b\"@c.example",
        "a@b.example,c@d.example",
        "a@[127.0.0.1]",
        "<a@b.example>",
        &endless,
    ] {
        assert!(!register(&client, "nobody", address, NEW_PASSWORD), "{address:?}");
    }
    assert_eq!(client.mail().len(), mails);
}

fn passwords_go_from_the_form_to_the_login(store: &Store) {
    let client = open(store);
    let long = "öde Küste, ".repeat(90);
    for (n, (password, same, other)) in [
        (
            "Straße nach Köln",
            &["Straße nach Ko\u{308}ln", "Straße\u{a0}nach\u{3000}Köln"][..],
            &["Strasse nach Köln", "straße nach köln"][..],
        ),
        ("correct 🐎 battery 🔋", &["correct 🐎\u{2009}battery 🔋"], &["correct battery"]),
        ("👩‍👩‍👧‍👦👩‍👩‍👧‍👦 zwei", &[], &["👩👩👧👦👩👩👧👦 zwei"]),
        ("ＰＡＳＳＷＯＲＴ１９", &[], &["PASSWORT19"]),
        ("ὈΔΥΣΣΕΎΣ ΚΑῚ ΚΎΚΛΩΨ", &["Ο\u{313}ΔΥΣΣΕΎΣ ΚΑΙ\u{300} ΚΎΚΛΩΨ"], &["ὀδυσσεύς καὶ κύκλωψ"]),
        ("  spaces at the ends  ", &[], &["spaces at the ends"]),
        ("ﬁve wizards jump ﬂy", &[], &["five wizards jump fly"]),
        (&long, &[&"o\u{308}de Ku\u{308}ste, ".repeat(90)], &[&long[2..]]),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("user{}", (b'b' + n as u8) as char);
        assert!(register(&client, &name, "new@example.com", password), "{password}");
        for password in [&[password][..], same].concat() {
            assert_enters(&client, &name, password, &name);
        }
        for password in other {
            assert_kept_out(&client, &name, password);
        }
    }
    let users = client.db(User::all).len();
    let endless = "ö".repeat(4001);
    for password in [
        "",
        "short",
        "e\u{301}e\u{301}e\u{301}e\u{301}",
        "1234567890",
        "bell\u{7} rings loud",
        "a\u{0}b c d e f g",
        "tab\tis no space",
        &endless,
    ] {
        assert!(!register(&client, "nobody", "new@example.com", password), "{}", password.escape_unicode());
    }
    assert_eq!(client.db(User::all).len(), users);
}
