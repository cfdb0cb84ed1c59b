use lback::prelude::*;

#[derive(Model, Clone, Debug)]
pub struct Post {
    pub id: i64,
    pub title: String,
}

#[derive(Form)]
#[form(model = Post)]
pub struct PostForm {
    pub title: i64,
}

fn main() {}
