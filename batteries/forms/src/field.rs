//! [`Field`], a field of a form: its name, kind, appearance and rules.

use std::fmt;
use std::sync::Arc;

use lback_core::{Request, TimeZone, UploadedFile};

use crate::bounds::{Bound, FieldRange};
use crate::check::{Invalid, check};
use crate::form::message;
use crate::{Choice, ChoiceSource, Entry, FieldError, FieldKind, FieldType, InitialValue, Rule, Widget};

type Clean = Arc<dyn Fn(Entry) -> Result<Entry, FieldError> + Send + Sync>;

/// A field of a form.
///
/// `#[derive(Form)]` creates them from the fields of a struct. Pass them to [`Form::of`](crate::Form::of) to build a form at
/// run time. A field must be filled in unless it is [optional](Field::optional).
///
/// ```
/// use lback::forms::Field;
///
/// let title = Field::text("title").label("Title").max_length(200).help("Up to 200 characters.");
/// let rating = Field::integer("rating").range(1..=10).initial(5);
/// let status = Field::text("status").choices([("draft", "Draft"), ("public", "Public")]).radio();
/// assert_eq!(title.label_text(), "Title");
/// assert_eq!(Field::text("first_name").label_text(), "First name");
/// # let _ = (rating, status);
/// ```
#[derive(Clone)]
#[must_use = "a field does nothing unless a form contains it"]
pub struct Field {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) help: Option<String>,
    pub(crate) placeholder: Option<String>,
    pub(crate) autocomplete: Option<String>,
    pub(crate) kind: FieldKind,
    pub(crate) widget: Widget,
    pub(crate) required: bool,
    pub(crate) multiple: bool,
    pub(crate) min_length: Option<usize>,
    pub(crate) max_length: Option<usize>,
    pub(crate) min: Option<Bound>,
    pub(crate) max: Option<Bound>,
    /// The maximum number of digits of a number, and how many of them are after the decimal point.
    pub(crate) digits: Option<(u32, u32)>,
    /// The range of the type. Messages mention it only if a value exceeds it.
    pub(crate) limits: Option<(Bound, Bound)>,
    #[cfg(feature = "pattern")]
    pub(crate) pattern: Option<crate::pattern::Pattern>,
    pub(crate) choices: Option<Vec<Choice>>,
    /// What finds the choices when the form is shown or submitted.
    pub(crate) source: Option<Arc<dyn ChoiceSource>>,
    /// Whether there are more choices than those, among which the visitor searches.
    pub(crate) is_searched: bool,
    pub(crate) choices_url: Option<String>,
    pub(crate) accept: Option<String>,
    pub(crate) max_size: Option<u64>,
    pub(crate) initial: Vec<String>,
    pub(crate) cleans: Vec<Clean>,
    pub(crate) messages: Vec<(Rule, String)>,
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident $type:ty, $kind:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(name: impl Into<String>) -> Self {
            Field::of::<$type>(name).kind(FieldKind::$kind)
        }
    )*};
}

impl Field {
    constructors! {
        /// A single-line text.
        text String, Text;
        /// An e-mail address.
        email String, Email;
        /// A password, which is neither shown again nor trimmed.
        password String, Password;
        /// A web address, `https://…`.
        url String, Url;
        /// A UUID.
        uuid uuid::Uuid, Uuid;
        /// A whole number that fits an `i64`.
        integer i64, Integer;
        /// A number.
        decimal f64, Decimal;
        /// A checkbox. If it is [required](Field::required), it must be ticked.
        boolean bool, Boolean;
        /// A date.
        date chrono::NaiveDate, Date;
        /// A time of day.
        time chrono::NaiveTime, Time;
        /// A date and a time, without a time zone.
        datetime chrono::NaiveDateTime, DateTime;
        /// A date and a time in the time zone of the request, which is read as a `DateTime<Utc>`.
        moment chrono::DateTime<chrono::Utc>, Moment;
        /// A file.
        file UploadedFile, File;
    }

    /// Creates the field for a value of type `V`, as `#[derive(Form)]` does.
    pub fn of<V: FieldType>(name: impl Into<String>) -> Self {
        // A valid value is read as a `V` later. The first rule is that this is possible.
        V::field(&name.into()).clean(Ok::<V, FieldError>)
    }

