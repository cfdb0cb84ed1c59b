//! The parts of a new project that depend on its database.

use crate::database::Database;

/// The values that replace the names in the patterns, and the pattern of the `Dockerfile`.
pub struct Differences {
    pub dockerfile: &'static str,
    pub values: [(&'static str, String); 6],
}

pub fn differences(database: Database, name: &str) -> Differences {
    match database {
        Database::Sqlite => Differences {
            dockerfile: include_str!("../../starter/Dockerfile"),
            values: [
                ("__NEEDS__", "a C compiler, which compiles SQLite".to_owned()),
                ("__FIRST__", String::new()),
                ("__DOCKER_RUN__", format!("-v {name}:/data")),
                (
                    "__DATABASE__",
                    "# The path is relative to this folder. SQLite is compiled in.\nDATABASE_URL = \"sqlite:db.sqlite\"".to_owned(),
                ),
                ("__DATABASE_ENV__", String::new()),
                (
                    "__DATABASE_PRODUCTION__",
                    format!(
                        "# In a folder that the program can write to, and that a new release does not replace:\n\
                         # DATABASE_URL = \"sqlite:/var/lib/{name}/db.sqlite\""
                    ),
                ),
            ],
        },
        Database::Postgres => Differences {
            dockerfile: include_str!("../../starter/Dockerfile.postgres"),
            values: [
                ("__NEEDS__", "PostgreSQL with its client library (Debian: `apt-get install postgresql libpq-dev`)".to_owned()),
                ("__FIRST__", format!("\nFirst, create the user and the database that `.env` names:\n\n```sh\n{}\n```\n", create(name))),
                ("__DOCKER_RUN__", format!("-v {name}:/data -e DATABASE_URL=postgres://{name}:PASSWORD@HOST/{name}")),
                (
                    "__DATABASE__",
                    format!(
                        "# DATABASE_URL names the PostgreSQL server. It contains a password, so it is in .env, which git ignores.\n\
                         # Tests create their own databases on the same server, named test_{name}_…\n\n\
                         # The maximum number of connections that views use in one process, and how long a request waits for one, in seconds.\n\
                         DATABASE_POOL_SIZE = 8\nDATABASE_WAIT_SECONDS = 5\n\n\
                         # A statement is cancelled after this time, in milliseconds.\nDATABASE_STATEMENT_TIMEOUT_MS = 20000"
                    ),
                ),
                ("__DATABASE_ENV__", format!("# The PostgreSQL database. For TLS, append ?sslmode=require\nDATABASE_URL={}\n", url(name))),
                (
                    "__DATABASE_PRODUCTION__",
                    "# Set the database in the environment: DATABASE_URL=postgres://user:password@host/database?sslmode=require".to_owned(),
                ),
            ],
        },
    }
}

/// Returns the text that stands for the name of a pattern in a new project with the database.
pub fn pattern_value(pattern: &str, database: Database, name: &str) -> String {
    let values = differences(database, name).values;
    values.into_iter().find(|(known, _)| *known == pattern).map(|(_, value)| value).unwrap_or_default()
}

/// Returns the pattern of the `Dockerfile` of a new project with the database.
pub fn dockerfile(database: Database) -> &'static str {
    differences(database, "").dockerfile
}

/// Returns the address of the database of a new project on PostgreSQL.
pub fn url(name: &str) -> String {
    format!("postgres://{name}:{name}@localhost/{name}")
}

/// Returns the commands that create the user and the database of a new project.
pub fn create(name: &str) -> String {
    format!("sudo -u postgres psql -c \"CREATE USER {name} PASSWORD '{name}' CREATEDB\"\nsudo -u postgres createdb --owner={name} {name}")
}
