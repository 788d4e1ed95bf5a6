/* Starts allauth's part of a passkey page, and says in words what the browser could not do. */
(function () {
  "use strict";
  const here = document.currentScript.dataset;
  document.addEventListener("allauth.error", function (event) {
    event.preventDefault();
    const trouble = document.getElementById("passkey-trouble");
    if (trouble) {
      trouble.hidden = false;
      trouble.focus();
    }
  });
  const start = window.allauth && window.allauth.webauthn.forms[here.form];
  if (start && window.PublicKeyCredential) {
    start({ ids: JSON.parse(here.ids) });
  }
})();
