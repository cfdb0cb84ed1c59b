//! The command `orphaned_files`.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(files_that_nothing_names_are_listed_and_deleted, an_unknown_argument_is_refused);

const DAY: Duration = Duration::from_secs(25 * 60 * 60);

/// Stores a file under a name as the admin generates it, a day ago or now.
fn store(client: &Client, digit: char, is_old: bool) -> String {
    let name = format!("report-{}.pdf", digit.to_string().repeat(32));
    let folder = client.app().media_dir();
    fs::create_dir_all(&folder).unwrap();
    let file = File::create(folder.join(&name)).unwrap();
    if is_old {
        file.set_modified(SystemTime::now() - DAY).unwrap();
    }
    name
}

fn files_that_nothing_names_are_listed_and_deleted(on: &str) {
    let (client, root, album) = with_cover(on);
    let [orphan, new, replaced, other] =
        [('a', true), ('b', false), ('c', true), ('d', true)].map(|(digit, old)| store(&client, digit, old));
    // Files of the application: one with a name of its own, and one that it has stored with `save_in`.
    let own = ["logo.png".to_owned(), format!("{}.pdf", "e".repeat(32))].map(|name| client.app().media_dir().join(name));
    for path in &own {
        File::create(path).unwrap().set_modified(SystemTime::now() - DAY).unwrap();
    }
    // Two rows have the same file, and the history of a third names another.
    for name in ["One", "Two"] {
        let new = NewAlbum { name: name.to_owned(), cover: other.clone(), contract: None };
        client.db(|db| Album::create(db, new));
    }
    let third = client.db(|db| Album::create(db, NewAlbum { name: "Three".to_owned(), cover: replaced.clone(), contract: None }));
    edit(&root, &row(third.id), &[("cover-clear", "true")]).assert_status(303);
    for path in stored(&client).into_iter().filter(|path| !path.ends_with(&new)) {
        File::options().write(true).open(path).unwrap().set_modified(SystemTime::now() - DAY).unwrap();
    }

    let before = stored(&client).len();
    assert_eq!(client.command("orphaned_files", &[]), format!("{orphan}\nfound 1 orphaned file with 0 bytes\n"));
    assert_eq!(stored(&client).len(), before);
    assert_eq!(client.command("orphaned_files", &["--delete"]), format!("{orphan}\ndeleted 1 orphaned file with 0 bytes\n"));
    assert_eq!(stored(&client).len(), before - 1);
    for kept in [&new, &replaced, &other, &album.cover] {
        assert!(client.app().media_dir().join(kept).exists(), "{kept}");
    }
    assert!(own.iter().all(|path| path.exists()));
    assert_eq!(client.command("orphaned_files", &[]), "found 0 orphaned files with 0 bytes\n");
}

fn an_unknown_argument_is_refused(on: &str) {
    let (client, _) = ready(on);
    let error = client.try_command("orphaned_files", &["--remove"]).unwrap_err();
    assert_eq!(error.to_string(), "the only argument is --delete");
}
