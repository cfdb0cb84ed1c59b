//! axum with axum-login and tower-sessions on sqlx, in a SQLite file: login, the current user, and a form.
//!
//! Passwords are verified on blocking threads, as in axum-login's own example. The form and its validation are written by
//! hand, because axum has no forms. It has no CSRF tokens either, so a token is kept in the session.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use axum::Router;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::{get, post};
use axum_login::{AuthManagerLayerBuilder, AuthSession, AuthUser, AuthnBackend, UserId};
use lback_benchmark_peers::{Options, Result, SESSION_MINUTES, axum_server};
use serde::{Deserialize, Serialize};
use tera::Tera;
use time::Duration;
use tower_sessions::{Expiry, Session, SessionManagerLayer};
use tower_sessions_sqlx_store::SqliteStore;
use tower_sessions_sqlx_store::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use tower_sessions_sqlx_store::sqlx::{self, SqlitePool};

const PASSWORD: &str = "down the rabbit hole";

fn main() -> Result {
    let options = Options::of_command_line()?;
    options.runtime()?.block_on(serve(&options))
}

async fn serve(options: &Options) -> Result {
    let connect = SqliteConnectOptions::new()
        .filename(&options.database)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(options.synchronous.parse()?);
    let pool = SqlitePool::connect_with(connect).await?;
    let store = SqliteStore::new(pool.clone());
    store.migrate().await?;
    add_users(&pool, options.users).await?;
    let sessions = SessionManagerLayer::new(store)
        .with_secure(false)
        .with_expiry(Expiry::OnInactivity(Duration::minutes(SESSION_MINUTES)))
        .with_always_save(options.rolling);
    let auth = AuthManagerLayerBuilder::new(Backend { pool }, sessions.clone()).build();
    let mut templates = Tera::new();
    templates.add_raw_template("entry.html", include_str!("../../templates/entry.html"))?;
    let of_users = Router::new().route("/login", post(log_in)).route("/enter", post(enter)).route("/user", get(user)).layer(auth);
    let of_forms = Router::new().route("/form", get(show).post(submit)).layer(sessions).with_state(Arc::new(templates));
    let router = Router::new().route("/plain", get(axum_server::plain)).merge(of_users).merge(of_forms);
    axum_server::serve(router, options).await
}

async fn add_users(pool: &SqlitePool, count: u32) -> Result {
    sqlx::query("CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, username TEXT NOT NULL UNIQUE, password TEXT NOT NULL)")
        .execute(pool)
        .await?;
    let hash = Argon2::default().hash_password(PASSWORD.as_bytes()).map_err(|error| error.to_string())?.to_string();
    let mut transaction = pool.begin().await?;
    for number in 0..count {
        let insert = sqlx::query("INSERT INTO users (username, password) VALUES (?, ?)");
        insert.bind(format!("user{number}")).bind(&hash).execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}

// ---- users

type Row = (i64, String, String);

#[derive(Clone, Debug)]
struct User {
    id: i64,
    username: String,
    password: String,
}

impl From<Row> for User {
    fn from((id, username, password): Row) -> Self {
        User { id, username, password }
    }
}

impl AuthUser for User {
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }

    fn session_auth_hash(&self) -> &[u8] {
        self.password.as_bytes()
    }
}

#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

#[derive(Clone)]
struct Backend {
    pool: SqlitePool,
}

#[derive(Debug)]
struct Failure(String);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

fn failure(error: impl std::fmt::Display) -> Failure {
    Failure(error.to_string())
}

impl Backend {
    async fn named(&self, username: &str) -> std::result::Result<Option<User>, Failure> {
        let found = sqlx::query_as("SELECT id, username, password FROM users WHERE username = ?").bind(username);
        let row: Option<Row> = found.fetch_optional(&self.pool).await.map_err(failure)?;
        Ok(row.map(User::from))
    }
}

impl AuthnBackend for Backend {
    type User = User;
    type Credentials = Credentials;
    type Error = Failure;

