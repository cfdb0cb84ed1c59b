//! Rows that are changed: versions, conflicts, and rows that exist already.

use std::time::Duration;

use lback::prelude::*;

use super::{Author, NewAuthor, NewPerson, NewPost, Person, Post, State, author, authors, client, post, posts, start};
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_save_counts_the_version_and_the_time,
    a_row_that_was_changed_in_the_meantime_is_a_conflict,
    an_upsert_inserts_or_updates,
    a_row_is_got_or_created,
    columns_that_are_not_unique_are_refused,
    deleting_follows_the_references,
);

fn a_save_counts_the_version_and_the_time(on: &str) {
    let client = client(on);
    let mut saved = client.db(|db| -> Result<Post> {
        let alice = author(db, "alice");
        Post::create(db, post(&alice, "first"))
    });
    client.clock().advance(Duration::from_secs(60));
    client.db(|db| -> Result<()> {
        saved.title = "Second".into();
        saved.created_at = start() + Duration::from_secs(5);
        saved.save(db)?;
        assert_eq!((saved.version, saved.title.as_str()), (2, "Second"));
        assert_eq!((saved.created_at, saved.updated_at), (start(), start() + Duration::from_secs(60)));
        assert_eq!(Post::find(db, saved.id)?, saved);
        Ok(())
    });
}

fn a_row_that_was_changed_in_the_meantime_is_a_conflict(on: &str) {
    client(on).db(|db| -> Result<()> {
        let alice = author(db, "alice");
        let mut mine = Post::create(db, post(&alice, "first"))?;
        let mut theirs = mine.clone();
        theirs.save(db)?;
        let error = mine.save(db).unwrap_err();
        assert_eq!(error.status(), 409);
        assert!(error.to_string().contains("posts was changed or deleted"), "{error}");
        assert_eq!(mine.clone().delete(db).unwrap_err().status(), 409);
        theirs.delete(db)?;
        assert_eq!(posts::table.count().get_result::<i64>(db)?, 0);
        Ok(())
    });
}

fn an_upsert_inserts_or_updates(on: &str) {
    client(on).db(|db| -> Result<()> {
        let (alice, bob) = (author(db, "alice"), author(db, "bob"));
        let first = Post::upsert(db, post(&alice, "first"), &["slug"])?;
        let second = Post::upsert(db, NewPost { state: State::InReview, ..post(&bob, "first") }, &["slug"])?;
        assert_eq!((second.id, second.version, second.author_id, second.state), (first.id, 2, bob.id, State::InReview));
        let by_two = Post::upsert(db, NewPost { slug: "other".into(), ..post(&bob, "first") }, &["title", "author_id"])?;
        assert_eq!((by_two.id, by_two.version, by_two.slug.as_str()), (first.id, 3, "other"));
        // Nothing but the unique column.
        let again = Author::upsert(db, NewAuthor { name: "alice".into(), mentor_id: Some(bob.id) }, &["name"])?;
        assert_eq!((again.id, again.mentor_id), (alice.id, Some(bob.id)));
        Ok(())
    });
}

fn a_row_is_got_or_created(on: &str) {
    client(on).db(|db| -> Result<()> {
        let new = || NewAuthor { name: "alice".into(), ..Default::default() };
        let (created, is_new) = Author::get_or_create(db, new(), &["name"])?;
        assert!(is_new);
        let (found, is_new) = Author::get_or_create(db, new(), &["name"])?;
        assert_eq!((found, is_new), (created, false));
        assert_eq!(authors::table.count().get_result::<i64>(db)?, 1);
        Ok(())
    });
}

fn columns_that_are_not_unique_are_refused(on: &str) {
    client(on).db(|db| -> Result<()> {
        let alice = author(db, "alice");
        let nobody = || NewPerson { code: None, ..Default::default() };
        assert!(Person::get_or_create(db, nobody(), &["code"]).unwrap_err().to_string().contains("code is None"));
        assert!(Person::upsert(db, nobody(), &["id"]).unwrap_err().to_string().contains("filled in automatically"));
        for (columns, says) in [
            (&["title"][..], "#[model(unique)]"),
            (&["titel"], "no field titel"),
            (&[], "may have the same"),
            (&["slug\") DO NOTHING; --"], "no field"),
            (&["slug` = ''"], "no field"),
            (&["posts.slug"], "no field"),
        ] {
            let error = Post::upsert(db, post(&alice, "first"), columns).unwrap_err();
            assert!(error.to_string().contains(says), "{columns:?}: {error}");
        }
        Ok(())
    });
}

fn deleting_follows_the_references(on: &str) {
    client(on).db(|db| -> Result<()> {
        let alice = author(db, "alice");
        let bob = Author::create(db, NewAuthor { name: "bob".into(), mentor_id: Some(alice.id) })?;
        Post::create(db, post(&alice, "first"))?;
        alice.delete(db)?;
        assert_eq!(posts::table.count().get_result::<i64>(db)?, 0);
        assert_eq!(Author::find(db, bob.id)?.mentor_id, None);
        Ok(())
    });
}
