/* Fills in how many pupils the chosen class has, as long as nobody has typed another number. */
(function () {
  "use strict";

  const picker = document.getElementById("id_school_class");
  const pupils = document.getElementById("id_pupils");
  if (!picker || !pupils) return;

  function sizeOfChosen() {
    return picker.selectedOptions.length ? picker.selectedOptions[0].dataset.pupils || "" : "";
  }

  let filled = sizeOfChosen();

  function fill() {
    const size = sizeOfChosen();
    if (pupils.value === "" || pupils.value === filled) {
      pupils.value = size;
      filled = size;
    }
  }

  picker.addEventListener("change", fill);
  if (picker.value && pupils.value === "") fill();
})();
