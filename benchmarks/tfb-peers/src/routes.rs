use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use tera::Tera;
use tokio::net::TcpListener;
use tokio_stream::wrappers::ReceiverStream;

use crate::{Csv, Fortune, Item, Options, Result, Store, World, random_number};

/// Listens, prints that it does, and serves requests.
pub async fn serve(store: impl Store, options: &Options) -> Result {
    let mut templates = Tera::new();
    templates.add_raw_template("fortunes.html", include_str!("../../server/templates/fortunes.html"))?;
    let router = Router::new()
        .route("/db", get(world))
        .route("/queries", get(worlds))
        .route("/fortunes", get(fortunes))
        .route("/fortunes-compiled", get(fortunes_compiled))
        .route("/updates", post(update))
        .route("/insert", post(insert))
        .route("/csv", get(export))
        .with_state(Shared { store, templates: Arc::new(templates) });
    let listener = TcpListener::bind(("127.0.0.1", options.port)).await?;
    println!("listening");
    Ok(axum::serve(listener, router).await?)
}

#[derive(Clone)]
struct Shared<S> {
    store: S,
    templates: Arc<Tera>,
}

type Answer<T> = std::result::Result<T, (StatusCode, String)>;

fn failed(error: impl std::fmt::Display) -> (StatusCode, String) {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

#[derive(Deserialize)]
struct Count {
    n: usize,
}

async fn world<S: Store>(State(Shared { store, .. }): State<Shared<S>>) -> Answer<Json<World>> {
    store.world(random_number()).await.map(Json).map_err(failed)
}

async fn worlds<S: Store>(State(Shared { store, .. }): State<Shared<S>>, Query(Count { n }): Query<Count>) -> Answer<Json<Vec<World>>> {
    let ids = (0..n).map(|_| random_number()).collect();
    store.worlds(ids).await.map(Json).map_err(failed)
}

async fn update<S: Store>(State(Shared { store, .. }): State<Shared<S>>, Query(Count { n }): Query<Count>) -> Answer<Json<Vec<World>>> {
    // Distinct and in order, so that transactions do not wait for each other in a circle.
    let mut ids = BTreeSet::new();
    while ids.len() < n {
        ids.insert(random_number());
    }
    store.update(ids).await.map(Json).map_err(failed)
}

async fn all_fortunes(store: &impl Store) -> Answer<Vec<Fortune>> {
    let mut fortunes = store.fortunes().await.map_err(failed)?;
    fortunes.push(Fortune { id: 0, message: "Additional fortune added at request time.".to_owned() });
    fortunes.sort_by(|a, b| a.message.cmp(&b.message));
    Ok(fortunes)
}

async fn fortunes<S: Store>(State(Shared { store, templates }): State<Shared<S>>) -> Answer<Html<String>> {
    let mut context = tera::Context::new();
    context.insert("fortunes", &all_fortunes(&store).await?);
    templates.render("fortunes.html", &context).map(Html).map_err(failed)
}

#[derive(Template)]
#[template(path = "fortunes.html")]
struct Page {
    fortunes: Vec<Fortune>,
}

async fn fortunes_compiled<S: Store>(State(Shared { store, .. }): State<Shared<S>>) -> Answer<Html<String>> {
    let page = Page { fortunes: all_fortunes(&store).await? };
    page.render().map(Html).map_err(failed)
}

async fn insert<S: Store>(State(Shared { store, .. }): State<Shared<S>>) -> Answer<String> {
    let items = (1..=10_000).map(|number| Item { number, name: format!("item {number}") }).collect();
    store.insert(items).await.map(|count| count.to_string()).map_err(failed)
}

async fn export<S: Store>(State(Shared { store, .. }): State<Shared<S>>) -> impl IntoResponse {
    let (parts, receiver) = tokio::sync::mpsc::channel(4);
    tokio::spawn(async move {
        // Breaks off the response.
        if let Err(error) = store.export(Csv::new(parts.clone())).await {
            let _ = parts.send(Err(error)).await;
        }
    });
    ([(header::CONTENT_TYPE, "text/csv")], Body::from_stream(ReceiverStream::new(receiver)))
}
