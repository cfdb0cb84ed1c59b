//! [`InfoPage`], a page of a battery about the running application.

use std::fmt;

use lback_core::{Request, Result};

type Load = Box<dyn Fn(&mut Request) -> Result<InfoTable> + Send + Sync>;
type Act = Box<dyn Fn(&mut Request, &str) -> Result<String> + Send + Sync>;

/// A page about the running application, such as its routes or the mail that waits to be sent. The admin shows it to superusers.
///
/// ```
/// use lback::app::{InfoPage, InfoRow, InfoTable, Setup};
///
/// fn install(setup: &mut Setup) {
///     setup.info_page(InfoPage::new("machines", "Machines", |_req| {
///         Ok(InfoTable::new(["Name", "State"]).row(InfoRow::new(["machine-1", "runs"])))
///     }));
/// }
/// ```
pub struct InfoPage {
    name: &'static str,
    title: &'static str,
    load: Load,
    actions: Vec<InfoAction>,
}

/// An action on a row of a page.
pub struct InfoAction {
    name: &'static str,
    label: &'static str,
    run: Act,
}

impl fmt::Debug for InfoPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InfoPage").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for InfoAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InfoAction").field("name", &self.name).finish_non_exhaustive()
    }
}

impl InfoPage {
    /// Creates a page. `name` is the last part of its path, and must be unique within the application.
    pub fn new(name: &'static str, title: &'static str, load: impl Fn(&mut Request) -> Result<InfoTable> + Send + Sync + 'static) -> Self {
        InfoPage { name, title, load: Box::new(load), actions: Vec::new() }
    }

    /// Adds a button to each row that has a [key](InfoRow::key). `run` gets the key, and returns a message for the visitor.
    #[must_use]
    pub fn action(
        mut self,
        name: &'static str,
        label: &'static str,
        run: impl Fn(&mut Request, &str) -> Result<String> + Send + Sync + 'static,
    ) -> Self {
        self.actions.push(InfoAction { name, label, run: Box::new(run) });
        self
    }

    /// Returns the last part of the page's path.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the title.
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// Returns the actions.
    pub fn actions(&self) -> &[InfoAction] {
        &self.actions
    }

    /// Returns the content.
    ///
    /// # Errors
    /// Returns an error if it cannot be loaded.
    pub fn load(&self, req: &mut Request) -> Result<InfoTable> {
        (self.load)(req)
    }
}

impl InfoAction {
    /// Returns the name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the label of the button.
    pub fn label(&self) -> &'static str {
        self.label
    }

    /// Runs the action for the row with this key, and returns a message for the visitor.
    ///
    /// # Errors
    /// Returns an error if the action fails.
    pub fn run(&self, req: &mut Request, key: &str) -> Result<String> {
        (self.run)(req, key)
    }
}

/// The content of a page: a table of texts, and bar charts above it.
#[derive(Clone, Debug, Default)]
pub struct InfoTable {
    /// The bar charts.
    pub charts: Vec<InfoChart>,
    /// The titles of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<InfoRow>,
}

/// A bar chart.
#[derive(Clone, Debug, Default)]
pub struct InfoChart {
    /// The title.
    pub label: String,
    /// The label and the height of each bar.
    pub bars: Vec<(String, f64)>,
}

/// A row of a table.
#[derive(Clone, Debug, Default)]
pub struct InfoRow {
    /// The key that actions get. Without one, the row has no buttons.
    pub key: Option<String>,
    /// A text for each column.
    pub cells: Vec<String>,
}

impl InfoTable {
    /// Creates a table without rows.
    pub fn new<T: Into<String>>(columns: impl IntoIterator<Item = T>) -> Self {
        InfoTable { columns: columns.into_iter().map(Into::into).collect(), ..InfoTable::default() }
    }

    /// Adds a bar chart, with the label and the height of each bar. The first 100 are drawn.
    #[must_use]
    pub fn chart(mut self, label: impl Into<String>, bars: impl IntoIterator<Item = (String, f64)>) -> Self {
        self.charts.push(InfoChart { label: label.into(), bars: bars.into_iter().collect() });
        self
    }

    /// Adds a row.
    #[must_use]
    pub fn row(mut self, row: InfoRow) -> Self {
        self.rows.push(row);
        self
    }

    /// Adds rows.
    #[must_use]
    pub fn rows(mut self, rows: impl IntoIterator<Item = InfoRow>) -> Self {
        self.rows.extend(rows);
        self
    }
}

impl InfoRow {
    /// Creates a row.
    pub fn new<T: Into<String>>(cells: impl IntoIterator<Item = T>) -> Self {
        InfoRow { key: None, cells: cells.into_iter().map(Into::into).collect() }
    }

    /// Gives the row a key.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}

/// The pages of all batteries: `app.state::<InfoPages>()`.
#[derive(Debug, Default)]
pub struct InfoPages(Vec<InfoPage>);

impl InfoPages {
    pub(crate) fn add(&mut self, page: InfoPage) {
        self.0.push(page);
    }

    /// Returns all pages, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &InfoPage> {
        self.0.iter()
    }
}

/// Returns the pages of the application itself: its routes and its settings.
pub(crate) fn own_pages() -> [InfoPage; 2] {
    let routes = InfoPage::new("routes", "Routes", |req| {
        let row = |route: &lback_core::Route| {
            let methods: Vec<_> = route.methods().iter().map(lback_core::Method::as_str).collect();
            let methods = if methods.is_empty() { "any".to_owned() } else { methods.join(", ") };
            let middleware = route.middleware().collect::<Vec<_>>().join(", ");
            InfoRow::new([methods, route.pattern().to_owned(), route.name().unwrap_or_default().to_owned(), middleware])
        };
        Ok(InfoTable::new(["Methods", "Path", "Name", "Middleware"]).rows(req.app().routes().iter().map(|route| row(route))))
    });
    let settings = InfoPage::new("settings", "Settings", |req| {
        let entries = req.settings().entries();
        Ok(InfoTable::new(["Key", "Value", "From"])
            .rows(entries.into_iter().map(|entry| InfoRow::new([entry.key, entry.shown, entry.origin]))))
    });
    [routes, settings]
}
