//! The page of the cache, which the admin shows to superusers.

use lback_app::{InfoPage, InfoRow, InfoTable};
use lback_core::{Request, Result};

use crate::{CacheCounts, RequestCache};

pub(crate) fn page() -> InfoPage {
    InfoPage::new("cache", "Cache", show).action("clear", "Clear", |req, _| {
        req.cache()?.clear()?;
        Ok("The cache is empty.".to_owned())
    })
}

fn show(req: &mut Request) -> Result<InfoTable> {
    let cache = req.cache()?;
    let store = &cache.inner.store;
    let (entries, bytes) = match cache.inner.in_store(crate::store::Store::size) {
        Ok(Some((entries, bytes))) => (entries.to_string(), format!("{:.1} MB", bytes as f64 / f64::from(1 << 20))),
        Ok(None) => ("unknown".to_owned(), "unknown".to_owned()),
        Err(error) => (error.to_string(), String::new()),
    };
    let counts = cache.counts();
    let rate = counts.hit_rate().map_or_else(String::new, |rate| format!("{rate:.1} %"));
    let CacheCounts { hits, stale, misses } = counts;
    let cells = [store.name().to_owned(), entries, bytes, rate, hits.to_string(), stale.to_string(), misses.to_string()];
    let columns = ["Store", "Entries", "Size", "Hit rate", "Found", "Served stale", "Computed"];
    Ok(InfoTable::new(columns).row(InfoRow::new(cells).key("all")))
}
