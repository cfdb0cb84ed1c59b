//! Rows of other models on the page of the row that they refer to.

mod choices;
mod form;
mod load;
mod number;
mod save;
mod submitted;
mod view;

use std::collections::BTreeMap;

use lback_core::{Request, Result};
use lback_models::{Filter, List, ManyToManyMeta, Value};

use self::form::Input;
use super::edit::SEEN;
use crate::history::RowState;
use crate::inline_admin::Inline;
use crate::names::Named;
use crate::site::{Registered, Site};

/// The maximum number of rows of a model on the page.
const MOST_ROWS: usize = 100;
/// The maximum number of fields of all these rows. A form has at most 1,000 fields, and the row of the page has some.
const MOST_FIELDS: usize = 800;
/// The maximum number of links of a row by a relation that is changed here. Each of them is sent like a field.
const MOST_LINKS: usize = 10;

/// The rows of a model that refer to the row of the page, or to rows of another inline.
pub(super) struct InlineRows<'a> {
    inline: &'a Inline,
    model: &'a Registered,
    inputs: Vec<Input>,
    /// All rows of the model that the user may see.
    list: List,
    parents: Vec<Parent>,
    rows: Vec<InlineRow>,
    /// The inlines of the rows, whose parents are the rows, and the blank one if there is one.
    nested: Vec<InlineRows<'a>>,
    /// `true` if the form had rows that are not on the page any more.
    has_lost: bool,
}

/// A row to which rows refer.
struct Parent {
    /// The prefix of the names of the fields of the rows that refer to it.
    prefix: String,
    /// The key to which they refer. `None` for a new row.
    key: Option<Value>,
    can_change: bool,
    can_add: bool,
    /// The maximum number of rows that the page may have.
    most: usize,
    /// `true` if there are rows that the page does not have.
    has_more: bool,
    /// The row that the script of the page copies for more.
    blank: Option<InlineRow>,
}

impl Parent {
    fn new(prefix: String, key: Option<Value>, can_change: bool) -> Self {
        Parent { prefix, key, can_change, can_add: false, most: 0, has_more: false, blank: None }
    }

    /// Returns whether it is a blank row, which is not part of the form.
    fn is_blank(&self) -> bool {
        self.prefix.contains(BLANK)
    }
}

/// The number of a blank row, and how it is part of the names of fields.
const NUMBER_OF_BLANK: &str = "N";
const BLANK: &str = ":+N:";

/// A row, or a new one.
struct InlineRow {
    /// The place of the parent.
    parent: usize,
    /// The prefix of the names of its fields.
    prefix: String,
    values: Vec<Value>,
    /// The keys of the rows to which it is linked, by the names of its relations.
    linked: BTreeMap<&'static str, Vec<Value>>,
    /// The state of a row of the database.
    state: Option<RowState>,
    /// The fingerprint of the state.
    seen: String,
    key: String,
    label: String,
    can_change: bool,
    can_delete: bool,
    /// `true` if a new row has been filled in.
    is_filled: bool,
}

impl InlineRow {
    /// Returns the new row with this number, or the blank one that is copied for more.
    fn new(parent: usize, prefix: &str, number: &str, values: Vec<Value>) -> Self {
        InlineRow {
            parent,
            prefix: format!("{prefix}+{number}:"),
            values,
            linked: BTreeMap::new(),
            state: None,
            seen: String::new(),
            key: String::new(),
            label: String::new(),
            can_change: true,
            can_delete: false,
            is_filled: false,
        }
    }

    fn name(&self, field: &str) -> String {
        format!("{}{field}", self.prefix)
    }

    fn is_new(&self) -> bool {
        self.state.is_none()
    }

    fn linked(&self, link: &ManyToManyMeta) -> &[Value] {
        self.linked.get(link.name).map_or(&[], Vec::as_slice)
    }

    /// Returns whether the form has the row's input for a field or relation.
    fn changes(&self, named: Named) -> bool {
        self.can_change && !matches!(named, Named::Link(link) if self.linked(link).len() > MOST_LINKS)
    }
}

impl<'a> InlineRows<'a> {
    /// Returns the rows of each inline that refer to `parent`; a new row has none. Models of which the user may not see rows are left out.
    pub(super) fn all(req: &mut Request, site: &'a Site, inlines: &'a [Inline], parent: Option<&Value>) -> Result<Vec<Self>> {
        let most_fields = MOST_FIELDS / inlines.len().max(1);
        let found = inlines.iter().map(|inline| {
            let parents = vec![Parent::new(inline.prefix.clone(), parent.cloned(), true)];
            InlineRows::of(req, site, inline, parents, most_fields / (inline.inlines.len() + 1))
        });
        found.filter_map(Result::transpose).collect()
    }

    /// Returns the rows that refer to a parent, with their places.
    fn rows_of(&self, parent: usize) -> impl Iterator<Item = (usize, &InlineRow)> {
        self.rows.iter().enumerate().filter(move |(_, row)| row.parent == parent)
    }

    /// Returns all rows that refer to a parent. `None` for a new one.
    fn list_of(&self, parent: usize) -> Option<List> {
        let key = self.parents[parent].key.clone()?;
        Some(self.list.clone().filter(Filter::equal(self.inline.field, key)))
    }

    /// Returns whether the form has a field or relation of the rows.
    fn has(&self, name: &str) -> bool {
        self.inputs.iter().any(|input| input.named.name() == name)
    }
}

impl Inline {
    fn is_position(&self, named: Named) -> bool {
        self.position.is_some_and(|position| position.name == named.name())
    }
}

/// Returns a key as part of the name of a field, of which colons separate the parts, and a plus sign marks new rows. Browsers change quotes
/// and line breaks in the names of a form with files.
fn encoded(key: &str) -> String {
    let encoded = |c: char| match c {
        '%' | ':' | '+' | '"' | '\r' | '\n' => format!("%{:02X}", u32::from(c)),
        _ => c.to_string(),
    };
    key.chars().map(encoded).collect()
}
