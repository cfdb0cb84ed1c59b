//! Template functions that use the request: `csrf_input()` and those that an application or a crate adds.
//!
//! Tera does not pass the request to the functions that it calls. So the request is lent to the thread during the rendering, and
//! each call borrows it from there.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tera::{Kwargs, State, Tera, Value};

use super::loaded::Loaded;
use super::suggest::{Known, REST, near, no_argument};
use super::{from_value, paging};
use crate::{Error, Html, Request, Result, csp, csrf};

type Call = dyn Fn(&mut Request, TemplateArgs<'_>) -> Result<Value> + Send + Sync;

/// A function that templates can call.
#[derive(Clone)]
pub struct TemplateFunction {
    pub(super) signature: Signature,
    call: Arc<Call>,
}

impl fmt::Debug for TemplateFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateFunction").field("name", &self.signature.name).finish_non_exhaustive()
    }
}

/// The name of a function or filter, and its arguments if they are known: `unread`, `unread(folder, since)`. [`REST`] as the last one
/// stands for the variables of a template that the function renders: `sidebar(template, width, ..)`.
#[derive(Clone)]
pub(super) struct Signature {
    pub(super) name: &'static str,
    pub(super) arguments: Option<Vec<&'static str>>,
}

impl Signature {
    pub(super) fn parse(text: &'static str) -> Self {
        match text.strip_suffix(')').and_then(|text| text.split_once('(')) {
            Some((name, arguments)) => {
                let arguments = arguments.split(',').map(str::trim).filter(|argument| !argument.is_empty());
                Signature { name: name.trim(), arguments: Some(arguments.collect()) }
            }
            None => Signature { name: text, arguments: None },
        }
    }

    /// Returns whether `argument` is a variable of the template that the function renders.
    pub(super) fn is_variable(&self, argument: &str) -> bool {
        self.arguments.as_ref().is_some_and(|known| known.last() == Some(&REST) && !known.contains(&argument))
    }

    /// Returns the name with its arguments, for the list of known names.
    pub(super) fn known(&self) -> Known {
        (self.name, self.arguments.clone())
    }

    /// Calls `call` with `args`. If the signature does not list its arguments, `call` must read all that the template passes.
    pub(super) fn with<V>(&self, args: &Kwargs, state: &State<'_>, call: impl FnOnce(TemplateArgs<'_>) -> Result<V>) -> Result<V> {
        let read = RefCell::default();
        let value = call(TemplateArgs { signature: self, args, state, read: &read })?;
        let read = read.into_inner();
        let passed = args.iter().filter_map(|(name, _)| name.as_str());
        match passed.filter(|_| self.arguments.is_none()).find(|name| !read.iter().any(|known| known == name)) {
            Some(unknown) => Err(Error::internal(no_argument(self.name, unknown, &read.iter().map(String::as_str).collect::<Vec<_>>()))),
            None => Ok(value),
        }
    }
}

impl TemplateFunction {
    pub(crate) fn new<F, V>(signature: &'static str, call: F) -> Self
    where
        F: Fn(&mut Request, TemplateArgs<'_>) -> Result<V> + Send + Sync + 'static,
        V: Serialize,
    {
        let call = move |req: &mut Request, args: TemplateArgs<'_>| Ok(Value::try_from_serializable(&call(req, args)?)?);
        TemplateFunction { signature: Signature::parse(signature), call: Arc::new(call) }
    }

    /// Returns the functions of core.
    pub(crate) fn own() -> Vec<Self> {
        vec![
            TemplateFunction::new("csrf_input()", |req, _| Ok(Html::new(csrf::input(req)?))),
            TemplateFunction::new("csrf_token()", |req, _| csrf::token(req)),
            TemplateFunction::new("csp_nonce()", |req, _| csp::nonce_in_template(req)),
            TemplateFunction::new("pages(page, parameter)", paging::pages),
            // Its arguments are the parameters of the application's queries.
            TemplateFunction::new("querystring", paging::querystring),
        ]
    }

    pub(super) fn register(&self, tera: &mut Tera) {
        let TemplateFunction { signature, call } = self.clone();
        let name = signature.name;
        tera.register_function(name, move |args: Kwargs, state: &State<'_>| {
            let result = with_request(|req| {
                let value = signature.with(&args, state, |args| call(req, args));
                if req.is_error_page() { Ok(req.app().templates().or_none(name, value)) } else { value }
            });
            result.unwrap_or_else(|| Err(Error::internal(format!("{name} can be called only while a page is rendered")))).map_err(|error| {
                let message = tera::Error::message(error.message());
                LENT.with_borrow_mut(|lent| lent.failed = Some(error));
                message
            })
        });
    }
}

/// The arguments that a template passes to a function or filter: `unread(folder="inbox")`.
///
/// It is an error if the function does not read an argument that the template passes. So read all arguments before you do anything
/// else, or list them when you add the function: `unread(folder, since)`. An unknown argument is then an error at startup.
#[derive(Clone, Copy)]
pub struct TemplateArgs<'a> {
    pub(super) signature: &'a Signature,
    args: &'a Kwargs,
    /// The variables where the call is.
    pub(super) state: &'a State<'a>,
    read: &'a RefCell<Vec<String>>,
}

