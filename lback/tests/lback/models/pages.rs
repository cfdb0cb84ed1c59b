//! Pages of queries.

use lback::prelude::*;

use super::{Author, NewAuthor, authors, client};
use crate::unit_of_work::on_each_database;

on_each_database!(a_query_is_divided_into_pages, a_page_of_nothing_is_empty,);

fn a_query_is_divided_into_pages(on: &str) {
    client(on).db(|db| -> Result<()> {
        let new = (1..=45).map(|number| NewAuthor { name: format!("a{number:02}"), ..Default::default() });
        Author::create_many(db, new)?;
        let page = |db: &mut Db, number| {
            Author::query().order(authors::name).page(db, number, 20).map(|page: Page<Author>| page.map(|author| author.name))
        };
        let second = page(db, 2)?;
        assert_eq!((second.number, second.pages, second.total, second.items.len()), (2, 3, 45, 20));
        assert_eq!(second.items[0], "a21");
        // Before the first is the first, and after the last is the last.
        assert_eq!(page(db, 0)?, page(db, 1)?);
        assert_eq!((page(db, u32::MAX)?.number, page(db, u32::MAX)?.items.len()), (3, 5));

        // A join, some columns, a filter.
        let names = authors::table.filter(authors::name.gt("a40")).select(authors::name).order(authors::name.desc());
        let page: Page<String> = names.page(db, 1, 2)?;
        assert_eq!((page.items, page.pages, page.total), (vec!["a45".to_owned(), "a44".to_owned()], 3, 5));
        assert!(Author::query().exists(db)?);
        assert!(!authors::table.filter(authors::name.eq("nobody")).exists(db)?);
        Ok(())
    });
}

fn a_page_of_nothing_is_empty(on: &str) {
    client(on).db(|db| -> Result<()> {
        let page: Page<Author> = Author::query().page(db, 7, 0)?;
        assert_eq!((page.number, page.pages, page.total, page.items.len()), (1, 1, 0, 0));
        Ok(())
    });
}
