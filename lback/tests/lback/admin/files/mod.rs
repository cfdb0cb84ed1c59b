//! Files and images: uploads, previews and downloads, and which files stay.

mod hostile;
mod inlines;
mod orphans;

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    an_image_is_uploaded_shown_replaced_and_cleared,
    a_row_that_is_not_saved_leaves_no_file,
    an_undo_and_a_copy_find_their_files,
    a_form_that_comes_too_late_asks_for_the_file_again,
    lists_show_thumbnails,
    inlines_have_files,
    the_password_does_not_lose_files_silently,
);

#[derive(Model, Clone, Debug, PartialEq)]
pub struct Album {
    pub id: i64,
    #[model(max_length = 50, unique)]
    pub name: String,
    #[model(image, blank, max_length = 100)]
    pub cover: String,
    #[model(file)]
    pub contract: Option<String>,
}

#[derive(Model, Clone, Debug, PartialEq)]
pub struct Picture {
    pub id: i64,
    #[model(references = Album, on_delete = cascade)]
    pub album_id: i64,
    #[model(max_length = 50, blank)]
    pub title: String,
    #[model(image, help = "At most 10 MB.")]
    pub image: String,
    #[model(image)]
    pub detail: Option<String>,
}

const SETTINGS: &str = "SESSION_TIMEOUT_MINUTES = 30";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\nthe pixels of a PNG";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0the pixels of a JPEG";
const HTML: &[u8] = b"<html><script>alert(1)</script></html>";

/// A file that is sent: the input, its name and its type, and its content.
type Sent<'a> = (&'a str, &'a str, &'a str, &'a [u8]);

fn albums_admin(album: ModelAdmin<Album>) -> ModelAdmin<Album> {
    album
        .list(["name", "cover", "contract"])
        .inline::<Picture>()
        .before_save(|_, album, _| match album.name.as_str() {
            "refused" => Err(Error::bad_request("No album has this name.")),
            "broken" => Err(Error::internal("the code is broken")),
            _ => Ok(()),
        })
        .after_save(|req, album, _| match album.name.as_str() {
            "late" => req.before_commit(|_| Err(Error::internal("the commit is refused"))),
            _ => Ok(()),
        })
}

fn app_of_albums(admin: Admin) -> App {
    let urls = Router::new().get("/login", |_: &mut Request| "log in here").name("login");
    App::new(urls).models(models![Album, Picture]).auth().permissions([("art.see", "See covers")]).admin_with(admin)
}

fn ready_with(settings: &str, admin: Admin) -> (Client, Client) {
    let client = Client::with_settings(app_of_albums(admin), &format!("{SETTINGS}\n{settings}"));
    client.db(|db| create_tables(db, models![Album, Picture]));
    let root = root(&client);
    (client, root)
}

fn ready(on: &str) -> (Client, Client) {
    ready_with(on, Admin::new().model::<Album>(albums_admin))
}

