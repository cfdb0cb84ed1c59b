//! What most files of an application need: `use lback::prelude::*;`.
//!
//! It also imports Diesel's prelude, and the traits that batteries add to [`App`], [`Request`], [`Router`] and the test client.

#[cfg(feature = "accounts")]
pub use crate::accounts::AppAccounts as _;
#[cfg(feature = "admin")]
pub use crate::admin::{Admin, AppAdmin as _, RequestHistory as _};
#[cfg(feature = "api")]
pub use crate::api::{Api, AppApi as _, RouterApi as _};
pub use crate::app::{Command, ProgramError, ProgramResult};
#[cfg(feature = "auth")]
pub use crate::auth::{AppAuth as _, Group, RequestAuth, RouterAuth, User};
#[cfg(feature = "cache")]
pub use crate::cache::{AppCache as _, Cached, RequestCache, RouterCache};
#[cfg(feature = "decimal")]
pub use crate::db::Decimal;
pub use crate::db::{
    DateMethods as _, Db, FirstOfEach as _, JsonMethods as _, OrNotFoundRow, RequestDb, TextMethods as _, migrations, tables,
};
pub use crate::diesel;
#[allow(unused_imports, unreachable_pub, reason = "nothing is off if all features are on")]
pub use crate::features_off::*;
#[cfg(feature = "forms")]
pub use crate::forms::{Form, FormErrors};
pub use crate::http::{Cookie, IntoResponse, Method, OrNotFound, StatusCode, WithHeader};
#[cfg(feature = "jobs")]
pub use crate::jobs::{AppJobs as _, Job, JobContext, JobOptions as _, RequestJobs, jobs};
#[cfg(feature = "limits")]
pub use crate::limits::{AppLimits as _, Limit, RouterLimits};
#[cfg(feature = "mail")]
pub use crate::mail::{AppMail as _, JobMail as _, Mail, RequestMail};
pub use crate::middleware::{Middleware, Next};
#[cfg(feature = "models")]
pub use crate::models::{
    AppModels as _, Choices, Cursor, CursorPage, FormOf as _, Json, Model, ModelForm as _, NewRow as _, Page, QueryMethods as _,
    WritableModel, models,
};
#[cfg(feature = "realtime")]
pub use crate::realtime::{AppRealtime as _, RequestChannels};
pub use crate::routing::Cors;
pub use crate::session::{Flash, RequestSession, RouterSession};
pub use crate::signals::{RequestSignal, Signal};
pub use crate::templates::context;
#[cfg(feature = "auth")]
pub use crate::testing::ClientAuth as _;
#[cfg(feature = "realtime")]
pub use crate::testing::ClientChannels as _;
#[cfg(feature = "jobs")]
pub use crate::testing::ClientJobs as _;
#[cfg(feature = "mail")]
pub use crate::testing::ClientMail as _;
#[cfg(feature = "models")]
pub use crate::testing::ClientModels as _;
#[cfg(feature = "websockets")]
pub use crate::testing::{ClientWebSockets as _, RequestBuilderWebSockets as _};
#[cfg(feature = "websockets")]
pub use crate::websockets::{AppWebSockets as _, RequestWebSockets, RouterWebSockets, WebSocket};
pub use crate::{App, Error, Request, Response, Result, Router, TimeZone};
pub use chrono::{DateTime, Utc};
pub use diesel::prelude::*;
