// errors: 4
// one says: mismatched types: expected `&String`, found `&i64`

use lback::prelude::*;

#[derive(Model, Clone, Debug)]
pub struct Country {
    #[model(primary_key)]
    pub code: String,
}

#[derive(Model, Clone, Debug)]
pub struct City {
    pub id: i64,
    #[model(references = Country)]
    pub country_id: i64,
}
