use lback::prelude::*;

pub struct Author;

#[derive(Model, Clone, Debug)]
pub struct Post {
    pub id: i64,
    #[model(references = Author)]
    pub author_id: i64,
}

fn main() {}
