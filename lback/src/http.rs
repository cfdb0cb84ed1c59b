//! Requests and responses: methods, headers, bodies, cookies, uploads and caching.
//!
//! [`Request`](crate::Request) and [`Response`](crate::Response) themselves are at the root of the crate.

#[doc(inline)]
pub use lback_core::{
    Body, BodyWriter, Bytes, Caching, Cookie, CookieDuration, CookieSent, Cookies, CsrfBinding, CsrfRefusal, Event, HeaderKey,
    IntoResponse, InvalidField, InvalidTrace, Keys, Method, Multipart, OrNotFound, Outcome, PrivateCookies, RequestBody, RequestId,
    Rerender, SameSite, SignedCookies, StatusCode, Trace, TypeMap, Upgraded, UploadedFile, Visitor, WithHeader, header,
};
