//! Templates that functions render inside a page: `{{ sidebar(template="shop/cart.html", items=cart) }}`.

use std::collections::{HashMap, HashSet};

use super::arguments::{Argument, arguments};
use super::loaded::is_escaped;
use super::request_functions::lent_templates;
use super::suggest::{Callable, Names, question};
use super::{Html, TemplateArgs};
use crate::{Error, Request, Result};

/// The argument that names the template.
const TEMPLATE: &str = "template";

impl TemplateArgs<'_> {
    /// Renders the template `template` with the variables that an `{% include %}` at the place of the call would have: those of the
    /// page, of loops and of `{% set %}`. The arguments of the call that the function does not list itself are variables, too, and
    /// take precedence.
    ///
    /// Such a function ends its list of arguments with `..` and takes the name of the template as its argument `template`. The
    /// application then does not start if a call names a missing template or passes a variable that the template does not mention.
    ///
    /// ```
    /// # use lback::{Request, Router};
    /// # use lback::app::Assembly;
    /// # use lback::settings::Settings;
    /// # let settings = Settings::from_toml(".", "SECRET_KEY = 'only an example would show its secret key'").unwrap();
    /// # let mut assembly = Assembly::new(Router::new(), settings);
    /// // {{ boxed(template="cart.html", title="Your cart", items=cart) }}: `title` is for the function, `items` for the template.
    /// assembly.template_function("boxed(template, title, ..)", |req, args| {
    ///     let title: String = args.require("title")?;
    ///     let content = args.render(req, &args.require::<String>("template")?)?;
    ///     let title = lback::templates::Html::escape(&title);
    ///     Ok(lback::templates::Html::new(format!("<section><h2>{}</h2>{}</section>", title.as_str(), content.as_str())))
    /// });
    /// # assembly.build().unwrap();
    /// ```
    ///
    /// The text of a template whose name ends in `.txt` is escaped on a page.
    ///
    /// # Errors
    /// Returns an error if the template does not exist or fails, if a variable is passed that it does not mention, or if templates
    /// contain each other without an end.
    #[track_caller]
    pub fn render(self, req: &mut Request, template: &str) -> Result<Html> {
        let app = req.app().clone();
        let Some(loaded) = lent_templates() else {
            return Err(Error::internal(format!("{} can be called only while a page is rendered", self.signature.name)));
        };
        let mut context = tera::Context::new();
        let mentioned = loaded.variables_of(template);
        for variable in mentioned {
            if let Some(value) = self.state.get::<tera::Value>(variable)? {
                context.insert_value(variable.clone(), value);
            }
        }
        let exists = loaded.globals_of(template).is_some();
        for (name, value) in self.all().filter(|(name, _)| self.signature.is_variable(name)) {
            if exists && !mentioned.iter().any(|mentioned| mentioned == name) {
                let own = self.signature.arguments.as_deref().unwrap_or_default();
                return Err(Error::internal(unused(self.signature.name, template, name, own, mentioned)));
            }
            context.insert_value(name.to_owned(), value.clone());
        }
        let text = app.templates().render_with(req, &loaded, template, context)?;
        Ok(if is_escaped(template) || !self.state.autoescaping_enabled() { Html::new(text) } else { Html::escape(&text) })
    }
}

/// Returns the message for a variable that a call passes, but `template` does not mention.
fn unused(callee: &str, template: &str, name: &str, own: &[&str], mentioned: &[String]) -> String {
    let known: Vec<&str> = own.iter().copied().chain(mentioned.iter().map(String::as_str)).collect();
    format!("{callee} passes the variable \"{name}\", which the template \"{template}\" does not use{}", question(name, &known))
}

/// Adds to the variables of each template those of the templates that functions may render in it.
///
/// A template counts as one of them if its name is quoted in the text, so there may be variables too many, but not too few.
pub(super) fn with_nested(variables: &HashMap<&str, HashSet<&str>>, texts: &[(&str, String)]) -> HashMap<String, Vec<String>> {
    let quoted: HashMap<&str, HashSet<&str>> = texts.iter().map(|(name, text)| (*name, quoted(text, variables))).collect();
    let all = |name: &str| -> Vec<String> {
        let mut reached = HashSet::from([name]);
        let mut waiting = vec![name];
        let mut found = HashSet::new();
        while let Some(name) = waiting.pop() {
            found.extend(variables.get(name).into_iter().flatten().copied());
            waiting.extend(quoted.get(name).into_iter().flatten().copied().filter(|name| reached.insert(name)));
        }
        found.into_iter().map(str::to_owned).collect()
    };
    texts.iter().map(|(name, _)| ((*name).to_owned(), all(name))).collect()
}

/// Returns the names of templates that are quoted in `text`.
fn quoted<'a>(text: &str, templates: &HashMap<&'a str, HashSet<&str>>) -> HashSet<&'a str> {
    let quotes = text.match_indices(['"', '\'', '`']);
    let literals = quotes.filter_map(|(at, quote)| text[at + 1..].split_once(quote).map(|(literal, _)| literal));
    literals.filter_map(|literal| templates.get_key_value(literal).map(|(name, _)| *name)).collect()
}

/// Returns a message for each call in the template `name` that names a missing template or passes a variable that it does not mention.
/// A computed name is known only when the page is rendered.
pub(super) fn wrong_calls(name: &str, text: &str, names: &Names, variables: &HashMap<String, Vec<String>>) -> Vec<String> {
    let arguments: Vec<Argument<'_>> = arguments(text).into_iter().filter(|argument| argument.callable == Callable::Function).collect();
    let mut wrong = Vec::new();
    for named in arguments.iter().filter(|argument| argument.argument == TEMPLATE) {
        let Some((own, template)) = names.rendering_function(named.callee).zip(named.literal(text)) else { continue };
        let Some(mentioned) = variables.get(template) else {
            let templates: Vec<&str> = variables.keys().map(String::as_str).collect();
            wrong.push(format!("{}: {}", named.location(name, text), names.unknown("template", template, &templates)));
            continue;
        };
        let passed = arguments.iter().filter(|argument| argument.call == named.call && !own.contains(&argument.argument));
        for passed in passed.filter(|passed| !mentioned.iter().any(|mentioned| mentioned == passed.argument)) {
            let message = unused(named.callee, template, passed.argument, &own, mentioned);
            wrong.push(format!("{}: {message}", passed.location(name, text)));
        }
    }
    wrong
}
