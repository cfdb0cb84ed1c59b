//! Reads and extends the directives of a policy, following CSP 3.

/// Adds a source to each policy in the header `value`. It goes into the first of `names` that the policy contains. If that is
/// the last of them, which is the fallback for the others, the directive before it in `names` is added to the policy instead,
/// with the sources of the fallback. A policy without any of them allows everything and is left unchanged.
pub(super) fn allow<'a>(value: &str, names: &[&str], source: impl Fn(&[&str]) -> Option<&'a str>) -> String {
    // Commas separate policies, all of which apply.
    value.split(',').map(|policy| allow_in(policy, names, &source)).collect::<Vec<_>>().join(", ")
}

fn allow_in<'a>(policy: &str, names: &[&str], source: &impl Fn(&[&str]) -> Option<&'a str>) -> String {
    let mut directives: Vec<String> = policy.split(';').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect();
    // If a directive is repeated, only the first one counts.
    let position = |name: &&str| directives.iter().position(|directive| self::name(directive).eq_ignore_ascii_case(name));
    let Some((at, found)) = names.iter().find_map(|name| Some((position(name)?, name))) else { return policy.trim().to_owned() };
    let is_allowed = |source: &&str| !source.eq_ignore_ascii_case("'none'");
    let mut sources: Vec<&str> = directives[at].split_ascii_whitespace().skip(1).filter(is_allowed).collect();
    let Some(source) = source(&sources).filter(|source| !sources.iter().any(|other| other == source)) else {
        return policy.trim().to_owned();
    };
    sources.push(source);
    let sources = sources.join(" ");
    match names {
        [.., special, general] if found == general => directives.push(format!("{special} {sources}")),
        _ => directives[at] = format!("{found} {sources}"),
    }
    directives.join("; ")
}

/// Returns the name of a directive.
pub(super) fn name(directive: &str) -> &str {
    directive.split_ascii_whitespace().next().unwrap_or_default()
}

/// Returns whether a list of sources should get `'self'` rather than a nonce: a nonce would disable the `'unsafe-inline'` that
/// the page's own scripts rely on.
pub(super) fn prefers_self(sources: &[&str]) -> bool {
    let has = |wanted: &str| sources.iter().any(|source| source.eq_ignore_ascii_case(wanted));
    let has_nonce_or_hash = sources.iter().any(|source| source.starts_with("'nonce-") || source.starts_with("'sha"));
    !has("'strict-dynamic'") && !has_nonce_or_hash && (has("'unsafe-inline'") || has("'self'"))
}
