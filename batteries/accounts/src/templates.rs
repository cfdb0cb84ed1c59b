//! The templates of pages and mails, which files of the same names replace.

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../templates/", $name)))),*]
    };
}

pub(crate) const ALL: [(&str, &str); 21] = templates![
    "account/base.html",
    "account/login.html",
    "account/register.html",
    "account/rules.html",
    "account/registered.html",
    "account/verify.html",
    "account/password.html",
    "account/reset.html",
    "account/reset_sent.html",
    "account/reset_confirm.html",
    "account/link_dead.html",
    "account/profile.html",
    "account/devices.html",
    "account/tokens.html",
    "account/token_created.html",
    "account/token_rotate.html",
    "account/mail/verify.txt",
    "account/mail/exists.txt",
    "account/mail/reset.txt",
    "account/mail/password.txt",
    "account/mail/address.txt",
];
