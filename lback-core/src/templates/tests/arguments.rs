//! The arguments that templates pass to functions and filters: numbers, names of arguments, and missing values.

use super::*;

#[test]
fn numbers_are_converted_to_any_type_that_they_fit() {
    #[derive(serde::Deserialize, Debug)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        #[expect(dead_code, reason = "it is shown")]
        Text(String),
    }
    let functions = |assembly: &mut Assembly| {
        assembly.template_function("small", |_, args| args.require::<u8>("n"));
        assembly.template_function("signed", |_, args| args.require::<i64>("n"));
        assembly.template_function("large", |_, args| Ok(args.require::<u64>("n")?.to_string()));
        assembly.template_function("huge", |_, args| Ok(args.require::<u128>("n")?.to_string()));
        assembly.template_function("real", |_, args| args.require::<f64>("n"));
        assembly.template_function("sum", |_, args| Ok(args.require::<Vec<u16>>("of")?.iter().sum::<u16>()));
        assembly.template_function("json", |_, args| Ok(crate::Html::new(args.require::<serde_json::Value>("of")?.to_string())));
        assembly.template_function("either", |_, args| Ok(matches!(args.require::<Either>("n")?, Either::Number(7))));
        assembly.template_function("pair", |_, args| {
            Ok(format!("{:?}", args.require::<(Option<i32>, std::collections::BTreeMap<String, i8>)>("of")?))
        });
        assembly.template_filter("twice", |n: i32, _| Ok(n * 2));
        assembly.template_filter("total", |all: Vec<i64>, args| Ok(all.iter().sum::<i64>() + args.get::<i64>("plus")?.unwrap_or(0)));
    };
    let show = |text: &str| with_own(functions, text);
    for (text, expected) in [
        ("{{ small(n=cents - 1249 + 1) }}", "2"),
        ("{{ signed(n=cents * -2) }}", "-2500"),
        ("{{ small(n=10 / 2) }}", "5"),
        ("{{ large(n=9223372036854775807 + 1) }}", "9223372036854775808"),
        ("{{ huge(n=9223372036854775807 * 4) }}", "36893488147419103228"),
        ("{{ real(n=1 + 1) }} {{ real(n=1) }} {{ real(n=0.5) }}", "2.0 1.0 0.5"),
        ("{{ sum(of=range(end=4)) }} {{ sum(of=[1, cents - 1240, 4 / 2]) }}", "6 13"),
        ("{{ json(of={\"a\": [cents + 1, {\"b\": 1 + 1}], \"c\": 1.5, \"d\": none}) }}", "{\"a\":[1251,{\"b\":2}],\"c\":1.5,\"d\":null}"),
        ("{{ either(n=3 + 4) }}", "true"),
        ("{{ pair(of=[1 + 1, {\"x\": 2 * 3}]) }} {{ pair(of=[none, {}]) }}", "(Some(2), {&quot;x&quot;: 6}) (None, {})"),
        ("{% for n in range(end=3) %}{{ n | twice }}{{ signed(n=n) }} {% endfor %}", "00 21 42 "),
        ("{{ (cents + 1) | twice }} {{ range(end=3) | total(plus=cents % 7) }}", "2502 7"),
        ("{{ url_for(name='post', id=cents + 1) }} {{ url_for(name='post', id=cents / 2, page=4 / 2) }}", "/posts/1251 /posts/625?page=2"),
        ("{{ 'one two three' | truncate_words(length=1 + 1) }}", "one two…"),
    ] {
        assert_eq!(show(text).unwrap(), expected, "{text}");
    }
    for (text, why) in [
        ("{{ small(n=255 + 1) }}", "small: the argument n is invalid"),
        ("{{ signed(n=9223372036854775807 + 1) }}", "signed: the argument n is invalid"),
        ("{{ small(n=1 / 2) }}", "small: the argument n"),
        ("{{ signed(n='7') }}", "signed: the argument n"),
        ("{{ signed(n=cetns) }}", "signed: the argument n is a variable that is not defined"),
        ("{{ signed(n=none) }}", "signed needs the argument n: signed(n=…)"),
    ] {
        let error = show(text).unwrap_err();
        assert!(error.message().contains(why), "{text}: {error}");
    }
}

