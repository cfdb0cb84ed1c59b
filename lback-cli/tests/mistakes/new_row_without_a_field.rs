use lback::prelude::*;

#[derive(Model, Clone, Debug)]
pub struct Post {
    pub id: i64,
    pub title: String,
    pub text: String,
}

pub fn add(db: &mut Db) -> Result<Post> {
    Post::create(db, NewPost { title: String::new() })
}

fn main() {}
