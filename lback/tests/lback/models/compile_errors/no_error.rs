use lback::prelude::*;

#[derive(Model, Clone, Debug)]
pub struct Author {
    pub id: i64,
    pub name: String,
}

#[derive(Model, Clone, Debug)]
#[model(many_to_many(fans: Author))]
pub struct Post {
    pub id: i64,
    #[model(references = Author)]
    pub author_id: i64,
}

#[derive(Form)]
#[form(model = Post)]
struct PostForm {
    author_id: i64,
    fans: Vec<i64>,
}
