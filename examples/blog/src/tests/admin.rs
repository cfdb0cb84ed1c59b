//! The admin of the blog: a story in Chromium, and the users who may enter.

use lback_test_servers::Browser;

use super::browser::Visitor;
use super::*;
use crate::models::{NewPost, Post, State};

/// Adds posts that are not published yet.
fn add_drafts(client: &Client, author: &User, titles: &[&str]) {
    for title in titles {
        client.db(|db| {
            let body = "Begin at the beginning, the King said gravely.".to_owned();
            let new = NewPost { author_id: author.id, title: (*title).to_owned(), body, ..Default::default() };
            Post::create(db, Post::with_slug(new))
        });
    }
}

/// Adds a superuser.
fn add_king(client: &Client) -> User {
    client.add_user(NewUser::new("king", &client.hash(PASSWORD)).email("king@example.com").staff(true).superuser(true))
}

#[test]
fn only_staff_enter_and_only_with_the_permission() {
    let client = client();
    let author = browser_of(&client, "alice", &["Authors"]);
    client.fork().get("/admin").send().assert_redirect("/account/login?next=/admin");
    author.get("/admin").send().assert_status(403);
    let helper = client.add_user(NewUser::without_password("helper").staff(true));
    let staff = client.fork();
    staff.login(&helper);
    staff.get("/admin").send().assert_status(200);
    staff.get("/admin/posts").send().assert_status(403);
    client.db(|db| helper.grant(db, "posts.view"));
    staff.get("/admin/posts").send().assert_status(200);
    staff.get("/admin/posts/add").send().assert_status(403);
}

#[test]
fn a_bulk_action_is_undone_at_once() {
    let client = client();
    let king = add_king(&client);
    add_drafts(&client, &king, &["One", "Two", "Three"]);
    let admin = client.fork();
    admin.login(&king);
    post(&admin, "/admin/posts", &[("action", "publish"), ("row", "1"), ("row", "2")]).assert_redirect("/admin/posts");
    assert_eq!([state(&client, 1), state(&client, 2), state(&client, 3)], ["published", "published", "draft"]);
    let history = admin.get("/admin/-/history").send();
    let undo = history.text().split("action=\"").find(|part| part.contains("/undo\"")).expect("a form that undoes").to_owned();
    let undo = undo.split('"').next().expect("an address").to_owned();
    post(&admin, &undo, &[]).assert_redirect("/admin/-/history");
    assert_eq!([state(&client, 1), state(&client, 2), state(&client, 3)], ["draft", "draft", "draft"]);
}

