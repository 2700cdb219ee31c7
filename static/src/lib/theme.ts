/** Light or dark: the person's choice, or else the system's, also when that changes. */
export function themeToggle(): void {
  const root = document.documentElement;
  const apply = (theme: string) => {
    root.dataset.theme = theme;
    document.dispatchEvent(new CustomEvent("themechange"));
  };
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-theme-toggle]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const theme = root.dataset.theme === "dark" ? "light" : "dark";
      apply(theme);
      try {
        localStorage.setItem("theme", theme);
      } catch {
        // Storage is off: the choice lasts as long as the page.
      }
    });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => {
    if (!chosen()) apply(event.matches ? "dark" : "light");
  });
}

function chosen(): boolean {
  try {
    return localStorage.getItem("theme") !== null;
  } catch {
    return false;
  }
}
