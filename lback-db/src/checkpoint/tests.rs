//! The log of a real file: its header counts how often it has begun anew.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::{LONGEST, WRITES};
use crate::{Database, DbSession, DbSettings};

fn open(folder: &Path) -> Database {
    let database = Database::open(&DbSettings::default(), folder).unwrap();
    wait_for_the_disk(&database, false);
    database
}

/// The pool's only connection. Nothing here is about a power cut.
fn wait_for_the_disk(database: &Database, wait: bool) {
    database.get().unwrap().batch_execute(if wait { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = OFF" }).unwrap();
}

fn with_a_row() -> (tempfile::TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let database = open(folder.path());
    write(&database, "CREATE TABLE counts (count BIGINT NOT NULL, text TEXT); INSERT INTO counts VALUES (0, '')");
    (folder, database)
}

fn write(database: &Database, statements: &str) {
    let mut work = DbSession::for_writing(database.clone());
    work.connection().unwrap().batch_execute(statements).unwrap();
    work.commit().unwrap();
}

/// One page of the log.
fn count(database: &Database) {
    write(database, "UPDATE counts SET count = count + 1");
}

fn counted(database: &Database) -> i64 {
    diesel::select(sql::<BigInt>("count FROM counts")).get_result(&mut *database.get().unwrap()).unwrap()
}

fn log(folder: &Path) -> File {
    let path = DbSettings::default().database_url.expose().replace("sqlite:", "") + "-wal";
    File::open(folder.join(path)).unwrap()
}

fn begun_anew(folder: &Path) -> u32 {
    let mut header = [0; 16];
    log(folder).read_exact(&mut header).unwrap();
    u32::from_be_bytes(header[12..].try_into().unwrap())
}

/// Counts on and on, no faster than the disk: the thread waits for that too. So many pages are too few for SQLite to do
/// anything by itself.
fn count_until_it_begins_anew(folder: &Path, database: &Database, at_most: usize) {
    let before = begun_anew(folder);
    wait_for_the_disk(database, true);
    assert!((0..at_most).any(|_| {
        count(database);
        begun_anew(folder) != before
    }));
    wait_for_the_disk(database, false);
}

#[test]
fn the_log_begins_anew_though_nobody_ever_stops_to_write() {
    let (folder, database) = with_a_row();
    for _ in 0..3 {
        (0..WRITES - 100).for_each(|_| count(&database));
        count_until_it_begins_anew(folder.path(), &database, LONGEST - WRITES);
    }
}

#[test]
fn a_log_that_a_reader_held_up_begins_anew_when_that_has_ended() {
    let (folder, database) = with_a_row();
    let mut reader = database.connect().unwrap();
    reader.batch_execute("BEGIN; SELECT * FROM counts").unwrap();
    let before = begun_anew(folder.path());
    (0..WRITES * 2).for_each(|_| count(&database));
    assert_eq!(begun_anew(folder.path()), before);
    let seen: i64 = diesel::select(sql::<BigInt>("count FROM counts")).get_result(&mut reader).unwrap();
    assert_eq!(seen, 0);
    reader.batch_execute("COMMIT").unwrap();
    count_until_it_begins_anew(folder.path(), &database, LONGEST - 100 - WRITES * 2);
}

#[test]
fn few_but_large_writes_do_not_make_the_log_longer_than_it_may_be() {
    let (folder, database) = with_a_row();
    for _ in 0..120 {
        write(&database, "UPDATE counts SET text = hex(randomblob(200000))");
    }
    let pages = log(folder.path()).metadata().unwrap().len() as usize / 4096;
    assert!(pages > LONGEST / 2 && pages < LONGEST + 300, "{pages} pages");
}

#[test]
fn a_process_that_is_killed_while_the_log_is_moved_loses_nothing() {
    let (folder, database) = with_a_row();
    drop(database);
    let mut known = 0;
    for after in [0, 3, 30] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "checkpoint::tests::the_killed", "--ignored", "--nocapture", "--test-threads=1"])
            .env("LBACK_TEST_FOLDER", folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let acknowledged = lines.by_ref().map_while(Result::ok).filter_map(|line| line.parse::<i64>().ok());
        // The thread has just begun.
        known = acknowledged.take_while(|count| *count <= known + (WRITES + after) as i64).last().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let database = open(folder.path());
        assert!(counted(&database) >= known);
        let check: String =
            diesel::select(sql::<Text>("integrity_check FROM pragma_integrity_check")).get_result(&mut *database.get().unwrap()).unwrap();
        assert_eq!(check, "ok");
        known = counted(&database);
    }
}

/// The other process: counts, and says how far it is.
#[test]
#[ignore = "run by another test"]
fn the_killed() {
    let Some(folder) = std::env::var_os("LBACK_TEST_FOLDER") else { return };
    let database = open(Path::new(&folder));
    println!();
    for count in counted(&database) + 1.. {
        self::count(&database);
        println!("{count}");
    }
}
