//! Choices of forms from tables: references, and many-to-many relations.

use lback::models::migrate::create_tables;
use lback::prelude::*;
use lback::testing::{AssertQueries, Client};

use crate::unit_of_work::on_each_database;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(order = "-rank", display = name)]
pub struct Team {
    pub id: i64,
    pub code: String,
    pub name: String,
    pub rank: Option<i32>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(order = "name")]
pub struct Skill {
    pub id: i64,
    pub name: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(many_to_many(skills: Skill))]
pub struct Player {
    pub id: i64,
    #[model(unique)]
    pub name: String,
    #[model(references = Team, on_delete = cascade)]
    pub team_id: i64,
    #[model(references = Team)]
    pub former_id: Option<i64>,
}

#[derive(Form)]
#[form(model = Player)]
struct PlayerForm {
    name: String,
    team_id: i64,
    #[form(radio)]
    former_id: Option<i64>,
    #[form(checkboxes)]
    skills: Vec<i64>,
}

#[derive(Form)]
#[form(model = Player)]
struct Hidden {
    name: String,
    #[form(hidden)]
    team_id: i64,
}

on_each_database!(
    the_rows_of_the_other_table_are_choices,
    what_was_not_offered_is_an_error_at_the_field,
    a_view_narrows_the_choices,
    many_rows_are_searched,
    relations_are_shown_and_set,
    nothing_is_half_saved,
    a_hidden_reference_is_not_offered,
);

fn add(req: &mut Request) -> Result<String> {
    let mut form = Form::<PlayerForm>::new();
    if req.query::<Vec<(String, String)>>()?.iter().any(|(name, _)| name == "ranked") {
        form = form.limit_choices("team_id", || Team::query().filter(teams::rank.is_not_null()).order(teams::id));
    }
    if req.query::<Vec<(String, String)>>()?.iter().any(|(name, _)| name == "mistaken") {
        form = form.limit_choices("name", || Team::query().order(teams::id));
    }
    if let Some(values) = form.submitted(req)?
        && let Some(player) = form.create::<Player>(req.db()?, values.into_new())?
    {
        return Ok(format!("added {} to {}, {:?}", player.name, player.team_id, player.former_id));
    }
    Ok(form.html())
}

fn edit(req: &mut Request) -> Result<String> {
    let id = req.param("id")?;
    let mut player = Player::find(req.db()?, id)?;
    let mut form = Form::<PlayerForm>::editing(&player);
    if let Some(values) = form.submitted(req)? {
        values.apply(&mut player);
        if form.save(req.db()?, &mut player)? {
            return Ok(format!("saved {}", player.name));
        }
    }
    Ok(form.html())
}

fn add_hidden(req: &mut Request) -> Result<String> {
    let mut form = Form::<Hidden>::new().initial("team_id", 1_i64);
    if let Some(values) = form.submitted(req)?
        && form.create::<Player>(req.db()?, values.into_new())?.is_some()
    {
        return Ok("added".to_owned());
    }
    Ok(form.html())
}

