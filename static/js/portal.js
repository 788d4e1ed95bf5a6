/* Small comforts. Every page does its whole work without this file. */
(function () {
  "use strict";

  // What must be put right comes first: the focus goes there when the page has come back with errors.
  function takeFocus(root) {
    const summary = root.querySelector("[data-take-focus]");
    if (summary) summary.focus();
  }

  // A second press of the same button is recognised by the server; this only shows that the first was heard.
  document.addEventListener("submit", function (event) {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    const button = event.submitter;
    if (button && button.classList.contains("ds-button")) button.setAttribute("aria-disabled", "true");
  });

  // Coming back with the browser's arrow shows the page as it was left: forms are ready again.
  window.addEventListener("pageshow", function (event) {
    if (!event.persisted) return;
    document.querySelectorAll("form[data-sent]").forEach(function (form) {
      delete form.dataset.sent;
      form.querySelectorAll("[aria-disabled]").forEach(function (button) {
        button.removeAttribute("aria-disabled");
      });
    });
  });

  // The menu closes with Escape and with a press beside it.
  const menu = document.querySelector(".site-menu");
  if (menu) {
    document.addEventListener("keydown", function (event) {
      if (event.key === "Escape" && menu.open) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
    });
    document.addEventListener("click", function (event) {
      if (menu.open && !menu.contains(event.target)) menu.open = false;
    });
  }

  document.addEventListener("htmx:afterSwap", function (event) {
    takeFocus(event.target);
  });
  takeFocus(document);
})();
