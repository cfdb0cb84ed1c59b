// errors: 2
// one says: no field `titel` on type `&Post`

use lback::prelude::*;

#[derive(Model, Clone, Debug)]
pub struct Post {
    pub id: i64,
    pub title: String,
}

#[derive(Form)]
#[form(model = Post)]
struct PostForm {
    titel: String,
}
