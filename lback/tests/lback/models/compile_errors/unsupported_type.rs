// errors: 12
// one says: a field of a model cannot be of type `Point`

use lback::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point(i32, i32);

#[derive(Model, Clone, Debug)]
pub struct Place {
    pub id: i64,
    pub name: String,
    pub point: Point,
}
