// Shows the live fragments of a page as the server renders them.
(() => {
  const doc = document, stream = doc.currentScript.dataset.stream;
  const here = () => location.pathname + location.search;
  const lives = () => [...doc.querySelectorAll("[data-live][id]")];
  let source, timer, texts, part, wait = 1000;

  // Returns the children of a node by their keys: their ids, or their places among those of the same kind. A form hides properties such
  // as children and id behind fields with these names.
  const children = (parent) => {
    const keys = new Map(), counts = {};
    for (const node of parent.childNodes) {
      const kind = node.nodeName, id = node.getAttribute?.("id");
      let key = kind + "#" + id;
      if (!id || keys.has(key)) key = kind + " " + (counts[kind] = (counts[kind] || 0) + 1);
      keys.set(key, node);
    }
    return keys;
  };

  // Makes two nodes of the same kind equal, except for what the user has typed or opened.
  const morph = (from, to) => {
    if (from.nodeType > 1) return from.data === to.data || (from.data = to.data);
    for (const name of [...from.getAttributeNames(), ...to.getAttributeNames()]) {
      const value = to.getAttribute(name);
      if (name === "open" || value === from.getAttribute(name)) continue;
      value === null ? from.removeAttribute(name) : from.setAttribute(name, value);
    }
    const olds = children(from), news = children(to);
    for (const [key, old] of olds) news.has(key) || from.removeChild(old);
    let at = from.firstChild;
    for (const [key, next] of news) {
      const old = olds.get(key);
      if (!old) {
        from.insertBefore(next, at);
        continue;
      }
      if (old === at) at = at.nextSibling;
      else (from.moveBefore || from.insertBefore).call(from, old, at);
      morph(old, next);
    }
  };

  const put = (root, next) => {
    if (!next) return;
    const focus = doc.activeElement, { selectionStart: start, selectionEnd: end } = focus;
    morph(root, next);
    if (focus === doc.activeElement || !focus.isConnected) return;
    focus.focus({ preventScroll: true });
    if (start != null) focus.setSelectionRange(start, end);
  };

  const receive = ({ data }) => {
    const { id, html, more, hash, length, start, end, reload } = JSON.parse(data);
    if (reload) return again();
    part += html;
    if (more) return;
    const old = texts[id], root = doc.getElementById(id);
    const text = start == null ? part : old?.slice(0, start) + part + old?.slice(old.length - end);
    part = "";
    if (!root) return;
    if (text.length !== length) return again();
    const next = root.cloneNode();
    next.innerHTML = texts[id] = text;
    next.dataset.live = hash;
    put(root, next);
  };

  // Loads the page again, but not in a loop.
  const again = () => {
    source.close();
    const key = "live " + here(), last = sessionStorage[key] || 0;
    sessionStorage[key] = Date.now();
    if (Date.now() - last > 1e4) location.reload();
  };

  const connect = () => {
    clearTimeout(timer);
    source?.close();
    const have = lives().flatMap(({ id, dataset }) => (dataset.live ? id + "=" + dataset.live : []));
    if (doc.hidden || !have[0]) return;
    [texts, part] = [{}, ""];
    source = new EventSource(stream + "?" + new URLSearchParams({ page: here(), have }));
    source.onmessage = receive;
    source.onopen = () => (wait = 1000);
    source.onerror = () => {
      source.close();
      timer = setTimeout(connect, wait * (0.5 + Math.random()));
      wait = Math.min(2 * wait, 6e4);
    };
  };

  // The script of forms has received the page again.
  doc.addEventListener("live", ({ detail: page }) => {
    for (const root of lives()) put(root, page.getElementById(root.id));
  });
  doc.addEventListener("visibilitychange", connect);
  addEventListener("online", connect);
  connect();
})();
