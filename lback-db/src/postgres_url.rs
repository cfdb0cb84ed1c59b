//! The address of a PostgreSQL server.

use std::fmt;
use std::time::Duration;

use lback_core::{Error, Result, Secret};
use percent_encoding::percent_decode_str;

use crate::database_url::POSTGRES_EXAMPLE;

/// A `postgres://…` URL in the form that libpq takes.
///
/// It is checked here because libpq's error messages repeat parts of the URL, which may be the password.
#[derive(Clone)]
pub(crate) struct PostgresUrl {
    url: Secret,
    /// The server and the database, without user and password: for messages.
    place: String,
}

impl PostgresUrl {
    /// Parses what follows `postgres:`.
    pub(crate) fn parse(rest: &str) -> Result<Self> {
        let Some(rest) = rest.strip_prefix("//") else { return wrong("it must begin with postgres://") };
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = address.split_once('/').unwrap_or((address, ""));
        let hosts = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
        let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
        let special = "a / ? # @ : or % in the user or the password is written %2F %3F %23 %40 %3A %25";
        if rest.contains('#') || database.contains('@') || user.contains('@') || user.matches(':').count() > 1 {
            return wrong(special);
        }
        for host in hosts.split(',') {
            // Colons in brackets belong to an IPv6 address.
            let port = host.rsplit_once(']').map_or(host, |(_, behind)| behind).split_once(':').map(|(_, port)| port);
            if port.is_some_and(|port| !port.is_empty() && port.parse::<u16>().is_err()) {
                return wrong(&format!("the port is not a number; also, {special}"));
            }
        }
        let escaped = |text: &str| text.split('%').skip(1).all(|part| part.get(..2).is_some_and(|hex| u8::from_str_radix(hex, 16).is_ok()));
        if !escaped(address) || !escaped(query) {
            return wrong("a % must be followed by two hexadecimal digits, and a % itself is written %25");
        }
        if let Some(option) = query.split('&').find(|option| !option.is_empty() && !option.contains('=')) {
            return wrong(&format!("the parameter of {} characters after the ? has no =", option.chars().count()));
        }
        let option = |name: &str| {
            let mut values = query.split('&').filter_map(|option| option.split_once('=')).filter(|(key, _)| *key == name);
            values.next_back().map(|(_, value)| percent_decode_str(value).decode_utf8_lossy())
        };
        let mut place = match option("host") {
            Some(host) if !host.is_empty() => host.into_owned(),
            _ if hosts.is_empty() => "the local socket".to_owned(),
            _ => hosts.to_owned(),
        };
        if let Some(port) = option("port") {
            place += &format!(":{port}");
        }
        place += &format!("/{database}");
        Ok(PostgresUrl { url: Secret::new(format!("postgres://{rest}")), place })
    }

    /// Returns the server and the database, without user and password.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Returns the name of the database, as the URL writes it.
    pub(crate) fn database(&self) -> &str {
        self.place.rsplit_once('/').map_or("", |(_, database)| database)
    }

    /// Returns the URL without the password, and the password.
    pub(crate) fn without_password(&self) -> (String, Option<String>) {
        let url = self.url.expose();
        let user = url.split_once('@').and_then(|(user, rest)| Some((user.rsplit_once(':')?, rest)));
        match user {
            // The part before the colon is more than the scheme.
            Some(((user, password), rest)) if !user.ends_with(':') && user != "postgres" => {
                (format!("{user}@{rest}"), Some(percent_decode_str(password).decode_utf8_lossy().into_owned()))
            }
            _ => (url.to_owned(), None),
        }
    }

    /// Returns the URL of another database of the same server and user.
    pub(crate) fn with_database(&self, name: &str) -> Secret {
        let url = self.url.expose();
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let server = address.strip_suffix(self.database()).unwrap_or(address).trim_end_matches('/');
        let server = if server == "postgres:" { "postgres://" } else { server };
        Secret::new(if query.is_empty() { format!("{server}/{name}") } else { format!("{server}/{name}?{query}") })
    }

