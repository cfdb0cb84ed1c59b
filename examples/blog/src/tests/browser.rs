//! The blog in Chromium, from the first visit. If Chromium is not installed, these tests print a note and pass.
//!
//! With `SCREENSHOTS=1`, they save screenshots of every page in `target/screenshots`, and those for the guide in its folder.

use std::path::Path;
use std::{env, fs};

use lback_test_servers::Browser;

use super::*;
use crate::models::{NewPost, Post, State};

/// The screenshots for the guide: their names, widths and heights.
const SHOWN: [(&str, u32, u32); 5] =
    [("front", 1200, 600), ("front-phone", 390, 660), ("register", 1200, 790), ("post-form", 1200, 700), ("waiting", 1200, 280)];

/// A visitor of the blog, with a browser.
pub(super) struct Visitor {
    pub(super) browser: Browser,
    pub(super) blog: Client,
}

impl Visitor {
    /// Starts a browser and a blog with one user, the moderator queen. Returns `None` without a browser.
    pub(super) fn new() -> Option<Self> {
        let browser = Browser::start()?;
        // Like on a server, with the blog's own error pages.
        let settings = include_str!("../../settings.toml").replace("DEBUG = true", "DEBUG = false");
        let blog = Client::over_socket_with_settings(app(), &settings);
        add_user(&blog, "queen", &["Moderators"]);
        Some(Visitor { browser, blog })
    }

    #[track_caller]
    pub(super) fn open(&self, path: &str) {
        self.browser.open(&format!("{}{path}", self.blog.url()));
    }

    /// Waits for a page that contains `text`, and checks it, wide and narrow.
    #[track_caller]
    pub(super) fn sees(&self, page: &str, text: &str) {
        self.browser.sees(text);
        assert_eq!(self.browser.complaints(), [""; 0], "{page}");
        self.check_layout(page);
    }

    /// Does the same for a page with an error status, which the browser logs.
    #[track_caller]
    fn is_refused(&self, page: &str, status: u16, text: &str) {
        self.browser.sees(text);
        let complaints = self.browser.complaints();
        assert!(matches!(&complaints[..], [one] if one.contains(&format!("status of {status}"))), "{page}: {complaints:?}");
        self.check_layout(page);
    }

    #[track_caller]
    fn check_layout(&self, page: &str) {
        for (name, width) in [(format!("{page}-phone"), 390), (page.to_owned(), 1200)] {
            self.browser.resize(width, 800);
            assert!(!self.browser.overflows(), "{page} is wider than {width} pixels");
            if env::var_os("SCREENSHOTS").is_some() {
                self.photograph(&name, width);
            }
        }
    }

    /// Checks a page with axe-core, in the light and the dark theme, if `.ci/run` has downloaded it.
    #[track_caller]
    pub(super) fn is_accessible(&self, page: &str) {
        self.has_accessible(page, ":root");
    }

    /// Checks the part of a page with this selector, as [`is_accessible`](Self::is_accessible) does.
    #[track_caller]
    pub(super) fn has_accessible(&self, page: &str, part: &str) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/axe/axe.min.js");
        let Ok(axe) = fs::read_to_string(&file) else {
            assert!(env::var_os("CI").is_none(), "{} is missing: .ci/run downloads it", file.display());
            eprintln!("{page} is not checked, because {} is missing: .ci/run downloads it", file.display());
            return;
        };
        for dark in [false, true] {
            self.browser.prefers_dark(dark);
            assert_eq!(self.browser.accessibility_faults(&axe, part), [""; 0], "{page}, dark: {dark}");
        }
        self.browser.prefers_dark(false);
    }

    fn photograph(&self, name: &str, width: u32) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folder = root.join("target/screenshots");
        fs::create_dir_all(&folder).unwrap();
        for (dark, ending) in [(true, "-dark"), (false, "")] {
            self.browser.prefers_dark(dark);
            self.browser.screenshot(&folder.join(format!("{name}{ending}.png")));
        }
        if let Some((.., height)) = SHOWN.into_iter().find(|(shown, ..)| *shown == name) {
            self.browser.resize(width, height);
            self.browser.screenshot(&root.join(format!("docs/src/images/blog-{name}.png")));
        }
    }

    #[track_caller]
    pub(super) fn logs_in(&self, name: &str, password: &str) {
        self.open("/account/login");
        self.browser.fill("User name or e-mail address", name);
        self.browser.fill("Password", password);
        self.browser.press(Browser::ENTER);
        self.browser.sees("Log out");
    }

    #[track_caller]
    fn logs_out(&self) {
        self.browser.click("Log out");
        self.browser.sees("You have been logged out.");
    }

    /// Presses the tab key until the element has the focus.
    #[track_caller]
    fn tabs_to(&self, name: &str) {
        for _ in 0..40 {
            self.browser.press(Browser::TAB);
            if self.browser.focus() == name {
                return;
            }
        }
        panic!("{name:?} cannot be reached with the keyboard:\n{}", self.browser.text());
    }

    /// Follows the link in the newest mail to a user that contains one.
    #[track_caller]
    fn follows_link_in_mail(&self, to: &str) {
        let mail = self.blog.mail().into_iter().rfind(|mail| mail.to == [to] && mail.text.contains("follow")).expect("a mail");
        let link = mail.text.split_whitespace().find(|word| word.starts_with("http://")).expect("a link");
        self.browser.open(link);
    }

    /// Publishes posts of the queen.
    fn publish(&self, chapters: &[(&str, &str)]) {
        for (title, body) in chapters {
            self.blog.clock().advance(std::time::Duration::from_secs(3600));
            self.blog.db(|db| {
                let queen = User::named(db, "queen")?.or_404()?;
                let new = NewPost { author_id: queen.id, title: (*title).to_owned(), body: (*body).to_owned(), ..Default::default() };
                Post::create(db, Post::with_slug(new))?.set_state(db, State::Published, "")
            });
        }
    }
}

