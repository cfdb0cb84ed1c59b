//! What most files of an application need: `use lback::prelude::*;`.

pub use crate::AppAuth as _;
pub use crate::{
    App, Command, Cookie, Db, Error, Flash, IntoResponse, Method, Middleware, Next, OrNotFound, OrNotFoundRow, Request, RequestDb,
    RequestSession, RequestSignal, Response, Result, Router, RouterSession, Signal, StatusCode, context, migrations,
};
#[cfg(feature = "mail")]
pub use crate::{AppMail as _, ClientMail as _, Mail, RequestMail};
#[cfg(feature = "auth")]
pub use crate::{ClientAuth as _, Group, RequestAuth, RouterAuth, User};
#[cfg(feature = "forms")]
pub use crate::{Form, FormErrors};
pub use diesel::prelude::*;
pub use lback_db::diesel;
