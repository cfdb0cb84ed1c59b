//! The admin of the blog, under `/admin`.

use lback::admin::Admin;
use lback::prelude::*;

use crate::models::{Post, State};

pub fn site() -> Admin {
    Admin::new().title("The Looking-Glass").model::<Post>(|post| {
        post.section("Blog")
            .column("words", "Words", |post| Ok(post.body.split_whitespace().count().to_string()))
            .list(["title", "author", "state", "words", "published_at"])
            .search(["title", "body", "=author.username"])
            .filters(["state", "author", "published_at"])
            .dates("published_at")
            .fieldsets([
                ("", ["title", "slug", "author", "state", "published_at"].as_slice()),
                ("Text", &["body", "remark"]),
                ("Changes", &["created_at", "updated_at"]),
            ])
            .markdown(["remark"])
            .prepopulated("slug", ["title"])
            .action("publish", "Publish", publish)
            .on_site(|post| format!("/posts/{}", post.slug))
    })
}

fn publish(req: &mut Request, posts: Vec<Post>) -> Result<String> {
    let count = posts.len();
    for post in posts {
        post.set_state(req.db()?, State::Published, "")?;
    }
    Ok(if count == 1 { "One post is published.".to_owned() } else { format!("{count} posts are published.") })
}
