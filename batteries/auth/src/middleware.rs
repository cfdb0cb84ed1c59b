//! The middleware that caches the current user in each request.

use std::collections::BTreeSet;
use std::sync::Arc;

use lback_core::{Middleware, Next, Request, Response, Result};

use crate::Auth;
use crate::impersonation::Identity;

/// Makes [`req.user()`](crate::RequestAuth::user) available. It does not read the session or the database itself.
#[derive(Debug)]
pub struct AuthMiddleware {
    auth: Auth,
}

impl AuthMiddleware {
    /// Creates the middleware for an application's users.
    pub fn new(auth: Auth) -> Self {
        AuthMiddleware { auth }
    }
}

impl Middleware for AuthMiddleware {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        req.extensions_mut().insert(UserCache { auth: self.auth.clone(), identity: None, permissions: None });
        next.run(req).await
    }

    fn requires(&self) -> &'static [&'static str] {
        &["DbSessionMiddleware", "SessionMiddleware"]
    }
}

/// The current user of a request, once it has been looked up.
pub(crate) struct UserCache {
    pub(crate) auth: Auth,
    /// `None` until the first lookup.
    pub(crate) identity: Option<Identity>,
    pub(crate) permissions: Option<Arc<BTreeSet<String>>>,
}

impl UserCache {
    /// Empties the cache, after a login or a logout.
    pub(crate) fn clear(&mut self) {
        (self.identity, self.permissions) = (None, None);
    }
}
