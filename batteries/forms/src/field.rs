//! One field: what it is called, what it asks for, and its rules.

use std::fmt;
use std::sync::Arc;

use lback_core::UploadedFile;

use crate::bounds::{Bound, FieldRange};
use crate::{Choice, Entry, FieldError, FieldKind, FieldType, InitialValue, Rule, Widget};

type Clean = Arc<dyn Fn(Entry) -> Result<Entry, FieldError> + Send + Sync>;

/// A field of a form.
///
/// `#[derive(Form)]` makes these of the fields of a struct; a form made by hand, see [`Form::of`](crate::Form::of), takes
/// them as they are. A field must be filled in unless it is [optional](Field::optional).
///
/// ```
/// use lback_forms::Field;
///
/// let title = Field::text("title").label("Title").max_length(200).help("Up to 200 characters.");
/// let rating = Field::integer("rating").range(1..=10).initial(5);
/// let status = Field::text("status").choices([("draft", "Draft"), ("public", "Public")]).radio();
/// assert_eq!(title.label_text(), "Title");
/// assert_eq!(Field::text("first_name").label_text(), "First name");
/// # let _ = (rating, status);
/// ```
#[derive(Clone)]
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
    /// What the type can hold. The visitor hears of it only when a value is beyond.
    pub(crate) limits: Option<(Bound, Bound)>,
    #[cfg(feature = "pattern")]
    pub(crate) pattern: Option<crate::pattern::Pattern>,
    pub(crate) choices: Option<Vec<Choice>>,
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
        /// A text of one line.
        text String, Text;
        /// An e-mail address.
        email String, Email;
        /// A password: never shown again, and not trimmed.
        password String, Password;
        /// A web address, `https://…`.
        url String, Url;
        /// A UUID.
        uuid uuid::Uuid, Uuid;
        /// A whole number that fits an `i64`.
        integer i64, Integer;
        /// A number.
        decimal f64, Decimal;
        /// A checkbox. Where it is [required](Field::required), it must be ticked.
        boolean bool, Boolean;
        /// A date.
        date chrono::NaiveDate, Date;
        /// A time of day.
        time chrono::NaiveTime, Time;
        /// A date and a time, without a zone.
        datetime chrono::NaiveDateTime, DateTime;
        /// A file.
        file UploadedFile, File;
    }

    /// The field for a `V`: what `#[derive(Form)]` begins with.
    pub fn of<V: FieldType>(name: impl Into<String>) -> Self {
        // A value that passes every rule is read as a `V` later. That it can be is the first rule.
        V::field(&name.into()).clean(Ok::<V, FieldError>)
    }

    /// A field without rules, for [`FieldType::field`]; [`Field::of`] is what forms use.
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
            limits: None,
            #[cfg(feature = "pattern")]
            pattern: None,
            choices: None,
            accept: None,
            max_size: None,
            initial: Vec::new(),
            cleans: Vec::new(),
            messages: Vec::new(),
        }
    }

    /// What the visitor reads beside the field. As a rule it is the name: `first_name` becomes "First name".
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// A sentence below the field.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What an empty field shows, and an empty `<select>` instead of "Choose …".
    pub fn placeholder(mut self, placeholder: impl Into<String>) -> Self {
        self.placeholder = Some(placeholder.into());
        self
    }

    /// What a browser may [fill in by itself](https://developer.mozilla.org/docs/Web/HTML/Attributes/autocomplete):
    /// "username", "new-password", "off". As a rule "email" for e-mail addresses and "current-password" for passwords.
    pub fn autocomplete(mut self, autocomplete: impl Into<String>) -> Self {
        self.autocomplete = Some(autocomplete.into());
        self
    }

    /// What the field asks for.
    pub fn kind(mut self, kind: FieldKind) -> Self {
        self.kind = kind;
        self
    }

    /// The field may be left empty.
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// The field must be filled in, a checkbox ticked, one of several boxes at least.
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// A text of several lines.
    pub fn textarea(self) -> Self {
        self.widget(Widget::TextArea)
    }

    /// The visitor does not see the field.
    pub fn hidden(self) -> Self {
        self.widget(Widget::Hidden)
    }

    /// Shows the choices as radio buttons.
    pub fn radio(self) -> Self {
        self.widget(Widget::Buttons)
    }

    /// Shows the choices as checkboxes, of which several may be ticked.
    pub fn checkboxes(self) -> Self {
        self.widget(Widget::Buttons).multiple()
    }

    /// How the field is shown.
    pub fn widget(mut self, widget: Widget) -> Self {
        self.widget = widget;
        self
    }

    /// Several of the choices may be chosen, or several files.
    pub fn multiple(mut self) -> Self {
        self.multiple = true;
        if self.kind != FieldKind::File && self.widget == Widget::Input {
            self.widget = Widget::Select;
        }
        self
    }

    /// The text has at least so many characters.
    pub fn min_length(mut self, characters: usize) -> Self {
        self.min_length = Some(characters);
        self
    }

    /// The text has at most so many characters. Of one that is more than twice as long not all is shown again.
    pub fn max_length(mut self, characters: usize) -> Self {
        self.max_length = Some(characters);
        self
    }

    /// The number, date or time lies in this range: `1..=10`, `1..` or `..=10`.
    pub fn range(mut self, range: impl FieldRange) -> Self {
        (self.min, self.max) = range.ends();
        self
    }

    /// The whole text matches this regular expression, which browsers check too: `[a-z]+`. Needs the feature `pattern`.
    #[cfg(feature = "pattern")]
    pub fn pattern(mut self, pattern: &str) -> Self {
        self.pattern = Some(crate::pattern::Pattern::new(pattern));
        self
    }

    /// The visitor chooses one of these, each a value and a label: `[("draft", "Draft"), ("public", "Public")]`.
    pub fn choices<C: Into<Choice>>(mut self, choices: impl IntoIterator<Item = C>) -> Self {
        self.choices = Some(choices.into_iter().map(Into::into).collect());
        if self.widget == Widget::Input {
            self.widget = Widget::Select;
        }
        self
    }

    /// The types of files that are accepted: "image/png, .jpg" or "image/*". What a browser says of a file's type is only
    /// a claim.
    pub fn accept(mut self, types: impl Into<String>) -> Self {
        self.accept = Some(types.into());
        self
    }

    /// The file has at most so many bytes.
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.max_size = Some(bytes);
        self
    }

    /// What the field holds at first.
    pub fn initial(mut self, value: impl InitialValue) -> Self {
        self.initial = value.into_texts();
        self
    }

    /// A rule of the application's own, which may change the value, too. It sees what has passed all other rules, and
    /// does not see an empty field. Of a multiple choice it sees one value after the other, or all if it takes a `Vec`.
    ///
    /// ```
    /// # use lback_forms::Field;
    /// Field::text("tag").clean(|tag: String| match tag.as_str() {
    ///     "spam" => Err("This tag is taken."),
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

    /// What the visitor is told where `rule` is broken.
    pub fn message(mut self, rule: Rule, message: impl Into<String>) -> Self {
        self.messages.retain(|(known, _)| *known != rule);
        self.messages.push((rule, message.into()));
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the visitor reads beside the field.
    pub fn label_text(&self) -> &str {
        &self.label
    }

    /// The least and the greatest value of its range.
    pub fn bounds(&self) -> (Option<Bound>, Option<Bound>) {
        (self.min, self.max)
    }

    /// The least and the greatest number of characters.
    pub fn lengths(&self) -> (Option<usize>, Option<usize>) {
        (self.min_length, self.max_length)
    }

    /// What the field asks for.
    pub fn asks_for(&self) -> FieldKind {
        self.kind
    }

    /// The type's own range.
    pub(crate) fn limits(mut self, limits: impl FieldRange) -> Self {
        let (least, most) = limits.ends();
        self.limits = least.zip(most);
        self
    }

    /// The least and the greatest value that pass, by the range or by the type.
    pub(crate) fn ends(&self) -> (Option<Bound>, Option<Bound>) {
        (self.min.or(self.limits.map(|(least, _)| least)), self.max.or(self.limits.map(|(_, most)| most)))
    }

    /// Can several values be sent?
    pub(crate) fn takes_several(&self) -> bool {
        self.multiple && (self.kind == FieldKind::File || matches!(self.widget, Widget::Select | Widget::Buttons | Widget::Hidden))
    }

    /// Are its values chosen from a list?
    pub(crate) fn is_choice(&self) -> bool {
        self.choices.is_some() || matches!(self.widget, Widget::Select | Widget::Buttons)
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field").field("name", &self.name).field("kind", &self.kind).field("widget", &self.widget).finish_non_exhaustive()
    }
}

/// `first_name` as "First name".
fn label_of(name: &str) -> String {
    let words = name.replace(['_', '-'], " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
