//! [`ChoiceSource`], choices that are known only when a form is shown or submitted.

use std::any::Any;

use lback_core::{Request, Result};

use crate::Choice;

/// A source of choices that are known only when a form is shown or submitted, such as the rows of a table.
///
/// ```
/// use lback::{Request, Result};
/// use lback::forms::{Asked, ChoiceSource, Field, Offered};
///
/// /// The languages that the visitor's browser prefers.
/// struct Languages;
///
/// impl ChoiceSource for Languages {
///     fn offer(&self, req: &mut Request, _asked: &Asked<'_>) -> Result<Offered> {
///         let preferred = req.header("accept-language").unwrap_or("en").split(',').map(str::trim);
///         Ok(Offered::all(preferred.map(|language| language.into())))
///     }
/// }
///
/// let field = Field::text("language").choices_from(Languages);
/// # let _ = field;
/// ```
pub trait ChoiceSource: Send + Sync {
    /// Returns the choices for what is asked.
    ///
    /// # Errors
    /// Returns an error if they cannot be found, such as that of a database.
    fn offer(&self, req: &mut Request, asked: &Asked<'_>) -> Result<Offered>;

    /// Lets the crate that created the source derive another one from it.
    #[doc(hidden)]
    fn as_any(&self) -> Option<&dyn Any> {
        None
    }
}

/// What a form asks for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The values that are chosen: those that were submitted, or those that the form is filled in with.
    pub chosen: &'a [String],
    /// What the visitor searches for. Empty if nothing.
    pub search: &'a str,
    /// Whether the form was submitted.
    pub is_submitted: bool,
    /// Whether several values may be chosen.
    pub is_multiple: bool,
}

/// The choices that a form offers.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Offered {
    /// The choices, among which are the chosen ones if they are valid.
    pub choices: Vec<Choice>,
    /// Whether there are too many to show them all: the field gets a search field then.
    pub is_searched: bool,
    /// The values that are chosen instead of those that were asked for, such as the one row that was found.
    pub chosen: Option<Vec<String>>,
    /// Why the visitor has to look at the field again.
    pub error: Option<String>,
}

impl Offered {
    /// Returns an offer of all choices.
    pub fn all(choices: impl IntoIterator<Item = Choice>) -> Self {
        Offered { choices: choices.into_iter().collect(), ..Offered::default() }
    }
}
