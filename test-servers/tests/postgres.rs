//! The PostgreSQL server keeps its data when it stops and starts again.

use lback_test_servers::{Disk, Postgres};

#[test]
fn a_server_keeps_its_data_until_it_is_dropped() {
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
