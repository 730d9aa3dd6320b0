"use strict";

// <button data-copy="text"> copies the text; <button data-copy-from="path"> the text that a POST there answers.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy], button[data-copy-from]");
  if (!button) {
    return;
  }
  button.dataset.label ??= button.textContent;
  button.disabled = true;
  try {
    const text = button.dataset.copy ?? (await fetchText(button.dataset.copyFrom));
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } else {
      // Browsers give the clipboard to https and to this machine only.
      window.prompt("Copy this:", text);
    }
  } catch {
    button.textContent = "Failed";
  }
  button.disabled = false;
  setTimeout(() => {
    button.textContent = button.dataset.label;
  }, 2000);
});

async function fetchText(path) {
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  // A redirect leads to the login page: the session has ended.
  const response = await fetch(path, { method: "POST", headers: { "X-CSRFToken": token }, redirect: "error" });
  if (!response.ok) {
    throw new Error(response.statusText);
  }
  return response.text();
}
