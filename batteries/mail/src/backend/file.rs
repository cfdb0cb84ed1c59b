//! Mail in files that mail programs can open.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use lback_core::private_files;

use crate::MailMessage;
use crate::failure::Failure;

/// Writes the mail to a file of its own, atomically.
pub(super) async fn write(folder: &Path, mail: &MailMessage) -> Result<(), Failure> {
    let unwritable = |error: io::Error| Failure::for_now(format!("mail cannot be written to {}: {error}", folder.display()));
    let bytes = mail.to_mime().map_err(unwritable)?;
    let (folder, name) = (folder.to_owned(), file_name(mail));
    let written = tokio::task::spawn_blocking(move || write_whole(&folder, &name, &bytes)).await;
    written.map_err(io::Error::from).and_then(|written| written).map_err(unwritable)
}

fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    private_files::create_folder(folder)?;
    let unfinished: PathBuf = folder.join(format!(".{name}"));
    private_files::options().create(true).truncate(true).open(&unfinished)?.write_all(bytes)?;
    fs::rename(unfinished, folder.join(name))
}

/// Returns a name that sorts by time and is the same for the same mail.
fn file_name(mail: &MailMessage) -> String {
    let id: String = mail.id.chars().take_while(char::is_ascii_alphanumeric).collect();
    format!("{}-{id}.eml", mail.date.format("%Y%m%d-%H%M%S"))
}
