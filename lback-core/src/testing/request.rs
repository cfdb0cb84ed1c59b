//! Builds and sends a request.

use std::fmt;
use std::net::IpAddr;

use bytes::Bytes;
use hyper::Method;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;

use super::redirect;
use super::{CheckedResponse, Client, MultipartBuilder, ResponseCheck, TestResponse, csrf, jar};
use crate::router::Lookup;
use crate::{Error, Result, Upgraded};

const MAX_REDIRECTS: usize = 10;

/// Characters to escape in a URL. The percent sign is not among them, so that tests can write their own escapes.
const ADDRESS: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// Builds a request. Nothing is sent before [`send`](RequestBuilder::send).
#[must_use = "nothing is sent before .send()"]
pub struct RequestBuilder<'a> {
    client: &'a Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    cookies: Vec<String>,
    from: Option<IpAddr>,
    follow: bool,
}

impl fmt::Debug for RequestBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder").field("method", &self.method).field("path", &self.path).finish_non_exhaustive()
    }
}

impl<'a> RequestBuilder<'a> {
    pub(super) fn new(client: &'a Client, method: Method, path: &str) -> Self {
        let path = utf8_percent_encode(path.split('#').next().unwrap_or_default(), ADDRESS).to_string();
        RequestBuilder {
            follow: client.follows(),
            client,
            method,
            path,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            cookies: Vec::new(),
            from: None,
        }
    }

