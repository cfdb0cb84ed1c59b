//! The battery that adds a cache to an application.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lback_app::{App, Battery, CommandSpec, Health, MetricKind, Metrics, Setup};
use lback_core::{Application, ProgramError, ProgramResult, Result, Settings};
use lback_db::signals::MigrationApplied;
use lback_db::{Database, MigrationSet, Tables};

use crate::changes::{Knowledge, Looker, Recorder};
use crate::panel::CachePanel;
use crate::sealed::Sealed;
use crate::settings::is_redis;
use crate::store::Store;
use crate::{Cache, CacheCounts, CacheSettings, cached, changes, commands, fragment, pages, store};

/// The interval between deletions of old rows.
const PAUSE: Duration = Duration::from_secs(60);

/// Adds the cache to [`App`].
pub trait AppCache: Sealed {
    /// Adds a cache: [`req.cache()`](crate::RequestCache::cache), the option [`cached`](crate::RouterCache::cached) of routes, and
    /// `fragment()` in templates.
    fn cache(self) -> Self;
}

impl AppCache for App {
    fn cache(mut self) -> Self {
        self.battery_mut::<CacheBattery>();
        self
    }
}

#[derive(Default)]
struct CacheBattery;

impl Battery for CacheBattery {
    fn name(&self) -> &'static str {
        "cache"
    }

    fn settings(&self, settings: &mut Settings) {
        settings.declare::<CacheSettings>();
    }

    fn migrations(&self) -> Option<MigrationSet> {
        Some(crate::MIGRATIONS)
    }

    fn tables(&self) -> Tables {
        crate::tables()
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![commands::clearcache()]
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        let settings: CacheSettings = setup.settings().section()?;
        let database = setup.find_state::<Database>().cloned();
        let store = open(setup, &settings, database.as_ref())?;
        let most = settings.max_in_database();
        let is_shared = store.blocks();
        let knowledge = Arc::new(Knowledge::new());
        let looker = database.as_ref().map(|database| Looker::new(database.clone(), knowledge.clone()));
        let cache = Cache::new(settings, setup.clock_in_use().clone(), store, looker);
        setup.state(cache.clone());
        setup.toolbar_panel(CachePanel);
        setup.info_page(pages::page());
        setup.metrics(metrics);
        fragment::install(setup);
        setup.route_note(cached::note);
        setup.when_built(cached::check_routes);
        if is_shared {
            let checked = cache;
            setup.health_check("Cache", move |_| {
                let store = &checked.inner.store;
                // Pages work without it.
                Ok(store.size().map_or_else(|error| Health::warning(error.to_string()), |_| Health::ok(store.name())))
            });
        }
        if let Some(database) = database {
            database.record_changes(Arc::new(Recorder(knowledge)));
            // A migration may change any table. It runs on a connection that records nothing.
            let has_migrated = Arc::new(AtomicBool::new(false));
            let migrated = has_migrated.clone();
            setup.listeners_mut().on(move |_: &MigrationApplied, _: &Arc<Application>| migrated.store(true, Ordering::SeqCst));
            setup.after_migrate(move |_, database| {
                if has_migrated.swap(false, Ordering::SeqCst) {
                    database.write(|db| Ok(changes::change_everything(db)?))?;
                }
                Ok(())
            });
            setup.every(PAUSE, move |_| {
                let database = database.clone();
                async move {
                    let delete = move || {
                        changes::prune(&database)?;
                        store::shrink(&database, most)
                    };
                    lback_core::blocking::on_thread(delete).await?
                }
            });
        }
        Ok(())
    }
}

/// Adds the numbers of found and missing values to the metrics.
fn metrics(app: &Application, metrics: &mut Metrics) -> Result<()> {
    let Some(cache) = app.state::<Cache>() else { return Ok(()) };
    let CacheCounts { hits, stale, misses } = cache.counts();
    let mut family = metrics.family("lback_cache_requests_total", MetricKind::Counter, "Values that were asked for, by what was found.");
    for (result, count) in [("hit", hits), ("stale", stale), ("miss", misses)] {
        family.sample(&[("result", result)], count);
    }
    Ok(())
}

/// Opens the store that the settings name.
fn open(setup: &Setup, settings: &CacheSettings, database: Option<&Database>) -> ProgramResult<Store> {
    let url = settings.cache_url.expose();
    if is_redis(url) {
        return in_redis(setup, settings);
    }
    match (url, database) {
        ("database:", Some(database)) => Ok(Store::database(database)?),
        ("database:", None) => Err(ProgramError::new(
            "CACHE_URL = \"database:\" needs a database, which this application does not have. Write CACHE_URL = \"memory:\" in settings.toml",
        )),
        _ => Ok(Store::memory(settings.cache_memory_mb << 20)),
    }
}

#[cfg(feature = "redis")]
fn in_redis(setup: &Setup, settings: &CacheSettings) -> ProgramResult<Store> {
    let client = lback_session::redis_client("CACHE_URL", settings.cache_url.expose(), setup.settings())?;
    Ok(Store::redis(client, &settings.cache_prefix, Duration::from_millis(settings.cache_timeout_ms)))
}

#[cfg(not(feature = "redis"))]
fn in_redis(_: &Setup, _: &CacheSettings) -> ProgramResult<Store> {
    Err(ProgramError::new(
        "CACHE_URL is the address of a Redis server, which needs the feature redis of lback. Write lback = { …, features = [\"redis\"] } in \
         Cargo.toml",
    ))
}
