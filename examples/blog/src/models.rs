//! The table of posts, and what is asked of it.

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

/// The author is writing it.
pub const DRAFT: &str = "draft";
/// It waits for a moderator.
pub const SUBMITTED: &str = "submitted";
/// Everybody may read it.
pub const PUBLISHED: &str = "published";

/// A post, and the name of its author.
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

/// What its writer says of a post. It is the form, too.
#[derive(Form)]
pub struct Draft {
    #[form(max_length = 120)]
    pub title: String,
    #[form(
        label = "Address",
        max_length = 120,
        clean = clean_slug,
        help = "What its address ends in: letters, digits and hyphens. Left empty, it is made of the title."
    )]
    pub slug: Option<String>,
    #[form(label = "Text", textarea, max_length = 50_000, help = "An empty line begins a new paragraph.")]
    pub body: String,
    /// Which version was opened to be changed.
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

/// Why a draft is not saved.
pub enum Refused {
    /// Another post has the address.
    SlugTaken,
    /// No address can be made of the title.
    NoSlug,
    /// Somebody else has saved the post meanwhile.
    Overtaken,
}

impl Draft {
    /// What the form shows of a post that is to be changed.
    pub fn of(post: &Post) -> Self {
        Draft { title: post.title.clone(), slug: Some(post.slug.clone()), body: post.body.clone(), version: post.version }
    }

    fn slug(&self) -> Option<String> {
        let slug = self.slug.clone().unwrap_or_else(|| slugify(&self.title));
        Some(slug).filter(|slug| !slug.is_empty())
    }

    /// Makes a post of it, and returns its address.
    pub fn insert(&self, db: &mut Db, author: &User, now: DateTime<Utc>) -> Result<Result<String, Refused>> {
        let Some(slug) = self.slug() else { return Ok(Err(Refused::NoSlug)) };
        let row = (
            posts::author_id.eq(author.id),
            (posts::title.eq(&self.title), posts::slug.eq(&slug), posts::body.eq(&self.body)),
            (posts::state.eq(DRAFT), posts::remark.eq(""), posts::version.eq(1)),
            (posts::created_at.eq(now.naive_utc()), posts::updated_at.eq(now.naive_utc())),
        );
        // A transaction inside the request's own: what fails in here can be mended by the visitor.
        match unless_taken(db.transaction(|db| diesel::insert_into(posts::table).values(row).execute(db)))? {
            Some(_) => Ok(Ok(slug)),
            None => Ok(Err(Refused::SlugTaken)),
        }
    }

    /// Changes a post into it, unless somebody else was faster, and returns its address.
    pub fn update(&self, db: &mut Db, post: &Post, now: DateTime<Utc>) -> Result<Result<String, Refused>> {
        let Some(slug) = self.slug() else { return Ok(Err(Refused::NoSlug)) };
        let opened = posts::table.filter(posts::id.eq(post.id)).filter(posts::version.eq(self.version));
        let change = (
            (posts::title.eq(&self.title), posts::slug.eq(&slug), posts::body.eq(&self.body)),
            (posts::version.eq(posts::version + 1), posts::updated_at.eq(now.naive_utc())),
        );
        match unless_taken(db.transaction(|db| diesel::update(opened).set(change).execute(db)))? {
            Some(1) => Ok(Ok(slug)),
            Some(_) => Ok(Err(Refused::Overtaken)),
            None => Ok(Err(Refused::SlugTaken)),
        }
    }
}

/// `None` where another post has the address.
fn unless_taken(result: Result<usize, DieselError>) -> Result<Option<usize>> {
    match result {
        Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Ok(None),
        result => Ok(Some(result?)),
    }
}

impl Post {
    /// The post of this id, or a 404.
    #[track_caller]
    pub fn find(db: &mut Db, id: i64) -> Result<Post> {
        let found = posts::table.inner_join(auth_users::table).filter(posts::id.eq(id));
        found.select(Post::as_select()).first(db).or_404()
    }

    /// The post at this address.
    pub fn at(db: &mut Db, slug: &str) -> Result<Option<Post>> {
        let found = posts::table.inner_join(auth_users::table).filter(posts::slug.eq(slug));
        Ok(found.select(Post::as_select()).first(db).optional()?)
    }

    /// A page of what everybody may read, newest first, and how many pages there are.
    pub fn published(db: &mut Db, page: u32, per_page: u32) -> Result<(Vec<Post>, u32)> {
        let published = posts::table.inner_join(auth_users::table).filter(posts::state.eq(PUBLISHED));
        let offset = i64::from(page.saturating_sub(1)) * i64::from(per_page);
        let newest = published.order((posts::published_at.desc(), posts::id.desc())).limit(per_page.into()).offset(offset);
        let posts = newest.select(Post::as_select()).load(db)?;
        let count: i64 = posts::table.filter(posts::state.eq(PUBLISHED)).count().get_result(db)?;
        Ok((posts, u32::try_from(count)?.div_ceil(per_page).max(1)))
    }

    /// What waits for a moderator; who has waited longest comes first.
    pub fn submitted(db: &mut Db) -> Result<Vec<Post>> {
        let waiting = posts::table.inner_join(auth_users::table).filter(posts::state.eq(SUBMITTED));
        Ok(waiting.order((posts::updated_at, posts::id)).select(Post::as_select()).load(db)?)
    }

    /// All that somebody has written, what was changed last first.
    pub fn by(db: &mut Db, author: &User) -> Result<Vec<Post>> {
        let theirs = posts::table.inner_join(auth_users::table).filter(posts::author_id.eq(author.id));
        Ok(theirs.order((posts::updated_at.desc(), posts::id.desc())).select(Post::as_select()).load(db)?)
    }

    /// Moves it on to another state, with a remark for its author. `false` where somebody has changed it since it was read.
    pub fn advance(&self, db: &mut Db, to: &str, remark: &str, now: DateTime<Utc>) -> Result<bool> {
        let now = now.naive_utc();
        let read = posts::table.filter(posts::id.eq(self.id)).filter(posts::version.eq(self.version));
        let change = (
            (posts::state.eq(to), posts::remark.eq(remark), posts::published_at.eq((to == PUBLISHED).then_some(now))),
            (posts::version.eq(posts::version + 1), posts::updated_at.eq(now)),
        );
        Ok(diesel::update(read).set(change).execute(db)? == 1)
    }

    /// `false` where somebody has changed it since it was read.
    pub fn delete(&self, db: &mut Db) -> Result<bool> {
        let read = posts::table.filter(posts::id.eq(self.id)).filter(posts::version.eq(self.version));
        Ok(diesel::delete(read).execute(db)? == 1)
    }
}
