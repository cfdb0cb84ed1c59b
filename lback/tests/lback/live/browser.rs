//! Live pages in Chromium.

use lback_test_servers::Browser;

use super::*;
use crate::number;

/// Keeps an element of the page, to see that it is still the same one.
const KEEP: &str = "window.kept = document.querySelector('#t1'); return ''";

fn no_complaints(browser: &Browser) {
    let complaints: Vec<String> = browser.complaints().into_iter().filter(|complaint| !complaint.contains("favicon")).collect();
    assert_eq!(complaints, Vec::<String>::new());
}

#[test]
fn changes_appear_without_a_reload_while_the_user_types() {
    let Some(browser) = Browser::start() else { return };
    let site = Site::new("", "");
    site.client.post("/tickets/Printer").send();
    browser.open(&format!("{}/form", site.client.url()));
    eventually("the stream is open", || site.rendered() >= 2);
    browser.run(KEEP);
    browser.fill("Title", "half a ti");
    browser.run("document.activeElement.setSelectionRange(2, 5); return ''");
    site.client.post("/tickets/Scanner").send();
    browser.sees("Scanner");
    sql(&site.client, "DELETE FROM tickets WHERE title = 'Printer'");
    site.client.post("/tickets/Phone").send();
    browser.waits("return document.body.innerText.includes('Phone') && !document.body.innerText.includes('Printer')");
    let state = browser
        .run("const it = document.activeElement; return [it.id, it.value, it.selectionStart, it.selectionEnd, kept.isConnected].join()");
    assert_eq!(state, "title,half a ti,2,5,false");
    no_complaints(&browser);

    // The form answers in place.
    browser.run("window.before = true; return ''");
    browser.fill("Title", "x");
    browser.click("Add");
    browser.sees("Too short.");
    browser.fill("Title", "Keyboard");
    browser.click("Add");
    browser.sees("Keyboard");
    browser.waits("return !document.body.innerText.includes('Too short.') && document.querySelector('#title').value === ''");
    assert_eq!(browser.run("return String(window.before)"), "true", "the page was not loaded again");

    browser.fill("Title", "elsewhere");
    browser.click("Add");
    browser.sees("elsewhere was added.");
    assert_eq!(browser.url(), format!("{}/tickets", site.client.url()));
    assert_eq!(browser.run("return String(window.before)"), "undefined");
}

#[test]
fn a_form_that_gets_no_answer_is_left_to_the_browser() {
    let Some(browser) = Browser::start() else { return };
    let site = Site::new("", "");
    browser.open(&format!("{}/form", site.client.url()));
    site.client.post("/tickets/Phone").send();
    browser.sees("Phone");
    browser
        .run("window.fetch = () => { window.asked = (window.asked || 0) + 1; return Promise.reject(new TypeError('lost')); }; return ''");
    browser.fill("Title", "Printer");
    browser.click("Add");
    browser.waits("return document.forms[0].target === '_self'");
    assert_eq!(browser.run("return [document.querySelector('#title').value, asked].join()"), "Printer,1");
    assert_eq!(number(&site.client, "SELECT count(*) FROM tickets"), 1, "it is not sent again without the user");
    browser.click("Add");
    browser.waits("return window.asked === undefined && document.body.innerText.includes('Printer')");
    assert_eq!(number(&site.client, "SELECT count(*) FROM tickets"), 2);
}

#[test]
fn a_page_that_is_not_allowed_any_more_is_loaded_again_once() {
    let Some(browser) = Browser::start() else { return };
    let site = Site::new("", "");
    browser.open(&format!("{}/plain", site.client.url()));
    let staff = site.client.fork();
    staff.post("/login/staff").send();
    let cookie = staff.cookies().into_iter().find(|cookie| cookie.name() == "session_id").unwrap();
    browser.run(&format!("document.cookie = 'session_id={}; path=/'; return ''", cookie.value()));
    browser.open(&format!("{}/members", site.client.url()));
    browser.sees("staff sees 0");
    eventually("the stream is open", || site.rendered() >= 2);
    staff.post("/logout").send();
    site.client.post("/tickets/Printer").send();
    browser.sees("no fragments");
}

