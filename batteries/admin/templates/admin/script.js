// The admin works without this script. It adds shortcuts, the palette, selection of ranges and a guard for unsaved changes.
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const one = (selector, root = document) => root.querySelector(selector);

// Returns a text in the language of the page, with the values of its placeholders.
const translated = JSON.parse(document.body.dataset.texts || "{}");
const t = (text, values = {}) => (translated[text] ?? text).replace(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole);

// Storage may be forbidden.
const stored = (key) => {
  try { return localStorage.getItem(key); } catch { return null; }
};
const store = (key, value) => {
  try { value === null ? localStorage.removeItem(key) : localStorage.setItem(key, value); } catch { /* not stored */ }
};

// Calls `run` when nothing has been typed for a moment, with a signal that aborts the previous call.
const debounced = (run) => {
  let timer, controller;
  return (...values) => {
    clearTimeout(timer);
    controller?.abort();
    controller = new AbortController();
    const { signal } = controller;
    timer = setTimeout(() => run(signal, ...values), 150);
  };
};

// Returns the JSON response of `url` to `?q=`, or null if the request is aborted or fails.
const found = async (url, q, signal) => {
  const address = new URL(url, location.href);
  address.searchParams.set("q", q);
  try {
    const response = await fetch(address, { signal, headers: { accept: "application/json" } });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
};

// Theme

const THEME = "lback-admin-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
const themeButton = one("#theme");

const showTheme = () => {
  const theme = stored(THEME);
  if (theme) document.documentElement.dataset.theme = theme;
  const current = document.documentElement.dataset.theme || (dark.matches ? "dark" : "light");
  if (themeButton) themeButton.textContent = current === "dark" ? t("Light theme") : t("Dark theme");
  return current;
};
showTheme();
dark.addEventListener("change", showTheme);
themeButton?.addEventListener("click", () => {
  const next = showTheme() === "dark" ? "light" : "dark";
  // If the chosen theme is that of the system, the page follows the system from now on.
  store(THEME, next === (dark.matches ? "dark" : "light") ? null : next);
  document.documentElement.dataset.theme = next;
  showTheme();
});

// Menus and dialogs

const menus = () => all("details.drop[open], details.menu[open]");
document.addEventListener("click", ({ target }) => {
  for (const menu of menus()) {
    if (menu.matches(".drop") && !menu.contains(target)) menu.open = false;
  }
  // The target of a click outside a dialog is the dialog itself, because its content fills it.
  if (target.matches?.("dialog[open]:not(.adding)")) target.close();
});

const open = (id) => {
  const dialog = document.getElementById(id);
  if (!dialog || dialog.open || one("dialog.adding")) return;
  for (const other of all("dialog[open]")) other.close();
  for (const menu of menus()) menu.open = false;
  dialog.showModal();
};
for (const button of all("[data-opens]")) {
  button.addEventListener("click", () => open(button.dataset.opens));
}
if (/Mac|iPhone|iPad/.test(navigator.platform)) {
  for (const key of all("kbd")) key.textContent = key.textContent.replace("Ctrl ", "⌘ ");
}

// Palette

const palette = one("#palette");
if (palette) {
  const input = one("input", palette);
  const list = one("[role=listbox]", palette);
  const status = one("[role=status]", palette);
  const places = all(".side a").map((link) => ({
    label: link.getAttribute("aria-label") || link.textContent.trim(),
    hint: link.dataset.hint || "",
    url: link.href,
    isAdd: link.matches(".add"),
  }));
  let current = -1;

  // Models whose name begins with the text come first, then those with all its words.
  const matching = (q) => {
    const text = q.trim().toLowerCase();
    if (!text) return places.filter((place) => !place.isAdd);
    const words = text.split(/\s+/);
    const matches = places.filter(({ label, hint }) => words.every((word) => `${label} ${hint}`.toLowerCase().includes(word)));
    const rank = ({ label, isAdd }) => (label.toLowerCase().startsWith(text) ? 0 : 2) + (isAdd ? 1 : 0);
    return matches.sort((one, other) => rank(one) - rank(other));
  };

  const select = (at) => {
    const options = [...list.children];
    options[current]?.setAttribute("aria-selected", "false");
    current = options.length ? (at + options.length) % options.length : -1;
    const option = options[current];
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) input.setAttribute("aria-activedescendant", option.id);
    else input.removeAttribute("aria-activedescendant");
  };

  const show = (entries, message, at = 0) => {
    list.replaceChildren(...entries.map(({ label, hint, url }, index) => {
      const option = document.createElement("a");
      const texts = [label, hint || ""].map((text) => Object.assign(document.createElement("span"), { textContent: text }));
      texts[1].className = "quiet";
      Object.assign(option, { href: url, id: `palette-${index}`, tabIndex: -1 });
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.append(...texts);
      return option;
    }));
    input.setAttribute("aria-expanded", String(entries.length > 0));
    status.textContent = message;
    current = -1;
    select(at);
  };

  const counted = (count) => count === 0 ? t("Nothing found") : count === 1 ? t("1 result") : t("{count} results", { count });
  const search = debounced(async (signal, q) => {
    const rows = await found(palette.dataset.find, q, signal);
    if (signal.aborted) return;
    const entries = matching(q);
    if (!rows) return show(entries, t("The rows could not be searched."), current);
    // Rows come after the models, so that the selection stays.
    const shown = [...entries, ...rows];
    show(shown, counted(shown.length), Math.max(current, 0));
  });
  const type = () => {
    const q = input.value;
    const entries = matching(q);
    search(q);
    show(entries, q.trim() ? t("Searching …") : "");
  };

  input.addEventListener("input", type);
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      select(current + step);
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      const url = list.children[current]?.href;
      if (url && (event.ctrlKey || event.metaKey)) window.open(url);
      else if (url) location.assign(url);
    }
  });
  new MutationObserver(() => {
    if (!palette.open) return;
    input.select();
    show(matching(input.value), "");
    if (input.value.trim()) type();
  }).observe(palette, { attributeFilter: ["open"] });
}

