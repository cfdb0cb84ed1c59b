//! Mistakes in the configuration are errors at startup, which suggest a correction.

use super::*;
use crate::start_error;

const SETTINGS: &str = "SESSION_TIMEOUT_MINUTES = 30";

fn error(configure: impl FnOnce(ModelAdmin<Ticket>) -> ModelAdmin<Ticket>) -> String {
    start_error(app(Admin::new().model::<Ticket>(configure)), SETTINGS)
}

#[derive(Form)]
struct Rows {
    row: String,
}

#[test]
fn limited_fields_need_known_permissions_and_may_not_label_rows() {
    let refused = |admin: Admin| start_error(app(admin).permissions([("hr.see", "See")]), SETTINGS);
    let with = |field, permission| refused(Admin::new().model::<Ticket>(|ticket| ticket.can_see_field(field, permission)));
    assert!(with("points", "hr.se").contains("did you mean \"hr.see\"?"));
    assert!(with("points", "x").contains("is not declared"));
    assert!(with("point", "hr.see").contains("did you mean \"points\"?"));
    assert!(with("title", "hr.see").contains("labels the rows"));
    assert!(with("id", "hr.see").contains("part of the key"));
    let ordered = refused(Admin::new().model::<Ticket>(|ticket| ticket.order(["-points"]).can_see_field("points", "hr.see")));
    assert!(ordered.contains("order of the list"));
    let followed = |ticket: ModelAdmin<Ticket>| ticket.prepopulated("code", ["body"]).can_see_field("body", "hr.see");
    assert!(refused(Admin::new().model::<Ticket>(followed)).contains("Ticket.body fills in a field"));
    let users = refused(Admin::new().model::<User>(|user| user.can_see_field("email", "hr.see")));
    assert!(users.contains("User has pages of its own"));
}

#[test]
fn a_wrong_name_is_an_error_that_suggests_the_right_one() {
    let errors = [
        error(|ticket| ticket.list(["titel"])),
        error(|ticket| ticket.search(["titel"])),
        error(|ticket| ticket.filters(["titel"])),
        error(|ticket| ticket.order(["-titel"])),
        error(|ticket| ticket.sortable_by(["titel"])),
        error(|ticket| ticket.leading(["titel"])),
        error(|ticket| ticket.readonly(["titel"])),
        error(|ticket| ticket.exclude(["titel"])),
        error(|ticket| ticket.dates("titel")),
        error(|ticket| ticket.fieldsets([("", ["titel"].as_slice())])),
    ];
    for error in errors {
        assert!(error.contains("the admin is misconfigured"), "{error}");
        assert!(error.contains("Ticket has no field \"titel\"; did you mean \"title\"?"), "{error}");
    }
}

#[test]
fn a_name_that_resembles_none_is_answered_with_all() {
    let error = error(|ticket| ticket.list(["whatever"]));
    assert!(error.contains("its fields are id, title, code") && error.contains("labels"), "{error}");
    assert!(!error.contains("secret"), "{error}");
}

