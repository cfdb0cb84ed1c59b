use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use super::*;
use crate::request::RequestBody;
use crate::{Application, Assembly, Bytes, Router, Settings, context};

mod arguments;
mod nested;
mod paging;

const SETTINGS: &str = "SECRET_KEY = 'J8Yw1xkT0sGmVYb1QeL6hX3nPzR5uCa9'";
const DEBUG: &str = "SECRET_KEY = 'J8Yw1xkT0sGmVYb1QeL6hX3nPzR5uCa9'\nDEBUG = true";

fn write(dir: &TempDir, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = dir.path().join("templates").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn project(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    write(&dir, files);
    dir
}

fn assembly(dir: &Path, settings: &str) -> Assembly {
    let view = |_: &mut Request| "";
    let router = Router::new().get("/posts/{id:int}", view).name("post").get("/users/{name}", view).name("user");
    Assembly::new(router, Settings::from_toml(dir, settings).unwrap())
}

fn app(dir: &TempDir, settings: &str) -> Arc<Application> {
    assembly(dir.path(), settings).build().unwrap()
}

fn request(app: &Arc<Application>) -> Request {
    request_to(app, "/")
}

fn request_to(app: &Arc<Application>, uri: &str) -> Request {
    let (parts, ()) = hyper::Request::builder().uri(uri).body(()).unwrap().into_parts();
    Request::new(app.clone(), parts, RequestBody::from(Bytes::new()), None)
}

fn render(app: &Arc<Application>, name: &str, context: tera::Context) -> Result<String> {
    request(app).render_to_string(name, context)
}

/// Renders a template with this text.
fn render_text(text: &str, context: tera::Context) -> Result<String> {
    render(&app(&project(&[("t.html", text)]), SETTINGS), "t.html", context)
}

#[test]
fn html_is_escaped_and_text_is_not() {
    let dir = project(&[("a.html", "{{ x }}"), ("mail/a.txt", "{{ x }}")]);
    let app = app(&dir, SETTINGS);
    assert_eq!(render(&app, "a.html", context! { x => "<b>" }).unwrap(), "&lt;b&gt;");
    assert_eq!(render(&app, "mail/a.txt", context! { x => "<b>" }).unwrap(), "<b>");
}

#[test]
fn templates_are_found_in_subfolders() {
    let files = [("b.html", ""), ("a/x.html", ""), (".hidden.html", "{{"), ("b.html~", "{{"), ("#b.html#", "{{"), (".git/x.html", "{{")];
    let app = app(&project(&files), SETTINGS);
    assert_eq!(app.templates().names().collect::<Vec<_>>(), ["a/x.html", "b.html"]);
    assert!(app.templates().contains("a/x.html"));
    assert!(!app.templates().contains("x.html"));
}

#[cfg(unix)]
#[test]
fn symbolic_links_may_form_a_loop() {
    let dir = project(&[("b.html", "b"), ("a/x.html", "x")]);
    let link = |to: &Path, at: &str| std::os::unix::fs::symlink(to, dir.path().join("templates").join(at)).unwrap();
    link(&dir.path().join("templates"), "a/loop");
    link(&dir.path().join("nowhere"), "nowhere.html");
    link(Path::new("self.html"), "self.html");
    link(&dir.path().join("templates/a"), "linked");
    let app = app(&dir, DEBUG);
    assert_eq!(app.templates().names().collect::<Vec<_>>(), ["a/x.html", "b.html", "linked/x.html"]);
}

#[test]
fn no_folder_means_no_templates() {
    let dir = TempDir::new().unwrap();
    let app = app(&dir, SETTINGS);
    assert_eq!(app.templates().names().count(), 0);
    let error = render(&app, "index.html", context! {}).unwrap_err();
    assert!(error.message().contains("does not exist"), "{error}");
}

#[test]
fn the_error_for_a_missing_template_has_a_suggestion_and_the_location_of_the_call() {
    let app = app(&project(&[("index.html", ""), ("blog/post.html", "")]), SETTINGS);
    let error = render(&app, "indx.html", context! {}).unwrap_err();
    assert_eq!(error.status(), 500);
    assert!(error.message().contains("\"indx.html\""), "{error}");
    assert!(error.message().contains("did you mean \"index.html\"?"), "{error}");
    assert!(error.message().contains("templates"), "{error}");
    let error = request(&app).render_to_string("post.html", context! {}).unwrap_err();
    assert!(error.message().contains("did you mean \"blog/post.html\"?"), "{error}");
    assert!(error.location().unwrap().contains("templates/tests/mod.rs"), "{error:?}");
}

#[test]
fn all_malformed_templates_are_reported_at_startup() {
    let dir = project(&[("a.html", "ok\n{{ x }"), ("b.html", "{% if %}"), ("c.html", "fine")]);
    for settings in [SETTINGS, DEBUG] {
        let error = assembly(dir.path(), settings).build().err().unwrap().to_string();
        assert!(error.contains("a.html:2:"), "{error}");
        assert!(error.contains("b.html:1:"), "{error}");
        assert!(!error.contains("c.html"), "{error}");
    }
}

#[test]
fn all_unknown_references_are_reported_at_startup() {
    let dir = project(&[("a.html", "{{ x | nofilter }}"), ("b.html", "{{ nofunction() }}{% include 'none.html' %}")]);
    let error = assembly(dir.path(), SETTINGS).build().err().unwrap().to_string();
    for part in ["nofilter", "nofunction", "none.html", "a.html:1:", "b.html:1:"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    let dir = project(&[("a.html", "{% extends 'none.html' %}")]);
    let error = assembly(dir.path(), SETTINGS).build().err().unwrap().to_string();
    assert!(error.contains("none.html") && error.contains("a.html"), "{error}");
}

#[test]
fn a_file_that_is_not_text_is_named_in_the_error() {
    let dir = project(&[("a.html", "")]);
    fs::write(dir.path().join("templates/logo.html"), [0xff, 0xfe, 0x00]).unwrap();
    let error = assembly(dir.path(), SETTINGS).build().err().unwrap().to_string();
    assert!(error.contains("logo.html is not UTF-8"), "{error}");
}

#[test]
fn a_byte_order_mark_is_dropped() {
    assert_eq!(render_text("\u{feff}hello", context! {}).unwrap(), "hello");
}

#[test]
fn encodings_and_line_endings_make_no_difference() {
    for base in ["\u{feff}<h1>{% block a %}{% endblock %}</h1>\r\n", "<h1>{% block a %}{% endblock %}</h1>\n"] {
        for page in [
            "{% extends \"base.html\" %}\n{% block a %}x\ny{% endblock %}\n",
            "\u{feff}{% extends \"base.html\" %} \r\n{% block a %}x\r\ny{% endblock %}\r\n",
        ] {
            let dir = project(&[("base.html", base), ("page.html", page)]);
            assert_eq!(render(&app(&dir, SETTINGS), "page.html", context! {}).unwrap(), "<h1>x\ny</h1>\n", "{page:?}");
        }
    }
    let dir = project(&[]);
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain("é\r\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    fs::create_dir_all(dir.path().join("templates")).unwrap();
    fs::write(dir.path().join("templates/t.html"), utf16).unwrap();
    assert_eq!(render(&app(&dir, SETTINGS), "t.html", context! {}).unwrap(), "é\n");
}

#[test]
fn the_error_for_an_undefined_variable_names_the_template_and_the_line() {
    let error = render_text("one\n{{ missing }}", context! {}).unwrap_err();
    assert_eq!(error.status(), 500);
    assert!(error.message().contains("missing"), "{error}");
    assert!(error.message().contains("t.html:2:"), "{error}");
    assert!(error.source().is_some());
    let error = render_text("{{ user.nmae }}", context! { user => &std::collections::HashMap::from([("name", "alice")]) }).unwrap_err();
    assert!(error.message().contains("nmae"), "{error}");
}

#[test]
fn debug_reloads_changed_templates() {
    let dir = project(&[("a.html", "one"), ("b.html", "b")]);
    let app = app(&dir, DEBUG);
    assert_eq!(render(&app, "a.html", context! {}).unwrap(), "one");

    write(&dir, &[("a.html", "second"), ("new/c.html", "new")]);
    assert_eq!(render(&app, "a.html", context! {}).unwrap(), "second");
    assert_eq!(render(&app, "new/c.html", context! {}).unwrap(), "new");

    write(&dir, &[("a.html", "\n\n{{ broken }")]);
    let error = render(&app, "a.html", context! {}).unwrap_err();
    assert_eq!(error.status(), 500);
    assert!(error.message().contains("a.html:3:"), "{error}");
    assert!(app.templates().contains("a.html"));

    write(&dir, &[("a.html", "fixed again")]);
    assert_eq!(render(&app, "a.html", context! {}).unwrap(), "fixed again");

    fs::remove_file(dir.path().join("templates/b.html")).unwrap();
    assert!(render(&app, "b.html", context! {}).is_err());
}

#[test]
fn outside_debug_templates_are_read_once() {
    let dir = project(&[("a.html", "one")]);
    let app = app(&dir, SETTINGS);
    write(&dir, &[("a.html", "{{ broken")]);
    assert_eq!(render(&app, "a.html", context! {}).unwrap(), "one");
}

#[test]
fn url_for_builds_urls() {
    let url = |text: &str| render_text(text, context! { id => &7, none => &None::<i32>, list => &[1] });
    assert_eq!(url("{{ url_for(name='post', id=id) }}").unwrap(), "/posts/7");
    assert_eq!(url("{{ url_for(name='post', id='5') }}").unwrap(), "/posts/5");
    assert_eq!(url("{{ url_for(name='post', id=5, z=true, b='x y', a=1) }}").unwrap(), "/posts/5?a=1&amp;b=x%20y&amp;z=true");
    assert_eq!(url("{{ url_for(route='user', name='a/b') }}").unwrap(), "/users/a%2Fb");
}

#[test]
fn url_for_explains_what_is_wrong() {
    let error = |text: &str| render_text(text, context! { none => &None::<i32>, list => &[1] }).unwrap_err().message().to_owned();
    assert!(error("{{ url_for(name='pots', id=1) }}").contains("did you mean \"post\"?"));
    assert!(error("{{ url_for(name='post', id='x') }}").contains("\"id\""));
    assert!(error("{{ url_for(name='post') }}").contains("\"id\""));
    let wrong = error("{{ url_for(name='post', id=list) }}");
    assert!(wrong.contains("the parameter \"id\"") && wrong.contains("a list"), "{wrong}");
    let wrong = error("{{ url_for(name='post', id=none) }}");
    assert!(wrong.contains("the parameter \"id\"") && wrong.contains("none"), "{wrong}");
    let wrong = error("{{ url_for(name='post', id=missing) }}");
    assert!(wrong.contains("the parameter \"id\"") && wrong.contains("not defined"), "{wrong}");
    assert!(error("{{ url_for(name=5) }}").contains("route's name"));
    assert!(error("{{ url_for(id=5) }}").contains("needs the name of a route"));
    assert!(error("{{ url_for(name='post', id=1.5) }}").contains("\"id\""));
}

#[test]
fn static_builds_paths() {
    assert_eq!(render_text("{{ static(path='css/site.css') }}", context! {}).unwrap(), "/static/css/site.css");
    assert_eq!(render_text("{{ static(path='/a b?.png') }}", context! {}).unwrap(), "/static/a%20b%3F.png");
    assert!(render_text("{{ static(path=5) }}", context! {}).unwrap_err().message().contains("path should be a string"));
    let dir = project(&[("t.html", "{{ static(path='x') }}")]);
    let app = app(&dir, &format!("{SETTINGS}\nSTATIC_URL = 'https://cdn.example.com/s'"));
    assert_eq!(render(&app, "t.html", context! {}).unwrap(), "https://cdn.example.com/s/x");
}

/// Renders `name`. Returns how often the global `user` was computed, and the page.
fn count(files: &[(&str, &str)], name: &str, context: tera::Context) -> (usize, String) {
    let dir = project(files);
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    let mut assembly = assembly(dir.path(), SETTINGS);
    assembly.template_global("user", move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok("alice")
    });
    let page = render(&assembly.build().unwrap(), name, context).unwrap();
    (count.load(Ordering::Relaxed), page)
}

#[test]
fn globals_are_computed_only_for_templates_that_mention_them() {
    assert_eq!(count(&[("a.html", "user")], "a.html", context! {}), (0, "user".to_owned()));
    assert_eq!(count(&[("a.html", "{{ user }}{{ user }}")], "a.html", context! {}), (1, "alicealice".to_owned()));
    let parent =
        [("base.html", "{{ user }}{% block b %}{% endblock %}"), ("a.html", "{% extends 'base.html' %}{% block b %}!{% endblock %}")];
    assert_eq!(count(&parent, "a.html", context! {}), (1, "alice!".to_owned()));
    let block =
        [("base.html", "{% block b %}{% endblock %}"), ("a.html", "{% extends 'base.html' %}{% block b %}{{ user }}{% endblock %}")];
    assert_eq!(count(&block, "a.html", context! {}), (1, "alice".to_owned()));
    let include = [("part.html", "{{ user }}"), ("base.html", "{% include 'part.html' %}"), ("a.html", "{% extends 'base.html' %}")];
    assert_eq!(count(&include, "a.html", context! {}), (1, "alice".to_owned()));
    assert_eq!(count(&[("a.html", "{% if user %}in{% endif %}")], "a.html", context! {}), (1, "in".to_owned()));
}

#[test]
fn globals_reach_implicit_arguments_of_components() {
    let components = "{% component Hello(@user) %}{{ user }}{% endcomponent Hello %}\n\
                      {% component Outer() %}{{ <Hello/> }}{% endcomponent Outer %}\n\
                      {% component Other() %}other{% endcomponent Other %}";
    let files = |page| [("a.html", page), ("parts.html", components)];
    assert_eq!(count(&files("{{ <Hello/> }}"), "a.html", context! {}).1, "alice");
    assert_eq!(count(&files("{{ <Outer/> }}"), "a.html", context! {}).1, "alice");
    assert_eq!(count(&files("{{ <Other/> }}"), "a.html", context! {}), (0, "other".to_owned()));
}

#[test]
fn the_context_takes_precedence_over_globals() {
    assert_eq!(count(&[("a.html", "{{ user }}")], "a.html", context! { user => "bob" }), (0, "bob".to_owned()));
}

#[test]
fn a_global_that_fails_fails_the_page() {
    let dir = project(&[("a.html", "{{ user }}")]);
    let mut assembly = assembly(dir.path(), SETTINGS);
    assembly.template_global("user", |_| Err::<(), _>(Error::unavailable("no database")));
    let error = render(&assembly.build().unwrap(), "a.html", context! {}).unwrap_err();
    assert_eq!(error.status(), 503);
}

/// Returns the error at startup with these templates.
fn start_error(files: &[(&str, &str)]) -> String {
    assembly(project(files).path(), SETTINGS).build().err().unwrap().to_string()
}

#[test]
fn unknown_names_are_reported_at_startup_with_their_locations_and_suggestions() {
    let error = start_error(&[
        ("a.html", "x\n{{ 1 | dat }} {{ urlfor() }} {% if 1 is od %}{% endif %}{% include \"b.htm\" %}"),
        ("b.html", "{{ <Foo /> }}"),
    ]);
    for part in [
        "a.html:2:8: there is no filter \"dat\"; did you mean \"date\"?",
        "a.html:2:18: there is no function \"urlfor\"; did you mean \"url_for\"?",
        "there is no test \"od\"; did you mean \"odd\"?",
        "there is no template \"b.htm\"; did you mean \"b.html\"?",
        "b.html:1:4: there is no component \"Foo\"",
    ] {
        assert!(error.contains(part), "{part} in {error}");
    }
    assert!(
        start_error(&[("a.html", "\n\n{% extends \"bse.html\" %}"), ("base.html", "")])
            .contains("a.html:3: there is no template \"bse.html\"; did you mean \"base.html\"?")
    );
    assert!(start_error(&[("a.html", "{{ now() }}")]).contains("\"now\"; it is a variable: write {{ now }}"));
    assert!(start_error(&[("a.html", "{{ date() }}")]).contains("\"date\"; it is a filter: write {{ value | date }}"));
    assert!(start_error(&[("a.html", "{{ 1 | csrf_token }}")]).contains("it is a function: write {{ csrf_token(…) }}"));
}

#[test]
fn the_error_for_an_unknown_variable_has_its_location_and_a_suggestion() {
    let user = std::collections::BTreeMap::from([("name", "alice"), ("mail", "x")]);
    let error = |text: &str| render_text(text, context! { user => &user, title => "x" }).unwrap_err().message().to_owned();
    assert_eq!(error("\n {{ usre }}"), "the template t.html:2:5 failed: the variable \"usre\" is not defined; did you mean \"user\"?");
    assert!(error("{{ user.nme }}").contains("there is no field \"nme\"; did you mean \"name\"?"));
    assert!(error("{{ user.zip }}").contains("there is no field \"zip\"; the fields are "));
    assert!(error("{% for x in tilte %}{% endfor %}").contains("\"tilte\" is not defined"));
    assert!(error("{{ reqeust.path }}").contains("did you mean \"request\"?"));
    assert!(
        error("{{ usre | upper }}").contains("\"usre\" is not defined; did you mean")
            || error("{{ usre | upper }}").contains("\"usre\" is not defined")
    );
    assert!(error("{{ csrf_input }}").contains("\"csrf_input\" is a function: write {{ csrf_input() }}"));
    assert!(error("{{ user | truncate }}").contains("t.html:1:4"));
}

#[test]
fn the_filters_of_the_framework_format_text() {
    let show =
        |text: &str| render_text(text, context! { text => "<b>\nx", one => 1, two => 2, list => ["a"], html => crate::Html::new("<i>") });
    assert_eq!(show("{{ text | linebreaks }}").unwrap(), "<p>&lt;b&gt;<br>\nx</p>");
    assert_eq!(show("{{ html | linebreaks }}|{{ html }}").unwrap(), "<p><i></p>|<i>");
    assert_eq!(show("{{ 'äöü abc' | truncate(length=3) }}").unwrap(), "äöü…");
    assert_eq!(show("{{ 'one two three' | truncate_words(length=2) }}").unwrap(), "one two…");
    assert_eq!(show("{{ 'one <two> three' | truncate_words(length=2, end='') }}").unwrap(), "one &lt;two&gt;");
    assert_eq!(
        show("{{ one | pluralize }}{{ two | pluralize }}{{ list | length | pluralize(singular='y', plural='ies') }}").unwrap(),
        "sy"
    );
    assert!(show("{{ text | truncate_words }}").unwrap_err().message().contains("`length`"));
    assert!(show("{{ one | linebreaks }}").unwrap_err().message().contains("t.html:1:4"));
}

#[test]
fn templates_can_use_the_time_and_the_request() {
    let app = app(
        &project(&[("t.html", "{{ now | date(format='%Y') }} {{ request.method }} {{ request.path }} {{ request.query | length }}")]),
        SETTINGS,
    );
    let page = render(&app, "t.html", context! {}).unwrap();
    assert!(page.starts_with("20") && page.ends_with(" GET / 0"), "{page}");
    let own = render_text("{{ now }} {{ request }}", context! { now => "mine", request => "too" }).unwrap();
    assert_eq!(own, "mine too");
}

fn with_own(change: impl FnOnce(&mut Assembly), text: &str) -> Result<String> {
    let inner = if text.contains("nested") { "<{{ hello(name='in') }}>" } else { "" };
    let dir = project(&[("t.html", text), ("inner.html", inner)]);
    let mut assembly = assembly(dir.path(), SETTINGS);
    change(&mut assembly);
    render(&assembly.build().unwrap(), "t.html", context! { cents => 1250, none => &None::<i32> })
}

#[test]
fn an_application_can_add_filters() {
    let money = |assembly: &mut Assembly| {
        assembly.template_filter("money", |cents: i64, args| {
            Ok(format!("{} <{}>", cents / 100, args.get("currency")?.unwrap_or("EUR".to_owned())))
        });
        assembly.template_filter("bold", |text: String, _| Ok(crate::Html::new(format!("<b>{}</b>", crate::Html::escape(&text).as_str()))));
        assembly.template_filter("fails", |_: i64, args| args.require::<String>("reason"));
        assembly.template_filter("upper", |_: String, _| Ok("mine"));
    };
    assert_eq!(with_own(money, "{{ cents | money }}{{ cents | money(currency='CHF') }}").unwrap(), "12 &lt;EUR&gt;12 &lt;CHF&gt;");
    assert_eq!(with_own(money, "{{ '<x>' | bold }}{{ 'a' | upper }}").unwrap(), "<b>&lt;x&gt;</b>mine");
    let error = |text| with_own(money, text).unwrap_err().message().to_owned();
    assert!(error("\n{{ 'x' | money }}").contains("t.html:2:10 failed: money cannot"), "{}", error("\n{{ 'x' | money }}"));
    assert!(error("{{ cents | fails }}").contains("fails needs the argument reason: fails(reason=…)"));
    assert!(error("{{ cents | money(currency=5) }}").contains("money: the argument currency is invalid"));
    assert!(error("{{ cetns | money }}").contains("\"cetns\" is not defined"), "{}", error("{{ cetns | money }}"));
}

#[test]
fn an_application_can_add_functions_that_use_the_request() {
    let hello = |assembly: &mut Assembly| {
        assembly.template_function("hello", |req, args| Ok(format!("{} {}", req.path(), args.require::<String>("name")?)));
        assembly.template_function("nested", |req, _| Ok(crate::Html::new(req.render_to_string("inner.html", context! {})?)));
        assembly.template_function("down", |_, _| Err::<(), _>(Error::unavailable("no database")));
        assembly.template_function("gone", |_, _| Err::<(), _>(Error::not_found("There is no such post.")));
        assembly.template_function("panics", |_, _| -> Result<()> { panic!("a function panics") });
    };
    assert_eq!(with_own(hello, "{{ hello(name='<a>') }}").unwrap(), "/ &lt;a&gt;");
    assert_eq!(with_own(hello, "{{ nested() }}{{ hello(name='b') }}{{ nested() }}").unwrap(), "</ in>/ b</ in>");
    assert_eq!(with_own(hello, "{% if false %}{{ down() }}{% endif %}").unwrap(), "");
    let error = with_own(hello, "\n{{ down() }}").unwrap_err();
    assert!(error.status() == 503 && error.message().contains("t.html:2:4 failed: no database"), "{error:?}");
    let error = with_own(hello, "{{ gone() }}").unwrap_err();
    assert_eq!((error.status().as_u16(), error.message()), (404, "There is no such post."));
    assert!(with_own(hello, "{{ hello() }}").unwrap_err().message().contains("hello needs the argument name"));
}

#[test]
fn the_request_is_given_back_if_a_function_panics() {
    let dir = project(&[("t.html", "{{ panics() }}"), ("fine.html", "{{ path() }}")]);
    let mut assembly = assembly(dir.path(), SETTINGS);
    assembly.template_function("panics", |_, _| -> Result<()> { panic!("a function panics") });
    assembly.template_function("path", |req, _| Ok(req.extensions().get::<u8>().copied()));
    let mut req = request(&assembly.build().unwrap());
    req.extensions_mut().insert(7_u8);
    let rendering = std::panic::AssertUnwindSafe(|| req.render_to_string("t.html", context! {}));
    assert!(std::panic::catch_unwind(rendering).is_err());
    assert_eq!(req.render_to_string("fine.html", context! {}).unwrap(), "7");
}

#[test]
fn a_file_replaces_the_template_of_a_crate() {
    let built_in = |dir: &TempDir| {
        let mut assembly = assembly(dir.path(), DEBUG);
        assembly.template("shop/base.html", "<{% block body %}{% endblock %}>");
        assembly.template("shop/cart.html", "{% extends \"shop/base.html\" %}{% block body %}{{ x }}{% endblock %}");
        assembly.build().unwrap()
    };
    let dir = project(&[]);
    let app = built_in(&dir);
    assert_eq!(render(&app, "shop/cart.html", context! { x => "&" }).unwrap(), "<&amp;>");
    // The application replaces the base template of the crate.
    write(&dir, &[("shop/base.html", "<main>{% block body %}{% endblock %}</main>")]);
    assert_eq!(render(&app, "shop/cart.html", context! { x => 1 }).unwrap(), "<main>1</main>");
    assert_eq!(app.templates().names().collect::<Vec<_>>(), ["shop/base.html", "shop/cart.html"]);
}
