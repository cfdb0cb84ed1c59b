// Reloads the page when there is a newer one. `lback runserver` adds this while DEBUG is on.
(() => {
  const shown = document.currentScript.dataset.version;
  const look = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch("/__lback/reload", { cache: "no-store" });
        if (answer.ok && (await answer.text()) !== shown) return location.reload();
      } catch {
        // The server is being exchanged; the next look finds the new one.
      }
    }
    setTimeout(look, 500);
  };
  look();
})();
