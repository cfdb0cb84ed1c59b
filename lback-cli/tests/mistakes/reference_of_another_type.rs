use lback::prelude::*;

#[derive(Model, Clone, Debug)]
pub struct Author {
    pub id: i64,
    pub name: String,
}

#[derive(Model, Clone, Debug)]
pub struct Post {
    pub id: i64,
    #[model(references = Author)]
    pub author_id: i32,
}

fn main() {}
