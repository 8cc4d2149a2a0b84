"use strict";
(() => {
  const root = document.documentElement;

  // The theme: what the system says, until the button says otherwise.
  const button = document.querySelector(".theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const shown = () => root.dataset.theme || (dark.matches ? "dark" : "light");
  const label = () => { button.textContent = shown() === "dark" ? "Light" : "Dark"; };
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = shown() === "dark" ? "light" : "dark";
    try { localStorage.setItem("pellucid-theme", root.dataset.theme); } catch { /* not allowed */ }
    label();
  });
  dark.addEventListener("change", label);
  label();

  // One box for hover values, of charts and of everything with a title.
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.setAttribute("role", "status");
  document.body.append(tip);
  const hide = () => { tip.style.display = "none"; };
  const show = (words, x, y) => {
    tip.textContent = words;
    tip.style.display = "block";
    const { width, height } = tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, x + 14), innerWidth - width - 8);
    const top = y + 18 + height > innerHeight ? y - height - 12 : y + 18;
    tip.style.left = `${left}px`;
    tip.style.top = `${Math.max(4, top)}px`;
  };
  document.addEventListener("pointerover", (event) => {
    const one = event.target.closest?.("[title], [data-tip]");
    if (!one) { if (!event.target.closest?.(".chart")) hide(); return; }
    if (one.title) { one.dataset.tip = one.title; one.removeAttribute("title"); }
    show(one.dataset.tip, event.clientX, event.clientY);
  });
  addEventListener("scroll", hide, { passive: true });
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  const words = (value) => typeof value === "object"
    ? Object.entries(value).map(([name, one]) => `${name}: ${one}`).join("\n") : String(value);
  const handler = (_view, event, _item, value) => {
    if (value == null || value === "") hide(); else show(words(value), event.clientX, event.clientY);
  };

  // The charts. Colours are variables of the style sheet, so a change of theme needs no redrawing.
  const config = JSON.parse(document.getElementById("chart-config").textContent);
  const draw = async (box) => {
    const record = box.querySelector("script");
    const spec = JSON.parse(record.textContent);
    const logger = vega.logger(vega.Error);
    const compiled = vegaLite.compile({ ...spec, config }, { logger }).spec;
    const place = document.createElement("div");
    place.style.width = "100%";
    box.append(place);
    const view = new vega.View(vega.parse(compiled), {
      renderer: "svg", container: place, hover: true, logger, tooltip: handler,
    });
    await view.runAsync();
    box.style.minHeight = "";
  };
  const drawAll = async () => {
    for (const box of document.querySelectorAll(".chart")) {
      try { await draw(box); } catch (error) { console.error(error); box.append(String(error)); }
    }
    root.dataset.drawn = "yes";
  };
  drawAll();

  // The contents follow the reader.
  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
  if ("IntersectionObserver" in window) {
    const watch = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        for (const link of links.values()) link.removeAttribute("aria-current");
        links.get(entry.target.id)?.setAttribute("aria-current", "true");
      }
    }, { rootMargin: "-10% 0px -75% 0px" });
    for (const one of document.querySelectorAll("main section")) watch.observe(one);
  }
})();