    /// Returns the URL for libpq, with limits added unless it sets its own: the operating system would wait much longer for a server
    /// that cannot be reached or has vanished.
    pub(crate) fn with_limits(&self, connect_timeout: Duration) -> Secret {
        let mut url = self.url.expose().to_owned();
        let connect_timeout = connect_timeout.as_secs().max(1).to_string();
        let limits = [
            ("connect_timeout", connect_timeout.as_str()),
            ("keepalives_idle", "15"),
            ("keepalives_interval", "5"),
            ("keepalives_count", "3"),
            ("tcp_user_timeout", "30000"),
        ];
        let (_, query) = url.split_once('?').unwrap_or((&url, ""));
        let has = |key: &str| query.split('&').any(|option| option.split('=').next() == Some(key));
        let missing: Vec<String> = limits.iter().filter(|(key, _)| !has(key)).map(|(key, value)| format!("{key}={value}")).collect();
        if !missing.is_empty() {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&missing.join("&"));
        }
        Secret::new(url)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

fn wrong<T>(why: &str) -> Result<T> {
    Err(Error::internal(format!("DATABASE_URL is not understood: {why}. It looks like this: {POSTGRES_EXAMPLE}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_with_limits_added() {
        for url in [
            "//localhost/shop",
            "//shop:geheim@db.example.com:5433/shop?sslmode=require",
            "///shop?host=/run/postgresql",
            "//[::1]:5432/shop",
            "//a,b:5433/shop",
        ] {
            let parsed = PostgresUrl::parse(url).unwrap();
            let with_limits = parsed.with_limits(Duration::from_secs(3));
            assert!(with_limits.expose().starts_with(&format!("postgres:{url}")), "{}", with_limits.expose());
            assert!(with_limits.expose().contains("connect_timeout=3"), "{}", with_limits.expose());
            assert!(!parsed.place().contains("geheim") && !format!("{parsed:?}").contains("geheim"));
        }
    }

    #[test]
    fn another_database_of_the_same_server_is_named() {
        for (url, other) in [
            ("//localhost/shop", "postgres://localhost/other"),
            ("//shop:shop@db:5433/shop?sslmode=require", "postgres://shop:shop@db:5433/other?sslmode=require"),
            ("//localhost", "postgres://localhost/other"),
            ("///shop?host=/run/postgresql", "postgres:///other?host=/run/postgresql"),
        ] {
            assert_eq!(PostgresUrl::parse(url).unwrap().with_database("other").expose(), other);
        }
    }

    #[test]
    fn the_place_has_the_host_and_the_port_of_the_query() {
        for (url, place) in [
            ("///shop", "the local socket/shop"),
            ("///shop?port=5432", "the local socket:5432/shop"),
            ("///shop?host=%2Frun%2Fpostgresql&port=5433&password=geheim", "/run/postgresql:5433/shop"),
            ("//shop:geheim@db:5433/shop?sslmode=require", "db:5433/shop"),
        ] {
            let parsed = PostgresUrl::parse(url).unwrap();
            assert_eq!((parsed.place(), parsed.database()), (place, "shop"));
        }
    }

    #[test]
    fn limits_of_the_url_win() {
        let url = PostgresUrl::parse("//localhost/shop?connect_timeout=60").unwrap().with_limits(Duration::from_secs(3));
        assert!(url.expose().contains("connect_timeout=60") && !url.expose().contains("connect_timeout=3"), "{}", url.expose());
    }

    #[test]
    fn what_is_not_understood_is_refused_without_the_password() {
        for url in [
            "shop:geheim@localhost/shop",
            "//shop:gehe/im@localhost/shop",
            "//shop:gehe@im@localhost/shop",
            "//shop:gehe#im@localhost/shop",
            "//shop:gehe?im@localhost/shop",
            "//shop:gehe:im@localhost/shop",
            "//shop:ge%heim@localhost/shop",
            "//shop:geheim@localhost:port/shop",
        ] {
            let error = PostgresUrl::parse(url).unwrap_err().to_string();
            assert!(
                error.contains("DATABASE_URL") && !error.contains("gehe") && !error.contains("heim") && !error.contains("im@"),
                "{error}"
            );
        }
    }
}