#[test]
fn unknown_arguments_are_reported_at_startup_with_a_suggestion() {
    for (text, expected) in [
        (
            "\n{{ now | date(fromat=\"%d.%m.%Y\") }}",
            "t.html:2:15: the filter \"date\" has no argument \"fromat\"; did you mean \"format\"?",
        ),
        ("{{ now | date(format='%Y', timezone='UTC') }}", "the filter \"date\" has no argument \"timezone\"; did you mean \"time_zone\"?"),
        ("{{ 'x' | truncate(lenght=5) }}", "the filter \"truncate\" has no argument \"lenght\"; did you mean \"length\"?"),
        ("{{ 'x' | upper(a=1) }}", "the filter \"upper\" has no argument \"a\"; it takes none"),
        ("{{ 'x' | linebreaks(safe=true) }}", "the filter \"linebreaks\" has no argument \"safe\"; it takes none"),
        ("{% filter replace(from='a', too='b') %}a{% endfilter %}", "the filter \"replace\" has no argument \"too\"; did you mean \"to\"?"),
        ("{% if 4 is divisible_by(by=2) %}{% endif %}", "the test \"divisible_by\" has no argument \"by\"; it takes divisor"),
        ("{% for n in range(ende=3) %}{% endfor %}", "the function \"range\" has no argument \"ende\"; did you mean \"end\"?"),
        ("{{ static(file='a.css') }}", "the function \"static\" has no argument \"file\"; it takes path"),
        ("{{ csrf_input(name='x') }}", "the function \"csrf_input\" has no argument \"name\"; it takes none"),
    ] {
        let error = start_error(&[("t.html", text)]);
        assert!(error.contains("t.html:") && error.contains(expected), "{text}: {expected} is missing in {error}");
    }
    let error = start_error(&[("a.html", "{{ 1 | abs(x=1) }}"), ("b.html", "{{ static(pth='a') }}")]);
    assert!(error.contains("a.html:1:12") && error.contains("b.html:1:11"), "{error}");
    assert_eq!(render_text("{{ url_for(name='post', id=1, whatever=2) }}", context! {}).unwrap(), "/posts/1?whatever=2");
}

#[test]
fn an_argument_that_the_function_does_not_read_is_an_error() {
    let own = |assembly: &mut Assembly| {
        assembly.template_filter("money", |cents: i64, args| Ok(format!("{cents} {}", args.get("currency")?.unwrap_or("EUR".to_owned()))));
        assembly.template_function("unread", |_, args| args.require::<String>("folder"));
        assembly.template_function("plain", |_, _| Ok("plain"));
        assembly.template_function("either", |_, args| match args.get::<u8>("id")? {
            Some(id) => Ok(id.to_string()),
            None => args.require("slug"),
        });
    };
    let error = |text: &str| with_own(own, text).unwrap_err().message().to_owned();
    assert!(error("{{ cents | money(curency='CHF') }}").contains("money has no argument \"curency\"; did you mean \"currency\"?"));
    assert!(error("{{ cents | money(digits=2) }}").contains("money has no argument \"digits\"; it takes currency"));
    assert!(error("{{ plain(x=1) }}").contains("plain has no argument \"x\"; it takes none"));
    assert!(error("{{ unread(foldr='a') }}").contains("unread needs the argument folder: unread(folder=…); the template passes \"foldr\""));
    assert_eq!(with_own(own, "{{ either(slug='a') }}{{ either(id=1) }}").unwrap(), "a1");
}

