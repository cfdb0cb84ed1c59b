use lback::prelude::*;

pub struct Tag;

#[derive(Model, Clone, Debug)]
#[model(many_to_many(tags: Tag))]
pub struct Post {
    pub id: i64,
    pub title: String,
}

fn main() {}
