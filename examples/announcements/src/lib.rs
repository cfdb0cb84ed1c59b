//! A battery that shows an announcement on every page of a site. Users with the permission
//! `announcements.edit` edit the announcement, and can close the site to visitors.
//!
//! ```no_run
//! use announcements::Announcements;
//! use lback::prelude::*;
//!
//! fn main() {
//!     App::new(Router::new()).auth().with(Announcements).main()
//! }
//! ```
//!
//! The site's `templates/base.html` shows the announcement: `{% if announcement %}<p>{{ announcement.text }}</p>{% endif %}`.

mod announcement;
mod battery;
mod views;

pub use battery::Announcements;
