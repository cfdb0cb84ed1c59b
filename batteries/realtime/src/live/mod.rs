//! Live pages: parts of a page that the server renders again when a channel receives a message.

mod difference;
mod forms;
mod fragment;
mod limits;
mod script;
mod shown;
mod stream;

use lback_app::Setup;
use lback_core::middleware::Slot;
use lback_core::{Request, Router};
use lback_session::RouterSession;

use self::limits::Limits;
use crate::RealtimeSettings;

/// The address of the events of a page.
const STREAM: &str = "/__lback/live";

/// Adds live pages to an application with channels.
pub(crate) fn install(setup: &mut Setup, settings: &RealtimeSettings) {
    setup.state(Limits::new(settings.live_renders));
    setup.template_function("live(template, on, key, tag, present, ..)", fragment::live);
    setup.template_function("members(channel)", fragment::members);
    setup.template(script::TEMPLATE, script::ELEMENT);
    setup.middleware(Slot::Body, forms::live_forms);
    let mut routes = Router::new().get(STREAM, stream::open).without_session();
    for script in [&script::LIVE, &script::FORMS] {
        routes = routes.get(script.path(), |_: &mut Request| script.respond()).without_session();
    }
    setup.routes(routes);
}
