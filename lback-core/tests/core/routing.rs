//! Routing.

use lback_core::{Method, Request, Response, Result, Router, StatusCode};

use crate::{app, app_with, assemble, client, start_error};
use lback_core::middleware::{LiveReload, Stack, StaticFiles, Toolbar};
use lback_core::testing::Client;

/// Shows which route answered and with which parameters.
fn echo(req: &mut Request) -> String {
    let params: Vec<String> = req.params().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{} [{}]", req.route().map_or("-", |route| route.pattern()), params.join(", "))
}

fn one(_: &mut Request) -> &'static str {
    "one"
}

fn two(_: &mut Request) -> &'static str {
    "two"
}

#[test]
fn every_type_accepts_its_values_and_nothing_else() {
    let urls = Router::new()
        .get("/int/{v:int}", echo)
        .get("/uuid/{v:uuid}", echo)
        .get("/slug/{v:slug}", echo)
        .get("/str/{v:str}", echo)
        .get("/plain/{v}", echo)
        .get("/path/{v:path}", echo)
        .get("/feed-{v:int}.xml", echo);
    let client = client(urls);
    let uuid = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    let found = [
        ("/int/7", "7"),
        ("/int/-7", "-7"),
        ("/int/9223372036854775807", "9223372036854775807"),
        (&format!("/uuid/{uuid}"), uuid),
        ("/slug/a-b_C9", "a-b_C9"),
        ("/str/a b", "a b"),
        ("/plain/caf\u{e9}", "caf\u{e9}"),
        ("/path/a/b/c.txt", "a/b/c.txt"),
        ("/path/a", "a"),
        ("/feed-12.xml", "12"),
    ];
    for (path, value) in found {
        client.get(path).send().assert_status(200).assert_contains(&format!("[v={value}]"));
    }
    let missing = [
        "/int/seven",
        "/int/1.5",
        "/int/+7",
        "/int/9223372036854775808",
        "/int/%207",
        "/int/٣",
        "/uuid/67e5504410b1426f9247bb680e5fe0c8",
        "/uuid/7",
        "/slug/a b",
        "/slug/a.b",
        "/slug/é",
        "/str/a/b",
        "/path/",
        "/path",
        "/feed-x.xml",
        "/feed-.xml",
        "/feed-12.html",
        "/nothing",
    ];
    for path in missing {
        client.get(path).send().assert_status(404);
    }
}

#[test]
fn values_are_decoded_once_and_an_encoded_slash_is_not_a_separator() {
    let client = client(Router::new().get("/one/{v}", echo).get("/rest/{v:path}", echo).get("/caf\u{e9}/100%", echo));
    let decoded = [
        ("/one/a%2Fb", "a/b"),
        ("/one/a%2fb", "a/b"),
        ("/one/%C3%A9", "é"),
        ("/one/%e6%97%a5", "日"),
        ("/one/100%25", "100%"),
        ("/one/%252F", "%2F"),
        ("/one/%2541", "%41"),
        ("/one/%%34%31", "%41"),
        ("/one/%", "%"),
        ("/one/%zz", "%zz"),
        ("/one/a+b", "a+b"),
        ("/one/%3Fq=1", "?q=1"),
        ("/one/%7Bv%7D", "{v}"),
        ("/rest/a%2Fb/c", "a/b/c"),
    ];
    for (path, value) in decoded {
        let response = client.get(path).send();
        assert_eq!(response.assert_status(200).text().split_once("[v=").unwrap().1, format!("{value}]"), "{path}");
    }
    client.get("/caf%C3%A9/100%25").send().assert_status(200);
    client.get("/caf\u{e9}/100%25").send().assert_status(200);
    client.get("/%6Fne/x").send().assert_status(200);
}

#[test]
fn a_path_that_is_not_text_is_a_bad_request() {
    let client = client(Router::new().get("/{v}", echo));
    for path in ["/%ff", "/%C3", "/%00", "/a%00b", "/nothing/%ff/here"] {
        client.get(path).send().assert_status(400);
    }
}