    /// Creates a field without rules, for [`FieldType::field`]. In a form, use [`Field::of`].
    pub fn new(name: impl Into<String>, kind: FieldKind) -> Self {
        let name = name.into();
        Field {
            label: label_of(&name),
            name,
            help: None,
            placeholder: None,
            autocomplete: None,
            kind,
            widget: Widget::Input,
            required: kind != FieldKind::Boolean,
            multiple: false,
            min_length: None,
            max_length: None,
            min: None,
            max: None,
            digits: None,
            limits: None,
            #[cfg(feature = "pattern")]
            pattern: None,
            choices: None,
            source: None,
            is_searched: false,
            choices_url: None,
            accept: None,
            max_size: None,
            initial: Vec::new(),
            cleans: Vec::new(),
            messages: Vec::new(),
        }
    }

    /// Sets the label. The default is derived from the name: `first_name` becomes "First name".
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Sets the help text below the field.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Sets the placeholder of an empty field. In a `<select>`, it replaces "Choose …".
    pub fn placeholder(mut self, placeholder: impl Into<String>) -> Self {
        self.placeholder = Some(placeholder.into());
        self
    }

    /// Sets what browsers [fill in automatically](https://developer.mozilla.org/docs/Web/HTML/Attributes/autocomplete):
    /// "username", "new-password" or "off", for example. The default is "email" for e-mail addresses and "current-password"
    /// for passwords.
    pub fn autocomplete(mut self, autocomplete: impl Into<String>) -> Self {
        self.autocomplete = Some(autocomplete.into());
        self
    }

    /// Sets the kind of value.
    pub fn kind(mut self, kind: FieldKind) -> Self {
        self.kind = kind;
        self
    }

    /// Allows the field to be left empty.
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// Requires the field to be filled in, a checkbox to be ticked, or at least one of several checkboxes to be ticked.
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Displays the field as a text area, for several lines of text.
    pub fn textarea(self) -> Self {
        self.widget(Widget::TextArea)
    }

    /// Hides the field from the visitor.
    pub fn hidden(self) -> Self {
        self.widget(Widget::Hidden)
    }

    /// Displays the choices as radio buttons.
    pub fn radio(self) -> Self {
        self.widget(Widget::Buttons)
    }

    /// Displays the choices as checkboxes, of which several may be ticked.
    pub fn checkboxes(self) -> Self {
        self.widget(Widget::Buttons).multiple()
    }

    /// Sets how the field is displayed.
    pub fn widget(mut self, widget: Widget) -> Self {
        self.widget = widget;
        self
    }

    /// Allows several choices or several files.
    pub fn multiple(mut self) -> Self {
        self.multiple = true;
        if self.kind != FieldKind::File && self.widget == Widget::Input {
            self.widget = Widget::Select;
        }
        self
    }

    /// Sets the minimum length of the text, in characters.
    pub fn min_length(mut self, characters: usize) -> Self {
        self.min_length = Some(characters);
        self
    }

    /// Sets the maximum length of the text, in characters. A text of more than twice this length is shown again only in part.
    pub fn max_length(mut self, characters: usize) -> Self {
        self.max_length = Some(characters);
        self
    }

    /// Sets the range of valid numbers, dates or times: `1..=10`, `1..` or `..=10`.
    pub fn range(mut self, range: impl FieldRange) -> Self {
        (self.min, self.max) = range.ends();
        self
    }

    /// Sets the maximum number of digits of a number, and how many of them may be after the decimal point: `digits(10, 2)` for amounts of
    /// money.
    pub fn digits(mut self, max_digits: u32, decimal_places: u32) -> Self {
        self.digits = Some((max_digits, decimal_places));
        self
    }

    /// Requires the whole text to match a regular expression such as `[a-z]+`. Browsers check it as well. This method
    /// requires the feature `pattern`.
    #[cfg(feature = "pattern")]
    pub fn pattern(mut self, pattern: &str) -> Self {
        self.pattern = Some(crate::pattern::Pattern::new(pattern));
        self
    }

    /// Sets the choices, each with a value and a label: `[("draft", "Draft"), ("public", "Public")]`.
    pub fn choices<C: Into<Choice>>(mut self, choices: impl IntoIterator<Item = C>) -> Self {
        self.choices = Some(choices.into_iter().map(Into::into).collect());
        self.source = None;
        if self.widget == Widget::Input {
            self.widget = Widget::Select;
        }
        self
    }

