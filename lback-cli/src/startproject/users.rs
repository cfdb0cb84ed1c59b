//! The parts of a new project that depend on whether it has users.

/// Returns the values that replace the names in the patterns.
pub fn differences(users: bool, name: &str) -> [(&'static str, String); 12] {
    match users {
        true => with_users(name),
        false => without_users(name),
    }
}

/// The additional files of a project with users.
pub const FILES: &[(&str, &str)] = &[("templates/account/base.html", include_str!("../../starter/users/account.html"))];

fn with_users(name: &str) -> [(&'static str, String); 12] {
    [
        ("__USERS_CARGO__", String::new()),
        (
            "__USERS_PROFILE__",
            "\n# Without optimization, hashing a password takes a second.\n[profile.dev.package.argon2]\nopt-level = 3\n\n\
             [profile.dev.package.blake2]\nopt-level = 3\n"
                .to_owned(),
        ),
        ("__USERS_MAIN__", String::new()),
        ("__USERS_APP__", ".auth().accounts().mail().admin()".to_owned()),
        ("__USERS_BANNER__", "\n  {% include \"admin/acting.html\" %}".to_owned()),
        ("__USERS_BRAND__", "\n    ".to_owned()),
        ("__USERS_HEADER__", format!("\n    {}\n  ", include_str!("../../starter/users/header.html").trim_end())),
        ("__USERS_README__", include_str!("../../starter/users/README.md").to_owned()),
        ("__USERS_STYLE__", include_str!("../../starter/users/style.css").to_owned()),
        ("__USERS_TEST__", include_str!("../../starter/users/tests.rs").to_owned()),
        (
            "__USERS_SETTINGS__",
            format!(
                "# Mail is shown in the terminal while DEBUG is on. To send it, enable the feature \"smtp\" of lback in Cargo.toml,\n\
                 # features = [\"accounts\", \"admin\", \"smtp\"], and see settings.production.toml.\n\
                 MAIL_FROM = \"{name} <noreply@example.com>\""
            ),
        ),
        (
            "__USERS_PRODUCTION__",
            "# The base URL of links in mails. The default is the host in the visitor's request.\n\
             # AUTH_SITE_URL = \"https://example.com\"\n\n\
             # Users need mail to confirm addresses and to reset passwords. To send it through a server, enable the feature smtp of lback.\n\
             # Put SMTP_PASSWORD into the environment."
                .to_owned(),
        ),
    ]
}

fn without_users(name: &str) -> [(&'static str, String); 12] {
    [
        (
            "__USERS_CARGO__",
            "# For users and an admin, add features = [\"accounts\", \"admin\"], and .auth().accounts().mail().admin() in src/main.rs.\n"
                .to_owned(),
        ),
        ("__USERS_PROFILE__", String::new()),
        ("__USERS_MAIN__", "/// For users and an admin, see Cargo.toml, and append `.auth().accounts().mail().admin()`.\n".to_owned()),
        ("__USERS_APP__", String::new()),
        ("__USERS_BANNER__", String::new()),
        ("__USERS_BRAND__", String::new()),
        ("__USERS_HEADER__", String::new()),
        (
            "__USERS_README__",
            "\n`lback startproject NAME --auth` creates a site with an admin and users, who can register and log in, and shows how to add them here.\n"
                .to_owned(),
        ),
        ("__USERS_STYLE__", String::new()),
        ("__USERS_TEST__", String::new()),
        (
            "__USERS_SETTINGS__",
            format!(
                "# For mail, add lback = {{ …, features = [\"smtp\"] }} in Cargo.toml, and .mail() in src/main.rs. While DEBUG is on, it is shown in the terminal.\n\
                 # MAIL_FROM = \"{name} <noreply@example.com>\""
            ),
        ),
        (
            "__USERS_PRODUCTION__",
            "# To send mail through a server, enable the feature smtp of lback. Put SMTP_PASSWORD into the environment.".to_owned(),
        ),
    ]
}
