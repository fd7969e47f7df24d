"use strict";
const field = document.querySelector(".search");
const shown = document.querySelector(".shown");
const parts = Array.from(document.querySelectorAll(".tree [data-text]"));
const groups = Array.from(document.querySelectorAll(".tree > li > details"));
function search() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const part of parts) {
    const fits = words.every((word) => part.dataset.text.includes(word));
    part.hidden = !fits;
    count += fits ? 1 : 0;
  }
  for (const group of groups) {
    group.parentElement.hidden = !group.querySelector("[data-text]:not([hidden])");
    if (words.length) group.open = true;
  }
  shown.textContent = words.length ? count + " of " + parts.length + " shown" : parts.length + " components";
}
field.hidden = false;
field.addEventListener("input", search);
field.addEventListener("keydown", (event) => {
  if (event.key === "Escape") { field.value = ""; search(); }
});
let closed = [];
window.addEventListener("beforeprint", () => {
  closed = Array.from(document.querySelectorAll("details:not([open])"));
  for (const each of closed) each.open = true;
});
window.addEventListener("afterprint", () => { for (const each of closed) each.open = false; });
search();
