use lback::prelude::*;

#[derive(Model, Clone, Debug)]
pub struct Post {
    pub id: i64,
    pub title: String,
}

#[derive(Model, Clone, Debug)]
#[model(table = "posts")]
pub struct Entry {
    pub id: i64,
}

fn main() {}
