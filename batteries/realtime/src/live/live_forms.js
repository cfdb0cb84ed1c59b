// Sends the forms in the live fragments of a page, and shows the answer there.
(() => {
  const here = () => location.pathname + location.search;
  addEventListener("submit", async (event) => {
    const form = event.target, by = event.submitter, live = form.closest("[data-live][id]");
    const own = (name) => by?.getAttribute("form" + name) ?? form.getAttribute(name) ?? "";
    if (!live || event.defaultPrevented || !/^post$/i.test(own("method")) || own("target")) return;
    event.preventDefault();
    if (form.ariaBusy) return;
    form.ariaBusy = true;
    try {
      let body = new FormData(form, by);
      if (!/multipart/.test(own("enctype"))) body = new URLSearchParams(body);
      const headers = { accept: "text/html", "x-live-page": here() };
      const answer = await fetch(own("action") || here(), { method: "POST", body, headers });
      const other = answer.headers.get("x-live-location"), html = await answer.text();
      if (other) {
        const url = new URL(other, answer.url);
        // As a browser does, which follows no redirect to a javascript: URL.
        return /^http/.test(url.protocol) && location.assign(url);
      }
      const page = new DOMParser().parseFromString(html, "text/html");
      if (!page.getElementById(live.id)) return document.write(html), document.close();
      if (answer.redirected) HTMLFormElement.prototype.reset.call(form);
      document.dispatchEvent(new CustomEvent("live", { detail: page }));
    } catch {
      // The server may have received it, so it is not sent again here. The browser sends it when the user tries again.
      form.setAttribute("target", "_self");
    } finally {
      form.ariaBusy = null;
    }
  });
})();
