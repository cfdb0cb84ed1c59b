use super::directives::{allow, prefers_self};
use super::policy::Policy;

fn header(policy: &str, nonce: Option<&str>) -> String {
    Policy::parse("KEY", policy).unwrap().unwrap().value(nonce).to_str().unwrap().to_owned()
}

#[test]
fn the_header_has_a_nonce_only_if_the_response_uses_one() {
    let policy = "default-src 'self'; script-src {nonce} 'strict-dynamic'; style-src {nonce}";
    assert_eq!(header(policy, Some("abc")), "default-src 'self'; script-src 'nonce-abc' 'strict-dynamic'; style-src 'nonce-abc'");
    assert_eq!(header(policy, None), "default-src 'self'; script-src  'strict-dynamic'; style-src ");
    assert_eq!(header("default-src 'self'", Some("abc")), "default-src 'self'");
    assert_eq!(header("script-src 'nonce-{nonce}'", Some("abc")), "script-src 'nonce-abc'");
}

#[test]
fn a_policy_may_span_several_lines() {
    assert_eq!(header("\n  default-src 'self';\r\n\timg-src *;\n", None), "default-src 'self'; img-src *;");
    assert!(Policy::parse("KEY", " \n ").unwrap().is_none());
}

#[test]
fn mistakes_in_a_policy_are_refused() {
    let refused = |policy: &str| Policy::parse("KEY", policy).err().unwrap_or_else(|| panic!("{policy} should be refused")).to_string();
    for (policy, says) in [
        ("defualt-src 'self'", "did you mean default-src?"),
        ("default-src 'self'; scriptsrc 'self'", "did you mean script-src?"),
        ("default-src self", "write 'self'"),
        ("default-src 'self'; frame-ancestors none", "write 'none'"),
        ("default-src 'self', img-src *", "semicolons"),
        ("default-src 'self' img-src *", "the semicolon before img-src is missing"),
        ("script-src 'nonce-abc'", "write {nonce}"),
        ("script-src 'nonce-{nonce}x'", "write {nonce}"),
        ("script-src {Nonce}", "placeholder is {nonce}"),
        ("script-src 'self' “x”", "not allowed in a header"),
        ("script-src 'self' ü.example", "not allowed in a header"),
        ("default-src 'selff'", "did you mean 'self'?"),
        ("style-src 'self' 'Unsafe_Inline'", "did you mean 'unsafe-inline'?"),
        ("default-src 'self", "unbalanced quotes"),
        ("default-src self'", "no opening quote"),
        ("default-src 'self''none'", "unbalanced quotes"),
        ("default-src 'none' https://example.com", "'none' has no effect next to"),
        ("img-src *; default-src 'self'; IMG-SRC 'none'", "img-src is given twice"),
    ] {
        let error = refused(policy);
        assert!(error.starts_with("KEY: ") && error.contains(says) && error.contains("KEY = \""), "{policy}: {error}");
    }
    for policy in [
        "default-src *",
        "default-src",
        "x-future-directive a b",
        "sandbox allow-scripts; report-uri /csp",
        "require-trusted-types-for 'script'",
        "trusted-types one 'allow-duplicates'",
        "script-src 'SELF' 'wasm-unsafe-eval' 'report-sample' 'sha256-Zm9v' {nonce}; object-src 'none'",
    ] {
        assert!(Policy::parse("KEY", policy).is_ok(), "{policy}");
    }
}

#[test]
fn a_source_is_added_to_the_effective_directive() {
    let style = |policy: &str| allow(policy, &["style-src-elem", "style-src", "default-src"], |_| Some("'nonce-a'"));
    assert_eq!(style("default-src 'self'"), "default-src 'self'; style-src 'self' 'nonce-a'");
    assert_eq!(style("default-src 'none'; img-src *"), "default-src 'none'; img-src *; style-src 'nonce-a'");
    assert_eq!(style("default-src 'self'; Style-Src 'none'"), "default-src 'self'; style-src 'nonce-a'");
    assert_eq!(style("style-src"), "style-src 'nonce-a'");
    assert_eq!(style("style-src b; style-src-elem c"), "style-src b; style-src-elem c 'nonce-a'");
    assert_eq!(style("style-src a; style-src b"), "style-src a 'nonce-a'; style-src b", "only the first one counts");
    assert_eq!(style("style-src 'nonce-a'"), "style-src 'nonce-a'");
    assert_eq!(style("script-src 'self'"), "script-src 'self'", "styles are not restricted");
    assert_eq!(style("img-src *, default-src 'none'"), "img-src *, default-src 'none'; style-src 'nonce-a'");
}

#[test]
fn self_is_preferred_if_a_nonce_would_disable_unsafe_inline() {
    for (sources, with_self) in [
        (&["'unsafe-inline'"][..], true),
        (&["'self'"], true),
        (&["'unsafe-inline'", "'nonce-x'"], false),
        (&["'self'", "'strict-dynamic'"], false),
        (&["'sha256-x'"], false),
        (&[], false),
    ] {
        assert_eq!(prefers_self(sources), with_self, "{sources:?}");
    }
}
