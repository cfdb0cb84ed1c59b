
use lback::prelude::*;

#[derive(Model, Clone, Debug)]
pub struct Article {
    pub id: i64,
    #[model(max_length = 5)]
    pub stock: i64,
}

fn main() {}
