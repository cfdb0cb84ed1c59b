fn main() {
    // The migrations are compiled into release builds.
    println!("cargo:rerun-if-changed=migrations");
}
