/* A button that copies what stands in a field; without a clipboard, or without this script, one copies by hand. */
(function () {
  "use strict";

  document.querySelectorAll("[data-select-all]").forEach(function (field) {
    field.addEventListener("focus", function () {
      field.select();
    });
  });
  if (!navigator.clipboard) return;
  document.querySelectorAll("[data-copies]").forEach(function (button) {
    const field = document.getElementById(button.dataset.copies);
    if (!field) return;
    const words = button.textContent;
    button.hidden = false;
    button.addEventListener("click", function () {
      navigator.clipboard.writeText(field.value).then(function () {
        button.textContent = button.dataset.said;
        setTimeout(function () {
          button.textContent = words;
        }, 3000);
      });
    });
  });
})();
