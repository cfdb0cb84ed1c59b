//! The model of a new app, and the names that are made from its name.

use crate::error::{Error, Result};

/// The model of an app without a name of its own.
const ITEM: &str = "Item";

/// Names that the prelude, the standard library or the scaffold use for something else.
const TAKEN: &[&str] = &[
    "App",
    "Arc",
    "Box",
    "Choices",
    "Client",
    "Command",
    "Cookie",
    "Db",
    "Default",
    "Error",
    "Flash",
    "Form",
    "FormErrors",
    "Group",
    "Json",
    "Mail",
    "Method",
    "Middleware",
    "Model",
    "Next",
    "Option",
    "Page",
    "ProgramError",
    "ProgramResult",
    "Request",
    "Response",
    "Result",
    "Router",
    "Search",
    "Self",
    "Signal",
    "StatusCode",
    "String",
    "User",
    "Utc",
    "Vec",
];

/// Words that end like a plural and are none.
const SINGULARS: &[&str] = &["canvas", "gas", "lens", "news", "series", "species"];

/// The model of an app.
pub struct Model {
    /// `Ticket`
    pub name: String,
    /// `ticket`: a variable
    pub item: String,
    /// `tickets`: the module of columns
    pub items: String,
    /// `tickets`, or `blog_items` for a model with a name that several apps may have
    pub table: String,
    /// `Tickets`: the heading of the list
    pub heading: String,
}

impl Model {
    /// Returns the model `name` for an app, or a model that is called like the app: `Ticket` for `tickets`. The model of an app whose
    /// name is not a plural is an `Item`.
    pub fn of(app: &str, name: Option<&str>) -> Result<Self> {
        let name = match name {
            Some(name) => checked(name)?,
            None => singular(app).map(|word| camel(&word)).filter(|name| !TAKEN.contains(&name.as_str())).unwrap_or(ITEM.to_owned()),
        };
        let item = snake(&name);
        let items = plural(&item);
        let is_item = name == ITEM;
        let table = if is_item { format!("{app}_{items}") } else { items.clone() };
        let heading = words(if is_item { app } else { &items });
        let heading = heading[..1].to_uppercase() + &heading[1..];
        Ok(Model { name, item, items, table, heading })
    }

    /// Returns the values of the names in the patterns.
    pub fn values(&self) -> [(&'static str, String); 7] {
        let (table, module) = if self.table == self.items {
            (String::new(), self.items.clone())
        } else {
            (format!("table = \"{}\", ", self.table), format!("{} as {}", self.table, self.items))
        };
        [
            ("__TABLE__", table),
            ("__MODULE__", module),
            ("__MODEL__", self.name.clone()),
            ("__ITEMS__", self.items.clone()),
            ("__ITEM__", self.item.clone()),
            ("__LABEL__", words(&self.item)),
            ("__PLURAL__", self.heading.clone()),
        ]
    }
}

fn checked(name: &str) -> Result<String> {
    let is_name = name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(|c| c.is_ascii_alphanumeric());
    if !is_name {
        return Err(Error::new(
            format!("{name:?} cannot be the name of a model"),
            "Use a singular noun in camel case, for example: BlogPost",
        ));
    }
    if TAKEN.contains(&name) {
        return Err(Error::new(
            format!("{name:?} cannot be the name of a model, because the code of an app uses it for something else"),
            format!("Choose another name, for example: My{name}"),
        ));
    }
    Ok(name.to_owned())
}

/// Returns the singular of a word whose plural it is.
fn singular(word: &str) -> Option<String> {
    let last = word.rsplit('_').next().unwrap_or_default();
    let strip = |end: &str, with: &str| word.strip_suffix(end).map(|stem| format!("{stem}{with}"));
    if SINGULARS.contains(&last) || ["ss", "us", "is", "ics"].iter().any(|end| last.ends_with(end)) {
        return None;
    }
    let sibilant = strip("es", "").filter(|stem| ["ss", "x", "zz", "ch", "sh"].iter().any(|end| stem.ends_with(end)));
    let candidates = [strip("people", "person"), strip("children", "child"), strip("ies", "y"), sibilant, strip("s", "")];
    candidates.into_iter().flatten().find(|singular| singular.len() > 1 && !singular.ends_with('_') && plural(singular) == word)
}

/// Returns the plural of a word, as the derive of models does.
fn plural(word: &str) -> String {
    let ends_in = |ends: &[&str]| ends.iter().any(|end| word.ends_with(end));
    if let Some(stem) = word.strip_suffix("person") {
        return format!("{stem}people");
    }
    if let Some(stem) = word.strip_suffix("child") {
        return format!("{stem}children");
    }
    match word.strip_suffix('y') {
        Some(stem) if !ends_in(&["ay", "ey", "oy", "uy"]) => format!("{stem}ies"),
        _ if ends_in(&["s", "x", "z", "ch", "sh"]) => format!("{word}es"),
        _ => format!("{word}s"),
    }
}

/// Returns the name of a type: `BlogPost` for `blog_post`.
fn camel(word: &str) -> String {
    let parts = word.split('_').filter(|part| !part.is_empty());
    parts.map(|part| part[..1].to_uppercase() + &part[1..]).collect()
}

/// Returns the name of a variable, as the derive of models does: `blog_post` for `BlogPost`, `http_log` for `HTTPLog`.
fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let follows_word = at > 0 && !letters[at - 1].is_uppercase();
        let begins_word = at > 0 && letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (follows_word || begins_word) {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::Model;

    #[test]
    fn an_app_with_a_plural_name_has_a_model_of_that_name() {
        for (app, name, items, table) in [
            ("tickets", "Ticket", "tickets", "tickets"),
            ("categories", "Category", "categories", "categories"),
            ("boxes", "Item", "items", "boxes_items"),
            ("classes", "Class", "classes", "classes"),
            ("houses", "House", "houses", "houses"),
            ("people", "Person", "people", "people"),
            ("blog_posts", "BlogPost", "blog_posts", "blog_posts"),
            ("blog", "Item", "items", "blog_items"),
            ("news", "Item", "items", "news_items"),
            ("address", "Item", "items", "address_items"),
            ("status", "Item", "items", "status_items"),
            ("users", "Item", "items", "users_items"),
            ("pages", "Item", "items", "pages_items"),
            ("s", "Item", "items", "s_items"),
        ] {
            let model = Model::of(app, None).ok().unwrap();
            assert_eq!((model.name.as_str(), model.items.as_str(), model.table.as_str()), (name, items, table), "{app}");
        }
    }

    #[test]
    fn a_model_can_be_named() {
        let model = Model::of("blog", Some("BlogPost")).ok().unwrap();
        assert_eq!((model.item.as_str(), model.table.as_str(), model.heading.as_str()), ("blog_post", "blog_posts", "Blog posts"));
        assert_eq!(Model::of("blog", Some("HTTPLog")).ok().unwrap().item, "http_log");
        for wrong in ["post", "Blog-Post", "", "User", "Page", "Größe"] {
            assert!(Model::of("blog", Some(wrong)).is_err(), "{wrong}");
        }
    }
}
