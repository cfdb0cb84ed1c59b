// errors: 2
// one says: mismatched types: expected `i64`, found `&str`

use lback::prelude::*;

#[derive(Model, Clone, Debug)]
pub struct Post {
    pub id: i64,
    #[model(default = 5)]
    pub title: String,
    #[model(default = "many")]
    pub views: i64,
}
