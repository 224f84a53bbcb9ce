// Draw a chart when it can be seen: at once, or when the fold around it is opened first.
const draw = (place) => {
  if (place.dataset.item === undefined) return
  const item = JSON.parse(document.getElementById(place.dataset.item).textContent)
  delete place.dataset.item
  Bokeh.embed.embed_item(item, place.id).then(() => { place.dataset.drawn = "yes" })
}
for (const place of document.querySelectorAll(".chart")) {
  const fold = place.closest("details:not([open])")
  if (fold === null) draw(place)
  else fold.addEventListener("toggle", () => { if (fold.open) draw(place) })
}
