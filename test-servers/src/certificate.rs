//! Keys and certificates for servers with TLS.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::process::installed;

/// A private certificate authority, which issues certificates for a test. The files are removed when it is dropped.
#[derive(Debug)]
pub struct Authority {
    openssl: PathBuf,
    folder: TempDir,
}

impl Authority {
    /// Creates an authority. Returns `None` if openssl is not installed.
    ///
    /// # Panics
    /// Panics if openssl fails, as the other methods do.
    pub fn new() -> Option<Self> {
        let openssl = installed("openssl", &[], "openssl")?;
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("cannot create a folder for certificates: {error}"));
        let authority = Authority { openssl, folder };
        authority.run("-subj /CN=Authority -keyout ca-key.pem -out ca.pem -addext basicConstraints=critical,CA:TRUE");
        Some(authority)
    }

    /// Returns the path of the authority's own certificate.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Issues a certificate for `name`, a host or a user. Returns the paths of the certificate and of its key, which only the owner of
    /// the files can read.
    pub fn issue(&self, name: &str) -> (PathBuf, PathBuf) {
        self.run(&format!(
            "-CA ca.pem -CAkey ca-key.pem -subj /CN={name} -keyout {name}-key.pem -out {name}.pem -addext subjectAltName=DNS:{name} \
             -addext basicConstraints=critical,CA:FALSE"
        ));
        let path = |file: String| self.folder.path().join(file);
        (path(format!("{name}.pem")), path(format!("{name}-key.pem")))
    }

    fn run(&self, arguments: &str) {
        create(&self.openssl, self.folder.path(), arguments);
    }
}

fn create(openssl: &Path, folder: &Path, arguments: &str) {
    let always = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
    let result = Command::new(openssl).args(always.split_whitespace()).args(arguments.split_whitespace()).current_dir(folder).output();
    assert!(result.as_ref().is_ok_and(|output| output.status.success()), "cannot create a certificate: {result:?}");
}

/// Creates a folder with a new `key.pem` and a self-signed `cert.pem` for `localhost`. Returns `None` if openssl is not installed.
pub(crate) fn certificate() -> Option<TempDir> {
    let openssl = installed("openssl", &[], "openssl")?;
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("cannot create a folder for the certificate: {error}"));
    let arguments = "-subj /CN=localhost -keyout key.pem -out cert.pem -addext subjectAltName=DNS:localhost \
                     -addext basicConstraints=critical,CA:FALSE";
    create(&openssl, folder.path(), arguments);
    Some(folder)
}
