//! Functions of templates that ask the request: `csrf_input()`, and those that an application or a crate adds.
//!
//! Tera calls a function without the request whose page it renders. So the request is lent to the thread for the time of
//! the rendering, and each call borrows it from there.

use std::cell::RefCell;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tera::{Kwargs, State, Tera, Value};

use super::from_value;
use super::suggest::{Known, near, no_argument};
use crate::{Error, Html, Request, Result, csp, csrf};

type Call = dyn Fn(&mut Request, TemplateArgs<'_>) -> Result<Value> + Send + Sync;

/// A function that templates can call.
#[derive(Clone)]
pub struct TemplateFunction {
    pub(super) signature: Signature,
    call: Arc<Call>,
}

/// The name of a function or filter, and its arguments if they are known: `unread`, `unread(folder, since)`.
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

    /// The name with its arguments, for the list of names.
    pub(super) fn known(&self) -> Known {
        (self.name, self.arguments.clone())
    }

    /// Calls with `args`. What the template gives, and the signature does not name, `call` must ask for.
    pub(super) fn with<V>(&self, args: &Kwargs, call: impl FnOnce(TemplateArgs<'_>) -> Result<V>) -> Result<V> {
        let asked = RefCell::default();
        let value = call(TemplateArgs { of: self.name, args, asked: &asked })?;
        let asked = asked.into_inner();
        let given = args.iter().filter_map(|(name, _)| name.as_str());
        match given.filter(|_| self.arguments.is_none()).find(|name| !asked.iter().any(|known| known == name)) {
            Some(unknown) => Err(Error::internal(no_argument(self.name, unknown, &asked.iter().map(String::as_str).collect::<Vec<_>>()))),
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

    /// Those of core.
    pub(crate) fn own() -> Vec<Self> {
        vec![
            TemplateFunction::new("csrf_input()", |req, _| Ok(Html::new(csrf::input(req)?))),
            TemplateFunction::new("csrf_token()", |req, _| csrf::token(req)),
            TemplateFunction::new("csp_nonce()", |req, _| csp::nonce_in_template(req)),
        ]
    }

    pub(super) fn register(&self, tera: &mut Tera) {
        let TemplateFunction { signature, call } = self.clone();
        let name = signature.name;
        tera.register_function(name, move |args: Kwargs, _: &State| {
            let result = with_request(|req| {
                let value = signature.with(&args, |args| call(req, args));
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
///
/// An argument that the template gives, and that nobody asks for, is an error. So ask for all of them before anything else, or
/// name them when you add the function: `unread(folder, since)`. Then a template that gives another one stops the start.
#[derive(Clone, Copy)]
pub struct TemplateArgs<'a> {
    of: &'static str,
    args: &'a Kwargs,
    asked: &'a RefCell<Vec<String>>,
}

impl TemplateArgs<'_> {
    /// The argument `name`; `None` if the template does not give it, or gives `none`.
    ///
    /// A number arrives as any type that it fits: `n + 1` as an `i64` or `u8`, `10 / 2` as well.
    ///
    /// # Errors
    /// Returns an error if it is no `T`.
    #[track_caller]
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        self.asked.borrow_mut().push(name.to_owned());
        let Some(value) = self.args.get::<&Value>(name)?.filter(|value| !value.is_none()) else { return Ok(None) };
        if value.is_undefined() {
            return Err(Error::internal(format!("{}: the argument {name} is a variable that is not defined", self.of)));
        }
        match from_value::read(value) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(Error::internal(format!("{}: the argument {name} is not as it should be: {error}", self.of))),
        }
    }

    /// The argument `name`.
    ///
    /// # Errors
    /// Returns an error if the template does not give it, or it is no `T`.
    #[track_caller]
    pub fn require<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        if let Some(value) = self.get(name)? {
            return Ok(value);
        }
        let given: Vec<&str> = self.args.iter().filter_map(|(name, _)| name.as_str()).filter(|given| *given != name).collect();
        let meant = match near(name, &given) {
            Some(given) => format!("; the template says \"{given}\""),
            None => String::new(),
        };
        Err(Error::internal(format!("{of} needs the argument {name}: {of}({name}=…){meant}", of = self.of)))
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
