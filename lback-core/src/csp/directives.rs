//! The directives of a policy, as CSP 3 reads them.

/// The header `value` with one source more in the directive that decides: the first of `names` that a policy has. If that is
/// the last of them, which stands in for the others, the one before it is added. A policy with none of them allows all.
pub(super) fn allow<'a>(value: &str, names: &[&str], source: impl Fn(&[&str]) -> Option<&'a str>) -> String {
    // A comma separates policies, all of which hold.
    value.split(',').map(|policy| allow_in(policy, names, &source)).collect::<Vec<_>>().join(", ")
}

fn allow_in<'a>(policy: &str, names: &[&str], source: &impl Fn(&[&str]) -> Option<&'a str>) -> String {
    let mut directives: Vec<String> = policy.split(';').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect();
    // Of two with the same name the first counts.
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

/// The name of a directive.
pub(super) fn name(directive: &str) -> &str {
    directive.split_ascii_whitespace().next().unwrap_or_default()
}

/// Returns whether a list of sources is better given `'self'` than a nonce: a nonce takes the effect of `'unsafe-inline'`
/// away from the scripts of the page.
pub(super) fn is_laxer_with_self(sources: &[&str]) -> bool {
    let has = |wanted: &str| sources.iter().any(|source| source.eq_ignore_ascii_case(wanted));
    let names_scripts = sources.iter().any(|source| source.starts_with("'nonce-") || source.starts_with("'sha"));
    !has("'strict-dynamic'") && !names_scripts && (has("'unsafe-inline'") || has("'self'"))
}