#[test]
fn arguments_in_the_signature_are_checked_at_startup() {
    let own = |assembly: &mut Assembly| {
        assembly.template_filter("money(currency, digits)", |cents: i64, args| {
            // Each call reads only one of the arguments.
            Ok(if cents > 0 { args.get::<String>("currency")?.unwrap_or_default() } else { args.require::<u8>("digits")?.to_string() })
        });
        assembly.template_function("unread(folder)", |_, args| args.require::<String>("folder"));
        assembly.template_filter("upper()", |_: String, _| Ok("mine"));
        assembly.template_filter("title", |_: String, args| args.require::<String>("with"));
    };
    assert_eq!(
        with_own(own, "{{ cents | money(currency='CHF', digits=2) }}{{ unread(folder='a') }}{{ 'x' | upper }}").unwrap(),
        "CHFamine"
    );
    assert_eq!(with_own(own, "{{ 'x' | title(with='y') }}").unwrap(), "y", "Tera's own filter of this name takes none");
    let stops = |text: &str| {
        let dir = project(&[("t.html", text)]);
        let mut assembly = assembly(dir.path(), SETTINGS);
        own(&mut assembly);
        assembly.build().err().unwrap().to_string()
    };
    assert!(
        stops("{{ 1 | money(curency='CHF') }}").contains("the filter \"money\" has no argument \"curency\"; did you mean \"currency\"?")
    );
    assert!(stops("{{ unread(name='a') }}").contains("the function \"unread\" has no argument \"name\"; it takes folder"));
    assert!(stops("{{ unraed(folder='a') }}").contains("did you mean \"unread\"?"));
}

#[test]
fn none_is_left_out_of_the_query() {
    let tags = ["a b", "c"];
    let nothing: Option<&str> = None;
    let show = |text: &str| {
        render_text(text, context! { nothing, tags, empty => &Vec::<i32>::new(), user => std::collections::BTreeMap::from([("id", 1)]) })
    };
    for (text, expected) in [
        ("{{ url_for(name='post', id=5, priority=none) }}", "/posts/5"),
        ("{{ url_for(name='post', id=5, priority=nothing, page=2) }}", "/posts/5?page=2"),
        ("{{ url_for(name='post', id=5, priority=user?.priority | default(value=none)) }}", "/posts/5"),
        ("{{ url_for(name='post', id=5, q='', open=true, closed=false) }}", "/posts/5?closed=false&amp;open=true&amp;q="),
        ("{{ url_for(name='post', id=5, tag=tags, none=empty) }}", "/posts/5?tag=a%20b&amp;tag=c"),
        ("{{ url_for(name='post', id=5, tag=[none, 1]) }}", "/posts/5?tag=1"),
    ] {
        assert_eq!(show(text).unwrap(), expected, "{text}");
    }
    for (text, why) in [
        (
            "{{ url_for(name='post', id=none) }}",
            "url_for(name=\"post\"): the parameter \"id\" should be a number, a string or a bool, but is none",
        ),
        ("{{ url_for(name='post', id=[1]) }}", "the parameter \"id\" should be a number, a string or a bool, but is a list"),
        ("{{ url_for(route='user', name=nothing) }}", "url_for(route=\"user\"): the parameter \"name\" should be"),
        ("{{ url_for(name='post', id=5, q=user) }}", "the parameter \"q\" should be a number, a string or a bool, but is a map"),
        ("{{ url_for(name='post', id=5, q=[[1]]) }}", "the parameter \"q\" should be"),
        ("{{ url_for(name='post', id=5, q=usr) }}", "the parameter \"q\" should be a number, a string or a bool, but is not defined"),
        ("{{ url_for(name='post', id='') }}", "should be a whole number, but is \"\""),
        ("{{ url_for(name='post', id=5 / 2) }}", "should be a whole number, but is \"2.5\""),
        ("{{ url_for(name=none) }}", "name should be a route's name, but is none"),
    ] {
        let error = show(text).unwrap_err();
        assert!(error.message().contains(why), "{text}: {why} is missing in {error}");
    }
}
