// <webhook-portal>: the customer portal in a page of yours, in one element. docs/portal.md shows it in HTML and React.
//
// Its property `session` is a function that returns the URL of a fresh portal session, or a promise of one, from your
// own server. The element shows it in a frame and asks for another one when it has ended. It grows with its content.
// Attributes: theme (light, dark, auto), lang, nav ("none" hides the menu), primary-color, path (where to begin).
// Events: "portal-path" ({ detail: { path } }) to keep deep links, "portal-error" ({ detail: { error } }).
"use strict";

const PARAMETERS = { theme: "theme", lang: "lang", nav: "nav", "primary-color": "primaryColor" };

class WebhookPortal extends HTMLElement {
  static observedAttributes = ["theme"];
  #session = null;
  #frame = null;
  #origin = "";
  #path = "";
  #attempt = 0;

  get session() {
    return this.#session;
  }

  set session(given) {
    if (typeof given !== "function") throw new TypeError("session must be a function that returns a URL");
    this.#session = given;
    if (this.isConnected && !this.#frame) this.#open();
  }

  connectedCallback() {
    window.addEventListener("message", this);
    // A framework may have set the property before this script has defined the element.
    if (Object.hasOwn(this, "session")) {
      const given = this.session;
      delete this.session;
      this.session = given;
    }
    if (this.#session && !this.#frame) this.#open();
  }

  disconnectedCallback() {
    window.removeEventListener("message", this);
    this.#frame?.remove();
    this.#frame = null;
  }

  attributeChangedCallback(name, before, theme) {
    if (this.#frame && theme && theme !== before) this.#say({ type: "portal-theme", theme });
  }

  handleEvent({ data, origin, source }) {
    if (!this.#frame || source !== this.#frame.contentWindow || origin !== this.#origin) return;
    switch (data?.type) {
      case "portal-size":
        if (Number.isFinite(data.height)) this.#frame.style.height = `${Math.ceil(data.height)}px`;
        break;
      case "portal-path":
        this.#path = String(data.path);
        this.dispatchEvent(new CustomEvent("portal-path", { detail: { path: this.#path } }));
        break;
      case "portal-scroll":
        if (this.getBoundingClientRect().top < 0) this.scrollIntoView({ block: "start" });
        break;
      case "portal-session-expired":
        this.#renew(String(data.path));
    }
  }

  /** Return the URL of a fresh session, or null where there is none: "portal-error" says why. */
  async #fresh() {
    const attempt = ++this.#attempt;
    try {
      const url = new URL(await this.#session(), location.href);
      // A later request has overtaken this one, or the element is gone.
      return attempt === this.#attempt && this.isConnected ? url : null;
    } catch (error) {
      this.dispatchEvent(new CustomEvent("portal-error", { detail: { error } }));
      return null;
    }
  }

  async #open() {
    const url = await this.#fresh();
    if (!url) return;
    this.#origin = url.origin;
    this.#frame = document.createElement("iframe");
    this.#frame.title = this.getAttribute("title") || "Webhooks";
    this.#frame.allow = "clipboard-write";
    // One color scheme on both sides: otherwise browsers paint an opaque ground behind the frame.
    this.#frame.style.cssText = "display: block; width: 100%; height: 480px; border: 0; color-scheme: inherit";
    this.#frame.src = this.#addressed(url, this.getAttribute("path") ?? "");
    this.replaceChildren(this.#frame);
  }

  /** Go on with a fresh session where the last one has ended: the page stays, and with it what was typed. */
  async #renew(path) {
    const url = await this.#fresh();
    if (!url) return;
    const token = new URLSearchParams(url.hash.slice(1)).get("token") ?? url.searchParams.get("auth_token");
    if (token) this.#say({ type: "portal-session", token });
    // A code is exchanged by the page that it opens.
    else this.#frame.src = this.#addressed(url, path);
  }

  #addressed(url, path) {
    const home = url.pathname.match(/^.*\/portal\/[^/]+\//)?.[0];
    const [place, query] = path.split(/\?(.*)/s);
    if (home && place.startsWith("/")) url.pathname = place;
    else if (home && place) url.pathname = home + place;
    // The filters of a list, but never a credential of another session.
    for (const [name, value] of home ? new URLSearchParams(query) : []) {
      if (name !== "token" && name !== "auth_token") url.searchParams.append(name, value);
    }
    for (const [name, parameter] of Object.entries(PARAMETERS)) {
      const value = this.getAttribute(name);
      if (value) url.searchParams.set(parameter, value);
    }
    return url.href;
  }

  #say(message) {
    this.#frame.contentWindow.postMessage(message, this.#origin);
  }
}

customElements.get("webhook-portal") ?? customElements.define("webhook-portal", WebhookPortal);