#[test]
fn a_visitor_registers_becomes_an_author_and_is_published() {
    let Some(visitor) = Visitor::new() else { return };
    let browser = &visitor.browser;

    // Registers, first with a weak password.
    visitor.open("/");
    visitor.sees("empty", "No posts yet");
    browser.click("Register");
    browser.fill("User name", "alice");
    browser.fill("E-mail address", "alice@example.com");
    browser.fill("Password", "12345678");
    browser.fill("Password again", "12345678");
    visitor.sees("register", "A password must be:");
    browser.press(Browser::ENTER);
    visitor.sees("register-error", "Please correct");
    let wrong = browser.text().lines().find(|line| line.starts_with("Password: ")).expect("a summary").to_owned();
    browser.click(&wrong);
    assert_eq!(browser.focus(), "Password");
    browser.fill("Password", PASSWORD);
    browser.fill("Password again", PASSWORD);
    browser.press(Browser::ENTER);
    visitor.sees("registered", "Check your inbox");

    // Follows the link in the mail, and logs in using only the keyboard.
    visitor.follows_link_in_mail("alice@example.com");
    visitor.sees("verify", "Is alice@example.com your address?");
    browser.click("Yes, it is mine");
    visitor.sees("login", "Your e-mail address has been confirmed.");
    visitor.tabs_to("User name or e-mail address");
    browser.press("alice");
    visitor.tabs_to("Password");
    browser.press(PASSWORD);
    visitor.tabs_to("Log in");
    browser.press(Browser::ENTER);
    visitor.sees("profile", "Your devices");

    // Alice is not an author yet.
    visitor.open("/write/new");
    visitor.is_refused("forbidden", 403, "A moderator can make you an author.");
    visitor.logs_out();
    visitor.open("/write/new");
    visitor.sees("login", "Forgot your password?");
    assert!(browser.url().ends_with("/account/login?next=/write/new"), "{}", browser.url());

    // The queen makes her an author.
    visitor.logs_in("queen", PASSWORD);
    browser.click("Moderate");
    visitor.sees("nothing-waits", "No posts are waiting for publication.");
    browser.click("Members");
    visitor.sees("members", "since");
    browser.click("Admit alice as an author");
    visitor.sees("members-admitted", "alice is an author now.");
    visitor.logs_out();

    // Alice writes a post. The first attempt fails, because the address is invalid.
    visitor.logs_in("alice", PASSWORD);
    browser.click("Write");
    visitor.sees("desk-empty", "You have not written anything yet.");
    browser.click("New post");
    browser.fill("Title", "¿Quién eres?");
    browser
        .fill("Text", "The Caterpillar and Alice looked at each other for some time in silence.\n\n\"Who are you?\" said the Caterpillar.");
    browser.fill("Address", "¿?");
    browser.click("Save");
    visitor.sees("post-form", "Use letters from a to z");
    browser.fill("Title", "Advice from a Caterpillar");
    browser.fill("Address", "");
    browser.click("Save");
    visitor.sees("draft", "Your draft was saved.");
    visitor.tabs_to("Delete …");
    browser.press(Browser::ENTER);
    visitor.sees("delete", "Delete permanently");
    browser.click("Submit for publication");
    visitor.sees("submitted", "Your post was submitted.");
    browser.click("Write");
    visitor.sees("desk", "Advice from a Caterpillar");
    visitor.logs_out();

    // The queen reads it, cancels sending it back, publishes it, and edits it.
    visitor.logs_in("queen", PASSWORD);
    browser.click("Moderate");
    visitor.sees("waiting", "by alice");
    browser.click("Send back \"Advice from a Caterpillar\"");
    visitor.sees("return", "It becomes a draft of alice again.");
    browser.click("Cancel");
    visitor.sees("post-moderator", "Who are you?");
    browser.click("Publish");
    visitor.sees("published", "was published.");
    let mail = visitor.blog.mail().pop().expect("a mail");
    assert_eq!((mail.to == ["alice <alice@example.com>"], mail.subject.as_str()), (true, "Your post was published"));
    visitor.open("/posts/advice-from-a-caterpillar");
    browser.click("Edit");
    browser.fill("Text", "The Caterpillar and Alice looked at each other.\n\n\"Who are YOU?\" said the Caterpillar.");
    browser.click("Save");
    browser.sees("Your changes were saved.");
    visitor.logs_out();

    // All visitors can read it, and other posts.
    visitor.publish(&[
        ("Down the Rabbit-Hole", "Alice was beginning to get very tired of sitting by her sister on the bank, and of having nothing to do: once or twice she had peeped into the book her sister was reading, but it had no pictures or conversations in it."),
        ("The Pool of Tears", "\"Curiouser and curiouser!\" cried Alice; she was so much surprised, that for the moment she quite forgot how to speak good English; \"now I'm opening out like the largest telescope that ever was! Good-bye, feet!\""),
        ("A Caucus-Race and a Long Tale", "They were indeed a queer-looking party that assembled on the bank: the birds with draggled feathers, the animals with their fur clinging close to them, and all dripping wet, cross, and uncomfortable."),
        ("Pig and Pepper", "For a minute or two she stood looking at the house, and wondering what to do next, when suddenly a footman in livery came running out of the wood."),
        ("A Mad Tea-Party", "There was a table set out under a tree in front of the house, and the March Hare and the Hatter were having tea at it: a Dormouse was sitting between them, fast asleep, and the other two were using it as a cushion, resting their elbows on it, and talking over its head."),
    ]);
    visitor.open("/");
    visitor.sees("front", "Next");
    browser.click("Next");
    visitor.sees("front-2", "Previous");
    browser.click("Advice from a Caterpillar");
    visitor.sees("post", "Who are YOU?");
    assert!(!browser.text().contains("Edit"));
    visitor.open("/posts/looking-glass");
    visitor.is_refused("not-found", 404, "Page not found");
}

