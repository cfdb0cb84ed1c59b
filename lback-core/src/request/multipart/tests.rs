use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Mutex;

use proptest::prelude::*;

use super::upload::storage_error;
use super::*;
use crate::middleware::BodyReader;
use crate::{Application, Assembly, Request, RequestBody, Response, Router, Settings};

const BOUNDARY: &str = "----boundary7";
const TYPE: &str = "multipart/form-data; boundary=----boundary7";

/// Chunks that arrive one at a time, with a pause before each.
struct Split(VecDeque<Result<Bytes>>, bool);

impl Split {
    fn of(body: &[u8], sizes: &[usize]) -> Self {
        let (mut rest, mut chunks) = (body, VecDeque::new());
        for size in sizes.iter().cycle() {
            if rest.is_empty() || sizes.iter().all(|size| *size == 0) {
                break;
            }
            let (chunk, tail) = rest.split_at((*size).min(rest.len()));
            chunks.push_back(Ok(Bytes::copy_from_slice(chunk)));
            rest = tail;
        }
        if !rest.is_empty() {
            chunks.push_back(Ok(Bytes::copy_from_slice(rest)));
        }
        Split(chunks, false)
    }
}

impl Stream for Split {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.1 = !self.1;
        if self.1 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.0.pop_front())
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn part(head: &str, content: &[u8]) -> Vec<u8> {
    let mut part = format!("--{BOUNDARY}\r\n{head}\r\n\r\n").into_bytes();
    part.extend_from_slice(content);
    part.extend_from_slice(b"\r\n");
    part
}

fn text(name: &str, value: &str) -> Vec<u8> {
    part(&format!("Content-Disposition: form-data; name=\"{name}\""), value.as_bytes())
}

fn file(name: &str, file_name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("Content-Disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\nContent-Type: image/png");
    part(&head, content)
}

