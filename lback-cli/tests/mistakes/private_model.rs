use lback::prelude::*;

#[derive(Model, Clone, Debug)]
struct Post {
    pub id: i64,
    pub title: String,
}

fn main() {}
