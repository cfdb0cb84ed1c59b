//! The panels of the developer toolbar.

use serde::Serialize;

use super::Profile;
use crate::{Application, Error, Result};

/// A panel of the developer toolbar, which shows a part of a [`Profile`]. [`Assembly::toolbar_panel`](crate::Assembly::toolbar_panel)
/// adds it.
pub trait Panel: Send + Sync + 'static {
    /// Returns the name of the panel, which is unique and part of an address: `sql`.
    fn name(&self) -> &'static str;

    /// Returns the panel for a request, or `None` if there is nothing to show. Secrets must already be masked.
    fn show(&self, profile: &Profile) -> Option<PanelView>;

    /// Returns whether the error page shows the panel, too: it may explain the error.
    fn explains_errors(&self) -> bool {
        false
    }

    /// Returns more about the row with this index, when the developer clicks its [`detail`](PanelRow::detail). It may block.
    ///
    /// # Errors
    /// Returns the error that the toolbar shows.
    fn detail(&self, _app: &Application, _profile: &Profile, _row: usize) -> Result<String> {
        Err(Error::not_found("this panel has no details"))
    }
}

/// What a [`Panel`] shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PanelView {
    /// The title: `SQL`.
    pub title: String,
    /// The most important facts, as the bar shows them beside the title: `4 in 1.2 ms`.
    pub summary: String,
    /// What is wrong, in a sentence, such as a query that is repeated for each row.
    pub warnings: Vec<String>,
    /// The rows.
    pub rows: Vec<PanelRow>,
    /// The number of rows that were not recorded.
    pub left_out: usize,
}

/// A row of a [`PanelView`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PanelRow {
    /// The text.
    pub text: String,
    /// What belongs to the text, in smaller letters.
    pub note: String,
    /// The place in the source code: `src/views.rs:12`.
    pub place: Option<String>,
    /// How long it took.
    pub milliseconds: Option<f64>,
    /// What is remarkable about the row: `3 × from here`.
    pub marks: Vec<String>,
    /// The depth in a tree.
    pub depth: usize,
    /// The label of the button that asks for [more](Panel::detail): `EXPLAIN`.
    pub detail: Option<&'static str>,
}
