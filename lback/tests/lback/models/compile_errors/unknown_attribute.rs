// errors: 1
// one says: unknown attribute `maxlength`; a field of a model can have primary_key

use lback::prelude::*;

#[derive(Model, Clone, Debug)]
pub struct Post {
    pub id: i64,
    #[model(maxlength = 100)]
    pub title: String,
}
