use lback::prelude::*;

#[derive(Model, Clone, Debug)]
pub struct Seat {
    #[model(primary_key)]
    pub row: i32,
    #[model(primary_key)]
    pub number: i32,
}

#[derive(Model, Clone, Debug)]
pub struct Post {
    pub id: i64,
    #[model(references = Seat)]
    pub seat_id: i32,
}

fn main() {}
