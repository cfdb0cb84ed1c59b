// The developer toolbar, which the middleware Toolbar adds to pages while DEBUG is on.
(() => {
  const BASE = "/__lback/toolbar/requests";
  const KEY = "lback-toolbar";
  const script = document.currentScript;
  const isPage = script.dataset.page !== undefined;

  const STYLE = `
    :host { all: initial !important; position: fixed !important; z-index: 2147483000 !important; right: 0 !important; bottom: 0 !important;
      left: auto !important; top: auto !important; display: block !important; max-width: 100vw !important; }
    :host([data-page]) { position: static !important; }
    @media print { :host { display: none !important; } }
    * { box-sizing: border-box; }
    .all { --ink: #1d2127; --soft: #5f6876; --paper: #fff; --line: #e0e0da; --shade: #f5f5f2; --mark: #b3421f; --marked: #fdeeea; --good: #2b6cb0;
      font: 13px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; color: var(--ink); display: flex; flex-direction: column; align-items: flex-end;
      text-align: left; }
    @media (prefers-color-scheme: dark) { .all { --ink: #e4e7ec; --soft: #98a1af; --paper: #1b1f25; --line: #343b44; --shade: #14171b;
      --mark: #ff9a80; --marked: #3a2320; --good: #6cb2ff; } }
    button { font: inherit; color: inherit; background: none; border: 0; margin: 0; padding: 5px 9px; cursor: pointer; white-space: nowrap; }
    button:hover { background: var(--shade); }
    button:focus-visible, a:focus-visible, summary:focus-visible { outline: 2px solid var(--good); outline-offset: -2px; }
    .bar { display: flex; max-width: 100vw; overflow-x: auto; background: var(--paper); border: 1px solid var(--line); border-right: 0;
      border-bottom: 0; border-top-left-radius: 6px; box-shadow: 0 0 12px rgb(0 0 0 / 12%); }
    .bar button + button { border-left: 1px solid var(--line); }
    .bar button[aria-expanded=true] { background: var(--shade); box-shadow: inset 0 -2px var(--good); }
    .bar .hide { position: sticky; right: 0; background: var(--paper); }
    .bar small, .soft { color: var(--soft); font-size: 12px; }
    .bar button.warns { color: var(--mark); }
    .bar button.warns small { color: inherit; }
    .status { font-weight: 600; }
    .failed { color: var(--mark); }
    .panel { width: min(64rem, 100vw); max-height: min(65vh, 44rem); overflow: auto; background: var(--paper); border: 1px solid var(--line);
      border-right: 0; border-top-left-radius: 6px; box-shadow: 0 0 12px rgb(0 0 0 / 12%); padding: 12px 16px; }
    h2 { font-size: 14px; line-height: 1.4; margin: 0 0 8px; font-weight: 650; }
    h2 small { font-weight: 400; color: var(--soft); margin-left: 6px; }
    p { margin: 0 0 8px; }
    .warning { background: var(--marked); color: var(--mark); border-radius: 4px; padding: 5px 9px; overflow-wrap: anywhere; }
    table { border-collapse: collapse; width: 100%; }
    td, th { text-align: left; vertical-align: top; padding: 5px 10px 5px 0; border-top: 1px solid var(--line); font-weight: 400; }
    tr:first-child > td, tr:first-child > th { border-top: 0; }
    th { color: var(--soft); white-space: nowrap; width: 1%; }
    code, pre { font: 12px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
    .ms { width: 5rem; min-width: 5rem; text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
    .length { height: 3px; margin-top: 3px; background: var(--line); border-radius: 2px; }
    .length i { display: block; height: 3px; background: var(--good); border-radius: 2px; min-width: 1px; }
    .place { color: var(--soft); overflow-wrap: anywhere; }
    .mark { display: inline-block; background: var(--marked); color: var(--mark); border-radius: 3px; padding: 0 5px; font-size: 12px;
      margin: 0 6px 0 0; }
    pre { margin: 6px 0 0; padding: 8px 10px; background: var(--shade); border-radius: 4px; }
    .detail { padding: 0 6px; border: 1px solid var(--line); border-radius: 4px; font-size: 11px; }
    .request { cursor: pointer; }
    .request:hover td, .request[aria-current=true] td { background: var(--shade); }
    .request button { padding: 0; white-space: normal; text-align: left; overflow-wrap: anywhere; background: none; }
    .current { font-weight: 600; }
    .code { width: 3.5rem; }
    :host([data-page]) .all { align-items: stretch; min-height: 100vh; background: var(--shade); }
    :host([data-page]) .bar { position: sticky; top: 0; z-index: 1; border: 0; border-bottom: 1px solid var(--line); border-radius: 0; flex: none; }
    :host([data-page]) .panel { width: auto; max-width: 76rem; max-height: none; margin: 16px; border: 1px solid var(--line); border-radius: 6px; }
    @media (max-width: 40rem) { .wide { display: none; } .panel { padding: 10px; } :host([data-page]) .panel { margin: 0; border-radius: 0; } }
  `;

  const host = document.createElement("lback-toolbar");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];
  if (isPage) {
    host.dataset.page = "";
    // The page has nothing else, so its own style may be set here.
    document.body.style.margin = "0";
  }

  // Creates an element. Texts are always set as texts, so nothing that was recorded can become markup.
  const h = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value);
    }
    element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== ""));
    return element;
  };

  const load = async (path, kind) => {
    const answer = await fetch(BASE + path, { cache: "no-store" });
    if (!answer.ok) throw new Error(await answer.text());
    return answer[kind]();
  };

  // localStorage may be forbidden.
  const stored = () => { try { return localStorage.getItem(KEY); } catch { return null; } };
  const store = (value) => { try { localStorage.setItem(KEY, value); } catch { /* Only this page remembers. */ } };

  let hidden = !isPage && stored() === "hidden";
  let shown = null;
  let requests = [];
  let open = isPage ? "requests" : null;
  let problem = null;

  const size = (kib) => `${(kib / 1024).toFixed(1)} MiB`;

  const statusOf = (request) =>
    h("span", { class: request.status >= 400 ? "status failed" : "status" }, String(request.status));

  const summaryTab = (request) => {
    const change = request.memory_change ? ` (${request.memory_change > 0 ? "+" : "−"}${size(Math.abs(request.memory_change))})` : "";
    const rows = [
      ["Request", `${request.method} ${request.path}`],
      ["Response", [request.status, request.content_type, request.location && `to ${request.location}`].filter(Boolean).join(" · ")],
      ["Time", `${request.milliseconds} ms, at ${request.at}`],
      ["Route", request.route ?? "none"],
      ["Added at", request.place],
      ["Memory of the process", request.memory && size(request.memory) + change],
      ["Request id", request.id],
    ];
    return h("div", {}, h("h2", {}, "Request"),
      h("table", {}, rows.filter(([, value]) => value).map(([name, value]) => h("tr", {}, h("th", {}, name), h("td", {}, h("code", {}, value))))));
  };

  const panelTab = ({ name, view }) => {
    const longest = Math.max(...view.rows.map((row) => row.milliseconds ?? 0), 0.01);
    const timed = view.rows.some((row) => row.milliseconds !== null);
    const row = (row, index) => {
      const body = h("td", {}, h("code", {}, row.text));
      if (row.note) body.append(" ", h("span", { class: "soft" }, h("code", {}, row.note)));
      const foot = h("div", {}, row.marks.map((mark) => h("span", { class: "mark" }, mark)));
      if (row.place) foot.append(h("code", { class: "place" }, row.place), " ");
      if (row.detail) foot.append(h("button", { class: "detail", type: "button", onclick: (event) => detail(event, name, index, body) }, row.detail));
      if (foot.childNodes.length) body.append(foot);
      body.style.paddingLeft = `${row.depth * 12}px`;
      const length = h("i");
      length.style.width = `${((row.milliseconds ?? 0) / longest) * 100}%`;
      const time = row.milliseconds === null ? "" : `${row.milliseconds} ms`;
      return h("tr", {}, timed && h("td", { class: "ms" }, time, time && h("div", { class: "length" }, length)) || "", body);
    };
    return h("div", {},
      h("h2", {}, view.title, h("small", {}, view.summary)),
      view.warnings.map((warning) => h("p", { class: "warning" }, warning)),
      view.rows.length ? h("table", {}, view.rows.map(row)) : h("p", { class: "soft" }, "Nothing."),
      view.left_out ? h("p", { class: "soft" }, `${view.left_out} more were not recorded.`) : "");
  };

  const detail = async (event, panel, index, body) => {
    event.target.disabled = true;
    try {
      body.append(h("pre", {}, await load(`/${shown.request.id}/${panel}/${index}`, "text")));
    } catch (error) {
      body.append(h("pre", {}, error.message));
    }
  };

  const requestsTab = () => {
    const row = ({ request, panels }) => {
      const warns = panels.some((panel) => panel.warnings.length);
      const current = shown?.request.id === request.id;
      const choose = () => select(request.id, "request");
      return h("tr", { class: "request", "aria-current": current && "true", onclick: choose },
        h("td", { class: "ms wide" }, request.at),
        h("td", { class: "code" }, statusOf(request)),
        h("td", {}, h("button", { type: "button", class: current && "current" }, h("code", {}, `${request.method} ${request.path}`)),
          request.location ? h("div", { class: "soft" }, `→ ${request.location}`) : ""),
        h("td", { class: warns ? "failed wide" : "wide" }, panels.map((panel) => `${panel.title} ${panel.summary}`).join(" · ")),
        h("td", { class: "ms" }, `${request.milliseconds} ms`));
    };
    return h("div", {}, h("h2", {}, "Recent requests", h("small", {}, "without static files")),
      requests.length ? h("table", {}, requests.map(row)) : h("p", { class: "soft" }, "None yet."));
  };

  const toggle = async (name) => {
    open = open === name && !isPage ? null : name;
    if (open === "requests") await refresh();
    render();
  };

  const refresh = async () => {
    try { requests = await load("", "json"); problem = null; } catch (error) { problem = error.message; }
  };

  const select = async (id, next) => {
    try { shown = await load(`/${id}`, "json"); problem = null; } catch (error) { problem = error.message; }
    open = next ?? open;
    if (open && open !== "requests" && open !== "request" && !shown?.panels.some((panel) => panel.name === open)) open = "request";
    render();
  };

  const setHidden = (value) => {
    hidden = value;
    store(value ? "hidden" : "shown");
    render();
    root.querySelector("button")?.focus();
  };

  const tab = (name, warns, ...label) =>
    h("button", { type: "button", class: warns && "warns", "aria-expanded": String(open === name), onclick: () => toggle(name) }, ...label);

  const bar = () => {
    const tabs = [];
    if (shown) {
      const { request } = shown;
      tabs.push(tab("request", false, statusOf(request), " ", h("small", {}, `${request.milliseconds} ms`)));
      for (const { name, view } of shown.panels) {
        const warns = view.warnings.length > 0;
        tabs.push(tab(name, warns, warns ? "⚠ " : "", view.title, " ", h("small", {}, view.summary)));
      }
    }
    tabs.push(tab("requests", false, "Requests"));
    if (!isPage) tabs.push(h("button", { class: "hide", type: "button", "aria-label": "Hide the developer toolbar", title: "Hide", onclick: () => setHidden(true) }, "×"));
    return h("div", { class: "bar", role: "toolbar", "aria-label": "Developer toolbar" }, tabs);
  };

  const content = () => {
    if (problem) return h("p", { class: "warning" }, problem);
    if (open === "requests") return requestsTab();
    if (open === "request" && shown) return summaryTab(shown.request);
    const panel = shown?.panels.find((panel) => panel.name === open);
    return panel && panelTab(panel);
  };

  const render = () => {
    const focused = root.activeElement?.textContent;
    const all = h("div", { class: "all" });
    if (hidden) {
      all.append(h("div", { class: "bar" },
        h("button", { type: "button", "aria-label": "Show the developer toolbar", title: "Show", onclick: () => setHidden(false) }, "‹")));
    } else {
      const inside = (open || problem) && content();
      const panel = inside && h("div", { class: "panel", tabindex: "-1" }, inside);
      all.append(...(isPage ? [bar(), panel] : [panel, bar()]).filter(Boolean));
    }
    root.replaceChildren(all);
    // The new element takes the focus of the one that it replaces.
    [...root.querySelectorAll("button")].find((button) => focused && button.textContent === focused)?.focus();
  };

  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && open && !isPage) toggle(open);
  });

  const start = async () => {
    document.body.append(host);
    render();
    if (isPage) {
      await refresh();
      render();
    } else {
      await select(script.dataset.request, null);
    }
  };
  start();
})();