#[test]
fn unsupported_methods_are_refused_with_a_list_of_supported_ones() {
    let urls = Router::new()
        .get("/page", one)
        .post("/page", two)
        .put("/thing", one)
        .route([Method::GET, Method::DELETE], "/both", one)
        .any("/any", |req: &mut Request| req.method().to_string());
    let client = client(urls);
    client.get("/page").send().assert_contains("one");
    client.post("/page").send().assert_contains("two");
    let refused = client.delete("/page").send();
    assert_eq!(refused.assert_status(405).header("allow"), Some("GET, HEAD, OPTIONS, POST"));
    let refused = client.head("/thing").send();
    assert_eq!(refused.assert_status(405).header("allow"), Some("OPTIONS, PUT"));
    assert!(refused.bytes().is_empty());
    client.delete("/both").send().assert_status(200);
    client.request(Method::from_bytes(b"PURGE").unwrap(), "/any").send().assert_contains("PURGE");
    client.options("/any").send().assert_contains("OPTIONS");

    let options = client.options("/page").send();
    assert_eq!(options.assert_status(204).header("allow"), Some("GET, HEAD, OPTIONS, POST"));
    client.options("/nothing").send().assert_status(404);
}

#[test]
fn head_is_get_without_the_body() {
    let own = |_: &mut Request| Response::text("mine").with_header("x-head", "own");
    let client = client(Router::new().get("/", |_: &mut Request| "hello").route([Method::HEAD], "/own", own).get("/own", one));
    let response = client.head("/").send();
    assert_eq!(response.assert_status(200).header("content-length"), Some("5"));
    assert!(response.bytes().is_empty());
    let response = client.head("/own").send();
    assert_eq!((response.header("x-head"), response.header("content-length")), (Some("own"), Some("4")));
    client.get("/own").send().assert_contains("one");
}

#[test]
fn an_extra_or_missing_slash_redirects_and_keeps_query_and_method() {
    let urls = Router::new().get("/about", one).get("/blog/", one).post("/form", one).get("/n/{id:int}", one).get("/d/caf\u{e9} {x}", one);
    let client = client(urls);
    let redirects = [
        ("/about/", "/about"),
        ("/about/?a=1&b=%20x", "/about?a=1&b=%20x"),
        ("/blog", "/blog/"),
        ("/form/", "/form"),
        ("/n/7/", "/n/7"),
        ("/d/caf%C3%A9%20a%2Fb%25/?q", "/d/caf%C3%A9%20a%2Fb%25?q"),
    ];
    for (path, location) in redirects {
        client.get(path).send().assert_status(308).assert_redirect(location);
    }
    let posted = client.post("/form/").body("x").follow().send();
    assert_eq!(posted.assert_contains("one").path(), "/form");
    for missing in ["/n/x/", "/nothing/", "/about//"] {
        client.get(missing).send().assert_status(404);
    }
    let strict = Client::new(app_with(Router::new().get("/about", one), "REDIRECT_SLASHES = false"));
    strict.get("/about/").send().assert_status(404);
}

#[test]
fn a_slash_redirect_never_leads_to_another_host() {
    let client_of_rest = client(Router::new().get("/{rest:path}", one));
    let client_of_one = client(Router::new().get("/{name}", one).get("/{a}/{b}", one).get("/{a}/{b}/{c}", one));
    for path in [
        "//evil.com/",
        "/%5Cevil.com/",
        "/%5c%5Cevil.com/",
        "/%2F%2Fevil.com/",
        "/%2Fevil.com/",
        "/%09/evil.com/",
        "//evil.com",
        "///evil.com/",
    ] {
        for client in [&client_of_rest, &client_of_one] {
            let response = client.get(path).send();
            if let Some(location) = response.location() {
                let harmless = location.starts_with('/') && !location.starts_with("//") && !location.contains(['\\', '\t']);
                assert!(harmless, "{path} leads to {location}");
            }
        }
    }
    client_of_one.get("//evil.com/").send().assert_status(404);
    client_of_one.get("/%5Cevil.com/").send().assert_status(404);
}

