//! [`Admin`], the configuration of the site.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use lback_auth::User;
use lback_core::{Request, Result};
use lback_models::{FieldMeta, Model, ops};

use crate::language::{ENGLISH, Language};
use crate::model_admin::ModelAdmin;
use crate::pages::users;
use crate::site::Registered;
use crate::stored_files::{SHORTEST_LIMIT, is_file};
use crate::widgets::{Shown, Widget};

/// The configuration of an admin site.
///
/// By default, the list of a model shows its first fields, and its form shows all of them. See [`ModelAdmin`] for the options.
///
/// ```
/// # use lback::prelude::*;
/// # #[derive(Model, Clone, Debug)]
/// # pub struct Ticket { pub id: i64, pub title: String, pub is_open: bool }
/// # let urls = Router::new();
/// App::new(urls)
///     .models(models![Ticket])
///     .auth()
///     .admin_with(Admin::new().title("Helpdesk").model::<Ticket>(|ticket| ticket.list(["title", "is_open"]).filters(["is_open"])));
/// ```
#[must_use = "give it to App::admin_with"]
pub struct Admin {
    pub(crate) title: String,
    pub(crate) path: String,
    pub(crate) models: Vec<Registered>,
    /// The tables of models that are left out.
    pub(crate) left_out: BTreeSet<&'static str>,
    pub(crate) widgets: Vec<Widget>,
    pub(crate) languages: Vec<Language>,
    pub(crate) default_language: String,
    /// Mistakes in the configuration.
    pub(crate) problems: Vec<String>,
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables: Vec<_> = self.models.iter().map(|model| model.meta().table).collect();
        f.debug_struct("Admin").field("title", &self.title).field("path", &self.path).field("models", &tables).finish_non_exhaustive()
    }
}

impl Default for Admin {
    fn default() -> Self {
        Admin::new()
    }
}

impl Admin {
    /// Returns a site with the title "Admin" under `/admin`.
    pub fn new() -> Self {
        Admin {
            title: "Admin".to_owned(),
            path: "/admin".to_owned(),
            models: Vec::new(),
            left_out: BTreeSet::new(),
            widgets: Vec::new(),
            languages: Vec::new(),
            default_language: ENGLISH.to_owned(),
            problems: Vec::new(),
        }
    }

    /// Sets the title of the site, which is on each of its pages.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets the path of the site, such as `/office`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Configures how a model is listed and changed. The model need not be in `App::models`.
    pub fn model<M: Model>(mut self, configure: impl FnOnce(ModelAdmin<M>) -> ModelAdmin<M>) -> Self {
        let configured = configure(ModelAdmin::new());
        if self.models.iter().any(|model| model.meta().table == M::META.table) {
            self.problems.push(format!("{} is configured twice", M::META.name));
        }
        let (options, problems) = configured.into_parts();
        self.problems.extend(problems);
        self.models.push(Registered { ops: ops::<M>(), options: Arc::new(options) });
        self
    }

    /// Adds a number to the start page, such as the number of open tickets, with a link to `url`. Visitors for whom the function returns
    /// 403 do not see it.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Ticket { pub id: i64, pub is_open: bool }
    /// let admin = Admin::new().number("Open tickets", "/admin/tickets?is_open=true", |req| {
    ///     req.require_permission("tickets.view")?;
    ///     Ok(Ticket::query().filter(tickets::is_open).row_count(req.db()?)?.to_string())
    /// });
    /// # let _ = admin;
    /// ```
    pub fn number(
        self,
        label: impl Into<String>,
        url: impl Into<String>,
        value: impl Fn(&mut Request) -> Result<String> + Send + Sync + 'static,
    ) -> Self {
        self.widget(label.into(), url.into(), Shown::Number(Box::new(value)))
    }

    /// Adds a bar chart to the start page, with a link to `url`. The function returns the label and the height of each bar, of which the
    /// first 100 are drawn. Visitors for whom it returns 403 do not see the chart.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Ticket { pub id: i64, #[model(index)] pub opened_on: NaiveDate }
    /// use lback::chrono::{Days, NaiveDate};
    /// use lback::diesel::dsl::count_star;
    ///
    /// /// Returns the number of tickets of each of the last 14 days.
    /// fn tickets_per_day(req: &mut Request) -> Result<Vec<(String, f64)>> {
    ///     req.require_permission("tickets.view")?;
    ///     let first = req.today() - Days::new(13);
    ///     let days = tickets::table.group_by(tickets::opened_on).select((tickets::opened_on, count_star()));
    ///     let counts: Vec<(NaiveDate, i64)> = days.filter(tickets::opened_on.ge(first)).load(req.db()?)?;
    ///     let count = |day| counts.iter().find(|(counted, _)| *counted == day).map_or(0, |(_, count)| *count);
    ///     Ok(first.iter_days().take(14).map(|day| (day.format("%-d %b").to_string(), count(day) as f64)).collect())
    /// }
    ///
    /// let admin = Admin::new().chart("Tickets per day", "/admin/tickets", tickets_per_day);
    /// # let _ = admin;
    /// ```
    pub fn chart(
        self,
        label: impl Into<String>,
        url: impl Into<String>,
        bars: impl Fn(&mut Request) -> Result<Vec<(String, f64)>> + Send + Sync + 'static,
    ) -> Self {
        self.widget(label.into(), url.into(), Shown::Chart(Box::new(bars)))
    }

