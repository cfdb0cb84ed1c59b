//! From the descriptions of models to a schema.

use lback_models::migrate::{Answers, DefaultValue, Schema, plan};
use lback_models::{Auto, CheckMeta, FieldMeta, Format, IndexMeta, Kind, Literal, ManyToManyMeta, ModelMeta, OnDelete, Reference};

use super::project::projects;

const FIELD: FieldMeta = FieldMeta {
    name: "",
    column: "",
    label: "",
    help: "",
    kind: Kind::Text,
    null: false,
    choices: &[],
    default: None,
    max_length: None,
    digits: None,
    min: None,
    max: None,
    format: Format::Any,
    long: false,
    blank: false,
    unique: false,
    index: false,
    references: None,
    auto: Auto::No,
    hidden: false,
};

const ID: FieldMeta = FieldMeta { name: "id", column: "id", kind: Kind::BigInt, auto: Auto::Id, ..FIELD };

const MODEL: ModelMeta = ModelMeta {
    new_values: None,
    clean: None,
    name: "",
    table: "",
    label: "",
    plural: "",
    fields: &[],
    primary_key: &["id"],
    indexes: &[],
    checks: &[],
    order: &[],
    display: "",
    many_to_many: &[],
    managed: true,
};

static AUTHOR: ModelMeta = ModelMeta {
    name: "Author",
    table: "authors",
    fields: &[FieldMeta { name: "email", column: "email", max_length: Some(100), ..FIELD }],
    primary_key: &["email"],
    ..MODEL
};

static TAG: ModelMeta = ModelMeta { name: "Tag", table: "tags", fields: &[ID], ..MODEL };

static POST: ModelMeta = ModelMeta {
    name: "Post",
    table: "posts",
    fields: &[
        ID,
        FieldMeta {
            name: "author",
            column: "author_email",
            max_length: Some(100),
            index: true,
            references: Some(Reference { model: || &AUTHOR, on_delete: OnDelete::Cascade }),
            ..FIELD
        },
        FieldMeta { name: "slug", column: "slug", unique: true, ..FIELD },
        FieldMeta {
            name: "state",
            column: "state",
            choices: &[("published", "Published"), ("draft", "Draft")],
            default: Some(Literal::Text("draft")),
            ..FIELD
        },
        FieldMeta { name: "price", column: "price", kind: Kind::Decimal, default: Some(Literal::Int(0)), ..FIELD },
    ],
    indexes: &[IndexMeta { columns: &["state", "slug"], unique: false, condition: "state = 'draft'" }],
    checks: &[CheckMeta { name: "slug_is_lower", condition: "slug = lower(slug)" }],
    many_to_many: &[ManyToManyMeta {
        name: "tags",
        label: "Tags",
        model: || &TAG,
        through: || &POST_TAGS,
        own: "post_id",
        other: "tag_id",
    }],
    ..MODEL
};

static POST_TAGS: ModelMeta = ModelMeta {
    name: "PostTags",
    table: "posts_tags",
    fields: &[
        FieldMeta {
            name: "post_id",
            column: "post_id",
            kind: Kind::BigInt,
            references: Some(Reference { model: || &POST, on_delete: OnDelete::Cascade }),
            ..FIELD
        },
        FieldMeta {
            name: "tag_id",
            column: "tag_id",
            kind: Kind::BigInt,
            references: Some(Reference { model: || &TAG, on_delete: OnDelete::Cascade }),
            ..FIELD
        },
    ],
    primary_key: &["post_id", "tag_id"],
    ..MODEL
};

static FOREIGN: ModelMeta = ModelMeta { name: "Log", table: "logs", fields: &[ID], managed: false, ..MODEL };

#[test]
fn models_become_tables() {
    let schema = Schema::of([&POST, &AUTHOR, &TAG, &FOREIGN]);
    assert_eq!(schema.tables.keys().collect::<Vec<_>>(), ["authors", "posts", "posts_tags", "tags"]);
    let posts = &schema.tables["posts"];
    assert_eq!(posts.column("author_email").unwrap().references.as_ref().unwrap().column, "email", "a key of another name");
    assert_eq!(posts.column("state").unwrap().choices, ["draft", "published"], "sorted, as their order means nothing");
    assert_eq!(posts.column("price").unwrap().default, Some(DefaultValue::Int(0)));
    let mut indexes = posts.indexes.iter();
    assert!(indexes.any(|index| index.unique && index.columns == ["slug"]));
    assert_eq!(Schema::from_json(&schema.to_json(), "models.json").unwrap(), schema);
    for mut project in projects() {
        project.migrate(&Schema::default(), &schema).unwrap();
        project.assert_is(&schema, "");
        project.rollback().unwrap();
        project.apply().unwrap();
        project.assert_is(&schema, "again");
    }
}

#[test]
fn tables_are_created_after_those_that_they_refer_to() {
    let schema = Schema::of([&POST, &AUTHOR, &TAG]);
    let plan = plan(&Schema::default(), &schema, &mut Answers::default()).unwrap();
    let names: Vec<&str> = plan.created.iter().map(|created| created.name.as_str()).collect();
    assert_eq!(names, ["authors", "posts", "tags", "posts_tags"]);
    assert_eq!(plan.name(), "create_authors_and_3_more");
}

#[test]
fn json_has_a_line_for_each_column() {
    let json = Schema::of([&POST]).to_json();
    let lines = [
        r#"      {"name":"id","kind":"bigint","numbered":true},"#,
        r#"      {"name":"slug","kind":"text"},"#,
        r#"      {"columns":["slug"],"unique":true},"#,
        r#"      {"name":"slug_is_lower","condition":"slug = lower(slug)"}"#,
    ];
    for line in lines {
        assert!(json.lines().any(|found| found.trim_end_matches(',') == line.trim_end_matches(',')), "{line}\n{json}");
    }
}

#[test]
fn damaged_json_is_refused_with_its_line() {
    let good = Schema::of([&POST]).to_json();
    let conflict = good.replacen("      {\"name\":\"slug\"", "<<<<<<< HEAD\n      {\"name\":\"slug\"", 1);
    let unknown = good.replacen("\"decimal\"", "\"money\"", 1);
    let twice = good.replacen("\"name\":\"slug\"", "\"name\":\"state\"", 1);
    for (json, parts) in [
        (conflict.as_str(), ["migrations/models.json:6: git could not merge", "makemigrations --merge"]),
        (unknown.as_str(), ["migrations/models.json:8: \"money\" is unknown; known are smallint", "decimal. makemigrations writes"]),
        (twice.as_str(), ["posts has the column state twice", "Correct"]),
        ("{", ["migrations/models.json:1", "git checkout"]),
        ("{\"a\": {\"columns\": [], \"primary_key\": [\"id\"]}}", ["of the column id", "Correct"]),
    ] {
        let error = Schema::from_json(json, "migrations/models.json").unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
}
