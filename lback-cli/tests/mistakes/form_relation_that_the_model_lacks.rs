
use lback::prelude::*;

#[derive(Model, Clone, Debug)]
pub struct Post {
    pub id: i64,
    pub title: String,
}

#[derive(Form)]
#[form(model = Post)]
struct PostForm {
    title: String,
    tags: Vec<i64>,
}

fn main() {}