    fn widget(mut self, label: String, url: String, shown: Shown) -> Self {
        self.widgets.push(Widget { label, url, shown });
        self
    }

    /// Adds a language of the pages: its code, such as `de` or `pt-BR`, and a file in TOML with a translation of each English text.
    /// Visitors get the language that they have chosen in the menu, or else the first that their browser asks for.
    ///
    /// ```toml
    /// "English" = "Nederlands"
    /// "Add {model}" = "{model} toevoegen"
    /// "{count} rows have been saved." = { one = "Eén rij is opgeslagen.", other = "{count} rijen zijn opgeslagen." }
    /// ```
    ///
    /// [`GERMAN`](crate::GERMAN) is a complete file. A text without a translation stays in English, and `lback check` lists it. A text that
    /// no page has is an error at startup. The names of models, fields and actions are those of the application.
    ///
    /// Another file with the same code replaces single texts of the first, and one with the code `en` those of the English pages.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// let admin = Admin::new().language("de", lback::admin::GERMAN).language("de", "\"Undo\" = \"Zurücknehmen\"");
    /// # let _ = admin;
    /// ```
    pub fn language(mut self, code: &str, file: &str) -> Self {
        match Language::read(code, file) {
            Ok(language) => match self.languages.iter_mut().find(|known| known.code == code) {
                Some(known) => known.replace(language),
                None => self.languages.push(language),
            },
            Err(problem) => self.problems.push(format!("the language \"{code}\": {problem}")),
        }
        self
    }

    /// Sets the language for visitors whose browser asks for none of the languages, instead of English. Add it first with
    /// [`language`](Self::language).
    pub fn default_language(mut self, code: &str) -> Self {
        self.default_language = code.to_owned();
        if !self.languages.iter().any(|language| language.code == code) {
            self.problems.push(format!("the default language \"{code}\" is not one of the site: add it before with language"));
        }
        self
    }

    /// Leaves a model out of the site.
    pub fn without<M: Model>(mut self) -> Self {
        self.left_out.insert(M::META.table);
        self
    }

    /// Records an error for each inline whose model is not part of the site.
    pub(crate) fn check_inlines(&mut self) {
        let has = |table: &str| self.models.iter().any(|model| model.meta().table == table);
        let inlines = self.models.iter().flat_map(|model| &model.options.inlines);
        let inlines = inlines.flat_map(|inline| std::iter::once(inline).chain(&inline.inlines));
        let missing = inlines.filter(|inline| !has(inline.meta.table)).map(|inline| inline.meta.name);
        let problems: Vec<_> =
            missing.map(|name| format!("{name} is an inline, but not a model of the site: add it to App::models")).collect();
        self.problems.extend(problems);
    }

    /// Records an error for each field that is too short for the name of a stored file.
    pub(crate) fn check_files(&mut self) {
        for model in self.models.iter().filter(|model| !model.is_read_only()) {
            let is_short = |field: &&FieldMeta| is_file(field) && field.max_length.is_some_and(|most| most < SHORTEST_LIMIT);
            if let Some(field) = model.meta().fields.iter().find(is_short) {
                let (model, name) = (model.meta().name, field.name);
                self.problems.push(format!("{model}.{name} needs a max_length of at least {SHORTEST_LIMIT} for the names of stored files"));
            }
        }
    }

    /// Adds a model with the default options, unless it is configured or left out.
    pub(crate) fn add(&mut self, ops: &'static dyn lback_models::ModelOps) {
        let table = ops.meta().table;
        if self.left_out.contains(table) || self.models.iter().any(|model| model.meta().table == table) {
            return;
        }
        let (options, problems) = match table {
            table if table == User::META.table => users::options(),
            _ => Default::default(),
        };
        self.problems.extend(problems);
        self.models.push(Registered { ops, options: Arc::new(options) });
    }
}
