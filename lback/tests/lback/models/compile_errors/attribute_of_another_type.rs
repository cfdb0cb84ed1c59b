// errors: 1
// one says: are for a `String`, not for `i64`

use lback::prelude::*;

#[derive(Model, Clone, Debug)]
pub struct Article {
    pub id: i64,
    #[model(max_length = 5)]
    pub stock: i64,
}
