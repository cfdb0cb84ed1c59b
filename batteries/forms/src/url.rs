//! Validates web addresses.

/// Returns whether a text is a valid part of a domain name, between its dots.
fn is_label(label: &str) -> bool {
    let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
}

/// Returns whether a text is a web address that is safe in a link: `http` or `https`, and a host.
///
/// Other schemes such as `javascript:` are invalid. Characters that browsers percent-encode themselves are allowed.
pub(crate) fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    if !(scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")) || text.len() > 2_048 {
        return false;
    }
    // Browsers read a backslash as a slash, so that the host would not be the one it appears to be.
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"\\`".contains(c)) {
        return false;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // "https://bank.example@evil.example" leads to the latter.
    !authority.contains('@') && is_host(authority)
}

fn is_host(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => return address.parse::<std::net::Ipv6Addr>().is_ok() && is_port(port),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    // Host names may use any script.
    let label =
        |label: &str| is_label(label) || (!label.is_empty() && !label.is_ascii() && label.chars().all(|c| c.is_alphanumeric() || c == '-'));
    host.len() <= 253 && host.strip_suffix('.').unwrap_or(host).split('.').all(label) && is_port(port)
}

/// Returns whether a text is empty, or a colon and a port number.
fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok() && !port.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_web_addresses_and_rejects_deceptive_ones() {
        for good in [
            "http://localhost:8000",
            "https://example.com/a?b=c#d",
            "HTTPS://example.com.",
            "https://münchen.de/straße?ü",
            "http://127.0.0.1/",
            "http://[::1]:80/x",
            "https://example.com?a[]=1|{2}",
        ] {
            assert!(is_url(good), "{good}");
        }
        for bad in [
            "",
            "example.com",
            "//example.com",
            "javascript://x%0aalert(1)",
            "javascript:alert(1)",
            "ftp://example.com",
            "https://",
            "https:///a",
            "https://a b",
            "https://bank.example@evil.example",
            "https://bank.example\\@evil",
            "http://x:y",
            "http://x:99999",
            "http://x:+80",
            "http://[::1",
            "http://[x]",
            "http://-a",
            "http://a..b",
            "http://a/\"onclick",
            "http://a/<b>",
            "http:a",
        ] {
            assert!(!is_url(bad), "{bad}");
        }
    }
}