#[test]
fn includes_join_prefixes_names_and_patterns() {
    let posts = Router::new().get("/", echo).name("list").get("/{id:int}", echo).name("detail").get("/drafts/", echo);
    let blog = Router::new().get("/", echo).name("index").include("/posts", posts).name("posts");
    let urls = Router::new()
        .get("/", echo)
        .name("home")
        .include("/{lang}/blog", blog)
        .name("blog")
        .include("/plain/", Router::new().get("/a", echo).name("a"));
    let app = app(urls);
    let client = Client::new(app.clone());
    client.get("/").send().assert_contains("/ []");
    client.get("/de/blog").send().assert_contains("/{lang}/blog [lang=de]");
    client.get("/de/blog/posts").send().assert_contains("/{lang}/blog/posts [lang=de]");
    client.get("/de/blog/posts/7").send().assert_contains("[lang=de, id=7]");
    client.get("/de/blog/posts/drafts/").send().assert_status(200);
    client.get("/de/blog/").send().assert_redirect("/de/blog");
    client.get("/plain/a").send().assert_status(200);

    assert_eq!(app.url_for("blog:posts:detail", &[("lang", &"de"), ("id", &7)]).unwrap(), "/de/blog/posts/7");
    assert_eq!(app.url_for("blog:index", &[("lang", &"de")]).unwrap(), "/de/blog");
    assert_eq!(app.url_for("a", &[]).unwrap(), "/plain/a");
    assert!(app.has_route("blog:posts:list") && !app.has_route("list"));
    let patterns: Vec<&str> = app.routes().iter().map(|route| route.pattern()).collect();
    assert_eq!(
        patterns,
        ["/", "/{lang}/blog", "/{lang}/blog/posts", "/{lang}/blog/posts/{id:int}", "/{lang}/blog/posts/drafts/", "/plain/a"]
    );
    assert_eq!(app.routes()[3].name(), Some("blog:posts:detail"));
    assert!(app.routes()[3].place().contains("routing.rs"));
}

#[test]
fn url_for_escapes_checks_and_explains() {
    let urls = Router::new()
        .get("/", one)
        .name("home")
        .get("/n/{id:int}", one)
        .name("number")
        .get("/s/{text}", one)
        .name("text")
        .get("/g/{title:slug}.html", one)
        .name("slug")
        .get("/u/{id:uuid}", one)
        .name("uuid")
        .get("/f/{rest:path}", one)
        .name("file")
        .get("/{rest:path}", one)
        .name("any");
    let app = app(urls);
    let url = |name: &str, params: &[(&str, &dyn std::fmt::Display)]| app.url_for(name, params);
    assert_eq!(url("home", &[]).unwrap(), "/");
    assert_eq!(url("number", &[("id", &-7)]).unwrap(), "/n/-7");
    assert_eq!(url("text", &[("text", &"a/b c?d#e%f\"é")]).unwrap(), "/s/a%2Fb%20c%3Fd%23e%25f%22%C3%A9");
    assert_eq!(url("file", &[("rest", &"a b/c?.txt")]).unwrap(), "/f/a%20b/c%3F.txt");
    assert_eq!(url("slug", &[("title", &"a-b_c")]).unwrap(), "/g/a-b_c.html");
    assert_eq!(url("home", &[("next", &"/a?b&c=d"), ("page", &2)]).unwrap(), "/?next=%2Fa%3Fb%26c%3Dd&page=2");

    let refused = |name: &str, params: &[(&str, &dyn std::fmt::Display)], why: &str| {
        let error = url(name, params).unwrap_err();
        assert!(error.message().contains(why), "{error}");
        assert!(error.is_server_error());
    };
    refused("number", &[("id", &"seven")], "a whole number");
    refused("number", &[], "\"id\"");
    refused("uuid", &[("id", &7)], "a UUID");
    refused("slug", &[("title", &"a b")], "hyphens");
    refused("text", &[("text", &"")], "empty");
    refused("text", &[("text", &"..")], "another folder");
    refused("file", &[("rest", &"a/../b")], "another folder");
    refused("any", &[("rest", &"/evil.com")], "a slash at either end");
    refused("nunber", &[("id", &7)], "did you mean \"number\"");
    refused("zzzzzzzzzz", &[], ".name(\"zzzzzzzzzz\")");
}

