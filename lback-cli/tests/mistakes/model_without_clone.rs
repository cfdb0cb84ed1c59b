use lback::prelude::*;

#[derive(Model, Debug)]
pub struct Post {
    pub id: i64,
    pub title: String,
}

fn main() {}
