//! Books and their authors as an HTTP API: everybody reads them, and users who are logged in change them.

#[cfg(test)]
mod tests;

use lback::prelude::*;

#[derive(Model, Clone, Debug)]
#[model(order = "name")]
pub struct Author {
    pub id: i64,
    #[model(max_length = 100, unique)]
    pub name: String,
}

#[derive(Model, Clone, Debug)]
pub struct Book {
    pub id: i64,
    #[model(max_length = 200, index)]
    pub title: String,
    #[model(references = Author)]
    pub author_id: i64,
    #[model(min = 0, max = 2100, index)]
    pub year: i32,
    #[model(version)]
    pub version: i32,
}

fn main() {
    app().main()
}

fn app() -> App {
    let urls = Router::new().include("/api", api().urls());
    App::new(urls).migrations(migrations!()).models(models![Author, Book]).auth().accounts().mail().api()
}

fn api() -> Api {
    Api::new("Books", "1")
        .public_document()
        .resource::<Author>(|author| author.fields(["id", "name"]).writable(["name"]).search(["name"]).public().login_required())
        .resource::<Book>(|book| {
            book.fields(["id", "title", "author", "year"])
                .writable(["title", "author", "year"])
                .filter(["author", "year"])
                .search(["title"])
                .order(["title"])
                .sortable(["year"])
                .include("author", ["id", "name"])
                .public()
                .login_required()
        })
}
