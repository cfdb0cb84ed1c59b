//! Templates that functions render inside a page.

use super::*;
use crate::Error;

fn functions(assembly: &mut Assembly) {
    assembly.template_function("boxed(template, title, ..)", |req, args| {
        let title: Option<String> = args.get("title")?;
        let content = args.render(req, &args.require::<String>("template")?)?;
        Ok(Html::new(format!("[{}{}]", title.unwrap_or_default(), content.as_str())))
    });
    assembly.template_function("refused()", |_, _| -> Result<()> { Err(Error::forbidden("not for you")) });
    assembly.template_global("site", |req| Ok(format!("site of {}", req.path())));
}

fn build(files: &[(&str, &str)]) -> crate::ProgramResult<Arc<Application>> {
    let dir = project(files);
    let mut assembly = assembly(dir.path(), SETTINGS);
    functions(&mut assembly);
    assembly.build()
}

fn page(files: &[(&str, &str)], context: tera::Context) -> Result<String> {
    render(&build(files).unwrap(), "page.html", context)
}

#[test]
fn a_nested_template_has_the_variables_of_the_place_of_the_call() {
    let inner = ("inner.html", "{{ page }} {{ n }} {{ set }} {{ own }} {{ site }}");
    let outer = "{% set set = 's' %}{% for n in [1, 2] %}{{ boxed(template='inner.html', own='<' ~ n, title='T') }}{% endfor %}";
    let shown = page(&[inner, ("page.html", outer)], context! { page => "p&" }).unwrap();
    assert_eq!(shown, "[Tp&amp; 1 s &lt;1 site of /][Tp&amp; 2 s &lt;2 site of /]");
    // An argument takes precedence over a variable of the page, and that over a global.
    let outer = "{{ boxed(template='inner.html', page='own', n=0, set=0, own=0) }}";
    assert_eq!(page(&[inner, ("page.html", outer)], context! { page => "p", site => "mine" }).unwrap(), "[own 0 0 0 mine]");
}

#[test]
fn variables_reach_templates_through_others() {
    let files = [
        ("page.html", "{% for x in [1, 2] %}{{ boxed(template='a.html') }}{% endfor %}"),
        ("a.html", "{% include 'b.html' %}"),
        ("b.html", "{{ boxed(template=\"c.html\") }}{{ boxed(template='d.html', y=x * 2) }}"),
        ("c.html", "{{ x }}"),
        ("d.html", "{{ y }}"),
    ];
    assert_eq!(page(&files, context! {}).unwrap(), "[[1][2]][[2][4]]");
}

#[test]
fn calls_of_missing_templates_and_unused_variables_fail_the_start() {
    let inner = ("inner.html", "{{ page }}{% include 'more.html' %}");
    let more = ("more.html", "{{ other }}");
    let outer =
        "{{ boxed(template='inner.html', other=1) }}\n{{ boxed(template='iner.html') }}\n{{ boxed(tilte=1, template='inner.html') }}";
    let error = build(&[inner, more, ("page.html", outer)]).err().unwrap().to_string();
    assert!(error.contains("page.html:2:10: there is no template \"iner.html\"; did you mean \"inner.html\"?"), "{error}");
    let unused =
        "page.html:3:10: boxed passes the variable \"tilte\", which the template \"inner.html\" does not use; did you mean \"title\"?";
    assert!(error.contains(unused), "{error}");
    assert!(!error.contains("page.html:1"), "{error}");
}

#[test]
fn computed_names_are_checked_when_the_page_is_rendered() {
    let files = [("inner.html", "{{ x }}"), ("page.html", "{{ boxed(template=name ~ '.html', x=1) }}")];
    assert_eq!(page(&files, context! { name => "inner" }).unwrap(), "[1]");
    let error = page(&files, context! { name => "innr" }).unwrap_err();
    assert!(error.message().contains("page.html:1:4") && error.message().contains("did you mean \"inner.html\"?"), "{error}");
    let files = [("inner.html", "{{ x }}"), ("page.html", "{{ boxed(template=name, z=1) }}")];
    let error = page(&files, context! { name => "inner.html" }).unwrap_err();
    assert!(error.message().contains("boxed passes the variable \"z\""), "{error}");
}

#[test]
fn an_error_names_both_templates() {
    let files = [("inner.html", "\n{{ missing }}"), ("page.html", "a\n\n{{ boxed(template='inner.html') }}")];
    let error = page(&files, context! {}).unwrap_err();
    for part in ["page.html:3:4", "inner.html:2:4", "\"missing\" is not defined"] {
        assert!(error.message().contains(part), "{part}: {error}");
    }
    let files = [("inner.html", "{{ refused() }}"), ("page.html", "{{ boxed(template='inner.html') }}")];
    assert_eq!(page(&files, context! {}).unwrap_err().status(), 403);
}

#[test]
fn templates_that_contain_themselves_are_an_error() {
    let error = page(&[("page.html", "{{ boxed(template='page.html') }}")], context! {}).unwrap_err();
    assert!(error.message().contains("does it contain itself?"), "{error}");
}

#[test]
fn text_is_escaped_on_a_page_but_not_in_text() {
    let files =
        [("inner.txt", "{{ x }}"), ("page.html", "{{ boxed(template='inner.txt') }}"), ("page.txt", "{{ boxed(template='inner.txt') }}")];
    let app = build(&files).unwrap();
    assert_eq!(render(&app, "page.html", context! { x => "<" }).unwrap(), "[&lt;]");
    assert_eq!(render(&app, "page.txt", context! { x => "<" }).unwrap(), "[<]");
}
