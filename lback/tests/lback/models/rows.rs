//! Rows: created, found, and what fields of each type become.

use lback::chrono::TimeDelta;
use lback::prelude::*;

use super::{
    AddCountry, Author, Country, Everything, Follow, NewAuthor, NewEverything, NewFollow, NewPost, Post, State, author, client, post,
    posts, start,
};
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_row_is_returned_as_the_database_has_it,
    values_of_every_type_survive,
    a_row_that_does_not_exist_is_a_404,
    rows_are_found_by_their_keys,
    many_rows_are_inserted_at_once,
    a_missing_reference_is_named,
    keys_may_be_texts_or_several_columns,
    diesel_reads_and_compares_fields,
);

fn a_row_is_returned_as_the_database_has_it(on: &str) {
    client(on).db(|db| -> Result<()> {
        let alice = author(db, "alice");
        let created = Post::create(db, post(&alice, "first"))?;
        assert_eq!((created.state, created.version, created.extra.clone()), (State::Draft, 1, None));
        // By the application's clock, and as precise as the database.
        assert_eq!((created.created_at, created.updated_at), (start(), start()));
        assert_eq!(Post::find(db, created.id)?, created);
        assert_eq!(created.key(), created.id);
        Ok(())
    });
}

fn values_of_every_type_survive(on: &str) {
    client(on).db(|db| -> Result<()> {
        let new = NewEverything {
            small: i16::MIN,
            large: i64::MAX,
            single: 0.1,
            double: 1e300,
            bytes: vec![0, 255, 39],
            day: "2024-02-29".parse().unwrap(),
            hour: "23:59:59.999999".parse().unwrap(),
            local: "1969-12-31T23:59:59.5".parse().unwrap(),
            moment: start(),
            length: TimeDelta::microseconds(-1),
            json: Json(vec![("a'b".to_owned(), -1)]),
            ..Default::default()
        };
        assert_eq!((new.medium, new.flag, new.maybe_text.as_deref()), (-3, true, Some("none")));
        let mut row = Everything::create(db, new.clone())?;
        let found = Everything::find(db, row.id)?;
        assert_eq!(found, row);
        assert_eq!((found.small, found.large, found.single, found.double), (i16::MIN, i64::MAX, 0.1, 1e300));
        assert_eq!((found.bytes, found.day, found.hour, found.local), (new.bytes, new.day, new.hour, new.local));
        assert_eq!((found.moment, found.length, found.json), (new.moment, new.length, new.json));
        assert_eq!((found.maybe_moment, found.maybe_length, found.maybe_state), (None, None, None));

        row.maybe_moment = Some(start());
        row.maybe_length = Some(TimeDelta::days(365));
        row.maybe_state = Some(State::InReview);
        row.maybe_text = None;
        let expected = row.clone();
        row.save(db)?;
        assert_eq!((&row, &Everything::find(db, row.id)?), (&expected, &expected));
        // The typed columns read the same.
        assert_eq!(Everything::query().first::<Everything>(db)?, expected);
        Ok(())
    });
}

fn a_row_that_does_not_exist_is_a_404(on: &str) {
    client(on).db(|db| -> Result<()> {
        assert_eq!(Post::find(db, 1).unwrap_err().status(), 404);
        assert!(!Post::exists(db, 1)?);
        let alice = author(db, "alice");
        assert!(Author::exists(db, alice.id)?);
        Ok(())
    });
}

fn rows_are_found_by_their_keys(on: &str) {
    client(on).db(|db| -> Result<()> {
        let names: Vec<String> = (0..3000).map(|number| format!("author {number}")).collect();
        let new = names.iter().map(|name| NewAuthor { name: name.clone(), ..Default::default() });
        assert_eq!(Author::create_many(db, new)?, 3000);
        let first: Author = Author::query().filter(super::authors::name.eq("author 0")).first(db)?;
        let found = Author::find_many(db, first.id..first.id + 5000)?;
        assert_eq!(found.len(), 3000);
        assert_eq!(found[&(first.id + 7)].name, "author 7");
        assert!(Author::find_many(db, [])?.is_empty());
        Ok(())
    });
}

fn many_rows_are_inserted_at_once(on: &str) {
    client(on).db(|db| -> Result<()> {
        let alice = author(db, "alice");
        let rows = |prefix: &str| (0..5000).map(|number| post(&alice, &format!("{prefix}{number}"))).collect::<Vec<_>>();
        assert_eq!(Post::create_many(db, rows("p"))?, 5000);
        // All or none.
        let mut second = rows("q");
        second[4999].slug = "p0".to_owned();
        assert!(Post::create_many(db, second).is_err());
        assert_eq!(posts::table.count().get_result::<i64>(db)?, 5000);
        assert_eq!(Post::create_many(db, [])?, 0);
        Ok(())
    });
}

fn a_missing_reference_is_named(on: &str) {
    client(on).db(|db| -> Result<()> {
        let error = Post::create(db, NewPost { title: "t".into(), ..Default::default() }).unwrap_err();
        assert!(error.to_string().contains("set author_id"), "{error}");
        Ok(())
    });
}

fn keys_may_be_texts_or_several_columns(on: &str) {
    client(on).db(|db| -> Result<()> {
        let mut country = Country::create(db, AddCountry { code: "de".into(), name: "Germany".into() })?;
        country.name = "Deutschland".into();
        country.save(db)?;
        assert_eq!(Country::find(db, "de".into())?.name, "Deutschland");
        assert_eq!(Country::find_many(db, ["de".to_owned(), "'; --".to_owned()])?.len(), 1);

        let (alice, bob) = (author(db, "alice"), author(db, "bob"));
        let mut follow = Follow::create(db, NewFollow { follower_id: alice.id, followed_id: bob.id })?;
        // There is nothing to write but the key.
        follow.save(db)?;
        assert_eq!(Follow::find(db, (alice.id, bob.id))?, follow);
        assert_eq!(Follow::find_many(db, [(alice.id, bob.id), (bob.id, alice.id)])?.len(), 1);
        follow.clone().delete(db)?;
        assert_eq!(follow.save(db).unwrap_err().status(), 409);
        Ok(())
    });
}

fn diesel_reads_and_compares_fields(on: &str) {
    client(on).db(|db| -> Result<()> {
        let alice = author(db, "alice");
        for (slug, state) in [("a", State::Draft), ("b", State::Published), ("c", State::InReview)] {
            Post::create(db, NewPost { state, published_at: Some(start()), ..post(&alice, slug) })?;
        }
        let shown = posts::table.filter(posts::state.eq_any([State::Published, State::InReview]));
        let slugs: Vec<(String, State)> = shown.order(posts::slug).select((posts::slug, posts::state)).load(db)?;
        assert_eq!(slugs, [("b".to_owned(), State::Published), ("c".to_owned(), State::InReview)]);

        let joined = posts::table.inner_join(super::authors::table).filter(super::authors::name.eq("alice"));
        let rows: Vec<(Post, Author)> = joined.select((Post::as_select(), Author::as_select())).load(db)?;
        assert_eq!(rows.len(), 3);

        // Moments are compared with columns as they are.
        let earlier = posts::table.filter(posts::created_at.le(start()).and(posts::published_at.eq(start())));
        assert_eq!(earlier.count().get_result::<i64>(db)?, 3);
        diesel::update(posts::table.filter(posts::slug.eq("a"))).set(posts::state.eq(State::Published)).execute(db)?;
        assert!(posts::table.filter(posts::state.eq(State::Draft)).exists(db).is_ok_and(|found| !found));
        Ok(())
    });
}
