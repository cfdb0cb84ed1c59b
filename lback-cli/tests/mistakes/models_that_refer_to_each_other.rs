use lback::prelude::*;

#[derive(Model, Clone, Debug)]
pub struct Author {
    pub id: i64,
    #[model(references = Post)]
    pub best_post_id: Option<i64>,
}

#[derive(Model, Clone, Debug)]
pub struct Post {
    pub id: i64,
    #[model(references = Author)]
    pub author_id: i64,
}

fn main() {}
