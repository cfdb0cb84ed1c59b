//! Keys for servers that speak TLS.

use std::process::Command;

use tempfile::TempDir;

use crate::process::installed;

/// A folder with a new `key.pem` and a `cert.pem` for `localhost`, which vouches for itself. `None` where openssl is not
/// installed.
pub(crate) fn certificate() -> Option<TempDir> {
    let openssl = installed("openssl", &[], "openssl")?;
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder for the certificate: {error}"));
    let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out cert.pem \
                 -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE";
    let made = Command::new(openssl).args(words.split_whitespace()).current_dir(&folder).output();
    assert!(made.as_ref().is_ok_and(|output| output.status.success()), "no certificate could be made: {made:?}");
    Some(folder)
}