#[test]
fn collisions_name_both_locations() {
    let urls = Router::new().get("/posts/{id:int}", one).post("/posts/{id:int}", one);
    let first = line!() - 1;
    let urls = urls.get("/posts/{number:int}", two);
    let second = line!() - 1;
    let error = start_error(urls);
    assert!(error.contains("/posts/{id:int}") && error.contains("/posts/{number:int}"), "{error}");
    for line in [first, second] {
        assert!(error.contains(&format!("routing.rs:{line}:")), "{error}");
    }
    assert_eq!(error.matches("two routes").count(), 1, "{error}");

    // Inside an include, with `any`, and if the tree cannot distinguish two shapes.
    let below = Router::new().any("/a", one);
    assert!(start_error(Router::new().get("/x/a", one).include("/x", below)).contains("two routes answer the same paths"));
    for other in ["/{name}.xml", "/{name}", "/{section}/edit"] {
        let error = start_error(Router::new().get("/{rest:path}", one).get(other, two));
        assert!(
            error.contains("cannot be told apart") && error.contains("/{rest:path} at") && error.contains(&format!("{other} at")),
            "{error}"
        );
    }
}

#[test]
fn every_problem_is_listed_with_its_location() {
    let urls = Router::new()
        .name("early")
        .get("no-slash", one)
        .get("/{a}/{a}", one)
        .get("/{a", one)
        .get("/a}", one)
        .get("/{a:float}", one)
        .get("/{1a}", one)
        .get("/{a}{b}", one)
        .get("/{rest:path}/more", one)
        .get("/x{rest:path}", one)
        .get("/ok", one)
        .name("not a name")
        .get("/first", one)
        .name("same")
        .get("/second", one)
        .name("same")
        .include("bad", Router::new().get("/x", one));
    let error = start_error(urls);
    let expected = [
        ".name(…) applies to the route before it",
        "\"no-slash\" must start with a slash",
        "uses the parameter a twice",
        "\"/{a\" has an unmatched brace",
        "\"/a}\" has an unmatched brace",
        "has the unknown type \"float\"",
        "\"1a\" is not a valid parameter name",
        "two parameters in one segment",
        "{rest:path} matches whole segments",
        "\"not a name\" is not a valid route name",
        "two routes are called \"same\"",
        "\"bad\" must start with a slash",
    ];
    for why in expected {
        assert!(error.contains(why), "{why} is missing in:\n{error}");
    }
    assert_eq!(error.matches("matches whole segments").count(), 2, "{error}");
    assert_eq!(error.lines().filter(|line| line.contains("routing.rs:")).count(), error.lines().count() - 1, "{error}");
}

#[test]
fn options_before_any_route_are_refused() {
    use std::time::Duration;
    let error = start_error(Router::new().option(1_u8).streaming().timeout(Duration::ZERO).body_limit(1).get("/", one));
    assert_eq!(error.matches(".option(…) applies to the route before it").count(), 4, "{error}");
}

#[test]
fn a_repeated_parameter_is_found_across_includes() {
    let error = start_error(Router::new().include("/{id:int}", Router::new().get("/posts/{id:int}", one)));
    assert!(error.contains("uses the parameter id twice"), "{error}");
}

#[test]
fn the_narrower_type_and_the_fixed_text_come_first() {
    let urls = Router::new()
        .get("/a/{v:path}", echo)
        .get("/{v}", echo)
        .get("/{v:slug}", echo)
        .get("/{v:uuid}", echo)
        .get("/{v:int}", echo)
        .get("/new", echo)
        .post("/{any}", echo);
    let client = client(urls);
    let expected = [
        ("/new", "/new ["),
        ("/7", "/{v:int} ["),
        ("/67e55044-10b1-426f-9247-bb680e5fe0c8", "/{v:uuid} ["),
        ("/seven", "/{v:slug} ["),
        ("/se.ven", "/{v} ["),
        ("/a/b", "/a/{v:path} ["),
    ];
    for (path, route) in expected {
        client.get(path).send().assert_contains(route);
    }
    client.post("/7").send().assert_contains("/{any} [any=7]");
}

