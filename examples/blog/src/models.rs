//! The table of posts, its queries, and its form.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use lback::auth::auth_users;
use lback::chrono::{DateTime, NaiveDateTime, Utc};
use lback::db::joinable_tables;
use lback::prelude::*;

diesel::table! {
    posts (id) {
        id -> BigInt,
        author_id -> BigInt,
        title -> Text,
        slug -> Text,
        body -> Text,
        state -> Text,
        remark -> Text,
        version -> Integer,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        published_at -> Nullable<Timestamp>,
    }
}

joinable_tables![posts];
diesel::joinable!(posts -> auth_users (author_id));

/// The author is working on the post.
pub const DRAFT: &str = "draft";
/// The post waits for a moderator.
pub const SUBMITTED: &str = "submitted";
/// Everyone may read the post.
pub const PUBLISHED: &str = "published";

/// A post with the name of its author.
#[derive(Queryable, Selectable, serde::Serialize)]
#[diesel(table_name = posts)]
pub struct Post {
    pub id: i64,
    pub author_id: i64,
    #[diesel(select_expression = auth_users::username)]
    pub author: String,
    pub title: String,
    pub slug: String,
    pub body: String,
    pub state: String,
    pub remark: String,
    pub version: i32,
    pub created_at: NaiveDateTime,
    pub updated_at: NaiveDateTime,
    pub published_at: Option<NaiveDateTime>,
}

/// The parts of a post that its author writes. This is also the form.
#[derive(Form)]
pub struct Draft {
    #[form(max_length = 120)]
    pub title: String,
    #[form(
        label = "Address",
        max_length = 120,
        clean = clean_slug,
        help = "The end of the post's URL: letters, digits and hyphens. If empty, it is derived from the title."
    )]
    pub slug: Option<String>,
    #[form(label = "Text", textarea, max_length = 50_000, help = "Separate paragraphs with an empty line.")]
    pub body: String,
    /// The version that the author has opened.
    #[form(hidden)]
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

/// The reason why a draft was not saved.
pub enum NotSaved {
    /// Another post has this address.
    SlugTaken,
    /// No address can be derived from the title.
    NoSlug,
    /// Another user has saved the post in the meantime.
    Conflict,
}

impl Draft {
    /// Returns the values with which the form edits a post.
    pub fn of(post: &Post) -> Self {
        Draft { title: post.title.clone(), slug: Some(post.slug.clone()), body: post.body.clone(), version: post.version }
    }

    fn slug(&self) -> Option<String> {
        let slug = self.slug.clone().unwrap_or_else(|| slugify(&self.title));
        Some(slug).filter(|slug| !slug.is_empty())
    }

    /// Creates a post, and returns its address.
    pub fn insert(&self, db: &mut Db, author: &User, now: DateTime<Utc>) -> Result<Result<String, NotSaved>> {
        let Some(slug) = self.slug() else { return Ok(Err(NotSaved::NoSlug)) };
        let row = (
            posts::author_id.eq(author.id),
            (posts::title.eq(&self.title), posts::slug.eq(&slug), posts::body.eq(&self.body)),
            (posts::state.eq(DRAFT), posts::remark.eq(""), posts::version.eq(1)),
            (posts::created_at.eq(now.naive_utc()), posts::updated_at.eq(now.naive_utc())),
        );
        // A transaction inside the request's own, so that the request continues if it fails, and the author can choose
        // another address.
        match unless_taken(db.transaction(|db| diesel::insert_into(posts::table).values(row).execute(db)))? {
            Some(_) => Ok(Ok(slug)),
            None => Ok(Err(NotSaved::SlugTaken)),
        }
    }

