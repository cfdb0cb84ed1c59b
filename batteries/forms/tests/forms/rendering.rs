//! Forms in templates.

use lback_core::{Request, context};
use lback_forms::{Field, Form};

use super::{client_of_page, client_of_template};

fn form() -> Form {
    Form::of([
        Field::text("title").label("Title & \"more\"").max_length(20).help("<short>"),
        Field::text("body").textarea().max_length(500),
        Field::password("password").autocomplete("new-password"),
        Field::text("status").choices([("a", "<A>"), ("b", "B")]),
        Field::text("mood").choices(["good", "bad"]).radio(),
        Field::boolean("agree").required(),
        Field::integer("id").hidden().initial(7),
    ])
}

const BAD: [(&str, &str); 5] = [("title", " <i>\"x\" "), ("password", "s3cret"), ("status", "b"), ("mood", "awful"), ("id", "7")];

#[test]
fn a_form_renders_as_html_with_escaped_values() {
    let page = client_of_template("{{ form.html }}", form).post("/").form(&BAD).send();
    page.assert_contains("<label for=\"field-title\">Title &amp; &quot;more&quot;</label>").assert_contains("&lt;short&gt;");
    page.assert_contains("<option value=\"b\" selected>B</option>").assert_contains("&lt;A&gt;");
    page.assert_contains("value=\" &lt;i&gt;&quot;x&quot; \"");
    assert!(!page.text().contains("<i>") && !page.text().contains("s3cret"));
}

#[test]
fn values_labels_and_help_texts_are_escaped() {
    let page = client_of_template("{{ form.title.value }}|{{ form.title.label }}|{{ form.title.help }}", form).post("/").form(&BAD).send();
    assert_eq!(page.text(), " &lt;i&gt;&quot;x&quot; |Title &amp; &quot;more&quot;|&lt;short&gt;");
}

#[test]
fn a_form_can_be_rendered_in_parts() {
    let template = "{{ form.summary }}{{ form.hidden }}\
        {% for field in form.fields %}{% if not field.is_hidden %}<p>{{ field.label_html }}{{ field.input }}{{ field.help_html }}{{ field.errors_html }}</p>{% endif %}{% endfor %}";
    let client = client_of_template(template, form);
    let page = client.get("/").send();
    page.assert_contains("<input type=\"hidden\" name=\"id\" value=\"7\"><p><label for=\"field-title\">");
    assert!(!page.text().contains("error"));
    let page = client.post("/").form(&BAD).send();
    page.assert_contains("<ul class=\"errors\" id=\"field-body-errors\"><li>Fill in this field.</li></ul></p>");
    assert_eq!(page.text().matches("name=\"id\"").count(), 1);
}

#[test]
fn a_single_field_can_be_rendered_by_name() {
    let page = client_of_template("{{ form.body.html }}", form).get("/").send();
    let html = "<div class=\"field required\">\n<label for=\"field-body\">Body</label>\n\
                <textarea name=\"body\" id=\"field-body\" required maxlength=\"500\">\n</textarea>\n</div>\n";
    assert_eq!(page.text(), html);
}

#[test]
fn an_input_can_be_written_by_hand() {
    let template = "<input class=\"wide\" type=\"text\" {{ form.title.attributes }} value=\"{{ form.title.value }}\">\
        {% for error in form.title.errors %}<b>{{ error }}</b>{% endfor %}\
        <select name=\"{{ form.status.name }}\">{% for choice in form.status.choices %}\
        <option value=\"{{ choice.value }}\"{% if choice.selected %} selected{% endif %}>{{ choice.label }}</option>{% endfor %}</select>";
    let page = client_of_template(template, form).post("/").form(&[("status", "a")]).send();
    let html = "<input class=\"wide\" type=\"text\"  name=\"title\" id=\"field-title\" required maxlength=\"20\" \
                aria-describedby=\"field-title-help field-title-errors\" aria-invalid=\"true\" value=\"\"><b>Fill in this field.</b>\
                <select name=\"status\"><option value=\"a\" selected>&lt;A&gt;</option><option value=\"b\">B</option></select>";
    assert_eq!(page.text(), html);
}

#[test]
fn a_password_and_a_file_are_never_sent_back() {
    let form = || Form::of([Field::password("password").min_length(20).initial("initial"), Field::text("title")]);
    let client = client_of_template("{{ form.html }}{{ form.password.value }}{% for v in form.password.values %}{{ v }}{% endfor %}", form);
    for page in [client.get("/").send(), client.post("/").form(&[("password", "s3cret")]).send()] {
        assert!(!page.text().contains("s3cret") && !page.text().contains("initial"), "{}", page.text());
        page.assert_contains("type=\"password\"");
    }
}

#[test]
fn an_unknown_field_in_a_template_is_reported() {
    let page = client_of_template("{{ form.titel.html }}", form).get("/").send();
    page.assert_status(500).assert_contains("titel").assert_contains("page.html:1");
}

#[test]
fn fields_with_reserved_names_are_allowed_in_forms_built_at_run_time() {
    let form = || Form::of([Field::text("errors"), Field::text("html")]);
    let page =
        client_of_template("{% for field in form.fields %}{{ field.input }}{% endfor %}{{ form.errors | length }}", form).get("/").send();
    page.assert_contains("name=\"errors\"").assert_contains("name=\"html\"").assert_contains(">0");
}

#[test]
fn forms_in_a_list_are_not_escaped() {
    let view = |req: &mut Request| {
        let forms = [Form::of([Field::text("a")]).ids("first"), Form::of([Field::text("a")]).ids("second")];
        req.render("page.html", context! { forms })
    };
    let page = client_of_page("{% for form in forms %}{{ form.a.input }}{% endfor %}", view).get("/").send();
    let input = |id: &str| format!("<input type=\"text\" name=\"a\" id=\"{id}\" required>");
    assert_eq!(page.text(), format!("{}{}", input("first-a"), input("second-a")));
}

#[test]
fn forms_on_one_page_can_have_different_ids() {
    let page = client_of_template("{{ form.html }}", || Form::of([Field::text("a").help("h")]).ids("login")).post("/").send();
    page.assert_contains("for=\"login-a\"")
        .assert_contains("aria-describedby=\"login-a-help login-a-errors\"")
        .assert_contains("href=\"#login-a\"");
}

#[test]
fn a_select_has_an_empty_option_if_nothing_is_selected() {
    let select = |field: Field| Form::of([field]).html();
    let field = || Field::text("x").choices([("a", "A")]);
    assert!(select(field()).contains("<option value=\"\">Choose …</option>"));
    assert!(select(field().placeholder("Which?")).contains("<option value=\"\">Which?</option>"));
    assert!(!select(field().initial("a")).contains("value=\"\""));
    assert!(select(field().initial("a").optional()).contains("value=\"\""));
}