#[test]
fn nodes_keep_their_identity_and_their_state() {
    let Some(browser) = Browser::start() else { return };
    let site = Site::new("", "");
    browser.open(&format!("{}/tickets", site.client.url()));
    let script = r#"
        const root = document.querySelector("[data-live]:not([data-live=''])");
        const show = (html) => {
            const page = document.implementation.createHTMLDocument();
            page.body.innerHTML = `<div id="${root.id}" data-live="x">${html}</div>`;
            document.dispatchEvent(new CustomEvent("live", { detail: page }));
        };
        const said = [];
        show(`<ul><li id="a">a</li> <li id="b">b</li> <li id="c"><input id="i" value="1"></li></ul><details><summary>s</summary><p>t</p></details>`);
        const [a, b, c] = ["a", "b", "c"].map((id) => document.getElementById(id));
        root.querySelector("details").open = true;
        i.focus(); i.value = "typed";
        show(`<ul><li id="n">n</li> <li id="c"><input id="i" value="2"></li> <li id="a" class="x">A</li></ul><details><summary>s</summary><p>T</p></details>`);
        said.push(root.querySelector("ul").innerText.replace(/\s+/g, " ").trim(), document.activeElement.id, i.value);
        said.push(a === document.getElementById("a"), c === document.getElementById("c"), b.isConnected, a.className);
        said.push(root.querySelector("details").open, root.querySelector("details p").innerText);
        show(`<p>none</p> <form><input name="j" value=""></form>`);
        root.querySelector("input").focus(); root.querySelector("input").value = "typed";
        show(`<b>new</b> <table></table> <p>one</p> <form><p>wrong</p><input name="j" value="x"></form>`);
        said.push(document.activeElement.name, document.activeElement.value);
        show(`text <b>bold</b> more`);
        said.push(root.innerHTML);
        show(``);
        said.push(root.innerHTML === "");
        return said.join("|");
    "#;
    assert_eq!(browser.run(script), "n A|i|typed|true|true|false|x|true|T|j|typed|text <b>bold</b> more|true");
}

/// Random fragments become those that they should be, also with forms whose fields hide properties such as `children`.
#[test]
fn random_fragments_become_equal() {
    let Some(browser) = Browser::start() else { return };
    let site = Site::new("", "");
    browser.open(&format!("{}/tickets", site.client.url()));
    let script = r#"
        let seed = 12345;
        const random = (n) => ((seed = (seed * 1103515245 + 12345) & 0x7fffffff) >> 8) % n;
        const one = (...list) => list[random(list.length)];
        const node = (depth) => {
            const kind = random(8);
            if (kind < 2) return one("x ", " ", "y", "é😀");
            if (kind === 2) return `<!--${random(3)}-->`;
            if (kind === 3) return `<input name="${one("id", "children", "remove", "attributes")}" value="${random(3)}"${one("", " disabled")}>`;
            const name = one("p", "li", "b", "form", "section", "ul");
            const id = one("", ` id="${one(..."abcdefg")}"`), more = one("", ` class="k${random(3)}"`);
            return `<${name}${id}${more}>${depth && name !== "p" ? nodes(depth - 1) : random(5)}</${name}>`;
        };
        const nodes = (depth) => Array.from({ length: random(6) }, () => node(depth)).join("");
        const root = document.querySelector("[data-live]:not([data-live=''])");
        for (let n = 0; n < 3000; n++) {
            const before = root.innerHTML, page = document.implementation.createHTMLDocument();
            page.body.innerHTML = `<div id="${root.id}" data-live="x">${nodes(2)}</div>`;
            const expected = page.body.firstChild.cloneNode(true);
            document.dispatchEvent(new CustomEvent("live", { detail: page }));
            if (!root.isEqualNode(expected)) return [before, root.innerHTML, expected.innerHTML].join("\n");
        }
        return "equal";
    "#;
    assert_eq!(browser.run(script), "equal");
}
