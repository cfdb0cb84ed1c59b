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
      const answer = await fetch(own("action") || here(), { method: "POST", body, headers: { "x-live-page": here() } });
      const other = answer.headers.get("x-live-location"), html = await answer.text();
      if (other) return location.assign(other);
      const page = new DOMParser().parseFromString(html, "text/html");
      if (!page.getElementById(live.id)) return document.write(html), document.close();
      if (answer.redirected) form.reset();
      document.dispatchEvent(new CustomEvent("live", { detail: page }));
    } catch {
      HTMLFormElement.prototype.submit.call(form);
    } finally {
      form.ariaBusy = null;
    }
  });
})();
