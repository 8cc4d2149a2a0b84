(() => {
  let theme = new URLSearchParams(location.search).get("theme");
  try { theme = theme || localStorage.getItem("pellucid-theme"); } catch { /* not allowed */ }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