impl fmt::Debug for TemplateArgs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateArgs").field("callee", &self.signature.name).finish_non_exhaustive()
    }
}

impl<'a> TemplateArgs<'a> {
    /// Returns all arguments.
    pub(super) fn all(self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let all = self.args.iter().filter_map(|(name, value)| Some((name.as_str()?, value)));
        all.inspect(move |(name, _)| self.read.borrow_mut().push((*name).to_owned()))
    }

    /// Returns the argument `name`, or `None` if the template does not pass it or passes `none`.
    ///
    /// A number is converted to any type that it fits: `n + 1` to an `i64` or `u8`, and `10 / 2` as well.
    ///
    /// # Errors
    /// Returns an error if the argument is not a `T`.
    #[track_caller]
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        self.read.borrow_mut().push(name.to_owned());
        let Some(value) = self.args.get::<&Value>(name)?.filter(|value| !value.is_none()) else { return Ok(None) };
        if value.is_undefined() {
            return Err(Error::internal(format!("{}: the argument {name} is a variable that is not defined", self.signature.name)));
        }
        match from_value::read(value) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(Error::internal(format!("{}: the argument {name} is invalid: {error}", self.signature.name))),
        }
    }

    /// Returns the argument `name`.
    ///
    /// # Errors
    /// Returns an error if the template does not pass the argument, or if it is not a `T`.
    #[track_caller]
    pub fn require<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        if let Some(value) = self.get(name)? {
            return Ok(value);
        }
        let passed: Vec<&str> = self.args.iter().filter_map(|(name, _)| name.as_str()).filter(|passed| *passed != name).collect();
        let similar = match near(name, &passed) {
            Some(passed) => format!("; the template passes \"{passed}\""),
            None => String::new(),
        };
        Err(Error::internal(format!("{callee} needs the argument {name}: {callee}({name}=…){similar}", callee = self.signature.name)))
    }
}

#[derive(Default)]
struct Lent {
    req: Option<Request>,
    /// The error of the function that made the rendering fail.
    failed: Option<Error>,
    /// The templates of the page.
    loaded: Option<Arc<Loaded>>,
    /// The number of templates that are being rendered on this thread.
    depth: usize,
}

/// How many templates may be rendered inside each other by functions.
const MAX_DEPTH: usize = 16;

thread_local! {
    static LENT: RefCell<Lent> = RefCell::default();
}

/// Returns the templates of the page that a function is called for, or `None` if no page is being rendered on this thread.
pub(super) fn lent_templates() -> Option<Arc<Loaded>> {
    LENT.with_borrow(|lent| lent.loaded.clone())
}

/// Returns whether the functions that are being called already render as many templates inside each other as they may.
pub(super) fn is_too_deep() -> bool {
    LENT.with_borrow(|lent| lent.depth >= MAX_DEPTH)
}

/// Runs `render` while functions can use the request. Also returns the error of a function that has failed.
pub(super) fn lending<T>(req: &mut Request, loaded: &Arc<Loaded>, render: impl FnOnce() -> T) -> (T, Option<Error>) {
    let depth = LENT.with_borrow(|lent| lent.depth) + 1;
    let own = Lent { req: Some(req.take()), failed: None, loaded: Some(loaded.clone()), depth };
    // A function may itself render a page.
    let outer = LENT.replace(own);
    let mut guard = ReturnGuard { req, outer: Some(outer), failed: None };
    let result = render();
    guard.give_back();
    (result, guard.failed.take())
}

/// Gives the request back, even if the rendering panics.
struct ReturnGuard<'a> {
    req: &'a mut Request,
    outer: Option<Lent>,
    failed: Option<Error>,
}

impl ReturnGuard<'_> {
    fn give_back(&mut self) {
        if let Some(outer) = self.outer.take() {
            let Lent { req, failed, .. } = LENT.replace(outer);
            if let Some(lent) = req {
                *self.req = lent;
            }
            self.failed = failed;
        }
    }
}

impl Drop for ReturnGuard<'_> {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Calls `call` with the request that a page is rendered for. Returns `None` if no page is being rendered on this thread.
pub(super) fn with_request<T>(call: impl FnOnce(&mut Request) -> T) -> Option<T> {
    struct Borrowed(Option<Request>);
    impl Drop for Borrowed {
        fn drop(&mut self) {
            LENT.with_borrow_mut(|lent| lent.req = self.0.take());
        }
    }
    let mut borrowed = Borrowed(LENT.with_borrow_mut(|lent| lent.req.take()));
    borrowed.0.as_mut().map(call)
}
