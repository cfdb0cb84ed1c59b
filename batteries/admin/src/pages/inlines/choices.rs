//! Choices that the rows of an inline share, so that they are loaded once.

use std::sync::OnceLock;

use crate::language::text;
use lback_core::{Request, Result};
use lback_forms::{Asked, Choice, ChoiceSource, Offered};
use lback_models::List;

/// The maximum number of choices on the page for a field of all rows. If there were more, each row gets a search.
const MOST_CHOICES: usize = 10_000;

pub(super) struct SharedChoices {
    source: Box<dyn ChoiceSource>,
    /// The keys that are chosen in any of the rows.
    chosen: Vec<String>,
    /// The number of rows.
    rows: usize,
    offered: OnceLock<Offered>,
}

impl SharedChoices {
    pub(super) fn new(list: List, chosen: Vec<String>, rows: usize) -> Self {
        SharedChoices { source: Box::new(list.into_choices()), chosen, rows, offered: OnceLock::new() }
    }
}

impl ChoiceSource for SharedChoices {
    fn offer(&self, req: &mut Request, asked: &Asked<'_>) -> Result<Offered> {
        if !asked.search.is_empty() {
            let mut offered = self.source.offer(req, asked)?;
            // The row has a search only because there are many rows.
            if !offered.is_searched {
                offered.error = Some(text!("Choose from the list."));
            }
            return Ok(offered);
        }
        let shared = match self.offered.get() {
            Some(shared) => shared,
            None => {
                let offered = self.source.offer(req, &Asked { chosen: &self.chosen, is_multiple: true, ..*asked })?;
                self.offered.get_or_init(|| offered)
            }
        };
        if !shared.is_searched && shared.choices.len() * self.rows <= MOST_CHOICES {
            return Ok(shared.clone());
        }
        let is_chosen = |choice: &&Choice| asked.chosen.iter().any(|text| text.trim() == choice.value());
        let mut offered = Offered::all(shared.choices.iter().filter(is_chosen).cloned());
        offered.is_searched = true;
        Ok(offered)
    }
}
