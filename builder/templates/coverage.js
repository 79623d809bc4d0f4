"use strict";
document.addEventListener("click", (event) => {
  if (!event.target.matches(".copy")) return;
  const button = event.target;
  const command = button.previousElementSibling;
  const done = () => {
    button.textContent = "copied";
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  };
  const select = () => getSelection().selectAllChildren(command);
  if (navigator.clipboard) navigator.clipboard.writeText(command.textContent).then(done, select);
  else select();
});
const filter = document.getElementById("filter");
filter.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const row of document.querySelectorAll("#programs tbody tr")) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
    count += row.hidden ? 0 : 1;
  }
  document.getElementById("count").textContent = count;
});