#[test]
fn two_thousand_routes_are_distinguished() {
    let urls =
        (0..1000).fold(Router::new(), |urls, n| urls.get(&format!("/fixed/page-{n}"), echo).get(&format!("/typed/{n}/{{id:int}}/x"), echo));
    let client = client(urls);
    for n in [0, 1, 10, 100, 999] {
        client.get(&format!("/fixed/page-{n}")).send().assert_contains(&format!("/fixed/page-{n} []"));
        client.get(&format!("/typed/{n}/42/x")).send().assert_contains(&format!("/typed/{n}/{{id:int}}/x [id=42]"));
    }
    client.get("/fixed/page-1000").send().assert_status(404);
    client.get("/typed/5/x/x").send().assert_status(404);
}

#[test]
fn a_parameter_is_parsed_or_not_found() {
    let byte = |req: &mut Request| -> Result<String> { Ok(req.param::<u8>("id")?.to_string()) };
    let unknown = |req: &mut Request| -> Result<String> { req.param::<String>("nmae") };
    let client = client(Router::new().get("/{id:int}", byte).get("/x/{name}", unknown));
    client.get("/255").send().assert_contains("255");
    client.get("/256").send().assert_status(404);
    client.get("/x/a").send().assert_status(StatusCode::INTERNAL_SERVER_ERROR);
}

