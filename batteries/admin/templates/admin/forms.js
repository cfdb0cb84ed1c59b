// Pages with a form load this file after script.js, whose functions it uses.

const form = one("form[data-guard]");
if (form) {
  // A form that comes back with errors has not been saved.
  let isChanged = Boolean(one(".error-summary, #conflict", form));
  form.addEventListener("input", () => { isChanged = true; });
  form.addEventListener("change", () => { isChanged = true; });
  form.addEventListener("submit", () => { isChanged = false; });
  addEventListener("beforeunload", (event) => {
    if (isChanged) event.preventDefault();
  });
  // A collapsed group must not hide errors.
  for (const field of all("details .invalid", form)) field.closest("details").open = true;
  form.addEventListener("invalid", ({ target }) => {
    const group = target.closest("details");
    if (group) group.open = true;
  }, true);
  one(".error-summary", form)?.focus();
}

// A field of a new row follows others, until it is changed itself.
const slug = (text) =>
  text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
const prepopulate = (form) => {
  for (const [name, from] of Object.entries(JSON.parse(form.dataset.prepopulated || "{}"))) {
    const field = form.elements[name];
    const inputs = from.map((other) => form.elements[other]).filter(Boolean);
    const derived = () => {
      const text = slug(inputs.map((input) => input.value).join(" "));
      return field.maxLength > 0 ? text.slice(0, field.maxLength).replace(/-$/, "") : text;
    };
    let follows = !field.value || field.value === derived();
    field.addEventListener("input", () => { follows = !field.value; });
    for (const input of inputs) {
      input.addEventListener("input", () => { if (follows) field.value = derived(); });
    }
  }
};
if (form) prepopulate(form);

const save = (then) => {
  const adding = all("dialog.adding form").at(-1);
  if (adding) {
    adding.requestSubmit();
    return true;
  }
  const button = form && one(`button[name=then][value=${then}]`, form);
  button?.click();
  return Boolean(button);
};
WITH_CTRL.s = () => save("continue");
WITH_CTRL.Enter = () => !one("dialog[open]:not(.adding)") && save("list");

// Selects with a search: the choices are fetched while typing.
const searchChoices = (root) => {
  for (const search of all("input[type=search][data-choices]", root)) {
    const select = document.getElementById(search.id.replace(/-search$/, ""));
    if (select?.tagName !== "SELECT") continue;
    const fill = debounced(async (signal, q) => {
      const choices = await found(search.dataset.choices, q, signal);
      if (!choices || signal.aborted) return;
      const kept = [...select.options].filter((option) => option.selected || option.value === "");
      const values = new Set(kept.map((option) => option.value));
      const added = choices.filter(({ value }) => !values.has(String(value)));
      select.replaceChildren(...kept, ...added.map(({ value, label }) => new Option(label, value)));
    });
    search.addEventListener("input", (event) => {
      event.stopPropagation(); // A search changes nothing.
      fill(search.value);
    });
    search.addEventListener("change", (event) => event.stopPropagation());
    search.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && !event.isComposing) {
        event.preventDefault(); // It would submit the form.
        select.focus();
      }
    });
    // The search text is not part of the row.
    search.form?.addEventListener("formdata", (event) => event.formData.delete(search.name));
  }
};
searchChoices(document);

// Rows to which a field can refer are added in a dialog, with the form of their own page.

// Gives the ids of a piece of another page a prefix, because this page has the same ones.
const renameIds = (root, prefix) => {
  for (const node of all("[id]", root)) node.id = prefix + node.id;
  for (const name of ["for", "aria-describedby", "aria-labelledby"]) {
    for (const node of all(`[${name}]`, root)) {
      node.setAttribute(name, node.getAttribute(name).split(" ").map((id) => prefix + id).join(" "));
    }
  }
  for (const link of all("a[href^='#']", root)) link.setAttribute("href", `#${prefix}${link.getAttribute("href").slice(1)}`);
};

