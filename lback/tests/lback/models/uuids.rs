//! Keys that are UUIDs, and a default that is computed.

use lback::models::migrate::create_tables;
use lback::prelude::*;
use lback::testing::Client;
use lback::uuid::Uuid;

use crate::unit_of_work::on_each_database;

#[derive(Model, Clone, Debug, PartialEq)]
pub struct Device {
    #[model(primary_key, default = Uuid::new_v4())]
    pub id: Uuid,
    pub name: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
pub struct Reading {
    pub id: i64,
    #[model(references = Device)]
    pub device_id: Uuid,
    pub reference: Option<Uuid>,
}

on_each_database!(a_uuid_is_a_key_and_a_reference,);

fn a_uuid_is_a_key_and_a_reference(on: &str) {
    let client = Client::with_settings(App::new(Router::new()), &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    client.db(|db| create_tables(db, models![Device, Reading]));
    client.db(|db| -> Result<()> {
        let one = Device::create(db, NewDevice { name: "one".into(), ..Default::default() })?;
        let two = Device::create(db, NewDevice { name: "two".into(), ..Default::default() })?;
        assert_ne!(one.id, two.id);
        let new = NewReading { device_id: two.id, reference: Some(one.id) };
        let reading = Reading::create(db, new)?;
        assert_eq!((reading.device(db)?, reading.reference), (two.clone(), Some(one.id)));
        assert_eq!(Reading::by_device(db, &[one.clone(), two.clone()])?, [vec![], vec![reading.clone()]]);
        assert_eq!(readings::table.filter(readings::device_id.eq(two.id)).count().get_result::<i64>(db)?, 1);
        assert_eq!(Device::find_many(db, [one.id, Uuid::nil()])?.into_values().collect::<Vec<_>>(), [one]);
        assert!(Reading::create(db, NewReading::default()).is_err());
        Ok(())
    });
    assert_ne!(client.create::<Reading>(|_| {}).device_id, Uuid::nil());
}
