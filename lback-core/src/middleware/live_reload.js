// Reloads the page when there is a newer version. `lback runserver` adds this script while DEBUG is on.
(() => {
  const current = document.currentScript.dataset.version;
  const poll = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch("/__lback/reload", { cache: "no-store" });
        if (answer.ok && (await answer.text()) !== current) return location.reload();
      } catch {
        // The server is restarting; the next poll reaches the new one.
      }
    }
    setTimeout(poll, 500);
  };
  poll();
})();