#[test]
fn a_route_without_the_method_does_not_hide_one_that_has_it() {
    let urls = Router::new()
        .get("/posts/new", echo)
        .post("/posts/{slug}", echo)
        .put("/posts/{id:int}", echo)
        .delete("/{section}/{page}", echo)
        .patch("/all/{rest:path}", echo)
        .get("/all/here", echo)
        .get("/feed-{n:int}.xml", echo)
        .post("/{page}/", echo);
    let client = client(urls);
    let send = |method: Method, path: &str| client.request(method, path).send();
    for (method, path, expected) in [
        (Method::GET, "/posts/new", "/posts/new ["),
        (Method::HEAD, "/posts/new", ""),
        (Method::POST, "/posts/new", "/posts/{slug} [slug=new]"),
        (Method::POST, "/posts/7", "/posts/{slug} [slug=7]"),
        (Method::PUT, "/posts/7", "/posts/{id:int} [id=7]"),
        (Method::DELETE, "/posts/new", "/{section}/{page} [section=posts, page=new]"),
        (Method::PATCH, "/all/here", "/all/{rest:path} [rest=here]"),
        (Method::PATCH, "/all/here/and/there", "/all/{rest:path} [rest=here/and/there]"),
        (Method::DELETE, "/all/a%2Fb", "/{section}/{page} [section=all, page=a/b]"),
    ] {
        assert!(send(method.clone(), path).assert_status(200).text().starts_with(expected), "{method} {path}");
    }
    for (method, path, allow) in [
        (Method::PATCH, "/posts/new", "DELETE, GET, HEAD, OPTIONS, POST"),
        (Method::PATCH, "/posts/7", "DELETE, OPTIONS, POST, PUT"),
        (Method::PUT, "/all/here", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        (Method::GET, "/posts/7", "DELETE, OPTIONS, POST, PUT"),
    ] {
        assert_eq!(send(method.clone(), path).assert_status(405).header("allow"), Some(allow), "{method} {path}");
        assert_eq!(send(Method::OPTIONS, path).assert_status(204).header("allow"), Some(allow), "{path}");
    }
    // A redirect to the path with a slash is better than a refusal.
    send(Method::POST, "/feed-1.xml").assert_status(308).assert_redirect("/feed-1.xml/");
    send(Method::OPTIONS, "/feed-1.xml").assert_status(204);
    send(Method::PUT, "/feed-1.xml").assert_status(405);
}

#[test]
fn a_route_whose_types_do_not_match_does_not_hide_one_that_matches() {
    let urls = Router::new()
        .get("/items/{id:int}", echo)
        .get("/items/{slug:slug}", echo)
        .get("/items/{id:uuid}/edit", echo)
        .get("/{section}/{page:slug}/{action}", echo)
        .get("/{section}/{page}", echo)
        .include("/users", Router::new().get("/{id:int}", echo).get("/{id:int}/{rest:path}", echo))
        .include("/{lang}", Router::new().get("/{page}/x/{rest:path}", echo));
    let client = client(urls);
    for (path, expected) in [
        ("/items/7", "/items/{id:int} ["),
        ("/items/seven", "/items/{slug:slug} ["),
        ("/items/se.ven", "/{section}/{page} [section=items, page=se.ven]"),
        ("/items/7/edit", "/{section}/{page:slug}/{action} [section=items, page=7, action=edit]"),
        ("/users/7", "/users/{id:int} ["),
        ("/users/alice", "/{section}/{page} [section=users, page=alice]"),
        ("/users/7/x/y", "/users/{id:int}/{rest:path} [id=7, rest=x/y]"),
        ("/users/alice/x/y", "/{lang}/{page}/x/{rest:path} [lang=users, page=alice, rest=y]"),
    ] {
        client.get(path).send().assert_status(200).assert_contains(expected);
    }
    client.get("/users/a.b/c").send().assert_status(404);
    client.get("/items/7/e/f").send().assert_status(404);
}

#[test]
fn a_path_of_many_segments_is_matched_against_each_route_once() {
    // If every choice were combined with every other, this would never end.
    let depth = 24;
    let urls = (0..depth).fold(Router::new(), |urls, at| {
        let segments: Vec<String> = (0..depth).map(|n| if n == at { "a".to_owned() } else { format!("{{p{n}}}") }).collect();
        urls.get(&format!("/{}/end", segments.join("/")), echo)
    });
    let client = client(urls);
    let path = "/a".repeat(depth);
    client.get(&format!("{path}/end")).send().assert_status(200);
    client.get(&format!("{path}/other")).send().assert_status(404);
    client.post(&format!("{path}/end")).send().assert_status(405);
}

#[test]
fn a_route_behind_static_files_is_refused_at_startup() {
    let problem = |urls: Router, toml: &str| {
        let stack = |stack: &mut Stack| -> () {
            stack.push(StaticFiles::new()).push(StaticFiles::folder("media/", "uploads")).push(LiveReload::new()).push(Toolbar::new());
        };
        assemble(urls, toml, |layers| {
            stack(layers);
            layers
        })
        .err()
        .map(|error| error.to_string())
    };
    let debug = "DEBUG = true";
    let below = |path: &str, toml: &str| problem(Router::new().get(path, one), toml).unwrap_or_default();
    let error = below("/static/hello", debug);
    assert!(error.contains("routing.rs:") && error.contains("the route /static/hello can never be reached"), "{error}");
    assert!(error.contains("STATIC_URL = \"/static/\"") && error.contains("give the route another path"), "{error}");
    for path in ["/static/", "/static/{name}", "/static/{rest:path}", "/media/{id:int}/x"] {
        assert!(below(path, debug).contains("can never be reached"), "{path}");
    }
    assert!(below("/assets/x", "DEBUG = true\nSTATIC_URL = '/assets'").contains("STATIC_URL = \"/assets/\""));
    assert!(below("/__lback/reload", debug).contains("the live reload"));
    assert_eq!(below("/__lback/reload", ""), "");
    assert!(below("/__lback/toolbar/x", debug).contains("the toolbar of DEBUG"));
    assert_eq!(below("/__lback/toolbar/x", ""), "");
    let included = Router::new().include("/static", Router::new().get("/a", one).get("/", one));
    let error = problem(included, debug).unwrap();
    assert_eq!(error.matches("can never be reached").count(), 1, "{error}");
    // Their other paths can be reached.
    for path in ["/static", "/statics/a", "/{a}/{b}", "/{rest:path}", "/static{n:int}/x", "/a/static/b"] {
        assert_eq!(below(path, debug), "", "{path}");
    }
}

#[test]
fn a_folder_behind_another_is_refused_at_startup() {
    let start = |first: &'static str, second: &'static str| {
        assemble(Router::new(), "", |stack| stack.push(StaticFiles::folder(first, "a")).push(StaticFiles::folder(second, "b")))
    };
    let error = start("/media/", "/media/photos/").err().unwrap().to_string();
    assert!(error.contains("StaticFiles::folder(\"/media/photos/\", …) can never be reached"), "{error}");
    assert!(start("/media/photos/", "/media/").is_ok());
    assert!(start("/media/", "/medias/").is_ok());
}
