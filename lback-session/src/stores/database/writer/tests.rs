//! What a commit waits for, asked of SQLite itself from within the transaction, and what becomes of the log.

use diesel::RunQueryDsl;
use diesel::dsl::sql;
use diesel::sql_types::BigInt;
use lback_db::{Database, Db, DbSettings};

use super::Lasting::{Always, AsSet};
use super::{Lasting, Writer};
use crate::Durability;

/// `PRAGMA synchronous` while a write of this kind is done: 1 is NORMAL, 2 is FULL.
async fn synchronous(writer: &Writer, lasting: Lasting) -> i64 {
    let asked = |db: &mut Db| -> lback_core::Result<i64> {
        Ok(diesel::select(sql::<BigInt>("synchronous FROM pragma_synchronous")).get_result(db)?)
    };
    writer.run(lasting, asked).await.unwrap()
}

fn writer(durability: Durability) -> (tempfile::TempDir, Writer) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&DbSettings::default(), folder.path()).unwrap();
    (folder, Writer::start(database, durability).unwrap())
}

#[tokio::test]
async fn every_commit_waits_for_the_disk_unless_the_settings_say_otherwise() {
    let (_folder, writer) = writer(Durability::Full);
    assert_eq!(synchronous(&writer, AsSet).await, 2);
    assert_eq!(synchronous(&writer, Always).await, 2);
}

#[tokio::test]
async fn with_normal_only_what_must_last_waits() {
    let (_folder, writer) = writer(Durability::Normal);
    assert_eq!(synchronous(&writer, AsSet).await, 1);
    assert_eq!(synchronous(&writer, Always).await, 2);
    assert_eq!(synchronous(&writer, AsSet).await, 1);
}

#[tokio::test]
async fn one_write_that_must_last_makes_its_whole_batch_wait() {
    let (_folder, writer) = writer(Durability::Normal);
    // The first keeps the thread busy until the others wait together.
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let busy = writer.run(AsSet, move |_| Ok(wait.recv().is_ok()));
    let others = async { tokio::join!(synchronous(&writer, AsSet), synchronous(&writer, Always), async { go.send(()) }) };
    let (busy, (together, _, _)) = tokio::join!(busy, others);
    assert!(busy.unwrap());
    assert_eq!(together, 2);
}

#[tokio::test]
async fn the_log_begins_anew_though_nobody_ever_stops_to_write() {
    let (folder, writer) = writer(Durability::Full);
    let run =
        |statement: &'static str| writer.run(AsSet, move |db| Ok(diesel::connection::SimpleConnection::batch_execute(db, statement)?));
    run("CREATE TABLE counts (count BIGINT NOT NULL); INSERT INTO counts VALUES (0)").await.unwrap();
    // The log's header counts how often.
    let begun_anew = || {
        let mut header = [0; 16];
        let log = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|file| file.unwrap().path())
            .find(|path| path.to_string_lossy().ends_with("-wal"));
        std::io::Read::read_exact(&mut std::fs::File::open(log.unwrap()).unwrap(), &mut header).unwrap();
        header
    };
    let before = begun_anew();
    // Too few pages for SQLite to do it by itself.
    for _ in 0..3_000 {
        let count = || run("UPDATE counts SET count = count + 1");
        let (one, two, three) = tokio::join!(count(), count(), count());
        one.and(two).and(three).unwrap();
        if begun_anew() != before {
            return;
        }
    }
    panic!("it has not");
}
