//! The battery that adds rate limits to an application.

use std::time::Duration;

use lback_app::{App, Battery, Health, Setup};
use lback_core::{ProgramError, ProgramResult, Settings};
use lback_db::{Database, MigrationSet, Tables};

use crate::limits::Limits;
use crate::sealed::Sealed;
use crate::settings::is_redis;
use crate::store::{InDatabase, Shared, delete_old};
use crate::{Limit, LimitSettings};

/// The interval between deletions of expired counts from the database.
const PAUSE: Duration = Duration::from_secs(60);

/// Adds rate limits to [`App`].
pub trait AppLimits: Sealed {
    /// Adds rate limits: the option [`limit`](crate::RouterLimits::limit) of routes.
    fn limits(self) -> Self;
}

impl AppLimits for App {
    fn limits(mut self) -> Self {
        self.battery_mut::<LimitsBattery>();
        self
    }
}

#[derive(Default)]
struct LimitsBattery;

impl Battery for LimitsBattery {
    fn name(&self) -> &'static str {
        "limits"
    }

    fn settings(&self, settings: &mut Settings) {
        settings.declare::<LimitSettings>();
    }

    fn migrations(&self) -> Option<MigrationSet> {
        Some(crate::MIGRATIONS)
    }

    fn tables(&self) -> Tables {
        crate::tables()
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        let settings: LimitSettings = setup.settings().section()?;
        let limits = Limits::new(open(setup, &settings)?, setup.derive_keys("limits")?);
        setup.state(limits.clone());
        setup.route_note(|route| {
            let notes: Vec<String> = route.middleware_of::<Limit>().map(ToString::to_string).collect();
            (!notes.is_empty()).then(|| format!("at most {}", notes.join(", ")))
        });
        setup.when_built(|app| {
            let mut limits = app.routes().iter().flat_map(|route| route.middleware_of::<Limit>());
            limits.find_map(Limit::problem).map_or(Ok(()), |problem| Err(ProgramError::new(problem)))
        });
        if limits.shared().is_some() {
            setup.health_check("Rate limits", move |_| match limits.shared() {
                None => Ok(Health::ok("memory")),
                Some(shared) => shared.check().map(|()| Health::ok(shared.name())),
            });
        }
        if settings.limits_url.expose() == "database:" {
            setup.every(PAUSE, |app| async move {
                let Some(database) = app.state::<Database>().cloned() else { return Ok(()) };
                let now = app.clock().now().timestamp_micros();
                database.run_write(move |db| delete_old(db, now)).await.map(drop)
            });
        }
        Ok(())
    }
}

/// Opens the store that the settings name, if it is a shared one.
fn open(setup: &Setup, settings: &LimitSettings) -> ProgramResult<Option<Shared>> {
    let url = settings.limits_url.expose();
    if is_redis(url) {
        return in_redis(setup, settings).map(Some);
    }
    match (url, setup.find_state::<Database>()) {
        ("database:", Some(database)) => Ok(Some(Shared::start("the database", settings.patience(), InDatabase::all(database))?)),
        ("database:", None) => Err(ProgramError::new(
            "LIMITS_URL = \"database:\" needs a database, which this application does not have. Write LIMITS_URL = \"memory:\" in settings.toml",
        )),
        _ => Ok(None),
    }
}

#[cfg(feature = "redis")]
fn in_redis(setup: &Setup, settings: &LimitSettings) -> ProgramResult<Shared> {
    let client = lback_session::redis_client("LIMITS_URL", settings.limits_url.expose(), setup.settings())?;
    let backend = crate::store::InRedis::new(client, &settings.limits_prefix, settings.patience());
    Ok(Shared::start("Redis", settings.patience(), vec![backend])?)
}

#[cfg(not(feature = "redis"))]
fn in_redis(_: &Setup, _: &LimitSettings) -> ProgramResult<Shared> {
    Err(ProgramError::new(
        "LIMITS_URL is the address of a Redis server, which needs the feature redis of lback. Write lback = { …, features = [\"redis\"] } in \
         Cargo.toml",
    ))
}
