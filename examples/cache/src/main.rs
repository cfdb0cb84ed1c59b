//! A list of books whose pages come from the cache, and are never older than the database.

#[cfg(test)]
mod tests;

use std::thread;
use std::time::Duration;

use lback::prelude::*;
use serde::{Deserialize, Serialize};

const HOUR: Duration = Duration::from_secs(3600);

#[derive(Model, Clone, Debug, Serialize, Deserialize)]
pub struct Book {
    pub id: i64,
    pub title: String,
    pub cents: i64,
}

fn main() {
    app().main()
}

fn app() -> App {
    let until_changed = Cached::until_changed().depends_on::<Book>().by_query(["page"]);
    let urls = Router::new().get("/", list).name("books").cached(until_changed);
    let urls = urls.get("/add", add).name("add").post("/add", add);
    App::new(urls).migrations(migrations!()).cache().template_function("latest()", |req, _| latest(req))
}

#[derive(Deserialize)]
struct Paging {
    page: Option<i64>,
}

/// Its response is stored, and made again after a commit that changes the table.
fn list(req: &mut Request) -> Result<Response> {
    let page = req.query::<Paging>()?.page.unwrap_or(1).clamp(1, 1000);
    let books: Vec<Book> = Book::query().order(books::title).offset((page - 1) * 20).limit(20).load(req.db()?)?;
    req.render("books.html", context! { books })
}

/// Called when the fragment of `add.html` is rendered.
fn latest(req: &mut Request) -> Result<Vec<String>> {
    Ok(books::table.order(books::id.desc()).select(books::title).limit(3).load(req.db()?)?)
}

#[derive(Form)]
struct BookForm {
    title: String,
    #[form(range = 0..=1_000_000)]
    cents: i64,
}

/// A form has a token of its visitor, so that this page is not cached as a whole.
fn add(req: &mut Request) -> Result<Response> {
    let mut form = Form::<BookForm>::new();
    if let Some(BookForm { title, cents }) = form.submitted(req)? {
        Book::create(req.db()?, NewBook { title, cents })?;
        return req.redirect_to("books", &[]);
    }
    let total = total(req)?;
    req.render("add.html", context! { form, total })
}

/// Returns the price of all books in dollars.
fn total(req: &mut Request) -> Result<String> {
    let entry = req.cache()?.entry("cents").depends_on::<Book>();
    let cents = entry.get_or_set(|| Ok(books::table.select(books::cents).load::<i64>(req.db()?)?.iter().sum::<i64>()))?;
    // After an hour, one request asks for the rate, while others use the last one. After a day, all wait for it.
    let entry = req.cache()?.entry("rate").ttl(HOUR).stale_for(23 * HOUR);
    let rate = *entry.get_or_set(exchange_rate)?;
    Ok(format!("{:.2}", *cents as f64 * rate / 100.0))
}

/// Stands for a request to another server, which takes long.
fn exchange_rate() -> Result<f64> {
    thread::sleep(Duration::from_millis(200));
    Ok(1.25)
}
