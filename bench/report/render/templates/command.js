// The command of a row.
const command = document.getElementById("command"), text = command.querySelector("pre");
document.addEventListener("click", event => {
  const only = event.target.closest(".again")?.dataset.only;
  if (only === undefined) return;
  const words = [text.dataset.start, only && `--only ${only}`, text.dataset.end];
  text.textContent = words.filter(Boolean).join(" ");
  command.showModal();
});
document.getElementById("copy").addEventListener("click", () => {
  getSelection().selectAllChildren(text);
  navigator.clipboard?.writeText(text.textContent);
});
