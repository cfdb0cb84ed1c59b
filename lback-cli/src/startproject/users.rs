//! What differs in a new project that has users.

/// What stands for the names in the patterns.
pub fn differences(users: bool, name: &str) -> [(&'static str, String); 11] {
    match users {
        true => with_users(name),
        false => without_users(name),
    }
}

/// The files that only a project with users has.
pub const FILES: &[(&str, &str)] = &[("templates/account/base.html", include_str!("../../starter/users/account.html"))];

fn with_users(name: &str) -> [(&'static str, String); 11] {
    [
        ("__USERS_CARGO__", String::new()),
        (
            "__USERS_PROFILE__",
            "\n# Hashing a password takes a second otherwise.\n[profile.dev.package.argon2]\nopt-level = 3\n\n\
             [profile.dev.package.blake2]\nopt-level = 3\n"
                .to_owned(),
        ),
        ("__USERS_MAIN__", String::new()),
        ("__USERS_APP__", ".auth().accounts().mail()".to_owned()),
        ("__USERS_BRAND__", "\n    ".to_owned()),
        ("__USERS_HEADER__", format!("\n    {}\n  ", include_str!("../../starter/users/header.html").trim_end())),
        ("__USERS_README__", include_str!("../../starter/users/README.md").to_owned()),
        ("__USERS_STYLE__", include_str!("../../starter/users/style.css").to_owned()),
        ("__USERS_TEST__", include_str!("../../starter/users/tests.rs").to_owned()),
        (
            "__USERS_SETTINGS__",
            format!(
                "# Mail is shown in the terminal while DEBUG is on. With the feature \"smtp\" of lback it is sent:\n\
                 # features = [\"accounts\", \"smtp\"] in Cargo.toml, and more in settings.production.toml.\n\
                 MAIL_FROM = \"{name} <noreply@example.com>\""
            ),
        ),
        (
            "__USERS_PRODUCTION__",
            "# Links in mails begin with this; otherwise with the host that the visitor has asked for.\n\
             # AUTH_SITE_URL = \"https://example.com\"\n\n\
             # Without mail nobody can confirm an address or reset a password. With the feature smtp of lback it goes through a server.\n\
             # SMTP_PASSWORD belongs into the environment."
                .to_owned(),
        ),
    ]
}

fn without_users(name: &str) -> [(&'static str, String); 11] {
    [
        (
            "__USERS_CARGO__",
            "# Users who register and log in are a feature: features = [\"accounts\"], and .auth().accounts().mail() in src/main.rs.\n".to_owned(),
        ),
        ("__USERS_PROFILE__", String::new()),
        ("__USERS_MAIN__", "/// With the feature accounts in Cargo.toml, `.auth().accounts().mail()` behind it gives the site users.\n".to_owned()),
        ("__USERS_APP__", String::new()),
        ("__USERS_BRAND__", String::new()),
        ("__USERS_HEADER__", String::new()),
        (
            "__USERS_README__",
            "\nUsers who register and log in are a feature: `lback startproject NAME --auth` makes a site that has them, and shows what it takes.\n"
                .to_owned(),
        ),
        ("__USERS_STYLE__", String::new()),
        ("__USERS_TEST__", String::new()),
        (
            "__USERS_SETTINGS__",
            format!(
                "# Mail: lback = {{ …, features = [\"smtp\"] }} in Cargo.toml, and .mail() in src/main.rs. It is shown in the terminal while DEBUG is on.\n\
                 # MAIL_FROM = \"{name} <noreply@example.com>\""
            ),
        ),
        (
            "__USERS_PRODUCTION__",
            "# With the feature smtp of lback, mail goes through a server. SMTP_PASSWORD belongs into the environment.".to_owned(),
        ),
    ]
}
