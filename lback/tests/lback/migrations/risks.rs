//! What pending migrations would do to a running release.

use lback::db::{Database, Migrations};

#[cfg(feature = "postgres")]
use super::C;
use super::{A, B, Project, on_each_kind, run};

/// The number of rows of a large table.
const LARGE: u32 = 100_000;

/// A project with a large table and a small one.
fn large(project: &Project, database: &Database, migrations: &Migrations) {
    let up = "CREATE TABLE large (id BIGINT PRIMARY KEY, n BIGINT, text TEXT); CREATE TABLE small (n BIGINT, text TEXT);";
    project.add(A, up, "");
    migrations.apply(database).unwrap();
    let many = format!("WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < {LARGE})");
    run(database, &format!("INSERT INTO large {many} SELECT n, n, '' FROM many; ANALYZE large;"));
}

#[test]
fn drops_and_renames_of_existing_tables_are_found() {
    on_each_kind(|project, database, migrations| {
        large(project, database, &migrations);
        let up = "CREATE TABLE fresh (n BIGINT, text TEXT);\nALTER TABLE fresh DROP COLUMN text;\nALTER TABLE fresh RENAME TO newer;\n\
                  ALTER TABLE small DROP COLUMN text;\nALTER TABLE small RENAME COLUMN n TO m;\nALTER TABLE small RENAME TO tiny;\n\
                  ALTER TABLE tiny ADD COLUMN x BIGINT;\nDROP TABLE large;\nDROP TABLE newer;\n-- lback: reviewed: nothing reads it\nDROP TABLE tiny;";
        project.add(B, &format!("-- SET LOCAL lock_timeout\nSELECT 'lock_timeout';\n{up}"), "");
        let risks = migrations.risks(database).unwrap();
        let expected = [
            (6, "it drops small.text, which the running release may still use"),
            (7, "it renames small.n to m"),
            (8, "it renames small to tiny"),
            (10, "it drops large,"),
        ];
        assert_eq!(risks.len(), expected.len(), "{risks:#?}");
        for (risk, (line, part)) in risks.iter().zip(expected) {
            assert!(risk.contains(&format!("{B}/up.sql:{line}: {part}")), "{risk}");
        }
        run(database, "ALTER TABLE small RENAME TO other");
        assert_eq!(migrations.risks(database).unwrap().len(), 1, "tables that do not exist are new");
        migrations.fake(database, None, |_| {}).unwrap();
        assert!(migrations.risks(database).unwrap().is_empty(), "nothing is pending");
    });
}

#[cfg(feature = "sqlite")]
#[test]
fn a_rebuild_of_a_large_table_of_sqlite_is_found() {
    let project = Project::new();
    let (database, migrations) = project.open();
    large(&project, &database, &migrations);
    let rebuild = |table: &str, columns: &str, names: &str| {
        format!(
            "CREATE TABLE \"new__{table}\" ({columns}, CHECK (n > 0));\nINSERT INTO \"new__{table}\" SELECT {names} FROM {table};\n\
             DROP TABLE \"{table}\";\nALTER TABLE \"new__{table}\" RENAME TO \"{table}\";\n"
        )
    };
    let sql = rebuild("large", "\"id\" INTEGER PRIMARY KEY, n INTEGER", "id, n") + &rebuild("small", "n INTEGER, text TEXT", "n, text");
    project.add(B, &sql, "");
    let risks = migrations.risks(&database).unwrap();
    assert_eq!(risks.len(), 1, "{risks:#?}");
    for part in [
        "up.sql:3: it drops large.text by rebuilding the table",
        "nothing else can be written while large is rebuilt (at least 100000 rows)",
    ] {
        assert!(risks[0].contains(part), "{risks:#?}");
    }
    project.add(B, "CREATE INDEX i ON large (n);\nCREATE INDEX j ON small (n);", "");
    let risks = migrations.risks(&database).unwrap();
    assert!(risks.len() == 1 && risks[0].contains("up.sql:1: building an index keeps others from writing to large"), "{risks:#?}");
}