#[test]
fn a_user_manages_their_account() {
    let Some(visitor) = Visitor::new() else { return };
    let browser = &visitor.browser;
    let new_password = "through the looking glass";

    // Resets a forgotten password.
    visitor.open("/account/login");
    browser.click("Forgot your password?");
    visitor.sees("reset", "Enter your e-mail address");
    browser.fill("E-mail address", "queen@example.com");
    browser.press(Browser::ENTER);
    visitor.sees("reset-sent", "Check your inbox");
    visitor.follows_link_in_mail("queen@example.com");
    visitor.sees("reset-confirm", "Choose a new password");
    browser.fill("New password", new_password);
    browser.fill("New password again", PASSWORD);
    browser.click("Change password");
    visitor.sees("reset-confirm-error", "The passwords differ.");
    browser.fill("New password", new_password);
    browser.fill("New password again", new_password);
    browser.click("Change password");
    browser.sees("Your password has been changed.");
    visitor.follows_link_in_mail("queen@example.com");
    visitor.is_refused("link-dead", 404, "This link does not work");

    // The old password does not work any more.
    visitor.open("/account/login");
    browser.fill("User name or e-mail address", "queen");
    browser.fill("Password", PASSWORD);
    browser.press(Browser::ENTER);
    visitor.sees("login-error", "That is not the right user name and password.");
    browser.tick("Stay logged in on this device");
    browser.fill("Password", new_password);
    browser.press(Browser::ENTER);
    browser.sees("Log out");

    // Changes the password again, and the address.
    browser.click("queen");
    browser.click("Change your password");
    visitor.sees("password", "You will be logged out on all other devices.");
    browser.fill("Your password", "wrong");
    browser.fill("New password", PASSWORD);
    browser.fill("New password again", PASSWORD);
    browser.click("Change password");
    visitor.sees("password-error", "That is not your password.");
    browser.fill("Your password", new_password);
    browser.fill("New password", PASSWORD);
    browser.fill("New password again", PASSWORD);
    browser.click("Change password");
    browser.sees("Your password has been changed.");
    browser.fill("E-mail address", "queen@wonderland.example.com");
    browser.fill("Your password", PASSWORD);
    browser.click("Save");
    visitor.sees("profile-unverified", "queen@wonderland.example.com is not confirmed yet");
    browser.click("Send the mail again");
    browser.sees("We have sent you another mail.");
    visitor.follows_link_in_mail("queen@wonderland.example.com");
    browser.click("Yes, it is mine");
    visitor.sees("profile-verified", "Your e-mail address has been confirmed.");

    // Logs out another device.
    log_in(&visitor.blog, "queen");
    browser.click("Your devices");
    visitor.sees("devices", "This device");
    browser.click("Log out all other devices");
    visitor.sees("devices-one", "One other device has been logged out.");
    visitor.blog.get("/write").send().assert_redirect("/account/login?next=/write");
}