    /// Sets where the choices come from when the form is shown or [submitted](crate::Form::submitted).
    pub fn choices_from(mut self, source: impl ChoiceSource + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Sets the address that finds choices while the visitor types, if there are too many to show: it gets `?q=…`, and returns a JSON array
    /// of objects with `value` and `label`. The search field has it in its attribute `data-choices`, for a script of the page.
    pub fn choices_url(mut self, url: impl Into<String>) -> Self {
        self.choices_url = Some(url.into());
        self
    }

    /// Gives the field another name. Its label stays the same.
    pub fn rename(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Returns where the choices come from.
    #[doc(hidden)]
    pub fn source(&self) -> Option<&dyn ChoiceSource> {
        self.source.as_deref()
    }

    /// Validates texts that no form has sent, and returns them as the rules leave them: without surrounding whitespace, for example. A
    /// [source of choices](Self::choices_from) is not asked.
    ///
    /// # Errors
    /// Returns the message for the visitor.
    pub fn validate(&self, req: &Request, texts: Vec<String>) -> std::result::Result<Vec<String>, String> {
        match check(self, Entry::of(texts)) {
            Ok(entry) => Ok(entry.texts),
            Err(Invalid::Message(message)) => Err(message),
            Err(Invalid::Rule(rule)) => Err(message(req, self, rule, TimeZone::UTC)),
        }
    }

    /// Returns the name of the search field, for what a visitor searches among many choices.
    pub(crate) fn search_name(&self) -> String {
        format!("{}-search", self.name)
    }

    /// Sets the accepted types of files: "image/png, .jpg" or "image/*". The type of a file is what the browser claims it to
    /// be.
    pub fn accept(mut self, types: impl Into<String>) -> Self {
        self.accept = Some(types.into());
        self
    }

    /// Sets the maximum size of the file, in bytes.
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.max_size = Some(bytes);
        self
    }

    /// Sets the initial value.
    pub fn initial(mut self, value: impl InitialValue) -> Self {
        self.initial = value.into_texts();
        self
    }

    /// Adds a rule of the application, which may also change the value. It runs for values that satisfy all other rules, and
    /// not for an empty field. For a multiple choice, it is called once for each value, or once with all values if it takes a
    /// `Vec`.
    ///
    /// ```
    /// # use lback::forms::Field;
    /// Field::text("tag").clean(|tag: String| match tag.as_str() {
    ///     "spam" => Err("This tag is not allowed."),
    ///     _ => Ok(tag.to_lowercase()),
    /// });
    /// ```
    pub fn clean<V: FieldType, E: Into<FieldError>>(mut self, clean: impl Fn(V) -> Result<V, E> + Send + Sync + 'static) -> Self {
        let one = move |entry: Entry| -> Result<Entry, FieldError> {
            let value = clean(V::read(entry)?).map_err(Into::into)?;
            Ok(value.into_entry())
        };
        self.cleans.push(Arc::new(move |entry: Entry| if V::SEVERAL { one(entry) } else { entry.split().map(&one).collect() }));
        self
    }

    /// Sets the message for values that violate `rule`.
    pub fn message(mut self, rule: Rule, message: impl Into<String>) -> Self {
        self.messages.retain(|(known, _)| *known != rule);
        self.messages.push((rule, message.into()));
        self
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the label.
    pub fn label_text(&self) -> &str {
        &self.label
    }

    /// Returns the minimum and the maximum of the range.
    pub fn bounds(&self) -> (Option<Bound>, Option<Bound>) {
        (self.min, self.max)
    }

    /// Returns the minimum and the maximum length, in characters.
    pub fn lengths(&self) -> (Option<usize>, Option<usize>) {
        (self.min_length, self.max_length)
    }

    /// Returns the kind of value.
    pub fn asks_for(&self) -> FieldKind {
        self.kind
    }

    /// Sets the range of the type.
    pub(crate) fn limits(mut self, limits: impl FieldRange) -> Self {
        let (least, most) = limits.ends();
        self.limits = least.zip(most);
        self
    }

    /// Returns the minimum and the maximum, from the range or else from the type.
    pub(crate) fn ends(&self) -> (Option<Bound>, Option<Bound>) {
        (self.min.or(self.limits.map(|(least, _)| least)), self.max.or(self.limits.map(|(_, most)| most)))
    }

    /// Returns whether the field accepts several values.
    pub(crate) fn takes_several(&self) -> bool {
        self.multiple && (self.kind == FieldKind::File || matches!(self.widget, Widget::Select | Widget::Buttons | Widget::Hidden))
    }

    /// Returns whether the values are chosen from a list.
    pub(crate) fn is_choice(&self) -> bool {
        self.choices.is_some() || matches!(self.widget, Widget::Select | Widget::Buttons)
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field").field("name", &self.name).field("kind", &self.kind).field("widget", &self.widget).finish_non_exhaustive()
    }
}

/// Derives the label from the name: "First name" for `first_name`.
fn label_of(name: &str) -> String {
    let words = name.replace(['_', '-'], " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
