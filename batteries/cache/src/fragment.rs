//! `fragment()`: a part of a page that is rendered once.

use std::time::Duration;

use lback_app::Setup;
use lback_core::{Error, Html};

use crate::RequestCache;

/// Adds `{{ fragment(template="sidebar.html", key=user.id, ttl=300) }}`.
pub(crate) fn install(setup: &mut Setup) {
    setup.template_function("fragment(template, key, ttl, tables)", |req, args| {
        let template: String = args.require("template")?;
        let key: Option<serde_json::Value> = args.get("key")?;
        let key = key.map(|key| key.to_string()).unwrap_or_default();
        let ttl: Option<u64> = args.get("ttl")?;
        let tables: Vec<String> = args.get("tables")?.unwrap_or_default();
        if ttl.is_none() && tables.is_empty() {
            let example = "fragment(template=\"sidebar.html\", key=user.id, ttl=300)";
            return Err(Error::internal(format!("fragment needs the argument ttl in seconds, or the argument tables: {example}")));
        }
        let mut entry = req.cache()?.entry(format!("fragment:{template}:{key}"));
        if let Some(seconds) = ttl {
            entry = entry.ttl(Duration::from_secs(seconds));
        }
        for table in &tables {
            entry = entry.depends_on_table(table);
        }
        let html = entry.get_or_set_shared(|| {
            let before = req.own_parts();
            let html = args.render(req, &template)?;
            let is_shared = req.own_parts() == before;
            if !is_shared {
                tracing::warn!(
                    target: "lback::cache",
                    "the fragment {template} is not cached, as it contains a CSRF token, a nonce, a cookie or a live fragment of its visitor"
                );
            }
            Ok((html.as_str().to_owned(), is_shared))
        })?;
        Ok(Html::new(html.as_str()))
    });
}