    /// Updates a post, unless another user has changed it, and returns its address.
    pub fn update(&self, db: &mut Db, post: &Post, now: DateTime<Utc>) -> Result<Result<String, NotSaved>> {
        let Some(slug) = self.slug() else { return Ok(Err(NotSaved::NoSlug)) };
        let opened = posts::table.filter(posts::id.eq(post.id)).filter(posts::version.eq(self.version));
        let change = (
            (posts::title.eq(&self.title), posts::slug.eq(&slug), posts::body.eq(&self.body)),
            (posts::version.eq(posts::version + 1), posts::updated_at.eq(now.naive_utc())),
        );
        match unless_taken(db.transaction(|db| diesel::update(opened).set(change).execute(db)))? {
            Some(1) => Ok(Ok(slug)),
            Some(_) => Ok(Err(NotSaved::Conflict)),
            None => Ok(Err(NotSaved::SlugTaken)),
        }
    }
}

/// Returns `None` if another post has the address.
fn unless_taken(result: Result<usize, DieselError>) -> Result<Option<usize>> {
    match result {
        Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Ok(None),
        result => Ok(Some(result?)),
    }
}

impl Post {
    /// Returns the post with the given id, or a 404.
    #[track_caller]
    pub fn find(db: &mut Db, id: i64) -> Result<Post> {
        let found = posts::table.inner_join(auth_users::table).filter(posts::id.eq(id));
        found.select(Post::as_select()).first(db).or_404()
    }

    /// Returns the post at the given address.
    pub fn at(db: &mut Db, slug: &str) -> Result<Option<Post>> {
        let found = posts::table.inner_join(auth_users::table).filter(posts::slug.eq(slug));
        Ok(found.select(Post::as_select()).first(db).optional()?)
    }

    /// Returns a page of published posts, newest first, and the number of pages.
    pub fn published(db: &mut Db, page: u32, per_page: u32) -> Result<(Vec<Post>, u32)> {
        let published = posts::table.inner_join(auth_users::table).filter(posts::state.eq(PUBLISHED));
        let offset = i64::from(page.saturating_sub(1)) * i64::from(per_page);
        let newest = published.order((posts::published_at.desc(), posts::id.desc())).limit(per_page.into()).offset(offset);
        let posts = newest.select(Post::as_select()).load(db)?;
        let count: i64 = posts::table.filter(posts::state.eq(PUBLISHED)).count().get_result(db)?;
        Ok((posts, u32::try_from(count)?.div_ceil(per_page).max(1)))
    }

    /// Returns the submitted posts, starting with the one that has waited longest.
    pub fn submitted(db: &mut Db) -> Result<Vec<Post>> {
        let waiting = posts::table.inner_join(auth_users::table).filter(posts::state.eq(SUBMITTED));
        Ok(waiting.order((posts::updated_at, posts::id)).select(Post::as_select()).load(db)?)
    }

    /// Returns all posts of an author, the last changed first.
    pub fn by(db: &mut Db, author: &User) -> Result<Vec<Post>> {
        let theirs = posts::table.inner_join(auth_users::table).filter(posts::author_id.eq(author.id));
        Ok(theirs.order((posts::updated_at.desc(), posts::id.desc())).select(Post::as_select()).load(db)?)
    }

    /// Changes the state of the post, with a remark for its author. Returns `false` if the post has changed since it was
    /// read.
    pub fn set_state(&self, db: &mut Db, to: &str, remark: &str, now: DateTime<Utc>) -> Result<bool> {
        let now = now.naive_utc();
        let read = posts::table.filter(posts::id.eq(self.id)).filter(posts::version.eq(self.version));
        let change = (
            (posts::state.eq(to), posts::remark.eq(remark), posts::published_at.eq((to == PUBLISHED).then_some(now))),
            (posts::version.eq(posts::version + 1), posts::updated_at.eq(now)),
        );
        Ok(diesel::update(read).set(change).execute(db)? == 1)
    }

    /// Deletes the post. Returns `false` if it has changed since it was read.
    pub fn delete(&self, db: &mut Db) -> Result<bool> {
        let read = posts::table.filter(posts::id.eq(self.id)).filter(posts::version.eq(self.version));
        Ok(diesel::delete(read).execute(db)? == 1)
    }
}
