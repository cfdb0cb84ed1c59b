//! The `lback` command. It will make projects and run them; for now it says where to begin.

const HELP: &str = "\
lback, the command line of the Lback web framework.

Usage: lback [--help | --version]

Making and running projects comes in the next release. Until then, begin with the
example: cargo run -p session-demo. A project's own binary has the commands serve,
migrate, rollback, showmigrations, routes and clearsessions; `help` lists them.";

fn main() {
    match std::env::args().nth(1).as_deref() {
        None | Some("--help" | "-h" | "help") => println!("{HELP}"),
        Some("--version" | "-V") => println!("lback {}", env!("CARGO_PKG_VERSION")),
        Some(other) => {
            eprintln!("error: there is no command \"{other}\" yet\n\n{HELP}");
            std::process::exit(2);
        }
    }
}