#[test]
fn fields_that_do_not_fit_are_errors() {
    for (error, expected) in [
        (error(|ticket| ticket.list(["secret"])), "Ticket.secret is hidden"),
        (error(|ticket| ticket.list(["agent.secret"])), "Agent.secret is hidden"),
        (error(|ticket| ticket.list(["title.name"])), "Ticket.title is not a reference"),
        (error(|ticket| ticket.list(["agent.nmae"])), "Agent has no field \"nmae\"; did you mean \"name\"?"),
        (error(|ticket| ticket.filters(["agent.secret"])), "Agent.secret is hidden"),
        (error(|ticket| ticket.filters(["labels.name"])), "Ticket has no field \"labels\""),
        (error(|ticket| ticket.search(["is_urgent"])), "Ticket.is_urgent cannot be searched"),
        (error(|ticket| ticket.search(["title.name"])), "Ticket.title is not a reference"),
        (error(|ticket| ticket.search(["agent.nmae"])), "Agent has no field \"nmae\"; did you mean \"name\"?"),
        (error(|ticket| ticket.search(["agent.secret"])), "Agent.secret is hidden"),
        (error(|ticket| ticket.dates("points")), "Ticket.points is neither a date nor a timestamp"),
        (error(|ticket| ticket.order(["-agent.name"])), "Ticket cannot be sorted by \"agent.name\""),
        (error(|ticket| ticket.sortable_by(["title", "agent.name"])), "Ticket cannot be sorted by \"agent.name\""),
        (error(|ticket| ticket.inline::<Agent>()), "Agent has no field that refers to Ticket"),
        (error(|ticket| ticket.inline::<Comment>().inline::<Comment>()), "Ticket has two inlines of Comment"),
        (error(|ticket| ticket.inline_with::<Comment>(|comment| comment.by("author"))), "Comment.author does not refer to Ticket"),
        (error(|ticket| ticket.inline_with::<Comment>(|comment| comment.order_by("text"))), "Comment.text is no integer"),
        (error(|ticket| ticket.inline_with::<Comment>(|comment| comment.fields(["txt"]))), "Comment has no field \"txt\""),
        (error(|ticket| ticket.inline_with::<Comment>(|comment| comment.min(3).max(2))), "a max below its min"),
        (error(|ticket| ticket.markdown(["points"])), "Ticket.points is no text"),
        (error(|ticket| ticket.radio(["title"])), "Ticket.title has no choices"),
        (error(|ticket| ticket.describe("Text", "…")), "Ticket has no group of fields \"Text\""),
        (error(|ticket| ticket.prepopulated("points", ["title"])), "Ticket.points is no text"),
        (error(|ticket| ticket.prepopulated("code", ["state"])), "Ticket.state is no text"),
        (error(|ticket| ticket.action("delete", "Delete", close)), "Ticket has two actions \"delete\""),
        (error(|ticket| ticket.action("a", "A", close).action("a", "B", close)), "Ticket has two actions \"a\""),
        (error(|ticket| ticket.action_with_form("a", "A", |req, all, _: Rows| close(req, all))), "cannot have a field \"row\""),
    ] {
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn inlines_within_inlines_are_tables_of_models_that_refer_to_their_rows() {
    use lback::admin::InlineAdmin;
    fn error(configure: impl FnOnce(InlineAdmin<Ticket>) -> InlineAdmin<Ticket>) -> String {
        start_error(app(Admin::new().model::<Agent>(|agent| agent.inline_with(configure))), SETTINGS)
    }
    for (error, expected) in [
        (error(|ticket| ticket.inline::<Invoice>()), "Invoice has no field that refers to Ticket"),
        (error(|ticket| ticket.inline::<Comment>().inline::<Comment>()), "Ticket has two inlines of Comment"),
        (error(|ticket| ticket.inline_with::<Comment>(|comment| comment.cards())), "the inline of Comment is part of another inline"),
        (error(|ticket| ticket.inline_with::<Comment>(|comment| comment.fields(["txt"]))), "Comment has no field \"txt\""),
    ] {
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let topics = Admin::new()
        .model::<Topic>(|topic| topic.inline_with::<Topic>(|topic| topic.inline_with::<Topic>(|topic| topic.inline::<Topic>())));
    let error = start_error(app(topics), SETTINGS);
    assert!(error.contains("the inline of Topic is part of another inline"), "{error}");
    let missing =
        Admin::new().without::<Comment>().model::<Agent>(|agent| agent.inline_with::<Ticket>(|ticket| ticket.inline::<Comment>()));
    let error = start_error(app(missing), SETTINGS);
    assert!(error.contains("Comment is an inline, but not a model of the site"), "{error}");
}

#[test]
fn filters_have_names_and_values_of_their_own() {
    type Choices = &'static [(&'static str, &'static str)];
    let error = |names: &[&'static str], choices: Choices| {
        error(|ticket| names.iter().fold(ticket, |ticket, name| ticket.filter_by(name, "F", choices.iter().copied(), |_| Ticket::query())))
    };
    let one: Choices = &[("a", "A")];
    for (error, expected) in [
        (error(&["title"], one), "the filter \"title\" of Ticket: the model has a field with this name"),
        (error(&["secret"], one), "the model has a field"),
        (error(&["labels"], one), "the model has a field"),
        (error(&["old", "old"], one), "the filter \"old\" of Ticket: there is another filter with this name"),
        (error(&["q"], one), "lists use this name"),
        (error(&["points.from"], one), "only letters, digits and underscores"),
        (error(&[""], one), "only letters, digits and underscores"),
        (error(&["old"], &[]), "it needs choices"),
        (error(&["old"], &[("a", "A"), ("a", "B")]), "it needs choices"),
        (error(&["old"], &[("", "A")]), "it needs choices"),
    ] {
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn users_are_configured_within_their_own_pages() {
    let error = |configure: fn(ModelAdmin<User>) -> ModelAdmin<User>| start_error(app(Admin::new().model::<User>(configure)), SETTINGS);
    for (error, expected) in [
        (error(|user| user.editable(["email"])), "the rows of User cannot be changed in a list"),
        (error(|user| user.readonly(["email"])), "User has pages of its own"),
        (error(|user| user.after_save(|_, _, _| Ok(()))), "User has pages of its own"),
        (error(|user| user.prepopulated("email", ["username"])), "User has pages of its own"),
        (error(|user| user.fieldsets([("", ["email"].as_slice())])), "User has pages of its own"),
    ] {
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn a_model_is_configured_once() {
    let twice = Admin::new().model::<Ticket>(|ticket| ticket).model::<Ticket>(|ticket| ticket);
    let error = start_error(app(twice), SETTINGS);
    assert!(error.contains("Ticket is configured twice"), "{error}");
}

#[test]
fn the_admin_needs_users() {
    let error = start_error(App::new(Router::new()).models(models()).admin(), SETTINGS);
    assert!(error.contains("auth"), "{error}");
}

#[test]
fn a_site_has_its_own_title_path_and_models() {
    let admin = Admin::new()
        .title("Office & Co")
        .path("/office")
        .without::<Ticket>()
        .without::<User>()
        .model::<Agent>(|agent| agent.section("People"));
    let client = client_with("", admin);
    let root = root(&client);
    let page = root.get("/office").send();
    page.assert_status(200).assert_contains("Office &amp; Co").assert_contains(">People<").assert_contains("/office/agents");
    page.assert_not_contains("/office/tickets").assert_not_contains("/office/auth_users");
    for path in
        ["/office/tickets", "/office/tickets/add", "/office/auth_users", "/office/auth_users/add", "/office/auth_users/row/1", "/admin"]
    {
        root.get(path).send().assert_status(404);
    }
    for path in ["/office/-/style.css", "/office/-/script.js", "/office/-/forms.js"] {
        let file = root.get(path).send();
        assert!(file.assert_status(200).header("content-type").is_some_and(|kind| kind.starts_with("text/")), "{file:?}");
    }
}