    /// Adds a header. It does not replace other headers of the same name.
    ///
    /// # Panics
    /// Panics if the name or the value is not valid in a header.
    #[track_caller]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) {
            (Ok(name), Ok(value)) => drop(self.headers.append(name, value)),
            _ => panic!("invalid header: {name}: {}", String::from_utf8_lossy(value)),
        }
        self
    }

    /// Sends an API token: `Authorization: Bearer …`.
    ///
    /// # Panics
    /// Panics if the token is not valid in a header.
    #[track_caller]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Adds parameters to the query string, from a list of pairs, a map or a struct.
    ///
    /// # Panics
    /// Panics if `query` has another type.
    #[track_caller]
    pub fn query(mut self, query: &(impl Serialize + ?Sized)) -> Self {
        let query = urlencoded(query);
        if !query.is_empty() {
            let separator = if self.path.contains('?') { '&' } else { '?' };
            self.path = format!("{}{separator}{query}", self.path);
        }
        self
    }

    /// Sets the body to a form, from a list of pairs, a map or a struct.
    ///
    /// # Panics
    /// Panics if `form` has another type.
    #[track_caller]
    pub fn form(self, form: &(impl Serialize + ?Sized)) -> Self {
        let body = urlencoded(form);
        self.body_of_type("application/x-www-form-urlencoded", body)
    }

    /// Sets the body to JSON.
    ///
    /// # Panics
    /// Panics if `value` cannot be serialized as JSON.
    #[track_caller]
    pub fn json(self, value: &(impl Serialize + ?Sized)) -> Self {
        let body = serde_json::to_vec(value).unwrap_or_else(|error| panic!("the value cannot be serialized as JSON: {error}"));
        self.body_of_type("application/json", body)
    }

    /// Sets the body to a form with files.
    ///
    /// ```
    /// # use lback_core::testing::Client;
    /// # use lback::{Request, Router};
    /// # use lback::app::Assembly;
    /// # use lback::settings::Settings;
    /// # let settings = Settings::from_toml(".", "SECRET_KEY = 'only a test would use such a secret key'").unwrap();
    /// # let app = Assembly::new(Router::new().post("/photos", |_: &mut Request| "thank you"), settings).build().unwrap();
    /// # let client = Client::new(app);
    /// let response = client.post("/photos").multipart().field("title", "A cat").file("photo", "cat.png", "image/png", b"...").send();
    /// response.assert_status(200);
    /// ```
    pub fn multipart(self) -> MultipartBuilder<'a> {
        MultipartBuilder::new(self)
    }

    /// Sets the body. Set its type with [`header`](Self::header).
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(super) fn body_of_type(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        // A type that the test has set is kept, so that tests can send a wrong one.
        if !self.headers.contains_key(header::CONTENT_TYPE)
            && let Ok(value) = HeaderValue::from_str(content_type)
        {
            self.headers.insert(header::CONTENT_TYPE, value);
        }
        self.body(body)
    }

    /// Sends a cookie with this request only, in addition to those of the client.
    pub fn cookie(mut self, name: &str, value: &str) -> Self {
        self.cookies.push(format!("{name}={}", jar::encode(name, value)));
        self
    }

    /// Sets the address that the request seems to come from. Over a socket, it is always the address of this machine.
    pub fn from_addr(mut self, addr: impl Into<IpAddr>) -> Self {
        self.from = Some(addr.into());
        self
    }

    /// Follows up to 10 redirects. Redirects to other hosts are not followed.
    ///
    /// After a 303 the method is GET, after a 307 or 308 the method and the body stay the same, and after a 301 or 302 a POST becomes
    /// a GET.
    pub fn follow(mut self) -> Self {
        self.follow = true;
        self
    }

    /// Sends the request and waits for the whole response.
    ///
    /// # Panics
    /// Panics if [`try_send`](Self::try_send) returns an error, or if a [`ResponseCheck`] of the route fails.
    #[track_caller]
    pub fn send(self) -> TestResponse {
        let request = format!("{} {}", self.method, self.path);
        match self.try_send() {
            Ok(response) => response,
            Err(error) => panic!("{request} got no response: {error}"),
        }
    }

    /// Sends the request and waits for the whole response.
    ///
    /// # Errors
    /// Returns an error if the path is invalid, the connection or the body of the response is interrupted, or there are too many
    /// redirects.
    pub fn try_send(mut self) -> Result<TestResponse> {
        let mut redirects = 0;
        loop {
            let response = self.send_once()?;
            let next = redirect::next_method(response.status(), &self.method).filter(|_| self.follow);
            let (Some(method), Some(location)) = (next, response.location()) else { return Ok(response) };
            let Some(path) = redirect::target(location, &self.path, &self.authority()) else { return Ok(response) };
            redirects += 1;
            if redirects > MAX_REDIRECTS {
                return Err(Error::internal(format!("more than {MAX_REDIRECTS} redirects; the last one led to {path}")));
            }
            self.path = path;
            if method != self.method {
                self.body = Bytes::new();
                self.headers.remove(header::CONTENT_TYPE);
                self.headers.remove(header::CONTENT_LENGTH);
                self.method = method;
            }
        }
    }

    /// Asks to switch the connection to `protocol`, and returns the response. If its status is 101, the connection comes with it.
    ///
    /// The connection is closed when it is dropped. See [`Response::upgrade`](crate::Response::upgrade) for an example.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    ///
    /// # Panics
    /// Panics if `protocol` is not valid in a header.
    #[track_caller]
    pub fn upgrade(self, protocol: &str) -> Result<(TestResponse, Option<Upgraded>)> {
        self.header("upgrade", protocol).header("connection", "upgrade").exchange()
    }

    fn send_once(&self) -> Result<TestResponse> {
        Ok(self.exchange()?.0)
    }

    fn exchange(&self) -> Result<(TestResponse, Option<Upgraded>)> {
        let client = self.client;
        let path = self.path.split('?').next().unwrap_or_default().to_owned();
        if !path.starts_with('/') {
            return Err(Error::internal(format!("the path of a request must begin with a slash: \"{}\"", self.path)));
        }
        let authority = self.authority();
        let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host).to_ascii_lowercase();
        let mut request = hyper::Request::builder().method(self.method.clone()).uri(&self.path).body(self.body.clone())?;
        let headers = request.headers_mut();
        headers.extend(self.headers.clone());
        if !headers.contains_key(header::HOST) {
            headers.insert(header::HOST, HeaderValue::from_str(&authority)?);
        }
        let needs_length = !self.body.is_empty() || matches!(self.method, Method::POST | Method::PUT | Method::PATCH);
        if needs_length && !headers.contains_key(header::CONTENT_LENGTH) && !headers.contains_key(header::TRANSFER_ENCODING) {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        }
        let stored = client.jar().header(&host, &path, client.clock().now());
        let cookies: Vec<String> = self.cookies.iter().cloned().chain(stored).collect();
        if !cookies.is_empty() {
            headers.append(header::COOKIE, HeaderValue::from_str(&cookies.join("; "))?);
        }
        let temporary_cookie = csrf::add_token(client, &mut request, self.from)?;
        let mut received = client.exchange(request, self.from)?;
        if let Some(name) = temporary_cookie {
            csrf::remove_cookie(&mut received.headers, &name);
        }
        client.jar().store(&received.headers, &host, &path, client.clock().now());
        let check = match client.app().find_route(&self.method, &path) {
            Lookup::Found(matched) => matched.route().option::<ResponseCheck>().cloned(),
            Lookup::Fallback(_) => None,
        };
        if let Some(check) = check {
            let (status, headers, body) = (received.status, &received.headers, &received.body);
            if let Err(problem) = check.run(&CheckedResponse { method: &self.method, status, headers, body }) {
                let response = TestResponse::new(self.method.clone(), self.path.clone(), received);
                panic!("{} {} answered {status}: {problem}\n{response:?}", self.method, self.path);
            }
        }
        let upgraded = received.upgraded.take();
        Ok((TestResponse::new(self.method.clone(), self.path.clone(), received), upgraded))
    }

    fn authority(&self) -> String {
        let named = self.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        named.map_or_else(|| self.client.authority(), str::to_owned)
    }
}

#[track_caller]
fn urlencoded(value: &(impl Serialize + ?Sized)) -> String {
    serde_html_form::to_string(value).unwrap_or_else(|error| panic!("expected a list of pairs, a map or a struct: {error}"))
}
