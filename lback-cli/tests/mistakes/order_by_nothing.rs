use lback::prelude::*;

#[derive(Model, Clone, Debug)]
#[model(order = "-created_at")]
pub struct Post {
    pub id: i64,
    pub title: String,
}

fn main() {}