let dialogs = 0;
const addRow = async (link) => {
  const field = link.closest("form").elements[link.dataset.adds];
  const url = new URL(link.href);
  url.searchParams.set("_dialog", "true");
  const dialog = document.createElement("dialog");
  dialog.className = "adding";
  let isChanged = false;

  const choose = ({ value, label }) => {
    isChanged = false;
    dialog.close();
    if (value === null) return;
    let option = [...field.options].find((known) => known.value === value);
    if (!option) field.append(option = new Option(label, value));
    option.selected = true;
    field.dispatchEvent(new Event("change", { bubbles: true }));
    field.focus();
  };
  const show = (html) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    const inner = one("form[data-guard]", page);
    // The session may have ended: its own page says so.
    if (!inner) {
      isChanged = false;
      dialog.close();
      window.open(link.href);
      return;
    }
    const title = document.createElement("h2");
    title.textContent = one("h1", page)?.textContent || link.textContent;
    const cancel = Object.assign(document.createElement("button"), { type: "button", textContent: t("Cancel") });
    cancel.addEventListener("click", () => dialog.requestClose ? dialog.requestClose() : dialog.close());
    one(".bar > a", inner)?.remove(); // It leads away from the page.
    one(".bar", inner)?.append(cancel);
    dialog.replaceChildren(title, inner);
    renameIds(dialog, `dialog-${dialogs}-`);
    dialog.setAttribute("aria-label", title.textContent);
    searchChoices(inner);
    prepopulate(inner);
    setUpInlines(inner);
    setUpEditors(inner);
    inner.addEventListener("input", () => { isChanged = true; });
    inner.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (inner.ariaBusy) return;
      inner.ariaBusy = "true";
      const data = new FormData(inner, event.submitter);
      const body = inner.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
      try {
        const response = await fetch(url, { method: "POST", body });
        if (response.headers.get("content-type")?.startsWith("application/json")) choose(await response.json());
        else show(await response.text());
      } catch {
        window.alert(t("The row could not be sent. Check the connection, and save again."));
      }
      inner.ariaBusy = null;
    });
    (one(".error-summary", inner) || one("input:not([type=hidden]), select, textarea", inner))?.focus();
  };

  dialog.addEventListener("cancel", (event) => {
    if (isChanged && !window.confirm(t("Close the form without saving it?"))) event.preventDefault();
  });
  dialog.addEventListener("close", () => dialog.remove());
  let html;
  try {
    html = await (await fetch(url)).text();
  } catch {
    window.open(link.href);
    return;
  }
  dialogs += 1;
  document.body.append(dialog);
  dialog.showModal();
  show(html);
};
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-adds]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  addRow(link);
});

// Rows of other models

// Gives a number to a copy of a blank row. The blank rows in it keep theirs.
const number = (piece, next) => {
  renameIds(piece, `new-${next}-`);
  for (const input of all("[name]", piece)) input.name = input.name.replace(":+N:", `:+${next}:`);
  for (const template of all("template", piece)) number(template.content, next);
};

const inlineRows = (inline) => {
  const rows = one("[data-rows]", inline);
  const blank = one(":scope > template", inline);
  const button = one(":scope > p > .add-row", inline);
  if (!rows) return;
  const current = () => all(":scope > [data-row]", rows);

  // The fields with the places of rows are renumbered when rows are moved. Only those that moved get another place.
  const place = (row) => all("input", row).find((input) => input.name.endsWith(inline.dataset.position) && input.closest("[data-row]") === row);
  const renumber = () => {
    const inputs = current().map(place).filter(Boolean);
    const known = inputs.map((input) => (input.value === "" ? NaN : Number(input.value)));
    const sorted = [...known].sort((one, other) => one - other);
    const isUsable = known.every(Number.isFinite) && new Set(known).size === known.length;
    inputs.forEach((input, at) => { input.value = isUsable ? sorted[at] : at + 1; });
    inputs[0]?.dispatchEvent(new Event("change", { bubbles: true }));
  };
  let dragged = null;
  const makeMovable = (row) => {
    const input = inline.dataset.position && place(row);
    if (!input) return;
    const tools = document.createElement("span");
    tools.className = "moves";
    for (const [text, label, step] of [["↑", t("Move up"), -1], ["↓", t("Move down"), 1]]) {
      const move = Object.assign(document.createElement("button"), { type: "button", textContent: text, title: label });
      move.setAttribute("aria-label", label);
      move.addEventListener("click", () => {
        const others = current();
        const other = others[others.indexOf(row) + step];
        if (!other) return;
        if (step < 0) other.before(row);
        else other.after(row);
        renumber();
        move.focus();
      });
      tools.append(move);
    }
    const handle = Object.assign(document.createElement("span"), { textContent: "⠿", className: "handle", draggable: true, title: t("Drag") });
    handle.setAttribute("aria-hidden", "true");
    handle.addEventListener("dragstart", (event) => {
      dragged = row;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setDragImage(row, 0, 0);
    });
    handle.addEventListener("dragend", () => { dragged = null; });
    tools.append(handle);
    input.after(tools);
  };
  rows.addEventListener("dragover", (event) => {
    const over = dragged && event.target.closest?.("[data-row]");
    if (!over || over.parentNode !== rows) return;
    event.preventDefault();
    if (over === dragged) return;
    const { top, height } = over.getBoundingClientRect();
    if (event.clientY < top + height / 2) over.before(dragged);
    else over.after(dragged);
  });
  rows.addEventListener("drop", (event) => {
    if (!dragged) return;
    event.preventDefault();
    renumber();
  });
  current().forEach(makeMovable);

  // Numbers of new rows: those of the page, and then higher ones.
  const numbers = all("[name]", rows).map(({ name }) => Number([...name.matchAll(/:\+(\d+):/g)].at(-1)?.[1] ?? -1));
  let next = Math.max(-1, ...numbers) + 1;
  const showButton = () => { if (button) button.hidden = current().length >= Number(inline.dataset.most); };
  showButton();
  button?.addEventListener("click", () => {
    const piece = blank.content.cloneNode(true);
    number(piece, next);
    const row = one("[data-row]", piece);
    next += 1;
    rows.append(row);
    searchChoices(row);
    setUpInlines(row);
    makeMovable(row);
    showButton();
    one("input:not([type=hidden]), select, textarea", row)?.focus();
  });
};
const setUpInlines = (root) => all(".inline", root).forEach(inlineRows);
setUpInlines(document);

