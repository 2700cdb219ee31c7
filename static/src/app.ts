// Behaviours of every page. Each is small and the page works without it.
import htmx from "htmx.org";
import { confirmForms } from "./lib/confirm";
import { csrfToken } from "./lib/csrf";
import { guardDoubleSubmit } from "./lib/submit";

htmx.config.includeIndicatorStyles = false; // the CSP allows no inline styles
htmx.config.allowEval = false;
htmx.config.selfRequestsOnly = true;
document.addEventListener("htmx:configRequest", (event) => {
  (event as CustomEvent).detail.headers["X-CSRFToken"] = csrfToken();
});

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-theme-toggle]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("theme", theme);
    document.dispatchEvent(new CustomEvent("themechange"));
  });
}

// Close buttons of messages.
document.addEventListener("click", (event) => {
  const close = (event.target as Element).closest("[data-close]");
  close?.closest(".alert")?.remove();
});

// Filters apply at once where the form asks for it; the button stays for everyone else.
for (const form of document.querySelectorAll<HTMLFormElement>("form[data-submit-on-change]"))
  form.addEventListener("change", () => form.requestSubmit());

confirmForms();
guardDoubleSubmit();
