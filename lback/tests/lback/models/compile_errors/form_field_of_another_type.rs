// errors: 1
// one says: this field of the form is a `std::string::String`, but that of the model is a `i64`

use lback::prelude::*;

#[derive(Model, Clone, Debug)]
pub struct Post {
    pub id: i64,
    pub views: i64,
}

#[derive(Form)]
#[form(model = Post)]
struct PostForm {
    views: String,
}