// Texts in JSON and Markdown

const tool = (label) => Object.assign(document.createElement("button"), { type: "button", textContent: label, className: "small" });

// Returns the position of the first error in JSON. The messages of browsers do not always name it.
const jsonErrorAt = (text) => {
  let at = 0;
  const eat = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    at += found?.length ?? 0;
    return found;
  };
  const space = () => eat(/[ \t\n\r]*/y);
  const string = () => eat(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y);
  const value = () => {
    space();
    const close = { "[": "]", "{": "}" }[text[at]];
    if (!close) return string() ?? eat(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y);
    at += 1;
    space();
    if (eat(close === "]" ? /]/y : /}/y)) return close;
    for (;;) {
      if (close === "}" && !(space(), string() && (space(), eat(/:/y)))) return null;
      if (!value()) return null;
      space();
      if (eat(close === "]" ? /]/y : /}/y)) return close;
      if (!eat(/,/y)) return null;
      space();
    }
  };
  if (value()) space();
  return at;
};

// Returns a message about the first error in JSON, or an empty text.
const jsonError = (text) => {
  try {
    JSON.parse(text);
    return "";
  } catch { /* The position is found below. */ }
  let at;
  try {
    at = jsonErrorAt(text);
  } catch {
    return t("This is not valid JSON: it is nested too deeply.");
  }
  const before = text.slice(0, at).split("\n");
  const place = { line: before.length, column: before.at(-1).length + 1, character: text[at] };
  if (at < text.length) return t("This is not valid JSON at line {line}, column {column}: unexpected {character}", place);
  return t("This is not valid JSON: it ends too early at line {line}, column {column}.", place);
};

const EDITORS = {
  json: (editor, input) => {
    const status = Object.assign(document.createElement("p"), { className: "errors" });
    status.setAttribute("role", "status");
    const check = () => {
      const error = input.value.trim() ? jsonError(input.value) : "";
      input.setCustomValidity(error);
      status.textContent = error;
      return !error;
    };
    const format = tool(t("Format"));
    format.addEventListener("click", () => {
      if (!input.value.trim() || !check()) return;
      input.value = JSON.stringify(JSON.parse(input.value), null, 2);
      input.dispatchEvent(new Event("input", { bubbles: true }));
    });
    input.spellcheck = false;
    input.classList.add("code");
    input.addEventListener("input", check);
    check();
    input.after(status, format);
  },
  markdown: (editor, input) => {
    const panel = Object.assign(document.createElement("div"), { className: "preview card", hidden: true });
    panel.setAttribute("role", "region");
    panel.setAttribute("aria-label", t("Preview"));
    const button = tool(t("Preview"));
    button.setAttribute("aria-expanded", "false");
    const render = debounced(async (signal) => {
      const body = new URLSearchParams({ text: input.value, csrf_token: input.form.elements.csrf_token?.value || "" });
      try {
        const response = await fetch(editor.dataset.preview, { method: "POST", body, signal });
        if (!response.ok) throw new Error(response.status);
        // The server escapes HTML in the text.
        panel.innerHTML = (await response.json()).html;
        for (const link of all("a", panel)) Object.assign(link, { target: "_blank", rel: "noopener noreferrer" });
      } catch {
        if (!signal.aborted) panel.textContent = t("The preview could not be loaded.");
      }
    });
    button.addEventListener("click", () => {
      panel.hidden = !panel.hidden;
      button.setAttribute("aria-expanded", String(!panel.hidden));
      if (!panel.hidden) render();
    });
    input.addEventListener("input", () => { if (!panel.hidden) render(); });
    input.after(button, panel);
  },
};
const setUpEditors = (root) => {
  for (const editor of all("[data-editor]", root)) {
    const input = one("textarea, input:not([type=hidden])", editor);
    if (input) EDITORS[editor.dataset.editor]?.(editor, input);
  }
};
setUpEditors(document);
