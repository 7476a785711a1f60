// "What if the timeout were 7 s?" under the pointer and by the keyboard. Every place of the slider
// comes from the server with its numbers and its words: this reckons nothing, it only shows one.
(() => {
  "use strict";

  const CELLS = ["share", "rescued", "wait", "slots"];

  const placesOf = (figure) => JSON.parse(figure.dataset.whatIf);
  const sliderOf = (figure) => figure.querySelector(".what-if-controls input");

  function write(node, text) {
    if (node && node.textContent !== text) node.textContent = text;
  }

  // Along the axis of durations, which is logarithmic, from 0 to 1.
  function along(figure, ms) {
    const low = Math.log(Number(figure.dataset.low));
    return (Math.log(ms) - low) / (Math.log(Number(figure.dataset.high)) - low);
  }

  // Up the axis of shares, from 0 to 1.
  function up(figure, share) {
    const low = Number(figure.dataset.bottom);
    return Math.min(Math.max((share - low) / (Number(figure.dataset.top) - low), 0), 1);
  }

  function point(figure, drawing, place) {
    const pane = drawing.querySelector(".pane");
    const pointer = drawing.querySelector(".what-if");
    if (!pane || !pointer) return;
    const [left, top] = [pane.x.baseVal.value, pane.y.baseVal.value];
    const x = left + along(figure, place.ms) * pane.width.baseVal.value;
    const y = top + (1 - up(figure, place.y)) * pane.height.baseVal.value;
    pointer.querySelector("path").setAttribute("transform", `translate(${x} 0)`);
    pointer.querySelector("circle").setAttribute("transform", `translate(${x} ${y})`);
    pointer.removeAttribute("display");
  }

  function show(figure) {
    const places = placesOf(figure);
    const slider = sliderOf(figure);
    const controls = slider.closest(".what-if-controls");
    const place = places[Math.min(Number(slider.value), places.length - 1)];
    write(controls.querySelector(".at"), `${place.at}?`);
    for (const cell of CELLS) {
      write(controls.querySelector(`[data-cell="${cell}"]`), place[cell][0]);
      write(controls.querySelector(`[data-bounds="${cell}"]`), place[cell][1]);
    }
    write(controls.querySelector("output"), place.words);
    slider.setAttribute("aria-valuetext", place.at);
    for (const drawing of figure.querySelectorAll("svg")) point(figure, drawing, place);
  }

  function follow(event) {
    const pane = event.target.closest?.(".pane");
    const figure = pane?.closest("figure[data-what-if]");
    if (!figure || !sliderOf(figure)) return;
    const box = pane.getBoundingClientRect();
    const across = (event.clientX - box.left) / box.width;
    const off = (place) => Math.abs(along(figure, place.ms) - across);
    const places = placesOf(figure);
    const nearest = places.reduce((best, place, at) => (off(place) < off(places[best]) ? at : best), 0);
    if (sliderOf(figure).value === String(nearest)) return;
    sliderOf(figure).value = String(nearest);
    show(figure);
  }

  function enliven() {
    for (const figure of document.querySelectorAll("figure[data-what-if]")) {
      const slider = sliderOf(figure);
      if (!slider) continue;
      slider.max = String(placesOf(figure).length - 1);
      slider.closest(".what-if-controls").hidden = false;
      show(figure);
    }
  }

  document.addEventListener("input", (event) => {
    const figure = event.target.closest("figure[data-what-if]");
    if (figure && event.target === sliderOf(figure)) show(figure);
  });
  document.addEventListener("pointermove", follow);
  document.addEventListener("pointerdown", follow);
  document.addEventListener("page:refreshed", enliven);
  enliven();
})();
