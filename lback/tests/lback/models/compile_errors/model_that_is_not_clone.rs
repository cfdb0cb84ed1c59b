// errors: 5
// one says: the trait bound `Post: Clone` is not satisfied

use lback::prelude::*;

#[derive(Model, Debug)]
pub struct Post {
    pub id: i64,
}
