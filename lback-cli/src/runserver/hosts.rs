//! The hosts that `lback` itself responds to. Its error page contains lines of source code, and a foreign host name may
//! resolve to this machine (DNS rebinding), so that a page on that host could read it.

use super::settings::Settings;

/// Returns whether `lback` responds to a request, by its `Host` headers.
pub fn is_ours(hosts: &[&str], settings: &Settings) -> bool {
    let &[sent] = hosts else { return false };
    let Some(host) = without_port(sent) else { return false };
    // An IP address is not resolved, so it is safe.
    let is_address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
    let is_local = matches(".localhost", &host);
    is_address || is_local || settings.list("ALLOWED_HOSTS").iter().any(|pattern| matches(pattern, &host))
}

/// Returns the host in lower case, or `None` if it is invalid.
fn without_port(sent: &str) -> Option<String> {
    let (host, port) = match sent.rfind(']') {
        Some(end) => sent.split_at(end + 1),
        None => sent.split_at(sent.find(':').unwrap_or(sent.len())),
    };
    let port = port.strip_prefix(':').unwrap_or(port);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    let valid = !host.is_empty() && host.chars().all(plain) && port.chars().all(|c| c.is_ascii_digit());
    valid.then(|| host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase())
}

/// Returns whether a host matches a pattern of `ALLOWED_HOSTS`: `example.com`, `.example.com` or `*`.
fn matches(pattern: &str, host: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    match pattern.strip_prefix('.') {
        Some(domain) => host == domain || host.ends_with(&pattern),
        None => pattern == "*" || pattern == host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_own_names_and_addresses_only() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("settings.toml"), "ALLOWED_HOSTS = ['.shop.test', 'Example.com']").unwrap();
        let settings = Settings::of(folder.path());
        for host in
            ["localhost", "LOCALHOST:8000", "a.localhost", "127.0.0.1:8000", "[::1]:8000", "192.168.1.7", "a.shop.test", "example.com."]
        {
            assert!(is_ours(&[host], &settings), "{host}");
        }
        for host in
            ["", "evil.example", "notlocalhost", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example#.localhost", "a:b:80"]
        {
            assert!(!is_ours(&[host], &settings), "{host}");
        }
        assert!(!is_ours(&[], &settings));
        assert!(!is_ours(&["localhost", "evil.example"], &settings));
    }
}
