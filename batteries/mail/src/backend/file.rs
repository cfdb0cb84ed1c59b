//! Mail in files, which mail programs open.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use lback_core::private_files;

use crate::MailMessage;
use crate::failure::Failure;

/// Writes the mail into a file of its own, which is there as a whole or not at all.
pub(super) async fn write(folder: &Path, mail: &MailMessage) -> Result<(), Failure> {
    let unwritable = |error: io::Error| Failure::unreachable(format!("no mail can be written into {}: {error}", folder.display()));
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

/// In the order of time, and the same for the same mail.
fn file_name(mail: &MailMessage) -> String {
    let id: String = mail.id.chars().take_while(char::is_ascii_alphanumeric).collect();
    format!("{}-{id}.eml", mail.date.format("%Y%m%d-%H%M%S"))
}
