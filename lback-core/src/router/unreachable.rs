//! Routes that are hidden by middleware in front of them.

use percent_encoding::percent_decode_str;

use super::Route;
use crate::CoreSettings;
use crate::middleware::{Layer, LiveReload, StaticFiles, Toolbar};

/// Returns the problems of the routes and folders that can never be reached because a middleware outside them answers their
/// paths.
pub(crate) fn unreachable<'a>(routes: impl Iterator<Item = &'a Route>, layers: &[Layer], config: &CoreSettings) -> Vec<String> {
    let folders: Vec<(String, bool)> = layers
        .iter()
        .filter_map(|layer| layer.downcast::<StaticFiles>())
        .map(|files| {
            let url = files.url().unwrap_or(&config.static_url).trim_matches('/');
            let url = percent_decode_str(url).decode_utf8_lossy();
            (if url.is_empty() { "/".to_owned() } else { format!("/{url}/") }, files.url().is_none())
        })
        .collect();
    let describe = |is_static: bool, url: &str| match is_static {
        true => format!("the static files below STATIC_URL = \"{url}\""),
        false => format!("StaticFiles::folder(\"{url}\", …)"),
    };
    let mut problems = Vec::new();
    for (at, (url, is_static)) in folders.iter().enumerate() {
        if let Some((outer, outer_is_static)) = folders[..at].iter().find(|(outer, _)| url.starts_with(outer.as_str())) {
            let (inner, outer) = (describe(*is_static, url), describe(*outer_is_static, outer));
            problems.push(format!("{inner} can never be reached: {outer} is in front of it; give it another URL"));
        }
    }
    let reloads = config.debug && layers.iter().any(|layer| layer.downcast::<LiveReload>().is_some());
    let has_toolbar = config.debug && layers.iter().any(|layer| layer.downcast::<Toolbar>().is_some());
    for route in routes {
        let pattern = route.pattern();
        let fixed = &pattern[..pattern.find('{').unwrap_or(pattern.len())];
        let hidden_by = match folders.iter().find(|(url, _)| fixed.starts_with(url.as_str())) {
            Some((url, is_static)) => describe(*is_static, url),
            None if reloads && LiveReload::PATHS.contains(&pattern) => "the live reload of DEBUG".to_owned(),
            None if has_toolbar && fixed.starts_with(Toolbar::PATH) => "the toolbar of DEBUG".to_owned(),
            None => continue,
        };
        problems.push(format!(
            "{}: the route {pattern} can never be reached: {hidden_by} is in front of it; give the route another path",
            route.place()
        ));
    }
    problems
}
