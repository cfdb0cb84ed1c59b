fn main() {
    // Release builds contain the migrations.
    println!("cargo:rerun-if-changed=migrations");
}
