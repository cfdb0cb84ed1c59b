//! The table `idempotency_keys`, with the responses that are kept.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use lback_core::header::{HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use lback_core::{Error, Response, Result, StatusCode};
use lback_db::{Db, on_each};

use super::claim::Claim;

diesel::table! {
    /// The responses to requests with the header `Idempotency-Key`.
    idempotency_keys (id) {
        /// A digest of the user, the operation and the key.
        id -> Text,
        /// A digest of the path and the body.
        fingerprint -> Text,
        /// The status of the response. NULL if it could not be kept.
        status -> Nullable<SmallInt>,
        /// The headers of the response, one on each line.
        headers -> Nullable<Binary>,
        /// The body of the response.
        body -> Nullable<Binary>,
        /// The time from which the key can be used again, in microseconds since 1970.
        expires_at -> BigInt,
    }
}

/// The maximum number of bytes of a response that is kept.
const MOST_BYTES: usize = 64 * 1024;

/// Inserts the row of a key, or takes over an expired one. Returns no row if the key is in use. It waits for another transaction that has
/// inserted the same key. The parameters are the id, the fingerprint, the time of expiry and the current time.
const TAKE: &str = "INSERT INTO idempotency_keys (id, fingerprint, expires_at) VALUES ($1, $2, $3)
    ON CONFLICT (id) DO UPDATE SET
        fingerprint = excluded.fingerprint, status = NULL, headers = NULL, body = NULL, expires_at = excluded.expires_at
    WHERE idempotency_keys.expires_at <= $4
    RETURNING expires_at";

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = BigInt)]
    #[expect(dead_code, reason = "the row only tells that there is one")]
    expires_at: i64,
}

/// The fingerprint, status, headers and body of a row.
type Row = (String, Option<i16>, Option<Vec<u8>>, Option<Vec<u8>>);

/// The state of a key.
pub(super) enum Found {
    /// It is new, and belongs to this request from now on.
    Nothing,
    /// It belongs to a request that has been answered.
    Response(Response),
    /// It belongs to a request whose response was not kept.
    NoResponse,
    /// It belongs to a request with another path or body.
    OtherRequest,
}

/// Takes a key for a request if it is free, and returns the state that it had.
pub(super) fn take(db: &mut Db, claim: &Claim, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<Found> {
    let taken: Option<Taken> = on_each!(db, db => {
        diesel::sql_query(TAKE)
            .bind::<Text, _>(&claim.id)
            .bind::<Text, _>(&claim.fingerprint)
            .bind::<BigInt, _>(until.timestamp_micros())
            .bind::<BigInt, _>(now.timestamp_micros())
            .get_result(db)
            .optional()
    })?;
    if taken.is_some() {
        return Ok(Found::Nothing);
    }
    let row = idempotency_keys::table.find(&claim.id);
    let columns = (idempotency_keys::fingerprint, idempotency_keys::status, idempotency_keys::headers, idempotency_keys::body);
    let row: Option<Row> = on_each!(db, db => row.select(columns).first(db).optional())?;
    // It has expired and was deleted between the two statements.
    let Some((fingerprint, status, headers, body)) = row else {
        return Err(Error::unavailable("the key of a request was deleted while it was looked up"));
    };
    if fingerprint != claim.fingerprint {
        return Ok(Found::OtherRequest);
    }
    match (status, headers, body) {
        (Some(status), Some(headers), Some(body)) => Kept { status, headers, body }.into_response().map(Found::Response),
        _ => Ok(Found::NoResponse),
    }
}

/// Keeps the response to the request that has taken a key.
pub(super) fn keep(db: &mut Db, id: &str, kept: &Kept) -> Result<()> {
    let Kept { status, headers, body } = kept;
    let row = idempotency_keys::table.find(id);
    let values = (idempotency_keys::status.eq(status), idempotency_keys::headers.eq(headers), idempotency_keys::body.eq(body));
    on_each!(db, db => diesel::update(row).set(values).execute(db))?;
    Ok(())
}

/// Deletes expired keys.
pub(crate) fn delete_old(db: &mut Db, now: DateTime<Utc>) -> Result<usize> {
    let old = idempotency_keys::table.filter(idempotency_keys::expires_at.le(now.timestamp_micros()));
    Ok(on_each!(db, db => diesel::delete(old).execute(db))?)
}

/// A response, as the table has it.
pub(super) struct Kept {
    status: i16,
    headers: Vec<u8>,
    body: Vec<u8>,
}

impl Kept {
    /// Returns `None` if the response is streamed, or too large.
    pub(super) fn of(response: &Response) -> Option<Self> {
        let status = i16::try_from(response.status().as_u16()).ok()?;
        let (headers, body) = (lines(response.headers()), response.body().as_bytes()?);
        (headers.len() + body.len() <= MOST_BYTES).then(|| Kept { status, headers, body: body.to_vec() })
    }

    fn into_response(self) -> Result<Response> {
        let status = u16::try_from(self.status).ok().and_then(|status| StatusCode::from_u16(status).ok());
        let mut response = Response::new(status.ok_or_else(|| Error::internal("a kept response has no valid status"))?);
        for line in self.headers.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
            let (name, value) = (HeaderName::from_bytes(&line[..colon])?, HeaderValue::from_bytes(&line[colon + 1..])?);
            response.headers_mut().append(name, value);
        }
        if !self.body.is_empty() {
            *response.body_mut() = self.body.into();
        }
        Ok(response)
    }
}

/// Returns headers as lines. They contain no line breaks. A cookie belongs to the browser that got the first response.
fn lines(headers: &HeaderMap) -> Vec<u8> {
    let kept = headers.iter().filter(|(name, _)| **name != SET_COOKIE);
    kept.flat_map(|(name, value)| [name.as_str().as_bytes(), b":", value.as_bytes(), b"\n"].concat()).collect()
}
