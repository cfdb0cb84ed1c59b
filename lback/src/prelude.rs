//! What most files of an application need: `use lback::prelude::*;`.

pub use crate::{
    App, Command, Cookie, Db, Error, Flash, IntoResponse, Method, Middleware, Next, OrNotFound, OrNotFoundRow, Request, RequestDb,
    RequestSession, RequestSignal, Response, Result, Router, RouterSession, Signal, StatusCode, WithHeader, context, migrations, tables,
};
pub use crate::{AppAccounts as _, AppAuth as _, AppMail as _};
#[cfg(feature = "auth")]
pub use crate::{ClientAuth as _, Group, RequestAuth, RouterAuth, User};
#[cfg(feature = "mail")]
pub use crate::{ClientMail as _, Mail, RequestMail};
#[cfg(feature = "forms")]
pub use crate::{Form, FormErrors};
pub use diesel::prelude::*;
pub use lback_db::diesel;
