//! A battery: an announcement on every page of a site, which its staff edit, and which may close the site for everybody else.
//!
//! ```no_run
//! use announcements::Announcements;
//! use lback::prelude::*;
//!
//! fn main() -> Result<()> {
//!     App::new(Router::new()).auth().with(Announcements).main()
//! }
//! ```
//!
//! `templates/base.html` shows it: `{% if announcement %}<p>{{ announcement.text }}</p>{% endif %}`.

mod announcement;
mod battery;
mod views;

pub use battery::Announcements;
