const byId = id => document.getElementById(id);
const read = id => JSON.parse(byId(id).textContent);

// Pictures, shown large.
const zoom = byId("zoom");
document.addEventListener("click", event => {
  const image = event.target.closest(".zoom")?.querySelector("img");
  if (!image) return;
  zoom.querySelector("img").src = image.src;
  zoom.querySelector("img").alt = zoom.querySelector("p").textContent = image.alt;
  zoom.showModal();
});
zoom.addEventListener("click", () => zoom.close());

{% include "command.js" %}

{% include "tables.js" %}

// The curve, in the colours of the theme.
function draw() {
  if (!byId("curve")) return;
  const { spec, colours } = read("curve-chart");
  const config = colours[dark.matches ? "dark" : "light"];
  vegaEmbed("#curve", spec, { mode: "vega-lite", config, actions: false, renderer: "svg" });
}
dark.addEventListener("change", draw);
draw();

// The gallery: a photo, a coalition, an attack.
if (byId("gallery")) {
  const { of, sizes, photos } = read("gallery-pictures");
  const show = () => {
    const photo = photos[byId("gallery-photo")?.value ?? 0];
    const size = sizes[byId("gallery-size").value], here = photo.coalitions[size];
    const attack = byId("gallery-attack"), made = here?.attacks[attack.value];
    const name = attack.selectedOptions[0].textContent;
    byId("gallery-words").textContent = `${size} of ${of}`;
    byId("gallery-size").setAttribute("aria-valuetext", `${size} of ${of}`);
    const pictures = { truth: photo.truth, seen: here?.seen, made: made?.picture ?? here?.seen };
    for (const [of, picture] of Object.entries(pictures)) {
      const image = byId(`gallery-${of}`);
      image.hidden = !picture;
      if (picture) image.src = picture;
    }
    byId("gallery-made").alt = `${photo.name}: ${name}, ${size} of ${of}`;
    byId("gallery-scores").textContent = made ? `${name}: ${made.scores}` : `${name}: not kept for this coalition`;
  };
  byId("gallery").addEventListener("input", show);
  show();
}
