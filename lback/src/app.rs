//! The application: what it is made of, its command line, and the batteries that plug into it.
//!
//! [`App`](crate::App) itself is at the root of the crate.

#[doc(inline)]
pub use lback_app::{
    Battery, Checks, Command, CommandSpec, Health, InfoAction, InfoChart, InfoPage, InfoPages, InfoRow, InfoTable, MetricKind, Metrics,
    MonitoringSettings, Setup,
};
#[doc(inline)]
pub use lback_core::{Application, Assembly, Clock, DebugSection, ProgramError, ProgramResult, TimeZoneOffset, UnknownTimeZone};