#[cfg(feature = "postgres")]
#[test]
fn statements_that_lock_a_large_table_of_postgresql_are_found() {
    const RISKY: [(&str, &str); 8] = [
        ("CREATE INDEX ON large (n)", "CREATE INDEX CONCURRENTLY"),
        ("ALTER TABLE ONLY public.large ALTER COLUMN n TYPE TEXT", "changing the type of n"),
        ("ALTER TABLE large ADD CONSTRAINT c CHECK (n > 0)", "NOT VALID"),
        ("ALTER TABLE \"large\" ADD FOREIGN KEY (n) REFERENCES large (id)", "NOT VALID"),
        ("ALTER TABLE large ADD CONSTRAINT u UNIQUE (n)", "USING INDEX"),
        ("ALTER TABLE large ADD COLUMN c BIGINT CHECK (c > 0)", "with a check"),
        ("ALTER TABLE large ADD COLUMN r UUID DEFAULT gen_random_uuid()", "computed for each row"),
        ("ALTER TABLE large ALTER n SET NOT NULL", "making n required"),
    ];
    let Some(server) = lback_test_servers::Postgres::shared() else { return };
    let url = server.create("migrations_risks");
    let project = Project::new();
    let settings = lback::db::DbSettings { database_url: lback::settings::Secret::new(url), ..Default::default() };
    let database = Database::open(&settings, project.path()).unwrap();
    let (_, migrations) = project.open();
    large(&project, &database, &migrations);
    for (statement, part) in RISKY {
        project.add(B, &format!("SET LOCAL lock_timeout = '10s';\n{statement};"), "");
        let risks = migrations.risks(&database).unwrap();
        assert!(risks.len() == 1 && risks[0].contains("about 100000 rows") && risks[0].contains(part), "{statement}: {risks:#?}");
        project.add(B, &format!("SET LOCAL lock_timeout = '10s';\n{};", statement.replace("large", "small")), "");
        assert_eq!(migrations.risks(&database).unwrap(), [""; 0], "{statement}");
    }
    // With a check that says the same, SET NOT NULL reads no rows.
    run(&database, "ALTER TABLE large ADD CONSTRAINT has_n CHECK (n IS NOT NULL) NOT VALID");
    project.add(B, "SET LOCAL lock_timeout = '10s';\nALTER TABLE large ALTER n SET NOT NULL;", "");
    assert_eq!(migrations.risks(&database).unwrap().len(), 1);
    run(&database, "ALTER TABLE large VALIDATE CONSTRAINT has_n");
    assert!(migrations.risks(&database).unwrap().is_empty());
    // A lock that is waited for without a limit, once for each migration.
    project.add(B, "ALTER TABLE small ADD COLUMN x BIGINT;\nALTER TABLE small ADD COLUMN y BIGINT;", "");
    project.add(C, "ALTER TABLE fresh ADD COLUMN x BIGINT;", "");
    let risks = migrations.risks(&database).unwrap();
    assert!(
        risks.len() == 1 && risks[0].contains("up.sql:1: it waits for the lock of small") && risks[0].contains("SET LOCAL lock_timeout"),
        "{risks:#?}"
    );
    for statement in ["DROP TABLE small", "CREATE INDEX i ON small (n)"] {
        project.add(B, &format!("{statement};"), "");
        let risks = migrations.risks(&database).unwrap();
        assert!(risks.iter().any(|risk| risk.contains("up.sql:1: it waits for the lock of small")), "{statement}: {risks:#?}");
    }
    // Without a transaction, the limit is one of the connection.
    let up = "ALTER TABLE small VALIDATE CONSTRAINT c;\nCREATE INDEX CONCURRENTLY i ON small (n);\nALTER TABLE small ADD COLUMN x BIGINT;";
    project.add(B, up, "").add_file(B, "metadata.toml", "run_in_transaction = false");
    let risks = migrations.risks(&database).unwrap();
    assert!(risks.len() == 1 && risks[0].contains("up.sql:3: it waits") && risks[0].contains("SET lock_timeout"), "{risks:#?}");
}