fn add(browser: &Client, name: &str, files: &[Sent<'_>]) -> TestResponse {
    PageForm::open(browser, "/admin/albums/add").set("name", name).send_files(browser, files)
}

fn change(browser: &Client, id: i64, files: &[Sent<'_>]) -> TestResponse {
    PageForm::open(browser, &row(id)).send_files(browser, files)
}

fn row(id: i64) -> String {
    format!("/admin/albums/row/{id}")
}

fn cover_url(id: i64) -> String {
    format!("/admin/albums/row/{id}/file/cover")
}

fn album(client: &Client, id: i64) -> Album {
    client.db(|db| Album::find(db, id))
}

/// An album with a cover.
fn with_cover(on: &str) -> (Client, Client, Album) {
    let (client, root) = ready(on);
    add(&root, "Holidays", &[("cover", "beach.png", "image/png", PNG)]).assert_redirect("/admin/albums");
    let album = album(&client, 1);
    (client, root, album)
}

/// The stored files.
fn stored(client: &Client) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(client.app().media_dir()) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn content(client: &Client, name: &str) -> Vec<u8> {
    std::fs::read(client.app().media_dir().join(name)).unwrap()
}

fn an_image_is_uploaded_shown_replaced_and_cleared(on: &str) {
    let (client, root) = ready(on);
    let page = root.get("/admin/albums/add").send();
    page.assert_contains("<form method=\"post\" enctype=\"multipart/form-data\"").assert_contains("type=\"file\" name=\"cover\"");
    page.assert_not_contains("name=\"cover-clear\"");
    add(&root, "Holidays", &[("cover", "beach.png", "image/png", PNG)]).assert_redirect("/admin/albums");
    let first = album(&client, 1).cover;
    assert_eq!(content(&client, &first), PNG);
    assert_eq!(album(&client, 1).contract, None);

    let page = root.get(&row(1)).send();
    page.assert_contains(&format!("<img src=\"{}\"", cover_url(1))).assert_contains(&first).assert_contains("Clear cover");
    let image = root.get(&cover_url(1)).send();
    assert_eq!((image.status(), image.bytes().as_ref()), (StatusCode::OK, PNG));
    assert_eq!(image.header("content-type"), Some("image/png"));
    assert_eq!(image.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(image.header("cache-control"), Some("private, no-cache"));
    assert_eq!(image.header("content-disposition"), None);
    let again = root.get(&cover_url(1)).header("if-none-match", image.header("etag").unwrap()).send();
    assert_eq!(again.status(), 304);
    let part = root.get(&cover_url(1)).header("range", "bytes=1-3").send();
    assert_eq!((part.status().as_u16(), part.text()), (206, "PNG"));

    // A form without a file keeps it.
    edit(&root, &row(1), &[("name", "Beach")]).assert_redirect("/admin/albums");
    assert_eq!((album(&client, 1).name.as_str(), &album(&client, 1).cover), ("Beach", &first));
    change(&root, 1, &[("cover", "hills.jpeg", "image/jpeg", JPEG)]).assert_redirect("/admin/albums");
    let second = album(&client, 1).cover;
    assert!(second.starts_with("hills-") && second.ends_with(".jpg"), "{second}");
    assert_eq!(root.get(&cover_url(1)).send().header("content-type"), Some("image/jpeg"));
    root.get(&format!("{}/history", row(1))).send().assert_contains(&first).assert_contains(&second);

    PageForm::open(&root, &row(1)).set("cover-clear", "true").send_files(&root, &[]).assert_redirect("/admin/albums");
    assert_eq!(album(&client, 1).cover, "");
    root.get(&cover_url(1)).send().assert_status(404);
    root.get(&row(1)).send().assert_not_contains("/file/cover").assert_not_contains("cover-clear");
    assert_eq!(stored(&client).len(), 2, "the history has both names");

    change(&root, 1, &[("contract", "c.pdf", "application/pdf", b"%PDF")]).assert_redirect("/admin/albums");
    assert!(album(&client, 1).contract.unwrap().ends_with(".pdf"));
    edit(&root, &row(1), &[("contract-clear", "true")]).assert_redirect("/admin/albums");
    assert_eq!(album(&client, 1).contract, None);
}

fn a_row_that_is_not_saved_leaves_no_file(on: &str) {
    let (client, root, holidays) = with_cover(on);
    let new: &[Sent<'_>] = &[("cover", "new.png", "image/png", PNG)];
    let again = "Choose the file again.";
    // The form refuses it, the database does, and the code of the application does.
    add(&root, "", new).assert_status(200).assert_contains(again);
    add(&root, "Holidays", new).assert_status(200).assert_contains("already has this name").assert_contains(again);
    add(&root, "refused", new).assert_status(200).assert_contains("No album has this name.").assert_contains(again);
    add(&root, "broken", new).assert_status(500);
    add(&root, "late", new).assert_status(500);
    PageForm::open(&root, &row(1)).set("name", "refused").send_files(&root, new).assert_status(200).assert_contains(&holidays.cover);
    PageForm::open(&root, &row(1)).set("name", "broken").send_files(&root, new).assert_status(500);
    assert_eq!((album(&client, 1), stored(&client).len()), (holidays, 1));
    // A required file is missing.
    let page = PageForm::open(&root, "/admin/pictures/add").set("album_id", "1").send_files(&root, &[]);
    page.assert_status(200).assert_contains("At most 10 MB.");
    assert_eq!(client.db(|db| Picture::query().row_count(db)), 0);
}

fn an_undo_and_a_copy_find_their_files(on: &str) {
    let (client, root, holidays) = with_cover(on);
    change(&root, 1, &[("cover", "new.jpg", "image/jpeg", JPEG)]).assert_redirect("/admin/albums");
    undo(&root, &last_batch(&client)).assert_redirect("/admin/-/history");
    assert_eq!(album(&client, 1), holidays);
    assert_eq!(root.get(&cover_url(1)).send().bytes().as_ref(), PNG);

    let form = PageForm::open(&root, &row(1)).set("name", "Copy").set("then", "as_new");
    form.send_files(&root, &[]).assert_redirect(&row(2));
    assert_eq!(album(&client, 2).cover, holidays.cover);
    edit(&root, &row(1), &[("cover-clear", "true")]).assert_redirect("/admin/albums");
    root.post(&format!("{}/delete", row(1))).send().assert_redirect("/admin/albums");
    assert_eq!(root.get(&cover_url(2)).send().bytes().as_ref(), PNG, "the copy has its file");
    root.post(&format!("{}/delete", row(2))).send().assert_redirect("/admin/albums");
    undo(&root, &last_batch(&client)).assert_redirect("/admin/-/history");
    assert_eq!(root.get(&cover_url(2)).send().bytes().as_ref(), PNG, "the restored row has it, too");

    let form = PageForm::open(&root, &row(2)).set("name", "Another").set("then", "as_new");
    form.send_files(&root, &[("cover", "own.jpg", "image/jpeg", JPEG)]).assert_redirect(&row(3));
    assert_eq!(root.get(&cover_url(3)).send().bytes().as_ref(), JPEG);
    assert_eq!(root.get(&cover_url(2)).send().bytes().as_ref(), PNG);
}

fn a_form_that_comes_too_late_asks_for_the_file_again(on: &str) {
    let (client, root, _) = with_cover(on);
    let late = PageForm::open(&root, &row(1)).set("name", "Mine");
    change(&root, 1, &[("cover", "theirs.jpg", "image/jpeg", JPEG)]).assert_redirect("/admin/albums");
    let theirs = album(&client, 1).cover;
    let page = late.send_files(&root, &[("cover", "mine.png", "image/png", PNG)]);
    page.assert_status(200).assert_contains("saved this album after you had opened it").assert_contains("Choose the file again.");
    page.assert_contains(&theirs).assert_contains("<b>Yours</b> Mine");
    assert_eq!((album(&client, 1).cover.as_str(), stored(&client).len()), (theirs.as_str(), 2));
    PageForm::of(&page).send_files(&root, &[]).assert_redirect("/admin/albums");
    assert_eq!((album(&client, 1).name.as_str(), album(&client, 1).cover), ("Mine", theirs), "their file stays");
}

fn lists_show_thumbnails(on: &str) {
    let (_client, root, _) = with_cover(on);
    add(&root, "Empty", &[("contract", "a.png", "image/png", PNG)]).assert_redirect("/admin/albums");
    let page = root.get("/admin/albums").send();
    page.assert_contains(&format!("<a href=\"{0}\"><img src=\"{0}\" alt=\"Cover of Holidays\" loading=\"lazy\"></a>", cover_url(1)));
    page.assert_not_contains(&cover_url(2)).assert_contains("<a href=\"/admin/albums/row/2/file/contract\">a-");
    let page = root.get("/admin/albums?columns=cover,name").send();
    page.assert_contains(&format!("\"><img src=\"{}\" alt=\"Holidays\"", cover_url(1)));
    root.get("/admin/albums?columns=name").send().assert_not_contains("<img");
}

fn inlines_have_files(on: &str) {
    let (client, root, _) = with_cover(on);
    let pictures = || client.db(|db| Picture::query().order(pictures::id).load(db));
    // A row of which only the file was chosen is not empty.
    change(&root, 1, &[("pictures:+0:image", "one.png", "image/png", PNG), ("pictures:+1:image", "two.jpg", "image/jpeg", JPEG)])
        .assert_redirect("/admin/albums");
    assert_eq!(pictures().len(), 2);
    let page = root.get(&row(1)).send();
    page.assert_contains("<img src=\"/admin/pictures/row/1/file/image\"").assert_not_contains("name=\"pictures:1:image-clear\"");
    change(&root, 1, &[("pictures:1:detail", "detail.png", "image/png", PNG)]).assert_redirect("/admin/albums");
    let [one, two] = pictures().try_into().unwrap();
    assert!(one.image.starts_with("one-") && one.detail.unwrap().starts_with("detail-") && two.detail.is_none());
    edit(&root, &row(1), &[("pictures:1:detail-clear", "true"), ("pictures:2:_delete", "true")]).assert_redirect("/admin/albums");
    let [one] = pictures().try_into().unwrap();
    assert!(one.image.starts_with("one-") && one.detail.is_none());

    let count = stored(&client).len();
    let page = PageForm::open(&root, &row(1)).set("pictures:+0:title", "No file").send_files(&root, &[]);
    page.assert_status(200);
    let page = change(&root, 1, &[("pictures:+0:image", "one.png", "image/png", HTML), ("pictures:1:image", "new.png", "image/png", PNG)]);
    page.assert_status(200).assert_contains("This is not an image.").assert_contains("Choose the file again.");
    assert_eq!((pictures().len(), stored(&client).len()), (1, count));
}

fn the_password_does_not_lose_files_silently(on: &str) {
    let (client, _root) = ready(on);
    let boss = login(&client, NewUser::new("boss", &client.hash("down the rabbit hole")).staff(true).superuser(true));
    client.clock().advance(Duration::from_secs(16 * 60));
    let page = boss.post("/admin/auth_groups/add").multipart().field("name", "editors").file("photo", "a.png", "image/png", PNG).send();
    page.assert_status(200).assert_contains("Confirm your password").assert_contains("will not be sent again");
    assert!(stored(&client).is_empty());
}

#[cfg(feature = "sqlite")]
#[test]
fn files_that_cannot_be_stored_are_refused_at_the_start() {
    #[derive(Model, Clone, Debug)]
    pub struct Badge {
        pub id: i64,
        #[model(image, max_length = 36)]
        pub icon: String,
    }
    let app = |admin: Admin| App::new(Router::new()).models(models![Badge, Album, Picture]).auth().admin_with(admin);
    let error = crate::start_error(app(Admin::new()), SETTINGS);
    assert!(error.contains("Badge.icon needs a max_length of at least 37"), "{error}");
    let error = crate::start_error(app(Admin::new().without::<Badge>().model::<Album>(|album| album.editable(["cover"]))), SETTINGS);
    assert!(error.contains("Album.cover cannot be changed in a list"), "{error}");
}
