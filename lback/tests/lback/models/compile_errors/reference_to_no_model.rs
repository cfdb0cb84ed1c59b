// errors: 6
// one says: `Author` is not a model, so no field can refer to it

use lback::prelude::*;

pub struct Author {
    pub id: i64,
}

#[derive(Model, Clone, Debug)]
pub struct Post {
    pub id: i64,
    #[model(references = Author)]
    pub author_id: i64,
}
