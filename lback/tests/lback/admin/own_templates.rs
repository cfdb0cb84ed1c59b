//! Templates of the application for the pages of one model, and for all pages.

use super::*;

fn write(folder: &std::path::Path, name: &str, text: &str) {
    let file = folder.join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

#[cfg(feature = "sqlite")]
#[test]
fn a_model_has_templates_of_its_own_that_extend_the_general_ones() {
    let folder = tempfile::tempdir().unwrap();
    let list = "{% extends \"admin/list.html\" %}{% block above %}<p>Above {{ model.plural }}</p>{% endblock %}\
                {% block tools %}<a href=\"/map\">Map</a>{{ super() }}{% endblock %}";
    write(folder.path(), "admin/tickets/list.html", list);
    let edit = "{% extends \"admin/edit.html\" %}{% block buttons %}<p>Think first.</p>{{ super() }}{% endblock %}";
    write(folder.path(), "admin/tickets/edit.html", edit);
    write(folder.path(), "admin/tickets/history.html", "{% extends \"admin/base.html\" %}{% block content %}Own history{% endblock %}");
    write(folder.path(), "admin/head.html", "<link rel=\"stylesheet\" href=\"/own.css\">");
    write(folder.path(), "admin/brand.html", "<img src=\"/logo.svg\" alt=\"{{ admin.title }}\">");
    let client = client_with(&format!("TEMPLATES_DIR = '{}'", folder.path().display()), admin());
    let (ada, root) = (agent(&client, "Ada"), root(&client));
    let ticket = ticket(&client, &ada, "Quagga");
    let page = root.get("/admin/tickets").send();
    page.assert_contains("<p>Above tickets</p>").assert_contains(">Map</a>").assert_contains(">Import</a>").assert_contains("Quagga");
    page.assert_contains("href=\"/own.css\"").assert_contains("src=\"/logo.svg\"");
    root.get("/admin/agents").send().assert_contains("Ada").assert_not_contains("Above").assert_contains("src=\"/logo.svg\"");
    root.get(&row_path(&ticket)).send().assert_contains("Think first.").assert_contains("Save and continue");
    PageForm::open(&root, &row_path(&ticket)).set("title", "Okapi").send(&root).assert_status(303);
    root.get(&format!("{}/history", row_path(&ticket))).send().assert_contains("Own history");
    root.get(&format!("/admin/agents/row/{}/history", ada.id)).send().assert_contains("Nothing has been changed yet.");
}
