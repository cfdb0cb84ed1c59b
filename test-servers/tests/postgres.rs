//! The server comes, goes, and comes again with what it had.

use lback_test_servers::{Disk, Postgres};

#[test]
fn a_server_keeps_what_it_was_told_until_it_is_dropped() {
    let Some(server) = Postgres::start(Disk::Safe) else { return };
    server.create("kept");
    server.sql("kept", "CREATE TABLE t (n INT); INSERT INTO t VALUES (7)");
    server.restart().unwrap();
    assert_eq!(server.sql("kept", "SELECT n FROM t"), "7");
    server.crash().unwrap();
    server.run().unwrap();
    assert_eq!(server.sql("kept", "SELECT n FROM t"), "7");
    server.freeze().unwrap();
    server.thaw().unwrap();
    assert_eq!(server.sql("kept", "SELECT n FROM t"), "7");
}
