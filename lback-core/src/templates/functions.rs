//! The functions and filters that templates can call.

use std::fmt::Display;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tera::{Kwargs, State, Tera, TeraResult, Value};

use super::filters::TemplateFilter;
use super::suggest::Known;
use super::{TemplateFunction, filters};
use crate::router::RouteTable;
use crate::static_names::StaticNames;

const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The functions `url_for` and `static`, the functions that use the request, and the filters.
pub(crate) struct Functions {
    request_functions: Vec<TemplateFunction>,
    filters: Vec<TemplateFilter>,
    routes: Arc<RouteTable>,
    static_url: Arc<str>,
    static_names: Arc<StaticNames>,
}

impl Functions {
    pub(crate) fn new(routes: Arc<RouteTable>, static_url: &str, static_names: Arc<StaticNames>) -> Self {
        let static_url = format!("{}/", static_url.trim_end_matches('/')).into();
        Functions { request_functions: TemplateFunction::own(), filters: Vec::new(), routes, static_url, static_names }
    }

    /// Adds the functions and filters of the application, which take precedence over others of the same name.
    pub(crate) fn add(mut self, functions: Vec<TemplateFunction>, filters: Vec<TemplateFilter>) -> Self {
        self.request_functions.extend(functions);
        self.filters.extend(filters);
        self
    }

    pub(super) fn register(&self, tera: &mut Tera) {
        let routes = self.routes.clone();
        tera.register_function("url_for", move |args: Kwargs, _: &State<'_>| url_for(&routes, &args));
        let (prefix, names) = (self.static_url.clone(), self.static_names.clone());
        tera.register_function("static", move |args: Kwargs, _: &State<'_>| static_path(&prefix, &names, &args));
        for function in &self.request_functions {
            function.register(tera);
        }
        filters::register(tera);
        for filter in &self.filters {
            filter.register(tera);
        }
    }

    /// Returns the functions and the filters that are not Tera's own, with their arguments.
    pub(super) fn known(&self) -> (impl Iterator<Item = Known>, impl Iterator<Item = Known>) {
        let filters = filters::known().into_iter().chain(self.filters.iter().map(|filter| filter.signature.known()));
        (self.request_functions.iter().map(|function| function.signature.known()), filters)
    }
}

/// `url_for(name="post", id=5)`, or `url_for(route="user", name="alice")` for a route with a parameter called `name`.
fn url_for(routes: &RouteTable, args: &Kwargs) -> TeraResult<String> {
    let key = if args.get::<&Value>("route")?.is_some() { "route" } else { "name" };
    let name = match args.get::<&Value>(key)?.map(|value| (value, value.as_str())) {
        Some((_, Some(name))) => name,
        Some((value, None)) => {
            return Err(tera::Error::message(format!("url_for: {key} should be a route's name, but is {}", kind(value))));
        }
        None => return Err(tera::Error::message("url_for needs the name of a route: url_for(name=\"post\", id=5)")),
    };
    let mut params: Vec<(&str, String)> = Vec::new();
    for (param, value) in args.iter().filter_map(|(param, value)| Some((param.as_str()?, value))).filter(|(param, _)| *param != key) {
        let in_path = routes.has_parameter(name, param);
        let values = match value.as_array() {
            // A query may contain several values of the same name.
            Some(values) if !in_path => values,
            _ => std::slice::from_ref(value),
        };
        for value in values {
            match text(value) {
                Some(text) => params.push((param, text)),
                None if value.is_none() && !in_path => {}
                None => {
                    let kind = kind(value);
                    return Err(tera::Error::message(format!(
                        "url_for({key}=\"{name}\"): the parameter \"{param}\" should be a number, a string or a bool, but is {kind}"
                    )));
                }
            }
        }
    }
    // The arguments come in no particular order, but the query string should be the same on every page.
    params.sort_by_key(|(param, _)| *param);
    let params: Vec<(&str, &dyn Display)> = params.iter().map(|(param, value)| (*param, value as &dyn Display)).collect();
    routes.url_for(name, &params).map_err(|error| tera::Error::message(error.message()))
}

/// Returns a value as it is written in a URL. A whole number has no decimal point, even if a division has turned it into a float.
pub(super) fn text(value: &Value) -> Option<String> {
    match value.as_number() {
        Some(number) => Some(number.as_integer().map_or_else(|| value.to_string(), |integer| integer.to_string())),
        None => (value.is_string() || value.is_number() || value.is_bool()).then(|| value.to_string()),
    }
}

/// `static(path="css/site.css")`.
fn static_path(prefix: &str, names: &StaticNames, args: &Kwargs) -> TeraResult<String> {
    match args.get::<&Value>("path")?.map(|value| (value, value.as_str())) {
        Some((_, Some(path))) => {
            let path = path.trim_start_matches('/');
            Ok(format!("{prefix}{}", utf8_percent_encode(names.hashed(path).unwrap_or(path), PATH)))
        }
        Some((value, None)) => Err(tera::Error::message(format!("static: path should be a string, but is {}", kind(value)))),
        None => Err(tera::Error::message("static needs the path of a file: static(path=\"css/site.css\")")),
    }
}

fn kind(value: &Value) -> &'static str {
    match value.name() {
        "map/struct" => "a map",
        "array" => "a list",
        "bytes" => "bytes",
        "bool" => "a bool",
        "undefined" => "not defined",
        "none" => "none",
        _ => "a number",
    }
}
