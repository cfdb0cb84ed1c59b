//! The header `Idempotency-Key`: a request that is sent again does its work once, and gets the same response.
//!
//! A row for the key is inserted before the work, in the transaction of the request, and the response is written to it before the commit.
//! So the work and its response are kept together or not at all. Another request with the same key waits until the transaction of the
//! first one ends: on PostgreSQL for the row, on SQLite for the lock of the file.

mod claim;
mod store;

use std::time::Duration;

use lback_core::{Error, Method, Middleware, Next, Request, Response, Result, Router, StatusCode};
use lback_db::RequestDb;

pub(crate) use self::claim::MOST_CHARACTERS;
use self::claim::{Claim, IDEMPOTENCY_KEY};
use self::store::{Found, Kept};
pub(crate) use self::store::{delete_old, idempotency_keys};
use crate::sealed::Sealed;

/// The time for which a response is kept.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The header of a response that was kept.
pub(crate) const REPLAYED: &str = "Idempotent-Replayed";

/// Marks an application that has the table of keys.
pub(crate) struct HasKeys;

/// Adds the header `Idempotency-Key` to the routes of a [`Router`].
pub trait RouterApi: Sealed {
    /// Lets clients repeat requests to the last route, or to the routes of the last include, with the header `Idempotency-Key`: a text that
    /// names the request, such as a UUID. The operations of a [`Resource`](crate::Resource) that create and change rows accept it anyway.
    ///
    /// ```
    /// use lback::prelude::*;
    ///
    /// # fn place_order(_: &mut Request) -> (StatusCode, &'static str) { (StatusCode::CREATED, "ordered") }
    /// let urls = Router::new().post("/orders", place_order).login_required().idempotent();
    /// # let client = lback::testing::Client::with_settings(App::new(urls).auth().api(), "SESSION_TIMEOUT_MINUTES = 30");
    /// # let user = client.add_user("alice");
    /// # client.login(&user);
    /// # let order = || client.post("/orders").header("idempotency-key", "\"8e03978e\"").send();
    /// # assert_eq!(order().assert_status(201).header("idempotent-replayed"), None);
    /// # assert_eq!(order().assert_status(201).header("idempotent-replayed"), Some("true"));
    /// ```
    ///
    /// The first request does its work, and its response is committed with it. For 24 hours, a request of the same user to the same route
    /// with the same key gets that response, with the header `Idempotent-Replayed`, and does nothing else. If the first one still runs, the
    /// second one waits for it. An error keeps nothing, so the key can be used again.
    ///
    /// Visitors who are not logged in share their keys, so their clients must choose random ones.
    ///
    /// A response with more than 64 KiB, a response that is streamed, and one after [`commit_db`](lback_db::RequestDb::commit_db) are not
    /// kept: a retry does nothing, and is a 409. Cookies are never kept. The parts of a `multipart` body are not compared.
    ///
    /// Write it after guards such as `login_required()`, which then check each retry. The application needs `App::api()`.
    fn idempotent(self) -> Self;
}

impl RouterApi for Router {
    #[track_caller]
    fn idempotent(self) -> Self {
        self.middleware(Idempotent)
    }
}

/// The middleware that answers a retry with the response to the first request.
#[derive(Debug)]
struct Idempotent;

impl Middleware for Idempotent {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        let key = claim::sent_key(req.headers())?.map(str::to_owned);
        let Some(key) = key.filter(|_| is_counted(req)) else { return next.run(req).await };
        if req.app().state::<HasKeys>().is_none() {
            return Err(Error::internal("a route accepts Idempotency-Key, which needs a table. Write App::new(urls).api()"));
        }
        let claim = Claim::of(req, &key)?;
        let now = req.now();
        let (taken, until) = (claim.clone(), now + LIFETIME);
        match req.run_db(move |db| store::take(db, &taken, now, until)).await? {
            Found::Nothing => {}
            Found::Response(response) => return response.with_header(REPLAYED, "true"),
            Found::NoResponse => {
                let message =
                    "This request has been made already, and its response was not kept. Look up its effect before you make another one.";
                return Err(Error::new(StatusCode::CONFLICT, message).with_code("idempotency_response_not_kept"));
            }
            Found::OtherRequest => {
                let message = "This Idempotency-Key was used for a request with another path or body. Choose a new key for each request.";
                return Err(Error::new(StatusCode::UNPROCESSABLE_ENTITY, message).with_code("idempotency_key_reused"));
            }
        }
        let response = next.run(req).await?;
        // A view that has committed by itself has no transaction any more.
        if let (Some(kept), Ok(unit)) = (Kept::of(&response), req.db_session()) {
            unit.before_commit(move |db| store::keep(db, &claim.id, &kept));
        }
        Ok(response)
    }

    fn skips(&self, req: &Request) -> bool {
        !req.headers().contains_key(&IDEMPOTENCY_KEY) || !is_counted(req)
    }

    fn before_body(&self, req: &mut Request) -> Result<()> {
        claim::sent_key(req.headers()).map(drop)
    }

    fn requires(&self) -> &'static [&'static str] {
        &["DbSessionMiddleware"]
    }
}

/// Returns whether the request may change something. The others can be repeated without a key.
fn is_counted(req: &Request) -> bool {
    !matches!(*req.method(), Method::GET | Method::HEAD | Method::OPTIONS) && !req.is_repeated()
}
