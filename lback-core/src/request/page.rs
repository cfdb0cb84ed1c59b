//! The parts of a page: templates, CSRF tokens and the paths of routes.

use std::fmt::Display;
use std::panic::Location;

use crate::profile::Rendered;
use crate::{Request, Response, Result, csrf};

impl Request {
    /// Renders a template from the `templates` folder into an HTML page.
    ///
    /// ```
    /// # use lback::{Request, Response, Result};
    /// use lback::templates::context;
    ///
    /// fn index(req: &mut Request) -> Result<Response> {
    ///     let visits = 3;
    ///     req.render("index.html", context! { visits, name => "alice" })
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns 500, with the template and the line, if the template does not exist, does not parse or fails.
    #[track_caller]
    pub fn render(&mut self, template: &str, context: tera::Context) -> Result<Response> {
        Ok(Response::html(self.render_to_string(template, context)?))
    }

    /// Renders a template into a string.
    ///
    /// # Errors
    /// Returns the same errors as [`Request::render`].
    #[track_caller]
    pub fn render_to_string(&mut self, template: &str, context: tera::Context) -> Result<String> {
        let (app, timed) = (self.app.clone(), Rendered::begin());
        let result = app.templates().render(self, template, context);
        if let Some(timed) = timed {
            timed.end(template, Location::caller());
        }
        result
    }

    /// Returns a CSRF token for a page of this visitor, to be sent back in the form field `csrf_token` or in the header
    /// `X-CSRF-Token`. In a template, `{{ csrf_input() }}` renders the whole field and `{{ csrf_token() }}` the token.
    ///
    /// ```
    /// # use lback::{Request, Response, Result};
    /// fn form(req: &mut Request) -> Result<Response> {
    ///     let token = req.csrf_token()?;
    ///     let field = format!("<input type=\"hidden\" name=\"csrf_token\" value=\"{token}\">");
    ///     Ok(Response::html(format!("<form method=\"post\">{field}<button>Delete</button></form>")))
    /// }
    /// ```
    ///
    /// Each call masks the token anew, and all of them stay valid until the visitor logs in or out. The first call sets a
    /// cookie in the browser. The response is kept out of shared caches.
    ///
    /// # Errors
    /// Returns an error if the system has no random numbers.
    pub fn csrf_token(&mut self) -> Result<String> {
        csrf::token(self)
    }

    /// Invalidates the CSRF tokens of all pages that are open in this browser. This happens automatically when the visitor logs
    /// in to or out of a session, and when the session's id changes. Call it if your application identifies its visitors by
    /// other means.
    ///
    /// # Errors
    /// Returns the same errors as [`Request::csrf_token`].
    pub fn rotate_csrf_token(&mut self) -> Result<()> {
        csrf::rotate(self)
    }

    /// Checks that the request does not come from a page of another site, as the browser reports it. Sites in
    /// `CSRF_TRUSTED_ORIGINS` and clients other than browsers are accepted.
    ///
    /// Requests that may change something are checked anyway. Call it before a GET request opens something that another site must not
    /// use in the name of the visitor. WebSockets do so.
    ///
    /// # Errors
    /// Returns 403 if a page of another site has sent the request.
    #[track_caller]
    pub fn require_same_origin(&self) -> Result<()> {
        csrf::check_origin(self)
    }

    /// Returns the path of the route called `name`, with `params` filled in and escaped.
    ///
    /// Parameters that are not in the pattern become the query string.
    ///
    /// ```
    /// # use lback::{Request, Response, Result};
    /// fn saved(req: &mut Request) -> Result<Response> {
    ///     let id = 7;
    ///     Ok(Response::redirect(&req.url_for("post", &[("id", &id)])?))
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns 500 if no route has that name, a parameter is missing, or a value does not match its parameter's type.
    #[track_caller]
    pub fn url_for(&self, name: &str, params: &[(&str, &dyn Display)]) -> Result<String> {
        self.app.url_for(name, params)
    }

    /// Redirects to the route called `name` with status 303, the usual response to a POST.
    ///
    /// ```
    /// # use lback::{Request, Response, Result};
    /// fn save(req: &mut Request) -> Result<Response> {
    ///     let id = 7;
    ///     req.redirect_to("post", &[("id", &id)])
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns the same errors as [`Request::url_for`].
    #[track_caller]
    pub fn redirect_to(&self, name: &str, params: &[(&str, &dyn Display)]) -> Result<Response> {
        Ok(Response::redirect(&self.url_for(name, params)?))
    }
}
