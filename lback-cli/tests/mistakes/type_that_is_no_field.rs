use lback::prelude::*;

#[derive(Clone, Debug, Default)]
pub struct Colour(u8);

#[derive(Model, Clone, Debug)]
pub struct Post {
    pub id: i64,
    pub colour: Colour,
}

fn main() {}