// Lists

for (const input of all(".filters :is(select, [type=checkbox])")) {
  input.addEventListener("change", () => input.form.requestSubmit());
}

const boxes = all("input[name=row][type=checkbox]");
const allBox = one("#all");
const selected = one("#selected");
const count = () => {
  const checked = boxes.filter((box) => box.checked).length;
  if (allBox) {
    allBox.checked = checked > 0 && checked === boxes.length;
    allBox.indeterminate = checked > 0 && checked < boxes.length;
  }
  if (selected) selected.textContent = checked ? t("{count} of {all} selected", { count: checked, all: boxes.length }) : "";
};
if (boxes.length) {
  let last = null, withShift = false;
  allBox?.addEventListener("change", () => {
    for (const box of boxes) box.checked = allBox.checked;
    count();
  });
  // The click on a label reaches its box as a second click, which lacks the modifier key in some browsers.
  document.addEventListener("click", (event) => {
    if (!boxes.includes(event.target)) withShift = event.shiftKey;
  }, true);
  for (const box of boxes) {
    box.addEventListener("click", (event) => {
      if (last && (event.shiftKey || withShift)) {
        const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((one, other) => one - other);
        for (const between of boxes.slice(from, to + 1)) between.checked = box.checked;
      }
      last = box;
      withShift = false;
      count();
    });
  }
  count();
  // Going back may bring back checked boxes.
  addEventListener("pageshow", count);
}

const rows = all(".rows tbody > tr");
const rowOf = (node) => node?.closest?.(".rows tbody > tr");
const move = (step) => {
  const at = rows.indexOf(rowOf(document.activeElement));
  const row = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + step, 0), rows.length - 1)];
  // Enter then follows the link without this script.
  if (row) one("th a", row)?.focus();
};

// Shortcuts. Those of a single key can be turned off, because they disturb voice control.

const KEYS = "lback-admin-keys";
const singleKeys = one("#single-keys");
if (singleKeys) {
  singleKeys.checked = stored(KEYS) !== "off";
  singleKeys.addEventListener("change", () => store(KEYS, singleKeys.checked ? null : "off"));
}

const SINGLE = {
  "/": () => {
    const query = one(".search input[name=q]");
    if (query) query.select(), query.focus();
    else open("palette");
  },
  "?": () => open("keys"),
  j: () => move(1),
  k: () => move(-1),
  x: () => {
    const row = rowOf(document.activeElement);
    if (row) one("input[name=row]", row)?.click();
  },
};

// Each returns whether it did something.
const WITH_CTRL = { k: () => (open("palette"), true) };

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  const { key, target } = event;
  if (key === "Escape") {
    for (const menu of menus()) {
      menu.open = false;
      one("summary", menu).focus();
    }
    return;
  }
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
    if (Object.hasOwn(WITH_CTRL, key) && WITH_CTRL[key]()) event.preventDefault();
    return;
  }
  const isTyping = target.isContentEditable || target.matches?.("textarea, select, input:not([type=checkbox], [type=radio])");
  if (event.altKey || event.ctrlKey || event.metaKey || isTyping || !singleKeys?.checked || one("dialog[open]")) return;
  if (Object.hasOwn(SINGLE, key)) {
    event.preventDefault();
    SINGLE[key]();
  }
});