#[test]
fn staff_find_edit_and_undo_in_a_browser() {
    let Some(visitor) = Visitor::new() else { return };
    let browser = &visitor.browser;
    let king = add_king(&visitor.blog);
    add_drafts(&visitor.blog, &king, &["Down the rabbit hole", "The pool of tears", "A mad tea party"]);
    visitor.logs_in("king", PASSWORD);
    visitor.open("/admin");
    visitor.sees("admin-index", "Nothing has been changed yet.");
    // Finds a post by a part of its title, with the keyboard alone.
    visitor.open("/admin/posts");
    visitor.sees("admin-list", "A mad tea party");
    browser.press("/");
    browser.press("rabbit");
    browser.press(Browser::ENTER);
    browser.waits("return location.search.includes('q=rabbit')");
    browser.sees("Down the rabbit hole");
    assert!(!browser.text().contains("A mad tea party"), "only one post matches");

    // Edits it. Meanwhile, another user does the same.
    browser.click("Down the rabbit hole");
    browser.sees("Save and continue");
    visitor.blog.db(|db| {
        let mut other = Post::find(db, 1)?;
        other.remark = "Too short.".to_owned();
        other.save(db)
    });
    browser.fill("Title", "Down the rabbit-hole");
    browser.click("Save and continue");
    visitor.sees("admin-conflict", "saved this post after you had opened it");
    let different = browser.run("return [...document.querySelectorAll('.both dt')].map((it) => it.textContent).join()");
    assert_eq!(different, "Title,Remark");
    browser.click("Save and continue");
    browser.sees("has been saved.");
    assert_eq!(visitor.blog.db(|db| Post::find(db, 1)).title, "Down the rabbit-hole");

    // Looks at the change, and undoes it.
    browser.click("History");
    visitor.sees("admin-history", "Down the rabbit hole");
    browser.waits("return document.querySelectorAll('.change form').length > 0");
    browser.run("document.querySelector('.change form button').click(); return ''");
    browser.sees("The change has been undone.");
    assert_eq!(visitor.blog.db(|db| Post::find(db, 1)).title, "Down the rabbit hole");

    // Looks at the preview of a text in Markdown.
    browser.click("Down the rabbit-hole");
    browser.fill("Remark", "Too *short* <b>by far</b>");
    browser.click("Preview");
    browser.waits("return document.querySelector('.preview em')?.textContent === 'short'");
    browser.waits("return document.querySelector('.preview').textContent.includes('<b>by far</b>')");
    visitor.sees("admin-preview", "Preview");
    browser.fill("Remark", "");
    browser.click("Save and continue");
    browser.sees("has been saved.");

    // Adds a post by a new author, whom a dialog adds. The address follows the title.
    visitor.open("/admin/posts/add");
    browser.fill("Title", "Who stole the tarts?");
    browser.waits("return document.querySelector('[name=slug]').value === 'who-stole-the-tarts'");
    browser.fill("Text", "The Queen of Hearts, she made some tarts.");
    browser.click("Add user");
    browser.waits("return !!document.querySelector('dialog.adding form')");
    browser.fill("Username", "king");
    browser.run("document.querySelector('dialog.adding .primary').click(); return ''");
    browser.waits("return !!document.querySelector('dialog.adding .error-summary')");
    visitor.sees("admin-dialog", "Please correct the following:");
    browser.fill("Username", "knave");
    browser.run("document.querySelector('dialog.adding .primary').click(); return ''");
    browser.waits("return !document.querySelector('dialog.adding') && document.activeElement.name === 'author_id'");
    browser.waits("return document.activeElement.selectedOptions[0].text.includes('knave')");
    browser.click("Save and continue");
    browser.sees("has been added.");
    let post = visitor.blog.db(|db| Post::query().filter(crate::models::posts::slug.eq("who-stole-the-tarts")).first::<Post>(db));
    assert_eq!(visitor.blog.db(|db| User::named(db, "knave")).expect("a user").id, post.author_id);

    // The command palette leads to another post.
    visitor.open("/admin");
    browser.sees("Recent changes");
    browser.run("document.dispatchEvent(new KeyboardEvent('keydown', { key: 'k', ctrlKey: true, bubbles: true })); return ''");
    browser.waits("return !!document.querySelector('dialog[open]')");
    browser.press("tears");
    browser.waits("return [...document.querySelectorAll('dialog[open] a, dialog[open] [role=option]')].some(it => it.innerText.includes('The pool of tears'))");
    browser.press(Browser::ENTER);
    browser.sees("Save and continue");
    assert!(browser.url().contains("/admin/posts/row/2"), "{}", browser.url());
}

