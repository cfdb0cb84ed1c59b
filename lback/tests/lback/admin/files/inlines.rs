//! Files of rows with relations, and of rows that refer to the rows of an inline.

use lback::admin::InlineAdmin;

use super::*;

on_each_database!(
    files_are_sent_with_relations_and_nested_rows,
    a_nested_file_that_is_refused_leaves_nothing,
    a_key_that_browsers_change_finds_its_row,
    rows_that_the_script_adds_have_files,
);

#[derive(Model, Clone, Debug, PartialEq)]
pub struct Theme {
    pub id: i64,
    #[model(max_length = 50)]
    pub name: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(many_to_many(themes: Theme))]
pub struct Room {
    pub id: i64,
    #[model(max_length = 40, unique)]
    pub name: String,
    #[model(references = Album, on_delete = cascade)]
    pub album_id: i64,
    #[model(image, blank)]
    pub plan: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
pub struct Shot {
    pub id: i64,
    #[model(references = Room, on_delete = cascade)]
    pub room_id: i64,
    #[model(image)]
    pub image: String,
    #[model(file)]
    pub raw: Option<String>,
}

/// A row whose key can contain what browsers change in the names of the fields of a form with files.
#[derive(Model, Clone, Debug, PartialEq)]
pub struct Sheet {
    #[model(primary_key, max_length = 40)]
    pub title: String,
    #[model(references = Album, on_delete = cascade)]
    pub album_id: i64,
    #[model(image, blank)]
    pub scan: String,
}

fn with_room(on: &str) -> (Client, Client) {
    with_albums(on, |album| album.inline_with::<Room>(|rooms| rooms.inline::<Shot>()).inline::<Sheet>())
}

fn with_albums(on: &str, albums: impl FnOnce(ModelAdmin<Album>) -> ModelAdmin<Album>) -> (Client, Client) {
    let models = models![Album, Theme, Room, Shot, Sheet];
    let urls = Router::new().get("/login", |_: &mut Request| "log in here").name("login");
    let app = App::new(urls).models(models).auth().admin_with(Admin::new().model(albums));
    let client = Client::with_settings(app, &format!("{SETTINGS}\n{on}"));
    client.db(|db| create_tables(db, models));
    client.db(|db| Album::create(db, NewAlbum { name: "Holidays".to_owned(), cover: String::new(), contract: None }));
    client.db(|db| Theme::create(db, NewTheme { name: "Sea".to_owned() }));
    client.db(|db| Room::create(db, NewRoom { name: "Blue".to_owned(), album_id: 1, plan: String::new() }));
    let root = root(&client);
    (client, root)
}

fn room(client: &Client) -> Room {
    client.db(|db| Room::find(db, 1))
}

fn themes(client: &Client) -> Vec<Theme> {
    let room = room(client);
    client.db(|db| room.themes(db))
}

fn shots(client: &Client) -> Vec<Shot> {
    client.db(|db| Shot::query().order(shots::id).load(db))
}

fn files_are_sent_with_relations_and_nested_rows(on: &str) {
    let (client, root) = with_room(on);
    let (plan, image, raw) = ("rooms:1:plan", "rooms:1:shots:1:image", "rooms:1:shots:1:raw");
    let form = PageForm::open(&root, &row(1)).set("rooms:1:themes", "1");
    // A nested row of which only the file was chosen is not empty.
    let files: &[Sent<'_>] = &[(plan, "plan.png", "image/png", PNG), ("rooms:1:shots:+0:image", "sofa.jpg", "image/jpeg", JPEG)];
    form.send_files(&root, files).assert_redirect("/admin/albums");
    assert_eq!(themes(&client).len(), 1);
    let [sofa] = shots(&client).try_into().unwrap();
    assert_eq!((content(&client, &room(&client).plan), content(&client, &sofa.image)), (PNG.to_vec(), JPEG.to_vec()));
    assert_eq!(root.get("/admin/shots/row/1/file/image").send().bytes().as_ref(), JPEG);

    let page = root.get(&row(1)).send();
    page.assert_contains("<img src=\"/admin/shots/row/1/file/image\"").assert_contains(&format!("name=\"{plan}-clear\""));
    page.assert_not_contains(&format!("name=\"{image}-clear\"")).assert_not_contains(&format!("name=\"{raw}-clear\""));
    // Only a nested row changes, and files that are not chosen again stay.
    change(&root, 1, &[(raw, "sofa.pdf", "application/pdf", b"%PDF")]).assert_redirect("/admin/albums");
    let [changed] = shots(&client).try_into().unwrap();
    assert_eq!((changed.image, changed.raw.is_some(), themes(&client).len()), (sofa.image, true, 1));
    let form = PageForm::open(&root, &row(1)).set(&format!("{raw}-clear"), "true").set(&format!("{plan}-clear"), "true");
    form.send_files(&root, &[]).assert_redirect("/admin/albums");
    assert_eq!((shots(&client)[0].raw.as_deref(), room(&client).plan.as_str()), (None, ""));
    // A new row of each inline.
    let form = PageForm::open(&root, &row(1)).set("rooms:+1:name", "Attic").set("rooms:+1:themes", "1");
    form.send_files(&root, &[("rooms:+1:shots:+0:image", "roof.png", "image/png", PNG)]).assert_redirect("/admin/albums");
    assert_eq!(shots(&client)[1].room_id, 2);
    undo(&root, &last_batch(&client)).assert_redirect("/admin/-/history");
    assert_eq!(shots(&client).len(), 1);
}

fn a_nested_file_that_is_refused_leaves_nothing(on: &str) {
    let (client, root) = with_room(on);
    let files: &[Sent<'_>] = &[("rooms:1:plan", "plan.png", "image/png", PNG), ("rooms:1:shots:+0:image", "sofa.png", "image/png", HTML)];
    change(&root, 1, files).assert_status(200).assert_contains("This is not an image.").assert_contains("Choose the file again.");
    // A new nested row lacks its required file.
    let raw: &[Sent<'_>] = &[("rooms:1:shots:+0:raw", "sofa.pdf", "application/pdf", b"%PDF")];
    change(&root, 1, raw).assert_status(200).assert_contains("error-summary").assert_contains("Choose the file again.");
    // A nested row without its own row.
    let lost: &[Sent<'_>] = &[("rooms:+0:shots:+0:image", "roof.png", "image/png", PNG)];
    change(&root, 1, lost).assert_status(200).assert_contains("error-summary").assert_contains("Choose the file again.");
    // The database refuses a row that comes after the nested file.
    let form = PageForm::open(&root, &row(1)).set("rooms:+0:name", "Blue");
    form.send_files(&root, &[("rooms:1:shots:+0:image", "sofa.png", "image/png", PNG)])
        .assert_status(200)
        .assert_contains("Choose the file again.");
    for name in
        ["rooms:+N:shots:+0:image", "rooms:9:shots:1:image", "rooms:+0:shots:+N:image", "rooms:::image", "rooms:+0:shots:+99999:raw"]
    {
        let page = change(&root, 1, &[(name, "a.png", "image/png", PNG)]);
        assert!(page.status().as_u16() < 500, "{name}: {page:?}");
    }
    assert_eq!((room(&client).plan.as_str(), shots(&client).len(), stored(&client).len()), ("", 0, 0));
}

fn a_key_that_browsers_change_finds_its_row(on: &str) {
    let (client, root) = with_room(on);
    for title in ["\"a\"", "%22a%22"] {
        client.db(|db| Sheet::create(db, NewSheet { title: title.to_owned(), album_id: 1, scan: String::new() }));
    }
    change(&root, 1, &[("sheets:%22a%22:scan", "a.png", "image/png", PNG)]).assert_redirect("/admin/albums");
    let scans: Vec<String> = ["\"a\"", "%22a%22"].map(|title| client.db(|db| Sheet::find(db, title.to_owned())).scan).into();
    assert!(scans[0].starts_with("a-") && scans[1].is_empty(), "{scans:?}");
}

fn rows_that_the_script_adds_have_files(on: &str) {
    let (client, root) = with_albums(on, |album| {
        let rooms = |rooms: InlineAdmin<Room>| rooms.fields(["name"]).extra(0).inline_with::<Shot>(|shots| shots.extra(0));
        album.exclude(["cover", "contract"]).inline_with(rooms)
    });
    let blue = room(&client);
    client.db(|db| blue.delete(db));
    root.get(&row(1)).send().assert_contains("<form method=\"post\" enctype=\"multipart/form-data\"");
    let form = PageForm::open(&root, &row(1)).set("rooms:+0:name", "Attic");
    form.send_files(&root, &[("rooms:+0:shots:+0:image", "roof.png", "image/png", PNG)]).assert_redirect("/admin/albums");
    assert_eq!(content(&client, &shots(&client)[0].image), PNG);
}
