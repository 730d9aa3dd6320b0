// This script alone holds the portal's credential: in memory, and for a reload in this tab's session storage.
// It reads the credential from the address, removes it there at once, and sends it as a bearer token.
"use strict";

(() => {
  const { body, documentElement: root } = document;
  const { project, home, allowedOrigins } = body.dataset;
  const page = document.getElementById("page");
  const alerts = document.getElementById("alerts");
  const status = document.getElementById("status");
  // The origins that may embed the page. It sends messages to these only, and accepts messages from these only.
  const origins = [location.origin, ...allowedOrigins.split(" ").filter(Boolean)];
  const isFramed = window.parent !== window;
  const IDLE = 30 * 60 * 1000; // polls stop after this time without input
  let credential = recall("token");
  let loaded = "loaded" in body.dataset; // whether the server has put more than the shell in the page
  let asked = null; // the request that was refused because the session had ended: { method, path }
  let focusNext = false; // a page that loads by itself, as in a frame, must not take the focus
  let end = 0;
  let lastInput = Date.now();

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
      // Without storage the value lasts as long as the page.
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
    else if (!loaded) {
      const theirs = await askTabs();
      if (theirs) adopt(theirs);
      else if (!credential) ended("GET", here());
    }
  }

  async function exchange(code) {
    // A browser may render a page before anybody opens it. The code must not be used up by that.
    if (document.prerendering) await new Promise((done) => document.addEventListener("prerenderingchange", done, { once: true }));
    try {
      const answer = await fetch(`${home}open`, {
        method: "POST",
        body: new URLSearchParams({ code }),
        headers: { "HX-Request": "true", ...spoken() },
      });
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
    else if (asked) say(body.dataset.continue);
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

  // -- Other tabs: one that opens an address by itself asks those of the same portal for their credential

  const channel = "BroadcastChannel" in window && project ? new BroadcastChannel(`portal:${project}`) : null;
  let fromTab = null;
  channel?.addEventListener("message", ({ data }) => {
    // The credential of a link to a single delivery opens nothing else in another tab, and that of a preview is not for
    // a customer's tab, nor for that of another preview. Before a page has loaded, this one does not know which it has.
    if (data?.ask && credential && loaded && !document.querySelector("[data-alone]")) channel.postMessage({ token: credential });
    else if (typeof data?.token === "string") fromTab?.(data.token);
  });

  /** Return the credential of another tab, or null where none has answered within 400 ms. */
  function askTabs() {
    if (!channel) return Promise.resolve(null);
    return new Promise((done) => {
      fromTab = done;
      setTimeout(() => done(null), 400);
      channel.postMessage({ ask: true });
    }).finally(() => (fromTab = null));
  }

  // -- Look and language: the address says them once, and they stay for this tab

  const LOOK = ["theme", "darkMode", "primaryColor", "fontFamily", "icon", "nav", "lang"];
  const query = new URLSearchParams(location.search);
  const given = Object.fromEntries(LOOK.filter((name) => query.has(name)).map((name) => [name, query.get(name)]));
  const look = { ...JSON.parse(recall("look") || "{}"), ...given };

  function applyLook() {
    const link = document.getElementById("theme");
    if (!Object.keys(look).length || !link) return;
    remember("look", JSON.stringify(look));
    const dark = { true: "dark", false: "light", auto: "auto" }[look.darkMode];
    if (look.theme || dark) force(look.theme || dark);
    if (look.nav === "none") body.classList.add("bare");
    const sent = new URLSearchParams(link.href.split("?")[1]);
    for (const name of ["primaryColor", "fontFamily"]) if (look[name]) sent.set(name, look[name]);
    if (sent.size && !link.href.endsWith(`?${sent}`)) link.href = `${link.href.split("?")[0]}?${sent}`;
  }

  function force(theme) {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else if (theme === "auto") delete root.dataset.theme;
  }

  function spoken() {
    return look.lang ? { "X-Portal-Language": look.lang } : {};
  }

  // -- In a frame

  function tell(message) {
    if (!isFramed) return;
    const parents = location.ancestorOrigins ? origins.filter((origin) => location.ancestorOrigins[0] === origin) : origins;
    // A message for another origin than the parent's is not delivered.
    for (const origin of parents) window.parent.postMessage(message, origin);
  }

  let frame = 0;
  let told = 0;

  function tellSize() {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => {
      const dialog = document.querySelector("dialog[open]");
      const content = [...body.children].reduce((most, part) => Math.max(most, part.getBoundingClientRect().bottom + scrollY), 0);
      const height = Math.ceil(Math.max(480, content, dialog ? dialog.scrollHeight + 64 : 0));
      if (height === told) return;
      told = height;
      tell({ type: "portal-size", height });
      tell({ type: "svix.iframe-resizer-height", payload: { height } });
    });
  }

  window.addEventListener("message", ({ data, origin, source }) => {
    if (source !== window.parent || source === window || !origins.includes(origin)) return;
    if (data?.type === "portal-session" && typeof data.token === "string") adopt(data.token);
    if (data?.type === "portal-theme") force(data.theme);
  });

  if (isFramed) {
    body.classList.add("embed");
    const observer = new ResizeObserver(tellSize);
    for (const part of body.children) observer.observe(part);
    document.addEventListener("toggle", tellSize, true);
  }

  // -- When a session ends

  function ended(method, path) {
    asked = { method, path };
    remember("token", null);
    credential = null;
    if (loaded) alert("ended");
    else page.replaceChildren(document.getElementById("no-session").content.cloneNode(true));
    tell({ type: "portal-session-expired", projectId: project, path });
  }

  // The customer has ended the session: the server shows the page for that.
  body.addEventListener("portal-ended", () => {
    remember("token", null);
    credential = null;
    for (const part of ["nav", "foot"]) document.getElementById(part)?.replaceChildren();
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

  /** Show a short message that goes away by itself; `say` reads it to a screen reader. */
  function toast(text) {
    const shown = document.createElement("div");
    shown.className = "toast";
    shown.ariaHidden = "true";
    shown.textContent = text;
    (document.querySelector("dialog[open]") ?? body).append(shown);
    setTimeout(() => shown.remove(), 2000);
    say(text);
  }

  // -- htmx

  body.addEventListener("htmx:configRequest", ({ detail }) => {
    if (credential) detail.headers.Authorization = `Bearer ${credential}`;
    if (isFramed) detail.headers["X-Portal-Frame"] = "1";
    Object.assign(detail.headers, spoken());
    if (detail.elt.matches("#span")) sendUtc(detail);
  });
  body.addEventListener("htmx:historyCacheMiss", ({ detail }) => {
    if (credential) detail.xhr.setRequestHeader("Authorization", `Bearer ${credential}`);
    if (look.lang) detail.xhr.setRequestHeader("X-Portal-Language", look.lang);
  });
  body.addEventListener("htmx:historyCacheMissLoad", () => (focusNext = true));
  body.addEventListener("htmx:historyCacheMissLoadError", ({ detail }) => refused(detail.xhr, "GET", detail.path));
  body.addEventListener("htmx:responseError", ({ detail }) => {
    refused(detail.xhr, detail.requestConfig.verb.toUpperCase(), detail.pathInfo.finalRequestPath, detail.elt);
  });
  for (const name of ["htmx:sendError", "htmx:timeout"]) {
    body.addEventListener(name, ({ detail }) => (isPoll(detail.elt) ? rest(detail.elt) : unreachable()));
  }

  function refused(xhr, method, path, element) {
    // A poll that is refused reloads nothing: the address of the page stays what is asked for again.
    if (xhr.status === 401) ended(method, method === "GET" && !isPoll(element) ? path : here());
    else if (isPoll(element)) rest(element);
    else unreachable();
  }

  body.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, requestConfig } = event.detail;
    if (isPoll(elt)) {
      if (mustRest(elt)) event.preventDefault();
    } else if (requestConfig.verb === "get" && event.detail.target === page && !leave()) event.preventDefault();
  });

  body.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (isPoll(detail.elt) && detail.xhr.status === 204) rest(detail.elt);
    else if (isPoll(detail.elt)) detail.elt.empty = 0;
  });

  let swapped = null;
  body.addEventListener("htmx:afterSwap", ({ detail }) => {
    // An answer with parts for several places raises this once for each.
    if (detail.xhr && detail.xhr === swapped) return;
    swapped = detail.xhr ?? null;
    loaded = true;
    const target = detail.target ?? page; // htmx names no target when the browser goes back or forward
    root.lang = detail.xhr?.getResponseHeader("Content-Language") || root.lang;
    if (isPoll(detail.elt)) return;
    alerts.replaceChildren();
    // A page that the customer has asked for takes the focus, at its first error or at its heading.
    if (target === page) {
      tell({ type: "portal-path", path: here() });
      tell({ type: "portal-scroll", top: 0 });
      if (focusNext) {
        const first = page.querySelector("[aria-invalid=true]") ?? page.querySelector("h1");
        first?.focus({ preventScroll: true });
        if (first?.matches("[aria-invalid=true]")) first.scrollIntoView({ block: "center" });
      }
    } else if (target.matches("[data-focus], #secret")) {
      target.focus({ preventScroll: true });
    }
    focusNext = true;
  });
  // htmx may replace a part of the page only.
  body.addEventListener("htmx:load", ({ detail }) => enhance(detail.elt));

  /** Add behaviour to a part of the page that the server has sent. */
  function enhance(part) {
    const all = (selector) => [...(part.matches(selector) ? [part] : []), ...part.querySelectorAll(selector)];
    for (const time of all("time[datetime]")) showTime(time);
    for (const { dataset } of all("[data-announce]")) say(dataset.announce);
    for (const field of all("[data-utc]")) showUtc(field);
    for (const group of all("[data-group]")) showSome(group);
    for (const shown of all("[data-hide-after]")) setTimeout(() => hide(shown), 1000 * shown.dataset.hideAfter);
    for (const foot of all("[data-appearance]")) if (!look.theme && !look.darkMode) force(foot.dataset.appearance);
    for (const who of all("[data-ends]")) {
      clearTimeout(end);
      const rest = new Date(who.dataset.ends) - Date.now();
      // Longer delays overflow. A wrong clock does no harm, because ask() asks the server.
      if (rest > 0 && rest < 2 ** 31) end = setTimeout(ask, rest + 1000);
    }
    if (isFramed) tellSize();
  }

  /** Show a time in the customer's zone and language: one of today without its date; in charts its hour or day alone. */
  function showTime(time) {
    const moment = new Date(time.dateTime);
    const { format } = time.dataset;
    const isToday = moment.toDateString() === new Date().toDateString();
    const day = { day: "numeric", month: "short" };
    const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    const alone = { hour: { ...clock }, day: { ...day } }[format];
    if (moment.getFullYear() !== new Date().getFullYear() || format === "long") day.year = "numeric";
    if (isToday || format === "long") clock.second = "2-digit";
    time.title = time.textContent;
    const parts = alone ?? (isToday && format !== "long" ? clock : { ...day, ...clock });
    // The customer's own variety of the page's language, such as en-GB.
    const locale = navigator.languages.find((language) => language.split("-")[0] === root.lang) ?? root.lang;
    time.textContent = new Intl.DateTimeFormat(locale, parts).format(moment);
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

  // -- Polls: elements with data-poll. They rest while nobody looks, and ask less often while nothing comes

  function isPoll(element) {
    return element?.matches?.("[data-poll]") ?? false;
  }

  function mustRest(element) {
    if (document.hidden || document.querySelector("dialog[open]")) return true;
    if (Date.now() - lastInput > IDLE || element.closest("[data-live=off]") || !credential) return true;
    if (!element.skip) return false;
    element.skip -= 1;
    return true;
  }

  /** Skip the next polls: one after six empty answers, so 10 s instead of 5, and five after twelve. */
  function rest(element) {
    element.empty = (element.empty ?? 0) + 1;
    element.skip = element.empty > 12 ? 5 : element.empty > 6 ? 1 : 0;
  }

  for (const name of ["pointerdown", "keydown"]) document.addEventListener(name, () => (lastInput = Date.now()), { passive: true });

  // -- Forms

  /** Show at a group's box whether all, some or none of its boxes are ticked. */
  function showSome(group) {
    const boxes = [...document.querySelectorAll(`[data-in="${CSS.escape(group.dataset.group)}"]`)];
    const ticked = boxes.filter((box) => box.checked).length;
    if (!boxes.length) group.indeterminate = "some" in group.dataset; // its types are not on the page
    if (!boxes.length) return;
    group.checked = ticked > 0 && ticked === boxes.length;
    group.indeterminate = ticked > 0 && ticked < boxes.length;
  }

  /** Return whether the customer may leave: no form has unsaved changes, or they agree to lose them. */
  function leave() {
    const changed = document.querySelector("form[data-dirty=changed]");
    if (!changed || !window.confirm(body.dataset.leave)) return !changed;
    delete changed.dataset.dirty;
    return true;
  }

  document.addEventListener("input", ({ target }) => {
    const form = target.closest("form[data-dirty]");
    if (form) form.dataset.dirty = "changed";
  });
  document.addEventListener("submit", ({ target }) => {
    if (target.dataset.dirty) target.dataset.dirty = "";
  });
  window.addEventListener("beforeunload", (event) => {
    if (document.querySelector("form[data-dirty=changed]")) event.preventDefault();
  });
  document.addEventListener("change", ({ target }) => {
    if (target.dataset.group) {
      for (const box of document.querySelectorAll(`[data-in="${CSS.escape(target.dataset.group)}"]`)) box.checked = target.checked;
      target.indeterminate = false;
    } else if (target.dataset.in) {
      const group = document.querySelector(`[data-group="${CSS.escape(target.dataset.in)}"]`);
      if (group) showSome(group);
    }
  });

  // -- Buttons and rows

  const knowsCommands = "commandForElement" in HTMLButtonElement.prototype;

  document.addEventListener("click", (event) => {
    const { target } = event;
    const button = target.closest("button");
    if (button) {
      if (button.getAttribute("commandfor") && !knowsCommands) command(button);
      if ("copy" in button.dataset) copy(button);
      else if ("again" in button.dataset) load(here());
      else if ("hide" in button.dataset) hide(button.closest("[data-hide-after]")).querySelector("button").focus();
      else if ("live" in button.dataset) switchLive(button);
    } else if (!event.defaultPrevented) followRow(event);
  });

  function command(button) {
    const dialog = document.getElementById(button.getAttribute("commandfor"));
    if (button.getAttribute("command") === "show-modal") dialog?.showModal();
    else if (button.getAttribute("command") === "close") dialog?.close();
  }

  /** Follow the first link of a row that was clicked anywhere but on text that is being selected, or on a control. */
  function followRow({ target, ctrlKey, metaKey }) {
    const row = target.closest("table.rowlink tbody tr");
    if (!row || target.closest("a, button, input, label, summary, select") || String(getSelection())) return;
    const link = row.querySelector("a[href]");
    if (link && (ctrlKey || metaKey)) window.open(link.href, "_blank");
    else link?.click();
  }

  function switchLive(button) {
    const isOn = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", isOn);
    document.getElementById(button.dataset.live).dataset.live = isOn ? "on" : "off";
  }

  async function copy(button) {
    const source = document.getElementById(button.dataset.from) ?? button.parentElement.querySelector("code");
    let copied = true;
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      // The browser may forbid this in a frame. The older way needs no permission.
      getSelection().selectAllChildren(source);
      copied = document.execCommand("copy");
    }
    toast(copied ? body.dataset.copied : body.dataset.press);
  }

  // -- The period of a list: in UTC in the address, in the customer's zone in the form

  function showUtc(field) {
    const moment = new Date(field.dataset.utc);
    if (field.dataset.utc) field.value = new Date(moment - moment.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  }

  function sendUtc({ elt, parameters }) {
    for (const { name, value } of elt.querySelectorAll("[data-utc]")) {
      if (value) parameters[name] = `${new Date(value).toISOString().slice(0, 19)}Z`;
      else delete parameters[name];
    }
  }

  // -- Secrets in sight

  /** Put the template of a part that was shown for a time in its place, and return the new part. */
  function hide(shown) {
    const hidden = shown.querySelector("template").content.firstElementChild.cloneNode(true);
    if (shown.isConnected) {
      shown.replaceWith(hidden);
      htmx.process(hidden);
    }
    return hidden;
  }

  // -- The choice of events, and the conditions of a filter

  document.addEventListener("change", ({ target }) => {
    const tree = target.closest(".tree");
    if (!tree) return;
    const branch = target.closest(".branch");
    if (target.dataset.group !== undefined && !target.checked) for (const one of branch.querySelectorAll("[data-unseen]")) one.remove();
    if (target.dataset.group !== undefined) delete target.dataset.some;
    countChosen(tree);
  });

  /** Show how many types are chosen, of each group and of all. */
  function countChosen(tree) {
    const { format } = new Intl.NumberFormat(root.lang);
    let all = tree.querySelectorAll("#tree > [type=hidden]").length;
    for (const branch of tree.querySelectorAll(".branch")) {
      const count = Number(branch.dataset.count);
      const isWhole = branch.querySelector(":scope > :checked") && !branch.querySelector("li");
      const chosen = isWhole ? count : branch.querySelectorAll("[name=types]:checked, [data-unseen]").length;
      const some = tree.dataset.of.replace("{chosen}", format(chosen)).replace("{count}", format(count));
      branch.querySelector("b").textContent = chosen && chosen < count ? some : format(count);
      all += chosen;
    }
    document.getElementById("chosen").textContent = tree.dataset.chosen.replace("{count}", format(all));
  }

  // Of a filter's two views, the one that was edited last is what the server reads.
  for (const name of ["input", "change"]) {
    document.addEventListener(name, ({ target }) => {
      if (target.id === "json") document.getElementById("latest").value = "2";
      else if (target.closest("#rows")) document.getElementById("latest").value = "1";
    });
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches(".tree [type=search]")) event.preventDefault();
  });

  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-add], [data-remove]");
    if (!button) return;
    let rows = button.closest("[data-rows]");
    if (rows) {
      const row = button.closest(".cond");
      if (rows.children.length > 1) row.remove();
      else for (const input of row.querySelectorAll("input")) input.value = "";
    } else {
      rows = button.parentElement.previousElementSibling;
      rows.append(document.getElementById(button.dataset.add).content.cloneNode(true));
      rows.lastElementChild.querySelector("input").focus();
    }
    rows.dispatchEvent(new Event("change", { bubbles: true }));
  });

  // Another link of the same project, opened in this tab: the browser does not load the page again.
  window.addEventListener("hashchange", () => {
    if (!/^#(code|token)=/.test(location.hash)) return;
    loaded = false;
    start();
  });
  focusNext = loaded;
  if (loaded) tell({ type: "portal-path", path: home });
  applyLook();
  enhance(body);
  start();
})();
