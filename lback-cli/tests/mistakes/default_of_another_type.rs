use lback::prelude::*;

#[derive(Model, Clone, Debug)]
pub struct Post {
    pub id: i64,
    #[model(default = "none")]
    pub views: i32,
}

fn main() {}
