//! TLS to a server with a certificate of a private authority.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use lback::db::{Database, DbSettings};
use lback::settings::Secret;
use lback_test_servers::{Authority, Disk, Postgres, free_port};

use super::{assert_all_well, client_at};

fn open(url: &str) -> Result<(), String> {
    let settings = DbSettings { database_url: Secret::new(url), database_connect_timeout_seconds: 5, ..DbSettings::default() };
    Database::open(&settings, Path::new(".")).map(drop).map_err(|error| format!("{error} {error:?}"))
}

#[test]
fn only_the_right_certificates_connect_and_others_are_told_what_to_do() {
    let Some(authority) = Authority::new() else { return };
    let Some(server) = Postgres::start(Disk::Fast) else { return };
    server.sql("postgres", "CREATE ROLE lback_certified LOGIN");
    server.require_tls(&authority).unwrap();

    let port = server.port();
    let at = |user: &str, host: &str, options: &str| format!("postgres://{user}@{host}:{port}/postgres?{options}");
    let ca = format!("sslrootcert={}", authority.certificate().display());
    let trusting = format!("sslmode=verify-full&{ca}");

    let client = client_at(&at("lback:lback", "localhost", &trusting), "");
    client.post("/visit").send().assert_status(200);
    client.post("/notes/encrypted").send().assert_status(204);
    assert_all_well(&client, 1);

    let (certificate, key) = authority.issue("lback_certified");
    let with = |certificate: &Path, key: &Path| format!("{trusting}&sslcert={}&sslkey={}", certificate.display(), key.display());
    open(&at("lback_certified", "localhost", &with(&certificate, &key))).unwrap();

    let stranger = Authority::new().unwrap();
    let strange_ca = format!("sslmode=verify-full&sslrootcert={}", stranger.certificate().display());
    let (strange_certificate, strange_key) = stranger.issue("lback_certified");
    let (other_certificate, other_key) = authority.issue("somebody_else");
    let open_key = authority.certificate().with_file_name("open-key.pem");
    fs::copy(&key, &open_key).unwrap();
    fs::set_permissions(&open_key, fs::Permissions::from_mode(0o644)).unwrap();
    let missing = Path::new("/no/such/file.pem");
    for (url, parts) in [
        (at("lback:geheim", "localhost", &strange_ca), ["certificate verify failed", "authority that sslrootcert names"]),
        (at("lback:geheim", "127.0.0.1", &trusting), ["does not match host name", "for another host"]),
        (at("lback:geheim", "localhost", "sslmode=verify-full&sslrootcert=/no/such/file.pem"), ["/no/such/file.pem", "sslrootcert="]),
        (at("lback:geheim", "localhost", &trusting), ["password authentication failed", "DATABASE_URL is wrong"]),
        (at("lback:geheim", "localhost", "sslmode=disable"), ["no encryption", "sslmode=require"]),
        (at("lback_certified", "localhost", &trusting), ["client certificate", "sslcert=/path/to/client.pem"]),
        (at("lback_certified", "localhost", &with(&strange_certificate, &strange_key)), ["unknown ca", "ssl_ca_file"]),
        (at("lback_certified", "localhost", &with(&other_certificate, &other_key)), ["authentication failed", "issued for another user"]),
        (at("lback_certified", "localhost", &with(&certificate, &open_key)), ["group or world access", "chmod 600"]),
        (at("lback_certified", "localhost", &with(&certificate, missing)), ["/no/such/file.pem", "Correct sslkey"]),
        // libpq leaves out a certificate that it does not find.
        (at("lback_certified", "localhost", &with(missing, &key)), ["client certificate", "a file that exists"]),
    ] {
        let said = open(&url).expect_err(&url);
        for part in parts {
            assert!(said.contains(part), "{part} is missing for {url}: {said}");
        }
        assert!(!said.contains("geheim"), "{said}");
    }
}

#[test]
fn a_server_without_tls_is_not_spoken_to_in_the_clear() {
    let (Some(server), Some(authority)) = (Postgres::shared(), Authority::new()) else { return };
    let url = format!("{}?sslmode=verify-full&sslrootcert={}", server.url("postgres"), authority.certificate().display());
    let said = open(&url).unwrap_err();
    assert!(said.contains("does not support SSL") && said.contains("ssl = on"), "{said}");
    assert!(open(&url.replace(&server.port().to_string(), &free_port().unwrap().to_string())).is_err());
}
