use lback::prelude::*;

#[derive(Choices, Clone, Debug, Default, PartialEq)]
pub enum State {
    #[default]
    Draft,
    Published(String),
}

fn main() {}
