//! Reads the query string of an operation: the rows, their order and page, and the parts of each row.

use lback_core::{Error, Request, Result};
use lback_models::{Cursor, FieldMeta, Filter, List};

use crate::parameters::{self, Meaning, Parameter};
use crate::resource::{Config, Include};

/// The parts of a row that a client asks for.
pub(crate) struct Selection<'a> {
    pub(crate) fields: Vec<&'static FieldMeta>,
    pub(crate) includes: Vec<&'a Include>,
}

/// The rows that a client asks for.
pub(crate) struct Listing<'a> {
    pub(crate) list: List,
    pub(crate) cursor: Cursor,
    pub(crate) page: u32,
    pub(crate) limit: u32,
    pub(crate) selection: Selection<'a>,
}

/// The maximum number of words of a search.
const MOST_WORDS: usize = 10;

/// Returns the parts of a row that the query string asks for.
///
/// # Errors
/// Returns 400 if a parameter is unknown or has a value that is not valid.
pub(crate) fn selection<'a>(req: &Request, config: &'a Config, known: &[Parameter]) -> Result<Selection<'a>> {
    let mut selection = Selection { fields: config.fields.clone(), includes: Vec::new() };
    for (parameter, text) in parameters::sent(req, known)? {
        selection.take(config, parameter.meaning, &text)?;
    }
    Ok(selection)
}

impl<'a> Selection<'a> {
    fn take(&mut self, config: &'a Config, meaning: Meaning, text: &str) -> Result<()> {
        match meaning {
            Meaning::Fields => self.fields = names("fields", text, &config.fields, |field| field.name)?.into_iter().copied().collect(),
            Meaning::Include => self.includes = names("include", text, &config.includes, |include| include.name)?,
            _ => {}
        }
        Ok(())
    }
}

/// Returns the rows that the query string asks for, among those that the client may see.
///
/// # Errors
/// Returns 400 if a parameter is unknown or has a value that is not valid.
pub(crate) fn listing<'a>(req: &mut Request, config: &'a Config, known: &[Parameter]) -> Result<Listing<'a>> {
    let sent = parameters::sent(req, known)?;
    let order: Vec<&str> = config.order.iter().map(String::as_str).collect();
    let mut listing = Listing {
        list: config.rows(req)?.order_by(&order)?,
        cursor: Cursor::default(),
        page: 1,
        limit: config.per_page,
        selection: Selection { fields: config.fields.clone(), includes: Vec::new() },
    };
    for (parameter, text) in sent {
        match parameter.meaning {
            Meaning::Filter(field, test) => {
                let filter = parameters::filter(&parameter.name, field, test, &text)?;
                listing.list = listing.list.filter(filter);
            }
            Meaning::Search => {
                parameters::check_length(&parameter.name, &text)?;
                let words: Vec<&str> = text.split_whitespace().collect();
                if words.len() > MOST_WORDS {
                    return Err(Error::bad_request(format!("A search has at most {MOST_WORDS} words.")));
                }
                for word in words {
                    let is_in = |field: &&'static FieldMeta| Filter::Contains(field, word.to_owned());
                    listing.list = listing.list.filter(Filter::Any(config.search.iter().map(is_in).collect()));
                }
            }
            Meaning::Order => listing.list = listing.list.order_by(&order_of(config, &text)?)?,
            Meaning::After => listing.cursor.after = Some(text),
            Meaning::Before => listing.cursor.before = Some(text),
            Meaning::Page => listing.page = number("page", &text, u32::MAX)?,
            Meaning::Limit => listing.limit = number("limit", &text, config.most_per_page)?,
            Meaning::Fields | Meaning::Include => listing.selection.take(config, parameter.meaning, &text)?,
        }
    }
    Ok(listing)
}

fn order_of<'t>(config: &Config, text: &'t str) -> Result<Vec<&'t str>> {
    let parts: Vec<&str> = text.split(',').collect();
    for part in &parts {
        names("order", part.strip_prefix('-').unwrap_or(part), &config.sortable, |field| field.name)?;
    }
    Ok(parts)
}

fn number(name: &str, text: &str, most: u32) -> Result<u32> {
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| Error::bad_request(format!("The parameter \"{name}\" is a whole number from 1 to {most}.")))
}

/// Returns the items that a text names, separated by commas.
fn names<'a, T>(parameter: &str, text: &str, known: &'a [T], name: impl Fn(&T) -> &'static str) -> Result<Vec<&'a T>> {
    let find = |wanted: &str| {
        known.iter().find(|item| name(item) == wanted).ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(&name).collect();
            Error::bad_request(format!("The parameter \"{parameter}\" does not take \"{wanted}\"; it takes {}.", names.join(", ")))
        })
    };
    let mut found: Vec<&'a T> = Vec::new();
    for wanted in text.split(',') {
        let item = find(wanted)?;
        if !found.iter().any(|other| std::ptr::eq(*other, item)) {
            found.push(item);
        }
    }
    Ok(found)
}
