// errors: 2
// one says: conflicting implementations of trait `diesel::JoinTo<teams::table>`

use lback::prelude::*;

#[derive(Model, Clone, Debug)]
pub struct Team {
    pub id: i64,
    #[model(references = Player)]
    pub captain_id: Option<i64>,
}

#[derive(Model, Clone, Debug)]
pub struct Player {
    pub id: i64,
    #[model(references = Team)]
    pub team_id: i64,
}
