//! Rebuilds the program when a migration changes, because release builds contain the migrations.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
