//! The middleware that caches the current user in each request.

use std::collections::BTreeSet;
use std::sync::Arc;

use lback_core::{Middleware, Next, Request, Response, Result};

use crate::impersonation::Identity;
use crate::{Auth, Token, api_token};

/// Makes [`req.user()`](crate::RequestAuth::user) available. It does not read the session, and reads the database only for a request with
/// an API token, which it refuses if the token is invalid.
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
        let (token, identity) = match api_token::check(req, &self.auth)? {
            Some((token, user)) => (Some(token), Some(Identity { user: Some(user), superuser: None })),
            None => (None, None),
        };
        req.extensions_mut().insert(UserCache { auth: self.auth.clone(), token, identity, permissions: None });
        next.run(req).await
    }

    fn requires(&self) -> &'static [&'static str] {
        &["DbSessionMiddleware", "SessionMiddleware"]
    }
}

/// The current user of a request, once it has been looked up.
pub(crate) struct UserCache {
    pub(crate) auth: Auth,
    /// The token that decides who the user is, instead of the session.
    pub(crate) token: Option<Arc<Token>>,
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
