//! What differs in a new project by its database.

use crate::database::Database;

/// What stands for the names in the patterns: a value for each, and the pattern of the `Dockerfile`.
pub struct Differences {
    pub dockerfile: &'static str,
    pub values: [(&'static str, String); 6],
}

pub fn differences(database: Database, name: &str) -> Differences {
    match database {
        Database::Sqlite => Differences {
            dockerfile: include_str!("../../starter/Dockerfile"),
            values: [
                ("__NEEDS__", "a C compiler, which builds SQLite".to_owned()),
                ("__FIRST__", String::new()),
                ("__DOCKER_RUN__", format!("-v {name}:/data")),
                ("__DATABASE__", "# Below this folder. SQLite is compiled in.\nDATABASE_URL = \"sqlite:db.sqlite\"".to_owned()),
                ("__DATABASE_ENV__", String::new()),
                (
                    "__DATABASE_PRODUCTION__",
                    format!(
                        "# A folder that the program may write, and that a new release does not replace:\n\
                         # DATABASE_URL = \"sqlite:/var/lib/{name}/db.sqlite\""
                    ),
                ),
            ],
        },
        Database::Postgres => Differences {
            dockerfile: include_str!("../../starter/Dockerfile.postgres"),
            values: [
                ("__NEEDS__", "PostgreSQL with its client library (Debian: `apt-get install postgresql libpq-dev`)".to_owned()),
                ("__FIRST__", format!("\nFirst of all, make the user and the database that `.env` names:\n\n```sh\n{}\n```\n", make(name))),
                ("__DOCKER_RUN__", format!("-v {name}:/data -e DATABASE_URL=postgres://{name}:PASSWORD@HOST/{name}")),
                (
                    "__DATABASE__",
                    format!(
                        "# DATABASE_URL names the PostgreSQL server, and has a password in it: it is in .env, which git does not see.\n\
                         # Tests make databases of their own beside it, called test_{name}_…\n\n\
                         # The most connections of one process for views, and how long a request waits for one, in seconds.\n\
                         DATABASE_POOL_SIZE = 8\nDATABASE_WAIT_SECONDS = 5\n\n\
                         # How long a statement may take, in milliseconds, before it is given up.\nDATABASE_STATEMENT_TIMEOUT_MS = 20000"
                    ),
                ),
                (
                    "__DATABASE_ENV__",
                    format!(
                        "# The PostgreSQL database. With TLS: ?sslmode=require at the end.\nDATABASE_URL=postgres://{name}:{name}@localhost/{name}\n"
                    ),
                ),
                (
                    "__DATABASE_PRODUCTION__",
                    "# The environment names the database: DATABASE_URL=postgres://user:password@host/database?sslmode=require".to_owned(),
                ),
            ],
        },
    }
}

/// Commands that make the user and the database of a new project.
pub fn make(name: &str) -> String {
    format!("sudo -u postgres psql -c \"CREATE USER {name} PASSWORD '{name}' CREATEDB\"\nsudo -u postgres createdb --owner={name} {name}")
}
