// The theme, as tables are told it.
const dark = matchMedia("(prefers-color-scheme: dark)");
const themed = () => document.documentElement.classList.toggle("dark", dark.matches);
dark.addEventListener("change", themed);
themed();

// Tables that sort and filter, made when they are first unfolded.
const SHORT = 25;
function enhance(table) {
  if (table.dataset.made) return;
  table.dataset.made = "yes";
  const long = table.tBodies[0].rows.length > SHORT;
  new DataTable(table, {
    autoWidth: false, order: [], paging: long, info: long, pageLength: SHORT,
    columnDefs: [
      { targets: "words", columnControl: [["searchList"]] },
      { targets: "n", columnControl: [["search"]] },
      { targets: "row-command", orderable: false, searchable: false },
    ],
  });
}
const unfolded = details => details.querySelectorAll(":scope > .scroll > table").forEach(enhance);
document.querySelectorAll("details").forEach(details => {
  details.addEventListener("toggle", () => unfolded(details));
  if (details.open) unfolded(details);
});
