//! What most files of an application need: `use lback::prelude::*;`.

pub use crate::{
    App, Command, Cookie, Db, Error, Flash, IntoResponse, Method, Middleware, Next, OrNotFound, OrNotFoundRow, Request, RequestDb,
    RequestSession, RequestSignal, Response, Result, Router, RouterSession, Signal, StatusCode, WithHeader, context, migrations,
};
#[cfg(feature = "forms")]
pub use crate::{Form, FormErrors};
#[cfg(feature = "auth")]
pub use crate::{Group, RequestAuth, RouterAuth, User};
#[cfg(feature = "mail")]
pub use crate::{Mail, RequestMail};
pub use diesel::prelude::*;
pub use lback_db::diesel;
