//! Custom messages.

use lback_core::testing::Client;
use lback_core::{Request, Result, Router};
use lback_forms::{Field, Form, Messages, Rule};

use super::{assembly, send_one};

#[test]
fn a_field_can_have_its_own_messages() {
    let field = || Field::text("x").max_length(3).message(Rule::Required, "Wie heißen Sie?").message(Rule::MaxLength, "Zu lang.");
    assert_eq!(send_one(field(), &[""]), "x: Wie heißen Sie?");
    assert_eq!(send_one(field(), &["abcd"]), "x: Zu lang.");
    assert_eq!(send_one(field(), &["a\nb"]), "x: Enter a single line.");
    for (rule, field, sent) in [
        (Rule::Once, Field::text("x"), &["a", "b"][..]),
        (Rule::Null, Field::text("x"), &["\0"]),
        (Rule::OneLine, Field::text("x"), &["a\nb"]),
        (Rule::Kind, Field::date("x"), &["a"]),
        (Rule::Range, Field::integer("x").range(1..), &["0"]),
        (Rule::MinLength, Field::text("x").min_length(2), &["a"]),
        (Rule::Pattern, Field::text("x").pattern("a"), &["b"]),
        (Rule::Choices, Field::text("x").choices(["a"]), &["b"]),
    ] {
        assert_eq!(send_one(field.message(rule, "Another message."), sent), "x: Another message.", "{rule:?}");
    }
}

#[test]
fn an_application_can_have_its_own_messages() {
    let view = |req: &mut Request| -> Result<String> {
        let mut form = Form::of([
            Field::text("name").label("Name"),
            Field::integer("age").range(18..=99),
            Field::text("x").message(Rule::Required, "X!"),
        ]);
        form.submitted(req)?;
        Ok(form.heading("Bitte korrigieren:").html())
    };
    let mut assembly = assembly(Router::new().post("/", view), "");
    assembly.state(Messages::new(|req, field, rule| match (req.header("accept-language")?, rule) {
        ("de", Rule::Required) => Some(format!("Bitte „{}“ ausfüllen.", field.label_text())),
        ("de", Rule::Range | Rule::Kind) => {
            let (min, max) = field.bounds();
            Some(format!("Eine ganze Zahl von {} bis {}.", min?, max?))
        }
        _ => None,
    }));
    let client = Client::new(assembly.build().unwrap());
    let page = client.post("/").header("accept-language", "de").form(&[("age", "7")]).send();
    page.assert_contains("Bitte „Name“ ausfüllen.")
        .assert_contains("Eine ganze Zahl von 18 bis 99.")
        .assert_contains("Bitte korrigieren:")
        .assert_contains("X!");
    client.post("/").header("accept-language", "en").send().assert_contains("Fill in this field.");
}
