use lback_core::testing::Client;
use lback_core::{Request, Result, UploadedFile};
use lback_forms::{FieldError, Form};

use super::{client_of, client_of_template};

#[derive(Form)]
struct Upload {
    title: String,
    #[form(accept = "image/png, .jpg", max_size = 10, clean = not_empty)]
    photo: UploadedFile,
    papers: Vec<UploadedFile>,
}

fn not_empty(photo: UploadedFile) -> Result<UploadedFile, FieldError> {
    if photo.is_empty() { Err("The file is empty.".into()) } else { Ok(photo) }
}

fn client() -> Client {
    client_of(|req: &mut Request| {
        let mut form = Form::<Upload>::new();
        let Some(upload) = form.submitted(req)? else { return Ok(form.html()) };
        let photo = String::from_utf8(upload.photo.bytes()?)?;
        let papers: Vec<_> = upload.papers.iter().filter_map(UploadedFile::file_name).collect();
        Ok(format!("{} {:?} {photo} {papers:?}", upload.title, upload.photo.file_name()))
    })
}

#[test]
fn files_are_read_with_the_other_fields() {
    let client = client();
    let sent = client.post("/").multipart().field("title", "Cat").file("photo", "cat.png", "image/png", "meow");
    let sent = sent
        .file("papers", "a.txt", "text/plain", "a")
        .file("papers", "b.txt", "text/plain", "b")
        .file("other", "c", "text/plain", "c")
        .send();
    sent.assert_contains("Cat Some(\"cat.png\") meow [\"a.txt\", \"b.txt\"]");
}

#[test]
fn files_are_validated() {
    let send = |name: &str, kind: &str, content: &str| {
        client().post("/").multipart().field("title", "x").file("photo", name, kind, content).send()
    };
    send("cat.JPG", "application/octet-stream", "meow").assert_contains("cat.JPG");
    send("cat.gif", "image/png; x=y", "meow").assert_contains("cat.gif");
    send("cat.gif", "image/gif", "meow").assert_contains("Choose a file of this type: image/png, .jpg.");
    send("cat.png", "image/png", "12345678901").assert_contains("Choose a file of at most 10 bytes.");
    send("cat.png", "image/png", "").assert_contains("The file is empty.");
    client()
        .post("/")
        .multipart()
        .field("title", "x")
        .file("photo", "", "application/octet-stream", "")
        .send()
        .assert_contains("Choose a file.");
    let twice = client()
        .post("/")
        .multipart()
        .field("title", "x")
        .file("photo", "a.png", "image/png", "a")
        .file("photo", "b.png", "image/png", "b")
        .send();
    twice.assert_contains("Enter only one value.");
}

#[test]
fn a_missing_enctype_is_reported() {
    let answer = client().post("/").form(&[("title", "x"), ("photo", "cat.png")]).send();
    answer.assert_status(400).assert_contains("multipart/form-data");
    let answer = client().post("/").multipart().field("title", "x").field("photo", "cat.png").send();
    answer.assert_status(400).assert_contains("expects a file, but text was sent");
    client().post("/").form(&[("title", "x"), ("photo", "")]).send().assert_contains("Choose a file.");
}

#[test]
fn accept_supports_wildcards() {
    for (accept, fits) in [("*/*", true), ("image/*", false), ("text/*", true)] {
        let client = client_of(move |req| {
            let mut form = Form::of([lback_forms::Field::new("file", lback_forms::FieldKind::File).accept(accept)]);
            let sent: Option<lback_forms::Values> = form.submitted(req)?;
            Ok(sent.is_some().to_string())
        });
        let answer = client.post("/").multipart().file("file", "a.txt", "text/plain", "a").send();
        assert_eq!(answer.text(), fits.to_string(), "{accept}");
    }
}

#[test]
fn a_file_is_ignored_by_a_text_field() {
    let answer =
        client().post("/").multipart().file("title", "x.txt", "text/plain", "Cat").file("photo", "cat.png", "image/png", "meow").send();
    answer.assert_contains("Title: Fill in this field.");
}

#[test]
fn a_text_field_with_invalid_utf8_is_rejected() {
    let body = b"--x\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\n\xff\xfe\r\n--x--\r\n";
    let answer = client().post("/").header("content-type", "multipart/form-data; boundary=x").body(body.to_vec()).send();
    answer.assert_status(400).assert_contains("UTF-8");
}

#[test]
fn a_form_with_files_has_an_enctype() {
    let page = client_of_template("<form method=\"post\" {{ form.enctype }}>{{ form.html }}</form>", Form::<Upload>::new).get("/").send();
    page.assert_contains("<form method=\"post\" enctype=\"multipart/form-data\">");
    page.assert_contains("<input type=\"file\" name=\"photo\" id=\"field-photo\" required accept=\"image/png, .jpg\">");
    page.assert_contains("<input type=\"file\" name=\"papers\" id=\"field-papers\" multiple>");
}
