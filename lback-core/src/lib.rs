//! The core of the [Lback](https://docs.rs/lback) web framework: requests, responses, views, routing, middleware, settings,
//! templates and the server. It does not depend on databases, sessions or users, which have crates of their own.
//!
//! Applications depend on the crate `lback`, which re-exports everything here.

mod application;
pub mod blocking;
mod caching;
mod clock;
mod config;
mod cors;
mod csp;
mod csrf;
mod email;
mod encoding;
mod error;
mod error_page;
mod file_state;
mod forwarding_warning;
mod header_parameters;
pub mod middleware;
mod network;
mod origin;
mod outcome;
mod panics;
pub mod private_files;
pub mod profile;
mod program_error;
mod request;
mod rerender;
mod response;
mod router;
mod sealed;
pub mod server;
pub mod settings;
pub mod signals;
mod static_names;
mod stored_path;
mod templates;
pub mod testing;
pub mod text_file;
mod time_zone;
mod type_map;
mod upgrade;
pub mod view;
mod view_threads;

pub use application::{Application, Assembly};
pub use caching::Caching;
pub use clock::Clock;
pub use config::{CoreSettings, LogFormat};
pub use cors::Cors;
pub use csrf::{CsrfBinding, CsrfRefusal};
pub use email::is_email;
pub use error::{Error, InvalidField, OrNotFound, Result};
pub use error_page::{DebugSection, is_secret_name};
pub use middleware::{Middleware, Next};
pub use network::Network;
pub use outcome::Outcome;
pub use panics::catch_panic;
pub use program_error::{ProgramError, ProgramResult};
pub use request::{
    CookieSent, Cookies, HeaderKey, InvalidTrace, Keys, Multipart, PrivateCookies, Request, RequestBody, RequestId, SignedCookies, Trace,
    UploadedFile, Visitor,
};
pub use rerender::Rerender;
pub use response::{Body, BodyWriter, Event, IntoResponse, Response, WithHeader};
pub use router::{BodyLimit, CsrfExempt, JsonErrors, Route, Router, SecretPath, Streaming, ViewTimeout};
pub use settings::{Secret, Settings};
pub use signals::Signal;
pub use static_names::StaticNames;
pub use templates::{Html, TemplateArgs, TemplateFile, TemplateForm, TemplateFunction, TemplateGlobal, TemplateLink, Templates};
pub use time_zone::{TimeZone, TimeZoneOffset, UnknownTimeZone};
pub use type_map::TypeMap;
pub use upgrade::Upgraded;
pub use view::View;

pub use bytes::Bytes;
pub use cookie::time::Duration as CookieDuration;
pub use cookie::{Cookie, SameSite};
pub use hyper::header;
pub use hyper::{Method, StatusCode};
pub use tera::Context;
