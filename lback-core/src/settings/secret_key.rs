//! The secret key, which signs cookies.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use super::Secret;
use super::error::{Kind, SettingsError};
use crate::private_files;
use crate::text_file::decode;

const MIN_BYTES: usize = 32;
const REMEDY: &str =
    "Create one with `openssl rand -base64 48` and set it as the environment variable SECRET_KEY, or in .env as SECRET_KEY=…";

/// Returns the project's secret key: the configured key or, in debug mode, a key that is created once and kept in
/// `{root}/.lback/secret_key`, readable only by its owner. If that file cannot be written or read, debug mode uses a key for this
/// run only and logs a warning.
///
/// # Errors
///
/// Returns an error if the key is shorter than 32 bytes, or is missing outside debug mode.
///
/// ```
/// use lback::settings::{Secret, secret_key};
///
/// let configured = Secret::new("J8Yw1xkT0sGmVYb1QeL6hX3nPzR5uCa9");
/// let key = secret_key("/srv/shop".as_ref(), Some(&configured), false)?;
/// assert_eq!(key.expose(), configured.expose());
/// # Ok::<(), lback::settings::SettingsError>(())
/// ```
pub fn secret_key(root: &Path, configured: Option<&Secret>, debug: bool) -> Result<Secret, SettingsError> {
    let key = match configured {
        Some(key) => key.clone(),
        None if debug => return kept_key(root),
        None => {
            return Err(SettingsError::new(Kind::SecretKey, format!("SECRET_KEY is missing. It signs sessions and cookies. {REMEDY}")));
        }
    };
    check_length(&key)?;
    Ok(key)
}

/// Refuses a `SECRET_KEY` that can be guessed.
pub(crate) fn check_length(key: &Secret) -> Result<(), SettingsError> {
    if is_long_enough(key) {
        return Ok(());
    }
    let message = format!("SECRET_KEY is shorter than {MIN_BYTES} bytes and can be guessed. {REMEDY}");
    Err(SettingsError::new(Kind::SecretKey, message))
}

/// Refuses a retired key that is too short to have been a valid `SECRET_KEY`: an attacker who guesses it can sign cookies that are
/// accepted.
pub(crate) fn check_fallbacks(keys: &[Secret]) -> Result<(), SettingsError> {
    if keys.iter().all(is_long_enough) {
        return Ok(());
    }
    let message = format!(
        "SECRET_KEY_FALLBACKS contains a key that is shorter than {MIN_BYTES} bytes and can be guessed. List complete former values of \
         SECRET_KEY, or remove that key"
    );
    Err(SettingsError::new(Kind::SecretKey, message))
}

fn is_long_enough(key: &Secret) -> bool {
    key.expose().len() >= MIN_BYTES
}

fn kept_key(root: &Path) -> Result<Secret, SettingsError> {
    let folder = root.join(".lback");
    let file = folder.join("secret_key");
    // 64 hexadecimal digits with 244 random bits.
    let fresh = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    let kept = read(&file).or_else(|error| match error.kind() {
        ErrorKind::NotFound => create(&folder, &file, &fresh),
        _ => Err(error),
    });
    match kept {
        Ok(key) if is_long_enough(&key) => Ok(key),
        Ok(_) => Err(SettingsError::new(
            Kind::SecretKey,
            format!("the key in {} is shorter than {MIN_BYTES} bytes. Delete the file to get a new key.", file.display()),
        )),
        Err(error) => {
            tracing::warn!("cannot keep a secret key in {}: {error}. Sessions will end when the server stops.", file.display());
            Ok(Secret::new(fresh))
        }
    }
}

fn read(file: &Path) -> io::Result<Secret> {
    let text = decode(fs::read(file)?).map_err(|_| io::Error::from(ErrorKind::InvalidData))?;
    Ok(Secret::new(text.trim()))
}

/// Writes the key to the file and returns the key that is in effect. Two processes that start at the same time must get the same
/// key, so the file appears complete or not at all, and the second process reads the key of the first one.
fn create(folder: &Path, file: &Path, fresh: &str) -> io::Result<Secret> {
    private_files::create_folder(folder)?;
    fs::write(folder.join(".gitignore"), "*\n")?;
    // A named temporary file is created with mode 0600 on Unix.
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(fresh.as_bytes())?;
    temporary.as_file().sync_all()?;
    match temporary.persist_noclobber(file) {
        Ok(_) => Ok(Secret::new(fresh)),
        Err(refused) if refused.error.kind() == ErrorKind::AlreadyExists => read(file),
        Err(refused) => Err(refused.error),
    }
}
