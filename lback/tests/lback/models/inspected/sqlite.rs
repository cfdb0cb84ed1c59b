use lback::chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use lback::prelude::*;

#[derive(Model, Clone, Debug)]
#[model(table = "authors", unmanaged)]
pub struct Author {
    pub id: i64,
    #[model(max_length = 50, unique)]
    pub name: String,
    #[model(column = "type")]
    pub type_: Option<String>,
    pub born: Option<NaiveDate>,
    #[model(default = 0.5)]
    pub rate: f64,
}

#[derive(Model, Clone, Debug)]
#[model(table = "iso countries", module = iso_countries, unmanaged)]
pub struct IsoCountry {
    #[model(primary_key)]
    pub code: String,
    #[model(column = "the name", default = "it's \"new\"")]
    pub the_name: String,
}

#[derive(Model, Clone, Debug)]
#[model(table = "measures", unmanaged)]
pub struct Measure {
    pub id: i64,
    // price: no field has the type NUMERIC(10, 2). As long as the model is unmanaged, the column stays.
    #[model(max_digits = 6, decimal_places = 3, default = 0.500)]
    pub weight: Decimal,
    // place: no field has the type POINT. As long as the model is unmanaged, the column stays.
}

#[derive(Choices, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PostState {
    #[choice(value = "A B")]
    AB,
    #[default]
    Draft,
    InReview,
}

#[derive(Model, Clone, Debug)]
#[model(
    table = "posts",
    unmanaged,
    unique(author_id, title),
    index(created_at, condition = "state = 'draft'"),
    check(small_is_small = "small < 100")
)]
pub struct Post {
    #[model(column = "post_id")]
    pub id: i64,
    #[model(references = Author, on_delete = cascade)]
    pub author_id: i64,
    #[model(references = Author)]
    pub editor: Option<i64>,
    #[model(references = Self, on_delete = set_null)]
    pub parent_id: Option<i64>,
    #[model(max_length = 120, index)]
    pub title: String,
    #[model(default = PostState::Draft)]
    pub state: PostState,
    #[model(default = false)]
    pub flag: bool,
    #[model(default = -3)]
    pub small: i16,
    pub data: Option<Vec<u8>>,
    pub created_at: NaiveDateTime,
    pub length: Option<NaiveTime>,
}

#[derive(Model, Clone, Debug)]
#[model(table = "pairs", unmanaged)]
pub struct Pair {
    #[model(primary_key, references = Post, on_delete = cascade)]
    pub post_id: i64,
    #[model(primary_key, references = IsoCountry)]
    pub code: String,
}

// The table "without_key" has no primary key, which a model needs.
