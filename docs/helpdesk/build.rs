//! Migrations are compiled into release builds; this tells cargo when they have changed.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
