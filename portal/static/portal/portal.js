// This script alone holds the portal's credential: in memory, and for a reload in this tab's session storage.
// It reads the credential from the address, removes it there at once, and sends it as a bearer token.
"use strict";

(() => {
  const { project, home, allowedOrigins } = document.body.dataset;
  const page = document.getElementById("page");
  const alerts = document.getElementById("alerts");
  const status = document.getElementById("status");
  // The origins that may embed the page. It sends messages to these only, and accepts a session from these only.
  const origins = [location.origin, ...allowedOrigins.split(" ").filter(Boolean)];
  let credential = recall("token");
  let loaded = "loaded" in document.body.dataset; // whether the server has put more than the shell in the page
  let asked = null; // the request that was refused because the session had ended: { method, path }
  let focusNext = false; // a page that loads by itself, as in a frame, must not take the focus
  let end = 0;

  // -- Storage, which a browser may forbid in a frame on another site

  function recall(name) {
    try {
      return sessionStorage.getItem(`portal:${project}:${name}`);
    } catch {
      return null;
    }
  }

  function remember(name, value) {
    try {
      if (value === null) sessionStorage.removeItem(`portal:${project}:${name}`);
      else sessionStorage.setItem(`portal:${project}:${name}`, value);
    } catch {
      // Without storage the credential lasts as long as the page.
    }
  }

  // -- Opening

  async function start() {
    const query = new URLSearchParams(location.search);
    const fragment = new URLSearchParams(location.hash.slice(1));
    const code = fragment.get("code");
    const token = fragment.get("token") || query.get("auth_token") || query.get("token");
    if (code || token) {
      for (const name of ["token", "auth_token"]) query.delete(name);
      const path = location.pathname === "/portal" ? home : location.pathname;
      history.replaceState(null, "", path + (query.size ? `?${query}` : ""));
    }
    if (code) await exchange(code);
    else if (token) adopt(token);
    else if (credential && !loaded) load(here());
    else if (!loaded) ended("GET", here());
  }

  async function exchange(code) {
    // A browser may render a page before anybody opens it. The code must not be used up by that.
    if (document.prerendering) await new Promise((done) => document.addEventListener("prerenderingchange", done, { once: true }));
    try {
      const body = new URLSearchParams({ code });
      const answer = await fetch(`${home}open`, { method: "POST", body, headers: { "HX-Request": "true" } });
      if (answer.ok) adopt((await answer.json()).token);
      else if (answer.status < 500) htmx.swap(page, await answer.text(), { swapStyle: "innerHTML" });
      else unreachable();
    } catch {
      unreachable();
    }
  }

  /** Continue with a new credential where the last one has ended. */
  function adopt(token) {
    credential = token;
    remember("token", token);
    alerts.replaceChildren();
    if (asked?.method === "GET") load(asked.path);
    else if (asked) say("You can continue.");
    else if (!loaded) load(here());
    asked = null;
  }

  function load(path) {
    if (path !== here()) history.pushState({ htmx: true }, "", path);
    htmx.ajax("GET", path, { target: page, swap: "innerHTML" });
  }

  function here() {
    return location.pathname + location.search;
  }

  // -- When a session ends

  function ended(method, path) {
    asked = { method, path };
    remember("token", null);
    credential = null;
    if (loaded) alert("ended");
    else page.replaceChildren(document.getElementById("no-session").content.cloneNode(true));
    if (window.parent === window) return;
    const message = { type: "portal-session-expired", projectId: project, path };
    const parents = location.ancestorOrigins ? origins.filter((origin) => location.ancestorOrigins[0] === origin) : origins;
    // A message for another origin than the parent's is not delivered.
    for (const origin of parents) window.parent.postMessage(message, origin);
  }

  window.addEventListener("message", ({ data, origin, source }) => {
    if (source !== window.parent || source === window || !origins.includes(origin)) return;
    if (data?.type === "portal-session" && typeof data.token === "string") adopt(data.token);
  });

  function alert(template) {
    alerts.replaceChildren(document.getElementById(template).content.cloneNode(true));
    alerts.scrollIntoView({ block: "nearest" });
  }

  function unreachable() {
    alert("unreachable");
    if (!loaded) page.replaceChildren();
  }

  function say(text) {
    status.textContent = "";
    setTimeout(() => (status.textContent = text), 50); // screen readers do not read a text that stays the same
  }

  // -- htmx

  const body = document.body;
  body.addEventListener("htmx:configRequest", ({ detail }) => {
    if (credential) detail.headers.Authorization = `Bearer ${credential}`;
  });
  body.addEventListener("htmx:historyCacheMiss", ({ detail }) => {
    if (credential) detail.xhr.setRequestHeader("Authorization", `Bearer ${credential}`);
  });
  body.addEventListener("htmx:historyCacheMissLoad", () => (focusNext = true));
  body.addEventListener("htmx:historyCacheMissLoadError", ({ detail }) => refused(detail.xhr, "GET", detail.path));
  body.addEventListener("htmx:responseError", ({ detail }) => {
    refused(detail.xhr, detail.requestConfig.verb.toUpperCase(), detail.pathInfo.finalRequestPath);
  });
  for (const name of ["htmx:sendError", "htmx:timeout"]) body.addEventListener(name, unreachable);

  function refused(xhr, method, path) {
    if (xhr.status === 401) ended(method, method === "GET" ? path : here());
    else unreachable();
  }

  body.addEventListener("htmx:afterSwap", ({ detail }) => {
    loaded = true;
    alerts.replaceChildren();
    const target = detail.target ?? page; // htmx names no target when the browser goes back or forward
    // A page that the customer has asked for takes the focus, at its first error or at its heading.
    if (target === page && focusNext) {
      const first = page.querySelector("[aria-invalid=true]") ?? page.querySelector("h1");
      first?.focus({ preventScroll: true });
      if (first?.matches("[aria-invalid=true]")) first.scrollIntoView({ block: "center" });
    } else if (target.id === "secret") {
      target.focus({ preventScroll: true });
    }
    focusNext = true;
  });
  // htmx may replace a part of the page only.
  body.addEventListener("htmx:load", ({ detail }) => enhance(detail.elt));

  /** Add behaviour to a part of the page that the server has sent. */
  function enhance(part) {
    const all = (selector) => [...(part.matches(selector) ? [part] : []), ...part.querySelectorAll(selector)];
    for (const time of all("time[datetime]")) {
      const moment = new Date(time.dateTime);
      time.title = time.textContent;
      time.textContent = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
    }
    for (const { dataset } of all("[data-announce]")) say(dataset.announce);
    for (const type of all("select[name=type]")) showFieldsFor(type);
    for (const who of all("[data-ends]")) {
      clearTimeout(end);
      const rest = new Date(who.dataset.ends) - Date.now();
      // Longer delays overflow. A wrong clock does no harm, because ask() asks the server.
      if (rest > 0 && rest < 2 ** 31) end = setTimeout(ask, rest + 1000);
    }
  }

  /** Find out whether the session has ended, without changing the page. */
  async function ask() {
    try {
      const answer = await fetch(home, { method: "HEAD", headers: { Authorization: `Bearer ${credential}` } });
      if (answer.status === 401) ended("POST", here());
    } catch {
      // The next click finds out.
    }
  }

  function showFieldsFor(type) {
    for (const field of type.form.querySelectorAll("[data-for-type]")) field.hidden = field.dataset.forType !== type.value;
  }

  // -- Buttons

  document.addEventListener("change", ({ target }) => {
    if (target.matches("select[name=type]")) showFieldsFor(target);
  });

  document.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (!button) return;
    if (button.dataset.dialog) document.getElementById(button.dataset.dialog).showModal();
    else if ("close" in button.dataset) button.closest("dialog").close();
    else if ("copy" in button.dataset) copy(button);
  });

  async function copy(button) {
    const source = button.parentElement.querySelector("code");
    let copied = true;
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      // The browser may forbid this in a frame. The older way needs no permission.
      getSelection().selectAllChildren(source);
      copied = document.execCommand("copy");
    }
    button.textContent = copied ? "Copied" : "Press Ctrl-C";
    say(copied ? "Copied." : "Press Ctrl-C to copy the selected text.");
    setTimeout(() => (button.textContent = "Copy"), 2000);
  }

  // Another link of the same project, opened in this tab: the browser does not load the page again.
  window.addEventListener("hashchange", () => {
    if (!/^#(code|token)=/.test(location.hash)) return;
    loaded = false;
    start();
  });
  focusNext = loaded;
  enhance(body);
  start();
})();
