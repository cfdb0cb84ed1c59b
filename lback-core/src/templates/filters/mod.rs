//! The filters of the framework and of applications.

mod date;
mod text;

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tera::{ErrorKind, Kwargs, State, StringInput, Tera, TeraResult, Value};

use super::request_functions::Signature;
use super::suggest::Known;
use super::{TemplateArgs, from_value};
use crate::Result;

/// Returns the filters that the framework adds to Tera's own, with their arguments.
pub(super) fn known() -> [Known; 3] {
    [("date", Some(vec!["format", "time_zone"])), ("linebreaks", Some(Vec::new())), ("truncate_words", Some(vec!["length", "end"]))]
}

/// Registers the framework's filters.
pub(super) fn register(tera: &mut Tera) {
    tera.register_filter("date", |text: &str, args: Kwargs, _: &State<'_>| date::filter(text, &args));
    tera.register_filter("linebreaks", |text: StringInput<'_>, _: Kwargs, _: &State<'_>| text::linebreaks(text.as_str(), text.is_safe()));
    tera.register_filter("truncate_words", |text: &str, args: Kwargs, _: &State<'_>| -> TeraResult<String> {
        Ok(text::truncate_words(text, args.must_get("length")?, args.get::<&str>("end")?.unwrap_or("…")))
    });
}

type Apply = dyn Fn(&Value, TemplateArgs<'_>) -> Result<Value> + Send + Sync;

/// A filter of the application.
#[derive(Clone)]
pub(crate) struct TemplateFilter {
    pub(super) signature: Signature,
    apply: Arc<Apply>,
}

impl TemplateFilter {
    pub(crate) fn new<F, T, V>(signature: &'static str, apply: F) -> Self
    where
        F: Fn(T, TemplateArgs<'_>) -> Result<V> + Send + Sync + 'static,
        T: DeserializeOwned,
        V: Serialize,
    {
        let signature = Signature::parse(signature);
        let name = signature.name;
        let apply = move |value: &Value, args: TemplateArgs<'_>| {
            let value = from_value::read(value).map_err(|error| {
                let kind = value.name();
                crate::Error::internal(format!("{name} cannot be applied to a value of the type `{kind}`: {error}"))
            })?;
            Ok(Value::try_from_serializable(&apply(value, args)?)?)
        };
        TemplateFilter { signature, apply: Arc::new(apply) }
    }

    pub(super) fn register(&self, tera: &mut Tera) {
        let TemplateFilter { signature, apply } = self.clone();
        tera.register_filter(signature.name, move |value: &Value, args: Kwargs, state: &State<'_>| {
            if value.is_undefined() {
                // The same error as that of Tera's own filters, so that the message names the variable.
                let (expected_type, actual_type) = ("value".to_owned(), value.name().to_owned());
                return Err(tera::Error::new(ErrorKind::InvalidArgument { expected_type, actual_type }));
            }
            signature.with(&args, state, |args| apply(value, args)).map_err(|error| tera::Error::message(error.message()))
        });
    }
}
