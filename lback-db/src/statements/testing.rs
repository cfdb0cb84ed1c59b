//! Counts statements in tests.

use lback_core::testing::{RequestBuilder, TestResponse};

use super::Statements;
use super::panel::warnings;
use crate::sealed::Sealed;

/// Adds the number of database queries to the requests and responses of the test client.
pub trait AssertQueries: Sealed {
    /// What the test goes on with: the response.
    type Response;

    /// Checks how many statements the request has sent to the database. Called on a request that has not been sent, it sends it first.
    ///
    /// ```
    /// use lback::prelude::*;
    /// use lback::testing::{AssertQueries, Client};
    ///
    /// fn two(req: &mut Request) -> Result<String> {
    ///     let one: i32 = diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>("1")).get_result(req.db()?)?;
    ///     let two: i32 = diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>("2")).get_result(req.db()?)?;
    ///     Ok((one + two).to_string())
    /// }
    ///
    /// let client = Client::with_settings(App::new(Router::new().get("/", two)), "SESSION_TIMEOUT_MINUTES = 30");
    /// client.get("/").assert_queries(2).assert_contains("3");
    /// ```
    ///
    /// All statements count that the request sends on connections of the application's pool, whether from the view, middleware, a
    /// template or a `before_commit` hook. The begin and the end of transactions and savepoints do not, nor do the statements by which
    /// the session is stored. If redirects were followed, the last request counts.
    ///
    /// # Panics
    /// Panics if the number is different, with a list of the statements, their times, and the places that sent them; and if the client
    /// sends its requests over a socket.
    fn assert_queries(self, expected: usize) -> Self::Response;
}

impl Sealed for &TestResponse {}
impl Sealed for RequestBuilder<'_> {}

impl<'r> AssertQueries for &'r TestResponse {
    type Response = &'r TestResponse;

    #[track_caller]
    fn assert_queries(self, expected: usize) -> Self::Response {
        let Some(profile) = self.profile() else {
            panic!("assert_queries needs a client in memory: Client::new(…) instead of Client::over_socket(…)");
        };
        let statements = profile.read(Statements::clone).unwrap_or_default();
        let count = statements.list.count();
        assert!(count == expected, "{} sent {count} statements instead of {expected}:\n{}", self.path(), list(&statements));
        self
    }
}

impl AssertQueries for RequestBuilder<'_> {
    type Response = TestResponse;

    #[track_caller]
    fn assert_queries(self, expected: usize) -> Self::Response {
        let response = self.send();
        AssertQueries::assert_queries(&response, expected);
        response
    }
}

fn list(statements: &Statements) -> String {
    let mut lines: Vec<String> = Vec::new();
    for (index, statement) in statements.list.items().iter().enumerate() {
        let place = statement.place().unwrap_or_else(|| "an unknown place".to_owned());
        let time = lback_core::profile::milliseconds(statement.time);
        lines.push(format!("{:>4}. {} {}\n      {time} ms, {place}", index + 1, statement.sql, statement.values));
        lines.extend(statement.error.iter().map(|error| format!("      failed: {error}")));
    }
    if statements.list.left_out() > 0 {
        lines.push(format!("      and {} more", statements.list.left_out()));
    }
    lines.extend(warnings(statements));
    lines.join("\n")
}
