//! Databases that were migrated by a program which recorded no checksums.

use lback::db::{Applied, Database, Migrations};
use lback::diesel::connection::SimpleConnection;

use super::{A, B, C, Project, states, two};

/// What such a program has left: its table of migrations, and what the first of them made.
const OLDER: &str = "CREATE TABLE __diesel_schema_migrations (
        version VARCHAR(50) PRIMARY KEY NOT NULL,
        run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
    );
    INSERT INTO __diesel_schema_migrations (version) VALUES ('20260101000000');
    CREATE TABLE a (n BIGINT);";

fn goes_on(project: &Project, database: &Database, migrations: &Migrations) {
    assert_eq!(states(migrations, database), [(A.to_owned(), Applied::Yes), (B.to_owned(), Applied::No)]);
    assert_eq!(migrations.apply(database).unwrap(), [B]);
    assert!(migrations.status(database).unwrap().iter().all(|one| one.changed.is_none()));
    // From now on an edit is noticed, of what the older program applied too.
    project.add(A, "CREATE TABLE a (n BIGINT, m BIGINT);", "DROP TABLE a;");
    let changed: Vec<_> = migrations.status(database).unwrap().into_iter().filter_map(|one| one.changed).collect();
    assert!(changed.len() == 1 && changed[0].contains(A), "{changed:?}");
    // And the older program, or Diesel's own command line, may go on with it.
    let insert = "INSERT INTO __diesel_schema_migrations (version) VALUES ('20260103000000')";
    database.connect().unwrap().batch_execute(insert).unwrap();
    project.add(C, "CREATE TABLE c (n BIGINT);", "DROP TABLE c;");
    assert!(migrations.apply(database).unwrap().is_empty());
    assert_eq!(states(migrations, database)[2], (C.to_owned(), Applied::Yes));
}

#[test]
fn a_database_of_an_older_program_goes_on() {
    let project = two();
    let (database, migrations) = project.open();
    database.connect().unwrap().batch_execute(OLDER).unwrap();
    goes_on(&project, &database, &migrations);
}

#[cfg(feature = "postgres")]
#[test]
fn a_postgresql_database_of_an_older_program_goes_on() {
    let Some(server) = lback_test_servers::Postgres::shared() else { return };
    server.create("older_migrations");
    server.sql("older_migrations", OLDER);
    let project = two();
    let settings =
        lback::db::DbSettings { database_url: lback::settings::Secret::new(server.url("older_migrations")), ..Default::default() };
    let database = Database::open(&settings, project.path()).unwrap();
    let (_, migrations) = project.open();
    goes_on(&project, &database, &migrations);
}

/// The framework's own, up to those of today.
#[cfg(all(feature = "auth", feature = "jobs", feature = "mail"))]
fn the_framework_goes_on(database: &Database) {
    let migrations = Migrations::new()
        .battery("sessions", lback_session::MIGRATIONS)
        .battery("jobs", lback_jobs::MIGRATIONS)
        .battery("mail", lback_mail::MIGRATIONS)
        .battery("auth", lback_auth::MIGRATIONS);
    migrations.apply(database).unwrap();
    assert!(migrations.status(database).unwrap().iter().all(|one| one.state == Applied::Yes && one.changed.is_none()));
    let tables = lback_session::tables().and(lback_jobs::tables()).and(lback_auth::tables());
    let db = &mut *database.get().unwrap();
    assert_eq!(tables.differences(db).unwrap(), Vec::<String>::new());
    for table in ["sessions", "auth_users", "auth_users_groups", "auth_users_permissions", "auth_groups_permissions"] {
        use lback::prelude::*;
        let count = diesel::dsl::sql::<diesel::sql_types::BigInt>(&format!("SELECT count(*) FROM {table}"));
        assert_eq!(count.get_result::<i64>(db).unwrap(), 1, "{table}");
    }
}

#[cfg(all(feature = "auth", feature = "jobs", feature = "mail"))]
#[test]
fn the_frameworks_tables_of_an_older_program_become_those_of_today() {
    let project = Project::new();
    let (database, _) = project.open();
    database.connect().unwrap().batch_execute(include_str!("older.sqlite.sql")).unwrap();
    the_framework_goes_on(&database);
}

#[cfg(all(feature = "auth", feature = "jobs", feature = "mail", feature = "postgres"))]
#[test]
fn the_frameworks_tables_of_an_older_program_become_those_of_today_on_postgresql() {
    let Some(server) = lback_test_servers::Postgres::shared() else { return };
    server.create("older_framework");
    let project = Project::new();
    let settings =
        lback::db::DbSettings { database_url: lback::settings::Secret::new(server.url("older_framework")), ..Default::default() };
    let database = Database::open(&settings, project.path()).unwrap();
    database.connect().unwrap().batch_execute(include_str!("older.postgres.sql")).unwrap();
    the_framework_goes_on(&database);
}

#[cfg(feature = "postgres")]
#[test]
fn a_user_who_may_not_change_the_table_goes_on_without_checksums() {
    let Some(server) = lback_test_servers::Postgres::shared() else { return };
    server.create("older_rights");
    server.sql("older_rights", OLDER);
    server.sql(
        "older_rights",
        "CREATE USER guest PASSWORD 'guest'; GRANT ALL ON SCHEMA public TO guest; GRANT ALL ON ALL TABLES IN SCHEMA public TO guest",
    );
    let project = two();
    let url = server.url("older_rights").replace("lback:lback", "guest:guest");
    let settings = lback::db::DbSettings { database_url: lback::settings::Secret::new(url), ..Default::default() };
    let database = Database::open(&settings, project.path()).unwrap();
    let (_, migrations) = project.open();
    assert_eq!(migrations.apply(&database).unwrap(), [B]);
    assert!(migrations.status(&database).unwrap().iter().all(|one| one.state == Applied::Yes && one.changed.is_none()));
}