#[test]
fn staff_filter_publish_undo_export_and_import_in_a_browser() {
    let Some(visitor) = Visitor::new() else { return };
    let browser = &visitor.browser;
    let king = add_king(&visitor.blog);
    add_drafts(&visitor.blog, &king, &["Down the rabbit hole", "The pool of tears", "A mad tea party"]);
    visitor.blog.db(|db| Post::find(db, 3)?.set_state(db, State::Published, ""));
    visitor.logs_in("king", PASSWORD);

    // Narrows the list, and publishes all drafts.
    visitor.open("/admin/posts");
    browser.sees("A mad tea party");
    let choose = "const state = document.querySelector('[name=state]'); state.value = 'draft'";
    browser.run(&format!("{choose}; state.dispatchEvent(new Event('change', {{ bubbles: true }})); return ''"));
    browser.waits("return location.search.includes('state=draft')");
    visitor.sees("admin-filtered", "State: Draft");
    assert!(!browser.text().contains("A mad tea party"), "{}", browser.text());
    browser.run("for (const box of document.querySelectorAll('input[name=row]')) box.click(); return ''");
    browser.run("document.querySelector('[name=action]').value = 'publish'; return ''");
    visitor.sees("admin-selected", "2 of 2 selected");
    browser.click("Run");
    visitor.sees("admin-published", "2 posts are published.");
    assert_eq!([state(&visitor.blog, 1), state(&visitor.blog, 2)], ["published", "published"]);

    // Undoes it at once.
    browser.click("All changes");
    visitor.sees("admin-changes", "The pool of tears");
    browser.run("document.querySelector('.change form button').click(); return ''");
    visitor.sees("admin-undone", "2 changes have been undone.");
    assert_eq!([state(&visitor.blog, 1), state(&visitor.blog, 2), state(&visitor.blog, 3)], ["draft", "draft", "published"]);

    // Exports columns of all posts.
    visitor.open("/admin/posts?columns=id,title&sort=id");
    browser.sees("A mad tea party");
    let link = "document.querySelector('.drop-list a[href*=\"format=csv\"]').href";
    let file = browser.run(&format!("return fetch({link}).then((answer) => answer.text())"));
    assert_eq!(file, "id,title\r\n1,Down the rabbit hole\r\n2,The pool of tears\r\n3,A mad tea party\r\n");

    // Imports the changed file, at first with a mistake.
    browser.click("Import");
    visitor.sees("admin-import", "Check the file");
    browser.fill("Or its text", "id,title\n2,The lake of tears\n3,\n");
    browser.click("Check the file");
    visitor.sees("admin-import-error", "Nothing can be imported yet");
    browser.fill("Or its text", "id,title\n2,The lake of tears\n3,A mad tea party\n");
    browser.click("Check the file");
    visitor.sees("admin-import-preview", "1 changed");
    assert_eq!(visitor.blog.db(|db| Post::find(db, 2)).title, "The pool of tears");
    browser.click("Import 1 row");
    visitor.sees("admin-imported", "The import has changed 1 post.");
    assert_eq!(visitor.blog.db(|db| Post::find(db, 2)).title, "The lake of tears");
}

#[test]
fn pages_of_the_admin_are_accessible() {
    let Some(visitor) = Visitor::new() else { return };
    let browser = &visitor.browser;
    let king = add_king(&visitor.blog);
    add_drafts(&visitor.blog, &king, &["Down the rabbit hole", "The pool of tears"]);
    visitor.open("/account/login?next=/admin");
    browser.sees("Password");
    visitor.is_accessible("login");
    browser.fill("User name or e-mail address", "king");
    browser.fill("Password", PASSWORD);
    browser.press(Browser::ENTER);
    browser.sees("Recent changes");
    let pages = [
        ("/admin", "Recent changes"),
        ("/admin/posts", "The pool of tears"),
        ("/admin/posts?q=nothing", "Clear the filters"),
        ("/admin/posts/add", "Save and continue"),
        ("/admin/posts/row/1", "Save and continue"),
        ("/admin/posts/row/1/history", "History of"),
        ("/admin/posts/row/1/delete", "Cancel"),
        ("/admin/posts/import", "Check the file"),
        ("/admin/auth_users/row/1", "Information"),
        ("/admin/-/info/routes", "Routes"),
    ];
    for width in [390, 1200] {
        browser.resize(width, 800);
        for (path, text) in pages {
            visitor.open(path);
            browser.sees(text);
            visitor.is_accessible(&format!("{path}, {width} pixels wide"));
        }
    }
    visitor.open("/admin/posts");
    browser.sees("The pool of tears");
    let menus: usize = browser.run("return '' + document.querySelectorAll('details').length").parse().unwrap();
    assert!(menus > 2);
    for menu in 0..menus {
        // One at a time, and without the page that it covers.
        let open = format!("document.querySelectorAll('details').forEach((menu, at) => {{ menu.open = at === {menu} }}); return ''");
        browser.run(&open);
        visitor.has_accessible(&format!("menu {menu} of a list"), "details[open]");
    }
    visitor.open("/admin");
    browser.sees("Recent changes");
    browser.run("document.querySelector('[data-opens=palette]').click(); return ''");
    browser.press("tears");
    browser.waits("return document.querySelectorAll('dialog[open] [role=option]').length > 0");
    visitor.is_accessible("the command palette");
    browser.run("document.querySelector('[data-opens=keys]').click(); return ''");
    browser.waits("return !!document.querySelector('#keys[open]')");
    visitor.is_accessible("the list of shortcuts");
}