fn client(on: &str) -> Client {
    let urls = Router::new()
        .get("/", add)
        .post("/", add)
        .get("/{id:int}", edit)
        .post("/{id:int}", edit)
        .get("/hidden", add_hidden)
        .post("/hidden", add_hidden);
    let client = Client::with_settings(App::new(urls), &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    client.db(|db| create_tables(db, models![Team, Skill, Player]));
    client.db(|db| -> Result<()> {
        for (name, rank) in [("Ants", Some(1)), ("Bees & <Co>", None), ("Cats", Some(3))] {
            Team::create(db, NewTeam { name: name.into(), code: name.to_lowercase(), rank })?;
        }
        for name in ["speed", "luck", "aim"] {
            Skill::create(db, NewSkill { name: name.into() })?;
        }
        Ok(())
    });
    client
}

fn the_rows_of_the_other_table_are_choices(on: &str) {
    let client = client(on);
    client.get("/?mistaken").send().assert_status(500);
    // One query for each field, and one before it that sees whether there are many rows, because their order has no index.
    let page = client.get("/").assert_queries(6);
    let html = page.text();
    // By the field by which a team is known, in the order of teams: those without a rank come last.
    let places =
        ["<option value=\"3\">Cats</option>", "<option value=\"1\">Ants</option>", "<option value=\"2\">Bees &amp; &lt;Co&gt;</option>"]
            .map(|option| html.find(option).unwrap_or_else(|| panic!("no {option} in {html}")));
    assert!(places.is_sorted(), "{html}");
    page.assert_contains("type=\"radio\" name=\"former_id\"").assert_contains("type=\"checkbox\" name=\"skills\"");
    client.post("/").form(&[("name", "Zoe"), ("team_id", "2"), ("former_id", "")]).send().assert_contains("added Zoe to 2, None");
    client.post("/").form(&[("name", "Yan"), ("team_id", "1"), ("former_id", "3")]).send().assert_contains("added Yan to 1, Some(3)");
    client.get("/2").send().assert_contains("<option value=\"1\" selected>Ants").assert_contains("value=\"3\" checked");
}

fn what_was_not_offered_is_an_error_at_the_field(on: &str) {
    let client = client(on);
    for hostile in
        ["4", "-1", "99999999999999999999", "1 OR 1=1", "'; DROP TABLE teams; --", "1.0", "\u{661}", "NaN", "01", "+1", "0x1", "Ants"]
    {
        let page = client.post("/").form(&[("name", "Zoe"), ("team_id", hostile), ("skills", "1")]).send();
        page.assert_status(200).assert_contains("Choose one of the available options.");
        let page = client.post("/").form(&[("name", "Zoe"), ("team_id", "1"), ("skills", hostile)]).send();
        page.assert_status(200).assert_contains("Choose from the available options.");
    }
    client.post("/").form(&[("name", "Zoe"), ("team_id", ""), ("skills", "")]).send().assert_contains("Choose one.");
    assert_eq!(client.db(|db| Player::query().row_count(db)), 0);
}

fn a_view_narrows_the_choices(on: &str) {
    let client = client(on);
    client.get("/?ranked").send().assert_not_contains("<option value=\"2\"").assert_contains("<option value=\"3\">Cats");
    client.post("/?ranked").form(&[("name", "Zoe"), ("team_id", "2")]).send().assert_contains("Choose one of the available options.");
    client.post("/?ranked").form(&[("name", "Zoe"), ("team_id", "3")]).send().assert_contains("added Zoe to 3");
}

fn many_rows_are_searched(on: &str) {
    let client = client(on);
    client.db(|db| Team::create_many(db, (0..300).map(|number| NewTeam { name: format!("Team {number:03} 100%"), ..Default::default() })));
    let page = client.get("/").send();
    page.assert_contains("<input type=\"search\" name=\"team_id-search\"").assert_not_contains("<option value=\"1\"");
    let send = |fields: &[(&str, &str)]| client.post("/").form(&[&[("name", "Zoe")], fields].concat()).send();
    // One match is the choice, without regard to case.
    send(&[("team_id", ""), ("team_id-search", " team 017 ")]).assert_contains("added Zoe to 21");
    send(&[("team_id", ""), ("team_id-search", "team 01")])
        .assert_contains("Several match. Choose from them.")
        .assert_contains("<option value=\"14\">Team 010 100%</option>")
        .assert_not_contains("Team 020");
    send(&[("team_id", ""), ("team_id-search", "team")]).assert_contains("Too many match");
    send(&[("team_id", ""), ("team_id-search", "_00%'; --")]).assert_contains("Nothing matches");
    send(&[("team_id", ""), ("team_id-search", &"%_\0".repeat(50_000))]).assert_status(200).assert_contains("Nothing matches");
    send(&[("team_id", ""), ("team_id-search", "")]).assert_contains("Choose one.");
    // What was chosen before stays, is checked, and gives way to what was found.
    send(&[("team_id", "7"), ("team_id-search", "nothing")]).assert_contains("<option value=\"7\" selected>Team 003 100%");
    send(&[("team_id", "9999"), ("team_id-search", "")]).assert_contains("Choose one of the available options.");
    client.post("/").form(&[("name", "Yan"), ("team_id", "7"), ("team_id-search", "cats")]).send().assert_contains("added Yan to 3");
    client.post("/").form(&[("name", "Xia"), ("team_id", "7"), ("former_id", "8")]).send().assert_contains("added Xia to 7, Some(8)");
    client.get("/3").send().assert_contains("<option value=\"7\" selected>Team 003 100%").assert_contains("value=\"8\" checked");
}

fn skills_of(client: &Client, id: i64) -> Vec<String> {
    client.db(|db| -> Result<_> {
        let player = Player::find(db, id)?;
        Ok(player.skills(db)?.into_iter().map(|skill| skill.name).collect())
    })
}

fn relations_are_shown_and_set(on: &str) {
    let client = client(on);
    let send = |path: &str, skills: &[&str]| {
        let fields: Vec<(&str, &str)> =
            [("name", "Zoe"), ("team_id", "1")].into_iter().chain(skills.iter().map(|id| ("skills", *id))).collect();
        client.post(path).form(&fields).send()
    };
    send("/", &["1", "3"]).assert_contains("added Zoe");
    assert_eq!(skills_of(&client, 1), ["aim", "speed"]);
    let page = client.get("/1").send();
    page.assert_contains("value=\"1\" checked").assert_contains("value=\"3\" checked").assert_not_contains("value=\"2\" checked");
    send("/1", &["2", "2"]).assert_contains("saved Zoe");
    assert_eq!(skills_of(&client, 1), ["luck"]);
    send("/1", &[]).assert_contains("saved Zoe");
    assert_eq!(skills_of(&client, 1), Vec::<String>::new());
}

fn nothing_is_half_saved(on: &str) {
    let client = client(on);
    let send = |path: &str, name: &str, skill: &str| client.post(path).form(&[("name", name), ("team_id", "1"), ("skills", skill)]).send();
    send("/", "Zoe", "1").assert_contains("added Zoe");
    send("/", "Yan", "1").assert_contains("added Yan");
    // The name is taken, so the skills stay; what was chosen is shown again.
    send("/2", "Zoe", "3").assert_contains("already has this name").assert_contains("value=\"3\" checked");
    assert_eq!(skills_of(&client, 2), ["speed"]);
    send("/", "Zoe", "3").assert_contains("already has this name");
    assert_eq!(client.db(|db| Player::query().row_count(db)), 2);
}

fn a_hidden_reference_is_not_offered(on: &str) {
    let client = client(on);
    client.get("/hidden").assert_queries(0).assert_contains("type=\"hidden\" name=\"team_id\" value=\"1\"");
    client.post("/hidden").form(&[("name", "Zoe"), ("team_id", "1")]).send().assert_contains("added");
    client.post("/hidden").form(&[("name", "Yan"), ("team_id", "77")]).send().assert_contains("does not exist any more");
}
