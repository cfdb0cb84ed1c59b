//! The battery that adds channels to an application.

use lback_app::{App, Battery, Setup};
use lback_core::middleware::Slot;
use lback_core::{ProgramResult, Settings};
use lback_db::{Database, MigrationSet, Tables};

use crate::channels::{self, ChannelsMiddleware};
use crate::live;
use crate::sealed::Sealed;
use crate::{Channels, RealtimeSettings};

/// Adds channels to [`App`].
pub trait AppRealtime: Sealed {
    /// Adds channels: [`req.broadcast()`](crate::RequestChannels::broadcast) sends a message with the commit of the request, and
    /// [`req.subscribe()`](crate::RequestChannels::subscribe) receives those of all processes.
    ///
    /// ```no_run
    /// use lback::prelude::*;
    ///
    /// fn news(req: &mut Request) -> Result<Response> {
    ///     Ok(Response::events(req.subscribe("news")?.events()))
    /// }
    ///
    /// fn publish(req: &mut Request) -> Result<Response> {
    ///     req.broadcast("news", "The ticket desk is open.")?;
    ///     Ok(Response::redirect("/"))
    /// }
    ///
    /// fn main() {
    ///     App::new(Router::new().get("/news", news).post("/publish", publish)).realtime().main()
    /// }
    /// ```
    fn realtime(self) -> Self;
}

impl AppRealtime for App {
    fn realtime(self) -> Self {
        self.with(RealtimeBattery)
    }
}

struct RealtimeBattery;

impl Battery for RealtimeBattery {
    fn name(&self) -> &'static str {
        "realtime"
    }

    fn settings(&self, settings: &mut Settings) {
        settings.declare::<RealtimeSettings>();
    }

    fn migrations(&self) -> Option<MigrationSet> {
        Some(crate::MIGRATIONS)
    }

    fn tables(&self) -> Tables {
        channels::tables()
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        let settings: RealtimeSettings = setup.settings().section()?;
        let database = setup.find_state::<Database>().cloned();
        live::install(setup, &settings);
        let channels = Channels::new(database, settings, setup.clock_in_use().clone());
        setup.middleware(Slot::App, ChannelsMiddleware::new(channels.clone()));
        setup.info_page(channels::page());
        setup.health_check("Channels", channels::health);
        setup.metrics(channels::metrics);
        let leaving = channels.clone();
        setup.background(move |_, mut stopping| {
            let channels = leaving.clone();
            async move {
                // An error means that the server is gone.
                let _ = stopping.wait_for(|stopping| *stopping).await;
                channels.leave().await;
            }
        });
        setup.state(channels);
        Ok(())
    }
}
