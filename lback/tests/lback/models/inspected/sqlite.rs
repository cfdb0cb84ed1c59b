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

// The database has index(id, condition = "weight > 5000"), but a condition with a Decimal cannot contain numbers.
// The database has check(light = "weight < 9500"), but a condition with a Decimal cannot contain numbers. Use `min` and `max` of the field.
#[derive(Model, Clone, Debug)]
#[model(table = "measures", unmanaged, check(weight_is_positive = "weight >= 0"))]
pub struct Measure {
    pub id: i64,
    // price: no field has the type NUMERIC(10, 2). As long as the model is unmanaged, the column stays.
    #[model(max_digits = 6, decimal_places = 3, default = 0.500)]
    pub weight: Decimal,
    // place: no field has the type POINT. As long as the model is unmanaged, the column stays.
}

#[derive(Model, Clone, Debug)]
#[model(table = "new_posts", unmanaged)]
pub struct NewPost2 {
    pub id: i64,
}

#[derive(Model, Clone, Debug)]
#[model(table = "options", unmanaged)]
pub struct Option2 {
    pub id: i64,
    pub string_id: Option<i64>,
}

#[derive(Model, Clone, Debug)]
#[model(table = "post_states", unmanaged)]
pub struct PostState {
    pub id: i64,
    pub name: String,
}

#[derive(Choices, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PostState2 {
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
    #[model(default = PostState2::Draft)]
    pub state: PostState2,
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

#[derive(Model, Clone, Debug)]
#[model(table = "strings", unmanaged)]
pub struct String2 {
    pub id: i64,
    pub text: Option<String>,
}

// The table "without_key" has no primary key, which a model needs.
