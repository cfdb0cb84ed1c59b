use lback::prelude::*;

pub struct Post;

pub fn app() -> App {
    App::new(Router::new()).models(models![Post])
}

fn main() {}
