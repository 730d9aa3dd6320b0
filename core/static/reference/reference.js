"use strict";
// The page of /api/docs: one field for a key, and the reference below it.
// The key stays in this tab's sessionStorage: a reload keeps it, and no other tab has it.
(() => {
  const KEY = "api-docs-key";
  const page = document.getElementById("reference");
  const field = document.getElementById("key");

  field.value = sessionStorage.getItem(KEY) || "";
  field.addEventListener("input", () => {
    const key = field.value.trim();
    if (key) sessionStorage.setItem(KEY, key);
    else sessionStorage.removeItem(KEY);
  });
  document.getElementById("key-form").addEventListener("submit", (event) => event.preventDefault());

  // Each API of this server takes the key as a bearer token, but for one that takes it in a header of its own.
  const withKey = (input, init) => {
    const request = new Request(input, init);
    const { origin, pathname } = new URL(request.url);
    const key = field.value.trim();
    if (key && origin === location.origin && !pathname.startsWith("/api/schema")) {
      if (pathname === "/v1/webhooks/portal") request.headers.set("x-api-key", key);
      else request.headers.set("Authorization", `Bearer ${key}`);
    }
    // No cookie of an operator who is signed in to the admin goes along.
    return fetch(request, { credentials: "omit" });
  };

  Scalar.createApiReference(page, {
    url: page.dataset.url,
    baseServerURL: location.origin,
    customFetch: withKey,
    // Everything comes from this server, and nothing is told to another one.
    telemetry: false,
    withDefaultFonts: false,
    proxyUrl: "",
    agent: { disabled: true },
    mcp: { disabled: true },
    showDeveloperTools: "never",
    hideClientButton: true,
    persistAuth: false,
    // The samples of the document take the place of generated ones.
    hiddenClients: true,
    documentDownloadType: "none",
    defaultOpenFirstTag: false,
    hideModels: true,
    theme: "default",
    showOperationId: false,
  });
})();
