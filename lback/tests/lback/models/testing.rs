//! Rows for tests.

use lback::prelude::*;

use super::{Author, Country, Everything, Follow, Post, State, client};
use crate::unit_of_work::on_each_database;

on_each_database!(a_row_is_created_with_what_it_needs,);

fn a_row_is_created_with_what_it_needs(on: &str) {
    let client = client(on);
    let first = client.create::<Post>(|post| post.title = "First".into());
    let second = client.create::<Post>(|post| post.state = State::InReview);
    assert_eq!((first.title.as_str(), first.state, second.state), ("First", State::Draft, State::InReview));
    assert_ne!(first.slug, second.slug);
    assert_ne!(first.author_id, second.author_id);

    let author = client.create::<Author>(|_| {});
    assert_eq!((author.mentor_id, client.create::<Post>(|post| post.author_id = author.id).author_id), (None, author.id));
    assert_ne!(client.create::<Country>(|_| {}).code, client.create::<Country>(|_| {}).code);
    let follow = client.create::<Follow>(|follow| follow.follower_id = author.id);
    assert_ne!(follow.followed_id, author.id);
    client.create::<Everything>(|_| {});
}
