// Reads the figures of the start page again while it is looked at.
(() => {
  const part = document.querySelector("[data-live]");
  if (!part) return;
  const SECONDS = 5;
  const read = async () => {
    if (document.hidden || part.contains(document.activeElement)) return;
    try {
      const answer = await fetch(part.dataset.live, { headers: { Accept: "text/html" }, redirect: "error" });
      if (answer.ok) part.innerHTML = await answer.text();
    } catch {
      // The server is away, or the session has ended: the figures say from when they are.
    }
  };
  setInterval(read, SECONDS * 1000);
})();
