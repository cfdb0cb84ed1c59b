//! Keys and certificates for servers with TLS.

use std::process::Command;

use tempfile::TempDir;

use crate::process::installed;

/// Creates a folder with a new `key.pem` and a self-signed `cert.pem` for `localhost`. Returns `None` if openssl is not installed.
pub(crate) fn certificate() -> Option<TempDir> {
    let openssl = installed("openssl", &[], "openssl")?;
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("cannot create a folder for the certificate: {error}"));
    let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -keyout key.pem \
                 -out cert.pem -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE";
    let result = Command::new(openssl).args(arguments.split_whitespace()).current_dir(&folder).output();
    assert!(result.as_ref().is_ok_and(|output| output.status.success()), "cannot create a certificate: {result:?}");
    Some(folder)
}
