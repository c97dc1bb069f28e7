// Parts of the page that Quasar and NiceGUI leave without a name, or out of reach of the keyboard.
const names = {
  ".photo img": { alt: "the photo, to draw a box on" },
  ".q-loading-bar": { ariaLabel: "loading" },
  ".q-uploader__input": { ariaLabel: "Choose a photo", tabIndex: 0 },
};
function name() {
  for (const [selector, given] of Object.entries(names))
    document.querySelectorAll(selector).forEach(part => Object.assign(part, given));
}
new MutationObserver(name).observe(document.body, { childList: true, subtree: true });
name();
