//! A shopping list that everyone who has it open sees change, without JavaScript of its own.

use lback::prelude::*;

/// The channel of the list.
const ITEMS: &str = "items";

diesel::table! {
    items (id) {
        id -> BigInt,
        text -> Text,
        is_bought -> Bool,
    }
}

#[derive(serde::Serialize, Queryable)]
struct Item {
    id: i64,
    text: String,
    is_bought: bool,
}

#[derive(Form)]
struct NewItem {
    #[form(max_length = 100, label = "Item")]
    text: String,
}

fn main() {
    app().main()
}

fn app() -> App {
    let urls = Router::new().get("/", list).name("list").post("/", list).post("/items/{id:int}/bought", bought).name("bought");
    App::new(urls).migrations(migrations!()).realtime()
}

/// Shows the list, and adds an item.
fn list(req: &mut Request) -> Result<Response> {
    let mut form = Form::<NewItem>::new();
    if let Some(NewItem { text }) = form.submitted(req)? {
        diesel::insert_into(items::table).values(items::text.eq(text)).execute(req.db()?)?;
        req.broadcast(ITEMS, "added")?;
        return req.redirect_to("list", &[]);
    }
    let items: Vec<Item> = items::table.order(items::id).load(req.db()?)?;
    req.render("list.html", context! { items, form, channel => ITEMS })
}

fn bought(req: &mut Request) -> Result<Response> {
    let id: i64 = req.param("id")?;
    diesel::update(items::table.find(id)).set(items::is_bought.eq(true)).execute(req.db()?)?;
    req.broadcast(ITEMS, "bought")?;
    req.redirect_to("list", &[])
}

#[cfg(test)]
mod tests {
    use lback::testing::Client;

    use super::*;

    #[test]
    fn changes_of_the_list_are_broadcast() {
        let client = Client::new(app());
        client.get("/").send().assert_contains("data-live");
        client.post("/").form(&[("text", "Milk")]).follow().send().assert_contains("Milk").assert_contains("Bought");
        client.post("/items/1/bought").follow().send().assert_contains("<s>Milk</s>");
        let broadcasts = [("items".to_owned(), "\"added\"".to_owned()), ("items".to_owned(), "\"bought\"".to_owned())];
        assert_eq!(client.broadcasts(), broadcasts);
    }
}
