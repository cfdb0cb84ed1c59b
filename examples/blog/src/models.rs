//! The posts, and their form.

use std::ops::Deref;

use lback::auth::auth_users;
use lback::prelude::*;

/// The visibility of a post.
#[derive(Choices, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// The author is working on the post.
    #[default]
    Draft,
    /// The post waits for a moderator.
    Submitted,
    /// Everyone may read the post.
    Published,
}

#[derive(Model, Clone, Debug, serde::Serialize)]
#[model(order = "-published_at, -id", index(state, published_at), clean = Post::check)]
pub struct Post {
    pub id: i64,
    #[model(references = User)]
    pub author_id: i64,
    #[model(max_length = 120)]
    pub title: String,
    #[model(
        max_length = 120,
        unique,
        label = "Address",
        help = "The end of the post's URL: letters, digits and hyphens. If empty, it is derived from the title."
    )]
    pub slug: String,
    #[model(label = "Text", long, max_length = 50_000, help = "Separate paragraphs with an empty line.")]
    pub body: String,
    #[model(default = State::Draft)]
    pub state: State,
    /// The reason of the moderator who has sent the post back.
    #[model(long, blank)]
    pub remark: String,
    #[model(version)]
    pub version: i32,
    #[model(auto_now_add)]
    pub created_at: DateTime<Utc>,
    #[model(auto_now)]
    pub updated_at: DateTime<Utc>,
    pub published_at: Option<DateTime<Utc>>,
}

/// The parts of a post that its author writes.
#[derive(Form)]
#[form(model = Post)]
pub struct Draft {
    pub title: String,
    #[form(clean = clean_slug)]
    pub slug: Option<String>,
    pub body: String,
    pub version: i32,
}

fn clean_slug(slug: String) -> Result<String, &'static str> {
    let slug = slug.to_lowercase();
    if slug == slugify(&slug) { Ok(slug) } else { Err("Use letters from a to z, digits, and single hyphens between them.") }
}

/// `Down the Rabbit-Hole!` becomes `down-the-rabbit-hole`.
fn slugify(title: &str) -> String {
    let words = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}

impl Post {
    /// Fills in an address that was left empty.
    pub fn with_slug(mut new: NewPost) -> NewPost {
        if new.slug.is_empty() {
            new.slug = slugify(&new.title);
        }
        new
    }

    fn check(&self, errors: &mut FormErrors) {
        if self.slug.is_empty() {
            errors.add("slug", "No address can be derived from this title. Please enter one.");
        }
    }

    /// Changes the state of the post, with a remark for its author. Returns `false` if the post has changed since it was read.
    pub fn set_state(&self, db: &mut Db, state: State, remark: &str) -> Result<bool> {
        let published_at = (state == State::Published).then(|| db.now());
        let mut post = Post { state, remark: remark.to_owned(), published_at, ..self.clone() };
        match post.save(db) {
            Err(error) if error.status() == StatusCode::CONFLICT => Ok(false),
            saved => saved.map(|()| true),
        }
    }
}

/// A post with the name of its author.
#[derive(Queryable, serde::Serialize)]
pub struct Signed {
    #[serde(flatten)]
    pub post: Post,
    pub author: String,
}

impl Deref for Signed {
    type Target = Post;

    fn deref(&self) -> &Post {
        &self.post
    }
}

/// Posts with the names of their authors, to be filtered and ordered.
macro_rules! signed {
    () => {
        posts::table.inner_join(auth_users::table).select((Post::as_select(), auth_users::username))
    };
}

impl Signed {
    /// Returns the post with the given id, or a 404.
    pub fn find(db: &mut Db, id: i64) -> Result<Signed> {
        signed!().filter(posts::id.eq(id)).first(db).or_404()
    }

    /// Returns the post at the given address.
    pub fn at(db: &mut Db, slug: &str) -> Result<Option<Signed>> {
        Ok(signed!().filter(posts::slug.eq(slug)).first(db).optional()?)
    }

    /// Returns a page of published posts, newest first.
    pub fn published(db: &mut Db, page: u32, per_page: u32) -> Result<Page<Signed>> {
        let published = signed!().filter(posts::state.eq(State::Published));
        published.order((posts::published_at.desc(), posts::id.desc())).page(db, page, per_page)
    }

    /// Returns the submitted posts, starting with the one that has waited longest.
    pub fn submitted(db: &mut Db) -> Result<Vec<Signed>> {
        let waiting = signed!().filter(posts::state.eq(State::Submitted));
        Ok(waiting.order((posts::updated_at, posts::id)).load(db)?)
    }
}
