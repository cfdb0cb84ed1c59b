//! Functions of templates that ask the request: `csrf_input()`, and those that an application or a crate adds.
//!
//! Tera calls a function without the request whose page it renders. So the request is lent to the thread for the time of
//! the rendering, and each call borrows it from there.

use std::cell::RefCell;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tera::{Kwargs, State, Tera, Value};

use crate::{Error, Html, Request, Result, csp, csrf};

type Call = dyn Fn(&mut Request, TemplateArgs<'_>) -> Result<Value> + Send + Sync;

/// A function that templates can call.
#[derive(Clone)]
pub struct TemplateFunction {
    pub(super) name: &'static str,
    call: Arc<Call>,
}

impl TemplateFunction {
    pub(crate) fn new<F, V>(name: &'static str, call: F) -> Self
    where
        F: Fn(&mut Request, TemplateArgs<'_>) -> Result<V> + Send + Sync + 'static,
        V: Serialize,
    {
        let call = move |req: &mut Request, args: TemplateArgs<'_>| Ok(Value::try_from_serializable(&call(req, args)?)?);
        TemplateFunction { name, call: Arc::new(call) }
    }

    /// Those of core.
    pub(crate) fn own() -> Vec<Self> {
        vec![
            TemplateFunction::new("csrf_input", |req, _| Ok(Html::new(csrf::input(req)?))),
            TemplateFunction::new("csrf_token", |req, _| csrf::token(req)),
            TemplateFunction::new("csp_nonce", |req, _| csp::nonce_in_template(req)),
        ]
    }

    pub(super) fn register(&self, tera: &mut Tera) {
        let TemplateFunction { name, call } = self.clone();
        tera.register_function(name, move |args: Kwargs, _: &State| {
            let result = with_request(|req| {
                let value = call(req, TemplateArgs { of: name, args: &args });
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

/// What a template hands to a function or a filter: `unread(folder="inbox")`.
#[derive(Clone, Copy)]
pub struct TemplateArgs<'a> {
    pub(super) of: &'static str,
    pub(super) args: &'a Kwargs,
}

impl TemplateArgs<'_> {
    /// The argument `name`; `None` where the template does not say it.
    ///
    /// # Errors
    /// Where it is no `T`.
    #[track_caller]
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let Some(value) = self.args.get::<Value>(name)?.filter(|value| !value.is_none()) else { return Ok(None) };
        match T::deserialize(&value) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(Error::internal(format!("{}: the argument {name} is not as it should be: {error}", self.of))),
        }
    }

    /// The argument `name`.
    ///
    /// # Errors
    /// Where the template does not say it, or it is no `T`.
    #[track_caller]
    pub fn require<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        self.get(name)?.ok_or_else(|| Error::internal(format!("{of} needs the argument {name}: {of}({name}=…)", of = self.of)))
    }
}

#[derive(Default)]
struct Lent {
    req: Option<Request>,
    /// The error of the function that ended the rendering.
    failed: Option<Error>,
}

thread_local! {
    static LENT: RefCell<Lent> = RefCell::default();
}

/// Runs `render` while functions can reach the request. Returns the error of one that failed as well.
pub(super) fn lending<T>(req: &mut Request, render: impl FnOnce() -> T) -> (T, Option<Error>) {
    let mine = Lent { req: Some(req.take()), failed: None };
    // A function may render a page itself.
    let outer = LENT.replace(mine);
    let mut back = Back { req, outer: Some(outer), failed: None };
    let result = render();
    back.give();
    (result, back.failed.take())
}

/// Gives the request back, also where the rendering panics.
struct Back<'a> {
    req: &'a mut Request,
    outer: Option<Lent>,
    failed: Option<Error>,
}

impl Back<'_> {
    fn give(&mut self) {
        if let Some(outer) = self.outer.take() {
            let Lent { req, failed } = LENT.replace(outer);
            if let Some(lent) = req {
                *self.req = lent;
            }
            self.failed = failed;
        }
    }
}

impl Drop for Back<'_> {
    fn drop(&mut self) {
        self.give();
    }
}

/// `None` where no page is rendered on this thread.
fn with_request<T>(call: impl FnOnce(&mut Request) -> T) -> Option<T> {
    struct Borrowed(Option<Request>);
    impl Drop for Borrowed {
        fn drop(&mut self) {
            LENT.with_borrow_mut(|lent| lent.req = self.0.take());
        }
    }
    let mut borrowed = Borrowed(LENT.with_borrow_mut(|lent| lent.req.take()));
    borrowed.0.as_mut().map(call)
}
