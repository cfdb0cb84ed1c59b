//! Every Rust snippet of the guide and of the README is a documentation test of this crate:
//!
//! ```text
//! cargo test --doc -p lback-guide
//! ```
//!
//! The guide's files, settings, links and messages are checked in `tests/guide.rs`.

use lback::App;
use lback::models::{ModelList, migrate};
use lback::testing::Client;

/// Returns a test client for `app`, for the hidden lines of snippets.
pub fn client(app: App) -> Client {
    Client::with_settings(app, "DEBUG = true\nSESSION_TIMEOUT_MINUTES = 30")
}

/// Like [`client`], with the templates from the chapters on templates, forms, CSRF, mail and jobs. Each begins with a comment that names it.
pub fn client_with_templates(app: App) -> Client {
    client_with(app, "```html\n")
}

/// Like [`client`], with the templates that need the application's own functions and filters.
pub fn client_with_own_templates(app: App) -> Client {
    client_with(app, "```html,own\n")
}

/// Like [`client`], with the templates of one snippet: those in blocks that begin with `html,` and `kind`.
pub fn client_with_templates_of(app: App, kind: &str) -> Client {
    client_with(app, &format!("```html,{kind}\n"))
}

/// Creates the tables of models, for the hidden lines of snippets.
pub fn create_tables(client: &Client, models: ModelList) {
    client.db(|db| migrate::create_tables(db, models));
}

fn client_with(app: App, fence: &str) -> Client {
    let folder = tempfile::tempdir().expect("a folder for the templates");
    let chapters = [
        include_str!("src/templates.md"),
        include_str!("src/forms.md"),
        include_str!("src/csrf.md"),
        include_str!("src/mail.md"),
        include_str!("src/jobs.md"),
        include_str!("src/live-pages.md"),
        include_str!("src/models.md"),
        include_str!("src/admin.md"),
    ];
    for block in chapters.iter().flat_map(|chapter| chapter.split(fence).skip(1)) {
        let text = block.split("```").next().unwrap_or_default();
        let name = text.strip_prefix("{# ").and_then(|text| text.split(" #}").next()).expect("a comment that names the template");
        let file = folder.path().join(name);
        file.parent().map(std::fs::create_dir_all).transpose().expect("its folder is made");
        std::fs::write(file, text).expect("a template is written");
    }
    // While DEBUG is off, templates are read once, so the folder can be deleted.
    let templates = folder.path().display();
    Client::with_settings(app, &format!("TEMPLATES_DIR = '{templates}'\nALLOWED_HOSTS = ['*']\nSESSION_TIMEOUT_MINUTES = 30"))
}

macro_rules! chapters {
    ($($name:ident $file:literal;)*) => {$(
        #[cfg(doctest)]
        #[doc = include_str!($file)]
        mod $name {}
    )*};
}

chapters! {
    readme "../README.md";
    introduction "src/introduction.md";
    tutorial_1 "src/tutorial/1-a-new-project.md";
    tutorial_2 "src/tutorial/2-a-model-and-its-pages.md";
    tutorial_3 "src/tutorial/3-forms.md";
    tutorial_4 "src/tutorial/4-comments.md";
    tutorial_5 "src/tutorial/5-permissions.md";
    tutorial_6 "src/tutorial/6-the-admin.md";
    tutorial_7 "src/tutorial/7-mail.md";
    tutorial_8 "src/tutorial/8-tests.md";
    tutorial_9 "src/tutorial/9-a-live-list.md";
    tutorial_10 "src/tutorial/10-deployment.md";
    commands "src/commands.md";
    views "src/views.md";
    routing "src/routing.md";
    middleware "src/middleware.md";
    request_lifecycle "src/request-lifecycle.md";
    templates "src/templates.md";
    forms "src/forms.md";
    csrf "src/csrf.md";
    cors "src/cors.md";
    models "src/models.md";
    settings "src/settings.md";
    live_pages "src/live-pages.md";
    sessions "src/sessions.md";
    stores "src/stores.md";
    engine "src/engine.md";
    authentication "src/authentication.md";
    permissions "src/permissions.md";
    tokens "src/tokens.md";
    admin "src/admin.md";
    api "src/api.md";
    database "src/database.md";
    diesel_errors "src/diesel-errors.md";
    mail "src/mail.md";
    jobs "src/jobs.md";
    cache "src/cache.md";
    rate_limits "src/rate-limits.md";
    channels "src/channels.md";
    websockets "src/websockets.md";
    signals "src/signals.md";
    debugging "src/debugging.md";
    testing "src/testing.md";
    batteries "src/batteries.md";
    deployment "src/deployment.md";
    recipes "src/recipes.md";
}
