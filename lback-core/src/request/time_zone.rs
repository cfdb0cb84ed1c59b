//! The time zone of a request.

use chrono::NaiveDate;

use super::Request;
use crate::TimeZone;

impl Request {
    /// Returns the time zone in which the filter `date` shows times and forms read them: that of `TIME_ZONE` in the settings, unless
    /// [`set_time_zone`](Self::set_time_zone) has set another one.
    pub fn time_zone(&self) -> TimeZone {
        self.time_zone
    }

    /// Sets the time zone of this request, such as that of the current user or of a site. Call it in a middleware, for all views.
    ///
    /// ```
    /// use lback::http::Caching;
    /// use lback::prelude::*;
    ///
    /// /// Uses the time zone that the visitor's browser has put into a cookie.
    /// async fn local_times(req: &mut Request, next: Next<'_>) -> Result<Response> {
    ///     req.limit_caching(Caching::PerVisitor);
    ///     let chosen = req.cookies().get("time_zone").and_then(|name| name.parse().ok());
    ///     req.set_time_zone(chosen.unwrap_or(req.app().time_zone()));
    ///     next.run(req).await
    /// }
    /// # let _ = App::new(Router::new()).middleware(local_times);
    /// ```
    pub fn set_time_zone(&mut self, zone: TimeZone) {
        self.time_zone = zone;
    }

    /// Returns the current date in the request's time zone.
    pub fn today(&self) -> NaiveDate {
        self.time_zone.local(self.now()).date()
    }
}
