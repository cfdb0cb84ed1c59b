//! A request, being put together.

use std::net::IpAddr;

use bytes::Bytes;
use hyper::Method;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;

use super::redirect;
use super::{Client, MultipartBuilder, TestResponse, csrf, jar};
use crate::{Error, Result};

const MAX_REDIRECTS: usize = 10;

/// What cannot stand in an address. A percent sign can, so that a test may write its own escapes.
const ADDRESS: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// A request, being put together. Nothing happens before [`send`](RequestBuilder::send).
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

    /// Adds a header; a second one of the same name stands beside the first.
    ///
    /// # Panics
    /// Where name or value could not stand in a header.
    #[track_caller]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) {
            (Ok(name), Ok(value)) => drop(self.headers.append(name, value)),
            _ => panic!("this cannot be a header: {name}: {}", String::from_utf8_lossy(value)),
        }
        self
    }

    /// Adds to the query string: a list of pairs, a map or a struct.
    ///
    /// # Panics
    /// Where `query` is none of these.
    #[track_caller]
    pub fn query(mut self, query: &(impl Serialize + ?Sized)) -> Self {
        let query = urlencoded(query);
        if !query.is_empty() {
            let separator = if self.path.contains('?') { '&' } else { '?' };
            self.path = format!("{}{separator}{query}", self.path);
        }
        self
    }

    /// Makes the body a form, of a list of pairs, a map or a struct.
    ///
    /// # Panics
    /// Where `form` is none of these.
    #[track_caller]
    pub fn form(self, form: &(impl Serialize + ?Sized)) -> Self {
        let body = urlencoded(form);
        self.body_of_type("application/x-www-form-urlencoded", body)
    }

    /// Makes the body JSON.
    ///
    /// # Panics
    /// Where `value` cannot be written as JSON.
    #[track_caller]
    pub fn json(self, value: &(impl Serialize + ?Sized)) -> Self {
        let body = serde_json::to_vec(value).unwrap_or_else(|error| panic!("this is no JSON: {error}"));
        self.body_of_type("application/json", body)
    }

    /// Makes the body a form with files.
    ///
    /// ```
    /// # use lback_core::testing::Client;
    /// # use lback_core::{Assembly, Request, Router, Settings};
    /// # let settings = Settings::from_toml(".", "SECRET_KEY = 'only a test would use such a secret key'").unwrap();
    /// # let app = Assembly::new(Router::new().post("/photos", |_: &mut Request| "thank you"), settings).build().unwrap();
    /// # let client = Client::new(app);
    /// let response = client.post("/photos").multipart().field("title", "A cat").file("photo", "cat.png", "image/png", b"...").send();
    /// response.assert_status(200);
    /// ```
    pub fn multipart(self) -> MultipartBuilder<'a> {
        MultipartBuilder::new(self)
    }

    /// Sets the body. Its type is the test's to say, with [`header`](Self::header).
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(super) fn body_of_type(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        // A type that the test has set stays, so that a test can lie.
        if !self.headers.contains_key(header::CONTENT_TYPE)
            && let Ok(value) = HeaderValue::from_str(content_type)
        {
            self.headers.insert(header::CONTENT_TYPE, value);
        }
        self.body(body)
    }

    /// Sends a cookie with this request only, beside those that the client keeps.
    pub fn cookie(mut self, name: &str, value: &str) -> Self {
        self.cookies.push(format!("{name}={}", jar::encode(name, value)));
        self
    }

    /// The address that the request seems to come from. Over a socket it is always that of this machine.
    pub fn from_addr(mut self, addr: impl Into<IpAddr>) -> Self {
        self.from = Some(addr.into());
        self
    }

    /// Follows redirects, up to 10. One that leads to another host is not followed.
    ///
    /// 303 goes on with GET, 307 and 308 with the same method and body, 301 and 302 turn a POST into a GET.
    pub fn follow(mut self) -> Self {
        self.follow = true;
        self
    }

    /// Sends the request and waits for the whole answer.
    ///
    /// # Panics
    /// Where [`try_send`](Self::try_send) has an error.
    #[track_caller]
    pub fn send(self) -> TestResponse {
        let asked = format!("{} {}", self.method, self.path);
        match self.try_send() {
            Ok(response) => response,
            Err(error) => panic!("{asked} got no answer: {error}"),
        }
    }

    /// Sends the request and waits for the whole answer.
    ///
    /// # Errors
    /// Where the path is not one, the connection or the answer's body breaks off, or redirects do not end.
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

    fn send_once(&self) -> Result<TestResponse> {
        let client = self.client;
        let path = self.path.split('?').next().unwrap_or_default().to_owned();
        if !path.starts_with('/') {
            return Err(Error::internal(format!("a test asks for a path, which begins with a slash: \"{}\"", self.path)));
        }
        let authority = self.authority();
        let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host).to_ascii_lowercase();
        let mut request = hyper::Request::builder().method(self.method.clone()).uri(&self.path).body(self.body.clone())?;
        let headers = request.headers_mut();
        headers.extend(self.headers.clone());
        if !headers.contains_key(header::HOST) {
            headers.insert(header::HOST, HeaderValue::from_str(&authority)?);
        }
        let asks_for_length = !self.body.is_empty() || matches!(self.method, Method::POST | Method::PUT | Method::PATCH);
        if asks_for_length && !headers.contains_key(header::CONTENT_LENGTH) && !headers.contains_key(header::TRANSFER_ENCODING) {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        }
        let kept = client.jar().header(&host, &path, client.clock().now());
        let cookies: Vec<String> = self.cookies.iter().cloned().chain(kept).collect();
        if !cookies.is_empty() {
            headers.append(header::COOKIE, HeaderValue::from_str(&cookies.join("; "))?);
        }
        let borrowed = csrf::add_token(client, &mut request, self.from)?;
        let mut answer = client.exchange(request, self.from)?;
        if let Some(name) = borrowed {
            csrf::remove_cookie(&mut answer.headers, &name);
        }
        client.jar().take(&answer.headers, &host, &path, client.clock().now());
        Ok(TestResponse::new(self.method.clone(), self.path.clone(), answer))
    }

    fn authority(&self) -> String {
        let named = self.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        named.map_or_else(|| self.client.authority(), str::to_owned)
    }
}

#[track_caller]
fn urlencoded(value: &(impl Serialize + ?Sized)) -> String {
    serde_html_form::to_string(value).unwrap_or_else(|error| panic!("this is no list of pairs, map or struct: {error}"))
}
