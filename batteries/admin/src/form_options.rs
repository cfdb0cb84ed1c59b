//! The options of [`ModelAdmin`] for forms.

use lback_models::{FieldMeta, Kind, Model, WritableModel};

use crate::inline_admin::{Inline, InlineAdmin};
use crate::model_admin::{Group, Grouped, ModelAdmin, Prepopulated};
use crate::names::{self, named};
use crate::stored_files::is_file;

impl<M: Model> ModelAdmin<M> {
    /// Sets the fields of the form, in groups with a title each, which may be empty. Fields that are in no group are left out.
    /// [Computed columns](Self::column) that were added before are shown as read-only values of existing rows.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Post { pub id: i64, pub title: String, pub slug: String, pub body: String }
    /// let admin = Admin::new().model::<Post>(|post| post.fieldsets([("", ["title", "slug"].as_slice()), ("Text", &["body"])]));
    /// # let _ = admin;
    /// ```
    pub fn fieldsets<'a>(mut self, groups: impl IntoIterator<Item = (&'a str, &'a [&'a str])>) -> Self {
        for (title, names) in groups {
            let mut fields = Vec::new();
            for name in names {
                fields.extend(match self.computed(name) {
                    Some(at) => Some(Grouped::Computed(at)),
                    None => self.found(named(M::META, name)).map(Grouped::Named),
                });
            }
            self.options.groups.push(Group { title: title.to_owned(), help: String::new(), fields, is_collapsed: false });
        }
        self
    }

    /// Collapses the groups with these titles at first.
    pub fn collapse<'a>(mut self, titles: impl IntoIterator<Item = &'a str>) -> Self {
        for title in titles {
            if let Some(group) = self.group(title) {
                group.is_collapsed = true;
            }
        }
        self
    }

    /// Sets a text below the title of a group of fields.
    pub fn describe(mut self, title: &str, text: impl Into<String>) -> Self {
        if let Some(group) = self.group(title) {
            group.help = text.into();
        }
        self
    }

    /// Returns the group with this title, or records the error.
    fn group(&mut self, title: &str) -> Option<&mut Group> {
        let found = self.options.groups.iter_mut().find(|group| group.title == title);
        if found.is_none() {
            self.problems.push(format!("{} has no group of fields \"{title}\": name it after fieldsets", M::META.name));
        }
        found
    }

    /// Makes these fields read-only in the form. In a form without [`fieldsets`](Self::fieldsets), a [computed column](Self::column) that
    /// was added before is shown as well.
    pub fn readonly(mut self, fields: impl IntoIterator<Item = &'static str>) -> Self {
        for name in fields {
            if let Some(at) = self.computed(name) {
                self.options.computed_in_form.push(at);
                continue;
            }
            let found = self.found(named(M::META, name));
            self.options.readonly.extend(found.map(|named| named.name()));
        }
        self
    }

    /// Leaves these fields out of the form. A new row has their defaults.
    pub fn exclude(mut self, fields: impl IntoIterator<Item = &'static str>) -> Self {
        for name in fields {
            let found = self.found(named(M::META, name));
            self.options.left_out.extend(found.map(|named| named.name()));
        }
        self
    }

    /// Shows the choices of these fields as radio buttons instead of a list.
    pub fn radio(mut self, fields: impl IntoIterator<Item = &'static str>) -> Self {
        for name in fields {
            let found = names::field(M::META, name).and_then(|field| match field.choices {
                [] => Err(format!("{}.{name} has no choices that can be radio buttons", M::META.name)),
                _ => Ok(field),
            });
            let found = self.found(found);
            self.options.radio.extend(found);
        }
        self
    }

    /// Shows a preview of these fields, which are texts in Markdown, next to their input. It needs JavaScript.
    ///
    /// The preview has CommonMark with tables and strikethrough. HTML in the text is shown as text, links lead only to addresses that begin
    /// with `http:`, `https:` or `mailto:`, and images are replaced by their descriptions.
    pub fn markdown(mut self, fields: impl IntoIterator<Item = &'static str>) -> Self {
        for name in fields {
            let found = self.found(text::<M>(name));
            self.options.markdown.extend(found);
        }
        self
    }

    /// Makes a field of a new row follow others: the slug of a title, in lower case, of letters, digits and hyphens. It is filled in while
    /// the others are typed, and when the row is added if it was left empty.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Post { pub id: i64, pub title: String, #[model(unique, slug)] pub slug: String }
    /// let admin = Admin::new().model::<Post>(|post| post.prepopulated("slug", ["title"]));
    /// # let _ = admin;
    /// ```
    pub fn prepopulated(mut self, field: &'static str, from: impl IntoIterator<Item = &'static str>) -> Self {
        let from = from.into_iter().filter_map(|name| self.found(text::<M>(name))).collect();
        if let Some(field) = self.found(text::<M>(field)) {
            self.options.prepopulated.push(Prepopulated { field, from });
        }
        self
    }

    /// Shows the rows of another model that refer to a row on the page of that row, where they are added, changed and deleted with it.
    /// Their fields and rights are those that the other model has in this site.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Ticket { pub id: i64, pub title: String }
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Comment { pub id: i64, #[model(references = Ticket, on_delete = cascade)] pub ticket_id: i64, pub text: String }
    /// let admin = Admin::new().model::<Ticket>(|ticket| ticket.inline::<Comment>());
    /// # let _ = admin;
    /// ```
    pub fn inline<C: WritableModel>(self) -> Self {
        self.inline_with::<C>(|inline| inline)
    }

    /// Shows the rows of another model as [`inline`](Self::inline) does, and configures how. See [`InlineAdmin`].
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Ticket { pub id: i64, pub title: String }
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Comment { pub id: i64, #[model(references = Ticket, on_delete = cascade)] pub ticket_id: i64, pub text: String }
    /// let admin = Admin::new().model::<Ticket>(|ticket| ticket.inline_with::<Comment>(|comments| comments.cards().extra(1)));
    /// # let _ = admin;
    /// ```
    pub fn inline_with<C: WritableModel>(mut self, configure: impl FnOnce(InlineAdmin<C>) -> InlineAdmin<C>) -> Self {
        let new = configure(InlineAdmin::new(M::META)).into_parts();
        Inline::add(&mut self.options.inlines, M::META.name, new, &mut self.problems);
        self
    }
}

/// Returns the field with this name, which is a text that visitors write.
fn text<M: Model>(name: &str) -> Result<&'static FieldMeta, String> {
    let field = names::field(M::META, name)?;
    let is_text = field.kind == Kind::Text && field.choices.is_empty() && field.references.is_none() && !is_file(field);
    if is_text { Ok(field) } else { Err(format!("{}.{name} is no text that visitors write", M::META.name)) }
}
