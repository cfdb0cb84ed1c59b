//! Hears of the statements of one connection.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use diesel::connection::{DebugQuery, Instrumentation, InstrumentationEvent};
use lback_core::profile::{Profile, milliseconds, place};
use tracing::Level;

use super::{PLACE, Statement, Statements, rows, values};

/// The instrumentation of a connection.
pub(crate) struct Watch {
    /// The time from which on a statement is slow.
    slow: Option<Duration>,
    /// Whether the connection is one of the pool, whose statements are recorded, and whose users say where they are.
    records: bool,
    begun: Option<Instant>,
}

impl Watch {
    pub(crate) fn new(slow_ms: u64, records: bool) -> Self {
        Watch { slow: (slow_ms > 0).then(|| Duration::from_millis(slow_ms)), records, begun: None }
    }

    /// Returns whether the next statement matters to anyone. If not, this is all that it costs.
    fn is_needed(&self) -> bool {
        is_logged() || self.slow.is_some() || (self.records && Profile::current().is_some())
    }

    fn finished(&self, query: &dyn DebugQuery, time: Duration, error: Option<&diesel::result::Error>) {
        let slow = self.slow.is_some_and(|slow| time >= slow);
        let profile = Profile::current().filter(|_| self.records);
        if !(slow || is_logged() || profile.is_some()) {
            return;
        }
        let (sql, bound) = parts(query);
        let kind = Kind::of(&sql, bound.is_some());
        if kind == Kind::Internal {
            return;
        }
        let bound = bound.unwrap_or_default();
        let (values, location) = (values::shown(&sql, &bound), PLACE.get().filter(|_| self.records));
        if slow || is_logged() {
            rows::log(Line::new(&sql, &values, time, slow, location.map(place), error));
        }
        if let Some(profile) = profile.filter(|_| kind == Kind::Query) {
            let mut hasher = DefaultHasher::new();
            (&sql, &bound).hash(&mut hasher);
            let error = error.map(ToString::to_string);
            let statement = Statement { sql, values, identity: hasher.finish(), location, time, error };
            profile.record(|statements: &mut Statements| statements.add(statement));
        }
    }
}

impl Instrumentation for Watch {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            _ if rows::is_silent() => {}
            InstrumentationEvent::StartQuery { .. } => self.begun = self.is_needed().then(Instant::now),
            InstrumentationEvent::FinishQuery { query, error, .. } => {
                if let Some(begun) = self.begun.take() {
                    self.finished(query, begun.elapsed(), error);
                }
            }
            _ => {}
        }
    }
}

fn is_logged() -> bool {
    tracing::enabled!(target: "lback::sql", Level::DEBUG)
}

/// A line of the log.
pub(super) struct Line {
    /// The SQL, and its values if they are logged.
    text: String,
    ms: f64,
    slow: bool,
    at: Option<String>,
    error: Option<String>,
}

impl Line {
    fn new(sql: &str, values: &str, time: Duration, slow: bool, at: Option<String>, error: Option<&diesel::result::Error>) -> Self {
        let mut text = one_line(sql);
        // The values may be personal data, which do not belong in the log of a server.
        if is_logged() && !values.is_empty() {
            text.push(' ');
            text.push_str(values);
        }
        Line { text, ms: milliseconds(time), slow, at, error: error.map(ToString::to_string) }
    }

    /// Logs the line, with the number of rows that the statement has returned or changed, if it is known.
    pub(super) fn log(self, rows: Option<usize>) {
        let Line { text, ms, slow, at, error } = self;
        let (at, error) = (at.as_deref(), error.as_ref().map(tracing::field::display));
        if slow {
            tracing::warn!(target: "lback::sql", ms, rows, at, error, "slow: {text}");
        } else {
            tracing::debug!(target: "lback::sql", ms, rows, at, error, "{text}");
        }
    }
}

fn one_line(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The kinds of statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A statement of the application.
    Query,
    /// The beginning or the end of a transaction or a savepoint.
    Transaction,
    /// A question of this crate about the connection or a table.
    Internal,
}

impl Kind {
    pub(super) fn of(sql: &str, is_prepared: bool) -> Self {
        let word = sql.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        match word.to_ascii_uppercase().as_str() {
            "BEGIN" | "COMMIT" | "ROLLBACK" | "SAVEPOINT" | "RELEASE" => Kind::Transaction,
            _ if sql == "SELECT 1; COMMIT" => Kind::Transaction,
            _ if sql == "SELECT total_changes()" || (["SELECT 1", "DEALLOCATE ALL"].contains(&sql) && !is_prepared) => Kind::Internal,
            // The defaults of columns that an INSERT on SQLite must write out.
            _ if sql.starts_with("SELECT name, dflt_value FROM pragma_table_info(") => Kind::Internal,
            _ => Kind::Query,
        }
    }
}

/// Returns the SQL of a statement and, if it was prepared, the list of its bound values.
///
/// Diesel writes `SQL -- binds: […]` with `Display`, and `Query { sql: "SQL", binds: […] }` with `Debug`. Both end alike from the space
/// before `binds` on, whatever the SQL and the values contain.
pub(super) fn parts(query: &dyn DebugQuery) -> (String, Option<String>) {
    let (mut shown, debug) = (query.to_string(), format!("{query:?}"));
    let Some(debug) = debug.strip_prefix("Query {").and_then(|debug| debug.strip_suffix(" }")) else { return (shown, None) };
    let common = shown.bytes().rev().zip(debug.bytes().rev()).take_while(|(one, other)| one == other).count();
    let start = shown.ceil_char_boundary(shown.len() - common);
    let list = shown[start..].strip_prefix(" binds: ").map(str::to_owned);
    if list.is_some() {
        shown.truncate(start);
        let sql = shown.strip_suffix(" --").map_or(start, str::len);
        shown.truncate(sql);
    }
    (shown, list)
}
