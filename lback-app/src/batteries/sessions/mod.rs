//! The sessions battery.

mod store;

use std::time::Instant;

use lback_core::middleware::Slot;
use lback_core::{Assembly, Clock, CoreSettings, DebugSection, Keys, ProgramError, ProgramResult, Request, Settings};
use lback_db::{Database, Tables};
use lback_session::{
    MIGRATIONS, RequestSession, RouteSession, SessionConfig, SessionId, SessionManager, SessionMiddleware, SessionPanel, SessionSettings,
    SessionStore, clean_regularly,
};

use crate::battery::{Battery, Setup};
use crate::command::clearsessions;
use crate::migrate::require_migrations;
use crate::{CommandSpec, Health};

type MakeManager = Box<dyn FnOnce(SessionConfig, Keys, Clock) -> SessionManager>;

/// Sessions, in the store that the settings name or in a custom store.
#[derive(Default)]
pub(crate) struct Sessions {
    /// Creates the manager if the application has its own store.
    own: Option<MakeManager>,
}

impl Sessions {
    /// Stores sessions in `store`, instead of the store in the settings.
    pub(crate) fn keep_in(&mut self, store: impl SessionStore) {
        self.own = Some(Box::new(move |config, keys, clock| SessionManager::new(store, config, keys, clock)));
    }

    fn manager(self, assembly: &Assembly, settings: &SessionSettings, debug: bool) -> ProgramResult<SessionManager> {
        let config = SessionConfig::check(settings, debug)?;
        let keys = assembly.derive_keys("session")?;
        let clock = assembly.clock_in_use().clone();
        match self.own {
            Some(make) => Ok(make(config, keys, clock)),
            None => store::of_settings(settings, assembly.settings().root(), assembly.find_state::<Database>(), config, keys, clock),
        }
    }
}

impl Battery for Sessions {
    fn name(&self) -> &'static str {
        "sessions"
    }

    fn settings(&self, settings: &mut Settings) {
        settings.declare::<SessionSettings>();
    }

    fn migrations(&self) -> Option<lback_db::MigrationSet> {
        Some(MIGRATIONS)
    }

    fn tables(&self) -> Tables {
        lback_session::tables()
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![clearsessions::command()]
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        let core: CoreSettings = setup.settings().section()?;
        let settings: SessionSettings = setup.settings().section()?;
        let sessions = self.manager(setup, &settings, core.debug)?;
        setup.middleware(Slot::Session, SessionMiddleware::new(sessions.clone()));
        setup.state(sessions.clone());
        setup.route_note(|route| (!route.has_session()).then(|| "no session".to_owned()));
        setup.csrf_binding(sessions.clone());
        setup.template_global("flashes", |req| Ok(req.session().take_flashes()));
        setup.debug_section(debug_section);
        setup.toolbar_panel(SessionPanel);
        let cleaned = sessions.clone();
        setup.background(move |_, stopping| clean_regularly(cleaned.clone(), stopping));
        let announcing = sessions.clone();
        setup.when_built(move |app| {
            announcing.announce_to(app);
            Ok(())
        });
        let checked = sessions.clone();
        setup.health_check("Sessions", move |_| {
            if checked.is_in_cookies() {
                return Ok(Health::ok("in cookies"));
            }
            let begin = Instant::now();
            checked.load(SessionId::random())?;
            Ok(Health::ok(format!("the store answers in {:.1} ms", begin.elapsed().as_secs_f64() * 1000.0)))
        });
        let secure = settings.session_cookie_secure.unwrap_or(!core.debug);
        setup.checks(move |app, checks| {
            let readable = match require_migrations(app) {
                Ok(()) if !sessions.is_in_cookies() => sessions.load(SessionId::random()).map(drop),
                _ => Ok(()),
            };
            checks.add("sessions", readable);
            if checks.deploy() {
                checks.add("secure cookies", if secure { Ok(()) } else { Err(insecure()) });
            }
        });
        Ok(())
    }
}

/// Returns the section about the session on the `DEBUG` error page.
fn debug_section(req: &mut Request) -> Option<DebugSection> {
    let session = req.session_if_loaded()?;
    let mut rows = vec![("id".to_owned(), session.id().to_string()), ("is_new".to_owned(), session.is_new().to_string())];
    rows.extend(session.iter().map(|(key, value)| (key.to_owned(), value.to_string())));
    Some(DebugSection { title: "Session".to_owned(), rows, is_cause: false })
}

fn insecure() -> ProgramError {
    ProgramError::new(
        "the session cookie is also sent over plain HTTP. Turn off DEBUG, and remove SESSION_COOKIE_SECURE = false if it is set",
    )
}
