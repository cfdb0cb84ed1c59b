//! A form that programs submit as JSON.

use lback_core::testing::Client;
use lback_core::{Request, Response, Result, Router};
use lback_forms::Form;
use serde_json::{Value, json};

use super::assembly;

#[derive(Form)]
struct Order {
    #[form(max_length = 5)]
    name: String,
    #[form(range = 1..)]
    amount: i64,
    price: Option<f64>,
    urgent: bool,
    #[form(choices = ["red", "green", "blue"])]
    colours: Vec<String>,
}

fn order(req: &mut Request) -> Result<Response> {
    let mut form = Form::<Order>::new();
    let Some(Order { name, amount, price, urgent, colours }) = form.submitted(req)? else { return Err(form.errors().into()) };
    Response::json(&(name, amount, price, urgent, colours))
}

fn send(body: &Value) -> (u16, Value) {
    let urls = Router::new().include("/", Router::new().post("/orders", order).csrf_exempt()).json();
    let client = Client::over_socket(assembly(urls, "").build().unwrap()).unwrap();
    let response = client.post("/orders").json(body).send();
    (response.status().as_u16(), response.json())
}

#[test]
fn a_form_accepts_json() {
    let answer = send(&json!({ "name": "tea", "amount": 3, "price": 1.5, "urgent": true, "colours": ["red", "blue"], "unknown": [] }));
    assert_eq!(answer, (200, json!(["tea", 3, 1.5, true, ["red", "blue"]])));
    // As an HTML form would send them.
    let answer = send(&json!({ "name": "tea", "amount": "3", "price": null, "urgent": false, "colours": "red" }));
    assert_eq!(answer, (200, json!(["tea", 3, null, false, ["red"]])));
}

#[test]
fn errors_name_the_fields() {
    let (status, answer) = send(&json!({ "name": "assam", "amount": 0, "price": "much", "colours": ["grey"] }));
    assert_eq!((status, &answer["code"]), (422, &json!("invalid")));
    let pointers: Vec<&str> = answer["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/amount", "/price", "/colours"]);

    let (status, answer) = send(&json!({}));
    assert_eq!((status, answer["errors"][0]["pointer"].as_str()), (422, Some("/name")));
}

#[test]
fn json_of_another_shape_is_refused() {
    for body in [json!([]), json!("tea"), json!({ "name": {} }), json!({ "name": [["tea"]] }), json!({ "name": [null] })] {
        let (status, answer) = send(&body);
        assert_eq!((status, &answer["code"]), (400, &json!("bad_request")), "{body}");
    }
}
