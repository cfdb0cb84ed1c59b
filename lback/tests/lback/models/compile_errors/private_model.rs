// errors: 1
// one says: a model must be `pub`, because its table is: write `pub struct Post`

use lback::prelude::*;

#[derive(Model, Clone, Debug)]
struct Post {
    id: i64,
}
