/* A warning before one is signed out by itself. Every page does its whole work without this file. */
(function () {
  "use strict";

  const WARN = 120; // seconds before the end
  const dialog = document.querySelector("dialog.session-warning");
  if (!dialog || !dialog.showModal || !window.fetch) return;
  const form = dialog.querySelector("form");
  const inTime = dialog.querySelector("[data-while-there-is-time]");
  const forGood = dialog.querySelector("[data-for-good]");
  const tooLate = dialog.querySelector("[data-too-late]");
  const address = dialog.dataset.ask;
  const desk = form.elements.desk.value;
  let ends = Date.now() + Number(dialog.dataset.left) * 1000;
  let timer = 0;
  let told = false; // once is enough of what one can do nothing about

  function secondsLeft() {
    return (ends - Date.now()) / 1000;
  }

  function plan(left) {
    ends = Date.now() + left * 1000;
    window.clearTimeout(timer);
    timer = window.setTimeout(look, Math.max(0, left - WARN) * 1000);
  }

  // Another window may have kept the session alive: the server knows. Asking is no visit.
  function ask(options) {
    return fetch(address + (options ? "" : "?desk=" + desk), Object.assign({ credentials: "same-origin" }, options))
      .then(function (answer) {
        if (!answer.ok || answer.redirected) return { left: 0 };
        return answer.json();
      })
      .catch(function () {
        return { left: secondsLeft() };
      });
  }

  function look() {
    ask().then(function (said) {
      if (said.left > WARN + 5) {
        if (dialog.open) dialog.close();
        plan(said.left);
        return;
      }
      ends = Date.now() + said.left * 1000;
      const over = said.left < 1;
      inTime.hidden = over || Boolean(said.final);
      forGood.hidden = over || !said.final;
      tooLate.hidden = !over;
      if (said.final) {
        dialog.querySelectorAll("[data-asked-anew]").forEach(function (words) {
          words.hidden = true;
        });
        dialog.querySelector("[data-signed-out]").hidden = false;
      }
      dialog.setAttribute("aria-describedby", said.final ? "session-warning-final" : "session-warning-text");
      if (!dialog.open && !(said.final && told && !over)) dialog.showModal();
      told = true;
      window.clearTimeout(timer);
      if (!over) timer = window.setTimeout(look, Math.min(said.left, 30) * 1000 + 500);
    });
  }

  form.addEventListener("submit", function (event) {
    event.preventDefault();
    event.stopPropagation();
    ask({ method: "POST", body: new FormData(form) }).then(function (said) {
      if (said.left > WARN) {
        dialog.close();
        plan(said.left);
      } else {
        look();
      }
    });
  });
  dialog.querySelectorAll("[data-close]").forEach(function (button) {
    button.addEventListener("click", function () {
      dialog.close();
    });
  });
  // A computer that slept has missed its timers.
  document.addEventListener("visibilitychange", function () {
    if (!document.hidden && secondsLeft() < WARN) look();
  });
  plan(secondsLeft());
})();
