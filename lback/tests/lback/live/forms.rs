//! Forms in live fragments.

use lback::http::StatusCode;

use super::*;

pub fn add(req: &mut Request) -> Result<Response> {
    #[derive(serde::Deserialize)]
    struct Add {
        title: String,
    }
    let Add { title } = req.form()?;
    if title.is_empty() || title == "x" {
        let response = show_counted(req, "form.html", &title, "Too short.")?;
        return Ok(response.with_status(StatusCode::UNPROCESSABLE_ENTITY));
    }
    insert(req, &title, false)?;
    req.broadcast("tickets", &title)?;
    req.session().flash("success", &format!("{title} was added."));
    Ok(Response::redirect(if title == "elsewhere" { "/tickets" } else { "/form" }))
}

#[test]
fn a_redirect_to_another_page_is_left_to_the_browser() {
    let site = Site::new("", "");
    let send = |title: &str, page: Option<&str>| {
        let form = site.client.post("/add").form(&[("title", title)]);
        match page {
            Some(page) => form.header("x-live-page", page).send(),
            None => form.send(),
        }
    };
    send("Printer", None).assert_redirect("/form");
    send("Printer", Some("/form")).assert_redirect("/form");
    for (title, page, location) in [("Printer", "/form?x=1", "/form"), ("elsewhere", "/form", "/tickets")] {
        let response = send(title, Some(page));
        response.assert_status(204);
        assert_eq!((response.header("x-live-location"), response.location()), (Some(location), None));
    }
    // Only of forms.
    site.client.get("/members").header("x-live-page", "/form").send().assert_redirect("/plain");
    send("x", Some("/form")).assert_status(422).assert_contains("Too short.").assert_not_contains("<script");
}
