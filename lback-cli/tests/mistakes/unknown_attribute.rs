use lback::prelude::*;

#[derive(Model, Clone, Debug)]
pub struct Post {
    pub id: i64,
    #[model(max_len = 120)]
    pub title: String,
}

fn main() {}
