// errors: 1
// one says: `State: std::default::Default` is not satisfied

use lback::prelude::*;

#[derive(Choices, Clone, Copy, Debug, PartialEq)]
pub enum State {
    Draft,
    Published,
}

#[derive(Model, Clone, Debug)]
pub struct Post {
    pub id: i64,
    pub state: State,
}