    async fn authenticate(&self, Credentials { username, password }: Credentials) -> std::result::Result<Option<User>, Failure> {
        let Some(user) = self.named(&username).await? else { return Ok(None) };
        let check = move || {
            let hash = PasswordHash::new(&user.password).map_err(failure)?;
            Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok().then(|| user.clone()))
        };
        tokio::task::spawn_blocking(check).await.map_err(failure)?
    }

    async fn get_user(&self, id: &UserId<Self>) -> std::result::Result<Option<User>, Failure> {
        let found = sqlx::query_as("SELECT id, username, password FROM users WHERE id = ?").bind(id);
        let row: Option<Row> = found.fetch_optional(&self.pool).await.map_err(failure)?;
        Ok(row.map(User::from))
    }
}

type Answer<T> = std::result::Result<T, (StatusCode, String)>;

fn failed(error: impl std::fmt::Display) -> (StatusCode, String) {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

async fn log_in(mut auth: AuthSession<Backend>, Form(credentials): Form<Credentials>) -> Answer<&'static str> {
    let user = auth.authenticate(credentials).await.map_err(failed)?;
    let user = user.ok_or((StatusCode::BAD_REQUEST, "not logged in".to_owned()))?;
    auth.login(&user).await.map_err(failed)?;
    Ok("in")
}

/// Logs in a user without a password, to create sessions for the measurement.
async fn enter(mut auth: AuthSession<Backend>) -> Answer<&'static str> {
    let user = auth.backend.named("user1").await.map_err(failed)?.ok_or_else(|| failed("no user"))?;
    auth.login(&user).await.map_err(failed)?;
    Ok("1")
}

async fn user(auth: AuthSession<Backend>) -> String {
    auth.user.map_or("nobody".to_owned(), |user| user.username)
}

// ---- a form

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct Entry {
    csrf_token: String,
    title: String,
    email: String,
    count: String,
    text: String,
    agree: Option<String>,
}

#[derive(Default, Serialize)]
struct Errors {
    title: Option<&'static str>,
    email: Option<&'static str>,
    count: Option<&'static str>,
    text: Option<&'static str>,
}

impl Entry {
    fn errors(&self) -> Errors {
        let missing = "Fill in this field.";
        let mut errors = Errors::default();
        errors.title = match self.title.trim() {
            "" => Some(missing),
            title if title.chars().count() > 100 => Some("At most 100 characters."),
            _ => None,
        };
        errors.email = match self.email.trim() {
            "" => Some(missing),
            email if email.split_once('@').is_none_or(|(name, host)| name.is_empty() || !host.contains('.')) => {
                Some("Enter an e-mail address, like name@example.com.")
            }
            _ => None,
        };
        errors.count = match self.count.trim().parse::<u32>() {
            _ if self.count.trim().is_empty() => Some(missing),
            Ok(1..=99) => None,
            Ok(_) => Some("At least 1, at most 99."),
            Err(_) => Some("Enter a whole number."),
        };
        errors.text = self.text.trim().is_empty().then_some(missing);
        errors
    }
}

/// Returns the token of the session, which is created for its first form.
async fn token(session: &Session) -> Answer<String> {
    if let Some(token) = session.get::<String>("csrf").await.map_err(failed)? {
        return Ok(token);
    }
    let token = tower_sessions::session::Id::default().to_string();
    session.insert("csrf", &token).await.map_err(failed)?;
    Ok(token)
}

fn render(templates: &Tera, entry: &Entry, errors: &Errors, token: &str) -> Answer<Html<String>> {
    let mut context = tera::Context::new();
    context.insert("entry", entry);
    context.insert("errors", errors);
    context.insert("token", token);
    templates.render("entry.html", &context).map(Html).map_err(failed)
}

async fn show(State(templates): State<Arc<Tera>>, session: Session) -> Answer<Html<String>> {
    render(&templates, &Entry::default(), &Errors::default(), &token(&session).await?)
}

async fn submit(State(templates): State<Arc<Tera>>, session: Session, Form(entry): Form<Entry>) -> Answer<Html<String>> {
    let token = token(&session).await?;
    if entry.csrf_token != token {
        return Err((StatusCode::FORBIDDEN, "wrong token".to_owned()));
    }
    let errors = entry.errors();
    if errors.title.or(errors.email).or(errors.count).or(errors.text).is_none() {
        return Ok(Html(format!("{} {} {} {} {:?}", entry.title, entry.email, entry.count, entry.text, entry.agree)));
    }
    render(&templates, &entry, &errors, &token)
}
