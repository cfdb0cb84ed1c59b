//! Hostile uploads, names and requests, and the rights for files.

use super::*;

const SVG: &[u8] = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";

on_each_database!(
    a_name_of_the_visitor_neither_escapes_nor_collides,
    what_is_no_image_is_refused,
    other_files_are_only_downloaded,
    hostile_requests_are_answered_below_500,
    large_files_are_refused,
    rights_of_the_row_and_the_field_count,
    names_that_lead_elsewhere_find_nothing,
    an_import_names_no_file,
);

fn a_name_of_the_visitor_neither_escapes_nor_collides(on: &str) {
    let (client, root) = ready(on);
    let long = "x".repeat(5000) + ".png";
    let names = ["../../etc/passwd", "C:\\windows\\Übergröße.PNG", "/root.png", "..", ".htaccess", "cover.php", "cover.php", &long, "☃"];
    for (at, name) in names.iter().enumerate() {
        add(&root, &format!("album {at}"), &[("cover", name, "image/png", PNG)]).assert_redirect("/admin/albums");
    }
    let covers: Vec<String> = client.db(|db| Album::query().order(albums::id).select(albums::cover).load(db));
    for cover in &covers {
        let (stem, end) = cover.split_at(cover.len() - 36);
        assert!(end.ends_with(".png") && end[..32].bytes().all(|byte| byte.is_ascii_hexdigit()), "{cover}");
        assert!(stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{cover}");
        assert!(cover.len() <= 100 && content(&client, cover) == PNG, "{cover}");
    }
    assert!(covers[1].starts_with("ubergrosse-"), "{}", covers[1]);
    assert!(covers[3].starts_with("file-"), "{}", covers[3]);
    assert_eq!(stored(&client).len(), names.len());
}

fn what_is_no_image_is_refused(on: &str) {
    let (client, root) = ready(on);
    let not_an_image = [("photo.png", "image/png", HTML), ("photo.png", "image/png", SVG), ("photo.png", "image/png", b"\x89PNG")];
    for (name, kind, content) in not_an_image {
        let page = add(&root, "Holidays", &[("cover", name, kind, content)]);
        page.assert_status(200).assert_contains("This is not an image. Choose one in the format PNG, JPEG, GIF or WebP.");
    }
    for (name, kind, content) in [("photo.svg", "image/svg+xml", SVG), ("photo.png", "text/html", PNG)] {
        add(&root, "Holidays", &[("cover", name, kind, content)]).assert_status(200).assert_contains("Choose a file of this type");
    }
    add(&root, "Holidays", &[("contract", "a.txt", "text/plain", b"")]).assert_status(200).assert_contains("This file is empty.");
    assert_eq!((client.db(|db| Album::query().row_count(db)), stored(&client).len()), (0, 0));
}

fn other_files_are_only_downloaded(on: &str) {
    let (client, root) = ready(on);
    let url = "/admin/albums/row/1/file/contract";
    add(&root, "Holidays", &[]).assert_redirect("/admin/albums");
    let cases = [
        ("x.html", "text/html", HTML, ""),
        ("x.svg", "image/svg+xml", SVG, ""),
        ("x.png", "image/png", HTML, ""),
        ("x.PDF", "", b"%PDF", ".pdf"),
    ];
    for (name, kind, sent, end) in cases {
        change(&root, 1, &[("contract", name, kind, sent)]).assert_redirect("/admin/albums");
        let name = album(&client, 1).contract.unwrap();
        assert_eq!(name.split_once('.').map_or("", |_| &name[name.len() - 4..]), end, "{name}");
        let file = root.get(url).send();
        assert_eq!(file.bytes().as_ref(), sent);
        assert_eq!(file.header("content-type"), Some("application/octet-stream"));
        assert_eq!(file.header("content-disposition"), Some(format!("attachment; filename=\"{name}\"").as_str()));
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
        root.get(&row(1)).send().assert_contains(&format!("<a class=\"file\" href=\"{url}\">{name}")).assert_not_contains("<img");
    }
    // An image is shown in every field.
    change(&root, 1, &[("contract", "scan.png", "image/png", PNG)]).assert_redirect("/admin/albums");
    assert_eq!(root.get(url).send().header("content-type"), Some("image/png"));
    root.get(&row(1)).send().assert_contains(&format!("<img src=\"{url}\""));
    // The content decides, even if the application has stored a file under a wrong name.
    std::fs::write(client.app().media_dir().join("wrong.png"), HTML).unwrap();
    client.db(|db| diesel::update(albums::table).set(albums::contract.eq("wrong.png")).execute(db));
    assert_eq!(root.get(url).send().header("content-type"), Some("application/octet-stream"));
}

fn hostile_requests_are_answered_below_500(on: &str) {
    let (client, root, holidays) = with_cover(on);
    let form = PageForm::open(&root, &row(1)).set("name", "Changed");
    let two = [("cover", "a.png", "image/png", PNG), ("cover", "b.png", "image/png", PNG)];
    form.send_files(&root, &two).assert_status(200).assert_not_contains("has been saved");
    form.clone().set("cover", "../../etc/passwd").send(&root).assert_status(400);
    form.clone().set("cover", "other.png").send_files(&root, &[]).assert_status(400);
    form.send_files(&root, &[("cover", "a\0b.png", "image/png", PNG)]).assert_status(400);
    // A file for a text is ignored, as an unknown one is.
    PageForm::open(&root, &row(1)).send_files(&root, &[("name", "a.png", "image/png", PNG)]).assert_status(303);
    assert_eq!((album(&client, 1), stored(&client).len()), (holidays.clone(), 1));
    form.send_files(&root, &[("unknown", "a.png", "image/png", PNG), ("cover", "", "image/png", PNG)]).assert_status(303);
    for kind in ["multipart/form-data", "multipart/form-data; boundary=x"] {
        assert_eq!(root.post(&row(1)).header("content-type", kind).body(b"--y".to_vec()).send().status(), 400);
    }
    let files = stored(&client);
    assert_eq!(files.len(), 2);
    assert_ne!(album(&client, 1).cover, holidays.cover);
    root.get("/admin/albums/add?cover=..%2F..%2Fetc%2Fpasswd&contract=x").send().assert_status(200).assert_not_contains("passwd");
    let missing = ["cover/x", "name", "id", "nothing", "..%2Fcover", "%F0%9F%98%80"];
    for field in missing {
        root.get(&format!("/admin/albums/row/1/file/{field}")).send().assert_status(404);
    }
    root.get("/admin/albums/row/2/file/cover").send().assert_status(404);
    root.get("/admin/nothing/row/1/file/cover").send().assert_status(404);
    root.post(&cover_url(1)).send().assert_status(405);
}

fn large_files_are_refused(on: &str) {
    let (client, root) = ready_with(&format!("MAX_UPLOAD_BYTES = 20000\n{on}"), Admin::new().model::<Album>(albums_admin));
    let large = [PNG, &[0; 20_000]].concat();
    add(&root, "Holidays", &[("cover", "a.png", "image/png", &large)]).assert_status(413);
    assert_eq!((client.db(|db| Album::query().row_count(db)), stored(&client).len()), (0, 0));
    add(&root, "Holidays", &[("cover", "a.png", "image/png", &large[..10_000])]).assert_redirect("/admin/albums");
}

fn rights_of_the_row_and_the_field_count(on: &str) {
    let albums = |album: ModelAdmin<Album>| {
        album
            .rows(|user| {
                Album::query().filter(albums::id.eq(1).or(diesel::dsl::sql::<diesel::sql_types::Bool>(if user.is_superuser {
                    "1 = 1"
                } else {
                    "1 = 0"
                })))
            })
            .can_see_field("cover", "art.see")
            .can_change_field("contract", "art.see")
    };
    let (client, root) = ready_with(on, Admin::new().model::<Album>(albums));
    for (name, file) in [("One", "a"), ("Two", "b")] {
        let contract = ("contract", "c.txt", "text/plain", b"a contract".as_slice());
        add(&root, name, &[("cover", &format!("{file}.png"), "image/png", PNG), contract]).assert_redirect("/admin/albums");
    }
    let contract = "/admin/albums/row/1/file/contract";
    client.fork().get(&cover_url(1)).send().assert_redirect(&format!("/login?next={}", cover_url(1)));
    let nobody = staff(&client, "nobody", &["pictures.view"]);
    for url in [&cover_url(1), contract] {
        nobody.get(url).send().assert_status(403);
    }
    let viewer = staff(&client, "viewer", &["albums.view", "art.see"]);
    assert_eq!(viewer.get(&cover_url(1)).send().bytes().as_ref(), PNG);
    viewer.get(&row(1)).send().assert_contains("<img src").assert_not_contains("type=\"file\"");
    viewer.get(&cover_url(2)).send().assert_status(404);

    let clerk = staff(&client, "clerk", &["albums.change"]);
    clerk.get(&cover_url(1)).send().assert_status(404);
    clerk.get(contract).send().assert_contains("a contract");
    let page = clerk.get(&row(1)).send();
    page.assert_not_contains("file/cover")
        .assert_not_contains("name=\"cover")
        .assert_contains("file/contract")
        .assert_not_contains("name=\"contract");
    clerk.get("/admin/albums?columns=name,contract").send().assert_contains("file/contract").assert_not_contains("file/cover");
    let before = album(&client, 1);
    PageForm::of(&page)
        .set("cover-clear", "true")
        .set("contract-clear", "true")
        .send_files(&clerk, &[("cover", "x.png", "image/png", PNG)])
        .assert_redirect("/admin/albums");
    assert_eq!((album(&client, 1), stored(&client).len()), (before, 4));
    PageForm::open(&root, &row(1)).send_files(&viewer, &[("cover", "x.png", "image/png", PNG)]).assert_status(403);
    assert_eq!(stored(&client).len(), 4);
}

fn names_that_lead_elsewhere_find_nothing(on: &str) {
    let (client, root, _) = with_cover(on);
    let media = client.app().media_dir();
    let secret = media.parent().unwrap().join("secret.png");
    std::fs::write(&secret, PNG).unwrap();
    std::fs::write(media.join(".hidden.png"), PNG).unwrap();
    std::fs::create_dir_all(media.join("2026")).unwrap();
    std::fs::write(media.join("2026/own.png"), PNG).unwrap();
    let absolute = secret.display().to_string();
    let names = ["../secret.png", &absolute, ".hidden.png", "2026", "2026/../own.png", "gone.png", "https://example.com/a.png", "<b>"];
    for name in names {
        client.db(|db| diesel::update(albums::table).set(albums::cover.eq(name)).execute(db));
        root.get(&cover_url(1)).send().assert_status(404);
        root.get(&row(1))
            .send()
            .assert_status(200)
            .assert_contains("(missing)")
            .assert_not_contains("/file/cover")
            .assert_not_contains("<b>");
        root.get("/admin/albums").send().assert_status(200);
    }
    client.db(|db| diesel::update(albums::table).set(albums::cover.eq("2026/own.png")).execute(db));
    assert_eq!(root.get(&cover_url(1)).send().bytes().as_ref(), PNG);
}

fn an_import_names_no_file(on: &str) {
    let (client, root, holidays) = with_cover(on);
    let import = |text: &str| root.post("/admin/albums/import").form(&[("text", text), ("confirm", "true")]).send();
    import("id,cover\r\n1,../secret.png\r\n").assert_status(200).assert_contains("cover has files");
    import("id,name\r\n1,Imported\r\n").assert_redirect("/admin/albums");
    assert_eq!(album(&client, 1), Album { name: "Imported".to_owned(), ..holidays });
}