fn body(parts: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut body: Vec<u8> = parts.into_iter().flatten().collect();
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// Returns a storage for parts whose files may use `memory` bytes.
fn storage(memory: usize) -> Storage {
    static APPS: Mutex<BTreeMap<usize, Arc<Application>>> = Mutex::new(BTreeMap::new());
    let make = || Site::new(&format!("UPLOAD_MEMORY_BYTES = {memory}")).app;
    Storage::new(APPS.lock().unwrap().entry(memory).or_insert_with(make))
}

fn parse_with(body: &[u8], sizes: &[usize], memory: usize) -> Result<Multipart> {
    block_on(Multipart::parse(TYPE, Split::of(body, sizes), storage(memory)))
}

fn parse(body: &[u8]) -> Result<Multipart> {
    parse_with(body, &[4096], 1024)
}

#[test]
fn fields_and_files_come_in_order() {
    let form = parse(&body([text("a", "1"), file("f", "x.png", b"\x89PNG"), text("b", "ü"), text("a", "2")])).unwrap();
    assert_eq!(form.fields().collect::<Vec<_>>(), [("a", "1"), ("b", "ü"), ("a", "2")]);
    assert_eq!(form.field("a"), Some("1"));
    assert_eq!(form.field("f"), None);
    let file = form.file("f").unwrap();
    assert_eq!((file.field_name(), file.file_name(), file.content_type()), ("f", Some("x.png"), Some("image/png")));
    assert_eq!((file.len(), file.is_empty(), file.is_in_memory()), (4, false, true));
    assert_eq!(file.bytes().unwrap(), b"\x89PNG");
    assert_eq!(form.files().count(), 1);
}

#[test]
fn a_preamble_and_an_epilogue_are_not_parts() {
    let mut bytes = b"This is a message in MIME format.\r\n".to_vec();
    bytes.extend(body([text("a", "1")]));
    bytes.extend_from_slice(b"and so on");
    assert_eq!(parse(&bytes).unwrap().fields().collect::<Vec<_>>(), [("a", "1")]);
}

#[test]
fn the_body_is_read_to_its_end() {
    let site = Site::new("MAX_UPLOAD_BYTES = 2000");
    let ending = |length| [body([text("title", "t"), text("tag", "a")]), vec![b'x'; length]].concat();
    assert_eq!(site.post(TYPE, ending(1000)).0, 200);
    assert_eq!(site.post(TYPE, ending(2000)).0, 413);
}

#[test]
fn a_form_without_parts_is_empty() {
    let form = parse(&body([])).unwrap();
    assert_eq!((form.fields().count(), form.files().count()), (0, 0));
}

#[test]
fn files_that_fit_in_memory_stay_there_and_others_are_spooled() {
    for (size, in_memory) in [(0, true), (1023, true), (1024, true), (1025, false), (300_000, false)] {
        let content: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
        let form = parse(&body([file("f", "x", &content)])).unwrap();
        let file = form.file("f").unwrap();
        assert_eq!((file.is_in_memory(), file.len()), (in_memory, size as u64));
        assert!(file.bytes().unwrap() == content, "{size}");
    }
}

#[test]
fn all_files_of_a_request_share_the_memory_and_one_temporary_file() {
    let content = |n: u8| vec![n; 400];
    let form = parse(&body((0..10).map(|n| file(&format!("f{n}"), "x", &content(n))))).unwrap();
    for (n, file) in form.files().enumerate() {
        assert_eq!(file.is_in_memory(), n < 2, "{n}");
        assert_eq!(file.bytes().unwrap(), content(n as u8));
        let mut end = [0; 10];
        let mut reader = file.reader();
        reader.seek(SeekFrom::End(-5)).unwrap();
        assert_eq!(reader.read(&mut end).unwrap(), 5, "not into the next file");
    }
    let spools: Vec<_> = form
        .files
        .iter()
        .filter_map(|file| match &file.content {
            Content::Spooled { spool, .. } => Some(Arc::as_ptr(spool)),
            Content::Memory(..) => None,
        })
        .collect();
    assert!(spools.len() == 8 && spools.iter().all(|spool| *spool == spools[0]));
}

#[test]
fn save_in_generates_a_random_name() {
    let dir = tempfile::tempdir().unwrap();
    let form = parse(&body([file("f", "../../x.html", b"1")])).unwrap();
    let save = |extension| form.file("f").unwrap().save_in(dir.path().join("media"), extension);
    let names = [save("jpg").unwrap(), save("jpg").unwrap(), save("").unwrap()];
    assert!(names[0] != names[1] && names[0].len() == 36 && names[0].ends_with(".jpg"), "{names:?}");
    assert!(names[2].len() == 32 && names[2].bytes().all(|byte| byte.is_ascii_hexdigit()));
    for wrong in ["../x", "a/b", ".jpg", "j\0", "é"] {
        assert!(save(wrong).unwrap_err().message().contains("extension"), "{wrong}");
    }
    assert_eq!(std::fs::read_dir(dir.path().join("media")).unwrap().count(), 3);
}

#[test]
fn readers_are_independent_and_seek() {
    for size in [100, 5000] {
        let content: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
        let form = parse(&body([file("f", "x", &content)])).unwrap();
        let file = form.file("f").unwrap();
        let (mut first, mut second) = (file.reader(), file.reader());
        let mut ten = [0; 10];
        first.read_exact(&mut ten).unwrap();
        assert_eq!(second.seek(SeekFrom::End(-10)).unwrap(), size - 10);
        second.read_exact(&mut ten).unwrap();
        assert_eq!(ten[..], content[size as usize - 10..]);
        assert_eq!(second.read(&mut ten).unwrap(), 0);
        first.read_exact(&mut ten).unwrap();
        assert_eq!(ten[..], content[10..20]);
        assert_eq!(first.seek(SeekFrom::Current(-5)).unwrap(), 15);
        assert!(first.seek(SeekFrom::Current(-50)).is_err());
    }
}

#[test]
fn a_taken_file_outlives_the_form() {
    let mut form = parse(&body([file("f", "1", b"one"), file("f", "2", b"two")])).unwrap();
    let taken = form.take_file("f").unwrap();
    assert_eq!(form.file("f").unwrap().bytes().unwrap(), b"two");
    drop(form);
    assert_eq!(taken.bytes().unwrap(), b"one");
}

#[test]
fn an_empty_file_input_is_not_a_file() {
    let form = parse(&body([file("f", "", b""), file("g", "", b"x"), file("h", "empty.txt", b"")])).unwrap();
    assert!(form.file("f").is_none());
    assert_eq!(form.file("g").unwrap().file_name(), None);
    assert!(form.file("h").unwrap().is_empty());
}

#[test]
fn a_file_name_loses_its_path() {
    for (claimed, expected) in [
        ("/etc/passwd", Some("passwd")),
        ("..\\..\\boot.ini", Some("boot.ini")),
        ("C:\\Users\\me\\x.png", Some("x.png")),
        ("a\tb\u{1}c\u{7f}.txt", Some("abc.txt")),
        ("  x.txt ", Some("x.txt")),
        ("Grüße 👋.txt", Some("Grüße 👋.txt")),
        ("..", None),
        (".", None),
        ("dir/", None),
        ("\u{85}", None),
    ] {
        assert_eq!(base_name(claimed).as_deref(), expected, "{claimed:?}");
    }
    let form = parse(&body([file("f", "..\\..\\x.png", b"1")])).unwrap();
    assert_eq!(form.file("f").unwrap().file_name(), Some("x.png"));
}

#[test]
fn dispositions_of_browsers_and_other_clients_are_parsed() {
    let read = |header: &str, name| disposition::parameter(header.as_bytes(), name).map(|value| String::from_utf8(value).unwrap());
    for (header, name, filename) in [
        (r#"form-data; name="a""#, Some("a"), None),
        (r#"form-data;name=a;filename=b.txt"#, Some("a"), Some("b.txt")),
        (r#"form-data; FileName = "b.txt" ; NAME = "a" "#, Some("a"), Some("b.txt")),
        (r#"form-data; name="a; filename=no"; x"#, Some("a; filename=no"), None),
        (r#"form-data; name="a\"b"; filename="c\\d""#, Some(r#"a"b"#), Some(r"c\\d")),
        (r#"form-data; name="a"; filename="C:\dir\""#, Some("a"), Some(r"C:\dir\")),
        (r#"form-data; filename*=UTF-8''x; name=a; filename="y""#, Some("a"), Some("y")),
        (r#"form-data; name="a%22b""#, Some("a%22b"), None),
        (r#"form-data; name="open"#, None, None),
        (r#"form-data; name"#, None, None),
        (r#"form-data; name="""#, Some(""), None),
        (r#"name=a"#, None, None),
        ("", None, None),
    ] {
        assert_eq!((read(header, "name").as_deref(), read(header, "filename").as_deref()), (name, filename), "{header}");
    }
}

#[test]
fn a_malformed_body_is_a_400() {
    let truncated = body([text("a", "1")]);
    let long_header = part(&format!("X: {}\r\nContent-Disposition: form-data; name=a", "x".repeat(40_000)), b"1");
    let long_preamble = [vec![b'x'; 40_000], body([text("a", "1")])].concat();
    for (what, bytes) in [
        ("empty", Vec::new()),
        ("no boundary", b"hello".to_vec()),
        ("truncated", truncated[..truncated.len() - 12].to_vec()),
        ("ends in a header", truncated[..30].to_vec()),
        ("no name", body([part("Content-Disposition: form-data", b"1")])),
        ("no disposition", body([part("Content-Type: text/plain", b"1")])),
        ("name not UTF-8", body([[&b"------boundary7\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\n1\r\n"[..]].concat()])),
        ("text not UTF-8", body([part("Content-Disposition: form-data; name=a", b"\xff\xfe")])),
        ("bad header", body([part("Content Disposition form-data", b"1")])),
        ("long header", body([long_header])),
        ("long preamble", long_preamble),
    ] {
        for sizes in [&[1][..], &[4096], &[1_000_000]] {
            let error = parse_with(&bytes, sizes, 10).unwrap_err();
            assert_eq!(error.status(), 400, "{what}: {error}");
            assert!(!error.message().is_empty());
        }
    }
}

#[test]
fn a_header_of_8_kib_is_accepted_in_chunks_of_any_size() {
    let padding = "x".repeat(MAX_HEADER_BYTES - 200);
    let long = || part(&format!("X: {padding}\r\nContent-Disposition: form-data; name=a"), b"1");
    let bytes = body([long(), long(), long()]);
    for sizes in [&[1][..], &[100, 9000], &[1_000_000]] {
        let form = parse_with(&bytes, sizes, 10).unwrap_or_else(|error| panic!("{sizes:?}: {error}"));
        assert_eq!(form.fields().count(), 3);
    }
}

#[test]
fn a_boundary_is_required() {
    for content_type in ["multipart/form-data", "multipart/form-data; boundary=\"\"", "multipart/form-data; boundary=", "text/plain", ""] {
        let error = block_on(Multipart::parse(content_type, Split::of(b"", &[1]), storage(10))).unwrap_err();
        assert_eq!(error.status(), 400, "{content_type}");
    }
    let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
    assert_eq!(block_on(Multipart::parse(&long, Split::of(b"", &[1]), storage(10))).unwrap_err().status(), 400);
}

#[test]
fn a_body_above_a_limit_is_a_413() {
    let parts = |count: usize| body((0..count).map(|n| text("a", &n.to_string())));
    assert_eq!(parse(&parts(1_000)).unwrap().fields().count(), 1_000);
    assert_eq!(parse(&parts(1_001)).unwrap_err().status(), 413);
    let texts = |size: usize| body([text("a", &"x".repeat(size)), text("b", &"x".repeat(size))]);
    let names = |size: usize| body((0..200).map(|_| file("f", &"x".repeat(size), b"")));
    assert_eq!(parse(&names(6_000)).unwrap_err().status(), 413);
    assert!(parse(&texts(MAX_TEXT_BYTES / 2 - 1)).is_ok());
    assert_eq!(parse(&texts(MAX_TEXT_BYTES / 2)).unwrap_err().status(), 413);
}

#[test]
fn an_error_while_reading_the_body_keeps_its_status() {
    for status in [400, 408, 413, 503] {
        let bytes = body([text("a", "1"), file("f", "x", b"1")]);
        for cut in [0, 20, 90, bytes.len()] {
            let mut stream = Split::of(&bytes[..cut], &[7]);
            stream.0.push_back(Err(Error::new(StatusCode::from_u16(status).unwrap(), "that")));
            let error = block_on(Multipart::parse(TYPE, stream, storage(10))).unwrap_err();
            assert_eq!((error.status().as_u16(), error.message()), (status, "that"));
        }
    }
}

#[test]
fn save_writes_once_and_leaves_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    for content in [&b"small"[..], &[7; 5000]] {
        let form = parse(&body([file("f", "x", content)])).unwrap();
        let path = dir.path().join(format!("new/folder/{}.bin", content.len()));
        form.file("f").unwrap().save(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), content);
        std::fs::write(&path, "kept").unwrap();
        let error = form.file("f").unwrap().save(&path).unwrap_err();
        assert_eq!(error.status(), 500);
        assert!(error.to_string().contains("already"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"kept");
    }
    assert_eq!(std::fs::read_dir(dir.path().join("new/folder")).unwrap().count(), 2);
}

#[cfg(unix)]
#[test]
fn save_does_not_follow_a_dangling_link() {
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(dir.path().join("target"), dir.path().join("link")).unwrap();
    let form = parse(&body([file("f", "x", b"1")])).unwrap();
    assert!(form.file("f").unwrap().save(dir.path().join("link")).is_err());
    assert!(!dir.path().join("target").exists());
}

#[test]
fn a_full_disk_is_a_503() {
    assert_eq!(storage_error("x", io::ErrorKind::StorageFull.into()).status(), 503);
    assert_eq!(storage_error("x", io::ErrorKind::PermissionDenied.into()).status(), 500);
    #[cfg(unix)]
    assert_eq!(storage_error("x", io::Error::from_raw_os_error(24)).status(), 503, "too many open files");
}

struct Site {
    app: Arc<Application>,
    _root: tempfile::TempDir,
}

impl Site {
    fn new(settings: &str) -> Self {
        #[derive(serde::Deserialize)]
        struct Form {
            title: String,
            tag: Vec<String>,
        }
        let root = tempfile::tempdir().unwrap();
        let settings = Settings::from_toml(root.path(), &format!("DEBUG = true\n{settings}")).unwrap();
        let show = |req: &mut Request| -> Result<Response> {
            let photo = req.multipart()?.take_file("photo");
            let form: Form = req.form()?;
            let photo = photo.map_or_else(String::new, |photo| format!("{} {}", photo.len(), photo.is_in_memory()));
            Ok(Response::text(format!("{} {:?} {photo}", form.title, form.tag)))
        };
        let mut assembly = Assembly::new(Router::new().post("/", show), settings);
        assembly.stack_mut().push(BodyReader);
        Site { app: assembly.build().unwrap(), _root: root }
    }

    fn post(&self, content_type: &str, body: Vec<u8>) -> (u16, String) {
        let request = hyper::Request::post("/").header("content-type", content_type).body(()).unwrap();
        let (parts, ()) = request.into_parts();
        let response = block_on(self.app.clone().handle(parts, RequestBody::from(Bytes::from(body)), None));
        (response.status().as_u16(), String::from_utf8_lossy(response.body().as_bytes().unwrap()).into_owned())
    }
}

#[test]
fn a_view_reads_fields_as_a_form_and_files_separately() {
    let site = Site::new("UPLOAD_MEMORY_BYTES = 10");
    let fields = || [text("title", "Grüße & Küsse = +1 %20"), text("tag", "a"), text("tag", "b c")];
    let expected = "Grüße & Küsse = +1 %20 [\"a\", \"b c\"] ";
    assert_eq!(site.post(TYPE, body(fields())), (200, expected.to_owned()));
    let with_file = fields().into_iter().chain([file("photo", "x", b"12345678901")]);
    assert_eq!(site.post(TYPE, body(with_file)), (200, format!("{expected}11 false")));
    assert_eq!(site.post(&TYPE.replace("form-data", "FORM-data"), body(fields())).0, 200);
    assert_eq!(site.post(TYPE, body([])).0, 400, "a missing field");
    assert_eq!(site.post(TYPE, b"nonsense".to_vec()).0, 400);
    assert_eq!(site.post("application/x-www-form-urlencoded", b"title=a".to_vec()).0, 415);
}

#[test]
fn the_upload_limit_is_enforced() {
    let site = Site::new("MAX_UPLOAD_BYTES = 2000");
    let fields = || [text("title", "t"), text("tag", "a")];
    assert_eq!(site.post(TYPE, body(fields().into_iter().chain([file("photo", "x", &[1; 500])]))).0, 200);
    assert_eq!(site.post(TYPE, body(fields().into_iter().chain([file("photo", "x", &[1; 2000])]))).0, 413);
}

#[derive(Clone, Debug)]
enum Sent {
    Text(String, String),
    File(String, String, Vec<u8>),
}

fn sent() -> impl Strategy<Value = Sent> {
    // Names as a browser sends them: a quote and a line break come percent-encoded, a backslash as itself.
    let name = r#"[^\p{C}"\\]{0,20}"#;
    // Contents that sometimes resemble a boundary.
    let content = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..3000),
        proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'-'), Just(b'b')], 0..200),
        Just(b"\r\n------boundar".to_vec()),
        Just(b"------boundary\r\n\r\n--".to_vec()),
    ];
    prop_oneof![
        (name, any::<String>()).prop_map(|(name, value)| Sent::Text(name, value)),
        (name, r#"[^\p{C}"/\\\s.][^\p{C}"/\\\s]{0,20}"#, content).prop_map(|(name, file, content)| Sent::File(name, file, content)),
    ]
}

static RUNTIME: Mutex<Option<tokio::runtime::Runtime>> = Mutex::new(None);

/// Like `parse_with`, but with one runtime for all cases.
fn parse_on_shared_runtime(body: &[u8], sizes: &[usize], memory: usize) -> Result<Multipart> {
    let mut runtime = RUNTIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let runtime = runtime.get_or_insert_with(|| tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());
    runtime.block_on(Multipart::parse(TYPE, Split::of(body, sizes), storage(memory)))
}

proptest! {
    #[test]
    fn sent_parts_are_received(
        parts in proptest::collection::vec(sent(), 0..8),
        sizes in proptest::collection::vec(1_usize..400, 1..8),
        memory in prop::sample::select(&[0_usize, 10, 100, 1000, 3000][..]),
    ) {
        let encoded = parts.iter().map(|part| match part {
            Sent::Text(name, value) => text(name, value),
            Sent::File(name, file_name, content) => file(name, file_name, content),
        });
        let form = parse_on_shared_runtime(&body(encoded), &sizes, memory).unwrap();
        let (mut fields, mut files) = (form.fields(), form.files());
        let mut in_memory = 0;
        for part in &parts {
            match part {
                Sent::Text(name, value) => prop_assert_eq!(fields.next(), Some((name.as_str(), value.as_str()))),
                Sent::File(name, file_name, content) => {
                    let file = files.next().unwrap();
                    prop_assert_eq!((file.field_name(), file.file_name()), (name.as_str(), Some(file_name.as_str())));
                    prop_assert_eq!(&file.bytes().unwrap(), content);
                    prop_assert_eq!(file.is_in_memory(), content.is_empty() || in_memory + content.len() <= memory);
                    in_memory += if file.is_in_memory() { content.len() } else { 0 };
                }
            }
        }
        prop_assert!(fields.next().is_none() && files.next().is_none());
    }

    #[test]
    fn nonsense_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..2000), sizes in proptest::collection::vec(0_usize..50, 1..5)) {
        let _ = parse_on_shared_runtime(&bytes, &sizes, 10);
    }

    #[test]
    fn a_damaged_form_never_panics_nor_hangs(
        parts in proptest::collection::vec(sent(), 1..4),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
        sizes in proptest::collection::vec(1_usize..100, 1..5),
    ) {
        let mut bytes = body(parts.iter().map(|part| match part {
            Sent::Text(name, value) => text(name, value),
            Sent::File(name, file_name, content) => file(name, file_name, content),
        }));
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(end.index(bytes.len() + 1));
        if let Err(error) = parse_on_shared_runtime(&bytes, &sizes, 10) {
            prop_assert!(error.is_client_error(), "{}", error);
        }
    }
}
