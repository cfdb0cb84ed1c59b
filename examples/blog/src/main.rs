//! A blog: visitors read, authors write, and moderators publish.

mod admin;
mod listeners;
mod models;
mod urls;
mod views;

#[cfg(test)]
mod tests;

use std::num::NonZeroU32;

use lback::prelude::*;

fn main() {
    app().main()
}

fn app() -> App {
    App::new(urls::urls())
        .migrations(migrations!(sqlite, postgres))
        .models(models![models::Post])
        .auth()
        .accounts()
        .mail()
        .admin_with(admin::site())
        .permissions([
            ("blog.add_post", "Write posts"),
            ("blog.moderate", "Publish and edit all posts, admit authors"),
            // No group has this permission, so only superusers do.
            ("blog.appoint", "Appoint moderators"),
        ])
        .state_from(|settings| Ok(settings.table::<Blog>("blog")?))
        .template_global("blog", |req| req.state::<Blog>().cloned())
        .on_async(listeners::notify_moderators)
}

/// The table `[blog]` in the settings.
#[derive(Clone, serde::Deserialize, serde::Serialize)]
struct Blog {
    name: String,
    site_url: String,
    posts_per_page: NonZeroU32,
}
