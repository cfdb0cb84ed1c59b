//! Rows that refer to each other, of many rows with one query.

use lback::prelude::*;

use super::{Author, NewAuthor, NewPerson, NewPost, NewTag, Person, Post, Tag, author, client, post, start, titles};
use crate::unit_of_work::on_each_database;

on_each_database!(
    rows_of_many_come_with_one_query,
    the_other_side_of_many_to_many_is_set_added_and_removed,
    a_row_is_linked_to_rows_of_its_own_table,
    rows_that_are_given_twice_get_the_same_twice,
    nulls_are_the_smallest_on_both_databases,
);

fn rows_of_many_come_with_one_query(on: &str) {
    client(on).db(|db| -> Result<()> {
        let alice = author(db, "alice");
        let bob = Author::create(db, NewAuthor { name: "bob".into(), mentor_id: Some(alice.id) })?;
        let carol = author(db, "carol");
        for (author, slug) in [(&alice, "b"), (&bob, "c"), (&alice, "a")] {
            Post::create(db, post(author, slug))?;
        }
        let posts = Post::query().order(super::posts::id).load::<Post>(db)?;
        let authors = Post::author_of(db, &posts)?;
        assert_eq!(authors.iter().map(|author| author.name.as_str()).collect::<Vec<_>>(), ["alice", "bob", "alice"]);
        assert_eq!(posts[1].author(db)?, bob);

        let by_author = Post::by_author(db, &[carol, alice.clone(), bob.clone(), alice.clone()])?;
        // In the order of the model.
        let all: Vec<_> = by_author.iter().map(|posts| titles(posts)).collect();
        assert_eq!(all, [vec![], vec!["A", "B"], vec!["C"], vec!["A", "B"]]);

        assert_eq!(Author::mentor_of(db, &[alice.clone(), bob.clone()])?, [None, Some(alice.clone())]);
        assert_eq!((bob.mentor(db)?, alice.mentor(db)?), (Some(alice.clone()), None));
        assert_eq!(Author::by_mentor(db, &[bob.clone(), alice])?, [vec![], vec![bob]]);
        Ok(())
    });
}

fn the_other_side_of_many_to_many_is_set_added_and_removed(on: &str) {
    client(on).db(|db| -> Result<()> {
        let alice = author(db, "alice");
        let (first, second) = (Post::create(db, post(&alice, "first"))?, Post::create(db, post(&alice, "second"))?);
        let tags = ["rust", "web", "db"].map(|name| Tag::create(db, NewTag { name: name.into() }).unwrap());
        let [rust, web, db_tag] = tags.each_ref().map(|tag| tag.id);
        let names = |tags: &[Tag]| tags.iter().map(|tag| tag.name.clone()).collect::<Vec<_>>();

        first.set_tags(db, &[web, rust, web])?;
        assert_eq!(names(&first.tags(db)?), ["rust", "web"]);
        first.add_tags(db, &[db_tag, rust])?;
        second.add_tags(db, &[rust])?;
        let of_both = Post::tags_of(db, &[second.clone(), first.clone()])?;
        assert_eq!(of_both.iter().map(|tags| names(tags)).collect::<Vec<_>>(), [vec!["rust"], vec!["db", "rust", "web"]]);
        first.remove_tags(db, &[web, db_tag, 99])?;
        assert_eq!(names(&first.tags(db)?), ["rust"]);
        first.set_tags(db, &[])?;
        assert!(first.tags(db)?.is_empty());
        assert_eq!(second.tags(db)?.len(), 1);
        // Nothing is lost if one of them does not exist.
        assert!(second.set_tags(db, &[web, 99]).is_err());
        assert_eq!(names(&second.tags(db)?), ["rust"]);
        Ok(())
    });
}

fn a_row_is_linked_to_rows_of_its_own_table(on: &str) {
    client(on).db(|db| -> Result<()> {
        let [a, b, c] = ["a", "b", "c"].map(|name| Person::create(db, NewPerson { name: name.into(), ..Default::default() }).unwrap());
        a.set_friends(db, &[b.id, c.id])?;
        assert_eq!(Person::friends_of(db, &[a.clone(), b.clone()])?, [vec![b.clone(), c.clone()], vec![]]);
        let of_type = Person::create(db, NewPerson { type_id: Some(a.id), ..Default::default() })?;
        assert_eq!(of_type.r#type(db)?, Some(a.clone()));
        // Links end with either row.
        c.delete(db)?;
        assert_eq!(a.friends(db)?, [b]);
        assert!(!format!("{:?}", NewPerson { secret: "hash".into(), ..Default::default() }).contains("hash"));
        Ok(())
    });
}

fn rows_that_are_given_twice_get_the_same_twice(on: &str) {
    client(on).db(|db| -> Result<()> {
        let new = (0..1100).map(|number| NewAuthor { name: format!("a{number:04}"), ..Default::default() });
        Author::create_many(db, new)?;
        let mut authors: Vec<Author> = Author::ordered().load(db)?;
        let first = authors[0].clone();
        let tag = Tag::create(db, NewTag { name: "rust".into() })?;
        let mut written = Post::create(db, post(&first, "first"))?;
        written.add_tags(db, &[tag.id])?;
        // The first again, far behind.
        authors.push(first);
        let of_each = Post::by_author(db, &authors)?;
        assert_eq!((of_each.len(), of_each[0].len(), of_each[1].len(), of_each[1100].len()), (1101, 1, 0, 1));
        written.body = "changed".into();
        let twice = Post::tags_of(db, &[written.clone(), written])?;
        assert_eq!(twice, [vec![tag.clone()], vec![tag]]);
        Ok(())
    });
}

fn nulls_are_the_smallest_on_both_databases(on: &str) {
    client(on).db(|db| -> Result<()> {
        let alice = author(db, "alice");
        for (slug, published_at) in [("draft", None), ("old", Some(start())), ("new", Some(start() + std::time::Duration::from_secs(1)))] {
            Post::create(db, NewPost { published_at, ..post(&alice, slug) })?;
        }
        // `-published_at`
        assert_eq!(titles(&Post::ordered().load::<Post>(db)?), ["NEW", "OLD", "DRAFT"]);
        assert_eq!(titles(&Post::by_author(db, &[alice])?[0]), ["NEW", "OLD", "DRAFT"]);
        Ok(())
    });
}
