//! The keys of cached responses.

use lback_core::{Request, Result};
use lback_session::{RequestSession, RouteSession};

use super::Cached;

/// The key of a response.
pub(super) struct Key {
    pub(super) text: String,
    /// `true` if the response is for a user who is logged in.
    pub(super) is_of_user: bool,
}

impl Cached {
    /// Returns the key of the request, or `None` if its response is not cached.
    pub(super) async fn key(&self, req: &mut Request) -> Result<Option<Key>> {
        let Some(query) = self.used_query(req) else { return Ok(None) };
        let user = if self.per_user { user(req).await? } else { None };
        let mut parts = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            parts.push(part(req)?);
        }
        let language = best_language(&self.languages, req.header("accept-language").unwrap_or_default());
        // With its port, which a page may contain in its links.
        let host = req.authority().map(str::to_ascii_lowercase);
        let key = ("page", req.is_secure(), host, req.path(), query, &user, language, parts);
        Ok(Some(Key { text: serde_json::to_string(&key)?, is_of_user: user.is_some() }))
    }

    /// Returns the parameters of the query that distinguish responses, or `None` if the request has parameters that are not named.
    fn used_query(&self, req: &Request) -> Option<Vec<(String, String)>> {
        let mut used = Vec::new();
        if req.uri().query().is_none_or(str::is_empty) {
            return Some(used);
        }
        for (name, value) in req.query::<Vec<(String, String)>>().ok()? {
            if self.query.contains(&name) {
                used.push((name, value));
            } else if !self.ignored.contains(&name) {
                return None;
            }
        }
        // The order of the values of one parameter matters, that of the parameters does not.
        used.sort_by(|(one, _), (other, _)| one.cmp(other));
        Some(used)
    }
}

/// Returns what identifies the user of the session: also the signature of their password, so that a session that it has outdated does
/// not find the pages of another, and the user as whom a superuser acts.
async fn user(req: &mut Request) -> Result<Option<serde_json::Value>> {
    // Without a look at the session, a visitor who brings none can share a response.
    if !req.route().is_some_and(RouteSession::has_session) || !req.brings_session() {
        return Ok(None);
    }
    let session = req.load_session().await;
    let Some(id) = session.get::<serde_json::Value>("user_id")?.filter(|id| !id.is_null()) else { return Ok(None) };
    let signature = session.get::<serde_json::Value>("_auth")?;
    let acting_as = session.get::<serde_json::Value>("_acting_as")?;
    Ok(Some(serde_json::json!([id, signature, acting_as])))
}

/// Returns the language that the header prefers.
fn best_language<'l>(languages: &'l [String], header: &str) -> Option<&'l str> {
    let first = languages.first()?.as_str();
    let mut best: Option<(&str, f32)> = None;
    // A header may be long.
    for range in header.split(',').take(50) {
        let mut parts = range.split(';').map(str::trim);
        let wanted = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
        let fits = |language: &&String| {
            let primary = |name: &str| name.split('-').next().unwrap_or_default().to_ascii_lowercase();
            language.eq_ignore_ascii_case(wanted) || primary(language) == primary(wanted)
        };
        let found = languages.iter().find(|language| language.eq_ignore_ascii_case(wanted)).or_else(|| languages.iter().find(fits));
        if let Some(found) = found
            && quality > best.map_or(0.0, |(_, quality)| quality)
        {
            best = Some((found, quality));
        }
    }
    Some(best.map_or(first, |(language, _)| language))
}

#[cfg(test)]
mod tests {
    use super::best_language;

    #[test]
    fn the_browser_prefers_a_language() {
        let languages = ["en".to_owned(), "de".to_owned(), "pt-BR".to_owned()];
        for (header, expected) in [
            ("", "en"),
            ("de", "de"),
            ("de-AT,en;q=0.5", "de"),
            ("en;q=0.1, de;q=0.9", "de"),
            ("fr, ja;q=0.9", "en"),
            ("pt-br", "pt-BR"),
            ("pt", "pt-BR"),
            ("de;q=0, en;q=0.1", "en"),
            ("de;q=nonsense", "de"),
        ] {
            assert_eq!(best_language(&languages, header), Some(expected), "{header}");
        }
        assert_eq!(best_language(&[], "de"), None);
    }
}
