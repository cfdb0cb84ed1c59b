//! Gives every request the place where its user is kept.

use std::collections::BTreeSet;
use std::sync::Arc;

use lback_core::{Middleware, Next, Request, Response, Result};

use crate::Auth;
use crate::account::Somebody;

/// Makes [`req.user()`](crate::RequestAuth::user) work. It asks nothing of session or database itself.
#[derive(Debug)]
pub struct AuthMiddleware {
    auth: Auth,
}

impl AuthMiddleware {
    /// With the users of this application.
    pub fn new(auth: Auth) -> Self {
        AuthMiddleware { auth }
    }
}

impl Middleware for AuthMiddleware {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        req.extensions_mut().insert(Slot { auth: self.auth.clone(), who: None, permissions: None });
        next.run(req).await
    }

    fn requires(&self) -> &'static [&'static str] {
        &["DbSessionMiddleware", "SessionMiddleware"]
    }
}

/// A request's place for its user.
pub(crate) struct Slot {
    pub(crate) auth: Auth,
    /// `None` until somebody asks; then who is there, if anybody.
    pub(crate) who: Option<Option<Somebody>>,
    pub(crate) permissions: Option<Arc<BTreeSet<String>>>,
}

impl Slot {
    /// After a login or a logout everything is asked anew.
    pub(crate) fn forget(&mut self) {
        (self.who, self.permissions) = (None, None);
    }
}
