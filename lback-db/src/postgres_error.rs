//! Messages of PostgreSQL and libpq, and their remedies.
//!
//! Diesel does not pass on the codes of most errors, so they are recognized by their texts. The server's messages are in English if
//! its `lc_messages` is; in other languages they count as errors of the application, and the log has them unchanged.

/// Texts that mean that the server is unavailable, each with an explanation for the operator.
const UNAVAILABLE: [(&str, &str); 19] = [
    ("canceling statement due to statement timeout", "A statement took longer than DATABASE_STATEMENT_TIMEOUT_MS allows"),
    ("canceling statement due to lock timeout", "A statement waited for a lock longer than DATABASE_BUSY_TIMEOUT_MS allows"),
    ("deadlock detected", "Two transactions waited for each other, and PostgreSQL has ended one of them"),
    ("could not serialize access", "Another transaction has changed the same rows"),
    ("too many clients already", "PostgreSQL has no connection left: raise its max_connections, or lower DATABASE_POOL_SIZE"),
    (
        "remaining connection slots are reserved",
        "PostgreSQL has no connection left: raise its max_connections, or lower DATABASE_POOL_SIZE",
    ),
    ("too many connections for", "PostgreSQL has no connection left for this user or database: raise its CONNECTION LIMIT"),
    ("the database system is starting up", "PostgreSQL is starting"),
    ("the database system is not yet accepting connections", "PostgreSQL is starting"),
    ("the database system is shutting down", "PostgreSQL is stopping"),
    ("the database system is in recovery mode", "PostgreSQL is recovering from a crash"),
    ("terminating connection", "PostgreSQL has ended the connection"),
    ("server closed the connection unexpectedly", "PostgreSQL has ended the connection"),
    ("no connection to the server", "PostgreSQL has ended the connection"),
    ("could not extend file", "The disk of PostgreSQL is full"),
    ("No space left on device", "The disk of PostgreSQL is full"),
    ("out of memory", "PostgreSQL has no memory left"),
    ("out of shared memory", "PostgreSQL has no memory left"),
    ("cannot execute", "The database may not be written now: it is a standby, or read-only"),
];

/// Returns an explanation for the operator if the server is unavailable, and `None` if the application caused the error.
pub(crate) fn unavailable(message: &str) -> Option<&'static str> {
    let (_, meaning) = UNAVAILABLE.iter().find(|(text, _)| message.contains(text))?;
    // "cannot execute INSERT in a read-only transaction", and nothing else that cannot be executed.
    (!message.contains("cannot execute") || message.contains("read-only transaction") || message.contains("during recovery"))
        .then_some(*meaning)
}

/// Returns what to do if the first connection fails.
pub(crate) fn remedy_at_start(message: &str) -> &'static str {
    const REMEDIES: [(&str, &str); 21] = [
        (
            "no pg_hba.conf entry",
            "The server does not let this user in from here; its pg_hba.conf says who may come. Without TLS it may want ?sslmode=require at the end of DATABASE_URL",
        ),
        (
            "certificate verify failed",
            "The certificate of the server was not issued by an authority that sslrootcert names, or it has expired. Name the certificate of the right authority at the end of DATABASE_URL: sslrootcert=/path/to/ca.pem",
        ),
        (
            "does not match host name",
            "The certificate of the server is for another host. Write that host in DATABASE_URL, or have a certificate issued for this one",
        ),
        (
            "root certificate file",
            "sslmode=verify-full needs the certificate of the authority that the server's was issued by. Name its file at the end of DATABASE_URL: sslrootcert=/path/to/ca.pem",
        ),
        (
            "connection requires a valid client certificate",
            "The server wants a certificate of this user. Name a file that exists at the end of DATABASE_URL: sslcert=/path/to/client.pem&sslkey=/path/to/client-key.pem",
        ),
        (
            "certificate authentication failed",
            "The certificate that sslcert names was issued for another user. Correct the user in DATABASE_URL, or sslcert and sslkey",
        ),
        (
            "alert unknown ca",
            "The server does not trust the authority that has issued the certificate in sslcert. Use a certificate that it trusts, or add the authority to ssl_ca_file of the server",
        ),
        ("private key file", "Correct sslkey at the end of DATABASE_URL. Only the owner may read the file: chmod 600"),
        ("certificate file", "Correct sslcert at the end of DATABASE_URL: it names a PEM file with the certificate of this user"),
        (
            "server does not support SSL",
            "The server has no TLS. Turn it on there (ssl = on), or write ?sslmode=disable at the end of DATABASE_URL if the network is private",
        ),
        ("password authentication failed", "The user or the password in DATABASE_URL is wrong"),
        ("no password supplied", "DATABASE_URL has no password: postgres://user:password@host/database"),
        (
            "Peer authentication failed",
            "The server wants another user on its local socket; name a host: postgres://user:password@localhost/database",
        ),
        ("role \"", "Correct the user in DATABASE_URL, or make it: createuser --pwprompt NAME"),
        ("database \"", "Correct the name at the end of DATABASE_URL, or make the database: createdb NAME"),
        ("could not translate host name", "Correct the host in DATABASE_URL"),
        ("SSL", "TLS is set by sslmode at the end of DATABASE_URL: ?sslmode=disable, require, or verify-full with sslrootcert"),
        ("invalid URI query parameter", "Correct the parameters after the ? in DATABASE_URL"),
        ("Connection refused", "Start the PostgreSQL server, or correct host and port in DATABASE_URL"),
        ("timeout expired", "The server did not answer within DATABASE_CONNECT_TIMEOUT_SECONDS. Correct host and port in DATABASE_URL"),
        (
            "No such file or directory",
            "Start the PostgreSQL server, or name the host in DATABASE_URL: postgres://user:password@localhost/database",
        ),
    ];
    if let Some(meaning) = unavailable(message) {
        return meaning;
    }
    let found = REMEDIES.iter().find(|(text, _)| message.contains(text)).map(|(_, remedy)| *remedy);
    found.unwrap_or("It is named by DATABASE_URL in settings.toml or the environment")
}
